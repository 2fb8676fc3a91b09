"""What older versions wrote is read by this one: each folder of tests/fixtures/upgrade (see tests/upgrade.py)."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.agents import AGENTS, Agent, absorb
from streams.dead_letter_limit import Limit
from streams.positions import load
from streams.sink_batch import TOPICS, Batch
from streams.sink_batch import Record as SinkRecord
from streams.vitals.rows import GroupVitals, Output
from tests.upgrade import FOLDERS, TOPIC_ID, Line, Record, read

folders = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def by_topic(lines: list[Line]) -> dict[str, list[Line]]:
    found = defaultdict(list)
    for line in lines:
        found[line.topic].append(line)
    return found


def fold(agent: Agent, lines: list[Line], start: int, stored: dict[bytes, bytes]) -> list[Output]:
    """What an agent that begins at `start` with these changelog records says of the rest of its topic."""
    log, loaded = agent.new_log(0, agent.origin(0, TOPIC_ID), 1), load(stored, TOPIC_ID)
    log.restore(loaded.position.partition_value if loaded.position else None, loaded.values)
    said: list[Output] = []
    for offset, line in enumerate(lines[start:], start):
        record = Record(offset, line.at, (line.key or "").encode(), bytes(line.value))
        outputs, _, refused = absorb([record], agent, log, Limit(since=0), partition=0, end=offset + 1)
        assert not refused, line.value
        said += outputs
    return said


LEARNT_SINCE: dict[str, Any] = {
    "purpose": "", "worth": None, "worth_known": 0.0, "worth_parts": (), "advice": "", "advice_reasons": (),
    "revenue_at_risk": 0, "is_ad_only": False, "ad_messages_28d": 0, "ad_share_28d": None, "ad_senders_28d": 0,
    "welcomes_28d": 0, "welcome_minutes_28d": None, "staff_responses_28d": 0, "staff_response_minutes_28d": None,
    "member_responses_28d": 0, "member_response_minutes_28d": None,
}  # fmt: skip
"""Made of facts that the values of the older version do not hold: they are told by what came since."""


def as_known(said: list[Output]) -> list[Output]:
    """Rows without what the older version could not know; it knew no insights at all."""
    return [
        msgspec.structs.replace(output, value=msgspec.structs.replace(output.value, **LEARNT_SINCE))
        if isinstance(output.value, GroupVitals)
        else output
        for output in said
        if output.topic != "group-insights"
    ]


@folders
@pytest.mark.parametrize("agent", AGENTS.values(), ids=AGENTS)
def test_an_agent_goes_on_with_the_values_of_the_older_version(folder: Path, agent: Agent) -> None:
    lines, stored = read(folder)
    topic = by_topic(lines)[agent.topic]
    records = stored[agent.name]
    position = load(records, TOPIC_ID).position
    assert position is not None
    assert 0 < position.next_offset < len(topic), "the values lie in the middle of the log"
    went_on = fold(agent, topic, position.next_offset, records)
    anew = fold(agent, topic, 0, {})
    known = as_known(went_on)
    assert known
    assert known == as_known(anew)[-len(known) :], "as if it had folded all of it"


@folders
def test_the_sink_reads_every_record_of_the_older_version(folder: Path) -> None:
    batch = Batch(set())
    lines = [line for line in read(folder)[0] if line.topic in TOPICS]
    for offset, line in enumerate(lines):
        batch.add(SinkRecord(line.topic, 0, offset, line.at, (line.key or "").encode(), bytes(line.value)))
    assert not batch.skipped
    rows = {table.name: len(rows) for table, rows in batch.filled()}
    assert "dead_letters_v1" not in rows
    assert {"events_v1", "group_vitals_v1", "member_vitals_v1", "group_alerts_v1", "purchases_v1"} <= rows.keys()
    assert sum(len(of) for topic, of in by_topic(lines).items() if topic == "group-vitals") == rows["group_vitals_v1"]


def test_the_fixtures_are_there() -> None:
    assert FOLDERS
