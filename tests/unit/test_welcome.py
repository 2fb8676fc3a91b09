"""How newcomers are greeted and how soon people are answered: medians by hand, and who counts as greeted."""

import random
from collections import Counter
from datetime import UTC, datetime
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import events as e
from streams.vitals.insights import MemberStandings
from streams.vitals.latencies import FOR_MEMBERS, FOR_STAFF, medians, wait
from streams.vitals.policy import DAY_MS
from streams.vitals.rows import GroupVitals
from streams.vitals.weeks import Weeks, ends_week, last_weeks, week_of
from streams.vitals.welcome import WAITING
from tests.unit.test_group_fold import COMMON, START, run, state_of, tick

MINUTE = 60_000
_TOLD = {**COMMON, "source": None}


def act(kind: type[Any], minutes: float, member: str, role: e.Role = "member", **fields: Any) -> Any:
    at = START + round(MINUTE * minutes)
    return kind(
        event_id=f"{kind.__name__}/{at}/{member}", occurred_at=at, member_id=member, role=role, **_TOLD, **fields
    )


def join(minutes: float, member: str = "m_new", **fields: Any) -> Any:
    return act(e.Join, minutes, member, **fields)


def staff(minutes: float, **fields: Any) -> Any:
    return act(e.Message, minutes, "s_1", "staff", **fields)


def welcomed(*events: Any, days: int = 9) -> tuple[float | None, GroupVitals]:
    """After how many minutes m_new was greeted, and the last row."""
    log, rows = run([*events, *(tick(START + day * DAY_MS, None) for day in range(1, days + 1))])
    at = state_of(log).ledger.by_id["m_new"].welcomed_at
    vitals = [row for row in rows if isinstance(row, GroupVitals)]
    return None if at is None else (at - START) / MINUTE, vitals[-1]


@pytest.mark.parametrize(
    ("events", "after"),
    [
        ([join(0), staff(600, mentions=("m_x", "m_new"))], 600),  # by name, whenever
        ([join(0), act(e.Message, 300, "m_new"), staff(400, reply_to=f"Message/{START + 300 * MINUTE}/m_new")], 400),
        ([join(0), act(e.Message, 300, "m_new"), staff(330)], 330),  # the next to speak
        ([join(0), act(e.Message, 300, "m_new"), staff(361)], None),  # too late to be an answer
        ([join(0), act(e.Message, 300, "m_new"), act(e.Message, 301, "m_2"), staff(302)], None),  # answers m_2
        ([join(0), staff(15)], 15),  # greets all who have just come
        ([join(0), staff(15.1)], None),
        ([join(1), staff(0.5)], None),  # before the join
        ([staff(2), join(1)], None),  # a word that came in before the join is not looked up again
        ([join(0), act(e.Message, 1, "b_1", "bot")], None),  # bots post by the clock
        ([join(0), act(e.Message, 1, "b_1", "bot", mentions=("m_new",))], 1),
        ([join(0), act(e.Message, 1, "m_2", mentions=("m_new",))], None),  # a member is not the host
        ([join(0), act(e.Message, 1, "x", "system", mentions=("m_new",))], None),
        ([join(0), staff(5), staff(7, mentions=("m_new",))], 5),  # the first counts
        ([join(0), staff(8 * 1440, mentions=("m_new",))], None),  # a week later it is no greeting
    ],
)
def test_who_is_greeted_and_when(events: list[Any], after: float | None) -> None:
    found, row = welcomed(*events)
    assert found == after
    assert row.welcomes_28d == (after is not None)


def test_a_welcome_is_told_of_the_member_when_its_day_closes() -> None:
    greeted = 2 * 1440 + 600
    ticks = [tick(START + day * DAY_MS, None) for day in range(1, 9)]
    events = sorted([join(0), staff(greeted, mentions=("m_new",)), *ticks], key=lambda one: one.occurred_at)
    told = [row for row in run(events)[1] if isinstance(row, MemberStandings)]
    at = {row.at: one.welcomed_at for row in told for one in row.standings if one.member_id == "m_new"}
    assert at[START + 3 * DAY_MS] == START + greeted * MINUTE


def test_the_median_wait_is_of_newcomers_not_of_those_who_come_back() -> None:
    events: list[Any] = []
    for n, minutes in enumerate((2, 10, 40)):
        events += [join(1000 * n, f"m_{n}"), staff(1000 * n + minutes, mentions=(f"m_{n}",))]
    events += [act(e.Leave, 4000, "m_0"), join(4100, "m_0"), staff(4101, mentions=("m_0",)), join(5000)]
    _, row = welcomed(*events)
    assert (row.newcomers_28d, row.welcomes_28d) == (4, 3)
    assert row.welcome_minutes_28d == pytest.approx(10, rel=0.35)


def test_answers_are_timed_by_who_gives_them_first() -> None:
    """Three questions: staff answers after 8 minutes, a member after 2, and one nobody within a day."""
    ask = [act(e.Message, 3000 * n, "m_new") for n in range(3)]
    events = [ask[0], act(e.Message, 1, "m_new"), staff(8), staff(9), ask[1], act(e.Message, 3002, "m_2"), staff(3500)]
    _, row = welcomed(*events, ask[2], act(e.Message, 6000 + 1441, "m_2"))
    assert (row.staff_responses_28d, row.member_responses_28d) == (2, 1)  # m_2 of 3002 waits for staff too
    assert row.member_response_minutes_28d == pytest.approx(2, rel=0.35)
    assert row.answered_share_28d == pytest.approx(3 / 6)


def test_waits_are_told_on_sundays_leave_the_window_and_late_ones_join_it() -> None:
    log, rows = run([join(0), staff(5), *(tick(START + day * DAY_MS, None) for day in range(1, 8))])
    counts = [row.welcomes_28d for row in rows if isinstance(row, GroupVitals) and row.is_day_close]
    assert counts == [0] * 6 + [1], "the first day is a Monday"
    late = [join(20, "m_late"), staff(25)]
    _, rows = run([*late, *(tick(START + day * DAY_MS, None) for day in range(8, 43))], log, start=20)
    counts = [row.welcomes_28d for row in rows if isinstance(row, GroupVitals) and row.is_day_close]
    assert counts == [1] * 6 + [2] * 21 + [0] * 8
    assert state_of(log).welcome.waits == {}


def test_a_crowd_that_nobody_greets_is_bounded_and_forgotten() -> None:
    log, _ = run([join(n / 100, f"m_{n}") for n in range(WAITING + 50)])
    assert len(state_of(log).welcome.newcomers) == WAITING
    run([tick(START + 9 * DAY_MS, None)], log, start=1_000)
    assert state_of(log).welcome.newcomers == {}


@given(st.lists(st.integers(0, 7 * DAY_MS), min_size=1, max_size=60))
def test_a_median_is_right_to_half_or_to_sixteen_seconds(waits: list[int]) -> None:
    weeks: Weeks = {}
    for ms in waits:
        wait(weeks, FOR_STAFF, 0, ms)
    _, (count, found), _ = medians(last_weeks(weeks, 3))
    low, high = sorted(waits)[(len(waits) - 1) // 2], sorted(waits)[len(waits) // 2]
    assert count == len(waits)
    assert found is not None
    assert low * 0.5 - 17_000 <= found * MINUTE <= high * 2 + 17_000


def test_a_median_of_many_waits_is_near_theirs() -> None:
    rng = random.Random(1)
    waits = [rng.lognormvariate(0, 1.2) * 12 * MINUTE for _ in range(400)]
    weeks: Weeks = {}
    for ms in waits:
        wait(weeks, FOR_MEMBERS, 0, int(ms))
    assert medians(last_weeks(weeks, 3))[2].minutes == pytest.approx(median(waits) / MINUTE, rel=0.1)


@given(st.lists(st.tuples(st.integers(0, 70 * DAY_MS), st.integers(0, 4)), max_size=120), st.integers(0, 70))
def test_the_last_four_weeks_are_the_28_days_that_end_with_a_sunday(told: list[tuple[int, int]], day: int) -> None:
    weeks: Weeks = {}
    for time, key in told:
        counts = weeks.setdefault(week_of(time), {})
        counts[key] = counts.get(key, 0) + 1
    sunday = day - (day - 3) % 7
    assert ends_week(sunday)
    window = [key for time, key in told if sunday - 28 < time // DAY_MS <= sunday]
    assert last_weeks(weeks, sunday) == Counter(window)
    assert all(week > week_of(sunday * DAY_MS) - 4 for week in weeks)


def test_a_week_begins_on_monday() -> None:
    monday = round(datetime(2026, 11, 23, tzinfo=UTC).timestamp() * 1000)
    assert week_of(monday) == week_of(monday - 1) + 1 == week_of(monday + 7 * DAY_MS - 1)
    assert ends_week(monday // DAY_MS - 1)
    assert not ends_week(monday // DAY_MS)
