"""What becomes of a record, without servers: edge, folds, outputs into the next fold, rows, and letters.

A World has one partition of each topic, the four agents and the sink. A case is put between good records of one group,
one buyer and one brand, and must leave all of them as good as they were.
"""

import math
from collections import Counter
from typing import Any, NamedTuple

import msgspec

from streams.agents import AGENTS, absorb
from streams.dead_letter_limit import Limit
from streams.events import MAX_TIME
from streams.sink_batch import TOPICS, Batch, Record
from streams.sink_tables import DEAD_LETTERS, EVENTS, GROUP_ALERTS, GROUP_VITALS, PURCHASES, Row, Table, columnar
from streams.vitals.log import Log
from streams.vitals.partition import GroupLog
from streams.vitals.rows import EVERY_PARTITION, Output
from tests.poison.case import ACCEPTED, DAY, HOUR, Case, Kinds, raw

NOW = 1_795_000_000_000
BRAND = "venom"
MINUTE = 60_000
LARGEST_VALUE = 128 << 10
_LARGE = ("roster",)
"""Types of events whose one record may make a large value."""


class World:
    """All agents and the sink over topics of one partition, in memory."""

    def __init__(self, stored: "dict[str, tuple[bytes, dict[str, bytes]]] | None" = None, offset: int = 0) -> None:
        self.offsets: Counter[str] = Counter(dict.fromkeys([*AGENTS_BY_TOPIC, *TOPICS], offset))
        self.waiting: list[Record] = []
        self.batch = Batch(set())
        self.outputs: list[Output] = []
        self.logs: dict[str, Log] = {}
        for topic, agent in AGENTS_BY_TOPIC.items():
            self.logs[topic] = agent.new_log(0, agent.origin(0, bytes(16)), 1)
            self.logs[topic].restore(*(stored or {}).get(topic, (None, {})))

    def put(self, topic: str, key: bytes | None, value: bytes | None, at: int) -> int:
        """Append a record and let everything come of it; its offset."""
        offset = self._append(topic, key, value, at)
        while self.waiting:
            self._take(self.waiting.pop(0))
        return offset

    def _append(self, topic: str, key: bytes | None, value: bytes | None, at: int) -> int:
        offset = self.offsets[topic]
        self.offsets[topic] += 1
        self.waiting.append(Record(topic, 0, offset, at, key, value))
        return offset

    def _take(self, record: Record) -> None:
        topic = record.topic
        if topic in AGENTS_BY_TOPIC:
            outputs, end, _ = absorb(
                [record], AGENTS_BY_TOPIC[topic], self.logs[topic], Limit(), partition=0, end=record.offset + 1
            )
            assert end == record.offset + 1
            for output in outputs:
                assert output.partition in (None, 0, EVERY_PARTITION)
                self.outputs.append(output)
                key = output.key.encode() or None
                self._append(output.topic, key, msgspec.json.encode(output.value), record.timestamp)
        if topic in TOPICS:
            before = len(self.batch.letters)
            self.batch.add(record)
            for letter in self.batch.letters[before:]:
                self._append("dead-letters", letter.letter_id.encode(), msgspec.json.encode(letter), record.timestamp)

    def rows(self, table: Table) -> list[dict[str, Any]]:
        """The rows of a table so far."""
        return [dict(zip(table.columns, row, strict=True)) for row in self.batch.rows[table]]

    def stored(self) -> dict[str, tuple[bytes, dict[str, bytes]]]:
        """What a flush would write now of each agent."""
        return {topic: (log.partition_value(), log.take_changed()) for topic, log in self.logs.items()}


AGENTS_BY_TOPIC = {agent.topic: agent for agent in AGENTS.values()}


class Good:
    """The good records around a case: their group, buyer and brand are those of the case."""

    def __init__(self, now: int = NOW, brand: str = BRAND) -> None:
        self.kinds = Kinds(now, brand)
        self.now = now

    def send(self, world: World, kind: str, at: int, **changed: Any) -> int:
        """One good event at a time of its own."""
        value = self.kinds.event(kind, occurred_at=at, **changed)
        value["event_id"] = f"good/{kind}/{at}/{changed.get('member_id', '')}"
        key = b"" if kind == "tick" else self.kinds.key(kind, value)
        return world.put(self.kinds.good[kind][0], key, raw(value), max(at, self.now))

    def begin(self, world: World) -> None:
        """Forty days of a group in which three people speak, one of whom buys."""
        for day in range(40, 0, -1):
            at = self.now - day * DAY
            self.send(world, "tick", at)
            for person in ("m_a", "m_b", "c_poison"):
                self.send(world, "message", at + HOUR, member_id=person)
        self.send(world, "tick", self.now - 2 * HOUR)

    def go_on(self, world: World) -> None:
        """A message, an order and a signal more, and time for all of them to tell."""
        self.send(world, "message", self.now - MINUTE, member_id="m_a")
        self.send(world, "purchase", self.now - MINUTE, order_id="good", customer_id="c_poison")
        self.send(world, "verdict_changed", self.now - MINUTE, group_id=f"{BRAND}/poison/ill", verdict="dead")
        for minutes in (1, 5, 20, 30):
            self.send(world, "tick", self.now + minutes * MINUTE)
        self.send(world, "tick", self.now + DAY + HOUR)
        self.send(world, "tick", self.now + 2 * DAY)


class Seen(NamedTuple):
    """What a World shows of the good records: messages counted, orders attributed, alerts told, days closed."""

    messages: int
    orders: int
    alerts: int
    days: int


def seen(world: World) -> Seen:
    """Look at the good group, buyer and brand."""
    log = world.logs["chat-events"]
    assert isinstance(log, GroupLog)
    group = next((state for state in log.groups() if state.group_id == f"{BRAND}/poison/g"), None)
    assert group is not None
    orders = [row for row in world.rows(EVENTS) if row["type"] == "order_attributed" and row["order_id"] == "good"]
    alerts = [row for row in world.rows(GROUP_ALERTS) if row["group_id"] == f"{BRAND}/poison/ill"]
    closed = [row for row in world.rows(GROUP_VITALS) if row["is_day_close"] and row["group_id"] == group.group_id]
    return Seen(group.messages, len(orders), len(alerts), len(closed))


class Tasting:
    """Gives cases to a world that was running before, and looks what becomes of them and of the rest."""

    def __init__(self) -> None:
        self.good = Good()
        world = World()
        self.good.begin(world)
        self._stored = world.stored()
        self._offset = max(world.offsets.values())
        self._before = seen(world)
        world = World(self._stored, self._offset)
        self.good.go_on(world)
        self.undisturbed = seen(world)
        assert self.undisturbed.messages == self._before.messages + 1, self.undisturbed
        assert self.undisturbed.orders == 1, self.undisturbed
        assert self.undisturbed.alerts == 1, self.undisturbed
        assert self.undisturbed.days >= 1, self.undisturbed

    def world(self) -> World:
        """A world that goes on from the good past."""
        return World(self._stored, self._offset)

    def fate(self, case: Case) -> str:
        """ACCEPTED or the reason of the one dead letter. AssertionError where the rest is no longer sound."""
        world = self.world()
        offset = world.put(case.topic, case.key, case.value, NOW)
        letters = [row for row in world.rows(DEAD_LETTERS) if (row["origin"], row["position"]) == (case.topic, offset)]
        assert len(letters) <= 1, "more than one dead letter"
        reasons = [str(row["reason"]) for row in letters]
        strangers = len(world.rows(DEAD_LETTERS)) - len(letters) - (case.topic == "dead-letters" and not letters)
        assert strangers <= 0, f"what came of it was refused: {world.rows(DEAD_LETTERS)}"
        check_rows(world)
        if letters:
            assert not any(world.batch.rows[table] for table in (EVENTS, PURCHASES, GROUP_VITALS)), "refused and kept"
            return reasons[0]
        self._check_the_rest(world, case)
        return ACCEPTED

    def _check_the_rest(self, world: World, case: Case) -> None:
        before, letters = seen(world), len(world.rows(DEAD_LETTERS))
        self.good.go_on(world)
        after = seen(world)
        assert after.messages == before.messages + 1, "a good message after it did not count"
        assert after.alerts >= 1, "a good signal after it told nothing"
        assert after.days >= 1, "no day was closed after it"
        if case.topic != "purchases" or b'"order_id":"good"' not in (case.value or b""):
            assert after.orders >= 1, "a good order after it was not attributed"
        assert len(world.rows(DEAD_LETTERS)) == letters, "good ones were refused"
        check_rows(world)
        stored = world.stored()
        most = 16 << 20 if any(kind in case.name for kind in _LARGE) else LARGEST_VALUE
        for partition_value, values in stored.values():
            assert max([len(partition_value), *map(len, values.values())]) < most, "its value is too large"
        again = World(stored, world.offsets["chat-events"])
        assert {topic: log.partition_value() for topic, log in again.logs.items()} == {
            topic: partition_value for topic, (partition_value, _) in stored.items()
        }


def check_rows(world: World) -> None:
    """Every row is one that ClickHouse's driver can send, and a reader can read."""
    for table, rows in world.batch.filled():
        columnar(table, rows)
        for row in rows:
            _check_row(table, row)


def _check_row(table: Table, row: Row) -> None:
    for (name, kind), value in zip(table.columns.items(), row, strict=True):
        assert value is not None or kind.endswith("?") or kind in ("text", "int"), f"{table.name}.{name} is null"
        for one in value if kind in ("texts", "reals") else () if value is None else (value,):
            match kind.rstrip("?"):
                case "text" | "texts":
                    one.encode()
                case "int":
                    assert -(2**63) <= one < 2**63, f"{table.name}.{name} = {one}"
                case "real" | "reals":
                    assert math.isfinite(one), f"{table.name}.{name} = {one}"
                case _:
                    assert 0 <= one <= MAX_TIME, f"{table.name}.{name} = {one}"
