"""A warehouse that an older version filled: later migrations and the views of this one stand on it."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from streams import migrations
from streams.migrations import migrate, views
from streams.settings import Settings
from streams.sink_batch import TOPICS, Batch, Record
from streams.sink_tables import columnar
from streams.warehouse import Warehouse
from tests.upgrade import FOLDERS, read

pytestmark = pytest.mark.integration
LAST = {"2026-11-22": "0010_alert_episodes"}
"""Folder of tests/fixtures/upgrade → the last migration of that version."""


@pytest.fixture
def older(stack: Settings) -> Iterator[Settings]:
    """An empty database of this test's own."""
    own = msgspec.structs.replace(stack, clickhouse_database=f"{stack.clickhouse_database}_older")
    yield own
    Warehouse(own, database="").run(f"DROP DATABASE {own.clickhouse_database}")


NOTHING_YET = {
    "dead_letters", "parts", "part_history", "unattributed", "calibration", "identity_links", "leaders",
    "freebie_groups", "referral_roots", "probes", "post_responses", "best_slots", "playbooks", "playbook_windows",
    "points_balances", "points_leaderboard", "member_standings", "member_stages", "member_stage_changes",
    "cleanup_list", "work_list",
}  # fmt: skip
"""What there was none of, or what nobody told before the upgrade: it comes when the next day closes."""


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_rows_of_the_older_version_are_read(folder: Path, older: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    known = migrations.migrations()
    with monkeypatch.context() as then:
        then.setattr(migrations, "migrations", lambda: [one for one in known if one.name <= LAST[folder.name]])
        then.setattr(migrations, "views", dict)
        migrate(older)
    warehouse, batch = Warehouse(older), Batch(set())
    lines = [line for line in read(folder)[0] if line.topic in TOPICS]
    for offset, line in enumerate(lines):
        batch.add(Record(line.topic, 0, offset, line.at, (line.key or "").encode(), bytes(line.value)))
    stored = {}
    for table, rows in batch.filled():
        had = dict(
            warehouse.query(
                f"SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = '{table.name}'"
            )
        )
        columns = {name: values for name, values in columnar(table, rows).items() if name in had}
        stored[table.name] = warehouse.insert(table, columns)
    assert migrate(older) == [one.name for one in known if one.name > LAST[folder.name]]
    for table, count in stored.items():
        assert warehouse.query(f"SELECT count() FROM {table}") == [(count,)]
    answered = {view: warehouse.query(f"SELECT count() FROM (SELECT * FROM {view})")[0][0] for view in views()}
    empty = {view for view, rows in answered.items() if not rows}
    assert empty <= NOTHING_YET, answered
    assert answered["group_health"] == answered["groups"] == 6
