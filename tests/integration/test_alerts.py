"""Groups die on the real stack: what becomes of it on group-alerts, in the view and in the hands of on-call."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from streams import events as e
from streams.notify.agent import recent
from streams.settings import Settings
from streams.vitals.policy import DAY_MS, HOUR_MS
from streams.vitals.rows import GroupAlert
from streams.warehouse import Warehouse
from tests.backtesting import alerts as backtested
from tests.backtesting import essence, write

pytestmark = pytest.mark.integration

FIRST_DAY, TALK_DAYS, DAYS = time.time_ns() // 1_000_000 // DAY_MS - 127, 90, 126
ALONE = {f"alone/g{n}": n == 0 for n in range(6)}
MANY = {f"many/g{n}": n < 7 for n in range(8)}
"""Group → whether it falls silent after TALK_DAYS."""
COLUMNS = "alert, state, is_told, group_id, verdict, severity, group_count, known_groups"


def history() -> Iterator[tuple[str, e.Event]]:
    """Group and event, in order of time: three members of each group speak once a day, ticks pass for all ("")."""
    for day in range(DAYS):
        start = (FIRST_DAY + day) * DAY_MS
        for minutes in (0, 20, 720):
            yield "", e.Tick(event_id=f"t/{day}/{minutes}", occurred_at=start + minutes * 60_000, brand_id="*",
                             platform="*")  # fmt: skip
        for group, dies in (ALONE | MANY).items():
            for n in range(0 if dies and day >= TALK_DAYS else 3):
                yield group, e.Message(
                    event_id=f"{group}/{day}/{n}", occurred_at=start + (13 + n) * HOUR_MS, group_id=group,
                    brand_id=group.partition("/")[0], platform="test", member_id=f"m{n}",
                )  # fmt: skip


@pytest.fixture
def vitals(stack: Settings) -> Iterator[Callable[..., Any]]:
    """Starts `vitals …` on the stack; what still runs in the end is stopped."""
    env = os.environ | {"VITALS_HOME": str(stack.home)}
    started = []
    stack.logs.mkdir(parents=True, exist_ok=True)

    def start(*arguments: str) -> subprocess.Popen[str]:
        with (stack.logs / "test-alerts.log").open("a") as log:
            command = [sys.executable, "-m", "streams", *arguments]
            started.append(subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=log, text=True))
        return started[-1]

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
    for process in started:
        process.communicate(timeout=120)


def until(stack: Settings, sql: str, wanted: Callable[[list[Any]], bool], limit_s: float = 300) -> list[Any]:
    """What a query answers once that is what is wanted."""
    end = time.monotonic() + limit_s
    while not wanted(found := Warehouse(stack).query(sql)):
        assert time.monotonic() < end, found
        time.sleep(0.1)
    return found


def on_topic(stack: Settings) -> list[GroupAlert]:
    """All records of group-alerts, in the order of each partition."""
    found = []
    with closing(
        Consumer({"bootstrap.servers": stack.kafka, "group.id": "test-alerts", "enable.partition.eof": True})
    ) as consumer:
        consumer.assign([TopicPartition("group-alerts", p, OFFSET_BEGINNING) for p in range(stack.partitions)])
        ends = 0
        while ends < stack.partitions:
            record = consumer.poll(10)
            if record is None or record.error():
                ends += 1
            else:
                found.append(msgspec.json.decode(record.value(), type=GroupAlert))
                assert record.key() == found[-1].brand_id.encode()
    return found


def test_groups_that_die_are_told_once_as_in_a_backtest_and_looked_after(
    stack: Settings, vitals: Callable[..., Any], tmp_path: Path
) -> None:
    producer = Producer({"bootstrap.servers": stack.kafka, "partitioner": "murmur2_random", "enable.idempotence": True})
    for group, event in history():
        for partition in range(stack.partitions) if not group else [-1]:
            producer.produce("chat-events", e.encode(event), group, partition)
        producer.poll(0)
    assert producer.flush(240) == 0
    for agent in ("groups", "alerts"):
        vitals("worker", agent, "--name", f"test-alerts-{agent}")
    vitals("sink", "--name", "test-alerts-sink")

    told = f"SELECT {COLUMNS} FROM alerts WHERE brand_id IN ('alone', 'many') AND is_told ORDER BY brand_id, opened_at"
    found = until(stack, told, lambda rows: len(rows) == 3 and rows[0][4] == "dead")
    assert found == [
        ("dying", "escalated", 1, "alone/g0", "dead", "critical", 0, 0),
        ("common_cause", "ended", 1, "", "", "warning", 7, 8),
        ("common_cause", "opened", 1, "", "", "critical", 7, 8),
    ]
    of_many = "SELECT DISTINCT is_told, verdict FROM alerts WHERE brand_id = 'many' AND group_id != ''"
    assert until(stack, of_many, lambda rows: rows == [(0, "dead")])
    records = [alert for alert in on_topic(stack) if alert.brand_id in ("alone", "many")]
    assert [(a.kind, a.state, a.verdict) for a in records if not a.withheld and a.brand_id == "alone"] == [
        ("drop", "opened", "healthy"), ("dying", "escalated", "dying"), ("dying", "escalated", "dead"),
    ]  # fmt: skip
    assert [(a.kind, a.state, len(a.groups)) for a in records if not a.withheld and a.brand_id == "many"] == [
        ("common_cause", "opened", 7), ("common_cause", "ended", 7), ("common_cause", "opened", 7),
    ]  # fmt: skip
    assert len({alert.alert_id for alert in records}) == len(records) == 3 + 3 + 3 * 7
    of_dry_run = [alert for alert in recent(stack, 10_000) if alert.brand_id in ("alone", "many")]
    told_on_topic = [alert for alert in records if not alert.withheld]
    assert of_dry_run == sorted(told_on_topic, key=lambda alert: (alert.told_at, alert.alert_id))
    said = write(tmp_path / "events.jsonl", [e.encode(event) for group, event in history() if group])
    assert essence(records) == essence(backtested(said, until=(FIRST_DAY + DAYS - 1) * DAY_MS))

    acked = vitals("alerts", "ack", "alone/g0", "--by", "lin").communicate(timeout=240)[0]
    assert "acknowledged by lin" in acked
    until(stack, "SELECT acknowledged_by FROM alerts WHERE group_id = 'alone/g0'", lambda rows: rows == [("lin",)])
    vitals("alerts", "snooze", "alone/g0", "--hours", "2").communicate(timeout=240)
    until(stack, "SELECT state FROM alerts WHERE group_id = 'alone/g0'", lambda rows: rows == [("snoozed",)])
    listed = json.loads(vitals("alerts", "--open", "--brand", "alone", "--json").communicate(timeout=240)[0])
    assert [(a["state"], a["acknowledged_by"], a["verdict"]) for a in listed] == [("snoozed", "lin", "dead")]
    assert listed[0]["reasons"]
