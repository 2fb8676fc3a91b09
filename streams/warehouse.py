"""ClickHouse: the one place that knows its driver. Columnar inserts, queries, and errors of one line."""

import logging
import re
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar

import click
import msgspec
from clickhouse_driver import Client, errors

from streams.errors import VitalsError
from streams.hung_server import Heard
from streams.patience import Patience
from streams.settings import Settings
from streams.sink_tables import Kind, Table

Who = Literal["clickhouse", "bi"]
S = TypeVar("S", bound=msgspec.Struct)

logging.getLogger("clickhouse_driver").setLevel(logging.CRITICAL)  # it logs a traceback for what it raises as well

_AWAY = (errors.NetworkError, errors.SocketTimeoutError, EOFError, OSError, socket.timeout)
_NO_LOGIN = 516
_ADVICE = {
    60: "; run `vitals migrate`",
    81: "; run `vitals migrate`",
    _NO_LOGIN: "; set its VITALS_…_PASSWORD or VITALS_HOME",
}
"""What to do about some refusals, by code."""
_TRANSIENT = frozenset(
    {
        60,  # unknown table: not migrated yet
        75,  # cannot write to a file: the disk is full
        81,  # unknown database
        159,  # timeout exceeded
        202,  # too many simultaneous queries
        209,  # socket timeout
        210,  # network error
        236,  # aborted: it shuts down
        241,  # memory limit
        242,  # table is read-only
        243,  # not enough space
        252,  # too many parts: merges are behind
        319,  # unknown status of insert
        394,  # query was cancelled
        439,  # no thread free
        _NO_LOGIN,  # authentication failed: its users are not there yet
    }
)
"""ClickHouse's refusals that pass, or that somebody mends while we wait."""
_FULL = "No space left on device"
"""What any other refusal says that a full disk is behind."""
_FAILED_WRITES = "SELECT value FROM system.events WHERE event = 'WriteBufferFromFileDescriptorWriteFailed'"
_ROOM = "SELECT unreserved_space FROM system.disks WHERE name = 'default'"
_OPTIONS = {"max_partitions_per_insert_block": 0, "input_format_null_as_default": 1}
"""One batch may touch any number of months: a fleet of old archives imported together does."""

_WIRE = {
    "text": "String",
    "texts": "Array(String)",
    "int": "Int64",
    "real": "Float64",
    "reals": "Array(Float64)",
    "time": "Int64",
    "day": "Int64",
}
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 15.0
SILENCE_S = 60.0
"""Whoever says nothing for so long is given up. A query that works may take longer: it reports its progress."""


class WarehouseError(VitalsError):
    """ClickHouse refused. The first line of what it said."""


class WarehouseAwayError(WarehouseError):
    """ClickHouse cannot be reached, or cannot take this now; later it may."""


class Answer(msgspec.Struct, frozen=True):
    """The rows of a query with the names and ClickHouse types of its columns. Rows can be read once."""

    columns: Sequence[tuple[str, str]]
    rows: Iterator[tuple[Any, ...]]


def on_stderr(line: str) -> None:
    """A line to whoever waits for a command."""
    click.echo(line, err=True)


def _unheard(_line: str) -> None:
    """Nobody waits for it."""


class Warehouse:
    """Connections to one ClickHouse as one user, one per thread, opened when first used and again after a failure."""

    def __init__(
        self,
        settings: Settings,
        who: Who = "clickhouse",
        database: str | None = None,
        *,
        say: Callable[[str], None] | None = on_stderr,
        silence_s: float = SILENCE_S,
    ) -> None:
        """`database` other than the setting's is for creating that one, and for tests.

        `say` is told in a line when ClickHouse hangs, and when it answers again; it is given up after `silence_s`.
        """
        self._say, self._silence_s = say, silence_s
        self._settings = settings
        self._who: Who = who
        self._database = settings.clickhouse_database if database is None else database
        self._local = threading.local()
        self.address = f"{settings.clickhouse_host}:{settings.clickhouse_port}"

    def insert(self, table: Table, columns: Mapping[str, Sequence[Any]]) -> int:
        """Insert the given columns of some rows and await it; a missing column takes its default. One attempt.

        Raises WarehouseAwayError when it is worth trying again: what then became of the rows is unknown, and the
        table's engine takes them a second time.
        """
        if not columns:
            return 0
        kinds = {name: table.columns[name] for name in columns}
        data = list(columns.values())
        self._call(lambda client: self._insert(client, _insert_sql(table.name, kinds), data))
        return len(data[0])

    def _insert(self, client: Client, sql: str, data: Sequence[Sequence[Any]]) -> None:
        """An insert, and the question whether the server could write all the while.

        The ClickHouse of chdb-core says yes to an insert whose files the disk did not take. It counts them.
        """
        before = self._local.__dict__.get("written") or _written(client)
        client.execute(sql, data, columnar=True)
        self._local.written = _written(client)
        if self._local.written != before:
            raise WarehouseAwayError(f"ClickHouse at {self.address} cannot write to its disk, see `vitals doctor`")

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query. `%(name)s` stands for a parameter."""
        rows: list[tuple[Any, ...]] = self._call(lambda client: client.execute(sql, parameters))
        return rows

    def run(self, statement: str) -> None:
        """A statement without rows. Raises WarehouseAwayError where the disk is full.

        What a table is and what is to be done to it are files as well, and an empty one keeps ClickHouse from starting.
        """
        self._call(lambda client: _run(client, statement))

    def answer(self, sql: str) -> Answer:
        """The rows of a query as a stream; whatever is raised here may also be raised while reading it."""
        chunks = self._call(lambda client: client.execute_iter(sql, with_column_types=True, chunk_size=1000))
        head = self._call(lambda _: next(chunks, [()]))
        return Answer(head[0], self._stream(head[1:], chunks))

    def close(self) -> None:
        """Close this thread's connection; the next call opens another."""
        client = self._local.__dict__.pop("client", None)
        self._local.__dict__.pop("written", None)
        if client is not None:
            client.disconnect()

    def _stream(
        self, first: Sequence[tuple[Any, ...]], chunks: Iterator[Sequence[tuple[Any, ...]]]
    ) -> Iterator[tuple[Any, ...]]:
        chunk: Sequence[tuple[Any, ...]] | None = first
        try:
            while chunk is not None:
                yield from chunk
                chunk = self._call(lambda _: next(chunks, None))
        except GeneratorExit:
            self.close()  # the rest of the answer is on the way
            raise

    def _call(self, action: Callable[[Client], Any]) -> Any:
        try:
            return action(self._client())
        except BaseException as error:
            self.close()
            if isinstance(error, errors.ServerException):
                raise _refusal(error) from None
            if isinstance(error, _AWAY):
                raise WarehouseAwayError(
                    f"ClickHouse at {self.address} does not answer ({_why(error)}), see `vitals status`"
                ) from None
            if isinstance(error, errors.Error):
                raise WarehouseError(f"ClickHouse's driver refused: {_first_line(error)}") from None
            raise

    def _client(self) -> Client:
        if "client" not in self._local.__dict__:
            self._local.client = self._connect()
        return self._local.client

    def _connect(self) -> Client:
        client = Client(
            self._settings.clickhouse_host,
            port=self._settings.clickhouse_port,
            database=self._database,
            user=self._settings.clickhouse_user if self._who == "clickhouse" else self._settings.bi_user,
            password=self._settings.password_of(self._who),
            secure=self._settings.clickhouse_secure,
            ca_certs=str(self._settings.clickhouse_ca) if self._settings.clickhouse_ca else None,
            connect_timeout=5,
            send_receive_timeout=self._silence_s,
            client_name="vitals",
            settings=_OPTIONS if self._who == "clickhouse" else {},
        )
        _listen(client.connection, Patience(say=self._say or _unheard), f"ClickHouse at {self.address}")
        return client


def structs(kind: type[S], rows: Iterable[Sequence[Any]], names: Sequence[str] = ()) -> list[S]:
    """Rows as structs. `names` are their columns, by default the fields of the struct in their order."""
    columns = names or kind.__struct_fields__
    return [msgspec.convert(dict(zip(columns, row, strict=True)), kind, strict=False) for row in rows]


def retrying(action: Callable[[], int], *, pause: Callable[[float], bool], tell: Callable[[str], None]) -> int | None:
    """Do `action` until ClickHouse takes it, with back-off. None when `pause` says, by True, that it is time to stop.

    `pause` waits the seconds it is given. `tell` hears one line when ClickHouse goes away and one when it is back.
    """
    pause_s, is_away = FIRST_PAUSE_S, False
    while True:
        try:
            done = action()
        except WarehouseAwayError as error:
            if not is_away:
                tell(f"{error}; waiting, nothing is lost")
            is_away = True
            if pause(pause_s):
                return None
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        else:
            if is_away:
                tell("ClickHouse takes rows again")
            return done


def _written(client: Client) -> tuple[object, int]:
    """The connection and how many writes have failed since the server began: equal if none did in between.

    Another connection may be to another process, which begins to count anew.
    """
    found = client.execute(_FAILED_WRITES)
    return client.connection.socket, found[0][0] if found else 0


def _run(client: Client, statement: str) -> None:
    if client.execute(_ROOM) == [(0,)]:
        raise WarehouseAwayError("ClickHouse's disk is full: make room, see `vitals doctor`")
    client.execute(statement)


def _listen(connection: Any, patience: Patience, what: str) -> None:
    """Have what the connection reads from its sockets, the first greeting too, be waited for with `patience`."""
    connect = connection._create_socket  # noqa: SLF001  the driver has no public place between connect and greeting
    connection._create_socket = lambda *address: Heard(connect(*address), patience, what)  # noqa: SLF001


def _insert_sql(table: str, kinds: Mapping[str, Kind]) -> str:
    """An insert whose columns travel as plain types, which the server casts: cheap for this process."""
    wire = ", ".join(f"{name} {_wire(kind)}" for name, kind in kinds.items())
    values = ", ".join(_cast(name, kind) for name, kind in kinds.items())
    return f"INSERT INTO {table} ({', '.join(kinds)}) SELECT {values} FROM input('{wire}') FORMAT Native"  # noqa: S608


def _wire(kind: Kind) -> str:
    plain = _WIRE[kind.rstrip("?")]
    return f"Nullable({plain})" if kind.endswith("?") else plain


def _cast(name: str, kind: Kind) -> str:
    if kind in ("time", "time?"):
        return f"fromUnixTimestamp64Milli({name}, 'UTC')"
    return f"toDate32(fromUnixTimestamp64Milli({name}, 'UTC'))" if kind == "day" else name


def _refusal(error: "errors.ServerException") -> WarehouseError:
    kind = WarehouseAwayError if error.code in _TRANSIENT or _FULL in str(error.message) else WarehouseError
    line = _first_line(error)
    is_misspelt = "Maybe you meant" in line or "'system." in line  # no migration makes that table
    return kind(f"ClickHouse: {line}{'' if is_misspelt else _ADVICE.get(error.code, '')}")


def _why(error: BaseException) -> str:
    """Why a connection failed, without the address that the driver puts behind it."""
    said = getattr(error, "strerror", None) or _first_line(error)
    return re.sub(r" ?\(\S+:\d+\)$", "", said) or "no connection in time"


def _first_line(error: BaseException) -> str:
    """What ClickHouse said, without its name for the exception, its copy of the query, stack trace and version."""
    text = str(getattr(error, "message", "") or error or type(error).__name__)
    line = text.split("Stack trace:", maxsplit=1)[0].strip().partition("\n")[0].removeprefix("DB::Exception: ")
    return re.split(r"[:.]? (?:In scope|Expected one of:?) ", line)[0].strip().rstrip(".")
