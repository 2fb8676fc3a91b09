"""The stack of a home of its own, killed in every way that a machine can think of."""

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer

from streams.errors import VitalsError
from streams.settings import Settings
from streams.sink_tables import Table
from streams.stack import addresses, failed_writes, home, probes, processes, supervision
from streams.stack.backlog import Backlog
from streams.stack.doctor import examine
from streams.stack.parts import pid_file
from streams.stack.start import up
from streams.stack.status import stack_status
from streams.stack.steps import Steps
from streams.stack.stop import data_of, down, wipe
from streams.warehouse import Warehouse, WarehouseAwayError
from tests.conftest import make_settings
from tests.strain import sample

pytestmark = pytest.mark.integration
SERVERS = ("kafka", "clickhouse")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    settings = make_settings(tmp_path_factory.mktemp("trial") / "a home with a space & 100 % more")
    settings = start(settings)
    run_sql(settings, "CREATE DATABASE vitals_kept")
    run_sql(settings, "CREATE TABLE vitals_kept.kept (n UInt64) ENGINE = MergeTree ORDER BY n")
    run_sql(settings, "INSERT INTO vitals_kept.kept SELECT number FROM numbers(1000)")
    produce(settings, 1000)
    yield settings
    down(settings, steps=Steps([].append, is_live=False))
    assert processes_of(settings) == []


def start(settings: Settings, said: list[str] | None = None) -> Settings:
    return up(settings, agents=False, steps=Steps((said if said is not None else []).append, is_live=False))


def run_sql(settings: Settings, statement: str) -> None:
    """A statement that gives no rows."""
    probes.execute(settings, statement)


def produce(settings: Settings, count: int) -> None:
    producer = Producer({"bootstrap.servers": settings.kafka, "acks": "all"})
    for number in range(count):
        producer.produce("dead-letters", str(number).encode(), str(number).encode())
    assert producer.flush(30) == 0


def assert_data_kept(settings: Settings) -> None:
    assert probes.rows(settings, "SELECT count(), sum(n) FROM vitals_kept.kept") == [[1000, 499500]]
    assert Backlog(settings).records("dead-letters") == 1000


def pid_of(settings: Settings, name: str) -> int:
    return int(pid_file(settings, name).read_text())


def kill(settings: Settings, name: str, number: int = signal.SIGKILL) -> None:
    pid = pid_of(settings, name)
    os.kill(pid, number)
    if number == signal.SIGKILL:
        assert processes.wait_until(lambda: not processes.command_of(pid), 60)


def processes_of(settings: Settings) -> list[list[str]]:
    """Every process on the machine that carries this home on its command line."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    commands = [processes.command_of(pid) for pid in pids if pid != os.getpid()]
    return [command for command in commands if any(str(settings.home) in argument for argument in command)]


def answers(settings: Settings) -> bool:
    return all(probes.error_of(settings, name) is None for name in SERVERS)


def test_the_servers_answer_on_loopback_only(settings: Settings) -> None:
    assert answers(settings)
    for port in (addresses.port_of(settings.kafka), settings.clickhouse_port, settings.clickhouse_http_port):
        listening = [row for row in listeners() if row[1] == port]
        assert [address for address, _ in listening] == ["127.0.0.1"]


def listeners() -> list[tuple[str, int]]:
    found = []
    for table, width in (("tcp", 8), ("tcp6", 32)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            host, port = local.split(":")
            if state == "0A":
                is_mapped = host.startswith("0000000000000000FFFF0000")
                octets = bytes.fromhex(host[-8:])[::-1]
                name = socket.inet_ntoa(octets) if width == 8 or is_mapped else host
                found.append((name, int(port, 16)))
    return found


def test_a_second_up_changes_nothing(settings: Settings) -> None:
    before = {name: pid_of(settings, name) for name in (*SERVERS, "supervisord")}
    said: list[str] = []
    assert start(settings, said) == settings
    assert {name: pid_of(settings, name) for name in before} == before
    assert "already up" in said[-1]


@pytest.mark.parametrize("name", SERVERS)
def test_a_killed_server_comes_back_by_itself_with_its_data(settings: Settings, name: str) -> None:
    before = pid_of(settings, name)
    kill(settings, name)
    assert processes.wait_until(lambda: answers(settings), 240)
    assert pid_of(settings, name) != before
    assert_data_kept(settings)


def test_what_the_disk_does_not_take_is_told_and_mended(settings: Settings) -> None:
    """The engine itself says yes to such an insert. Should it refuse one day, this is where it is seen."""
    before, warehouse = pid_of(settings, "clickhouse"), Warehouse(settings, database="vitals_kept")
    table = Table("filled", {"n": "int"})
    run_sql(settings, "CREATE TABLE vitals_kept.filled (n Int64) ENGINE = MergeTree ORDER BY n")
    assert warehouse.insert(table, {"n": list(range(5000))}) == 5000
    resource.prlimit(before, resource.RLIMIT_FSIZE, (256, resource.RLIM_INFINITY))
    with pytest.raises(WarehouseAwayError, match="cannot write to its disk"):
        warehouse.insert(table, {"n": list(range(5000, 9000))})
    assert processes.wait_until(lambda: pid_of(settings, "clickhouse") != before and answers(settings), 240)
    assert warehouse.query("SELECT count(), max(n) FROM filled") == [(5000, 4999)]
    assert_data_kept(settings)


def test_what_was_merged_is_kept_for_longer_than_a_server_that_could_not_write_goes_on(settings: Settings) -> None:
    """The engine itself keeps it for no time at all."""
    ((kept_s,),) = probes.rows(
        settings, "SELECT value FROM system.merge_tree_settings WHERE name = 'old_parts_lifetime'"
    )
    assert int(kept_s) >= 2 * failed_writes.LONGEST_S


@pytest.mark.parametrize("name", SERVERS)
def test_up_starts_a_hung_server_anew(settings: Settings, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.stack.start.HUNG_AFTER_S", 0.5)
    before = pid_of(settings, name)
    kill(settings, name, signal.SIGSTOP)
    said: list[str] = []
    start(settings, said)
    assert any("does not answer: starting it anew" in line for line in said)
    assert pid_of(settings, name) != before
    assert_data_kept(settings)


def test_up_goes_on_after_the_supervisor_was_killed(settings: Settings) -> None:
    kill(settings, "supervisord")
    assert stack_status(settings).parts[0].state == "left over"
    said: list[str] = []
    assert start(settings, said) == settings
    assert "  ending what a killed stack left running: clickhouse, kafka" in said
    assert_data_kept(settings)


def test_up_goes_on_after_everything_was_killed(settings: Settings) -> None:
    for name in ("supervisord", *SERVERS):
        kill(settings, name)
    assert start(settings) == settings
    assert_data_kept(settings)


def test_a_pid_that_was_reused_by_another_process_is_left_alone(settings: Settings) -> None:
    down(settings, steps=Steps([].append, is_live=False))
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        pid_file(settings, "kafka").write_text(f"{other.pid}\n")
        start(settings)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
    assert_data_kept(settings)


def test_a_taken_port_is_told_and_another_one_used(settings: Settings) -> None:
    down(settings, steps=Steps([].append, is_live=False))
    taken = addresses.port_of(settings.kafka)
    with socket.create_server(("127.0.0.1", taken)):
        said: list[str] = []
        moved = start(settings, said)
        assert addresses.port_of(moved.kafka) != taken
        assert any(f"port {taken} is taken" in line for line in said)
        assert_data_kept(moved)
        down(moved, steps=Steps([].append, is_live=False))
    assert start(settings) == settings


def test_a_configured_port_that_is_taken_is_an_error(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    down(settings, steps=Steps([].append, is_live=False))
    monkeypatch.setenv("VITALS_CLICKHOUSE_PORT", str(settings.clickhouse_port))
    taken = socket.create_server(("127.0.0.1", settings.clickhouse_port))
    with taken, pytest.raises(VitalsError, match=r"taken by another program: .* VITALS_CLICKHOUSE_PORT"):
        start(settings)
    assert supervision.running(settings) is None, "it would be a supervisor of nothing"
    monkeypatch.undo()
    assert start(settings) == settings


def test_up_says_when_another_one_works_on_the_home(settings: Settings) -> None:
    with home.locked(settings), pytest.raises(VitalsError, match="another `vitals up` or `down` is working"):
        start(settings)


def test_a_server_that_cannot_start_is_told_with_its_log(settings: Settings) -> None:
    supervisor = supervision.running(settings)
    assert supervisor
    supervisor.stop(["clickhouse"])
    broken = settings.home / "clickhouse" / "data" / "metadata" / "vitals_kept.sql"
    kept = broken.read_text()
    said: list[str] = []
    broken.write_text("ATTACH nonsense")
    try:
        with pytest.raises(VitalsError, match=r"ClickHouse 26\.9 did not start: it keeps ending"):
            start(settings, said)
    finally:
        broken.write_text(kept)
    assert any("Syntax error" in line for line in said)
    start(settings)
    assert_data_kept(settings)


def test_the_readonly_user_reads_our_database_and_nothing_else(settings: Settings) -> None:
    bi = msgspec.structs.replace(settings, clickhouse_user="bi", clickhouse_password=settings.password_of("bi"))
    assert probes.rows(bi, "SELECT count() > 0 FROM vitals.schema_migrations") == [[1]]
    for refused in (
        "INSERT INTO vitals.events_v1 (group_id) VALUES ('x')",
        "DROP TABLE vitals.events_v1",
        "SELECT * FROM vitals_kept.kept",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM system.users",
        "CREATE TEMPORARY TABLE t (n UInt8)",
    ):
        with pytest.raises(VitalsError, match=r"READONLY|ACCESS_DENIED|privileges"):
            probes.execute(bi, refused)
    with pytest.raises(VitalsError, match="readonly"):
        probes.execute(bi, "SET readonly = 0")


@pytest.mark.parametrize(
    "statement", ["CREATE DATABASE vitals", "SYSTEM STOP LISTEN HTTP", "SELECT count() FROM vitals_kept.kept"]
)
def test_the_engines_own_user_is_of_no_use_from_outside(settings: Settings, statement: str) -> None:
    default = msgspec.structs.replace(settings, clickhouse_user="default", clickhouse_password="")
    with pytest.raises(VitalsError, match=r"QUOTA_EXCEEDED|ACCESS_DENIED"):
        probes.execute(default, statement)


@pytest.mark.parametrize("user", ["default", "bi", "vitals"])
@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        ("SELECT file('/etc/passwd')", "reads no files here"),
        ("SELECT file('/etc/passwd', 'none')", "BAD_ARGUMENTS"),
        ("SELECT a, * APPLY(file) FROM (SELECT '/etc/passwd' AS a)", "reads no files here|QUOTA_EXCEEDED"),
        ("SELECT * FROM python('x')", "FUNCTION_NOT_ALLOWED"),
        ("SELECT * FROM python('x') SETTINGS allow_python_table_function = 1", "should not be changed|PROHIBITED"),
        (
            "SELECT 1 AS a FORMAT Protobuf SETTINGS output_format_schema = '{home}/written.proto'",
            "should not be changed",
        ),
        ("SELECT 1 FORMAT Template SETTINGS format_template_resultset = '/etc/passwd'", "should not be changed"),
    ],
)
def test_no_query_reads_or_writes_a_file_or_ends_the_engine(
    settings: Settings, user: str, statement: str, refusal: str
) -> None:
    password = {"default": "", "bi": settings.password_of("bi"), "vitals": settings.password_of("clickhouse")}[user]
    who = msgspec.structs.replace(settings, clickhouse_user=user, clickhouse_password=password)
    with pytest.raises(VitalsError, match=refusal):
        probes.execute(who, statement.format(home=settings.home))
    assert not (settings.home / "written.proto").exists()


def test_a_reader_cannot_lift_his_limits(settings: Settings) -> None:
    bi = msgspec.structs.replace(settings, clickhouse_user="bi", clickhouse_password=settings.password_of("bi"))
    assert probes.rows(bi, "SELECT 1 SETTINGS max_execution_time = 300") == [[1]]
    for setting in ("max_execution_time = 0", "max_memory_usage = 0", "max_memory_usage = 2000000000"):
        with pytest.raises(VitalsError, match="shouldn't be"):
            probes.execute(bi, f"SELECT 1 SETTINGS {setting}")


def test_no_table_that_keeps_the_engine_from_starting_can_be_made(settings: Settings) -> None:
    with pytest.raises(VitalsError, match="TABLE ENGINE ON Kafka"):
        probes.execute(settings, "CREATE TABLE vitals.k (a UInt8) ENGINE = Kafka('127.0.0.1:1', 't', 'g', 'JSON')")


def test_a_wrong_password_is_refused(settings: Settings) -> None:
    wrong = msgspec.structs.replace(settings, clickhouse_password="guess")
    assert "AUTHENTICATION_FAILED" in (probes.clickhouse_error(wrong) or "")


def test_secrets_are_readable_by_their_owner_only(settings: Settings) -> None:
    paths = [settings.home, settings.secrets, *settings.secrets.iterdir(), *settings.home.glob("clickhouse/*.xml")]
    assert {path: path.stat().st_mode & 0o077 for path in paths} == dict.fromkeys(paths, 0)
    stored = (settings.home / "clickhouse" / "users.xml").read_text()
    assert settings.password_of("clickhouse") not in stored


def test_status_counts_lag_rows_and_dead_letters(settings: Settings) -> None:
    found = stack_status(settings)
    servers = {part.name: part for part in found.parts if part.name in SERVERS}
    assert [part.trouble for part in servers.values()] == [None, None]
    assert all(part.pid == pid_of(settings, name) and part.memory_bytes for name, part in servers.items())
    assert not found.is_healthy  # no agents were started
    assert found.dead_letters == 1000
    assert found.lag == {
        "vitals-groups": 0,
        "vitals-identity": 0,
        "vitals-attribution": 0,
        "vitals-alerts": 0,
        "vitals-sink": 1000,
    }
    assert found.rows is not None
    assert found.rows["schema_migrations"] > 0
    assert found.rows["events_v1"] == 0


def test_doctor_finds_the_dead_letters_and_the_missing_agents_and_nothing_else(settings: Settings) -> None:
    problems = {finding.name for finding in examine(settings) if finding.advice}
    assert problems == {"dead letters", "groups-1", "identity", "attribution", "alerts", "sink", "ticker"}


def test_servers_of_somebody_else_are_used_and_left_alone(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another home is told of the trial's servers: it starts none of its own, and `down` there stops none."""
    mine = {
        "kafka": settings.kafka,
        "clickhouse_port": settings.clickhouse_port,
        "clickhouse_http_port": settings.clickhouse_http_port,
        "clickhouse_password": settings.password_of("clickhouse"),
    }
    for name, value in mine.items():
        monkeypatch.setenv(f"VITALS_{name.upper()}", str(value))
    other = Settings(home=tmp_path, cache=settings.cache, **mine)
    assert start(other) == other
    parts = {part.name: part for part in stack_status(other).parts}
    assert {name: (parts[name].state, parts[name].trouble) for name in SERVERS} == dict.fromkeys(
        SERVERS, ("elsewhere", None)
    )
    assert {path.name for path in data_of(other)} == {"logs", "run"}
    down(other, steps=Steps([].append, is_live=False))
    assert answers(settings)


def vitals(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line as a user types it, with a home as the only setting."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VITALS_")}
    return subprocess.run(
        [sys.executable, "-m", "streams", *arguments],
        env=kept | {"VITALS_HOME": str(settings.home), "VITALS_CACHE": str(settings.cache)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def test_the_whole_stack_by_its_commands_and_after_everything_was_killed(tmp_path: Path) -> None:
    whole = make_settings(tmp_path)
    for refused in ("status", "doctor"):
        assert vitals(whole, refused).returncode == 1
    (whole.home / "vitals.toml").write_text(
        f'kafka = "{whole.kafka}"\nclickhouse_port = {whole.clickhouse_port}\n'
        f"clickhouse_http_port = {whole.clickhouse_http_port}\nworkers = 2\n"
    )
    try:
        assert "groups-1, groups-2, identity, attribution, alerts, sink, ticker: running" in vitals(whole, "up").stdout
        assert processes.wait_until(lambda: vitals(whole, "status").returncode == 0, 240)
        pids = [int(path.read_text()) for path in whole.run.glob("*.pid")]
        assert len(pids) == 10
        for pid in sorted(pids, key=lambda pid: pid != pid_of(whole, "supervisord")):
            with contextlib.suppress(ProcessLookupError):  # it may end by itself when another one is gone
                os.kill(pid, signal.SIGKILL)
        dead = vitals(whole, "status", "--json")
        assert dead.returncode == 1
        assert not json.loads(dead.stdout)["is_healthy"]
        again = vitals(whole, "up")
        assert (again.returncode, again.stderr) == (0, "")
        assert processes.wait_until(lambda: vitals(whole, "doctor").returncode == 0, 240), vitals(
            whole, "doctor"
        ).stdout
        assert vitals(whole, "doctor").stdout.splitlines()[-1] == "all is well"
        assert "no part 'sinc' to start here" in vitals(whole, "up", "sinc").stderr
    finally:
        stopped = vitals(whole, "down", "--wipe", "--yes")
    order = [line.split()[1].rstrip(",") for line in stopped.stdout.splitlines() if line.startswith("  stopped:")]
    assert order == ["ticker", "sink", "alerts", "clickhouse", "kafka", "supervisor"]
    assert [path.name for path in whole.home.iterdir()] == ["vitals.toml"]
    assert processes_of(whole) == []


def test_down_leaves_no_process_and_wipe_no_data(tmp_path: Path) -> None:
    short = start(make_settings(tmp_path / ("long" * 30)))
    began = time.monotonic()
    down(short, steps=Steps([].append, is_live=False))
    assert time.monotonic() - began < 30 * sample()
    assert processes_of(short) == []
    said: list[str] = []
    down(short, steps=Steps(said.append, is_live=False))
    assert said == ["nothing was running"]
    (short.home / "vitals.toml").write_text("workers = 2\n")
    (short.home / "imports").mkdir()
    assert {path.name for path in data_of(short)} == {"kafka", "clickhouse", "imports", "logs", "run", "secrets"}
    wipe(short)
    assert [path.name for path in short.home.iterdir()] == ["vitals.toml"]
