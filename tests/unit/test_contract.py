"""The contract: what is committed under `schemas/` is what the code says, and every example gets through."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml

from streams import schemas, sink_batch
from streams.agents import AGENTS, absorb
from streams.dead_letter_limit import Limit
from streams.dead_letters import KEPT_BYTES, REASONS, DeadLetterReason
from streams.events import EVENTS, MAX_EVENT_BYTES, Event
from streams.resources import resource_dir, write
from streams.schemas import EVENT_TYPES, ROW_TYPES
from streams.sink_batch import Batch, Record

SCHEMAS = resource_dir("schemas")
TOPICS: dict[str, dict[str, Any]] = {
    path.stem: yaml.safe_load(path.read_text("utf-8")) for path in sorted((SCHEMAS / "topics").glob("*.yaml"))
}
VERSIONED = re.compile(r"(?P<name>[a-z_]+)\.v(?P<version>[1-9][0-9]*)\.(schema\.)?json")
ALL_TYPES = EVENT_TYPES | ROW_TYPES
CHANGELOGS = {agent.changelog_topic for agent in AGENTS.values()}


def committed() -> Iterator[Path]:
    for folder in ("events", "rows", "examples"):
        yield from (SCHEMAS / folder).iterdir()


def examples_of(name: str, version: int = schemas.VERSION) -> list[dict[str, Any]]:
    return json.loads((SCHEMAS / "examples" / f"{name}.v{version}.json").read_bytes())


def schema_of(name: str) -> dict[str, Any]:
    folder = "events" if name in EVENT_TYPES else "rows"
    return json.loads((SCHEMAS / folder / f"{name}.v{schemas.VERSION}.schema.json").read_bytes())


def rows_of(topic: dict[str, Any]) -> list[str]:
    """The rows that stand on a topic: of one type, or of several told apart by `type`."""
    said = topic.get("rows", [topic.get("row")])
    return [name for name, kind in ROW_TYPES.items() if kind.__name__ in said]


def key_of(topic: str, example: dict[str, Any]) -> bytes:
    """The key that a producer gives the example, as the topic's declaration says; ticks and posts have none."""
    key = TOPICS[topic]["key"]
    if example.get("type") == "touch" and topic == "purchases":
        key = "member_id"
    return str(example.get(key) or "").encode()


def record(topic: str, example: dict[str, Any], offset: int = 5) -> Record:
    at = example.get("occurred_at", 1_767_261_600_000)
    return Record(topic, 0, offset, at, key_of(topic, example), json.dumps(example).encode())


# --- what is generated ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(schemas.generated()))
def test_what_is_committed_is_what_the_code_says(name: str) -> None:
    assert (SCHEMAS / name).read_bytes() == schemas.generated()[name], "run `make schemas` and look at the difference"


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    assert len(write(tmp_path, schemas.generated())) == len(schemas.generated())
    assert write(tmp_path, schemas.generated()) == []


def test_no_file_is_an_orphan() -> None:
    for path in committed():
        match = VERSIONED.fullmatch(path.name)
        assert match is not None, path
        assert match["name"] in ALL_TYPES, f"{path} belongs to no type"


def test_versions_count_from_one_without_a_gap() -> None:
    versions: dict[tuple[str, str], list[int]] = {}
    for path in committed():
        match = VERSIONED.fullmatch(path.name)
        assert match is not None
        versions.setdefault((path.parent.name, match["name"]), []).append(int(match["version"]))
    assert all(sorted(found) == list(range(1, schemas.VERSION + 1)) for found in versions.values())


# --- topics -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TOPICS)
def test_a_topic_is_declared_in_full(name: str) -> None:
    topic = TOPICS[name]
    assert topic["topic"] == name
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
    assert topic["description"].endswith(".")
    assert topic["partitions"] == "keyed" or topic["partitions"] >= 1
    assert set(topic) <= {"topic", "description", "key", "events", "row", "rows", "partitions", "config"}


def test_events_and_topics_know_each_other() -> None:
    declared = {name: topic["events"] for name, topic in TOPICS.items() if "events" in topic}
    assert declared == {name: [kind.__struct_config__.tag for kind in kinds] for name, kinds in EVENTS.items()}


def test_rows_and_topics_know_each_other() -> None:
    rows = [row for topic in TOPICS.values() for row in topic.get("rows", [topic["row"]] if "row" in topic else [])]
    assert sorted(rows) == sorted(kind.__name__ for kind in ROW_TYPES.values())


def test_every_topic_carries_something_known() -> None:
    unexplained = {name for name, topic in TOPICS.items() if not {"events", "row", "rows"} & set(topic)}
    assert unexplained == CHANGELOGS


def test_what_is_read_is_declared_and_what_is_declared_is_read() -> None:
    read = {agent.topic for agent in AGENTS.values()} | set(sink_batch.TOPICS) | CHANGELOGS
    assert read == set(TOPICS)


@pytest.mark.parametrize("name", [name for name, topic in TOPICS.items() if "events" in topic])
def test_the_key_is_a_field_of_what_is_keyed(name: str) -> None:
    keyed = {kind for kind in EVENTS[name] if TOPICS[name]["key"] in kind.__struct_fields__}
    assert keyed >= {kind for agent in AGENTS.values() if agent.topic == name for kind in agent.key_of}


@pytest.mark.parametrize("name", [name for name, topic in TOPICS.items() if rows_of(topic)])
def test_the_key_of_a_row_is_a_field_of_it(name: str) -> None:
    topic = TOPICS[name]
    for row in rows_of(topic):
        assert topic["key"] == "none" or topic["key"] in ROW_TYPES[row].__struct_fields__


def test_rows_that_share_a_topic_are_told_apart_by_type() -> None:
    for topic in TOPICS.values():
        for name in rows_of(topic) if "rows" in topic else ():
            assert all(
                example["type"] == name == ROW_TYPES[name].__struct_config__.tag for example in examples_of(name)
            )


# --- retention and size -----------------------------------------------------------------------------------


def test_what_is_a_table_is_compacted_and_nothing_else() -> None:
    compacted = {name for name, topic in TOPICS.items() if topic["config"]["cleanup.policy"] == "compact"}
    assert compacted == CHANGELOGS | {"member-identities", "forgotten-members", "dead-letters"}
    assert all("retention.ms" not in TOPICS[name]["config"] for name in compacted)


def test_what_cannot_be_derived_again_is_kept_for_ever() -> None:
    for name in [*EVENTS, "group-alerts"]:
        assert TOPICS[name]["config"]["retention.ms"] == "-1"


def test_what_is_in_the_warehouse_and_can_be_derived_again_goes_after_a_month() -> None:
    for name in ("group-vitals", "member-vitals", "group-insights"):
        assert TOPICS[name]["config"]["retention.ms"] == str(30 * 86_400_000)


def test_the_largest_record_of_a_topic_fits() -> None:
    def limit(name: str) -> int:
        return int(TOPICS[name]["config"]["max.message.bytes"])

    assert limit("chat-events") > MAX_EVENT_BYTES + 1024
    assert limit("dead-letters") > KEPT_BYTES * 4 / 3 + 1024
    assert all(limit(name) == 16 << 20 for name in CHANGELOGS)


def test_reasons_of_dead_letters_are_listed_once() -> None:
    assert DeadLetterReason.__args__ == REASONS


# --- examples ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL_TYPES)
def test_examples_fit_their_schema_and_their_type(name: str) -> None:
    schema = schema_of(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    for example in examples_of(name):
        jsonschema.validate(example, schema)
        assert json.loads(msgspec.json.encode(msgspec.convert(example, ALL_TYPES[name]))) == example


@pytest.mark.parametrize("name", ALL_TYPES)
def test_a_schema_refuses_what_its_type_refuses(name: str) -> None:
    example = examples_of(name)[-1]
    optional = {field.name for field in msgspec.structs.fields(ALL_TYPES[name]) if not field.required}
    for field in example.keys() - optional:
        lacking = {key: value for key, value in example.items() if key != field}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(lacking, schema_of(name))
        if field != "type":
            with pytest.raises(msgspec.ValidationError):
                msgspec.convert(lacking, ALL_TYPES[name])


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_the_first_example_shows_every_field_that_is_no_default(name: str) -> None:
    full = msgspec.convert(examples_of(name)[0], EVENT_TYPES[name])
    optional = [field for field in msgspec.structs.fields(full) if not field.required]
    shown = [field for field in optional if getattr(full, field.name) != field.default]
    unshown = {field.name for field in optional} - {field.name for field in shown}
    assert unshown <= {"role", "content_type", "kind", "reason", "bots", "known_by"}


@pytest.mark.parametrize(
    ("agent", "name", "number"),
    [
        (agent, str(kind.__struct_config__.tag), number)
        for agent in AGENTS.values()
        for kind in EVENTS[agent.topic]
        for number in range(len(examples_of(str(kind.__struct_config__.tag))))
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_an_example_goes_through_its_agent(agent: Any, name: str, number: int) -> None:
    log = agent.new_log(0, agent.origin(0, bytes(16)), 1)
    log.restore(None, {})
    example = record(agent.topic, examples_of(name)[number])
    outputs, end, refused = absorb([example], agent, log, Limit(), partition=0, end=example.offset + 1)
    assert (end, refused) == (example.offset + 1, 0)
    outputs = [output for output in outputs if output.topic != "dead-letters"]
    for output in outputs:
        assert output.topic in TOPICS
        assert fits(output.topic, json.loads(msgspec.json.encode(output.value)))
    values = log.take_changed()
    again = agent.new_log(0, agent.origin(0, bytes(16)), 1)
    again.restore(log.partition_value(), values)
    assert again.partition_value() == log.partition_value()


def fits(topic: str, value: dict[str, Any]) -> bool:
    """Whether a value is one that may stand on the topic."""
    name = value["type"] if {"events", "rows"} & set(TOPICS[topic]) else rows_of(TOPICS[topic])[0]
    assert name in (TOPICS[topic].get("events") or rows_of(TOPICS[topic]))
    jsonschema.validate(value, schema_of(name))
    return True


@pytest.mark.parametrize(
    ("topic", "name"),
    [
        (topic, name)
        for topic, spec in TOPICS.items()
        if topic in sink_batch.TOPICS
        for name in spec.get("events") or rows_of(spec)
    ],
)
def test_an_example_goes_through_the_sink(topic: str, name: str) -> None:
    kept_elsewhere = {"tick", "calibration", "touch", "member_seen"}
    for example in examples_of(name):
        batch = Batch(set())
        batch.add(record(topic, example))
        rows = batch.filled()
        assert not batch.skipped
        assert bool(rows) == (name not in kept_elsewhere)
        for table, made in rows:
            assert all(len(row) == len(table.columns) for row in made)


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_fields_of_the_future_are_ignored(name: str) -> None:
    example = examples_of(name)[0]
    kind: type[Event] = EVENT_TYPES[name]  # type: ignore[assignment]
    assert msgspec.convert(example | {"of_the_future": {"a": [1]}}, kind) == msgspec.convert(example, kind)
