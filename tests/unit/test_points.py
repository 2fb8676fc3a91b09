"""The ledger of points: whatever the order, balances are the sums of what counted and never below nothing."""

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import events as e
from streams import models, point_rules
from streams.errors import VitalsError
from streams.settings import Settings
from streams.vitals.earning import PointRule
from streams.vitals.insights import PointsEntry
from streams.vitals.partition import GroupLog
from streams.vitals.points import MAX_WAITING, Entry, PointsBook
from streams.vitals.policy import DAY_MS, HOUR_MS, Policy

MODEL = models.load()
DAY = 19_804  # a multiple of neither 7 nor 28
START = DAY * DAY_MS
GROUP = "acme/irc/tea"
COMMON: dict[str, Any] = {"brand_id": "acme", "platform": "irc", "group_id": GROUP}
RULES = {
    "message": PointRule(points=1, daily=3),
    "answer": PointRule(points=2),
    "sign_in": PointRule(points=5, daily=5),
    "redeem": PointRule(daily=50),
}
ORDERLY = {cause: rule for cause, rule in RULES.items() if cause != "answer"}
"""Who answered whom goes by the order of the log, as in the share of what is answered."""


def points(name: str, at: int, amount: int, cause: str | None = "task", member: str = "m_a") -> e.Points:
    return e.Points(event_id=name, occurred_at=START + at, member_id=member, points=amount, cause=cause, **COMMON)


def said(at: int, member: str = "m_a") -> e.Message:
    return e.Message(event_id=f"said/{member}/{at}", occurred_at=START + at, member_id=member, **COMMON)


def tick(at: int) -> e.Tick:
    return e.Tick(event_id=f"tick/{at}", occurred_at=START + at, brand_id="*", platform="*")


def run(log: list[e.Event], rules: dict[str, PointRule] | None = None) -> tuple[GroupLog, list[PointsEntry]]:
    folded = GroupLog(0, "groups/chat-events/0/t", MODEL, Policy(points=rules or {}))
    told = []
    for offset, event in enumerate(log):
        key = event.group_id if isinstance(event, e.GroupEvent) else ""
        told += [output.value for output in folded.fold(event, key, offset, 0)]
    return folded, [row for row in told if isinstance(row, PointsEntry)]


def balances(log: GroupLog) -> dict[str, int]:
    [state] = log.groups()
    return {} if state.points is None else state.points.balances


def short(rows: list[PointsEntry]) -> list[tuple[str, int, str, int]]:
    return [(row.entry_id, row.points, row.refusal, row.balance) for row in rows]


def sums(rows: list[PointsEntry]) -> dict[str, int]:
    total: dict[str, int] = {}
    for row in rows:
        if not row.refusal:
            total[row.member_id] = total.get(row.member_id, 0) + row.points
    return {member: balance for member, balance in total.items() if balance}


# --- whatever comes -----------------------------------------------------------------------------------

entries = st.lists(
    st.tuples(
        st.integers(0, 3 * DAY_MS - 1), st.integers(-60, 60), st.sampled_from(["task", "redeem", "sign_in", None]),
        st.sampled_from(["m_a", "m_b"]),
    ),
    max_size=25,
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(entries, st.sampled_from([{}, ORDERLY]), st.randoms(use_true_random=False))
def test_no_order_and_no_redelivery_changes_what_a_day_comes_to(
    drawn: list[tuple[int, int, str | None, str]], rules: dict[str, PointRule], rng: random.Random
) -> None:
    told = [points(f"p/{n}", at, amount, cause, who) for n, (at, amount, cause, who) in enumerate(drawn)]
    told += [said(DAY_MS // 2 + n * HOUR_MS, who) for n, who in enumerate(["m_a", "m_b"] * 3)]
    shuffled = told + rng.choices(told, k=5)
    rng.shuffle(shuffled)
    close = [tick(4 * DAY_MS)]
    log, rows = run([*sorted(told, key=lambda event: event.occurred_at), *close], rules)
    other, others = run([*shuffled, *close], rules)
    assert short(rows) == short(others)
    assert balances(log) == balances(other) == sums(rows)
    assert all(row.balance >= 0 for row in rows)
    assert len({(row.at, row.is_by_rule, row.entry_id) for row in rows}) == len(rows), "the table's key"


@settings(max_examples=25, deadline=None)
@given(entries, st.sampled_from([{}, RULES]), st.randoms(use_true_random=False))
def test_late_or_not_balances_are_the_sums_of_what_counted(
    drawn: list[tuple[int, int, str | None, str]], rules: dict[str, PointRule], rng: random.Random
) -> None:
    """Days close in between, so that some entries come late: the log decides, and nothing is below nothing."""
    told: list[e.Event] = [points(f"p/{n}", at, amount, cause, who) for n, (at, amount, cause, who) in enumerate(drawn)]
    rng.shuffle(told)
    for day in (1, 2, 3):
        told.insert(rng.randrange(len(told) + 1), tick(day * DAY_MS + 1))
    log, rows = run([said(0), *told, tick(9 * DAY_MS)], rules)
    assert balances(log) == sums(rows)
    assert all(row.balance >= 0 for row in rows)
    assert len([row for row in rows if not row.is_by_rule]) == len(drawn), "each has a fate"
    again = run([said(0), *told, tick(9 * DAY_MS)], rules)[1]
    assert rows == again


# --- one by one ---------------------------------------------------------------------------------------


def test_entries_of_a_day_are_told_when_it_closes() -> None:
    day = [points("earn", HOUR_MS, 5), points("spend", 2 * HOUR_MS, -3, "redeem")]
    assert run([*day, tick(DAY_MS - 1)])[1] == []
    rows = run([*day, tick(DAY_MS + 1)])[1]
    assert short(rows) == [("earn", 5, "", 5), ("spend", -3, "", 2)]
    assert {row.at for row in rows} == {START + DAY_MS}
    assert [row.occurred_at for row in rows] == [START + HOUR_MS, START + 2 * HOUR_MS]


def test_beyond_the_balance_is_refused_and_said() -> None:
    log, rows = run(
        [points("earn", 1, 5), points("mug", 2, -6, "redeem"), points("pin", 3, -5, "redeem"), tick(DAY_MS)]
    )
    assert short(rows) == [("earn", 5, "", 5), ("mug", -6, "beyond_balance", 5), ("pin", -5, "", 0)]
    assert balances(log) == {}, "nobody is kept who has none"


def test_a_redeem_that_comes_before_its_earning_counts_if_the_day_is_open() -> None:
    spend, earn = points("spend", 5, -3, "redeem"), points("earn", 4, 3)
    assert short(run([spend, earn, tick(DAY_MS)])[1]) == [("earn", 3, "", 3), ("spend", -3, "", 0)]
    at_once = run([points("spend", 4, -3, "redeem"), earn, tick(DAY_MS)])[1]
    assert [row.refusal for row in at_once] == ["", ""], "at the same moment what is earned comes first"


def test_a_refusal_stands_when_an_older_earning_turns_up() -> None:
    log, rows = run(
        [points("spend", 5, -3, "redeem"), tick(DAY_MS + 1), points("earn", 4, 3), tick(2 * DAY_MS + 1),
         points("again", 2 * DAY_MS + 5, -3, "redeem"), tick(3 * DAY_MS + 1)]
    )  # fmt: skip
    assert short(rows) == [("spend", -3, "beyond_balance", 0), ("earn", 3, "", 3), ("again", -3, "", 0)]
    assert [row.at - START for row in rows] == [DAY_MS, 2 * DAY_MS, 3 * DAY_MS]
    assert balances(log) == {}


def test_an_entry_waits_for_its_own_day_though_many_close_at_once() -> None:
    rows = run([points("later", DAY_MS, 9), points("mug", 5, -3, "redeem"), points("first", 1, 2), tick(3 * DAY_MS)])[1]
    assert short(rows) == [("first", 2, "", 2), ("mug", -3, "beyond_balance", 2), ("later", 9, "", 11)]
    assert [(row.at - START) // DAY_MS for row in rows] == [1, 1, 2]


def test_without_rules_messages_earn_nothing_and_a_bare_entry_is_refused() -> None:
    assert short(run([said(1), points("sign", 2, 0, "sign_in"), tick(DAY_MS)])[1]) == [("sign", 0, "no_rule", 0)]


def test_rules_give_up_to_a_day_limit() -> None:
    day = [said(hour * HOUR_MS) for hour in range(5)]
    log, rows = run([*day, points("in", 6 * HOUR_MS, 0, "sign_in"), points("in2", 7 * HOUR_MS, 0, "sign_in"),
                     tick(DAY_MS + 1)], RULES)  # fmt: skip
    assert short(rows) == [("in", 5, "", 5), ("in2", 5, "daily_limit", 5), (f"message/{DAY}/m_a", 3, "", 8)]
    assert (rows[-1].acts, rows[-1].is_by_rule, rows[-1].occurred_at) == (5, True, START + DAY_MS - 1)
    assert balances(log) == {"m_a": 8}


def test_an_answer_within_the_hour_earns() -> None:
    day = [said(0), said(60_000, "m_b"), said(3 * HOUR_MS), said(5 * HOUR_MS, "m_b"), tick(DAY_MS)]
    rows = run(day, {"answer": PointRule(points=2)})[1]
    assert short(rows) == [(f"answer/{DAY}/m_b", 2, "", 2)]


def test_staff_and_bots_earn_nothing_by_rule() -> None:
    staff = [msgspec.structs.replace(said(n), role="staff", member_id="s", event_id=f"s/{n}") for n in range(3)]
    assert run([*staff, said(9), tick(DAY_MS)], RULES)[1][0].member_id == "m_a"


def test_what_is_redeemed_in_a_day_has_a_limit_too() -> None:
    rows = run(
        [points("earn", 1, 100), points("a", 2, -30, "redeem"), points("b", 3, -30, "redeem"), tick(DAY_MS)], RULES
    )[1]
    assert [row.refusal for row in rows] == ["", "", "daily_limit"]


def test_the_same_event_again_counts_once() -> None:
    earn = points("earn", 1, 5)
    assert sums(run([earn, earn, tick(DAY_MS), earn, tick(2 * DAY_MS)])[1]) == {"m_a": 5}


def test_a_member_who_is_long_gone_takes_the_balance_along() -> None:
    book = PointsBook(balances={"m_a": 7, "m_b": 2})
    assert book.forget(28, {"m_a"}) == [
        Entry(entry_id="expired/28/m_a", at=29 * DAY_MS - 1, member_id="m_a", points=-7, cause="expired", balance=0,
              is_by_rule=True)
    ]  # fmt: skip
    assert book.balances == {"m_b": 2}


def test_forged_entries_without_end_are_turned_away_and_counted() -> None:
    book = PointsBook()
    for number in range(MAX_WAITING + 7):
        book.take(points(f"p/{number}", 1, 1))
    rows = book.close(DAY, {}, {})
    assert len(rows) == MAX_WAITING + 1
    assert (rows[-1].refusal, rows[-1].acts, rows[-1].member_id) == ("too_many", 7, "")
    assert book.balances == {"m_a": MAX_WAITING}
    assert not book.waiting


def test_a_value_of_before_has_no_points_and_goes_on() -> None:
    log, rows = run([said(1), tick(DAY_MS + 1)])
    [state] = log.groups()
    assert state.points is None, "a group without points keeps nothing of them"
    assert rows == []


# --- the file -----------------------------------------------------------------------------------------


def test_the_rules_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "points.toml"
    file.write_text("[message]\npoints = 1\ndaily = 10\n[redeem]\ndaily = 500\n")
    chosen = Settings(home=tmp_path, cache=tmp_path, points=file)
    rules = models.judging(chosen)[1].points
    assert rules == {"message": PointRule(points=1, daily=10), "redeem": PointRule(daily=500)}
    assert models.judging(Settings(home=tmp_path, cache=tmp_path))[1].points == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[message]\npoint = 1", "unknown field `point`"),
        ("[message]\npoints = 'x'", "Expected `int`"),
        ("[message", "holds no rules of points"),
        ("[message]\npoints = -1", "takes points away"),
        ("[task]\npoints = 100_000_000", "at most 1,000,000"),
        ("[task]\ndaily = -1", "at most 1,000,000"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "points.toml"
    file.write_text(text)
    with pytest.raises(VitalsError, match=why) as error:
        point_rules.read(file)
    assert len(str(error.value).splitlines()) == 1
    with pytest.raises(VitalsError, match="cannot read the rules of points"):
        point_rules.read(tmp_path / "none")
