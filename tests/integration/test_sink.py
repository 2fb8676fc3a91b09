"""The sink on the real stack: every row arrives once, whatever stops on the way."""

import contextlib
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from streams import events
from streams.dead_letters import dead_letter
from streams.events import Join, Leave, Message, Purchase
from streams.identities import MemberIdentity
from streams.settings import Settings
from streams.sink import Sink
from streams.vitals.rows import GroupVitals, MemberVitals
from streams.warehouse import Warehouse
from tests.strain import sample

pytestmark = pytest.mark.integration
START = 1_770_000_000_000


@pytest.fixture
def brand(request: pytest.FixtureRequest) -> str:
    return request.node.name.removeprefix("test_")


@pytest.fixture
def producer(stack: Settings) -> Producer:
    return Producer(
        {"bootstrap.servers": stack.kafka, "partitioner": "murmur2_random", "enable.idempotence": True, "linger.ms": 20}
    )


def talk(brand: str, count: int, groups: int = 20) -> list[events.GroupEvent]:
    """`count` messages, joins and leaves over some groups."""
    made: list[events.GroupEvent] = []
    for number in range(count):
        kind: Any = (Message, Message, Message, Join, Leave)[number % 5]
        group = f"{brand}/irc/g{number % groups}"
        made.append(
            kind(
                event_id=f"{brand}:{number}",
                occurred_at=START + number,
                brand_id=brand,
                platform="irc",
                group_id=group,
                member_id=f"m{number % 97}",
                source="test",
                source_seq=number,
            )
        )
    return made


def send(producer: Producer, topic: str, key: str, value: Any) -> None:
    raw = value if isinstance(value, bytes | None) else msgspec.json.encode(value)
    while True:
        try:
            producer.produce(topic, raw, key)
        except BufferError:
            producer.poll(0.1)
        else:
            return


def send_all(producer: Producer, made: list[events.GroupEvent]) -> None:
    for event in made:
        send(producer, "chat-events", event.group_id, event)
    producer.flush()


def until(condition: Callable[[], Any], seconds: float = 240) -> Any:
    """What `condition` gives once it gives something true; fails after some seconds."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
    return found


def rows(stack: Settings, sql: str, brand: str) -> list[tuple[Any, ...]]:
    return Warehouse(stack).query(sql, {"brand": brand})


def kept(stack: Settings, brand: str, table: str = "events_v1") -> int:
    return rows(stack, f"SELECT count() FROM {table} FINAL WHERE brand_id = %(brand)s", brand)[0][0]


def by_group_and_type(stack: Settings, brand: str) -> dict[tuple[str, str], int]:
    counted = "SELECT group_id, type, count() FROM events_v1 FINAL WHERE brand_id = %(brand)s GROUP BY group_id, type"
    return {(group, kind): count for group, kind, count in rows(stack, counted, brand)}


def sent_by_group_and_type(made: list[events.GroupEvent]) -> dict[tuple[str, str], int]:
    counts: dict[tuple[str, str], int] = {}
    for event in made:
        key = (event.group_id, str(type(event).__struct_config__.tag))
        counts[key] = counts.get(key, 0) + 1
    return counts


@contextlib.contextmanager
def running(settings: Settings, name: str = "sink-in-test") -> Iterator[None]:
    """A sink in a thread of this process."""
    sink = Sink(settings, name)
    thread = threading.Thread(target=sink.run)
    thread.start()
    try:
        yield
    finally:
        sink.stop()
        thread.join(60)
        assert not thread.is_alive()


@contextlib.contextmanager
def process(settings: Settings, log: Path, **changed: str) -> Iterator[subprocess.Popen[bytes]]:
    """`vitals sink` as a process of its own."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("VITALS_")}
    with log.open("ab") as out:
        started = subprocess.Popen(
            [sys.executable, "-m", "streams", "sink", "--name", "sink-in-test"],
            env=env | {"VITALS_HOME": str(settings.home), **changed},
            stderr=out,
        )
    try:
        yield started
    finally:
        started.kill()
        started.wait()


class Relay(socketserver.ThreadingTCPServer):
    """Stands before ClickHouse and can be cut, as if it had gone away."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, target: tuple[str, int], port: int = 0) -> None:
        self.target = target
        self.open: list[socket.socket] = []
        super().__init__(("127.0.0.1", port), _Pipe)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def cut(self) -> None:
        self.shutdown()
        self.server_close()
        for each in self.open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


class _Pipe(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Relay)
        with socket.create_connection(self.server.target) as far:
            self.server.open += [self.request, far]
            back = threading.Thread(target=_copy, args=(far, self.request), daemon=True)
            back.start()
            _copy(self.request, far)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def vital_signs(group: str, brand: str, at: int) -> GroupVitals:
    """Of a group of 41; all numbers alike."""
    fields = {
        field.name: {int: 1, str: "x", float: 0.5, bool: True}.get(getattr(field.type, "__origin__", field.type))
        for field in msgspec.structs.fields(GroupVitals)
        if field.required
    }
    own = {"group_id": group, "brand_id": brand, "reasons": (), "drivers": (), "at": at, "members": 41}
    return GroupVitals(**fields | own)


def test_each_topic_reaches_its_table(stack: Settings, producer: Producer, brand: str) -> None:
    group = f"{brand}/irc/g"
    common = {"brand_id": brand, "platform": "irc", "occurred_at": START}
    vitals = vital_signs(group, brand, START)
    day = MemberVitals(
        group_id=group, brand_id=brand, member_id="m", role="member", day=START // 86_400_000 * 86_400_000,
        source_offset=1, messages=1, is_present=True, joined_at=None, last_message_at=START,
    )  # fmt: skip
    letter = dead_letter(b"\xff", origin=brand, partition=0, position=1, reason="invalid_utf8", detail="d", at=START)
    identity = MemberIdentity(member_id=f"m-{brand}", brand_id=brand, platform="irc", raw_id="larry", at=START)
    order = Purchase(event_id="p", order_id="o", customer_id="c", amount=700, currency="CNY", **common)
    send(producer, "chat-events", group, Join(event_id="j", group_id=group, member_id="m", **common))
    send(producer, "group-vitals", group, vitals)
    send(producer, "member-vitals", group, day)
    send(producer, "dead-letters", letter.letter_id, letter)
    send(producer, "member-identities", identity.member_id, identity)
    send(producer, "purchases", "c", order)
    producer.flush()
    with running(stack):
        until(lambda: kept(stack, brand, "purchases_v1") and kept(stack, brand, "members_v1"))
        until(lambda: kept(stack, brand, "group_vitals_v1") and kept(stack, brand, "member_vitals_v1"))
        until(lambda: kept(stack, brand))
        until(lambda: rows(stack, "SELECT 1 FROM dead_letters_v1 WHERE origin = %(brand)s", brand))
        send(producer, "member-identities", identity.member_id, None)
        producer.flush()
        until(lambda: not kept(stack, brand, "members_v1"))
    found = rows(stack, "SELECT name, size_band FROM groups WHERE brand_id = %(brand)s", brand)
    assert found == [("x", "41-100")]


def test_counts_equal_what_was_sent_and_a_second_import_changes_nothing(
    stack: Settings, producer: Producer, brand: str
) -> None:
    made = talk(brand, 5000)
    with running(stack):
        send_all(producer, made)
        until(lambda: kept(stack, brand) == len(made))
        again = Join(event_id="again", occurred_at=START, brand_id=brand, platform="irc", group_id=made[0].group_id,
                     member_id="m")  # fmt: skip
        send_all(producer, [*made, again])
        until(lambda: kept(stack, brand) == len(made) + 1)
        until(lambda: backlog(stack) == 0)
    expected = sent_by_group_and_type([*made, again])
    assert by_group_and_type(stack, brand) == expected


def test_refused_records_do_not_hold_up_the_rest(stack: Settings, producer: Producer, brand: str) -> None:
    """Not on chat-events: others fold that, and would stand still at so much noise."""
    group, count = f"{brand}/irc/g", 200
    with running(stack):
        for number in range(count):
            send(producer, "group-vitals", group, vital_signs(group, brand, START + number))
            send(producer, "group-vitals", group, b'{"type":')
        send(producer, "group-vitals", brand, f'{{"brand_id":"{brand}"}}'.encode())
        producer.flush()
        until(lambda: kept(stack, brand, "group_vitals_v1") == count)
        unread = (
            "SELECT reason FROM dead_letters_v1 WHERE origin = 'group-vitals' AND base64Decode(original) LIKE %(b)s"
        )
        warehouse = Warehouse(stack)
        assert until(lambda: warehouse.query(unread, {"b": f'%"{brand}"%'})) == [("bad_shape",)]


def test_killed_again_and_again_nothing_is_lost(
    stack: Settings, producer: Producer, brand: str, tmp_path: Path
) -> None:
    made = talk(brand, 60_000)
    send_all(producer, made)
    for share in (1, 3):
        with process(stack, tmp_path / "log"):
            until(lambda share=share: kept(stack, brand) >= share * len(made) // 10)
    with process(stack, tmp_path / "log"):
        until(lambda: kept(stack, brand) == len(made))
    assert by_group_and_type(stack, brand) == sent_by_group_and_type(made)


def test_sigterm_ends_it_in_time_with_its_offsets_committed(
    stack: Settings, producer: Producer, brand: str, tmp_path: Path
) -> None:
    made = talk(brand, 3000)
    send_all(producer, made)
    with process(stack, tmp_path / "log") as sink:
        until(lambda: kept(stack, brand) == len(made))
        asked = time.monotonic()
        sink.send_signal(signal.SIGTERM)
        assert sink.wait(60) == 0  # by force it ends with 1
        assert time.monotonic() - asked < 10 * sample()
    assert (tmp_path / "log").read_text() == ""
    assert backlog(stack) == 0


def test_clickhouse_away_makes_one_line_and_no_loss(
    stack: Settings, producer: Producer, brand: str, tmp_path: Path
) -> None:
    here = (stack.clickhouse_host, stack.clickhouse_port)
    relay = Relay(here)
    port = relay.server_address[1]
    made = talk(brand, 4000)
    changed = {"VITALS_CLICKHOUSE_PORT": str(port), "VITALS_METRICS": "127.0.0.1:0"}
    with process(stack, tmp_path / "log", **changed) as sink:
        send_all(producer, made[:2000])
        until(lambda: kept(stack, brand) == 2000)
        until(lambda: ready(stack, sink.pid) == (200, "ok"))
        relay.cut()
        send_all(producer, made[2000:])
        until(lambda: "waiting" in (tmp_path / "log").read_text())
        until(lambda: ready(stack, sink.pid) == (503, "waits for ClickHouse"))
        relay = Relay(here, port)
        until(lambda: kept(stack, brand) == len(made))
        until(lambda: "takes rows again" in (tmp_path / "log").read_text())
        until(lambda: ready(stack, sink.pid) == (200, "ok"))
        assert sink.poll() is None
    relay.cut()
    _, away, back = (tmp_path / "log").read_text().splitlines()
    assert f"ClickHouse at 127.0.0.1:{port} does not answer" in away
    assert "ClickHouse takes rows again" in back
    assert by_group_and_type(stack, brand) == sent_by_group_and_type(made)


def test_sigterm_while_clickhouse_is_away(stack: Settings, producer: Producer, brand: str, tmp_path: Path) -> None:
    send_all(producer, talk(brand, 100))
    with process(stack, tmp_path / "log", VITALS_CLICKHOUSE_PORT="1") as sink:
        until(lambda: "waiting" in (tmp_path / "log").read_text())
        sink.send_signal(signal.SIGTERM)
        assert sink.wait(60) == 0  # by force it ends with 1
    assert len((tmp_path / "log").read_text().splitlines()) == 1
    assert backlog(stack) >= 100
    with running(stack):
        until(lambda: kept(stack, brand) == 100)


def test_broker_away_makes_one_line(stack: Settings, tmp_path: Path) -> None:
    with process(stack, tmp_path / "log", VITALS_KAFKA="127.0.0.1:1") as sink:
        until(lambda: "Kafka" in (tmp_path / "log").read_text())
        sink.send_signal(signal.SIGTERM)
        assert sink.wait(60) == 0  # by force it ends with 1
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert "waiting, nothing is lost" in line


def test_a_second_sink_of_the_same_name_puts_the_first_out_in_one_line(stack: Settings, tmp_path: Path) -> None:
    with process(stack, tmp_path / "first") as first:
        until(lambda: status(stack).get("pid") == first.pid and status(stack)["partitions"])
        with process(stack, tmp_path / "second"):
            assert first.wait(240) == 1
    (line,) = (tmp_path / "first").read_text().splitlines()
    assert "fenced" in line
    assert "--name" in line


def test_two_sinks_share_the_work(stack: Settings, producer: Producer, brand: str) -> None:
    made = talk(brand, 2000)
    names = ("sink-a", "sink-b")
    with running(stack, names[0]), running(stack, names[1]):
        until(lambda: all(status(stack, name).get("partitions") for name in names))
        send_all(producer, made)
        until(lambda: kept(stack, brand) == len(made))
    assert by_group_and_type(stack, brand) == sent_by_group_and_type(made)


def test_status_file_tells_rows_and_lag(stack: Settings, producer: Producer, brand: str) -> None:
    send_all(producer, talk(brand, 50))
    with running(stack):
        until(lambda: kept(stack, brand) == 50)
        told = until(lambda: (now := status(stack)) and now["rows"].get("events_v1") and now)
        assert told["rows"]["events_v1"] >= 50
        assert (told["name"], told["state"], told["pid"]) == ("sink-in-test", "running", os.getpid())
        assert told["cpu_seconds"] > 0
    assert status(stack)["state"] == "stopped"


def status(stack: Settings, name: str = "sink-in-test") -> dict[str, Any]:
    path = stack.run / f"{name}.status.json"
    told: dict[str, Any] = msgspec.json.decode(path.read_bytes()) if path.exists() else {}
    return told


def ready(stack: Settings, pid: int) -> tuple[int, str]:
    """What `/ready` of that process answers."""
    told = status(stack)
    if told.get("pid") != pid or not told.get("metrics"):
        return 0, "says nothing yet"
    try:
        with urllib.request.urlopen(f"http://{told['metrics']}/ready", timeout=60) as answer:
            return answer.status, answer.read().decode().strip()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode().strip()


def backlog(stack: Settings) -> int:
    """Records on chat-events that the group has not committed."""
    consumer = Consumer({"bootstrap.servers": stack.kafka, "group.id": "vitals-sink", "enable.auto.commit": False})
    places = [TopicPartition("chat-events", partition) for partition in range(stack.partitions)]
    left = 0
    for place in consumer.committed(places, timeout=10):
        low, high = consumer.get_watermark_offsets(place, timeout=10)
        left += high - (place.offset if place.offset >= 0 else low)
    consumer.close()
    return left
