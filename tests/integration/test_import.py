"""Imports into the real Kafka: what lies in the topics afterwards."""

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from kafka.partitioner.default import murmur2

from streams.cli import run
from streams.connectors import sending
from streams.errors import VitalsError
from streams.settings import Settings
from streams.stack.processes import wait_until
from streams.stack.start import up
from streams.stack.steps import Steps
from streams.stack.stop import down
from tests.conftest import make_settings
from tests.importing import write

pytestmark = pytest.mark.integration
Records = list[tuple[int, str, dict]]


@pytest.fixture
def vitals(stack: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Callable[..., str]:
    """The command line in this process, against the stack; answers what it said on stdout."""
    monkeypatch.setenv("VITALS_HOME", str(stack.home))
    monkeypatch.setenv("VITALS_KAFKA", stack.kafka)

    def call(*args: object) -> str:
        assert run([str(arg) for arg in args]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return call


def records(stack: Settings, topic: str, brand: str) -> Records:
    """(partition, key, value) of all records of a brand, in the order of each partition."""
    consumer = Consumer({"bootstrap.servers": stack.kafka, "group.id": "test", "enable.auto.commit": False,
                         "enable.partition.eof": True})  # fmt: skip
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    found: Records = []
    open_ends = set(partitions)
    while open_ends:
        for message in consumer.consume(1000, timeout=0.2):
            if message.error():
                open_ends.discard(message.partition())
                continue
            value = json.loads(message.value() or b"{}")  # none: a tombstone of another test
            if brand in (value.get("brand_id"), value.get("origin", "").partition(":")[0].partition("/")[2]):
                found.append((message.partition(), (message.key() or b"").decode(), value))
    consumer.close()
    return sorted(found, key=lambda record: record[0])  # which partition is read first is chance


def export(root: Path) -> Path:
    return write(
        root,
        {
            f"{channel}/2024/2024-05-{day:02}": f"[10:00] *** ann joined\n[10:0{day % 7}] <ann> hi\nbroken\n"
            for channel in ("den", "hut", "大厅")
            for day in (1, 2, 5)
        },
    )


def test_an_import_lies_in_the_topics_in_order(stack, vitals, tmp_path):
    said = vitals("import", "irc", export(tmp_path), "--brand", "int1")
    assert "sent 18 events of 3 groups" in said
    assert "rejected 9 (unparsable_line 9)" in said
    found = records(stack, "chat-events", "int1")
    kinds = Counter(value["type"] for _, _, value in found)
    assert kinds == {
        "message": 9, "join": 9, "tick": 6 * stack.partitions, "source_complete": stack.partitions
    }  # fmt: skip
    for partition in range(stack.partitions):
        closed = 0
        theirs = [(key, value) for where, key, value in found if where == partition]
        assert [v["occurred_at"] for _, v in theirs if v["type"] == "tick"] == [
            1_714_521_600_000 + day * 86_400_000 for day in range(6)
        ]
        for key, value in theirs:
            assert key == value.get("group_id", "")
            assert value["occurred_at"] >= closed, "an event lies behind the tick that closed its day"
            closed = value["occurred_at"] if value["type"] == "tick" else closed
            if key:
                assert (murmur2(key.encode()) & 0x7FFFFFFF) % stack.partitions == partition
    letters = records(stack, "dead-letters", "int1")
    assert len(letters) == 9
    assert {(letter["origin"], letter["position"]) for _, _, letter in letters} >= {
        ("irc/int1:大厅/2024/2024-05-05", 3)
    }
    assert [(key, who["raw_id"]) for _, key, who in records(stack, "member-identities", "int1")] == [
        (next(value["member_id"] for _, _, value in found if value["type"] == "join"), "ann")
    ]


def test_a_second_import_sends_nothing_and_again_sends_equal_events(stack, vitals, tmp_path):
    vitals("import", "irc", export(tmp_path), "--brand", "int2")
    first = records(stack, "chat-events", "int2")
    assert "sent 0 events" in vitals("import", "irc", tmp_path, "--brand", "int2")
    assert records(stack, "chat-events", "int2") == first
    vitals("import", "irc", tmp_path, "--brand", "int2", "--again")
    twice = records(stack, "chat-events", "int2")
    assert len(twice) == 2 * len(first)
    assert {json.dumps(value) for _, _, value in twice} == {json.dumps(value) for _, _, value in first}


def test_a_dry_run_and_a_file_send_nothing(stack, vitals, tmp_path):
    out = tmp_path / "out.jsonl.gz"
    assert "would send 18 events" in vitals("import", "irc", export(tmp_path / "x"), "--brand", "int3", "--dry-run")
    assert "wrote 18 events" in vitals("import", "irc", tmp_path / "x", "--brand", "int3", "--out", out)
    assert records(stack, "chat-events", "int3") == []
    assert "sent 18 events" in vitals("import", "jsonl", out), "what was written can be sent"
    ours = [value for _, _, value in records(stack, "chat-events", "int3")]
    assert Counter(value["type"] for value in ours)["tick"] == 6 * stack.partitions
    assert {value["source"] for value in ours} == {"irc/int3"}


def test_orders_go_to_their_customer(stack, vitals, tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("order_id,customer_id,paid_at,amount,currency\n1,c,2024-05-06,9.90,CNY\n2,c,2024-05-06,-1,CNY\n")
    assert "sent 1 events" in vitals("import", "orders-csv", path, "--brand", "int4")
    ((_, key, order),) = records(stack, "purchases", "int4")
    assert (key, order["amount"], order["type"]) == (order["customer_id"], 990, "purchase")
    ((_, _, letter),) = records(stack, "dead-letters", "int4")
    assert (letter["reason"], letter["position"]) == ("bad_shape", 3)


def test_who_a_member_is_goes_to_the_members_log_and_no_number_anywhere(stack, vitals, tmp_path):
    path, wrong, mapping = (tmp_path / name for name in ("crm.csv", "wrong.csv", "crm.toml"))
    path.write_text("wer,Telefon,Kunde\nann,0170 1234567,k1\nbob,0170 7654321,\nann,0170 7654321,k2\n")
    mapping.write_text(
        'platform = "irc"\ncalling_code = "49"\n'
        '[columns]\nmember_id = "wer"\nphone = "Telefon"\ncustomer_id = "Kunde"\n'
    )
    wrong.write_text("member_id,customer_id\nann,k1\n")
    crm = ("import", "identities-csv", path, "--brand", "int7", "--mapping", mapping)
    assert "sent 3 events" in vitals(*crm)
    assert "sent 0 events" in vitals(*crm)
    vitals("import", "identities-csv", wrong, "--brand", "int7", "--platform", "irc", "--unlink")
    links, letters = records(stack, "member-touches", "int7"), records(stack, "dead-letters", "int7")
    assert Counter(value["type"] for _, _, value in links) == {"identity_linked": 3, "identity_unlinked": 1}
    assert all(key == value["member_id"] for _, key, value in links)
    ((_, _, letter),) = letters
    assert "another customer's" in letter["detail"]
    told = json.dumps([links, letters, records(stack, "member-identities", "int7")])
    assert not [number for number in ("7654321", "1234567", "NzY1NDMyM", "c2NTQzMj", "3NjU0MzIx") if number in told]


def test_an_interrupted_import_goes_on_and_loses_nothing(stack, vitals, tmp_path):
    whole = tmp_path / "whole.jsonl"
    write(tmp_path, {"logs/den/2024-05-06": "[10:00] <ann> hi\n" * 20_000})
    vitals("import", "irc", tmp_path / "logs", "--brand", "int5", "--out", whole)
    lines = whole.read_bytes().splitlines(keepends=True)
    command = [sys.executable, "-m", "streams", "import", "jsonl", "-"]
    env = os.environ | {"VITALS_HOME": str(stack.home), "VITALS_KAFKA": stack.kafka}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=env, **pipes) as process:
        process.stdin.write(b"".join(lines[:12_000]))
        process.stdin.flush()
        assert wait_until(lambda: bool(records(stack, "chat-events", "int5")), 240), "it sends while its input is open"
        assert process.poll() is None, "it waits for the rest of its input"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=240)
    assert process.returncode == 130
    assert re.fullmatch(rb"stopped after [0-9,]+ events; the same command goes on where it was\n", said)
    assert f"sent {len(lines):,} events" in vitals("import", "jsonl", whole)
    ids = {value["event_id"] for _, _, value in records(stack, "chat-events", "int5") if value["type"] == "message"}
    assert len(ids) == 20_000


def test_a_broker_that_is_away_is_one_line(stack, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("streams.connectors.sending.CONNECT_SECONDS", 0.0)
    monkeypatch.setenv("VITALS_HOME", str(stack.home))
    monkeypatch.setenv("VITALS_KAFKA", "127.0.0.1:1")
    assert run(["import", "irc", str(export(tmp_path)), "--brand", "int6"]) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 2
    assert "does not answer" in said[0]
    assert "vitals up" in said[1]


def test_a_missing_topic_is_one_line_that_says_what_to_do(stack, monkeypatch):
    monkeypatch.setattr(sending, "TOPICS", (*sending.TOPICS, "gossip"))
    with pytest.raises(VitalsError, match=r"no topic gossip: .*vitals topics apply"):
        sending.Kafka(stack, print)


def test_a_record_that_kafka_will_never_take_stops_the_import(stack):
    kafka = sending.Kafka(stack, print)
    kafka.send("chat-events", b"int7", os.urandom(3 << 20))  # it cannot be compressed below the limit
    with pytest.raises(VitalsError, match=r"did not take a record for chat-events .* run the same import again"):
        kafka.settle()
    kafka.close()


def test_topics_made_anew_are_another_incarnation(stack, monkeypatch):
    ours = sending.Kafka(stack, print).incarnation
    assert ours == sending.Kafka(stack, print).incarnation
    monkeypatch.setattr(sending, "TOPICS", ("group-vitals", "member-vitals"))
    assert ours != sending.Kafka(stack, print).incarnation


def test_a_line_of_two_megabytes_lies_in_the_dead_letters(stack, vitals, tmp_path):
    write(tmp_path, {"den/2024-05-06": "[10:00] <ann> hi\n[10:00] <ann> " + "x" * (2 << 20)})
    vitals("import", "irc", tmp_path, "--brand", "int8")
    ((_, _, letter),) = records(stack, "dead-letters", "int8")
    assert (letter["reason"], letter["size"], letter["position"]) == ("too_large", (2 << 20) + 14, 2)


def test_a_broker_that_stops_in_the_middle_is_waited_for(tmp_path):
    quiet = Steps([].append, is_live=False)
    own = up(make_settings(tmp_path / "home"), agents=False, parts=("kafka",), steps=quiet)
    try:
        write(tmp_path, {"logs/den/2024-05-06": "[10:00] <ann> hi\n" * 20_000})
        whole = tmp_path / "whole.jsonl"
        env = os.environ | {"VITALS_HOME": str(own.home), "VITALS_KAFKA": own.kafka}
        command = [sys.executable, "-m", "streams", "import"]
        subprocess.run([*command, "irc", tmp_path / "logs", "--brand", "int9", "--out", whole], env=env, check=True)
        lines = whole.read_bytes().splitlines(keepends=True)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen([*command, "jsonl", "-"], env=env, **pipes) as process:
            process.stdin.write(b"".join(lines[:12_000]))
            process.stdin.flush()
            assert wait_until(lambda: bool(records(own, "chat-events", "int9")), 240)
            down(own, steps=quiet)
            process.stdin.write(b"".join(lines[12_000:]))
            process.stdin.close()
            assert b"does not answer" in process.stderr.readline()
            up(own, agents=False, parts=("kafka",), steps=quiet)
            said = process.stderr.read()
            assert process.wait(240) == 0, said
        assert b"answers again" in said
        assert b"Traceback" not in said
        ids = Counter(v["event_id"] for _, _, v in records(own, "chat-events", "int9") if v["type"] == "message")
        assert (len(ids), set(ids.values())) == (20_000, {1}), "none lost, none twice"
    finally:
        down(own, steps=quiet)
