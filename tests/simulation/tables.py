"""ClickHouse in the simulation: tables that replace rows by sort key and version, as the migrations say."""

import re
from functools import cache
from typing import Any, NamedTuple

from streams.resources import resource_dir
from streams.sink_batch import TOPICS, Batch, Record
from streams.sink_tables import TABLES, columnar
from tests.simulation.broker import Broker

COLUMNS = {table.name: table.columns for table in TABLES}
Rows = dict[str, dict[tuple[Any, ...], dict[str, Any]]]
"""By table and sort key."""


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
