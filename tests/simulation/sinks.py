"""The sink in the simulation: its own code, as it is, on a stand-in for librdkafka and one for ClickHouse.

The sink blocks, so it lives in a thread; but that thread and the world's run in turns, never at once.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import msgspec
from faust.types import TP

from streams import sink as sink_module
from streams.settings import load
from streams.sink_tables import Table
from streams.warehouse import WarehouseAwayError
from tests.simulation.broker import Broker
from tests.simulation.client import SimClient
from tests.simulation.tables import Tables
from tests.simulation.world import Process, World

INSERT_S = 3.0


class KilledError(BaseException):
    """The process of this thread is dead."""


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
            if "the supervisor starts it anew" not in str(error):  # the last restart of all is this world's supervisor
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
        "Warehouse": lambda _, **__: SimWarehouse(_Making.process, _Making.process.tables),
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
