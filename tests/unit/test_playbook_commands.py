"""`vitals playbook`, on groups and playbooks that are given, and what it puts on a group's log."""

import json
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from streams import cli, events, playbook_commands
from streams.playbook.desk import Desk, Group, Playbook, Window, judge
from streams.playbook.effect import CONTROLS
from streams.playbook.wording import effect_lines, group_line

BEGAN = datetime(2026, 3, 1, 9, tzinfo=UTC)
TEA = Group("acme/irc/tea", "Tea 茶", "acme", "irc", "EUR", BEGAN - timedelta(days=200), None)
GROUPS = {
    one.group_id: one
    for one in (
        TEA,
        Group("acme/irc/teapots", "Teapots", "acme", "irc", "", BEGAN - timedelta(days=200), None),
        Group("acme/irc/over", "Over", "acme", "irc", "EUR", BEGAN - timedelta(days=200), BEGAN - timedelta(days=20)),
    )
}


def playbook(**changed):
    known = {
        "playbook_id": "p1", "group_id": "acme/irc/tea", "brand_id": "acme", "group_name": "Tea 茶", "name": "Tasting",
        "goal": "messages", "budget": 50_000, "currency": "EUR", "started_at": BEGAN, "ended_at": None, "state": "open",
        "end_note": "", "steps": ["cleanup", "benefit"], "step_at": [BEGAN, BEGAN + timedelta(days=1)],
        "step_notes": ["", ""],
    }  # fmt: skip
    return Playbook(**known | changed)


OVER = playbook(
    playbook_id="p0", name="Winter", started_at=BEGAN - timedelta(days=90), ended_at=BEGAN - timedelta(days=60),
    state="ended",
)  # fmt: skip


def window(group_id="acme/irc/tea", **changed):
    known = {
        "group_id": group_id, "platform": "irc", "is_own": group_id == "acme/irc/tea", "start_day": date(2026, 3, 1),
        "days_after": 28, "is_seen": True, "is_comparable": group_id != "acme/irc/tea", "days_before": 28,
        "unseen_days": 0, "verdict": "fading", "band": 1, "currency": "EUR", "earlier": [10.0, 3.0, 0.5, 900.0],
        "before": [10.0, 3.0, 0.5, 900.0], "lately": [10.0, 3.0, 0.5, 900.0], "after": [10.0, 3.0, 0.5, 900.0],
    }  # fmt: skip
    return Window(**known | changed)


def windows(**own):
    others = [
        window(f"acme/irc/o{n:02d}", after=[9 + n / 15, 3 + n / 50, 0.5, 900.0 + n], band=n % 2)
        for n in range(CONTROLS)
    ]
    return [window(**own), *others]


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run in this process, as into a pipe; gives (exit code, stdout, stderr)."""
    monkeypatch.setenv("VITALS_HOME", str(tmp_path))
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setattr(Desk, "groups", lambda _: GROUPS)
    monkeypatch.setattr(playbook_commands, "_now", lambda: playbook_commands._ms(BEGAN) + 86_400_000)

    def run(*args):
        code = cli.run(["playbook", *args])
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def known(monkeypatch):
    def known(*playbooks):
        found = lambda _, brands=(), group_id=None: [one for one in playbooks if group_id in (None, one.group_id)]  # noqa: E731
        monkeypatch.setattr(Desk, "playbooks", found)

    known()
    return known


@pytest.fixture
def sent(monkeypatch):
    """What is told; a dry run tells nothing."""
    told = []
    monkeypatch.setattr(playbook_commands, "_send", lambda _, some, dry_run: told.extend([] if dry_run else some))
    return told


def test_a_start_is_an_event_with_an_id_of_its_own(run, known, sent):
    args = ("start", "tea", "--name", "Tasting", "--budget", "500", "--goal", "revenue", "--at", "2026-03-01 09:00")
    assert run(*args)[::2] == (0, "")
    assert run(*args)[0] == 0, "the same again"
    at = int(BEGAN.timestamp() * 1000)
    first, second = sent
    assert first == second
    assert isinstance(first, events.PlaybookStarted)
    assert first.playbook_id == f"acme/irc/tea/playbook/{at}"
    assert first.event_id == f"{first.playbook_id}/started"
    assert (first.occurred_at, first.goal, first.budget, first.currency) == (at, "revenue", 50_000, "EUR")
    assert first.source is None
    msgspec.json.decode(events.encode(first), type=events.ChatEvent)


def test_a_dry_run_tells_nothing(run, known, sent):
    code, out, _ = run("start", "tea", "--name", "Tasting", "--dry-run")
    assert (code, out) == (0, "acme/irc/tea: 'Tasting' would begin\n")
    known(playbook())
    assert run("step", "tea", "games", "--dry-run")[0] == run("end", "tea", "--dry-run")[0] == 0
    assert not sent


def test_steps_and_the_end_are_of_the_open_playbook(run, known, sent):
    known(playbook(), OVER)
    assert run("step", "tea", "games", "--note", " riddles ")[1] == "acme/irc/tea: games noted for 'Tasting'\n"
    assert run("end", "tea")[0] == 0
    step, end = sent
    assert (step.playbook_id, step.step, step.note) == ("p1", "games", "riddles")
    assert (end.playbook_id, end.event_id, end.note) == ("p1", "p1/ended", None)


def test_a_step_of_long_ago_is_of_the_playbook_of_then(run, known, sent):
    known(playbook(), OVER)
    assert run("step", "tea", "benefit", "--at", "2025-12-05")[0] == 0
    assert sent[0].playbook_id == "p0"
    assert "ended on 2025-12-31 already" in run("end", "tea", "--at", "2025-12-05")[2]


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("start", "tea", "--name", "Again"), "'Tasting' is open in acme/irc/tea: `vitals playbook end acme/irc/tea`"),
        (("step", "teapots", "games"), "no playbook was open in acme/irc/teapots then: `vitals playbook start` begins"),
        (("end", "teapots"), "no playbook was open in acme/irc/teapots then"),
        (("step", "tea", "games", "--at", "2026-02-28"), "no playbook was open in acme/irc/tea then"),
        (("step", "nowhere", "games"), "no group matches 'nowhere': `vitals groups --all` lists them"),
        (("step", "acme", "games"), "3 groups match 'acme'"),
        (("step", "tea", "dancing"), "'dancing' is not one of"),
        (("start", "teapots", "--name", " "), "--name needs 1 to 512 characters, it has 0"),
        (("start", "teapots", "--name", "x", "--at", "2026-03-09"), "--at lies ahead"),
        (("start", "teapots", "--name", "x", "--at", "2019-03-09"), "--at lies before the first event"),
        (("start", "over", "--name", "x"), "acme/irc/over ended on 2026-02-09: there is nothing to revive"),
        (("start", "teapots", "--name", "x", "--budget", "5"), "say whose the budget is with --currency"),
        (("start", "teapots", "--name", "x", "--budget", "1,5", "--currency", "eur"), "amount has a comma"),
        (("start", "teapots", "--name", "x", "--budget", "-5", "--currency", "eur"), "amount is negative"),
        (("effect", "teapots"), "acme/irc/teapots has no playbook"),
        (("effect", "tea", "--playbook", "p7"), "acme/irc/tea has no playbook p7"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line(run, known, sent, args, why):
    known(playbook())
    code, _, err = run(*args)
    assert code
    assert why in err
    assert len(err.splitlines()) == 1
    assert not sent


@pytest.mark.parametrize("budget", ["1,000", "-5"])
def test_a_budget_is_advised_no_option_of_an_import(run, known, sent, budget):
    known(playbook())
    err = run("start", "teapots", "--name", "x", "--budget", budget, "--currency", "eur")[2]
    assert "--decimal-comma" not in err
    assert "refund_id" not in err
    assert "1234.50, no comma, no sign" in err


def test_the_list_in_both_languages(run, known):
    known(playbook(), OVER)
    assert run("list")[1].splitlines() == [
        "STATE  SINCE       NAME     GROUP   GOAL          BUDGET  STEPS",
        "open   2026-03-01  Tasting  Tea 茶  messages  500.00 EUR  cleanup, benefit",
        "ended  2025-12-01  Winter   Tea 茶  messages  500.00 EUR  cleanup, benefit",
        "2 playbooks",
    ]
    assert "清理, 福利" in run("list", "--language", "zh", "--open")[1]
    assert [one["playbook_id"] for one in json.loads(run("list", "--json", "--open")[1])] == ["p1"]


def told(effect, language="en"):
    return [line.plain for line in effect_lines(effect, language)]


def test_it_says_whether_it_helped_and_by_what():
    lines = told(judge(playbook(), windows(after=[40.0, 3.0, 0.5, 900.0])))
    assert lines[:2] == [
        "Tasting  Tea 茶  acme/irc/tea",
        "open 2026-03-01 · budget 500.00 EUR · steps: cleanup 03-01, benefit 03-02",
    ]
    assert lines[2].startswith("it helped: member messages +289 % (+2")
    assert lines[-3:] == [
        "28 days before 2026-03-01, 28 after; against what changed in 39 groups of the brand that were left alone",
        "the goal's are the most like it in level and trend: 39 on its platform, 19 of its size; --json names them",
        "* judged by member messages, as was said at its start; of the others each is 1 in 20 chance by itself",
    ]
    goal = told(judge(playbook(goal="revenue"), windows(after=[40.0, 3.0, 0.5, 900.0])))
    assert goal[2].startswith("cannot tell: revenue -5.32 EUR may be chance (")
    assert "成员消息" in told(judge(playbook(), windows()), "zh")[2]


def test_the_answer_is_that_of_the_goal_and_every_number_adds_up():
    effect = judge(playbook(), windows(after=[40.0, 3.0, 0.5, 900.0]))
    assert [one.measure for one in effect.estimates] == ["messages", "speakers", "buyers", "revenue"]
    assert effect.comparable == CONTROLS == len(effect.estimates[0].controls)
    assert effect.estimates[2].effect == 0


def came_back(rose):
    """The playbook's group fell from 16 a day to 8 and stands at 14, as do some of six others that had fallen."""
    weeks = {"before": [8.0, 3.0, 0.5, 900.0], "earlier": [16.0, 3.0, 0.5, 900.0], "lately": [8.0, 3.0, 0.5, 900.0]}
    weeks |= {"usual": [16.0, 3.0, 0.5, 900.0], "ebb": [8.0, 3.0, 0.5, 900.0]}
    others = [
        window(
            f"acme/irc/o{n:02d}", **weeks | {"usual": [16.0 if n < 6 else 8.0, 3.0, 0.5, 900.0]},
            after=[7 + n / 10, 3 + n / 50, 0.5, 900.0 + n], settled=[14.0 if n < rose else 8.0, 3.0, 0.5, 900.0],
        )
        for n in range(CONTROLS)
    ]  # fmt: skip
    own = window(**weeks, after=[11.0, 3.0, 0.5, 900.0], settled=[14.0, 3.0, 0.5, 900.0])
    return judge(playbook(), [own, *others])


def test_it_says_how_sure_it_is_of_a_group_that_came_back():
    lines = told(came_back(rose=1))
    assert lines[2].startswith("it likely helped, but that may be chance: member messages +")
    assert lines[3] == (
        "a day 16 were usual, 8 in the three weeks before, 14 since the second week: more than half is back; of 6 "
        "groups of the brand that had fallen half as far or farther, 1 came back so by themselves"
    )
    assert (
        '"likely" is less than "helped": simulated, 1 in 13 playbooks of which nothing came looked like this' in lines
    )
    assert next(line for line in lines if line.startswith("* messages")).endswith("likely helped")
    chinese = told(came_back(rose=1), "zh")
    assert chinese[2].startswith("可能有效,但也可能只是偶然:成员消息 +")
    assert "6 个群中,有 1 个自行恢复至此" in chinese[3]
    assert not any("effect" in line or "likely" in line for line in chinese)


def test_where_most_came_back_by_themselves_it_says_so_and_claims_nothing():
    lines = told(came_back(rose=4))
    assert lines[2].startswith("cannot tell: member messages +")
    assert lines[3].endswith(
        "of 6 groups of the brand that had fallen half as far or farther, 4 came back so by themselves"
    )
    assert not any("likely" in line for line in lines)


@pytest.mark.parametrize(
    ("own", "line"),
    [
        ({"days_after": 3}, "too early: 3 of at least 7 days have closed; ask on 2026-03-09"),
        ({"days_before": 12}, "cannot tell: the group was 12 days old, 28 are needed to know what was usual"),
        ({"is_seen": False, "unseen_days": 4}, "cannot tell: 4 of its days were not seen by any source"),
        ({"before": [99.0] * 4}, "cannot tell: no groups of the brand were like it in member messages"),
    ],
)
def test_why_nobody_can_tell(own, line):
    assert told(judge(playbook(), windows(**own)))[2] == line


def test_a_brand_with_too_few_groups():
    few = judge(playbook(), windows()[:7])
    assert told(few)[2] == "cannot tell: 6 groups of the brand were left alone, 12 are needed"


def test_a_window_that_is_not_over_says_so():
    lines = told(judge(playbook(), windows(days_after=10)))
    assert "10 after of 28 so far: ask again on 2026-03-30;" in lines[-3]


def test_money_is_held_against_the_same_money():
    dear = [msgspec.structs.replace(one, currency="USD") if not one.is_own else one for one in windows()]
    effect = judge(playbook(), dear)
    assert effect.estimates[0].doubt is None
    assert effect.estimates[3].doubt == "few"


def test_a_group_without_a_closed_day():
    with pytest.raises(Exception, match="no closed day around the start yet"):
        judge(playbook(), windows()[1:])


def test_the_command_prints_it_for_people_and_programs(run, known, monkeypatch):
    known(playbook(), OVER)
    asked = []
    monkeypatch.setattr(Desk, "effect", lambda _, one: (asked.append(one.playbook_id), judge(one, windows()))[1])
    assert run("effect", "tea")[1].splitlines()[2].startswith("cannot tell: member messages")
    found = json.loads(run("effect", "tea", "--json", "--playbook", "p0")[1])
    assert asked == ["p1", "p0"]
    assert found["estimates"][0]["answer"] == "cannot tell"


def test_the_line_of_a_group():
    line = group_line(playbook(), BEGAN + timedelta(days=4, hours=20), "en")
    assert line == (
        "playbook Tasting, day 5: cleanup 03-01, benefit 03-02; what came of it: vitals playbook effect acme/irc/tea"
    )
    assert group_line(OVER, BEGAN, "zh").startswith("复活方案 Winter,2025-12-01 至 2025-12-31: 清理 03-01")
