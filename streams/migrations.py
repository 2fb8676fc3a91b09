"""The schema of the warehouse: numbered migrations, each applied once, and the views, made anew each time."""

import hashlib
import re
from collections.abc import Callable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import click
import msgspec

from streams import settings as settings_module
from streams.errors import VitalsError
from streams.resources import resource_dir
from streams.settings import Settings
from streams.warehouse import Warehouse, WarehouseError

_TTL_COLUMN = "ingested_at"
"""Rows are kept so long from their arrival, not from their event: else an archive from years ago, imported
today, would be dropped by the next merge."""
_REGISTRIES = frozenset(
    {
        "groups_v1", "members_v1", "member_standings_v1", "referral_roots_v1", "points_entries_v1", "identity_links_v1",
        "schema_migrations",
    }
)  # fmt: skip
_SHORT_LIVED = frozenset({"part_metrics_v1"})
"""What has a retention of its own, of days."""
_REGISTER = """CREATE TABLE IF NOT EXISTS schema_migrations
(
    name String,
    checksum String,
    applied_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(applied_at)
ORDER BY name"""


class MigrationError(VitalsError):
    """A schema that cannot be brought up to date without somebody's decision."""


class Migration(msgspec.Struct, frozen=True):
    """One file of `schemas/migrations`: safe to repeat, for ClickHouse has no transaction around its statements."""

    name: str
    statements: tuple[str, ...]
    checksum: str


def migrations(directory: Path | None = None) -> list[Migration]:
    """All migrations, in the order of their numbers."""
    return [_read(path) for path in sorted((directory or resource_dir("schemas") / "migrations").glob("*.sql"))]


def views(directory: Path | None = None) -> dict[str, str]:
    """Name → select, each after those that it reads."""
    folder = directory or resource_dir("schemas") / "views"
    selects = {path.stem: path.read_text(encoding="utf-8").strip().rstrip(";") for path in folder.glob("*.sql")}
    reads = {name: _names_in(select) & selects.keys() - {name} for name, select in sorted(selects.items())}
    return {name: selects[name] for name in TopologicalSorter(reads).static_order()}


def migrate(settings: Settings, dry_run: bool = False, tell: Callable[[str], None] = lambda _: None) -> list[str]:
    """Create the database, apply what is not applied, set the retention, make the views anew. Names what it applied.

    Raises MigrationError when an applied migration has been edited or is unknown here. `dry_run` only names.
    """
    warehouse = Warehouse(settings)
    if not dry_run:
        Warehouse(settings, database="").run(f"CREATE DATABASE IF NOT EXISTS {settings.clickhouse_database}")
        warehouse.run(_REGISTER)
    pending = _pending(migrations(), _applied(settings))
    for migration in pending:
        tell(f"{'would apply' if dry_run else 'apply'} {migration.name}")
        if not dry_run:
            _apply(warehouse, migration)
    if not dry_run:
        _retain(warehouse, settings, tell)
        for name, select in views().items():
            _named(f"view {name}", warehouse, f"CREATE OR REPLACE VIEW {name} AS\n{select}")
    return [migration.name for migration in pending]


def _read(path: Path) -> Migration:
    text = path.read_text(encoding="utf-8")
    return Migration(path.stem, tuple(_statements(text)), hashlib.sha256(text.encode()).hexdigest())


def _statements(text: str) -> Iterator[str]:
    return (part.strip() for part in re.split(r";\s*$", text, flags=re.MULTILINE) if part.strip())


def _names_in(select: str) -> set[str]:
    return set(re.findall(r"\b(?:FROM|JOIN|IN)\s+\(?\s*(\w+)", re.sub(r"--.*", "", select)))


def _applied(settings: Settings) -> dict[str, str]:
    """Name → checksum of what is applied; nothing where neither database nor register exist yet."""
    database, warehouse = settings.clickhouse_database, Warehouse(settings, database="")
    tables = "SELECT 1 FROM system.tables WHERE database = %(database)s AND name = 'schema_migrations'"
    if not warehouse.query(tables, {"database": database}):
        return {}
    return dict(warehouse.query(f"SELECT name, checksum FROM {database}.schema_migrations FINAL"))  # noqa: S608


def _pending(known: list[Migration], applied: dict[str, str]) -> list[Migration]:
    unknown = sorted(applied.keys() - {migration.name for migration in known})
    if unknown:
        raise MigrationError(f"the database has migration {unknown[0]}, which this version lacks: install a newer one")
    for migration in known:
        if applied.get(migration.name, migration.checksum) != migration.checksum:
            raise MigrationError(
                f"migration {migration.name} was edited after it had been applied: restore it and add a new one"
            )
    return [migration for migration in known if migration.name not in applied]


def _apply(warehouse: Warehouse, migration: Migration) -> None:
    for statement in migration.statements:
        _named(f"migration {migration.name}", warehouse, statement)
    warehouse.query(
        "INSERT INTO schema_migrations SELECT %(name)s, %(checksum)s, now64(3)",
        {"name": migration.name, "checksum": migration.checksum},
    )


def _named(what: str, warehouse: Warehouse, statement: str) -> None:
    try:
        warehouse.run(statement)
    except WarehouseError as error:
        raise type(error)(f"{what}: {error}") from None


def _retain(warehouse: Warehouse, settings: Settings, tell: Callable[[str], None]) -> None:
    """Give each table of events and rows the retention of the settings, where it has another."""
    tables = warehouse.query(
        "SELECT name, create_table_query FROM system.tables WHERE database = %(database)s AND engine LIKE '%%Tree'",
        {"database": settings.clickhouse_database},
    )
    for name, definition in sorted(tables):
        if (
            name not in _REGISTRIES | _SHORT_LIVED
            and f"toIntervalDay({settings.retention_days}) " not in f"{definition} "
        ):
            tell(f"keep {name} for {settings.retention_days} days")
            warehouse.run(
                f"ALTER TABLE {name} MODIFY TTL toDateTime({_TTL_COLUMN}) + toIntervalDay({settings.retention_days})"
            )


@click.command(epilog="\b\nExample:\n  vitals migrate --dry-run")
@click.option("--dry-run", is_flag=True, help="Only say what would be applied.")
def migrate_command(dry_run: bool) -> None:
    """Bring the ClickHouse schema up to date: migrations not applied yet, retention, views."""
    applied = migrate(settings_module.load(), dry_run=dry_run, tell=click.echo)
    click.echo(f"{len(applied)} migration{'s' * (len(applied) != 1)} {'to apply' if dry_run else 'applied'}")
