"""What members answer to posts, counted by hand, beside what the same minutes bring without a post."""

from typing import Any

import pytest

from streams import events as e
from streams.vitals.insights import PostResponse
from streams.vitals.policy import DAY_MS, HOUR_MS
from streams.vitals.responses import OPEN_POSTS, POST_HOURS
from tests.unit.test_group_fold import COMMON, START, run, state_of, tick

POSTED = START + 40 * DAY_MS + 10 * HOUR_MS + 15 * 60_000
"""On day 40 at 10:15: three quarters of an hour, and a quarter of the next."""
_TOLD = {**COMMON, "source": None}


def said(minutes: float, member: str = "m_0", role: e.Role = "member") -> e.Message:
    at = POSTED + round(60_000 * minutes)
    return e.Message(event_id=f"m/{at}/{member}", occurred_at=at, member_id=member, role=role, **_TOLD)


def post(minutes: float = 0, content: e.ContentClass = "activate", **fields: Any) -> e.Post:
    at = POSTED + round(60_000 * minutes)
    return e.Post(event_id=f"p/{at}", occurred_at=at, content_class=content, **_TOLD, **fields)


def usual() -> list[Any]:
    """Each day two messages at 10 o'clock and four at 11, on the weekday of the post twice as many."""
    found: list[Any] = []
    for day in range(1, 41):
        times = (2 if day % 7 == 5 else 1) * 1
        for hour, count in ((10, 2 * times), (11, 4 * times)):
            minute = -(40 - day % 41) * 1440 - 15 + 60 * (hour - 10)
            if day != 40:
                found += [said(minute + 0.5 + n) for n in range(count)]
    return found


def told(events: list[Any], days: int = 41, *, as_written: bool = False) -> list[PostResponse]:
    ticks = [tick(START + day * DAY_MS, None) for day in range(1, days + 1)]
    ordered = events if as_written else sorted(events, key=lambda one: one.occurred_at)
    told.log, rows = run(sorted([*ticks, *ordered], key=lambda one: one.occurred_at // DAY_MS))  # type: ignore[attr-defined]
    return [row for row in rows if isinstance(row, PostResponse)]


ANSWERS = [said(-1), said(0), said(12), said(59.9, "m_1"), said(60), said(3, "s_1", "staff"), said(4, "b_1", "bot")]


def test_members_of_the_sixty_minutes_beside_what_they_usually_bring() -> None:
    (report,) = told([*usual(), post(code="TEA10"), *ANSWERS])
    assert (report.response, report.content_class, report.has_code) == (3, "activate", True)
    # the weekday of day 40 is that of days 33, 26, 19, 12, 5: 4 messages at 10 o'clock, 8 at 11
    assert report.expected == pytest.approx(4 * 0.75 + 8 * 0.25)
    assert (report.cells, report.posted_at, report.at) == (5, POSTED, START + 41 * DAY_MS)


def test_what_came_before_the_post_was_told_counts_as_well_and_what_is_taken_back_does_not() -> None:
    taken_back = e.Recall(event_id="r", occurred_at=POSTED + 30_000, target=ANSWERS[2].event_id, **_TOLD)
    (late,) = told([*usual(), *ANSWERS, post()], as_written=True)
    (less,) = told([*usual(), *ANSWERS, taken_back, post()], as_written=True)
    (less_later,) = told([*usual(), post(), *ANSWERS, taken_back], as_written=True)
    assert [one.response for one in (late, less, less_later)] == [3, 2, 2]


def test_weeks_with_a_post_are_no_measure_of_the_usual() -> None:
    """Of five weeks three had a post that drew talk: the two others say what is usual."""
    posts = [post(-7 * 1440 * week) for week in (1, 2, 3)]
    stirred = [said(-7 * 1440 * week + 5 + n) for week in (1, 2, 3) for n in range(30)]
    *_, report = told([*usual(), *posts, *stirred, post(), *ANSWERS])
    assert report.expected == pytest.approx(5.0)
    assert report.cells == 2


def test_a_post_of_every_week_is_measured_by_other_days_at_its_hour() -> None:
    posts = [post(-7 * 1440 * week) for week in range(1, 6)]
    *_, report = told([*usual(), *posts, post(), *ANSWERS])
    assert report.expected == pytest.approx(2 * 0.75 + 4 * 0.25)
    assert report.cells == 38 - 5, "days 2 to 39 without the five: of day 1 the hour was not seen in full"


def test_of_a_young_group_nothing_is_expected() -> None:
    (report,) = told([said(-1440), post(), *ANSWERS])
    assert (report.response, report.expected) == (3, None)


def test_a_post_shortly_before_midnight_is_told_a_day_later() -> None:
    late = 13 * 60 + 40  # 23:55
    reports = told([*usual(), post(late), said(late + 1), said(late + 59)], days=42)
    assert [(one.response, one.at) for one in reports] == [(2, START + 42 * DAY_MS)]


def test_so_many_posts_of_a_day_are_measured() -> None:
    reports = told([*usual(), *(post(n / 10) for n in range(OPEN_POSTS + 5))])
    state = state_of(told.log)  # type: ignore[attr-defined]
    assert len(reports) == OPEN_POSTS
    assert (state.responses.unmeasured, state.responses.until, state.responses.running) == (5, -1, [])
    assert len(state.responses.hours) == 1


def test_a_flood_of_posts_leaves_a_bounded_memory() -> None:
    told([post(60 * n) for n in range(2 * POST_HOURS)], days=41)
    assert len(state_of(told.log).responses.hours) <= POST_HOURS  # type: ignore[attr-defined]


def test_a_post_that_comes_weeks_late_is_not_measured() -> None:
    log, _ = run([*sorted(usual(), key=lambda one: one.occurred_at), tick(START + 40 * DAY_MS, None)])
    _, rows = run([post(-20 * 1440), tick(START + 41 * DAY_MS, None)], log, start=1_000)
    assert not [row for row in rows if isinstance(row, PostResponse)]
    assert state_of(log).responses.unmeasured == 1
