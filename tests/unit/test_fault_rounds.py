"""The tools of the fault rounds: were they to do nothing, the rounds would prove nothing."""

import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest

from streams.agents import AGENTS
from streams.settings import Settings
from streams.sink_batch import TOPICS
from streams.sink_tables import PART_METRICS, TABLES
from streams.stack.addresses import free_port
from streams.topics import declared
from tests.conftest import make_settings
from tests.faults import clock, rows
from tests.faults.books import BROUGHT, DERIVED_ONLY, SINK_TOPICS
from tests.faults.brokers import Brokers, _java_hash
from tests.faults.catalogue import FAULTS, OF_BROKERS, OF_ONE_BROKER
from tests.faults.crew import Crew, Role
from tests.faults.progress import Progress
from tests.faults.proxy import Door
from tests.faults.schedule import deal

ANSWER = b"done\x05"


def test_equal_seeds_deal_equal_strikes_and_forget_no_fault():
    names = sorted(FAULTS)
    drawn = [deal(names, seed) for seed in (3, 3, 4)]
    rounds = [[strike for _ in range(len(names)) for strike in deck.draw(2, 2)] for deck in drawn]
    assert rounds[0] == rounds[1] != rounds[2]
    assert set(Counter(strike.fault for strike in rounds[0]).values()) == {2}


def test_three_brokers_have_faults_of_their_own_in_place_of_those_of_one():
    assert set(FAULTS) > OF_ONE_BROKER
    assert not OF_BROKERS.keys() & FAULTS.keys()


def test_a_cluster_has_three_nodes_and_settings_that_use_them_all(tmp_path):
    settings = Brokers(make_settings(tmp_path)).settings
    addresses = settings.kafka.split(",")
    assert len(set(addresses)) == settings.replication == 3
    assert not {str(settings.clickhouse_port), str(settings.clickhouse_http_port)} & {a[-5:] for a in addresses}


@pytest.mark.parametrize(("text", "number"), [("", 0), ("hello", 99162322), ("polygenelubricants", -(2**31))])
def test_a_group_is_kept_where_javas_hash_puts_it(text, number):
    assert _java_hash(text) == number


def test_a_group_that_moved_to_another_broker_is_asked_for_anew(tmp_path):
    closed = []
    progress = Progress(Settings(home=tmp_path, cache=tmp_path))
    progress._mine.client = SimpleNamespace(
        describe_groups=lambda groups: {group: {"error": "NOT_COORDINATOR", "members": []} for group in groups},
        close=lambda: closed.append(True),
    )
    assert progress.owned("vitals-groups", "groups-1") == set()
    assert closed
    assert not hasattr(progress._mine, "client")


@pytest.fixture
def heard():
    return []


@pytest.fixture
def door(heard):
    """A door in front of a server that asks for rows and says that it is done when it has them."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                call, _ = server.accept()
            except OSError:
                return
            with call:
                while said := call.recv(1000):
                    heard.append(said)
                    call.sendall(b"rows, please" if b"INSERT" in said else ANSWER)

    threading.Thread(target=serve, daemon=True).start()
    door = Door(free_port(), server.getsockname()[1])
    yield door
    door.close()
    server.close()


def insert(door: Door) -> bytes:
    with socket.create_connection(("127.0.0.1", door.port), 60) as call:
        call.settimeout(60)
        call.sendall(b"INSERT INTO t")
        assert call.recv(1000) == b"rows, please"
        call.sendall(b"rows")
        return call.recv(1000)


def test_no_topic_and_no_table_is_left_out_of_the_books():
    of_agents = {name for name in declared(Settings(home=Path(), cache=Path())) if not name.endswith("-changelog")}
    assert of_agents == DERIVED_ONLY | BROUGHT
    assert {agent.topic for agent in AGENTS.values()} <= of_agents
    assert set(SINK_TOPICS) == set(TOPICS) - {"part-metrics"}
    assert set(rows.TABLES) == set(TABLES) - {PART_METRICS}


def test_an_insert_is_cut_once_when_the_server_has_all_its_rows(door, heard):
    assert insert(door) == ANSWER
    door.cut_next_insert()
    assert insert(door) == b""
    assert heard[-1] == b"rows"
    assert door.cuts == 1
    assert insert(door) == ANSWER


def test_a_clock_is_turned_under_a_running_process(tmp_path):
    path = tmp_path / "clocks" / "one"
    clock.turn(path, 0.0)
    code = (
        "import sys, time, pathlib; from tests.faults import clock; clock.shift(pathlib.Path(sys.argv[1]))\n"
        "for _ in sys.stdin: print(int(time.time()), time.time_ns() // 10**9, flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        told = []
        for seconds in (0.0, -7200.0, 90.0):
            clock.turn(path, seconds)
            child.stdin.write("\n")
            child.stdin.flush()
            told.append([int(word) for word in child.stdout.readline().split()])
        child.stdin.close()
    assert 7000 < told[0][0] - told[1][0] < 7201  # what passed meanwhile is of the machine
    assert 7289 <= told[2][1] - told[1][1] < 7500


def test_who_ends_is_started_again_unless_a_fault_has_it(tmp_path):
    role = Role((sys.executable, "-c", "import time; time.sleep(60)"), os.environ)
    crew = Crew(tmp_path, lambda _: role, ["one", "two"])
    for name in ("one", "two"):
        crew.start(name)
        crew.kill(name)
        crew.log_of(name).write_text(f"a word\nthe last of {name}\n", encoding="utf-8")
    crew.busy.add("two")
    crew.restart_dead()
    assert crew.alive() == ["one"]
    assert crew.take(["one", "two"], 2, Random(1)) == []
    assert crew.take(["one", "two"], 1, Random(1)) == ["one"]
    assert crew.take(["one", "two"], 1, Random(1)) == []
    crew.let_go(["one", "two"])
    crew.restart_dead()
    assert sorted(crew.alive()) == ["one", "two"]
    assert crew.died == [("one", -9, "the last of one"), ("two", -9, "the last of two")]
    crew.stop_all()
    assert crew.alive() == []
    assert not crew.hung
