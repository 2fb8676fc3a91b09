"""What the migrator decides before it touches a database."""

import pytest

from streams.migrations import Migration, MigrationError, _pending, migrations, views

ONE, TWO = Migration("0001_one", ("SELECT 1",), "aa"), Migration("0002_two", ("SELECT 2",), "bb")


def test_only_what_is_not_applied_is_pending_in_order():
    assert _pending([ONE, TWO], {}) == [ONE, TWO]
    assert _pending([ONE, TWO], {"0001_one": "aa"}) == [TWO]


def test_edited_migration_is_refused_by_name():
    with pytest.raises(MigrationError, match="migration 0001_one was edited"):
        _pending([ONE, TWO], {"0001_one": "changed"})


def test_database_of_a_newer_version_is_refused():
    with pytest.raises(MigrationError, match="has migration 0003_three, which this version lacks"):
        _pending([ONE, TWO], {"0003_three": "cc"})


def test_numbers_of_the_migrations_have_no_gap_and_no_double():
    assert [int(migration.name[:4]) for migration in migrations()] == list(range(1, len(migrations()) + 1))


def test_statements_end_at_a_semicolon_that_ends_a_line(tmp_path):
    (tmp_path / "0001_x.sql").write_text("SELECT ';', 1;\n-- a remark; here\nSELECT 2;\n")
    (migration,) = migrations(tmp_path)
    assert migration.statements == ("SELECT ';', 1", "-- a remark; here\nSELECT 2")


def test_views_come_after_those_that_they_read(tmp_path):
    (tmp_path / "a.sql").write_text("SELECT * FROM b LEFT JOIN (SELECT 1 FROM c) USING x")
    (tmp_path / "b.sql").write_text("-- not FROM a\nSELECT * FROM c WHERE x IN (SELECT 1 FROM t_v1)")
    (tmp_path / "c.sql").write_text("SELECT 1")
    assert list(views(tmp_path)) == ["c", "b", "a"]
