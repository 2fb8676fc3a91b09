"""How often one would have been paged, and for what, on alerts and stories written by hand."""

from collections import Counter
from datetime import date

import msgspec
import pytest

from streams import models
from streams.backtest.paging import Page, circumstances, heard, outcome_of, pages, summary
from streams.backtest.report import story
from streams.notify.routes import Route
from streams.settings import load
from streams.vitals.policy import DAY_MS, HOUR_MS
from tests.notifying import alert as alert_of
from tests.unit.test_backtest_report import FIRST, SILENCE, TALK, rows

DAY_0 = (FIRST - date(1970, 1, 1)).days
DYING = story("acme/dying", rows(TALK + SILENCE))
"""It talks for 200 days; its last message is of the day 199."""
WELL = story("acme/well", rows(TALK + [4] * 100))


def alert(group, day, number=1, told_hours=0.2, **changed):
    """One that is known at the end of a day."""
    at = (DAY_0 + day + 1) * DAY_MS
    given = {"group_id": group, "at": at, "told_at": round(at + told_hours * HOUR_MS), "opened_at": at}
    return alert_of(f"{group}/{day}", number, **(given | changed))


STORIES = {one.group_id: one for one in (DYING, WELL)}


# --- what came of it


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        (alert("acme/dying", 190), "true"),
        (alert("acme/dying", 240), "late"),
        (alert("acme/dying", 118), "true"),
        (alert("acme/dying", 117), "false"),
        (alert("acme/dying", 20), "unjudged"),
        (alert("acme/well", 190), "false"),
        (alert("acme/none", 190), "unjudged"),
        (alert("acme/dying", 190, state="recovered"), ""),
        (alert("", 190, kind="blind", source_name="s"), ""),
        (alert("acme/dying", 190, kind="drop"), "true"),
        (alert("acme/well", 190, kind="drop"), ""),
        (alert("", 190, kind="common_cause", groups=("acme/well", "acme/dying")), "true"),
        (alert("", 190, kind="common_cause", groups=("acme/well",)), "false"),
    ],
)
def test_an_alert_is_judged_by_the_day_that_it_knows_of(given, outcome):
    assert outcome_of(given, STORIES) == outcome


def test_only_what_asks_somebody_to_look_is_a_page_and_only_the_first_of_an_episode_is_judged():
    alerts = [
        alert("acme/dying", 190),
        alert("acme/dying", 190, 2, state="escalated"),
        alert("acme/dying", 190, 3, state="recovered"),
        alert("acme/well", 190, withheld="common_cause"),
        alert("acme/well", 150, withheld="history"),
        alert("acme/well", 150, 2, state="escalated"),
    ]
    told = [(page.alert.number, page.is_first, page.outcome) for page in pages(alerts, None, STORIES)]
    assert told == [(1, True, "true"), (2, False, "true"), (2, True, "false")]
    assert [page.alert.number for page in pages(alerts, frozenset({alerts[1].alert_id}), STORIES)] == [2]
    assert Page(alerts[0], is_first=True, outcome="true").day == DAY_0 + 190


# --- quiet hours


def night(through_quiet=("critical",)):
    return Route(name="night", quiet=(0, 8 * 60), through_quiet=through_quiet)


def test_a_route_with_quiet_hours_hears_at_their_end_what_is_still_so():
    alerts = [
        alert("a", 1),
        alert("b", 1),
        alert("b", 1, 2, told_hours=5, state="recovered"),
        alert("c", 1, severity="critical"),
        alert("a", 1, 2, told_hours=7.9, state="escalated"),
        alert("d", 1, told_hours=8),
        alert("a", 1, 3, told_hours=24 * 9, state="recovered"),
    ]
    found = heard(night(), alerts)
    assert found.ids == {alerts[n].alert_id for n in (3, 4, 5, 6)}
    assert (found.after_quiet, found.spared) == (2, 3)
    assert heard(Route(name="all"), alerts).ids == {one.alert_id for one in alerts}
    assert heard(night(through_quiet=("warning", "critical")), alerts).after_quiet == 0


def test_nights_that_follow_one_another_are_each_told_in_the_morning():
    found = heard(night(), [alert(group, day) for day, group in enumerate("abc")])
    assert (len(found.ids), found.after_quiet, found.spared) == (3, 3, 0)


def test_a_route_hears_of_its_brands_only():
    alerts = [alert("a", 1), alert("b", 1, brand_id="bolt")]
    assert heard(Route(name="r", brands=("bolt",)), alerts).ids == {alerts[1].alert_id}


# --- in words

TOLD = [
    alert("acme/dying", 180),
    alert("acme/well", 190),
    alert("acme/well", 190, 2, told_hours=5, state="recovered"),
    alert("acme/dying", 180, 2, told_hours=24 * 30, severity="critical", state="escalated"),
    alert("bolt/x", 250, withheld="history", brand_id="bolt"),
    alert("", 255, kind="blind", severity="critical", source_name="s"),
]


def test_the_summary_in_words():
    assert list(summary(TOLD, None, [DYING, WELL])) == [
        "with these settings you would have been paged 4 times, 1 of them before a death",
        "  2 of a dying group (1 before a death, 0 after it, 1 for nothing, 0 that cannot be judged), "
        "1 of a blind source, 1 of what had grown worse",
        "  of 1 death (56 days with under 5% of the usual) 1 had a page (100%), "
        "half of these 19 days or more before the last message",
        "  1.45 false pages a judged group-year (1 in 0.7), 2.43 pages a group-year in all",
        "  withheld: history 1",
        "  brand acme: 4 pages, 1 before a death, 1 for nothing",
        "  brand bolt: 0 pages, 0 before a death, 0 for nothing",
    ]


def test_a_drop_is_counted_by_itself_and_is_never_for_nothing():
    lines = list(summary([alert("acme/well", 190, kind="drop")], None, [DYING, WELL]))
    assert lines[1].endswith("0 that cannot be judged), 1 of a drop")
    assert lines[3].startswith("  0.00 false pages a judged group-year (0 in 0.7)")


def test_a_drop_that_becomes_a_death_is_judged_as_such_from_then_on():
    alerts = [
        alert("acme/well", 150, kind="drop"),
        alert("acme/well", 150, 2, told_hours=99, state="escalated"),
        alert("acme/well", 150, 3, told_hours=999, state="escalated", severity="critical"),
    ]
    lines = list(summary(alerts, None, [DYING, WELL]))
    assert lines[1] == (
        "  1 of a dying group (0 before a death, 0 after it, 1 for nothing, 0 that cannot be judged), 1 of a drop, "
        "1 of what had grown worse"
    )


def test_with_routes_only_what_they_hear_counts():
    lines = list(summary(TOLD, [night(), Route(name="bad", min_severity="critical")], [DYING, WELL]))
    assert lines[0] == "with these settings you would have been paged 3 times, 1 of them before a death"
    assert "  1 more would have paged, but no channel took them or quiet hours made them needless" in lines
    assert lines[-2:] == [
        "  channel night: 3 alerts, 3 pages among them, 1 after its quiet hours, 2 spared by them",
        "  channel bad: 2 alerts, 2 pages among them",
    ]


def test_one_of_a_kind_is_said_so():
    alerts = [alert("acme/dying", 180), alert("bolt/x", 181, brand_id="bolt")]
    lines = list(summary(alerts[:1], [night()], [DYING]))
    assert lines[0].startswith("with these settings you would have been paged 1 time, ")
    assert lines[-1].startswith("  channel night: 1 alert, 1 page among them, ")
    assert "  brand bolt: 1 page, 0 before a death, 0 for nothing" in summary(alerts, None, [DYING])


def test_a_death_that_was_paged_late_has_a_lead_of_less_than_nothing():
    lines = list(summary([alert("acme/dying", 205)], None, [DYING]))
    assert lines[2].endswith("1 had a page (100%), half of these within 6 days after the last message")


def test_without_alerts_and_without_stories_it_says_so():
    assert list(summary([], None, [])) == [
        "with these settings you would have been paged 0 times, 0 of them before a death",
        "  0 of a dying group (0 before a death, 0 after it, 0 for nothing, 0 that cannot be judged)",
    ]


@pytest.mark.parametrize(
    ("environ", "written", "said"),
    [({}, "", "alarm at a risk of 0.45 (VITALS_DYING_RISK, the default), no cap a year"),
     ({"VITALS_DYING_RISK": "0.6"}, "", "alarm at a risk of 0.6 (VITALS_DYING_RISK in the environment), no cap"),
     ({}, "dying_risk = 0.3\nalarms_per_year = 4", "alarm at a risk of 0.3 (dying_risk in HOME/vitals.toml), 4 alarms"),
     ({}, "", "no drop: the shipped calendars (VITALS_HOLIDAYS)"), ({}, 'holidays = "/h.toml"', "no drop: /h.toml"),
     ({}, "", "model m (shipped)"), ({}, "", "no HOME/notify.toml: everybody is told everything at once")],
)  # fmt: skip
def test_the_settings_behind_it_are_said(tmp_path, monkeypatch, environ, written, said):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "vitals.toml").write_text(written)
    settings = load({"VITALS_HOME": str(tmp_path), **environ})
    model = msgspec.structs.replace(models.load(), name="m")
    lines = "\n".join(circumstances(settings, model, None))
    assert said.replace("HOME", str(tmp_path)) in lines


def test_the_words_of_outcomes_are_those_of_the_report():
    assert Counter(outcome_of(alert("acme/dying", day), STORIES) for day in range(300)).keys() == {
        "true", "late", "false", "unjudged",
    }  # fmt: skip
