"""Verdicts at both edges of each threshold, their hysteresis, and the reasons for them."""

from typing import Any

import pytest

from streams import events as e
from streams.vitals.drivers import DRIVERS
from streams.vitals.policy import Policy
from streams.vitals.rows import AlertSignal, GroupVitals
from tests.unit.test_group_fold import DAY_MS, START, join, leave, message, run, tick, vitals

POLICY = Policy()


def talk(days: range, speakers: int, start: int = 1) -> list[e.Event]:
    """Each of `speakers` members says one thing on each of the days."""
    return [
        message(start + day * 100 + who, START + day * DAY_MS + who, f"m_{who}")
        for day in days
        for who in range(speakers)
    ]


def history(events: list[e.Event], days: int) -> list[GroupVitals]:
    """The day rows of a group with these events, a tick at each midnight."""
    ticks = [tick(START + day * DAY_MS) for day in range(1, days + 1)]
    ordered = sorted([*ticks, *events], key=lambda event: (event.occurred_at, isinstance(event, e.GroupEvent)))
    return vitals(run(ordered)[1])


def verdict_on(rows: list[GroupVitals], day: int) -> str:
    return next(row.verdict for row in rows if row.at == START + day * DAY_MS)


def test_a_young_group_is_forming_until_its_fourteenth_day() -> None:
    rows = history(talk(range(20), 8), 20)
    assert [verdict_on(rows, day) for day in (1, 13, 14)] == ["forming", "forming", "healthy"]


def test_two_speakers_are_no_group_yet() -> None:
    rows = history(talk(range(30), 2), 30)
    assert verdict_on(rows, 30) == "forming"
    assert rows[-1].reasons[0].code == "too_few_ever"


def test_dead_after_28_silent_days_not_27() -> None:
    """The last word falls on day 39: the row of day 67 sees 27 days and some hours of silence, that of 68 28."""
    rows = history(talk(range(40), 8), 75)
    silent = {row.at: row.silent_hours for row in rows}
    first = next(row for row in rows if row.verdict == "dead")
    assert silent[first.at - DAY_MS] is not None
    assert silent[first.at - DAY_MS] >= 28 * 24  # the first of two proposals running
    assert silent[first.at - 2 * DAY_MS] < 28 * 24
    assert first.reasons[0].code == "no_message"


def test_a_worse_verdict_needs_two_days_running_and_stays_for_fourteen() -> None:
    rows = history(talk(range(30), 5) + talk(range(55, 120), 5), 120)
    dying = [row for row in rows if row.verdict == "dying"]
    assert dying
    since = dying[0].at
    better = next(row for row in rows if row.at > since and row.verdict not in {"dying", "dead"})
    assert better.at - since >= POLICY.hold_days * DAY_MS
    assert better.verdict == "revived"


def test_a_planned_end_is_no_death() -> None:
    ended = e.GroupEnded(event_id="end", occurred_at=START + 30 * DAY_MS, brand_id="acme", platform="irc",
                         group_id="acme/irc/tea", source="irc/acme", source_seq=10**6)  # fmt: skip
    rows = history([*talk(range(30), 8), ended], 70)
    assert {row.verdict for row in rows if row.at > START + 31 * DAY_MS} == {"ended"}


def test_a_change_of_verdict_is_signalled_once() -> None:
    ticks = [tick(START + day * DAY_MS) for day in range(1, 75)]
    ordered = sorted([*ticks, *talk(range(40), 8)], key=lambda x: (x.occurred_at, isinstance(x, e.GroupEvent)))
    signals = [row for row in run(ordered)[1] if isinstance(row, AlertSignal)]
    assert [signal.was for signal in signals[1:]] == [signal.verdict for signal in signals[:-1]]
    assert signals[-1].verdict == "dead"


def staff(n: int, day: int) -> e.Message:
    return message(10**6 + n, START + day * DAY_MS + 3600_000 + n, "s_1", role="staff")


CAUSES: dict[str, list[e.Event]] = {
    "monologue": [*talk(range(30), 6), *(staff(day * 10 + n, day) for day in range(30, 60) for n in range(6))],
    "core_left": talk(range(60), 5) + [message(9000 + d, START + d * DAY_MS + 50, "m_new") for d in range(60, 81, 7)],
    "leaves": [
        *(join(10**7 + n, START + n, f"m_{n}") for n in range(30)),
        *talk(range(30), 8),
        *(leave(10**8 + n, START + 50 * DAY_MS + n, f"m_{n}") for n in range(8, 30)),
    ],
}


@pytest.mark.parametrize("code", CAUSES)
def test_a_cause_is_named_before_the_drivers(code: str) -> None:
    rows = history(CAUSES[code], 82)
    named = [row for row in rows if any(reason.code == code for reason in row.reasons)]
    assert named
    assert all(len(row.reasons) <= 3 for row in rows)
    codes: list[Any] = [reason.code for reason in named[0].reasons]
    assert codes.index(code) < min((codes.index(d) for d in DRIVERS if d in codes), default=9)
