"""What the disk did not take: an insert is not done, and the embedded server ends once there is room."""

import pathlib
from collections import namedtuple
from types import SimpleNamespace
from typing import Any

import pytest
from clickhouse_driver import errors

from streams.errors import VitalsError
from streams.settings import Settings
from streams.sink_tables import Table
from streams.stack import doctor, failed_writes, probes, status
from streams.stack.clickhouse import KEEP_MERGED_S
from streams.warehouse import _FAILED_WRITES, _ROOM, Warehouse, WarehouseAwayError, _refusal

TABLE = Table("kept", {"n": "int"})
ROWS = {"n": [1, 2]}
SETTINGS = Settings(home=pathlib.Path("nowhere"), cache=pathlib.Path("nowhere"))
Usage = namedtuple("Usage", "free")


class Server:
    """A client and the server behind it, of which it says how many writes failed and how much room there is."""

    def __init__(self) -> None:
        self.failed, self.fails_at_insert, self.room = 0, 0, 1
        self.reconnects_at_insert = False
        self.said: list[str] = []
        self.connection = self
        self.socket = object()

    def execute(self, sql: str, *_: Any, **__: Any) -> list[tuple[int]]:
        self.said.append(sql)
        if sql == _FAILED_WRITES:
            return [(self.failed,)] if self.failed else []
        if sql == _ROOM:
            return [(self.room,)]
        self.failed += self.fails_at_insert
        if self.reconnects_at_insert:
            self.socket, self.failed = object(), 0
        return []

    def disconnect(self) -> None:
        self.socket = object()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()
    monkeypatch.setattr(Warehouse, "_connect", lambda _: server)
    return server


def test_an_insert_during_which_a_write_failed_is_not_done(server: Server) -> None:
    warehouse = Warehouse(SETTINGS)
    server.failed = 3  # before our time
    assert warehouse.insert(TABLE, ROWS) == 2
    assert warehouse.insert(TABLE, ROWS) == 2
    server.fails_at_insert = 1
    with pytest.raises(WarehouseAwayError, match="cannot write to its disk"):
        warehouse.insert(TABLE, ROWS)
    server.fails_at_insert = 0
    assert warehouse.insert(TABLE, ROWS) == 2


def test_a_merge_whose_writes_fail_between_two_inserts_costs_another_try(server: Server) -> None:
    """The engine does not say whose write it was."""
    warehouse = Warehouse(SETTINGS)
    warehouse.insert(TABLE, ROWS)
    server.failed += 1
    with pytest.raises(WarehouseAwayError):
        warehouse.insert(TABLE, ROWS)


def test_a_server_that_was_started_anew_since_the_insert_is_not_believed(server: Server) -> None:
    """The driver connects again by itself, and another process has counted nothing."""
    warehouse = Warehouse(SETTINGS)
    server.fails_at_insert, server.reconnects_at_insert = 1, True
    with pytest.raises(WarehouseAwayError):
        warehouse.insert(TABLE, ROWS)


def test_a_statement_that_changes_a_table_waits_for_room(server: Server) -> None:
    server.room = 0
    with pytest.raises(WarehouseAwayError, match="disk is full"):
        Warehouse(SETTINGS).run("CREATE VIEW v AS SELECT 1")
    assert server.said == [_ROOM]


@pytest.mark.parametrize(("room", "is_low"), [(probes.LOW_BYTES, False), (probes.LOW_BYTES - 1, True), (0, True)])
def test_status_and_doctor_tell_of_a_disk_that_is_nearly_full(
    room: int, is_low: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "rows", lambda *_, **__: [[room]])
    trouble, finding = status._fullness(SETTINGS), doctor._clickhouse_disk(SETTINGS)
    assert (trouble is not None, finding.advice is not None) == (is_low, is_low)
    assert not is_low or f"{room >> 20} MiB" in str(trouble)


def test_a_full_disk_passes_whatever_the_refusal() -> None:
    assert isinstance(_refusal(errors.ServerException("DB::Exception: Cannot write to file", 75)), WarehouseAwayError)
    said = "filesystem error: in create_directory: No space left on device"
    assert isinstance(_refusal(errors.ServerException(said, 1001)), WarehouseAwayError)
    assert not isinstance(_refusal(errors.ServerException("another", 1001)), WarehouseAwayError)


class EndedError(Exception):
    pass


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were slept."""
    slept: list[float] = [0.0]
    monkeypatch.setattr(failed_writes, "time", SimpleNamespace(sleep=slept.append, monotonic=lambda: sum(slept)))

    def end(code: int) -> None:
        raise EndedError(code)

    monkeypatch.setattr(failed_writes, "os", SimpleNamespace(_exit=end))
    return slept


def watch(monkeypatch: pytest.MonkeyPatch, counts: list[int | None], free: list[int]) -> None:
    def count(_: Settings) -> int:
        if (found := counts.pop(0)) is None:
            raise VitalsError("no answer")
        return found

    monkeypatch.setattr(failed_writes, "count", count)
    look = SimpleNamespace(disk_usage=lambda _: Usage(free.pop(0) if len(free) > 1 else free[0]))
    monkeypatch.setattr(failed_writes, "shutil", look)
    with pytest.raises(EndedError):
        failed_writes.watch(SETTINGS, pathlib.Path())


def test_the_server_ends_when_writes_have_failed_and_there_is_room(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    watch(monkeypatch, [None, 0, 0, 2], [0, 0, 1 << 40])
    assert sum(clock) == 5 * failed_writes.LOOK_S


def test_the_server_ends_on_a_full_disk_too_before_what_was_merged_is_gone(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    watch(monkeypatch, [1], [0])
    assert failed_writes.LONGEST_S <= sum(clock) < KEEP_MERGED_S
