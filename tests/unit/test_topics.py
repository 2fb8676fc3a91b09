from contextlib import contextmanager
from typing import ClassVar

import kafka.admin
import pytest
from click.testing import CliRunner
from kafka.errors import KafkaConnectionError, KafkaTimeoutError, NodeNotReadyError, RequestTimedOutError

from streams import patience, topics
from streams.agents import AGENTS
from streams.settings import load
from streams.topics import Change, Found, Topic, declared, plan

HAVE = Found(b"t" * 16, 8, has_leaders=True)
RETAINED = {"cleanup.policy": "delete", "retention.ms": "1000", "max.message.bytes": "500"}


def changes(want: dict[str, str], have: dict[str, str], partitions: int = 8) -> list[Change]:
    return plan({"t": Topic("t", partitions, want)}, {"t": HAVE}, {"t": have})


@pytest.fixture
def settings(tmp_path):
    return load({"VITALS_HOME": str(tmp_path), "VITALS_PARTITIONS": "3", "VITALS_KAFKA": "127.0.0.1:1"})


def test_every_agents_topics_are_declared_and_the_changelogs_compacted(settings):
    known = declared(settings)
    for agent in AGENTS.values():
        assert known[agent.topic].partitions == known[agent.changelog_topic].partitions == 3
        assert known[agent.changelog_topic].config["cleanup.policy"] == "compact"
        assert int(known[agent.changelog_topic].config["max.message.bytes"]) == 16 << 20


def test_a_missing_topic_is_created_and_an_equal_one_left_alone():
    (change,) = plan({"t": Topic("t", 8, RETAINED)}, {}, {})
    assert (change.action, change.topic) == ("create", "t")
    assert changes(RETAINED, RETAINED) == []


@pytest.mark.parametrize(
    ("key", "have", "want", "action"),
    [
        ("retention.ms", "1000", "2000", "set"),
        ("retention.ms", "1000", "-1", "set"),
        ("retention.ms", "1000", "999", "report"),
        ("retention.ms", "-1", "1000", "report"),
        ("max.message.bytes", "500", "501", "set"),
        ("max.message.bytes", "500", "499", "report"),
        ("cleanup.policy", "delete", "compact", "report"),
        ("segment.ms", "5", "4", "set"),
        ("min.insync.replicas", "1", "2", "report"),
    ],
)
def test_only_what_loses_nothing_is_changed(key, have, want, action):
    (change,) = changes({key: want}, {key: have})
    assert (change.action, change.key or key, change.value or want) == (action, key, want)
    assert f"{key} {have} → {want}" in change.what


def test_another_number_of_partitions_is_only_reported():
    (change,) = changes(RETAINED, RETAINED, partitions=12)
    assert change.action == "report"
    assert "has 8 partitions, not 12" in change.what


def test_of_three_replicas_two_must_have_a_record_and_of_one_nothing_is_asked(tmp_path):
    def insync(replication: str) -> set[str | None]:
        settings = load({"VITALS_HOME": str(tmp_path), "VITALS_REPLICATION": replication})
        return {topic.config.get("min.insync.replicas") for topic in declared(settings).values()}

    assert insync("3") == insync("5") == {"2"}
    assert insync("1") == insync("2") == {None}  # Kafka's own: one


def test_fewer_replicas_than_asked_for_are_only_reported():
    (change,) = plan({"t": Topic("t", 8, {}, 3)}, {"t": HAVE}, {"t": {}})
    assert (change.action, change.what) == (
        "report", "has 1 replicas, not 3: reassign its partitions to more brokers"
    )  # fmt: skip
    assert plan({"t": Topic("t", 8, {}, 1)}, {"t": Found(b"t" * 16, 8, True, 3)}, {"t": {}}) == []


def test_a_topic_without_a_leader_is_not_said_to_be_missing():
    have = {"a": HAVE, "b": Found(b"b" * 16, 8, has_leaders=False)}
    assert topics.trouble({"a"}, have) is None
    assert topics.trouble({"a", "b"}, have) == "topic b has no leader: the brokers that keep it are down"
    assert topics.trouble({"a", "b", "c"}, have) == "topic c is missing in Kafka: run `vitals topics apply`"


class Client:
    """kafka-python's admin client of a cluster whose broker 1 is dead and still in its books, and broker 2 hangs."""

    asked: ClassVar[list[str]] = []

    def __init__(self, bootstrap_servers, **_):
        (self.address,) = bootstrap_servers
        self.asked.append(self.address)
        if self.address != "127.0.0.1:3":
            raise KafkaConnectionError(self.address)
        self.failures = 1

    def describe_cluster(self):
        if self.failures:
            self.failures -= 1
            raise KafkaConnectionError("the dead one was asked")

    def close(self):
        pass


def test_each_of_several_brokers_is_tried_until_one_is_heard(tmp_path, monkeypatch):
    monkeypatch.setattr(kafka.admin, "KafkaAdminClient", Client)
    addresses = ",".join(f"127.0.0.1:{port}" for port in (1, 2, 3))
    settings = load({"VITALS_HOME": str(tmp_path), "VITALS_KAFKA": addresses})
    for _ in range(20):  # whatever the order in which they are tried
        Client.asked.clear()
        with topics.admin(settings) as client:
            assert client.failures == 0
        assert len(set(Client.asked)) == len(Client.asked)


def test_the_only_address_there_is_is_not_asked_whether_it_answers(tmp_path, monkeypatch):
    monkeypatch.setattr(kafka.admin, "KafkaAdminClient", Client)
    settings = load({"VITALS_HOME": str(tmp_path), "VITALS_KAFKA": "127.0.0.1:3"})
    with topics.admin(settings) as client:
        assert client.failures == 1


@pytest.mark.parametrize("error", [KafkaConnectionError, KafkaTimeoutError, NodeNotReadyError, RequestTimedOutError])
def test_a_broker_that_goes_away_under_a_question_is_no_refusal(tmp_path, monkeypatch, error):
    monkeypatch.setattr(kafka.admin, "KafkaAdminClient", Client)
    settings = load({"VITALS_HOME": str(tmp_path), "VITALS_KAFKA": "127.0.0.1:2,127.0.0.1:3"})
    with pytest.raises(topics.NoKafkaError), topics.admin(settings):
        raise error


def test_the_id_of_a_topic_is_asked_for_until_somebody_answers(settings, monkeypatch):
    away = [1, 1]

    @contextmanager
    def admin(_settings):
        if away:
            away.pop()
            raise topics.NoKafkaError("127.0.0.1:1")
        yield None

    monkeypatch.setattr(patience, "RETRY_S", 0.0)
    monkeypatch.setattr(topics, "admin", admin)
    monkeypatch.setattr(topics, "found", lambda _client, names: {name: HAVE for name in names if name == "there"})
    assert topics.id_of(settings, "there") == HAVE.topic_id
    assert topics.id_of(settings, "gone") is None
    monkeypatch.setattr(topics, "_ANSWER_WAIT_S", -1.0)
    away.append(1)
    with pytest.raises(topics.NoKafkaError):
        topics.id_of(settings, "there")


def test_without_kafka_there_is_one_line_that_says_what_to_do(settings):
    with pytest.raises(topics.NoKafkaError, match=r"Kafka at 127.0.0.1:1 does not answer: start it \(`vitals up`\)"):
        topics.apply(settings)


def test_the_command_says_what_it_would_do(monkeypatch):
    made = [Change("create", "a", "8 partitions"), Change("report", "b", "is left to you")]
    monkeypatch.setattr(topics, "apply", lambda _settings, dry_run: made if dry_run else [])
    run = CliRunner().invoke
    assert run(topics.topics_commands, ["apply", "--dry-run"]).output == (
        "would create a: 8 partitions\nreport b: is left to you\n"
    )
    assert run(topics.topics_commands, ["apply"]).output == "all topics are as declared\n"
