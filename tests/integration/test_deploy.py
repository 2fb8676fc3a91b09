"""The users that `deploy/` gives to a ClickHouse of one's own, on a real server: enough for us, and no more."""

import re
import subprocess

import msgspec
import pytest

from streams.migrations import migrate
from streams.sink_tables import TABLES
from streams.stack import clickhouse, probes, processes
from streams.stack.access import Reader, views
from streams.warehouse import Warehouse, WarehouseError
from tests.conftest import make_settings
from tests.unit.test_deploy import DEPLOY

pytestmark = pytest.mark.integration

PASSWORDS = {"clickhouse_password": "writes-1", "bi_password": "reads-2"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Settings of a server with the users of `deploy/clickhouse/users.xml`, and the one that its engine starts as."""
    settings = make_settings(tmp_path_factory.mktemp("own"), **PASSWORDS)
    clickhouse.configure(settings)
    folder = clickhouse.folder(settings)
    digests = [clickhouse._digest(password) for password in PASSWORDS.values()]
    (folder / "digests").write_text(
        "<clickhouse><vitals_digest>{}</vitals_digest><bi_digest>{}</bi_digest></clickhouse>".format(*digests)
    )
    embedded = (folder / "users.xml").read_text()
    (folder / "users.xml").write_text(re.sub(r"<(vitals|bi|reader)>.*?</\1>", "", embedded, flags=re.DOTALL))
    ours = (DEPLOY / "clickhouse" / "users.xml").read_text()
    ours = ours.replace('<default remove="remove"/>', "").replace(
        "/run/secrets/clickhouse-digests", f"{folder}/digests"
    )
    (folder / "users.d").mkdir()
    (folder / "users.d" / "vitals.xml").write_text(ours)
    with subprocess.Popen(clickhouse.command(settings), stderr=subprocess.DEVNULL) as process:
        try:
            assert processes.wait_until(lambda: probes.clickhouse_error(settings) is None, 240)
            yield settings
        finally:
            process.terminate()
            process.wait(120)


def test_the_writer_makes_the_schema_and_fills_it_and_the_reader_reads(server):
    assert len(migrate(server)) > 5
    assert migrate(server) == []
    table = next(table for table in TABLES if table.name == "groups_v1")
    assert Warehouse(server).insert(table, {"group_id": ["b/g"], "brand_id": ["b"], "platform": ["p"]}) == 1
    assert Warehouse(server, "bi").query("SELECT count() FROM groups_v1") == [(1,)]
    for view in views():
        assert Warehouse(server, "bi").query(f"SELECT count() FROM (SELECT * FROM {view})")


@pytest.mark.parametrize(
    ("who", "sql"),
    [
        ("bi", "INSERT INTO groups_v1 (group_id) VALUES ('x')"),
        ("bi", "DROP TABLE groups_v1"),
        ("bi", "SELECT raw_id, name FROM members_v1"),
        ("bi", "SELECT original FROM dead_letters_v1"),
        ("bi", "SELECT * FROM system.users"),
        ("bi", "SELECT * FROM url('http://127.0.0.1:1', 'CSV', 'a String')"),
        ("clickhouse", "SELECT * FROM file('/etc/passwd', 'LineAsString')"),
        ("clickhouse", "CREATE TABLE t (a Int8) ENGINE = URL('http://127.0.0.1:1', CSV)"),
        ("clickhouse", "CREATE DATABASE other"),
    ],
)
def test_neither_may_do_more(server, who, sql):
    migrate(server)
    with pytest.raises(WarehouseError, match="Not enough privileges"):
        Warehouse(server, who).query(sql)


def test_nobody_comes_in_without_the_password(server):
    with pytest.raises(WarehouseError, match="Authentication failed"):
        Warehouse(msgspec.structs.replace(server, bi_password="guessed"), "bi").query("SELECT 1")


def test_a_server_with_users_in_sql_takes_the_statements(server):
    text = (DEPLOY / "clickhouse" / "users.sql").read_text()
    statements = [part.strip() for part in re.split(r";\s*$", text, flags=re.MULTILINE) if part.strip()]
    assert len(statements) > 7
    for statement in statements:
        assert Warehouse(server).query("SELECT formatQuery(%(sql)s)", {"sql": statement})


def test_both_ways_grant_the_same_and_the_reader_what_it_reads_in_a_stack_of_ours():
    xml = (DEPLOY / "clickhouse" / "users.xml").read_text()
    users = {name: re.search(rf"<{name}>\s*<password.*?</{name}>", xml, re.DOTALL)[0] for name in ("vitals", "bi")}
    granted = {(name, grant) for name, block in users.items() for grant in re.findall(r"GRANT ([^<]+)", block)}
    sql = (DEPLOY / "clickhouse" / "users.sql").read_text()
    listed = {(name, part) for rights, name in re.findall(r"^GRANT (.*) TO (\w+);", sql, re.MULTILINE)
              for part in re.split(r", (?=[A-Z])", rights)}  # fmt: skip
    assert listed == granted
    read = {grant.removeprefix("GRANT ") for grant in Reader("bi", "bi").grants("vitals")}
    assert {grant for name, grant in granted if name == "bi"} == read
    assert len(granted - {("bi", grant) for grant in read}) == 5
