"""The views on the real engine: each case under tests/sql/<view>/<case> gives rows and says what a query answers."""

import json
import math
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from streams.migrations import migrate, migrations, views
from streams.settings import Settings
from streams.warehouse import Warehouse

pytestmark = pytest.mark.integration
CASES = Path(__file__).parent.parent / "sql"
PAGE = Path(__file__).parent.parent.parent / "schemas" / "views" / "README.md"
RETAINED = {
    f"{name}_v1"
    for name in (
        "events", "purchases", "group_vitals", "member_vitals", "group_alerts", "dead_letters", "member_stage_changes",
        "group_people", "opinion_leaders", "probe_reports", "post_responses",
    )
}  # fmt: skip
"""What happened leaves after the retention; what stands, such as registries, balances and standings, stays."""
INNER = {"latest_vitals", "engagement_inputs"}
"""Views that only others read."""
GROUP_HEALTH = (
    "group_id, brand_id, platform, name, at, verdict, verdict_since, risk, reasons, members, silent_hours, "
    "messages_7d, messages_28d, speakers_7d, speakers_28d, active_days_28d, joins_28d, leaves_28d, buyers_28d, "
    "orders_28d, revenue_28d, engagement, source_complete_at"
)


@pytest.fixture(scope="module")
def empty(stack: Settings) -> Iterator[Settings]:
    """A migrated database of this module's own."""
    own = msgspec.structs.replace(stack, clickhouse_database=f"{stack.clickhouse_database}_views")
    migrate(own)
    yield own
    Warehouse(own, database="").run(f"DROP DATABASE {own.clickhouse_database}")


@pytest.mark.parametrize("case", sorted(CASES.glob("*/*")), ids=lambda case: f"{case.parent.name}-{case.name}")
def test_view_answers(case: Path, empty: Settings) -> None:
    warehouse = Warehouse(empty)
    for (table,) in warehouse.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND total_rows > 0"
    ):
        if table.endswith("_v1"):
            warehouse.run(f"TRUNCATE TABLE {table}")
    give(case, empty)
    answer = warehouse.answer((case / "query.sql").read_text())
    names = [name for name, _ in answer.columns]
    found = [dict(zip(names, map(plain, row), strict=True)) for row in answer.rows]
    expected = yaml.safe_load((case / "expect.yaml").read_text()) or []
    assert found == [{name: approximate(value) for name, value in row.items()} for row in expected]


def test_every_view_has_a_case_that_reads_it() -> None:
    assert {case.parent.name for case in CASES.glob("*/*")} == set(views())


def test_the_page_of_the_views_names_every_column_and_its_type(empty: Settings) -> None:
    warehouse = Warehouse(empty)
    found = {
        view: dict(
            warehouse.query(
                f"SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = '{view}'"
            )
        )
        for view in set(views()) - INNER
    }
    said: dict[str, dict[str, str]] = {}
    for section in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        view, _, rest = section.partition("\n")
        said[view.strip("`")] = {
            name: kind for name, kind, what in re.findall(r"^\| `(\w+)` \| (.+?) \| (.+) \|$", rest, re.MULTILINE)
        }
    assert said == {view: {name: in_words(kind) for name, kind in columns.items()} for view, columns in found.items()}


def in_words(kind: str) -> str:
    """A type of ClickHouse as the page says it."""
    kind = re.sub(r"^LowCardinality\((.*)\)$", r"\1", kind)
    if inner := re.fullmatch(r"Nullable\((.*)\)", kind):
        return f"{in_words(inner[1])} or null"
    if inner := re.fullmatch(r"Array\((.*)\)", kind):
        return f"list of {in_words(inner[1])}"
    words = {"String": "text", "Bool": "flag", "DateTime": "time", "Date": "date", "Float": "number"}
    return next((word for start, word in words.items() if kind.startswith(start)), "integer")


def test_group_health_has_exactly_its_fixed_columns(empty: Settings) -> None:
    answer = Warehouse(empty).answer("SELECT * FROM group_health LIMIT 0")
    assert ", ".join(name for name, _ in answer.columns) == GROUP_HEALTH


def test_views_list_every_group_even_one_without_vitals(empty: Settings) -> None:
    give_rows(empty, "groups_v1", [{"group_id": "lone/irc/quiet", "brand_id": "lone"}])
    for view in ("groups", "group_health", "group_history", "member_activity", "conversion_funnel", "group_worth"):
        rows = Warehouse(empty).query(f"SELECT count() FROM {view} WHERE group_id = 'lone/irc/quiet'")
        assert rows == [(1,)], view


def test_bi_reads_views_and_cannot_write(stack: Settings) -> None:
    bi = Warehouse(stack, "bi")
    assert list(bi.answer("SELECT count() >= 0 FROM group_health").rows) == [(1,)]
    with pytest.raises(Exception, match=r"^ClickHouse: .*(readonly|privileges)"):
        bi.run("TRUNCATE TABLE events_v1")


def test_migrating_again_applies_nothing(empty: Settings) -> None:
    assert migrate(empty) == []
    assert migrate(empty, dry_run=True) == []


def test_dry_run_creates_nothing(stack: Settings) -> None:
    never = msgspec.structs.replace(stack, clickhouse_database=f"{stack.clickhouse_database}_never")
    assert migrate(never, dry_run=True) == [migration.name for migration in migrations()]
    assert Warehouse(stack).query("SELECT count() FROM system.databases WHERE name LIKE '%%_never'") == [(0,)]


def test_edited_migration_is_refused(empty: Settings) -> None:
    warehouse = Warehouse(empty)
    name = migrations()[0].name
    sound = warehouse.query("SELECT name, checksum FROM schema_migrations FINAL WHERE name = %(name)s", {"name": name})
    warehouse.query("INSERT INTO schema_migrations SELECT %(name)s, 'other', now64(3) + 1", {"name": name})
    with pytest.raises(Exception, match=f"migration {name} was edited after it had been applied"):
        migrate(empty)
    warehouse.query(
        "INSERT INTO schema_migrations SELECT %(name)s, %(sum)s, now64(3) + 2", {"name": name, "sum": sound[0][1]}
    )
    assert migrate(empty) == []


def test_retention_follows_the_setting(empty: Settings) -> None:
    for days in (99, empty.retention_days):
        migrate(msgspec.structs.replace(empty, retention_days=days))
        found = Warehouse(empty).query(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%%Tree' "
            f"AND create_table_query LIKE '%%ingested_at) + toIntervalDay({days})%%'"
        )
        assert {name for (name,) in found} == RETAINED
    own = "SELECT create_table_query LIKE '%%toIntervalDay(14)%%' FROM system.tables WHERE name = 'part_metrics_v1'"
    assert set(Warehouse(empty).query(f"{own} AND database = currentDatabase()")) == {(1,)}


def give(case: Path, settings: Settings) -> None:
    if (case / "given.sql").exists():
        for statement in (case / "given.sql").read_text().split(";\n"):
            if statement.strip():
                Warehouse(settings).run(statement)
    else:
        for table, rows in yaml.safe_load((case / "given.yaml").read_text()).items():
            if table.endswith("_v1"):
                give_rows(settings, table, rows)


def give_rows(settings: Settings, table: str, rows: list[dict[str, Any]]) -> None:
    """Insert rows as JSON; a column that is not given takes its default, `ingested_at` the time of the test."""
    body = "\n".join(json.dumps({"ingested_at": datetime.now(UTC), **row}, default=str) for row in rows)
    query = urllib.parse.urlencode(
        {
            "query": f"INSERT INTO {table} FORMAT JSONEachRow",
            "database": settings.clickhouse_database,
            "user": settings.clickhouse_user,
            "password": settings.password_of("clickhouse"),
            "date_time_input_format": "best_effort",
        }
    )
    address = f"http://{settings.clickhouse_host}:{settings.clickhouse_http_port}/?{query}"
    urllib.request.urlopen(address, body.encode(), timeout=30).read()


def plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(sep=" ")
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value if isinstance(value, int | float | str | None) else str(value)


def approximate(value: Any) -> Any:
    return pytest.approx(value, rel=1e-6) if isinstance(value, float) and math.isfinite(value) else plain(value)
