"""Workers against a real Kafka: killed, stopped past the session timeout, terminated, joined; and what they refuse."""

import json
import math
import time
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer

from streams import letter_box, topics, worker_status
from streams.dead_letters import Acceptance
from streams.patience import FIRST_INTERVAL_S
from streams.settings import Settings
from tests.faults import toy as faults
from tests.strain import Strain, sample
from tests.toy_log import message
from tests.undisturbed import compare

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(stack: Settings, tmp_path: Path) -> Settings:
    """The stack's Kafka, with a home of the test's own for logs and status files."""
    return msgspec.structs.replace(stack, home=tmp_path, session_timeout=6.0)


def wait_for(condition, limit_s: float = 240.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def test_faults_change_nothing(settings):
    plan = faults.Plan(events=70_000, rate=2500.0, faults=8, seed=7, gap_s=(2.0, 3.5), drain_s=300.0)
    with Strain() as strain:
        result = faults.disturb(settings, plan)
    assert result["is_exact"], json.dumps(result)
    assert sum(result["faults"].values()) == 8
    assert result["outputs"] > 6000
    assert max(result["sigterm_seconds"] + result["last_sigterm_seconds"]) < 10 * strain.most
    assert result["longest_stall_s"] < 15 * strain.most


@pytest.mark.parametrize("is_running", [False, True])
def test_a_topic_made_again_is_folded_anew(settings, is_running):
    run_name = f"again-{int(time.time())}"
    agent = faults.agent_of("toy", run_name)
    faults.create_topics(settings, agent, run_name)
    workers, progress = faults.workers_of(settings, "toy", run_name), faults.Progress(settings, agent)
    faults.Feed(settings, agent.topic, faults.toy_events(400, keys=50), 0).run()
    workers.start("w1")
    wait_for(lambda: progress.look()[0] == progress.look()[1] > 0)
    if not is_running:
        workers.stop_all()
    with topics.admin(settings) as client:
        client.delete_topics([agent.topic])
        wait_for(lambda: agent.topic not in topics.found(client))
        topics._create(client, settings, [topics.Topic(agent.topic, settings.partitions, {})])
    faults.Feed(settings, agent.topic, faults.toy_events(3000, keys=50), 0).run()
    if not is_running:
        workers.start("w1")
    wait_for(lambda: workers.restart_dead() or _flushed(settings) == 3000)
    workers.stop_all()
    differences = compare(settings, agent, faults.output_topics(run_name))
    assert (differences["values_wrong"], differences["positions_wrong"], differences["outputs_missing"]) == (0, 0, 0)
    assert "was deleted and made again" in workers.log_of("w1").read_text()
    assert "Traceback" not in workers.log_of("w1").read_text()


def test_a_partition_full_of_noise_stands_still_until_accepted(settings):
    run_name = f"noise-{int(time.time())}"
    agent = faults.agent_of("toy", run_name)
    faults.create_topics(settings, agent, run_name)
    producer = Producer({"bootstrap.servers": settings.kafka})
    for _ in range(150):
        producer.produce(agent.topic, b"noise", b"k", 3)
    producer.produce(agent.topic, message("k", 1, 1), b"k", 3)
    producer.flush()
    workers = faults.workers_of(settings, "toy", run_name)
    try:
        workers.start("w1")
        wait_for(lambda: _flushed(settings) == 100)
        workers.kill("w1")
        workers.start("w1")
        wait_for(lambda: any(state.is_paused for state in _partitions(settings).values()))
        assert _flushed(settings) == 100
        letter_box.accept(settings, Acceptance("another-topic"))
        letter_box.accept(settings, Acceptance(agent.topic, 3))
        wait_for(lambda: _flushed(settings) == 151)
    finally:
        workers.stop_all()
    mine = [kept.letter for kept in letter_box.find(settings, lambda letter: letter.origin == agent.topic)]
    assert {letter.position for letter in mine} == set(range(150))
    assert {letter.reason for letter in mine} == {"malformed_json"}


def test_a_worker_waits_for_its_topics_with_one_line_and_stops_at_once(settings):
    run_name = f"late-{int(time.time())}"
    agent = faults.agent_of("toy", run_name)
    workers = faults.workers_of(settings, "toy", run_name)
    began = time.monotonic()
    workers.start("w1")
    wait_for(lambda: "is missing in Kafka: run `vitals topics apply`" in workers.log_of("w1").read_text())
    faults.create_topics(settings, agent, run_name)
    faults.Feed(settings, agent.topic, faults.toy_events(100), 0).run()
    wait_for(lambda: _flushed(settings) == 100)
    seconds = time.monotonic() - began
    workers.stop_all()
    assert workers.sigterm_seconds[0] < 10 * sample()
    log = workers.log_of("w1").read_text()
    assert "Traceback" not in log
    # At once, and when it has waited for another 2, 4, 8, … s.
    assert log.count("is missing in Kafka") <= 1 + math.log2(seconds / FIRST_INTERVAL_S + 1)


def _partitions(settings: Settings) -> dict[int, worker_status.PartitionStatus]:
    statuses = worker_status.read_all(settings)
    return statuses[0].partitions if statuses else {}


def _flushed(settings: Settings) -> int:
    return sum(state.flushed for state in _partitions(settings).values())
