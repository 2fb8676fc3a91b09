"""What ClickHouse must hold, made from the log by the sink's own pure part, compared row by row with what it holds."""

import re
from collections.abc import Iterable
from operator import itemgetter
from typing import Any, NamedTuple

from streams import sink_tables
from streams.settings import Settings
from streams.sink_batch import Batch
from streams.sink_tables import Kind, Row, Table
from streams.warehouse import Warehouse
from tests.undisturbed import Read

TABLES = tuple(table for table in sink_tables.TABLES if table is not sink_tables.PART_METRICS)
_UNTIED = {"ingested_at"}
"""Of a record sent twice either time may stand."""


class Difference(NamedTuple):
    """Of one table: how many rows were compared, and the keys of rows that are not there, too many, or other ones."""

    rows: int
    missing: list[Any]
    strange: list[Any]
    other: list[Any]


class _Shape:
    """How a table's rows replace each other, as the table itself says."""

    def __init__(self, table: Table, sorting_key: str, engine: str) -> None:
        names = list(table.columns)
        key = [name.strip() for name in sorting_key.split(",")]
        version = re.search(r"ReplacingMergeTree\((\w+)", engine)
        assert version is not None, f"{table.name} has no version"
        self.table = table
        self.key_of = itemgetter(*(names.index(name) for name in key))
        self.version_at = names.index(version[1])
        self.compared = [at for at, name in enumerate(names) if name not in _UNTIED]
        self.kinds = [table.columns[names[at]] for at in self.compared]

    def plain(self, row: Row) -> Row:
        """A row as it can be compared: without what may differ, None as the column's default."""
        return tuple(_plain(row[at], kind) for at, kind in zip(self.compared, self.kinds, strict=True))


def _plain(value: Any, kind: Kind) -> Any:
    if kind.endswith("?"):
        return value
    if value is None:
        return sink_tables.EMPTY[kind]
    if kind in ("texts", "reals"):
        return tuple(value)
    return int(value) if kind == "int" else value


class Rows:
    """The rows that ClickHouse must show for all records taken in so far."""

    def __init__(self, settings: Settings) -> None:
        self.warehouse = Warehouse(settings)
        self._known: set[str] = set()
        self._shapes = {table: self._shape(table) for table in TABLES}
        self._wanted: dict[Table, dict[Any, Row]] = {table: {} for table in TABLES}
        self.letters: list[Any] = []

    def _shape(self, table: Table) -> _Shape:
        sql = "SELECT sorting_key, engine_full FROM system.tables WHERE database = currentDatabase() AND name = %(n)s"
        ((sorting_key, engine),) = self.warehouse.query(sql, {"n": table.name})
        return _Shape(table, sorting_key, engine)

    def feed(self, records: Iterable[Read]) -> None:
        """Take in records of the sink's topics, in order per partition."""
        batch = Batch(self._known)
        for record in records:
            batch.add(record)  # type: ignore[arg-type]  it has what a record has
        self.letters = list(getattr(batch, "letters", ()))
        for table, rows in batch.filled():
            shape, wanted = self._shapes[table], self._wanted[table]
            for row in rows:
                key = shape.key_of(row)
                before = wanted.get(key)
                if before is None or row[shape.version_at] >= before[shape.version_at]:
                    wanted[key] = row

    def compare(self, prefix: str = "") -> dict[str, Difference]:
        """Per table the differences of the brands that begin with `prefix`."""
        return {table.name: self._difference(table, prefix) for table in TABLES}

    def _difference(self, table: Table, prefix: str) -> Difference:
        shape, names = self._shapes[table], list(table.columns)
        wanted = self._wanted[table]
        if "brand_id" in table.columns and prefix:
            at = names.index("brand_id")
            wanted = {key: row for key, row in wanted.items() if row[at].startswith(prefix)}
        stored: dict[Any, Row] = {}
        doubled = []
        for row in self.warehouse.query(_select(table, prefix), {"prefix": prefix}):
            key = shape.key_of(row)
            if key in stored:
                doubled.append(key)
            stored[key] = row
        return Difference(
            len(stored),
            [key for key in wanted if key not in stored and not self._is_erased(table, wanted[key])],
            doubled + [key for key in stored if key not in wanted],
            [key for key, row in wanted.items() if key in stored and shape.plain(row) != shape.plain(stored[key])],
        )

    def _is_erased(self, table: Table, row: Row) -> bool:
        names = list(table.columns)
        return "is_erased" in names and bool(row[names.index("is_erased")])

    def ids_in(self, table: str, prefix: str) -> dict[str, int]:
        """How often each event_id stands in a table, of the brands that begin with `prefix`."""
        where = "WHERE startsWith(brand_id, %(prefix)s) GROUP BY event_id"
        return dict(self.warehouse.query(f"SELECT event_id, count() FROM {table} FINAL {where}", {"prefix": prefix}))

    def weights(self) -> list[tuple[str, float]]:
        """Of each purchase its order and the sum of the weights by which it was shared out."""
        shared = "SELECT order_id, weight FROM attributions WHERE refund_id = ''"
        bought = "SELECT order_id FROM purchases_v1 FINAL WHERE type = 'purchase'"
        joined = f"({bought}) AS bought LEFT JOIN ({shared}) AS shared USING (order_id)"
        return self.warehouse.query(f"SELECT order_id, sum(shared.weight) FROM {joined} GROUP BY order_id")

    def letter_counts(self, prefix: str) -> tuple[dict[tuple[str, int], int], int]:
        """Dead letters per line of the files whose import begins with `prefix`, and those of all records."""
        where = "WHERE startsWith(origin, %(prefix)s) GROUP BY origin, position"
        sql = f"SELECT origin, position, count() FROM dead_letters_v1 FINAL {where}"
        lines = {(origin, line): count for origin, line, count in self.warehouse.query(sql, {"prefix": prefix})}
        ((of_records,),) = self.warehouse.query("SELECT count() FROM dead_letters_v1 FINAL WHERE partition >= 0")
        return lines, of_records

    def columns_of(self, name: str, key: Any, prefix: str = "") -> list[str]:
        """For a row that is another: which columns, and the two values."""
        table = next(table for table in TABLES if table.name == name)
        shape, names = self._shapes[table], list(table.columns)
        rows = self.warehouse.query(_select(table, prefix), {"prefix": prefix})
        stored = next(row for row in rows if shape.key_of(row) == key)
        pairs = zip(names, self._wanted[table][key], stored, strict=True)
        return [f"{name}: {wanted!r} is {have!r}" for name, wanted, have in pairs if wanted != have]


def _select(table: Table, prefix: str) -> str:
    columns = ", ".join(_column(name, kind) for name, kind in table.columns.items())
    where = "WHERE startsWith(brand_id, %(prefix)s)" if "brand_id" in table.columns and prefix else ""
    return f"SELECT {columns} FROM {table.name} FINAL {where}"


def _column(name: str, kind: Kind) -> str:
    if kind.startswith("time"):
        return f"toUnixTimestamp64Milli({name})"
    return f"toInt64({name}) * 86400000" if kind == "day" else name
