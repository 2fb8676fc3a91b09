"""Kafka in memory: topics, logs that are compacted, consumer groups with generations and static members."""

import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import NamedTuple

from faust.types import TP

from tests.simulation.world import EPOCH_MS, World

SESSION_S, REBALANCE_S = 6.0, 8.0


class Kept(NamedTuple):
    """A record of a log; `timestamp` in ms."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class Log:
    """One partition. Offsets only grow; compaction leaves holes."""

    def __init__(self) -> None:
        self.records: list[Kept] = []
        self.first = 0
        self.end = 0

    def append(self, timestamp: int, key: bytes | None, value: bytes | None) -> int:
        """The record's offset."""
        self.records.append(Kept(self.end, timestamp, key, value))
        self.end += 1
        return self.end - 1

    def read(self, offset: int, limit: int = 1 << 30) -> list[Kept]:
        """At most so many records from an offset on."""
        start = bisect_left(self.records, offset, key=lambda record: record.offset)
        return self.records[start : start + limit]

    def compact(self, upto: int, tombstones_before: int = 0) -> None:
        """Below `upto` keep the last record of each key; of deletions only those as young as `tombstones_before` ms."""
        last = {record.key: record.offset for record in self.records if record.offset < upto}
        self.records = [
            record
            for record in self.records
            if record.offset >= upto
            or (
                last[record.key] == record.offset
                and (record.value is not None or record.timestamp >= tombstones_before)
            )
        ]

    def live(self) -> dict[bytes, bytes]:
        """What compaction to the end would leave, by key."""
        live: dict[bytes, bytes] = {}
        for record in self.records:
            live.pop(record.key or b"", None)
            if record.value is not None:
                live[record.key or b""] = record.value
        return live


class Topic(NamedTuple):
    """A topic; made anew it has another id."""

    topic_id: bytes
    logs: list[Log]


class Refused(Exception):  # noqa: N818  as clients see it: an answer
    """The coordinator's answer to one who is not, or no longer, what it says."""


class Member:
    """A member of a group, by its static name. `answer` is waiting for the group to be complete."""

    def __init__(self, serial: int, deadline: float) -> None:
        self.serial, self.deadline = serial, deadline
        self.answer: Callable[[int, int, list[TP]], None] | None = None


class Group:
    """A consumer group and its coordinator."""

    def __init__(self, broker: "Broker", name: str, topics: list[str]) -> None:
        self.name = name
        self._broker, self._world, self.topics = broker, broker.world, topics
        self.generation = 0
        self.is_stable = False
        self.members: dict[str, Member] = {}
        self.assigned: dict[str, list[TP]] = {}
        self.committed: dict[TP, int] = {}
        self._serial = 0
        self._rebalance = 0
        self._watch()

    def _watch(self) -> None:
        gone = [name for name, it in self.members.items() if it.answer is None and it.deadline < self._world.now]
        for name in gone:
            self._world.say("broker", f"{name} is out of the group")
            self._remove(name)
        self._world.at(self._world.now + 1.0, self._watch)

    def forgive(self, until: float) -> None:
        """The coordinator was away until then: sessions begin anew."""
        for member in self.members.values():
            member.deadline = until + SESSION_S

    def _remove(self, name: str) -> None:
        del self.members[name]
        self.assigned.pop(name, None)
        self._prepare()

    def join(self, name: str, answer: Callable[[int, int, list[TP]], None]) -> None:
        """Join, or come back: a static member that comes back to a stable group gets what it had."""
        self._serial += 1
        known = self.members.get(name)
        if known is not None and self.is_stable and name in self.assigned:
            known.serial, known.deadline = self._serial, self._world.now + SESSION_S
            answer(self.generation, known.serial, self.assigned[name])
            return
        self.members[name] = Member(self._serial, self._world.now + SESSION_S)
        self.members[name].answer = answer
        self._prepare()

    def leave(self, name: str, serial: int) -> None:
        """Leave at once."""
        if name in self.members and self.members[name].serial == serial:
            self._remove(name)

    def _prepare(self) -> None:
        if self.is_stable or not self._rebalance:
            self.is_stable = False
            self._rebalance += 1
            this = self._rebalance
            self._world.at(self._world.now + REBALANCE_S, lambda: self._rebalance == this and self._complete())
        self._world.at(self._world.now + 0.1, self._complete_if_all)

    def _complete_if_all(self) -> None:
        if not self.is_stable and all(member.answer for member in self.members.values()):
            self._complete()

    def _complete(self) -> None:
        if self.is_stable:
            return
        self.members = {name: member for name, member in self.members.items() if member.answer is not None}
        self.generation += 1
        names = sorted(self.members)
        shift = self._world.chance.randrange(len(names) or 1)
        self.assigned = {name: [] for name in names}
        for index, tp in enumerate(self._broker.partitions(self.topics) if names else ()):
            self.assigned[names[(index + shift) % len(names)]].append(tp)
        self._rebalance += 1
        self.is_stable = bool(names)
        shown = "; ".join(f"{name} {','.join(map(_shown, tps))}" for name, tps in self.assigned.items())
        self._world.say("broker", f"generation {self.generation}: {shown}")
        for name in names:
            member = self.members[name]
            answer, member.answer, member.deadline = member.answer, None, self._world.now + SESSION_S
            assert answer is not None
            answer(self.generation, member.serial, self.assigned[name])
        if not names:
            self._rebalance = 0

    def _known(self, name: str, serial: int) -> Member:
        member = self.members.get(name)
        if member is None:
            raise Refused("unknown member")
        if member.serial != serial:
            raise Refused("fenced")
        return member

    def heartbeat(self, name: str, serial: int, generation: int) -> None:
        """Raises Refused if it has to join again, or is fenced by another of its name."""
        member = self._known(name, serial)
        member.deadline = self._world.now + SESSION_S
        if not self.is_stable:
            raise Refused("rebalance")
        if generation != self.generation:
            raise Refused("illegal generation")

    def commit(self, name: str, serial: int, generation: int, offsets: "dict[TP, int]") -> None:
        """Take the offsets of a member of this generation. Raises Refused."""
        self._known(name, serial)
        if generation != self.generation:
            raise Refused("illegal generation")
        self._broker.on_commit(self, offsets)
        self.committed.update(offsets)
        shown = ", ".join(f"{_shown(tp)} {at}" for tp, at in offsets.items())
        self._world.say("broker", f"commit of {name}: {shown}")


def _shown(tp: TP) -> str:
    return f"{tp.topic}/{tp.partition}"


class Broker:
    """All topics and groups."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.topics: dict[str, Topic] = {}
        self.groups: dict[str, Group] = {}
        self.on_commit: Callable[[Group, dict[TP, int]], None] = lambda *_: None
        """Told of each commit that is taken."""
        self._made = 0

    def make(self, name: str, partitions: int) -> None:
        """Create a topic, anew if it is there."""
        self._made += 1
        self.topics[name] = Topic(self._made.to_bytes(16, "big"), [Log() for _ in range(partitions)])

    def partitions(self, names: Iterable[str]) -> list[TP]:
        """The partitions of some topics."""
        return [TP(name, at) for name in names if name in self.topics for at in range(len(self.topics[name].logs))]

    def log(self, tp: TP) -> Log:
        """A partition's log."""
        return self.topics[tp.topic].logs[tp.partition]

    def target(self, topic: str, key: bytes | None) -> int:
        """The partition that a key belongs to; a record without one may go anywhere."""
        count = len(self.topics[topic].logs)
        return zlib.crc32(key) % count if key else self.world.chance.randrange(count)

    def append(self, tp: TP, key: bytes | None, value: bytes | None) -> int:
        """Append a record as of now; its offset."""
        return self.log(tp).append(self.now_ms(), key, value)

    def now_ms(self) -> int:
        """The broker's wall clock."""
        return EPOCH_MS + int(self.world.now * 1000)

    def group(self, name: str, topics: list[str]) -> Group:
        """The group of that name."""
        if name not in self.groups:
            self.groups[name] = Group(self, name, topics)
        return self.groups[name]
