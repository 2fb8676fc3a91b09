"""The sums that move on from day to day equal those added up anew, whatever happened to the days."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import events as e
from streams import models
from streams.vitals.engagement import windows
from streams.vitals.month import SUMMED, Month
from streams.vitals.panes import DayPane, add_message
from streams.vitals.partition import GroupLog
from streams.vitals.policy import DAY_MS, HOUR_MS, Policy
from streams.vitals.year import YEAR_DAYS
from tests.unit.test_group_fold import (
    COMMON,
    GROUP,
    START,
    histories,
    message,
    run,
    state_of,
    tick,
    vitals,
)

MODEL = models.load()
MOVING = ("answered", "newcomers_spoke")


def of(month: Month) -> dict[str, object]:
    return {name: getattr(month, name) for name in Month.__slots__ if name not in {"ids", "year"}}


def panes_of(rng: random.Random, days: int) -> dict[int, DayPane]:
    panes: dict[int, DayPane] = {}
    for day in rng.sample(range(days), rng.randint(1, days)):
        pane = panes[day] = DayPane(
            **{name: rng.randrange(9) for name in (*SUMMED, *MOVING) if name not in {"messages", "speakers"}}
        )
        for _ in range(rng.randrange(12)):
            add_message(pane, rng.randrange(6), 0, 20)
        pane.bought = {rng.randrange(5): 1 for _ in range(rng.randrange(3))}
    return panes


@given(st.integers(0, 2**32), st.integers(1, 2 * YEAR_DAYS))
@settings(max_examples=20)
def test_moving_on_by_a_day_equals_adding_all_up(seed: int, days: int) -> None:
    panes = panes_of(random.Random(seed), days)
    month = Month(panes, -1)
    assert not any(month.sums)
    for day in range(days + 100):
        month.advance(panes)
        if day % 7 == 0:
            assert of(month) == of(Month(panes, day))
    assert month.talk == month.spoke_7d == month.buyers == {}


def test_a_copy_goes_its_own_way() -> None:
    panes = panes_of(random.Random(1), 60)
    month = Month(panes, 40)
    before = of(Month(panes, 40))
    month.copy().advance(panes)
    assert of(month) == before


@given(histories(), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_late_events_and_recalls_are_in_the_rows_as_if_all_were_added_up_each_day(
    events: list[e.GroupEvent], rng: random.Random
) -> None:
    said: list[tuple[float, e.Event]] = [(START + day * DAY_MS, tick(START + day * DAY_MS)) for day in range(1, 51)]
    for event in events:
        late = rng.choice([0, 0, 0, rng.randrange(9 * DAY_MS)])
        said.append((event.occurred_at + late, event))
        if isinstance(event, e.Message) and rng.random() < 0.1:
            recall = e.Recall(event_id=f"r/{event.event_id}", occurred_at=event.occurred_at, target=event.event_id,
                              **COMMON | {"source_seq": 1000 + (event.source_seq or 0)})  # fmt: skip
            said.append((event.occurred_at + late + rng.randrange(5 * DAY_MS), recall))
    said.sort(key=lambda pair: pair[0])
    _, rows = run([event for _, event in said])
    log, anew, values = GroupLog(0, "groups/chat-events/0/t", MODEL), [], {}
    for offset, (_, event) in enumerate(said):
        values |= log.take_changed()
        fresh = GroupLog(0, "groups/chat-events/0/t", MODEL)
        fresh.restore(log.partition_value(), values)
        log, more = run([event], fresh, offset)
        anew += more
    assert rows == anew


def test_a_live_row_of_the_open_day_counts_it() -> None:
    events = [message(1, START), tick(START + DAY_MS, None), message(2, START + DAY_MS + 5, "m_b")]
    _, rows = run([*events, tick(START + DAY_MS + 60_000, None)])
    last = vitals(rows)[-1]
    assert (last.group_id, last.messages_1d, last.messages_28d, last.speakers_7d) == (GROUP, 1, 2, 2)


def test_an_hour_without_news_is_told_as_if_all_were_added_up_and_one_with_news_counts_it() -> None:
    hours = [START + DAY_MS + hour * HOUR_MS for hour in range(1, 7)]
    late = message(3, START + 5)
    said = [message(2, hours[2] + 5, "m_b"), late, message(4, START + DAY_MS - 5, "m_c")]
    events: list[e.Event] = [message(1, START), tick(START + DAY_MS, None), tick(hours[0], None), tick(hours[1], None)]
    for event, hour in zip(said, hours[2:], strict=False):
        events += [tick(hour, None), event, tick(hour + HOUR_MS - 1, None)]
    told = [row for row in vitals(run(events)[1]) if not row.is_day_close]
    plain = []
    for end in [place for place, event in enumerate(events) if isinstance(event, e.Tick)]:
        once = [event for event in events[:end] if not isinstance(event, e.Tick)]
        log, _ = run([*once[:1], tick(START + DAY_MS, None), *once[1:]])
        seen = windows(state_of(log), events[end].occurred_at)
        plain.append((seen.at, seen.messages_1d, seen.messages_28d, seen.speakers_28d, seen.silent_hours))
    rows = [(row.at, row.messages_1d, row.messages_28d, row.speakers_28d, row.silent_hours) for row in told]
    assert len(rows) >= 7
    assert set(rows) <= set(plain)


@pytest.mark.parametrize("waits", [{"newcomer_days": 8}, {"answered_minutes": 7 * 24 * 60 + 1}])
def test_a_policy_waits_no_longer_than_what_moves_on_takes_for_granted(waits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="7 days"):
        Policy(**waits)
