"""The sink in the simulation: its own code, as it is, on a stand-in for librdkafka and one for ClickHouse.

The sink blocks, so it lives in a thread; but that thread and the world's run in turns, never at once.
"""

import asyncio
import re
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from functools import cache
from types import SimpleNamespace
from typing import Any, NamedTuple

import msgspec
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from faust.types import TP

from streams import sink as sink_module
from streams.resources import resource_dir
from streams.settings import load
from streams.sink_batch import TOPICS, Batch, Record
from streams.sink_rows import TABLES, Table, columnar
from streams.warehouse import WarehouseAwayError
from tests.simulation.broker import Broker, Kept, Refused
from tests.simulation.world import Process, World

GROUP = "vitals-sink"
INSERT_S = 3.0
COLUMNS = {table.name: table.columns for table in TABLES}
Rows = dict[str, dict[tuple[Any, ...], dict[str, Any]]]
"""By table and sort key."""


class KilledError(BaseException):
    """The process of this thread is dead."""


class Engine(NamedTuple):
    """What a ReplacingMergeTree goes by."""

    key: tuple[str, ...]
    version: str


@cache
def engines() -> dict[str, Engine]:
    """The engines of the tables, from the migrations."""
    found = {}
    for path in sorted((resource_dir("schemas") / "migrations").glob("*.sql")):
        for name, version, key in re.findall(
            r"CREATE TABLE IF NOT EXISTS (\w+).*?ENGINE = ReplacingMergeTree\((\w+)[^)]*\).*?ORDER BY \(?([^;)]*)\)?;",
            path.read_text(encoding="utf-8"), re.DOTALL,
        ):  # fmt: skip
            found[name] = Engine(tuple(key.split(", ")), version)
    return found


class Tables:
    """ClickHouse: of the rows with one sort key the highest version stays, of equal versions the last."""

    def __init__(self) -> None:
        self.rows: Rows = {name: {} for name in engines()}
        self.away_until = 0.0

    def insert(self, table: str, columns: dict[str, list[Any]]) -> int:
        engine, names, kinds = engines()[table], list(columns), COLUMNS[table]
        rows = self.rows[table]
        for values in zip(*columns.values(), strict=True):
            row = {
                name: value for name, value in zip(names, values, strict=True)
                if value or (value is not None and kinds[name].endswith("?"))  # what is empty is left to its default
            }  # fmt: skip
            key = tuple(row.get(name, 0) for name in engine.key)
            if key not in rows or rows[key].get(engine.version, 0) <= row.get(engine.version, 0):
                rows[key] = row
        return len(next(iter(columns.values())))


class SimMessage(NamedTuple):
    """A consumed record, as confluent_kafka shows it."""

    tp: TP
    kept: Kept

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return self.tp.topic

    def partition(self) -> int:
        return self.tp.partition

    def offset(self) -> int:
        return self.kept.offset

    def timestamp(self) -> tuple[int, int]:
        return 1, self.kept.timestamp

    def key(self) -> bytes | None:
        return self.kept.key

    def value(self) -> bytes | None:
        return self.kept.value


class SimClient:
    """librdkafka's consumer: a static member of its group whose callbacks come from within consume and poll."""

    def __init__(self, process: "SinkProcess") -> None:
        self.process, self.world, self.broker = process, process.world, process.broker
        self.group = self.broker.group(GROUP, [name for name in TOPICS if name in self.broker.topics])
        self.generation = self.serial = -1
        self.owned: list[TP] = []
        self.positions: dict[TP, int | None] = {}
        self.held: set[TP] = set()
        self.stored: dict[TP, int] = {}
        self.done: dict[TP, int] = {}
        self._given: list[TP] | None = None
        self._is_to_revoke = False
        self._revoked = process.create_future()
        self._on_assign: Callable[..., None] | None = None

    # --- what the sink calls
    def subscribe(self, _: list[str], on_assign: Callable[..., None]) -> None:
        self._on_assign = on_assign
        self.process.spawn(self._membership())
        self.process.spawn(self._commit_each_second())

    def consume(self, count: int, timeout: float) -> list[SimMessage]:
        until = self.world.now + timeout
        while True:
            messages = self.process.block(self._consume(count, until))
            if messages is not None:
                return list(messages)
            assert self._on_assign is not None
            given, self._given = self._given or [], None
            self._on_assign(self, [TopicPartition(*tp) for tp in given])

    def poll(self, timeout: float) -> SimMessage | None:
        messages = self.consume(1, timeout)
        return messages[0] if messages else None

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.owned = [TP(it.topic, it.partition) for it in partitions]
        self.positions, self.stored, self.done, self.held = dict.fromkeys(self.owned), {}, {}, set()

    def assignment(self) -> list[TopicPartition]:
        return [TopicPartition(*tp) for tp in self.owned]

    def pause(self, partitions: list[TopicPartition]) -> None:
        self.held |= {TP(it.topic, it.partition) for it in partitions}

    def resume(self, partitions: list[TopicPartition]) -> None:
        self.held -= {TP(it.topic, it.partition) for it in partitions}

    def position(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        at = [(it, self.positions.get(TP(it.topic, it.partition))) for it in partitions]
        return [TopicPartition(it.topic, it.partition, -1001 if offset is None else offset) for it, offset in at]

    def get_watermark_offsets(self, partition: TopicPartition, **_: Any) -> tuple[int, int]:
        return 0, self.broker.log(TP(partition.topic, partition.partition)).end

    def store_offsets(self, offsets: list[TopicPartition]) -> None:
        for it in offsets:
            tp = TP(it.topic, it.partition)
            if tp not in self.owned:
                raise KafkaException(KafkaError(KafkaError._STATE))
            self.stored[tp] = it.offset

    def close(self) -> None:
        self.process.block(self._commit())

    # --- what goes on inside
    async def _consume(self, count: int, until: float) -> list[SimMessage] | None:
        """Messages, or None when partitions were given and the callback is due."""
        while True:
            if self._is_to_revoke:
                await self._commit()
                self.owned, self.positions, self.stored = [], {}, {}
                self._is_to_revoke = False
                if not self._revoked.done():
                    self._revoked.set_result(None)
            if self._given is not None:
                return None
            if messages := await self._fetch(count):
                return messages
            if self.world.now >= until:
                return []
            await asyncio.sleep(min(0.4, until - self.world.now))

    async def _fetch(self, count: int) -> list[SimMessage]:
        wanted = {tp: at for tp, at in self.positions.items() if tp not in self.held}
        if not wanted:
            return []
        found = await self.process.request("fetch", lambda: self._read(wanted, count))
        messages: list[SimMessage] = []
        for tp, (start, records) in found.items():
            if self.positions.get(tp, -1) != wanted[tp] or tp in self.held or self._is_to_revoke:
                continue
            self.positions[tp] = records[-1].offset + 1 if records else start
            messages += [SimMessage(tp, record) for record in records]
        return messages

    def _read(self, wanted: dict[TP, int | None], count: int) -> dict[TP, tuple[int, list[Kept]]]:
        found = {}
        for tp, at in wanted.items():
            start = self.group.committed.get(tp, 0) if at is None else at
            records = self.broker.log(tp).read(start, self.world.chance.randint(0, count))
            found[tp] = (start, records)
            count -= len(records)
        return found

    async def _membership(self) -> None:
        while True:
            joined = self.process.create_future()

            def join(joined: Any = joined) -> None:
                self.group.join(self.process.name, lambda *answer: self.world.at(
                    self.world.now + self.world.latency(),
                    lambda: self.process.is_alive and not joined.done() and joined.set_result(answer)))  # fmt: skip

            self.process.post(join, "coordinator")
            try:
                self.generation, self.serial, self._given = await asyncio.wait_for(joined, 12.0)
            except TimeoutError:
                continue
            await self._beat()
            self._is_to_revoke, self._given = True, None
            self._revoked = self.process.create_future()
            await self._revoked

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(1.5)
            try:
                await self.process.request(
                    "heartbeat", lambda: self.group.heartbeat(self.process.name, self.serial, self.generation),
                    "coordinator",
                )  # fmt: skip
            except Refused as refused:
                if str(refused) == "fenced":
                    self.process.kill()
                return

    async def _commit_each_second(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            await self._commit()

    async def _commit(self) -> None:
        offsets = {tp: at for tp, at in self.stored.items() if self.done.get(tp) != at}
        if not offsets:
            return
        serial, generation = self.serial, self.generation
        try:
            await self.process.request(
                "commit", lambda: self.group.commit(self.process.name, serial, generation, offsets), "coordinator"
            )
        except Refused:
            return
        self.done |= offsets


class SimWarehouse:
    """What `Warehouse` is to the sink."""

    def __init__(self, process: "SinkProcess", tables: Tables) -> None:
        self.process, self.tables = process, tables

    def insert(self, table: Table, columns: dict[str, list[Any]]) -> int:
        """Insert; WarehouseAwayError if it is away, or took the rows and the answer was lost."""
        return int(self.process.block(self._insert(table.name, columns)))

    async def _insert(self, table: str, columns: dict[str, list[Any]]) -> int:
        def land() -> int:
            if self.tables.away_until > self.process.world.now:
                raise WarehouseAwayError("away")
            self.process.world.say(self.process.name, f"{table} takes {len(next(iter(columns.values())))} rows")
            return self.tables.insert(table, columns)

        asked = self.process.request("insert", land, "clickhouse", may_be_lost=True)
        try:
            return int(await asyncio.wait_for(asked, INSERT_S))
        except TimeoutError:
            raise WarehouseAwayError("no answer") from None

    def close(self) -> None: ...


class SinkProcess(Process):
    """One sink. Its thread runs while the world's waits, and the other way round."""

    def __init__(self, world: World, broker: Broker, tables: Tables, name: str) -> None:
        super().__init__(world, name)
        self.broker, self.tables = broker, tables
        self._mine, self._worlds = threading.Lock(), threading.Lock()
        self._mine.acquire()
        self._worlds.acquire()
        self._asked: Coroutine[Any, Any, Any] | None = None
        self._answer: tuple[Any, BaseException | None] = (None, None)
        self._error: BaseException | None = None
        self.sink: sink_module.Sink | None = None
        self.has_ended = False
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()
        self.call_soon(self._go_on)

    def _live(self) -> None:
        self._mine.acquire()
        try:
            if self.is_alive:
                _Making.process = self
                self.sink = sink_module.Sink(load(), self.name)
                self.sink.run()
        except KilledError:
            pass
        except BaseException as error:
            self._error = error
        self.has_ended = True
        self._worlds.release()

    def block(self, coro: Coroutine[Any, Any, Any]) -> Any:
        """In the sink's thread: let the world go on until `coro` is done."""
        if not self.is_alive:
            coro.close()
            raise KilledError
        self._asked = coro
        self._worlds.release()
        self._mine.acquire()
        if not self.is_alive:
            raise KilledError
        answer, error = self._answer
        if error is not None:
            raise error
        return answer

    def _go_on(self) -> None:
        """In the world's thread: let the sink run until it blocks or ends."""
        self._mine.release()
        self._worlds.acquire()
        if self._error is not None:
            self.world.failure = self._error if isinstance(self._error, Exception) else RuntimeError(repr(self._error))
        if self.has_ended:
            if self.is_alive:
                super().kill()
        elif self._asked is not None:
            asked, self._asked = self._asked, None
            self._begun.append(asked)
            self.spawn(self._serve(asked))

    async def _serve(self, asked: Coroutine[Any, Any, Any]) -> None:
        try:
            self._answer = (await asked, None)
        except Exception as error:
            self._answer = (None, error)
        self._go_on()

    def kill(self) -> None:
        """End, thread included."""
        if self.is_alive:
            super().kill()
            if not self.has_ended:
                self._mine.release()
                self._worlds.acquire()


class _Making:
    """Which process a sink is being made for."""

    process: SinkProcess


class _Thread:
    """A thread of the sink's that does its work at once."""

    def __init__(self, target: Callable[[], None], **_: Any) -> None:
        self._target = target

    def start(self) -> None:
        self._target()

    def join(self, *_: Any) -> None: ...


def replacements(clock: Any, records: int) -> list[tuple[Any, str, Any]]:
    """Module, name and stand-in of all that the sink touches outside of itself."""

    def put(_: Any, letters: list[Any]) -> list[Any]:
        process = _Making.process
        for letter in letters:
            process.broker.append(TP("dead-letters", 0), letter.key, msgspec.json.encode(letter))
        return []

    parts = {
        "Consumer": lambda *_, **__: SimClient(_Making.process),
        "Warehouse": lambda _: SimWarehouse(_Making.process, _Making.process.tables),
        "Status": lambda *_, **__: _Quiet(),
        "letter_box": SimpleNamespace(put=put),
        "Pulse": lambda *_, **__: _Quiet(),
        "time": clock,
        "threading": SimpleNamespace(Thread=_Thread, Event=threading.Event),
        "BATCH_RECORDS": records,
        "POLL_RECORDS": max(1, records // 2),
        "BATCH_SECONDS": 0.6,
        "log": SimpleNamespace(warning=lambda *_: None, info=lambda *_: None),
    }
    return [(sink_module, name, part) for name, part in parts.items()]


class _Quiet:
    """A status or pulse that nobody reads."""

    state = ""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()

    def __getattr__(self, _: str) -> Any:
        return lambda *_, **__: None


def undisturbed_rows(broker: Broker) -> Rows:
    """What one sink leaves that reads each topic once, in one batch."""
    tables = Tables()
    for topic in TOPICS:
        for tp in broker.partitions([topic]):
            batch = Batch(set())
            for kept in broker.log(tp).records:
                batch.add(Record(topic, tp.partition, *kept))
            for table, rows in batch.filled():
                tables.insert(table.name, columnar(table, rows))
    return tables.rows
