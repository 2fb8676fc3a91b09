"""`vitals points`, on rows that are given."""

import json
from datetime import date

import pytest

from streams import cli, warehouse

GROUPS = [("acme/irc/tea", "Tea 茶"), ("acme/irc/pots", "Pots")]
MONDAY = date(2026, 3, 2)
ROWS = [
    (MONDAY, 1, "m_a", 12, 1_200, 300, 0, 0),
    (MONDAY, 2, "m_b", 5, 5, 0, 2, 1),
    (None, None, "m_c", None, 3, 0, 0, 0),
]


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("VITALS_HOME", str(tmp_path))

    def run(*args, rows=ROWS):
        monkeypatch.setattr(
            warehouse.Warehouse, "query", lambda _, sql, __=None: GROUPS if "FROM groups" in sql else rows
        )
        code = cli.run(["points", *args])
        return (code, *capsys.readouterr())

    return run


def test_who_earned_most_in_the_latest_week(run):
    code, out, err = run("tea", "--period", "week")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "Tea 茶, week 2026-03-02",
        "PLACE  MEMBER  EARNED  BALANCE  REDEEMED  REFUSED  WAITING",
        "    1  m_a         12    1,200       300        0        0",
        "    2  m_b          5        5         0        2        1",
        "2 members",
    ]


def test_of_all_time_whoever_earned_nothing_stands_below(run):
    lines = run("tea", "--language", "zh")[1].splitlines()
    assert lines[0] == "Tea 茶, 总榜"
    assert lines[1].split() == ["名次", "成员", "获得", "余额", "已兑换", "被拒", "待入账"]
    assert lines[-2].split()[:4] == ["-", "m_c", "0", "3"]
    assert lines[-1] == "共 3 人"


def test_for_programs_and_not_all(run):
    board = json.loads(run("tea", "--json", "--period", "week", "--limit", "1")[1])
    assert (board["group_id"], board["start"]) == ("acme/irc/tea", "2026-03-02")
    assert [one["member_id"] for one in board["scores"]] == ["m_a"]
    assert run("tea", "--limit", "1")[1].splitlines()[-1] == "3 members"


@pytest.mark.parametrize(
    ("args", "rows", "why"),
    [
        (("tea",), [], "nobody has points in acme/irc/tea: events `points` bring them, or rules (VITALS_POINTS)"),
        (("nowhere",), ROWS, "no group matches 'nowhere': `vitals groups --all` lists them"),
    ],
)
def test_what_cannot_be_shown_is_one_line(run, args, rows, why):
    code, out, err = run(*args, rows=rows)
    assert (code, out) == (1, "")
    assert why in err
    assert len(err.splitlines()) == 1


def test_several_groups_are_listed(run):
    code, out, err = run("acme")
    assert (code, out) == (1, "acme/irc/tea  Tea 茶\nacme/irc/pots  Pots\n")
    assert err == "vitals: 2 groups match 'acme': give one of their ids, or more of it\n"
