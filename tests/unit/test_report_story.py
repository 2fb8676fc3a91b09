from datetime import UTC, date, datetime, timedelta

import pytest

from streams.errors import VitalsError
from streams.report.archive import verdicts_by_week
from streams.report.facts import Change
from streams.report.period import Period, last_day_before, last_whole_week, week_named, week_until
from streams.report.story import Alarm, alarms, kind_of, last_ten, moves_in, record, worst
from streams.report.telling import fit_of
from tests.reports import END, WEEK, facts, standing


def change(group, back, was, verdict):
    return Change(group, END - timedelta(days=back), was, verdict)


@pytest.mark.parametrize(
    ("was", "now", "kind"),
    [
        ("healthy", "dead", "died"),
        ("dying", "dead", "died"),
        ("fading", "dying", "ill"),
        ("dead", "dying", "other"),
        ("dying", "healthy", "saved"),
        ("dead", "revived", "saved"),
        ("dying", "fading", "saved"),
        ("healthy", "fading", "fading"),
        ("fading", "healthy", "better"),
        ("dying", "ended", "ended"),
        ("forming", "healthy", "other"),
        ("revived", "healthy", "other"),
        ("fading", "fading", "other"),
    ],
)
def test_what_a_change_of_verdict_means(was, now, kind):
    assert kind_of(was, now) == kind


def test_a_group_moves_once_a_week_however_often_its_verdict_changed():
    [move] = moves_in([change("g", 3, "healthy", "fading"), change("g", 1, "fading", "dying")], WEEK)
    assert (move.kind, move.day, move.ill_since) == ("ill", END - timedelta(days=1), None)


def test_since_when_a_group_was_ill_is_known_from_before_the_week():
    [move] = moves_in([change("g", 30, "fading", "dying"), change("g", 7, "dying", "dead"),
                       change("g", 6, "dead", "revived")], WEEK)  # fmt: skip
    assert (move.kind, move.ill_since) == ("saved", END - timedelta(days=30))


def test_what_was_over_before_the_week_is_no_illness_of_it():
    changes = [
        change("g", 60, "healthy", "dying"),
        change("g", 50, "dying", "healthy"),
        change("g", 2, "healthy", "dead"),
    ]
    [move] = moves_in(changes, WEEK)
    assert (move.kind, move.ill_since) == ("died", None)


def test_both_ends_of_the_week_belong_to_it():
    changes = [change("first", 6, "healthy", "dead"), change("before", 7, "healthy", "dead"),
               change("last", 0, "healthy", "dead")]  # fmt: skip
    assert [move.group_id for move in moves_in(changes, WEEK)] == ["first", "last"]


def test_an_alarm_lasts_from_dying_or_dead_until_both_are_over():
    changes = [
        change("a", 30, "healthy", "dying"),
        change("b", 28, "healthy", "dead"),
        change("a", 20, "dying", "dead"),
        change("a", 10, "dead", "revived"),
        change("c", 9, "healthy", "dying"),
        change("c", 5, "dying", "ended"),
        change("a", 2, "healthy", "dying"),
    ]
    assert alarms(changes) == [
        Alarm("a", END - timedelta(days=30), END - timedelta(days=20), "back", True),
        Alarm("b", END - timedelta(days=28), END - timedelta(days=28), "died", False),
        Alarm("c", END - timedelta(days=9), None, "ended", True),
        Alarm("a", END - timedelta(days=2), None, "open", True),
    ]


def test_what_becomes_of_a_group_later_is_no_outcome_of_its_alarm():
    changes = [
        change("a", 30, "healthy", "dying"),
        change("a", 20, "dying", "healthy"),
        change("a", 9, "healthy", "ended"),
    ]
    assert [alarm.outcome for alarm in alarms(changes)] == ["back"]


def test_the_record_counts_alarms_by_age_and_deaths_by_warning():
    ages = {"week": 6, "recent": 7, "recent2": 34, "older": 35, "older2": 83, "long ago": 84}
    changes = [change(name, back, "healthy", "dying") for name, back in sorted(ages.items(), key=lambda one: -one[1])]
    changes += [change("older", 5, "dying", "dead"), change("sudden", 4, "healthy", "dead"),
                change("long ago", 1, "dying", "dead")]  # fmt: skip
    found = record(facts(changes=changes))
    assert {age: dict(row) for age, row in found.rows.items()} == {
        "week": {"open": 1},
        "recent": {"open": 2},
        "older": {"died": 1, "open": 1},
    }
    assert (found.deaths, found.warned, found.usual_lead) == (3, 2, 30)


def test_nobody_died():
    found = record(facts(changes=[]))
    assert (found.deaths, found.warned, found.usual_lead) == (0, 0, None)


def test_the_list_is_in_the_order_of_the_dashboards():
    groups = [
        standing("dead", verdict="dead", risk=0.9),
        standing("fading", verdict="fading", risk=0.8),
        standing("less", verdict="dying", risk=0.3),
        standing("quiet", verdict="dying", risk=0.4, active_days_28d=1),
        standing("busy", verdict="dying", risk=0.4, active_days_28d=2),
        standing("well", verdict="healthy", risk=0.99),
        standing("blind", verdict="stale", risk=0.99),
        standing("new", verdict=None, day=None),
    ]
    assert [group.group_id for group in worst(groups)] == ["quiet", "busy", "less", "fading", "dead"]


def test_the_list_of_last_week_is_held_against_today():
    before = [standing("a", verdict="dying"), standing("b", verdict="fading"), standing("c", verdict="healthy")]
    now = [standing("a", verdict="healthy"), standing("b", verdict="stale")]
    assert [(group.group_id, verdict) for group, verdict in last_ten(facts(groups=now, before=before))] == [
        ("a", "healthy"),
        ("b", "stale"),
    ]


@pytest.mark.parametrize(
    ("expected", "died", "phrase"),
    [(4.0, 8, "tested_fits"), (4.0, 9, "tested_more"), (16.0, 8, "tested_fits"), (16.0, 7, "tested_fewer"),
     (0.0, 2, "tested_fits"), (0.0, 3, "tested_more")],
)  # fmt: skip
def test_two_standard_deviations_are_chance(expected, died, phrase):
    assert fit_of(expected, died) == phrase


def test_who_was_known_and_not_seen_is_stale():
    seen = [(2, "healthy", 4), (1, "healthy", 2), (1, "dying", 1)]
    assert verdicts_by_week({2: 4, 1: 5}, seen) == {
        2: {"healthy": 4},
        1: {"healthy": 2, "dying": 1, "stale": 2},
        0: {"stale": 5},
    }
    assert verdicts_by_week({}, []) == {}


def test_weeks():
    assert (
        week_named("2026-W47") == week_named(" 2026-w47 ") == Period(date(2026, 11, 16), date(2026, 11, 22), "2026-W47")
    )
    assert week_named("2026-W53").start == date(2026, 12, 28)
    assert week_until(date(2026, 11, 18)) == Period(date(2026, 11, 12), date(2026, 11, 18), "2026-11-18")
    for text in ("2025-W53", "2026-W00", "2026-47", "W47", "0000-W01", ""):
        with pytest.raises(VitalsError, match="is no week: give one as 2026-W47"):
            week_named(text)


def test_the_last_whole_week_ends_with_a_sunday_that_is_over():
    assert last_whole_week(date(2026, 11, 22)).name == "2026-W47"
    assert last_whole_week(date(2026, 11, 21)).name == "2026-W46"
    assert last_whole_week(date(2026, 11, 23)).name == "2026-W47"
    assert last_day_before(datetime(2026, 11, 23, 0, 0, tzinfo=UTC)) == date(2026, 11, 22)
    assert last_day_before(datetime(2026, 11, 23, 23, 59, tzinfo=UTC)) == date(2026, 11, 22)


def test_a_week_that_is_not_over_is_cut():
    assert week_named("2026-W47").until(date(2026, 11, 22)).is_partial is False
    cut = week_named("2026-W47").until(date(2026, 11, 18))
    assert (cut.start, cut.end, cut.name, cut.is_partial) == (date(2026, 11, 16), date(2026, 11, 18), "2026-W47", True)
