"""The sink: records from Kafka, rows to ClickHouse, and only when these are stored the offsets are committed.

At least once: a record that comes again makes the same row again, which replaces the first.
"""

import contextlib
import gc
import logging
import os
import re
import signal
import threading
import time
from typing import Any

import click
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams import endpoint, letter_box, logs, metrics, topics
from streams import settings as settings_module
from streams.errors import VitalsError
from streams.kafka_access import is_group_kept, librdkafka_member
from streams.pulse import Pulse
from streams.sampling import Sampler
from streams.settings import Settings
from streams.sink_batch import TOPICS, Batch, Record
from streams.sink_tables import Table, columnar
from streams.stall import ASK_SECONDS, CutOffWatch, IdleWatch, StallWatch
from streams.warehouse import Warehouse, WarehouseAwayError, retrying
from streams.worker_status import Status

BATCH_RECORDS, BATCH_BYTES, BATCH_SECONDS = 2_000, 8 << 20, 1.0
"""A batch is stored when it has so many records or bytes, or after so long, whichever is first. Ten times as many are
stored for as much CPU, and let a sink that catches up grow to twice its size."""
AHEAD_BYTES, FETCH_BYTES, FETCH_PARTITION_BYTES = 512 << 10, 1 << 20, 16 << 10
"""What Kafka's client may read ahead, and in one answer (1 MB at the least): by default it takes 1 MiB of each of 50
partitions at once."""
POLL_RECORDS = 1000
READ_AHEAD_SECONDS = 5.0
"""Records may still come from memory so long after the broker went away."""
TROUBLE_SECONDS = 60.0
"""Whoever is put out of its group so soon after a broker failed may have done it by itself."""
LIVE_SECONDS = 120.0
"""One insert may take a minute before it is given up: a loop that takes twice as long hangs."""
CLOSE_SECONDS, END_SECONDS = 4.0, 8.0

_AWAY = (KafkaError._ALL_BROKERS_DOWN, KafkaError.UNKNOWN_TOPIC_OR_PART)  # noqa: SLF001

log = logs.log_of(__name__)
_unheard = logging.Logger("librdkafka", level=logging.CRITICAL + 1)
"""What Kafka's client says by itself; what matters comes to `error_cb` as well."""


class Sink:
    """One consumer of the group `vitals-sink`. Several share the partitions."""

    def __init__(self, settings: Settings, name: str) -> None:
        """`name` tells this sink from the others, and stays the same over its restarts."""
        self._settings = settings
        self._warehouse = Warehouse(settings, say=None)  # `retrying` tells
        self._name, self._joins = name, 0
        self._consumer = self._new_consumer()
        self.pulse = Pulse("sink", "sink", name, live_s=LIVE_SECONDS)
        self._status = Status(settings, self.pulse, lag=0, partitions=0)
        self._known_groups: set[str] = set()
        self._batch = Batch(self._known_groups)
        self._early: list[Message] = []
        self._largest = BATCH_BYTES // POLL_RECORDS
        self._is_waiting = False
        self._broker_away_since = 0.0
        self._watch()
        self._fatal, self._troubled_at = "", -TROUBLE_SECONDS
        self._stop = threading.Event()

    def stop(self) -> None:
        """Store what has been read, commit, and end; safe in a signal handler."""
        self._stop.set()

    def run(self) -> None:
        """Until stopped. Raises VitalsError when ClickHouse refuses rows for good, or Kafka this sink."""
        self._consumer.subscribe(list(TOPICS), on_assign=self._assigned)
        try:
            while not self._stop.is_set():
                self.pulse.beat()
                batch = self._gather()
                if self._fatal:
                    self._join_anew()
                    continue
                if batch.records and not self._store(batch):
                    break
                self._tell()
        finally:
            self._close()

    def _new_consumer(self) -> Consumer:
        self._joins = number = self._joins + 1

        def told(error: KafkaError) -> None:
            if number == self._joins:  # else of a consumer that was closed
                self._broker_error(error)

        return Consumer(_consumer_config(self._settings, self._name) | {"error_cb": told}, logger=_unheard)

    def _watch(self) -> None:
        """Look after our consumer: it may fall silent without a word."""
        consumer, topic = self._consumer, next(iter(TOPICS))
        self._stalls = StallWatch(consumer)
        self._idleness = IdleWatch(consumer, topic, log.warning, time.monotonic)
        self._connection = CutOffWatch(
            lambda: topics.is_answered(self._settings), lambda: is_group_kept(consumer, topic, ASK_SECONDS)
        )

    def _join_anew(self) -> None:
        """A new consumer after Kafka put ours out for good, because another one of its name joined.

        That was itself, if it had lost the group's coordinator for longer than a session: it joins anew, and a commit
        from before that is still on its way is refused. Raises VitalsError when no broker failed: two share a name.
        """
        if time.monotonic() - self._troubled_at > TROUBLE_SECONDS:
            raise VitalsError(f"Kafka put this sink out ({self._fatal}): give each sink a --name of its own")
        log.warning("Kafka put this sink out (%s); it joins anew, nothing is lost", self._fatal)
        closing, self._consumer = self._consumer, self._new_consumer()
        _close_in_time(closing)
        self._fatal = ""
        self._early.clear()
        self._watch()
        self._consumer.subscribe(list(TOPICS), on_assign=self._assigned)

    def _gather(self) -> Batch:
        batch = self._batch = Batch(self._known_groups)
        until = time.monotonic() + BATCH_SECONDS
        for message in self._early:
            self._add(batch, message)
        self._early = []
        while batch.records < BATCH_RECORDS and batch.bytes < BATCH_BYTES and not (self._fatal or self._stop.is_set()):
            left_s = until - time.monotonic()
            if left_s <= 0:
                break
            self._poll(batch, left_s)
        return batch

    def _poll(self, batch: Batch, left_s: float) -> None:
        """Add some records, fewer where they have been large, so that a batch stays within its bytes."""
        before_bytes, before = batch.bytes, batch.records
        room = (BATCH_BYTES - batch.bytes) // max(1, self._largest)
        for message in self._consumer.consume(max(1, min(POLL_RECORDS, room)), left_s):
            self._add(batch, message)
        if batch.records > before:
            self._largest = 2 * (batch.bytes - before_bytes) // (batch.records - before)

    def _add(self, batch: Batch, message: Message) -> None:
        if error := message.error():
            self._broker_error(error)
            return
        if self._broker_away_since and time.monotonic() > self._broker_away_since + READ_AHEAD_SECONDS:
            self._broker_away_since = 0.0
            log.info("Kafka answers again")
        batch.add(
            Record(
                message.topic(),
                message.partition(),
                message.offset(),
                message.timestamp()[1],
                message.key(),
                message.value(),
            )
        )

    def _store(self, batch: Batch) -> bool:
        """Insert all rows, then let the offsets be committed. False when stopped before all was stored."""
        for table, rows in batch.filled():
            columns = columnar(table, rows)
            done = retrying(lambda: self._insert(table, columns), pause=self._pause, tell=log.warning)  # noqa: B023
            if done is None:
                return False
            self._status.rows[table.name] += done
            self.pulse.add(metrics.ROWS, done, table=table.name)
        if not self._send_letters(batch):
            return False
        self._resume()
        self._status.skipped.update(batch.skipped)
        self._count(batch)
        self._commit(batch)
        return True

    def _send_letters(self, batch: Batch) -> bool:
        """Put what was refused on the topic dead-letters, and wait until it lies there. False when stopped before.

        It is read from there like any other letter. Sent again it has the same key and makes the same row.
        """
        left = batch.letters
        while left:
            left = letter_box.put(self._settings, left)
            if left and self._pause(BATCH_SECONDS, "waiting for Kafka"):
                return False
        return True

    def _insert(self, table: Table, columns: dict[str, list[Any]]) -> int:
        began = time.monotonic()
        try:
            done = self._warehouse.insert(table, columns)
        except WarehouseAwayError:
            self.pulse.add(metrics.INSERT_RETRIES)
            raise
        self.pulse.beat()
        self.pulse.observe(metrics.INSERT_SECONDS, time.monotonic() - began)
        return done

    def _count(self, batch: Batch) -> None:
        self.pulse.add(metrics.RECORDS_IN, batch.records)
        for skipped, count in batch.skipped.items():
            topic, _, reason = skipped.partition(" ")
            self.pulse.add(metrics.SKIPPED, count, topic=topic, reason=reason)
        for letter in batch.letters:
            self.pulse.add(metrics.DEAD_LETTERS, reason=letter.reason)

    def _commit(self, batch: Batch) -> None:
        """Mark the offsets as done; the consumer commits them within a second, and when partitions move."""
        ends = [TopicPartition(topic, partition, end) for (topic, partition), end in batch.ends.items()]
        for end in ends:
            with contextlib.suppress(KafkaException):  # no longer ours: its new owner stores the rows again
                self._consumer.store_offsets(offsets=[end])

    def _pause(self, seconds: float, state: str = "waiting for ClickHouse") -> bool:
        """Wait without reading on, but stay a member of the group; whether to stop."""
        self._status.update(state=state)
        self._stalls.forget()
        self._is_waiting = True
        self._consumer.pause(self._consumer.assignment())
        self._say_ready(0)
        until = time.monotonic() + seconds
        while (left_s := until - time.monotonic()) > 0 and not self._stop.is_set():
            self.pulse.beat()
            if message := self._consumer.poll(min(left_s, 0.5)):
                self._early.append(message)
        return self._stop.is_set()

    def _resume(self) -> None:
        if self._is_waiting:
            self._is_waiting = False
            self._consumer.resume(self._consumer.assignment())
            self._status.update(state="running")

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Begin at what is committed; what was read before may lie behind that by now, so it must not be committed."""
        self._early.clear()
        self._batch.ends.clear()
        consumer.assign(partitions)
        if self._is_waiting:
            consumer.pause(partitions)

    def _broker_error(self, error: KafkaError) -> None:
        """One line when the broker goes away; the client tries again by itself, with back-off."""
        if error.code() == KafkaError._FATAL:  # noqa: SLF001
            self._fatal = error.str().removeprefix("Fatal error: ").partition(": Fatal consumer error")[0]
            return
        if error.code() != KafkaError.FENCED_INSTANCE_ID:
            self._troubled_at = time.monotonic()
        if error.code() in _AWAY and not self._broker_away_since:
            log.warning("Kafka: %s; waiting, nothing is lost", " ".join(error.str().split()))
            self._broker_away_since = time.monotonic()

    def _tell(self) -> None:
        """Put into the status how many partitions are ours and how many records wait in those read so far.

        Only for the thread that consumes: from another one these calls would block until the next record.
        """
        owned = 0
        with contextlib.suppress(KafkaException):
            ours = self._consumer.position(self._consumer.assignment())
            owned = len(ours)
            read = [place for place in ours if place.offset >= 0]
            ends = [self._consumer.get_watermark_offsets(place, cached=True)[1] for place in read]
            lag = sum(max(0, end - place.offset) for place, end in zip(read, ends, strict=True))
            self._status.update(lag=lag, partitions=owned)
            self.pulse.set(metrics.PARTITIONS, owned)
            self._say_ready(owned)
        self._idleness.owns(owned)
        self._connection.look(is_cut_off=self._broker_away_since > 0 and owned > 0)
        self._stalls.batch(self._batch.records)

    def _say_ready(self, partitions: int) -> None:
        """Whom it waits for, and whether it can do its work with so many partitions."""
        waits = {"ClickHouse": self._is_waiting, "Kafka": self._broker_away_since > 0}
        if self._is_waiting and "Kafka" in self._status.state:  # for its own dead letters
            waits = {"ClickHouse": False, "Kafka": True}
        for server, is_away in waits.items():
            self.pulse.set(metrics.WAITING, is_away, server=server.lower())
        away = " and ".join(server for server, is_away in waits.items() if is_away)
        if away or not partitions:
            self.pulse.unready(f"waits for {away or 'partitions'}")
        else:
            self.pulse.ready()

    def _close(self) -> None:
        """Commit and leave."""
        _close_in_time(self._consumer)
        self._warehouse.close()
        self._status.close()


def _close_in_time(consumer: Consumer) -> None:
    """Not for longer than CLOSE_SECONDS when the broker is away."""
    closing = threading.Thread(target=consumer.close, daemon=True)
    closing.start()
    closing.join(CLOSE_SECONDS)


def _consumer_config(settings: Settings, name: str) -> dict[str, Any]:
    return librdkafka_member(settings, "vitals-sink", name) | {
        "group.instance.id": name,
        "fetch.wait.max.ms": 200,
        "queued.max.messages.kbytes": AHEAD_BYTES >> 10,
        "queued.min.messages": 5000,
        "fetch.queue.backoff.ms": 10,  # 1 s by default, in which a queue this small runs dry
        "fetch.max.bytes": FETCH_BYTES,
        "fetch.message.max.bytes": FETCH_PARTITION_BYTES,
    }


@click.command(epilog="\b\nExample:\n  vitals sink --name sink-2")
@click.option("--name", default="sink", show_default=True, help="Tells this sink from others; keep it over restarts.")
def sink_command(name: str) -> None:
    """Run the sink from Kafka to ClickHouse in the foreground, until SIGTERM."""
    if not re.fullmatch(r"[\w.-]+", name):
        raise click.BadParameter("letters, digits, dot, dash and underscore only", param_hint="--name")
    logs.to_stderr()
    gc.set_threshold(200_000)  # a batch is 100,000s of tuples without a cycle: looking for one took a third of the time
    settings = settings_module.load()
    sink = Sink(settings, name)
    endpoint.serve(settings.metrics, sink.pulse)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _end(sink))
    sampler = Sampler(settings, sink.pulse)
    sampler.start()
    try:
        sink.run()
    finally:
        sampler.close()


def _end(sink: Sink) -> None:
    """Stop in order; by force when ClickHouse hangs in an insert. What was not committed comes again."""
    sink.stop()
    forced = threading.Timer(END_SECONDS, os._exit, (1,))
    forced.daemon = True
    forced.start()
