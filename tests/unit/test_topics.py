import pytest
from click.testing import CliRunner

from streams import topics
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
