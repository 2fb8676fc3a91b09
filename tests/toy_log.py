"""A small log for tests of the runtime: counts what it folds, and notices what comes twice, never or out of order."""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter

import msgspec

from streams import events
from streams.agents import Agent
from streams.vitals.log import pack, unpack
from streams.vitals.rows import EVERY_PARTITION, Output


class Tally(msgspec.Struct, array_like=True):
    """One key: the absorbed offset, how many events, the sum of `text_len`, the last seq, and breaks in the order."""

    offset: int = -1
    count: int = 0
    total: int = 0
    last_seq: int = 0
    breaks: int = 0


class TallyRow(msgspec.Struct, frozen=True):
    key: str
    source_offset: int
    count: int
    total: int


class TickRow(msgspec.Struct, frozen=True):
    partition: int
    source_offset: int
    events: int


_tally = msgspec.msgpack.Decoder(Tally)


class ToyLog:
    """A `Log`: every tenth event of a key is a row, every tick a row to all partitions of `rows_topic`."""

    def __init__(self, partition: int, rows_topic: str) -> None:
        self.partition, self.rows_topic = partition, rows_topic
        self.tallies: dict[str, Tally] = {}
        self.stored: dict[str, bytes] = {}
        self.changed: set[str] = set()
        self.events = 0

    def restore(self, partition_value: bytes | None, values: Mapping[str, bytes]) -> None:
        self.stored = dict(values)
        self.events = msgspec.msgpack.decode(partition_value) if partition_value is not None else 0

    def fold(self, event: events.Event, key: str, offset: int, arrived_at: int) -> Sequence[Output]:
        self.events += 1
        if not isinstance(event, events.Message):
            return (Output(self.rows_topic, "", TickRow(self.partition, offset, self.events), EVERY_PARTITION),)
        tally = self._open(key)
        self.changed.add(key)
        if offset <= tally.offset:
            return ()
        seq = event.source_seq or 0
        tally.breaks += seq != tally.last_seq + 1
        tally.offset, tally.last_seq = offset, seq
        tally.count, tally.total = tally.count + 1, tally.total + event.text_len
        if tally.count % 10:
            return ()
        return (Output(self.rows_topic, key, TallyRow(key, offset, tally.count, tally.total)),)

    def _open(self, key: str) -> Tally:
        if key not in self.tallies:
            stored = self.stored.pop(key, None)
            self.tallies[key] = unpack(stored, _tally) if stored is not None else Tally()
        return self.tallies[key]

    def take_changed(self) -> dict[str, bytes]:
        changed, self.changed = self.changed, set()
        return {key: pack(self.tallies[key].offset, self.tallies[key]) for key in changed}

    def partition_value(self) -> bytes:
        return msgspec.msgpack.encode(self.events)


def toy_agent(name: str = "toy", topic: str = "toy-events", rows_topic: str = "toy-rows") -> Agent:
    """The toy as an agent of its own topics."""
    decode: Callable[[bytes], events.Event] = msgspec.json.Decoder(events.ChatEvent).decode
    return Agent(
        name,
        topic,
        decode,
        {events.Message: attrgetter("group_id")},
        lambda partition, *_: ToyLog(partition, rows_topic),
    )


def message(key: str, seq: int, number: int) -> bytes:
    """The `number`th message of a run, the `seq`th of its key."""
    return events.encode(
        events.Message(
            event_id=f"e{number}", occurred_at=1_700_000_000_000 + number, brand_id="toy", platform="toy",
            group_id=key, member_id=f"m{number % 97}", source="toy", source_seq=seq, text_len=number % 1000,
        )
    )  # fmt: skip


def tick(number: int) -> bytes:
    """A live tick."""
    return events.encode(
        events.Tick(event_id=f"tick/{number}", occurred_at=1_700_000_000_000 + number, brand_id="*", platform="*")
    )
