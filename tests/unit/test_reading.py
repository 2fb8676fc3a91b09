"""The two commands, on a fleet that is given."""

import json

import pytest

from streams import cli, fleet
from tests.samples import health, page


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run in this process, as into a pipe; gives (exit code, stdout, stderr)."""
    monkeypatch.setenv("VITALS_HOME", str(tmp_path))
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def run(*args):
        code = cli.run(list(args))
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def known(monkeypatch):
    """Make these groups all that there are, and these alerts: the group of each (none: "") by its id."""

    def known(*groups, names=None, alerts=()):
        names = names if names is not None else {group.group_id: group.name for group in groups}
        monkeypatch.setattr(fleet.Fleet, "names", lambda _: names)
        monkeypatch.setattr(fleet.Fleet, "_health", lambda *_: list(groups))
        monkeypatch.setattr(fleet.Fleet, "page", lambda _, group_id: page(group_id=group_id))
        of = dict(alerts)
        monkeypatch.setattr(fleet.Fleet, "_ask", lambda _, __, asked: [(of[asked["id"]],)] if asked["id"] in of else [])

    return known


def fleet_of(**counts):
    return [
        health(group_id=f"b/p/{verdict}-{n}", verdict=verdict)
        for verdict, count in counts.items()
        for n in range(count)
    ]


def test_what_needs_a_look_and_a_count_of_the_rest(run, known):
    known(*fleet_of(healthy=3, dead=1, dying=1, ended=1))
    code, out, err = run("groups")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == ["VERDICT", "dying", "dead", "3", "as"]
    assert lines[-2:] == ["3 healthy, 1 ended not shown; --all shows them", "as of 2026-11-22 00:00 UTC"]
    assert "\x1b" not in out


def test_at_most_twenty_and_how_to_see_more(run, known):
    known(*fleet_of(dying=25))
    lines = run("groups")[1].splitlines()
    assert len(lines) == 1 + 20 + 2
    assert lines[-2] == "5 more; --limit 25 shows them"
    assert len(run("groups", "--limit", "25")[1].splitlines()) == 1 + 25 + 1
    assert len(run("groups", "--all")[1].splitlines()) == 1 + 25 + 1
    assert len(run("groups", "--all", "--limit", "2")[1].splitlines()) == 1 + 2 + 2


def test_verdicts_of_choice(run, known):
    known(*fleet_of(healthy=1, dead=1, ended=1))
    lines = run("groups", "--verdict", "ended", "--verdict", "healthy")[1].splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["healthy", "ended"]
    assert run("groups", "--verdict", "stale")[1] == "No group to show.\nas of 2026-11-22 00:00 UTC\n"


def test_the_ranking_for_programs_is_whole(run, known):
    known(*fleet_of(healthy=30))
    told = json.loads(run("groups", "--json")[1])
    assert len(told) == 30
    assert told[0]["at"] == "2026-11-22T00:00:00Z"
    assert told[0]["name"] == "宝妈交流群 3"
    assert len(json.loads(run("groups", "--json", "--limit", "3")[1])) == 3


@pytest.mark.parametrize(
    ("names", "options", "says"),
    [
        ({}, (), "No groups yet. To read chat logs: vitals import"),
        ({"a/b/c": "c"}, (), "1 group known, none judged yet: vitals wait"),
        ({"a/b/c": "c"}, ("--brand", "x"), "No judged group has that brand or platform"),
    ],
)
def test_nothing_to_rank_says_which_command_is_next(run, known, names, options, says):
    known(names=names)
    code, out, _ = run("groups", *options)
    assert code == 0
    assert out.startswith(says)
    assert run("groups", "--json", *options)[1] == "[]\n"


def test_in_chinese(run, known):
    known(*fleet_of(healthy=2, dying=1))
    out = run("groups", "--language", "zh")[1]
    assert "濒死" in out
    assert "未显示:2 健康;--all 显示全部" in out


def test_clickhouse_away_is_one_line(run, monkeypatch):
    monkeypatch.setenv("VITALS_CLICKHOUSE_PORT", "1")
    for command in (("groups",), ("groups", "--json"), ("group", "x")):
        code, out, err = run(*command)
        assert (code, out) == (1, "")
        assert err.startswith("vitals: ClickHouse at 127.0.0.1:1 does not answer")
        assert err.count("\n") == 1


def test_one_group_by_a_part_of_its_id(run, known):
    known(*fleet_of(dying=2))
    assert run("group", "dying-1")[1].startswith("宝妈交流群 3  b/p/dying-1\n")
    assert json.loads(run("group", "dying-1", "--json")[1])["health"]["group_id"] == "b/p/dying-1"


def test_one_group_by_the_id_of_an_alert_as_the_list_of_alerts_prints_it(run, known):
    known(*fleet_of(dying=2), alerts={"5b1c0f3a": "b/p/dying-1", "77aa": ""}.items())
    assert run("group", "5b1c0f3a")[1].startswith("宝妈交流群 3  b/p/dying-1\n")
    assert run("group", "77aa") == (
        1,
        "",
        "vitals: 77aa is an alert of a source or of many groups: `vitals alerts --all` says which\n",
    )


def test_several_matches_are_listed(run, known):
    known(*fleet_of(dying=2))
    code, out, err = run("group", "b/p")
    assert code == 1
    assert out == "b/p/dying-0  宝妈交流群 3\nb/p/dying-1  宝妈交流群 3\n"
    assert err == "vitals: 2 groups match 'b/p': give one of their ids, or more of it\n"


def test_no_match(run, known):
    known(*fleet_of(dying=2))
    assert run("group", "xyz") == (1, "", "vitals: no group matches 'xyz': `vitals groups --all` lists them\n")
