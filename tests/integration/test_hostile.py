"""A whole stack under hostile input: each has one fate, nothing restarts, letters go back in once."""

import contextlib
import os
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException
from confluent_kafka import KafkaError, Message, Producer

from streams import letter_box
from streams.dead_letters import REASONS, DeadLetter, dead_letter
from streams.events import Message as Said
from streams.settings import Settings
from streams.sink_tables import MEMBERS, TABLES
from streams.stack import access
from streams.stack.addresses import free_port, port_of
from streams.stack.backlog import GROUPS, Backlog
from streams.stack.parts import agent_parts, pid_file
from streams.stack.processes import command_of
from streams.stack.start import up
from streams.stack.steps import Steps
from streams.stack.stop import down
from streams.warehouse import Warehouse
from tests.conftest import Vitals, make_settings
from tests.importing import write
from tests.poison import fates
from tests.poison.case import ACCEPTED, Case
from tests.poison.corpus import fuzzed, made

pytestmark = pytest.mark.integration

SECRETS = {"clickhouse_password": "known-clickhouse-Zq81vXw", "bi_password": "known-bi-Ty27rLk"}
LARGE = 100_000
KNOWN = {ACCEPTED, *REASONS}
Place = tuple[str, int, int]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """As in conftest, with secrets that are known, and all that the libraries beneath have to say in the logs."""
    metrics = f"127.0.0.1:{free_port(set())}"
    settings = make_settings(tmp_path_factory.mktemp("hostile"), tick_seconds=2.0, metrics=metrics, **SECRETS)
    quiet = Steps(lambda _: None, is_live=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VITALS_DEBUG", "1")
        for name, secret in SECRETS.items():  # for the commands
            patch.setenv(f"VITALS_{name.upper()}", secret)
        try:
            yield up(settings, steps=quiet)
        finally:
            down(settings, steps=quiet)


def until(condition: Callable[[], Any], seconds: float = 300) -> Any:
    """What `condition` gives once it gives something true; fails after some seconds."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)
    return found


def settled(home: Settings) -> bool:
    """Whether every consumer has committed all that stood in its topics when this was asked, ticks of now apart."""
    look = Backlog(home)
    return all(look.lag(group) <= 2 * home.partitions for group in GROUPS)


def cases(now: int) -> list[Case]:
    """All by hand, and one of each field: all small ones, and of the large ones those by the limit."""
    whole = [*made(now, fates.BRAND), *fuzzed(now, fates.BRAND, each=1)]
    return [case for case in whole if len(case.value or b"") < LARGE or "1 MiB" in case.name or "roster" in case.name]


def send(home: Settings, some: list[Case]) -> dict[str, Place | None]:
    """Where each case came to lie, by name; None where Kafka itself refused it. Half are packed, some have headers."""
    config = {"bootstrap.servers": home.kafka, "partitioner": "murmur2_random", "message.max.bytes": 4 << 20}
    producers = [Producer(config), Producer(config | {"compression.type": "gzip"})]
    places: dict[str, Place | None] = {}

    def report(name: str) -> Callable[[KafkaError | None, Message], None]:
        return lambda error, it: places.update({name: None if error else (it.topic(), it.partition(), it.offset())})

    for number, case in enumerate(some):
        headers = [("traceparent", b"\xff\x00"), ("", None)] if number % 3 == 0 else None
        where = {"partition": number % home.partitions} if case.topic in {"chat-events", "purchases"} else {}
        producers[number % 2].produce(
            case.topic, case.value, case.key, headers=headers, on_delivery=report(case.name), **where
        )
        producers[number % 2].poll(0)
    assert [producer.flush(60) for producer in producers] == [0, 0]
    return places


def pids(home: Settings) -> dict[str, int]:
    return {part.name: int(pid_file(home, part.name).read_text()) for part in agent_parts(home)}


def test_every_hostile_input_has_the_fate_in_kafka_that_it_has_without(home: Settings) -> None:
    before = pids(home)
    some = cases(time.time_ns() // 1_000_000)
    places = send(home, some)
    tasting = fates.Tasting()
    wanted = {one.name: one.wanted if one.wanted in KNOWN else tasting.fate(one) for one in cases(fates.NOW)}
    by_place = {place: name for name, place in places.items() if place is not None}
    until(lambda: settled(home))
    refused = until(lambda: letters_at(home, by_place, sum(wanted[name] != ACCEPTED for name in by_place.values())))
    found = {name: refused.get(name, ACCEPTED) for name in by_place.values()}
    assert {name: fate for name, fate in found.items() if fate != wanted[name]} == {}
    assert all("1 MiB" in name for name, place in places.items() if place is None), "Kafka refused another"
    assert len(found) > 2000
    until(lambda: rows_of_accepted(home, some, found) == [])  # the sink may have been a tick behind
    assert pids(home) == before, "a part ended"
    logs = b"".join(path.read_bytes() for path in home.logs.glob("*.log"))
    assert b"Traceback" not in logs


def letters_at(home: Settings, by_place: dict[Place, str], wanted: int) -> dict[str, str]:
    """Reason by name of what was refused, once there are as many letters as there should be; one row of each."""
    letters = [kept.letter for kept in letter_box.find(home, lambda letter: place_of(letter) in by_place)]
    counted = Counter(by_place[place_of(letter)] for letter in letters)
    assert set(counted.values()) <= {1}
    in_rows = Warehouse(home).query(
        "SELECT origin, partition, position, count() FROM dead_letters_v1 FINAL GROUP BY ALL"
    )
    stored = {by_place.get((origin, partition, at)): count for origin, partition, at, count in in_rows}
    if len(letters) < wanted or not counted.keys() <= stored.keys():
        return {}
    assert {name: stored[name] for name in counted} == counted
    return {by_place[place_of(letter)]: letter.reason for letter in letters}


def place_of(letter: DeadLetter) -> Place:
    return letter.origin, letter.partition, letter.position


class Head(msgspec.Struct):
    type: str
    event_id: str


def rows_of_accepted(home: Settings, some: list[Case], found: dict[str, str]) -> list[str]:
    """The names of accepted events of chat-events and purchases that are not in their table; some types have none."""
    tables = ("events_v1", "purchases_v1", "identity_links_v1")
    stored = {row[0] for table in tables for row in Warehouse(home).query(f"SELECT event_id FROM {table}")}
    missing = []
    for case in some:
        if case.topic in ("chat-events", "purchases") and found.get(case.name) == ACCEPTED:
            head = msgspec.json.decode(case.value or b"", type=Head)
            if head.type not in ("tick", "calibration", "touch", "member_seen") and head.event_id not in stored:
                missing.append(case.name)
    return missing


# --- replay -----------------------------------------------------------------------------------------------------------


def test_after_a_fix_a_letter_comes_in_once_however_often_it_is_told(home: Settings, vitals: Vitals) -> None:
    group = "mended/irc/g"
    ids = [f"mended:{number}" for number in range(20)]
    now = time.time_ns() // 1_000_000
    letters = []
    for number, event_id in enumerate(ids):
        said = Said(event_id=event_id, occurred_at=now, brand_id="mended", platform="irc", group_id=group,
                    member_id="m", source="irc/mended", source_seq=number + 1, source_prev=number)  # fmt: skip
        letters.append(
            dead_letter(msgspec.json.encode(said), origin="chat-events", partition=3, position=10**9 + number,
                        reason="unknown_type", detail="as an older version said", at=now, key=group.encode())
        )  # fmt: skip
    bad = msgspec.structs.replace(letters[0], letter_id="bad0" * 8, original=b"{", size=1)
    assert letter_box.put(home, [*letters, bad]) == []
    chosen = ["--reason", "unknown_type", "--since", time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 1000))]
    mine = [part for letter in [*letters, bad] for part in ("--id", letter.letter_id)]
    assert "would send 21 again, 21 to chat-events" in vitals("dead-letters", "replay", *chosen, *mine, "--dry-run")
    _sent_without_a_mark(home, letters[:7])  # killed between the two
    assert "sent 21 again" in vitals("dead-letters", "replay", *chosen, *mine)
    assert "sent 0 again" in vitals("dead-letters", "replay", *mine)
    assert "sent 21 again" in vitals("dead-letters", "replay", *mine, "--again")
    count = "SELECT count(), uniqExact(event_id) FROM events_v1 FINAL WHERE brand_id = 'mended'"
    until(lambda: Warehouse(home).query(count) == [(20, 20)])
    messages = "SELECT messages_7d FROM group_health WHERE group_id = 'mended/irc/g'"
    until(lambda: Warehouse(home).query(messages) == [(20,)])
    again = until(lambda: [kept for kept in letter_box.find(home, lambda it: it.original == b"{" and it.partition == 3)
                           if kept.again_of == bad.letter_id])  # fmt: skip
    assert {kept.letter.reason for kept in again} == {"malformed_json"}
    told = vitals("dead-letters", "list", "--id", again[-1].letter.letter_id)
    assert f"[again {bad.letter_id[:8]}]" in told


def _sent_without_a_mark(home: Settings, letters: list[DeadLetter]) -> None:
    producer = Producer({"bootstrap.servers": home.kafka})
    for letter in letters:
        producer.produce(letter.origin, letter.original, letter.key, letter.partition)
    assert producer.flush(10) == 0


# --- who reaches what -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told(home: Settings, vitals: Vitals, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What an import of chat with names of its own said; brand `mine`. Its members wrote and are in the tables."""
    root = tmp_path_factory.mktemp("export")
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
    talk = "".join(f"[{10 + n % 12}:{n % 60:02}] <{nick}> {TEXT}\n" for n, nick in enumerate(NICKS * 5))
    write(root, {f"{channel}/{day[:4]}/{day}": talk for channel in ("den", "hut")})
    said = vitals("import", "irc", root, "--brand", "mine") + vitals("import", "irc", root, "--brand", "theirs")
    brands = "SELECT count(), uniqExact(brand_id) FROM members_v1 WHERE brand_id IN ('mine', 'theirs')"
    until(lambda: Warehouse(home).query(brands) == [(2 * len(NICKS), 2)])
    until(lambda: Warehouse(home).query(brands.replace("members_v1", "group_vitals_v1"))[0][1] == 2)
    return said


NICKS = [f"Zqnick{number}Wv" for number in range(6)]
TEXT = "unheardofWordXq"


def log_in(home: Settings, user: str, password: str, **more: Any) -> Client:
    return Client(home.clickhouse_host, port=home.clickhouse_port, user=user, password=password, **more)


@pytest.fixture(scope="module")
def reader(home: Settings, vitals: Vitals, told: str) -> Callable[[], Client]:
    """Connects as a user who reads the brand `mine` alone."""
    access.add(home, "gone_bi", ("mine",))
    said = vitals("access", "add", "mine_bi", "--brand", "mine")
    path = home.secrets / "reader-mine_bi"
    assert str(path) in said
    assert path.stat().st_mode & 0o077 == 0
    assert path.read_text().strip() not in said
    return lambda: log_in(home, "mine_bi", path.read_text().strip(), database="vitals")


BRAND_TABLES = [table.name for table in TABLES if "brand_id" in table.columns and table is not MEMBERS]


@pytest.mark.parametrize("table", BRAND_TABLES)
def test_a_reader_of_one_brand_reads_all_of_its_rows_and_no_other(home, reader, table) -> None:
    count = f"SELECT count(), countIf(brand_id != 'mine') FROM {table}"

    def counted() -> tuple[int, int, int]:
        everything, of_others = Warehouse(home).query(count)[0]
        mine, others = reader().execute(count)[0]
        assert others == 0
        return mine, everything - of_others, of_others

    # The stack lives: rows come, and merges drop those that were replaced, between one count and the other.
    mine, _, of_others = until(lambda: (found := counted()) and found[0] == found[1] and found)
    if table in {"events_v1", "groups_v1", "group_vitals_v1"}:
        assert mine > 0 < of_others


def test_every_view_shows_a_reader_of_one_brand_that_brand_alone(home, reader) -> None:
    client, bi = reader(), log_in(home, "bi", SECRETS["bi_password"], database="vitals")
    seen = set()
    for view in access.views():
        columns = {name for name, *_ in client.execute(f"DESCRIBE TABLE {view}")}
        if "brand_id" in columns:
            brands = f"SELECT DISTINCT brand_id FROM {view}"
            assert {brand for (brand,) in client.execute(brands)} <= {"mine"}, view
            seen |= {view} if len(bi.execute(brands)) > 1 else set()
        else:
            client.execute(f"SELECT * FROM {view} LIMIT 1")
    assert {"groups", "group_health", "group_history", "member_activity"} <= seen
    ids = "SELECT group_id FROM group_health ORDER BY group_id"
    assert client.execute(ids) == bi.execute(ids.replace(" ORDER", " WHERE brand_id = 'mine' ORDER"))
    assert client.execute("SELECT count() FROM dead_letters") == [(0,)]
    assert bi.execute("SELECT count() FROM dead_letters") != [(0,)] or not letter_box.find(home, lambda _: True)


REFUSED = {
    "names": "SELECT * FROM members_v1",
    "the bytes of dead letters": "SELECT original FROM dead_letters_v1",
    "the index of a table": "SELECT * FROM mergeTreeIndex('vitals', 'events_v1')",
    "a file": "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "a file as a value": "SELECT file('/etc/passwd')",
    "a URL": "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    "another server": "SELECT * FROM remote('127.0.0.1:1', 'vitals', 'events_v1')",
    "MySQL": "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
    "Postgres": "SELECT * FROM postgresql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
    "S3": "SELECT * FROM s3('http://127.0.0.1:1/bucket/key', 'LineAsString')",
    "SQLite": "SELECT * FROM sqlite('/tmp/x', 't')",
    "a program": "SELECT * FROM executable('id', 'TSV', 'x String')",
    "Python": "SELECT * FROM python('x')",
    "users": "SELECT * FROM system.users",
    "grants": "SELECT * FROM system.grants",
    "row policies": "SELECT * FROM system.row_policies",
    "the queries of others": "SELECT * FROM system.processes",
    "the log of queries": "SELECT * FROM system.query_log",
    "the server's settings": "SELECT * FROM system.server_settings",
    "disks": "SELECT * FROM system.disks",
    "named collections": "SELECT * FROM system.named_collections",
    "a dictionary": "SELECT * FROM dictionary('x')",
    "to insert": "INSERT INTO groups_v1 (group_id) VALUES ('x')",
    "to delete": "ALTER TABLE events_v1 DELETE WHERE 1",
    "to truncate": "TRUNCATE TABLE events_v1",
    "to drop": "DROP TABLE events_v1",
    "a table": "CREATE TABLE x (a UInt8) ENGINE = Memory",
    "a temporary table": "CREATE TEMPORARY TABLE x (a UInt8)",
    "a function": "CREATE FUNCTION x AS a -> a",
    "a user": "CREATE USER x",
    "a row policy": "DROP ROW POLICY x ON events_v1",
    "to kill": "KILL QUERY WHERE 1",
    "to stop": "SYSTEM SHUTDOWN",
    "a backup": "BACKUP DATABASE vitals TO File('/tmp/x')",
    "to write": "SET readonly = 0",
    "more memory": "SELECT 1 SETTINGS max_memory_usage = 2000000000",
    "all memory": "SELECT 1 SETTINGS max_memory_usage = 0",
    "more memory for all queries": "SELECT 1 SETTINGS max_memory_usage_for_user = 0",
    "more queries at once": "SELECT 1 SETTINGS max_concurrent_queries_for_user = 0",
    "more disk": "SELECT 1 SETTINGS max_temporary_data_on_disk_size_for_user = 0",
    "more time": "SELECT 1 SETTINGS max_execution_time = 0",
    "another profile": "SELECT 1 SETTINGS profile = 'default'",
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("who", ["mine_bi", "bi", "default"])
def test_what_no_reader_may(home, reader, who, what) -> None:
    password = {"mine_bi": (home.secrets / "reader-mine_bi").read_text().strip(), "bi": SECRETS["bi_password"]}
    if who == "bi" and what == "the index of a table":
        pytest.skip("who reads all rows may read the index")
    if who == "default" and what in {
        "more queries at once",
        "more disk",
        "more memory for all queries",
        "more time",
        "to write",
    }:
        pytest.skip("it has no such limit, and reads no table whatever it sets")
    with pytest.raises(ServerException) as refused:
        log_in(home, who, password.get(who, ""), database="vitals").execute(REFUSED[what])
    assert refused.value.code in ERRORS, str(refused.value)[:200]
    assert not (set(SECRETS.values()) & set(str(refused.value).split()))


ERRORS = {
    36,  # a bad argument, before a right is asked for
    60,  # no such table
    81,  # no such database
    164,  # read only
    201,  # the quota of who starts the server
    291, 497,  # no right to it
    344,  # not supported here
    395,  # file() reads no files here
    446,  # the function is not allowed
    452,  # a limit that may not be lifted
}  # fmt: skip


@pytest.mark.parametrize(
    ("user", "password"), [("bi", ""), ("bi", "bi"), ("vitals", ""), ("vitals", "vitals"), ("x", "")]
)
def test_nobody_gets_in_without_the_password(home, user, password) -> None:
    with pytest.raises(ServerException, match="Authentication failed"):
        log_in(home, user, password).execute("SELECT 1")


def test_a_reader_who_was_removed_is_let_in_no_more(home, vitals, reader) -> None:
    password = (home.secrets / "reader-gone_bi").read_text().strip()
    assert log_in(home, "gone_bi", password).execute("SELECT 1") == [(1,)]
    vitals("access", "remove", "gone_bi")
    assert not (home.secrets / "reader-gone_bi").exists()
    with pytest.raises(ServerException, match="Authentication failed"):
        log_in(home, "gone_bi", password).execute("SELECT 1")
    assert vitals("access", "list").split() == ["bi", "all", "brands", "mine_bi", "mine"]
    assert reader().execute("SELECT 1") == [(1,)]


# --- what listens, and what is said -----------------------------------------------------------------------------------


def parts_of(home: Settings) -> dict[int, str]:
    """Every process of this home, by its command line."""
    found = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit() and str(home.home) in (command := " ".join(command_of(int(path.name)))):
            found[int(path.name)] = command
    return found


def listening(pid: int) -> list[tuple[str, int]]:
    """The addresses at which a process listens."""
    inodes = set()
    with contextlib.suppress(OSError):  # of a process that ended, or what it closed
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                inodes.add(str(link.readlink()).removeprefix("socket:[").rstrip("]"))
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            local, state, inode = (line.split()[place] for place in (1, 3, 9))
            if state == "0A" and inode in inodes:
                host, port = local.split(":")
                found.append((host, int(port, 16)))
    return found


LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}


def test_everything_listens_on_loopback_and_no_worker_at_all_but_for_its_metrics(home) -> None:
    servers = {port_of(home.kafka), home.clickhouse_port, home.clickhouse_http_port}

    def looked() -> dict[str, list[tuple[str, int]]]:
        """What each process listens at; none while the table of the kernel moves under its reader."""
        found = {command: listening(pid) for pid, command in parts_of(home).items()}
        return found if servers <= {port for places in found.values() for _, port in places} else {}

    found = until(looked)
    assert len(found) >= 9
    assert {host for places in found.values() for host, _ in places} <= LOOPBACK
    heard = {port for places in found.values() for _, port in places}
    metrics = port_of(home.metrics or "")
    assert all(metrics <= port < metrics + 20 for port in heard - servers if port not in kafkas_own(found))


def kafkas_own(found: dict[str, list[tuple[str, int]]]) -> set[int]:
    """The ports of the broker's controller, on loopback as all else."""
    return {port for command, places in found.items() if "kafka.Kafka" in command for _, port in places}


def everything_said(home: Settings, told: str) -> str:
    """Logs, status files and metrics of all parts, and what the commands said."""
    paths = [*home.logs.glob("*"), *home.run.glob("*.json"), *home.run.glob("*.conf")]
    said = [path.read_bytes().decode("utf-8", "replace") for path in paths if path.is_file()]
    for port in range(port_of(home.metrics or ""), port_of(home.metrics or "") + 9):
        with contextlib.suppress(OSError):
            said.append(urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode())
    assert any("# TYPE" in one for one in said)
    return "\n".join([*said, told])


def test_no_member_and_no_name_is_in_logs_and_metrics_whatever_is_logged(home, told) -> None:
    said = everything_said(home, told)
    assert len(said) > 10_000, "the libraries have nothing to say: is it the level of debugging?"
    members = Warehouse(home).query("SELECT member_id, raw_id, name FROM members_v1 WHERE brand_id = 'mine'")
    private = {one for row in members for one in row if one} | {TEXT}
    assert len(private) >= 2 * len(NICKS)
    assert [one for one in private if one in said] == []


def test_no_secret_is_in_logs_command_lines_or_errors(home, told, vitals) -> None:
    secrets = {path.read_text().strip() for path in home.secrets.iterdir() if path.is_file()} | set(SECRETS.values())
    assert len(secrets) >= 4
    said = everything_said(home, told) + repr(home) + "".join(parts_of(home).values())
    env = os.environ | {"VITALS_HOME": str(home.home), "VITALS_DEBUG": "1"}
    for command, changed in (
        (["sql", "SELECT nonsense"], {}), (["sql", "SELECT 1"], {"VITALS_BI_PASSWORD": "a-wrong-guess-Xk2"}),
        (["groups"], {"VITALS_CLICKHOUSE_PORT": "1"}), (["topics", "apply"], {"VITALS_KAFKA": "127.0.0.1:1"}),
    ):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "streams", *command], env=env | changed, capture_output=True, text=True, check=False,
            timeout=240,
        )  # fmt: skip
        assert done.returncode == 1
        said += done.stdout + done.stderr
    assert [one for one in secrets | {"a-wrong-guess-Xk2"} if one in said] == []
    outside = vitals("status", "--json") + vitals("access", "list", "--json")
    assert [one for one in secrets if one in outside] == []
