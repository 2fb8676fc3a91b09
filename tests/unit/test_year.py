"""The last year in watched days: moved on equals added up anew, and both equal the plain definitions."""

import random
from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.vitals.panes import PANE_DAYS, DayPane, add_message
from streams.vitals.year import TALK_DAYS, YEAR_DAYS, Year


def panes_of(rng: random.Random, days: int) -> dict[int, DayPane]:
    """A group that talks now often, now seldom."""
    panes: dict[int, DayPane] = {}
    for day in range(days):
        if rng.random() < (0.8 if day // 90 % 2 else 0.05):
            pane = panes[day] = DayPane()
            for _ in range(rng.randrange(1, 9)):
                add_message(pane, rng.randrange(6), 0, 20)
    return panes


def told(year: Year) -> dict[str, object]:
    return {
        "days": year.days,
        "weeks": [*year.weeks()],
        "speaker_weeks": [*year.speaker_weeks()],
        "gaps": +year.gaps,
        "top": year.top_speakers(),
        "spoke": year.spoke,
        "active": [year.active_days(days) for days in (7, 28, 56, YEAR_DAYS)],
        "silent": year.silent_days(),
        "longest": year.longest_silence(10),
    }


def plainly(panes: dict[int, DayPane], last_day: int, first_day: int, unseen: set[int]) -> dict[str, object]:
    """The same by the definitions."""
    days = [day for day in range(max(first_day, last_day - PANE_DAYS + 1), last_day + 1) if day not in unseen]
    year, empty = days[-YEAR_DAYS:], DayPane()
    found = [panes.get(day, empty) for day in year]
    active = [index for index, pane in enumerate(found) if pane.messages]
    blocks = [found[max(end - 7, 0) : end] for end in range(len(found), 0, -7)]
    recent = [(day, panes.get(day, empty)) for day in days[-TALK_DAYS:]]
    weeks = [sum(pane.messages for pane in block) for block in blocks]
    return {
        "days": len(year),
        "weeks": weeks,
        "speaker_weeks": [sum(pane.speakers for pane in block) for block in blocks],
        "top": max((pane.speakers for pane in found), default=0),
        "gaps": Counter(b - a for a, b in pairwise(active)),
        "spoke": {number: day for day, pane in recent for number in pane.spoke},
        "active": [sum(pane.messages > 0 for pane in found[-days:]) for days in (7, 28, 56, YEAR_DAYS)],
        "longest": max((b - a - 1 for a, b in pairwise(active)), default=0) if len(active) >= 10 else None,
        "silent": len(year) - 1 - active[-1] if active else len(year),
    }


@given(st.integers(0, 2**32), st.integers(1, 900))
@settings(max_examples=25, deadline=None)
def test_moving_on_by_a_day_equals_adding_all_up_equals_the_definitions(seed: int, days: int) -> None:
    rng = random.Random(seed)
    panes = panes_of(rng, days)
    first = min(panes, default=0)
    year = Year(panes, first - 1, first, ())
    for day in range(first, days + 60):
        year.advance(panes)
        if day % 23 == 0:
            assert told(year) == told(Year(panes, day, first, ())) == plainly(panes, day, first, set())


@given(st.integers(0, 2**32), st.integers(1, 900))
@settings(max_examples=25, deadline=None)
def test_a_day_that_nobody_saw_is_as_if_it_had_not_been(seed: int, days: int) -> None:
    rng = random.Random(seed)
    panes = panes_of(rng, days)
    first = min(panes, default=0)
    unseen = {day for start in rng.sample(range(days), min(3, days)) for day in range(start, start + rng.randrange(40))}
    for day in unseen:
        panes.pop(day, None)
    last = days + rng.randrange(30)
    assert told(Year(panes, last, first, unseen)) == plainly(panes, last, first, unseen)
