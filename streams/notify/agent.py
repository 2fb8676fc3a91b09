"""The consumer: from `group-alerts` into each channel's spool, and only then is the offset committed.

A thread per channel delivers from its spool, so one that is down holds up no other and no commit.
"""

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams import letter_box, logs, metrics, topics
from streams.dead_letters import DeadLetter
from streams.errors import VitalsError
from streams.kafka_access import is_answered, librdkafka_member
from streams.notify.channels import Channel
from streams.notify.outbox import Outbox, Tools
from streams.notify.spool import Entry, Spool
from streams.notify.transport import send
from streams.patience import Patience
from streams.pulse import Pulse
from streams.settings import Settings
from streams.stall import CutOffWatch, IdleWatch
from streams.topic_reader import messages
from streams.vitals.policy import DAY_MS
from streams.vitals.rows import GroupAlert
from streams.warehouse import Warehouse
from streams.worker_status import Status

TOPIC, GROUP, NAME = "group-alerts", "vitals-notify", "notify"
NEWS_DAYS = 3
"""What was written to the topic longer ago than this is told to nobody: at a first start all that was ever told. Nor is
what the agents found out so late, as after an outage: it is fresh on the topic and happened days ago."""
_NEWS = ("opened", "escalated", "resumed")
"""What asks somebody to look; that something is over is told however late, to whoever waits for it."""
READ_S, RETRY_S = 0.5, 1.0
CLOSE_S = 12.0
"""Longer than a request may take: what is under way at a stop is finished and remembered, not sent twice."""
_NAMES_S, _NAMES_ANSWER_S = 600.0, 5.0
_AWAY = (KafkaError._ALL_BROKERS_DOWN, KafkaError.UNKNOWN_TOPIC_OR_PART)  # noqa: SLF001
_alerts = msgspec.json.Decoder(GroupAlert)

log = logs.log_of(__name__)


def entry_of(value: bytes, partition: int, offset: int) -> Entry | None:
    """A record's alert if it is to be told, else None. One that cannot be read is for the sink to refuse."""
    try:
        alert = _alerts.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return None if alert.withheld else Entry(alert, partition, offset)


class Notifier:
    """All channels of a home, and the consumer that feeds them."""

    def __init__(self, settings: Settings, channels: Sequence[Channel]) -> None:
        """Raises VitalsError if another one works on this home."""
        self._settings = settings
        self._hold = _held(settings)
        names = GroupNames(settings)
        tools = Tools(send, self._put_letter, names.of, settings.grafana_url or "")
        self.outboxes = [Outbox(one, Spool(settings.home / "notify" / f"{one.name}.jsonl"), tools) for one in channels]
        self._wakes = [threading.Event() for _ in self.outboxes]
        self._threads = [
            threading.Thread(target=self._deliver, args=(outbox, wake), daemon=True)
            for outbox, wake in zip(self.outboxes, self._wakes, strict=True)
        ]
        self._kafka, self._disk = Patience(say=log.warning), Patience(say=log.warning)
        self._stop = threading.Event()
        self._fatal = ""
        self._bug: Exception | None = None
        self._consumer = Consumer(
            librdkafka_member(settings, GROUP, NAME) | {"error_cb": self._broker_error, "log_level": 0}
        )
        self._idleness = IdleWatch(self._consumer, TOPIC, log.warning)
        self._connection = CutOffWatch(lambda: topics.is_answered(settings), self._answers)
        self.pulse = Pulse("notify", NAME, NAME)
        self._status = Status(settings, self.pulse, lag=0, partitions=0)

    def stop(self) -> None:
        """Finish what is under way, and end; safe in a signal handler."""
        self._stop.set()

    def run(self) -> None:
        """Until stopped. Raises VitalsError when Kafka refuses this consumer for good."""
        for thread in self._threads:
            thread.start()
        self._consumer.subscribe([TOPIC])
        try:
            while not self._stop.is_set():
                self.pulse.beat()
                messages = self._consumer.consume(500, READ_S)
                self._take(messages)
                self._tell()
        finally:
            self._close()
        if self._bug is not None:
            raise self._bug
        if self._fatal:
            raise VitalsError(f"Kafka put this consumer out ({self._fatal}): run one `vitals notify` per home")

    def _take(self, messages: Sequence[Message]) -> None:
        """Into the spools, then mark the offsets as done."""
        good = [one for one in messages if not self._is_error(one)]
        if not good:
            return
        self._kafka.up("Kafka answers again")
        self.pulse.add(metrics.RECORDS_IN, len(good))
        since = time.time() * 1000 - NEWS_DAYS * DAY_MS
        entries = [
            entry
            for one in good
            if one.timestamp()[1] >= since
            and (entry := entry_of(one.value() or b"", one.partition(), one.offset())) is not None
            and (entry.alert.told_at >= since or entry.alert.state not in _NEWS)
        ]
        while not self._keep(entries):
            self.pulse.beat()
            if self._stop.wait(RETRY_S):
                return
        ends = {one.partition(): one.offset() + 1 for one in good}
        for partition, end in ends.items():
            with contextlib.suppress(KafkaException):  # no longer ours: what comes again is known
                self._consumer.store_offsets(offsets=[TopicPartition(TOPIC, partition, end)])
        for wake in self._wakes:
            wake.set()

    def _keep(self, entries: Sequence[Entry]) -> bool:
        try:
            for outbox in self.outboxes:
                outbox.put(entries)
        except OSError as error:
            self._disk.down(f"cannot write to {self._settings.home / 'notify'} ({error.strerror})")
            return False
        self._disk.up("the spool can be written again")
        return True

    def _put_letter(self, letter: DeadLetter) -> bool:
        """Whether Kafka has it."""
        return not letter_box.put(self._settings, [letter])

    def _deliver(self, outbox: Outbox, wake: threading.Event) -> None:
        """One channel's thread. A bug ends them all, so that it is seen; the supervisor starts them again."""
        try:
            self._deliver_until_stopped(outbox, wake)
        except Exception as error:
            self._bug = error
            self._stop.set()

    def _deliver_until_stopped(self, outbox: Outbox, wake: threading.Event) -> None:
        patience, name = Patience(say=log.warning), outbox.channel.name
        while not self._stop.is_set():
            wake.clear()
            try:
                wait_s = outbox.step()
            except OSError as error:
                patience.down(f"channel {name}: cannot write its spool ({error.strerror})")
                wait_s = RETRY_S
            if outbox.trouble:
                patience.down(f"channel {name} does not take alerts ({outbox.trouble}), {len(outbox)} wait")
            else:
                patience.up(f"channel {name} takes alerts again")
            wake.wait(wait_s)

    def _is_error(self, message: Message) -> bool:
        error = message.error()
        if error is not None:
            self._broker_error(error)
        return error is not None

    def _broker_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._FATAL:  # noqa: SLF001
            self._fatal = error.str()
            self._stop.set()
        elif error.code() in _AWAY:
            self._kafka.down(f"Kafka: {' '.join(error.str().split())}")

    def _tell(self) -> None:
        down = [outbox for outbox in self.outboxes if outbox.trouble]
        said = ", ".join(f"{one.channel.name} ({one.trouble}), {len(one)} wait" for one in down)
        owned = 0
        with contextlib.suppress(KafkaException):
            owned = len(self._consumer.assignment())
            self._status.update(partitions=owned)
            self._measure(owned)
        self._idleness.owns(owned)
        self._connection.look(is_cut_off=self._kafka.is_waiting and owned > 0)
        self._status.update(
            state=f"does not reach {said}" if down else "running",
            channels={one.channel.name: {"waiting": len(one), **one.counts} for one in self.outboxes},
        )

    def _measure(self, owned: int) -> None:
        """Into the metrics; and whether there is anything to read from."""
        pulse = self.pulse
        if self._kafka.is_waiting and self._answers():
            self._kafka.up("Kafka answers again")
        pulse.set(metrics.PARTITIONS, owned)
        pulse.set(metrics.WAITING, self._kafka.is_waiting, server="kafka")
        for outbox in self.outboxes:
            name, counts = outbox.channel.name, outbox.counts
            pulse.set(metrics.OUTBOX, len(outbox), channel=name)
            pulse.total(metrics.NOTIFICATIONS, counts["delivered"], channel=name, outcome="delivered")
            pulse.total(metrics.NOTIFICATIONS, counts["dead_letters"], channel=name, outcome="given_up")
            pulse.total(metrics.NOTIFICATIONS, counts["spared"], channel=name, outcome="spared")
            pulse.total(metrics.NOTIFY_TRIES, counts["taken"], channel=name, outcome="taken")
            pulse.total(metrics.NOTIFY_TRIES, counts["failed"], channel=name, outcome="failed")
        if self._kafka.is_waiting or not owned:
            pulse.unready("waits for Kafka" if self._kafka.is_waiting else "waits for partitions")
        else:
            pulse.ready()

    def _answers(self) -> bool:
        """Whether Kafka is back. Alerts are rare: the next record would say so hours later."""
        return is_answered(self._consumer, TOPIC, READ_S)

    def _close(self) -> None:
        self._stop.set()
        for wake in self._wakes:
            wake.set()
        closing = [*self._threads, threading.Thread(target=self._consumer.close, daemon=True)]
        closing[-1].start()
        until = time.monotonic() + CLOSE_S
        for thread in closing:
            thread.join(max(0.0, until - time.monotonic()))
        self._status.close()
        os.close(self._hold)


class GroupNames:
    """The names of groups as ClickHouse has them, asked seldom. Without an answer a message goes without them."""

    def __init__(self, settings: Settings) -> None:
        """Connect when first asked."""
        self._warehouse = Warehouse(settings, "bi", say=None, silence_s=_NAMES_ANSWER_S)
        self._known: dict[str, str] = {}
        self._asked_at = -_NAMES_S
        self._lock = threading.Lock()

    def of(self, group_ids: Iterable[str]) -> Mapping[str, str]:
        """Those that have a name."""
        with self._lock:
            if time.monotonic() >= self._asked_at + _NAMES_S:
                self._asked_at = time.monotonic()
                with contextlib.suppress(VitalsError):
                    self._known = dict(self._warehouse.query("SELECT group_id, name FROM groups WHERE name != ''"))
            return {one: self._known[one] for one in group_ids if one in self._known}


def recent(settings: Settings, limit: int) -> list[GroupAlert]:
    """The latest alerts on the topic that are to be told, oldest first; nothing is committed. Raises NoKafkaError."""
    read = (entry_of(one.value() or b"", one.partition(), one.offset()) for one in messages(settings, TOPIC))
    found = [entry.alert for entry in read if entry is not None]
    return sorted(found, key=lambda alert: (alert.told_at, alert.alert_id))[-limit:]


def _held(settings: Settings) -> int:
    """An open file that keeps others off this home's spools; the kernel lets go when the process dies."""
    directory = settings.home / "notify"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise VitalsError(
            f"another `vitals notify` works on {settings.home}: stop it, or leave it to its work"
        ) from None
    return file
