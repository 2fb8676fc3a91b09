"""`vitals calibrate` on the real stack: what the warehouse knows of a brand's past comes to the fold as an event."""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import pytest
from confluent_kafka import OFFSET_BEGINNING

from streams import cli, models
from streams import events as e
from streams.settings import Settings
from streams.vitals.calibration import CALIBRATE_DAYS, DELAY_DAYS
from streams.vitals.partition import GroupLog
from streams.vitals.policy import DAY_MS
from streams.vitals.rows import GroupVitals
from tests.backtesting import START, backtest, bare, rows, write
from tests.integration.test_views import give_rows
from tests.replay import ends, reader, records

pytestmark = pytest.mark.integration

FIRST = START // DAY_MS
STEP = -(-(FIRST + 210) // CALIBRATE_DAYS) * CALIBRATE_DAYS
"""The day on which the brand is calibrated."""
DAYS = STEP - FIRST + 2 * DELAY_DAYS
DIES_ON = 125
COLUMNS = (
    "group_id", "brand_id", "model", "verdict", "is_day_close", "age_days", "risk", "messages_28d", "speakers_28d",
    "usual_56d", "messages_56d", "community_intercept", "unseen_days_56d",
)  # fmt: skip
_chat = msgspec.json.Decoder(e.ChatEvent)


def lines(brand: str) -> list[bytes]:
    """Three groups in which three members talk each day, but one group falls silent."""
    return [
        bare(day + (9 + n) / 24, f"{brand}/g{group}", f"m{n}", day * 3 + n)
        for day in range(DAYS)
        for n in range(3)
        for group in range(3)
        if group or day < DIES_ON
    ]


class Fold:
    """A worker's fold of the log, day by day."""

    def __init__(self, brand: str, model: str) -> None:
        self.log = GroupLog(0, "groups/0", msgspec.structs.replace(models.load(), name=model))
        self._brand, self._offset = brand, 0
        self._lines = iter([msgspec.json.decode(line) for line in lines(brand)] + [{"occurred_at": 1 << 60}])
        self._next = next(self._lines)

    def fold(self, event: e.Event, key: str = "") -> Iterator[GroupVitals]:
        self._offset += 1
        for output in self.log.fold(event, key, self._offset, event.occurred_at):
            if isinstance(output.value, GroupVitals) and output.value.is_day_close:
                yield output.value

    def until(self, day: int) -> Iterator[GroupVitals]:
        """The rows of the days that close up to the beginning of a day."""
        while self._next["occurred_at"] < day * DAY_MS:
            fields = self._next | {"brand_id": self._brand, "source": "irc/c", "source_seq": self._offset}
            event = _chat.decode(msgspec.json.encode(fields))
            yield from self.fold(event, self._next["group_id"])
            self._next = next(self._lines)
        at = day * DAY_MS
        yield from self.fold(
            e.Tick(event_id=f"t{at}", occurred_at=at, brand_id=self._brand, platform="irc", source="irc/c")
        )


def told(stack: Settings, brand: str) -> list[tuple[int, e.Calibration]]:
    """All calibrations of a brand on the topic, with their partitions."""
    with reader(stack) as consumer:
        found = records(consumer, "chat-events", dict.fromkeys(ends(consumer, "chat-events"), OFFSET_BEGINNING))
        events = [(one.partition(), _chat.decode(one.value())) for one in found if b'"calibration"' in one.value()]
    return [(partition, event) for partition, event in events if event.brand_id == brand]


def test_a_past_with_deaths_comes_back_as_a_risk_that_a_backtest_gives_too(
    stack: Settings, tmp_path, monkeypatch, capsys
):
    brand, model = "calibrated", "calibrate-test"
    models.save(msgspec.structs.replace(models.load(), name=model), tmp_path / "model.json")
    monkeypatch.setenv("VITALS_HOME", str(stack.home))
    monkeypatch.setenv("VITALS_MODEL", str(tmp_path / "model.json"))
    worker = Fold(brand, model)
    past = [row for day in range(FIRST + 1, STEP + 1) for row in worker.until(day)]
    assert {row.community_intercept for row in past} == {0.0}
    given = [{name: getattr(row, name) for name in COLUMNS} | {"at": _text(row.at)} for row in past]
    give_rows(stack, "group_vitals_v1", given)

    assert cli.run(["calibrate", "--dry-run"]) == 0
    for _ in range(2):
        assert cli.run(["calibrate"]) == 0
    said = capsys.readouterr().out.splitlines()
    day = datetime.fromtimestamp(STEP * 86_400, UTC).date()
    assert said[0].startswith(f"{brand}: ")
    assert f" deaths expected, 4 came by {day}; intercept +" in said[0]
    assert said[-1] == "told every partition of chat-events"
    events = told(stack, brand)  # the dry run told nobody
    assert sorted(partition for partition, _ in events) == sorted([*range(stack.partitions)] * 2)
    (event,) = {event for _, event in events}
    assert event.effective_at == (STEP + DELAY_DAYS) * DAY_MS

    list(worker.fold(event))
    later = [row for day in range(STEP + 1, FIRST + DAYS + 1) for row in worker.until(day)]
    in_force = [row for row in later if row.at >= event.effective_at]
    assert {row.community_intercept for row in later if row.at < event.effective_at} == {0.0}
    assert {row.community_intercept for row in in_force} == {event.intercept}
    csv, _ = backtest(write(tmp_path / "events.jsonl", lines(brand)))
    expected = {(row["group_id"], row["at"]): float(row["risk"]) for row in rows(csv)}
    assert len(in_force) == 3 * (DELAY_DAYS + 1)
    assert [row.risk for row in in_force] == [expected[row.group_id, _text(row.at, "T") + "Z"] for row in in_force]


def _text(at: int, between: str = " ") -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime(f"%Y-%m-%d{between}%H:%M:%S")
