"""What a report tells of alerts and deaths, on verdicts written by hand."""

import json
from datetime import date, timedelta

import pytest

from streams.backtest.report import stories, story, text, write_report
from streams.vitals.policy import DAY_MS
from tests.backtesting import START, backtest, bare, write

FIRST = date(2024, 1, 1)


def rows(messages, alarms=(), ended=()):
    """A row a day: `alarms` are the spans of days (from, to) with a verdict of dying."""
    made = []
    for day, count in enumerate(messages):
        verdict = "dying" if any(a <= day < b for a, b in alarms) else "ended" if day in ended else "healthy"
        month = messages[max(0, day - 27) : day + 1]
        made.append({
            "group_id": "den/talk", "at": f"{FIRST + timedelta(day + 1)}T00:00:00Z", "risk": "0.5", "verdict": verdict,
            "reasons": json.dumps([{"code": "no_message", "numbers": {"days": 9.0}}]), "messages_1d": str(count),
            "speakers_28d": str(3 * any(month)),
        })  # fmt: skip
    return made


TALK, SILENCE = [4] * 200, [0] * 100


@pytest.mark.parametrize(
    ("alarm", "outcome", "alert"),
    [((190, 230), "true", 190), ((100, 110), "unjudged", None), ((120, 130), "true", 120), ((112, 116), "false", None),
     ((215, 250), "true", None), ((240, 260), "late", None)],
)  # fmt: skip
def test_an_alert_is_judged_by_what_came_within_twelve_weeks(alarm, outcome, alert):
    told = story("den/talk", rows(TALK + SILENCE, [alarm]))
    (only,), (death,) = told.alerts, told.deaths
    first = (FIRST - date(1970, 1, 1)).days
    assert only.outcome == outcome
    assert death.day == first + 199
    if alert is not None:
        assert death.alert == first + alert
        assert only.silent_from == death.day


def test_a_planned_end_and_days_that_nobody_saw_are_no_deaths():
    first = (FIRST - date(1970, 1, 1)).days
    assert len(story("den/talk", rows(TALK + SILENCE)).deaths) == 1
    assert story("den/talk", rows(TALK + SILENCE, ended=range(200, 300))).deaths == []
    assert story("den/talk", rows(TALK + SILENCE), [(first + 200, first + 299)]).deaths == []


def test_a_group_that_revives_may_die_again():
    told = story("den/talk", rows(TALK + SILENCE + TALK + SILENCE, [(180, 215)]))
    assert [death.alert is not None for death in told.deaths] == [True, False]


def test_the_log_ends_before_a_death_can_be_known():
    assert story("den/talk", rows(TALK + [0] * 55)).deaths == []


def test_the_report_is_for_people():
    told = text([story("den/talk", rows(TALK + SILENCE, [(190, 230), (20, 24)]))], "A year")
    assert told.startswith("# A year\n\n- 1 groups over 0.8 group-years")
    assert "- 2 alerts, 2.43 a group-year\n" in told
    assert "- 1 deaths, 1 of them with an alert (100%)\n" in told
    assert (
        "- 2024-07-09 **den/talk** dying, risk 50%: no member message in 9 days\n"
        "  → it died: last message 2024-07-18, 9 days later\n"
        "- 2024-01-21 **den/talk** dying, risk 50%: no member message in 9 days\n"
        "  → not known\n"
    ) in told
    assert told.endswith("## Deaths without an alert: 0\n\n")


def test_without_any_alert_it_says_so():
    told = text([story("den/talk", rows(TALK))], "x")
    assert "- 0 alerts, 0.00 a group-year\n" in told
    assert "Nothing." in told


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".csv.zst"])
def test_it_reads_what_a_backtest_writes(ending, tmp_path, capsys):
    lines = [bare(day + i / 9, member="abc"[i], row=day * 3 + i) for day in range(200) for i in range(3)]
    lines.append(bare(290, "den/other"))
    out = tmp_path / f"v{ending}"
    backtest(write(tmp_path / "in.jsonl", lines), out=out)
    known = {death.group_id: death.day for one in stories(out, {}) for death in one.deaths}
    assert known == {"den/talk": START // DAY_MS + 199}
    write_report(out, {}, tmp_path / "r.md")
    capsys.readouterr()
    write_report(out, {}, "-")
    assert capsys.readouterr().out == (tmp_path / "r.md").read_text() + "\n"
