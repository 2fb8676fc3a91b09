"""`vitals wait`: until all that was sent before the call has been folded, attributed, judged and stored."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import click
import msgspec

from streams import conversions
from streams.errors import VitalsError
from streams.events import ChatEvent, Tick
from streams.kafka_access import librdkafka
from streams.settings import Settings, load
from streams.stack.backlog import LOOK_EVERY_S, Backlog
from streams.warehouse import Warehouse, WarehouseError

_CHAT = "chat-events"

Say = Callable[[str], None]
_decode = msgspec.json.Decoder(ChatEvent).decode


def wait(settings: Settings, limit_s: float, say: Say) -> None:
    """Wait, telling `say` now and then how far it is. Raises VitalsError when it takes longer than `limit_s`.

    An agent commits only after what it emits is delivered, so one agent after the other can be waited for: the ends
    of its topics are noted when the ones before it are through. An order waits for the clock (its arrival and a
    grace), and news of a group for the next tick.
    """
    wait = _Wait(settings, limit_s, say)
    sent_by = _now()
    wait.drained("vitals-groups", "folding")
    wait.drained("vitals-identity", "linking")
    if wait.has_orders():
        wait.ticked(sent_by + conversions.load(settings).grace_seconds * 1000)
        for group in ("vitals-groups", "vitals-identity", "vitals-attribution"):
            wait.drained(group, "attributing orders")
        wait.drained("vitals-groups", "folding attributed orders")
    wait.ticked(_now())
    wait.drained("vitals-groups", "judging")
    wait.drained("vitals-alerts", "alerting")
    wait.drained("vitals-sink", "storing")


class _Wait:
    """The waiting steps under one deadline."""

    def __init__(self, settings: Settings, limit_s: float, say: Say) -> None:
        self._settings, self._limit_s, self._say = settings, limit_s, say
        self._deadline = time.monotonic() + limit_s

    def drained(self, group: str, what: str, topics: Sequence[str] | None = None) -> None:
        """Until the consumer group has committed the present ends of its topics, or of some of them."""
        for lag in Backlog(self._settings).lags(group, topics):
            self._say(f"{what}: {lag:,} records to go")
            self._check(f"{group} still has {lag:,} records to go")

    def has_orders(self) -> bool:
        """Whether there ever was an order. Their topic cannot say: ticks and posts of every minute stand there too.

        So the sink is waited for there, and ClickHouse asked; one that does not answer leaves it open.
        """
        self.drained("vitals-sink", "storing orders", ["purchases"])
        with closing(Warehouse(self._settings, "bi")) as warehouse:
            try:
                return bool(warehouse.query("SELECT 1 FROM purchases_v1 LIMIT 1"))
            except WarehouseError:
                return True

    def ticked(self, after: int) -> None:
        """Until a live tick of later than `after` (ms UTC) stands in each partition of chat-events."""
        with _tail(self._settings) as (tail, partitions):
            while partitions:
                self._say(f"waiting for the clock: {max(0, after - _now()) // 1000} s and the next tick")
                self._check("no tick came")
                record = tail.poll(LOOK_EVERY_S)
                if record is not None and record.error() is None and _is_live_tick(record.value(), after):
                    partitions.discard(record.partition())

    def _check(self, what: str) -> None:
        if time.monotonic() > self._deadline:
            raise VitalsError(
                f"not done after {self._limit_s:.0f} s: {what}; see `vitals status`, or wait with a longer --timeout"
            )


@contextmanager
def _tail(settings: Settings) -> Iterator[tuple[Any, set[int]]]:
    """A consumer of what chat-events gets from now on, and the numbers of its partitions."""
    from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition  # noqa: PLC0415

    consumer = Consumer(
        {**librdkafka(settings), "group.id": "vitals-wait", "enable.auto.commit": False, "log_level": 0}
    )
    with closing(consumer):
        try:
            partitions = set(consumer.list_topics(_CHAT, timeout=10).topics[_CHAT].partitions)
        except KafkaException as error:
            raise VitalsError(f"no answer from {settings.kafka}: {error.args[0].str()}") from None
        consumer.assign([TopicPartition(_CHAT, number, OFFSET_END) for number in partitions])
        yield consumer, partitions


def _is_live_tick(raw: bytes | None, after: int) -> bool:
    try:
        event = _decode(raw or b"")
    except ValueError:
        return False
    return isinstance(event, Tick) and event.source is None and event.occurred_at > after


def _now() -> int:
    return time.time_ns() // 1_000_000


@click.command("wait", epilog="\b\nExample:\n  vitals import irc logs.tar.xz && vitals wait && vitals groups")
@click.option("--timeout", type=click.FloatRange(min=0), default=600, show_default=True, help="Give up after seconds.")
def wait_command(timeout: float) -> None:
    """Wait until all that was sent has reached ClickHouse.

    Orders wait half a minute for the chat around them, and groups for the next tick of the clock.
    """
    from rich.console import Console  # noqa: PLC0415 - `--help` shall be fast

    console = Console(stderr=True)
    started = time.monotonic()
    with console.status("waiting") as line:
        wait(load(), timeout, line.update)
    click.echo(f"all stored after {time.monotonic() - started:.0f} s")
