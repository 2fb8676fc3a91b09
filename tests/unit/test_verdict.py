"""Verdicts at both edges of each threshold, their hysteresis, and the reasons for them."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from streams import events as e
from streams import models
from streams.vitals.drivers import DRIVERS
from streams.vitals.engagement import windows
from streams.vitals.partition import GroupLog
from streams.vitals.policy import Policy
from streams.vitals.rows import GroupVitals
from streams.vitals.state import GroupState
from streams.vitals.verdict import because, decide
from tests.unit.test_group_fold import DAY_MS, START, join, leave, message, run, tick, vitals

MODEL = models.load()
POLICY = Policy()


def talk(days: Iterable[int], speakers: int, start: int = 1) -> list[e.Event]:
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


def test_an_alarm_begins_at_once_and_at_the_risk_of_the_policy() -> None:
    rows = history(talk(range(60), 20) + talk(range(60, 240, 13), 1), 240)
    first = next(row for row in rows if row.verdict in {"dying", "dead"})
    before = next(row for row in rows if row.at == first.at - DAY_MS)
    assert first.risk >= POLICY.dying_risk > before.risk
    assert before.verdict == "fading"


def test_a_group_that_was_never_silent_is_off_its_rhythm_after_two_weeks() -> None:
    """The last word falls on day 99; the row of day 114 sees 14 whole days of silence, that of day 113 thirteen."""
    rows = history(talk(range(100), 8), 130)
    assert [verdict_on(rows, day) for day in (113, 114, 128)] == ["healthy", "dying", "dead"]
    first = next(row for row in rows if row.verdict == "dying")
    assert first.reasons[0] == because("off_rhythm", days=14, longest=0)
    dead = next(row for row in rows if row.verdict == "dead")
    assert dead.silent_hours is not None
    assert 28 * 24 <= dead.silent_hours < 29 * 24
    assert dead.reasons[0].code == "no_message"


def test_an_alarm_is_held_for_five_weeks_and_then_left_by_a_group_that_is_well() -> None:
    rows = history(talk(range(100), 8) + talk(range(116, 190), 8), 190)
    alarms = [row for row in rows if row.verdict in {"dying", "dead"}]
    left = next(row for row in rows if row.at > alarms[-1].at)
    assert left.at - alarms[0].at == POLICY.alarm_hold_days * DAY_MS
    assert [row.at for row in alarms] == list(range(alarms[0].at, left.at, DAY_MS))
    assert left.verdict == "revived"
    assert {row.verdict for row in rows if left.at <= row.at < left.at + POLICY.revived_days * DAY_MS} == {"revived"}
    assert rows[-1].verdict == "healthy"
    held = [row for row in alarms if row.reasons[0].code == "held"]
    assert held[-1].reasons[0] == because("held", days=1)


def judged(risks: Iterable[float]) -> list[str]:
    """The verdicts on a group of an age of 60 days on that is never silent, from its risk on each day."""
    state = GroupState("acme/irc/tea", "acme", "irc", first_message_at=START, speakers_ever=9, verdict="healthy")
    told = []
    for day, state.risk in enumerate(risks, 60):
        seen = windows(state, START + day * DAY_MS)
        verdict = decide(state, seen, POLICY)
        if verdict != state.verdict or state.verdict_since is None:
            state.verdict, state.verdict_since = verdict, seen.at
        told.append(verdict)
    return told


def test_fading_needs_two_days_running_and_stays_for_two_weeks() -> None:
    calm, above = POLICY.fading_risk - 0.01, POLICY.fading_risk
    told = judged([calm, above, calm, above, above, *[calm] * 20])
    assert told == ["healthy"] * 4 + ["fading"] * POLICY.fading_hold_days + ["healthy"] * 7


def test_a_cap_stops_further_alarms_of_a_group_and_no_verdict_besides() -> None:
    spells = [day for day in range(700) if day % 120 < 60]
    runs = {}
    for cap in (0, 2):
        ticks = [tick(START + day * DAY_MS) for day in range(1, 701)]
        ordered = sorted([*ticks, *talk(spells, 6)], key=lambda x: (x.occurred_at, isinstance(x, e.GroupEvent)))
        log = GroupLog(0, "groups/chat-events/0/t", MODEL, Policy(alarms_per_year=cap))
        told = vitals(run(ordered, log)[1])
        states = [(row.at, row.verdict in {"dying", "dead"}) for row in told]
        alarms = [at for (_, was), (at, now) in pairwise(states) if now and not was]
        runs[cap] = alarms
        most = max(sum(at - 364 * DAY_MS < other <= at for other in alarms) for at in alarms)
        assert most <= cap or not cap
    assert len(runs[0]) > len(runs[2])


def test_a_planned_end_is_no_death() -> None:
    ended = e.GroupEnded(event_id="end", occurred_at=START + 30 * DAY_MS, brand_id="acme", platform="irc",
                         group_id="acme/irc/tea", source="irc/acme", source_seq=10**6)  # fmt: skip
    rows = history([*talk(range(30), 8), ended], 70)
    assert {row.verdict for row in rows if row.at > START + 31 * DAY_MS} == {"ended"}


def test_a_change_of_verdict_is_signalled_once() -> None:
    ticks = [tick(START + day * DAY_MS) for day in range(1, 75)]
    ordered = sorted([*ticks, *talk(range(40), 8)], key=lambda x: (x.occurred_at, isinstance(x, e.GroupEvent)))
    signals = [row for row in run(ordered)[1] if isinstance(row, e.VerdictChanged)]
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
    rows = history(CAUSES[code], 92)
    named = [row for row in rows if any(reason.code == code for reason in row.reasons)]
    assert named
    assert all(len(row.reasons) <= 3 for row in rows)
    codes: list[Any] = [reason.code for reason in named[0].reasons]
    assert codes.index(code) < min((codes.index(d) for d in DRIVERS if d in codes), default=9)


def test_a_cause_in_sight_and_half_a_week_are_a_warning_whatever_the_risk() -> None:
    """All but one of the core leave on day 100; the others go on as before."""
    crowd = [join(10**7 + n, START + n, f"m_{n}") for n in range(40)]
    core = [
        message(10**6 + d * 100 + n, START + d * DAY_MS + 50 + n, f"m_{n % 5}") for d in range(100) for n in range(10)
    ]
    rest = talk(range(130), 2, start=5 * 10**6)
    rest = [msgspec.structs.replace(event, member_id=f"m_{10 + int(event.member_id[2:])}") for event in rest]
    gone = [leave(10**8 + n, START + 100 * DAY_MS + n, f"m_{n}") for n in range(1, 5)]
    warned = history([*crowd, *core, *rest, *gone], 125)
    calm = history([*crowd, *core, *rest], 125)
    faded = next(row for row in warned if row.verdict == "fading")
    assert START + 102 * DAY_MS <= faded.at <= START + 108 * DAY_MS
    assert faded.risk < POLICY.fading_risk
    assert faded.reasons[0].code == "core_left"
    assert "fading" not in {row.verdict for row in calm}


@pytest.mark.parametrize(("is_seen", "number"), [(True, "left_days"), (False, "silent_days")])
def test_a_leader_who_is_lost_left_or_is_silent_and_it_is_said_since_when(is_seen: bool, number: str) -> None:
    """The leader writes last on day 99 and leaves on day 100, or does not."""
    crowd = [join(10**7 + n, START + n, f"m_{n}") for n in range(9)]
    led = [message(10**6 + d * 100 + n, START + d * DAY_MS + 50 + n, "m_0") for d in range(100) for n in range(30)]
    rest = [message(5 * 10**6 + d * 9 + n, START + d * DAY_MS + n, f"m_{n}") for d in range(140) for n in range(1, 6)]
    rest = [event for event in rest if event.occurred_at < START + 100 * DAY_MS or event.occurred_at // DAY_MS % 9 == 0]
    gone = [leave(10**8, START + 100 * DAY_MS + 7, "m_0")] if is_seen else []
    rows = history([*crowd, *led, *rest, *gone], 140)
    told = [(row, reason) for row in rows for reason in row.reasons if reason.code == "leader_left"]
    assert told
    for row, reason in told:
        days = (row.at - START) // DAY_MS
        assert set(reason.numbers) == {"share", number}
        assert reason.numbers[number] == days - (100 if is_seen else 99)


def test_a_group_that_hardly_writes_any_more_is_called_dead_though_somebody_does() -> None:
    rows = history(talk(range(60), 20) + talk(range(60, 140, 13), 1), 140)
    dead = next(row for row in rows if row.verdict == "dead")
    assert dead.silent_hours is not None
    assert dead.silent_hours < POLICY.silent_days * 24
    assert dead.messages_56d < POLICY.dead_volume_share * dead.usual_56d
    assert dead.reasons[0] == because("volume_collapsed", messages=dead.messages_56d, base=round(dead.usual_56d, 1))
    before = next(row for row in rows if row.at == dead.at - DAY_MS)
    assert before.verdict == "dying"
    assert before.messages_56d >= POLICY.dead_volume_share * before.usual_56d


def test_a_steady_group_that_is_down_to_one_visitor_is_warned_of_though_its_risk_is_low() -> None:
    rows = history(talk(range(200), 10) + talk(range(200, 330, 13), 1), 330)
    old = [row for row in rows if row.age_days >= 112]
    down = [row for row in old if row.messages_56d < POLICY.dead_volume_share * row.usual_56d]
    assert len(down) > 50
    assert {row.verdict for row in down[1:]} <= {"fading", "dying", "dead"}
    assert min(row.risk for row in down) < POLICY.fading_risk


def test_no_share_of_bursts_is_told_of_a_group_that_is_all_bursts() -> None:
    rows = history(talk(range(20), 4) + talk(range(30, 56, 9), 1), 62)
    told = [reason for row in rows for reason in row.reasons if reason.code == "bursts"]
    assert all(reason.numbers["of"] > reason.numbers["weeks"] for reason in told)
    assert any(driver.code == "bursts" for driver in rows[-1].drivers)
