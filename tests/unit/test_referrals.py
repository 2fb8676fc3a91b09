"""Referral roots: a set of joins gives one forest in any order, no cycle closes, and what became of those who came."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import events as e
from streams.vitals.insights import ReferralRoot
from streams.vitals.ledger import Ledger
from streams.vitals.partition import GroupLog
from streams.vitals.policy import DAY_MS, HOUR_MS, CarrierPolicy
from streams.vitals.referrals import MAX_MOVED, MAX_ROOTS, Referrals, flags
from tests.unit.test_group_fold import COMMON, MODEL, START, message, run, state_of, tick

POLICY = CarrierPolicy()
MINUTE = 60_000


def join(n: int, at: int, member: str, inviter: str | None = None, **more: Any) -> e.Join:
    return e.Join(
        event_id=f"j/{n}", occurred_at=at, member_id=member, inviter_id=inviter, source_seq=n, **COMMON, **more
    )


def leave(n: int, at: int, member: str, **more: Any) -> e.Leave:
    return e.Leave(event_id=f"l/{n}", occurred_at=at, member_id=member, source_seq=n, **COMMON, **more)


def order(n: int, at: int, member: str, amount: int, **more: Any) -> e.OrderAttributed:
    return e.OrderAttributed(
        event_id=f"o/{n}", occurred_at=at, order_id=f"A{n}", customer_id="shop/1", member_id=member, amount=amount,
        currency="CNY", weight=1.0, rule="membership", source_seq=n, **{**COMMON, "source": "attribution"}, **more,
    )  # fmt: skip


def roots_of(log: GroupLog) -> dict[str, tuple[int, int, int]]:
    """Invitees, width and depth by root."""
    return {root.member_id: (root.invitees, root.width, root.depth) for root in state_of(log).referrals.roots.values()}


def told(rows: list[Any]) -> dict[str, ReferralRoot]:
    """The last row of each root."""
    return {row.member_id: row for row in rows if isinstance(row, ReferralRoot)}


# --- the forest -------------------------------------------------------------------------------------------


def naive(parents: dict[str, str]) -> dict[str, tuple[int, int, int]]:
    """The forest of a map from invitee to inviter that has no cycle, counted by walking."""
    found: dict[str, tuple[int, int, int]] = {}
    for member in parents:
        depth, top = 0, member
        while top in parents:
            top, depth = parents[top], depth + 1
        invitees, width, deepest = found.get(top, (0, 0, 0))
        found[top] = (invitees + 1, width + (depth == 1), max(deepest, depth))
    return found


@st.composite
def forests(draw: st.DrawFn) -> dict[str, str]:
    """Each member but some is invited by one of lower number, or by somebody whom the group does not know."""
    parents = {}
    for n in range(1, draw(st.integers(2, 60))):
        by = draw(st.integers(-2, n - 1))
        if by != -1:
            parents[f"m_{n}"] = f"m_{by}" if by >= 0 else "m_stranger"
    return parents


@given(forests(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_forest_is_that_of_a_walk_in_whatever_order_joins_come(parents: dict[str, str], rng: random.Random) -> None:
    joins = [join(n + 1, START + n * HOUR_MS, member, inviter) for n, (member, inviter) in enumerate(parents.items())]
    joins += [join(900 + n, START, f"m_{n}") for n in range(9) if f"m_{n}" not in parents]
    cut = rng.randrange(len(joins) + 1)
    shuffled: list[e.Event] = [*rng.sample(joins, len(joins)), *rng.choices(joins, k=9)]
    shuffled.insert(cut, tick(START + 9 * DAY_MS))
    log, rows = run([*shuffled, tick(START + 10 * DAY_MS)])
    assert roots_of(log) == naive(parents)
    last = {member_id: (row.invitees, row.width, row.depth) for member_id, row in told(rows).items() if row.invitees}
    assert last == naive(parents), "one that was a root for a day was told to be none"


def test_a_member_is_brought_once_by_whom_was_told_first() -> None:
    log, _ = run(
        [join(1, START, "m_a", "m_x"), join(2, START + 9, "m_a", "m_y"), join(3, START + DAY_MS, "m_a", "m_z")]
    )
    assert roots_of(log) == {"m_x": (1, 1, 1)}


def test_who_was_here_was_brought_by_nobody_but_words_after_the_join_may_come_first() -> None:
    log, _ = run([message(1, START, "m_a"), join(2, START + HOUR_MS, "m_a", "m_x")])
    assert roots_of(log) == {}
    log, _ = run([message(1, START + HOUR_MS, "m_a"), join(2, START, "m_a", "m_x")])
    assert roots_of(log) == {"m_x": (1, 1, 1)}


def test_nobody_invites_themselves_and_no_circle_closes() -> None:
    log, rows = run(
        [
            join(1, START, "m_a", "m_a"),
            join(2, START + 1, "m_b", "m_c"),
            join(3, START + 2, "m_d", "m_b"),
            join(4, START + 3, "m_c", "m_d"),
            tick(START + DAY_MS),
        ]
    )
    assert roots_of(log) == {"m_c": (2, 1, 2)}
    assert (state_of(log).referrals.self_invites, state_of(log).referrals.circles) == (1, 1)
    assert set(told(rows)) == {"m_c"}


def test_an_inviter_may_be_staff_or_unknown_and_staff_is_no_invitee() -> None:
    staff = e.Roster(event_id="r", occurred_at=START, members=(), staff=("s_1",), source_seq=1, **COMMON)
    joins = [join(10 + n, START + n, f"m_{n}", "s_1") for n in range(40)]
    unknown = [join(100 + n, START + n, f"n_{n}", "m_never") for n in range(3)]
    _, rows = run([staff, *joins, *unknown, join(200, START, "s_2", "s_1", role="staff"), tick(START + DAY_MS)])
    assert told(rows)["s_1"].role == "staff"
    assert told(rows)["s_1"].invitees == 40
    assert told(rows)["s_1"].most_joins_10min == 20
    assert told(rows)["s_1"].flags == (), "staff adds whole lists by hand"
    assert (told(rows)["m_never"].role, told(rows)["m_never"].invitees) == ("", 3)


# --- what became of them ----------------------------------------------------------------------------------


def test_retained_buyers_revenue_and_early_leaves() -> None:
    events: list[e.Event] = [join(n, START + n * MINUTE, f"m_{n}", "m_root" if n < 4 else "m_1") for n in range(1, 7)]
    events += [
        leave(10, START + 71 * HOUR_MS, "m_2"),
        leave(11, START + 5 * DAY_MS, "m_3"),
        join(12, START + 6 * DAY_MS, "m_3"),
        leave(13, START + 29 * DAY_MS, "m_4", reason="kicked"),
        order(20, START + DAY_MS, "m_5", 700),
        order(21, START + DAY_MS, "m_5", 300),
        order(22, START + 2 * DAY_MS, "m_5", -100, refund_id="r"),
        order(23, START + 2 * DAY_MS, "m_nobody", 999),
        tick(START + 30 * DAY_MS),
    ]
    log, rows = run(events)
    row = told(rows)["m_root"]
    assert (row.due_30d, row.retained_30d) == (0, 0), "the 30th day is not over"
    assert (row.buyers, row.revenue, row.currency, row.left_72h) == (1, 900, "CNY", 1)
    _, rows = run([tick(START + 31 * DAY_MS), tick(START + 32 * DAY_MS)], log, start=1000)
    assert [(row.due_30d, row.retained_30d) for row in rows if isinstance(row, ReferralRoot)] == [(6, 4)]


@pytest.mark.parametrize(("hours", "early"), [(1, 1), (72, 1), (72.1, 0)])
def test_gone_within_72_hours_counts_once_also_if_the_leave_comes_first(hours: float, early: int) -> None:
    came, went = join(1, START, "m_a", "m_x"), leave(2, START + round(hours * HOUR_MS), "m_a")
    for events in ([came, went], [went, came]):
        log, _ = run(events)
        assert state_of(log).referrals.roots[0].early == early
    again = [join(3, START + 80 * HOUR_MS, "m_a", "m_x"), leave(4, START + 81 * HOUR_MS, "m_a")]
    log, _ = run([came, went, *again, leave(5, START + 82 * HOUR_MS, "m_a", reason="dissolved")])
    assert state_of(log).referrals.roots[0].early == 1


def test_a_group_that_is_dissolved_was_left_by_nobody() -> None:
    log, _ = run([join(1, START, "m_a", "m_x"), leave(2, START + 1, "m_a", reason="dissolved")])
    assert state_of(log).referrals.roots[0].early == 0


def flagged(events: list[e.Event]) -> tuple[str, ...]:
    return told(run([*events, tick(START + 9 * DAY_MS)])[1])["m_x"].flags


@pytest.mark.parametrize(
    ("invitees", "gone", "found"), [(10, 5, ("early_leaves",)), (10, 4, ()), (9, 9, ()), (3, 2, ())]
)
def test_half_gone_within_72_hours_is_suspicious_from_ten_invitees_on(
    invitees: int, gone: int, found: tuple[str, ...]
) -> None:
    events: list[e.Event] = [join(n + 1, START + n * HOUR_MS, f"m_{n}", "m_x") for n in range(invitees)]
    events += [leave(100 + n, START + DAY_MS, f"m_{n}") for n in range(gone)]
    assert flagged(events) == found


@pytest.mark.parametrize(("joins", "seconds", "found"), [(20, 31, ("burst",)), (19, 1, ()), (20, 32, ())])
def test_twenty_joins_in_ten_minutes_are_suspicious(joins: int, seconds: int, found: tuple[str, ...]) -> None:
    events = [join(n + 1, START + n * seconds * 1000, f"m_{n}", "m_x") for n in range(joins)]
    assert flagged(list(events)) == found
    assert flagged(random.Random(1).sample(events, len(events))) == found


# --- the same whatever happens on the way, and bounded ------------------------------------------------------


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_redelivery_and_any_cut_into_values_give_the_same_rows_and_bytes(seed: int) -> None:
    rng = random.Random(seed)
    events: list[e.Event] = []
    for n in range(1, 150):
        at, member = START + n * 6 * HOUR_MS, f"m_{rng.randrange(40)}"
        if rng.random() < 0.6:
            events.append(join(n, at, member, f"m_{rng.randrange(40)}" if rng.random() < 0.8 else None))
        elif rng.random() < 0.5:
            events.append(leave(n, at, member))
        else:
            events.append(order(n, at, member, rng.randrange(-100, 900)))
        if n % 4 == 0:
            events.append(tick(at + HOUR_MS))
    cut = rng.randrange(1, len(events) - 10)
    whole, rows = run(events)
    first, before = run(events[:cut])
    log = GroupLog(0, "groups/chat-events/0/t", MODEL)
    log.restore(first.partition_value(), first.take_changed())
    again, after = run(events[max(0, cut - 5) :], log, start=max(0, cut - 5))
    assert before + after == rows
    assert again.take_changed() == whole.take_changed()


def test_of_more_roots_than_are_kept_the_largest_stay() -> None:
    ledger, referrals = Ledger(), Referrals()
    for n in range(3 * MAX_ROOTS):
        for one in range(3 if n == 7 else 1):
            ledger.get(f"m_{n}_{one}", "member")
            referrals.invite(ledger, f"m_{n}_{one}", f"x_{n}", START + n, POLICY)
            assert len(referrals.roots) <= 2 * MAX_ROOTS
    assert referrals.roots.keys() == set(referrals.root_of.values())
    assert referrals.roots[7].invitees == 3
    assert referrals.roots[3 * MAX_ROOTS - 1].invitees == 1
    referrals.sold(ledger.by_id["m_9_0"], 5, is_order=True)  # of a root that is not kept: nobody's


def test_a_chain_told_backwards_is_one_tree_and_takes_no_more_than_its_length() -> None:
    ledger, referrals, length = Ledger(), Referrals(), 3 * MAX_MOVED
    for n in reversed(range(length)):
        ledger.get(f"m_{n + 1}", "member")
        referrals.invite(ledger, f"m_{n + 1}", f"m_{n}", START, POLICY)
        assert len(referrals.moved) <= MAX_MOVED + 1
    referrals.end_day(ledger, START // DAY_MS, POLICY)
    (root,) = referrals.roots.values()
    assert (root.member_id, root.invitees, root.width, root.depth) == ("m_0", length, 1, 255)
    assert not referrals.moved
    assert {member.invited >> 32 for member in ledger.by_id.values()} == {length - 1}
    assert flags(root, POLICY, is_staff=False) == ("burst",)


@pytest.mark.parametrize(("hours", "early"), [(72, 1), (73, 0)])
def test_who_is_missing_from_a_list_within_three_days_left_early_though_nobody_saw_it(hours: int, early: int) -> None:
    came = [join(1, START, "m_a"), join(2, START, "m_b", "m_a"), join(3, START, "m_c", "m_a")]
    at = START + hours * HOUR_MS
    missing = e.Roster(event_id="r/1", occurred_at=at, members=("m_a", "m_c"), source_seq=4, **COMMON)
    log, _ = run([*came, missing, leave(5, at + MINUTE, "m_b")])
    assert [root.early for root in state_of(log).referrals.roots.values()] == [early]
    log, _ = run(
        [*came, e.Roster(event_id="r/2", occurred_at=at, members=("m_a", "m_b", "m_c"), source_seq=4, **COMMON)]
    )
    assert [root.early for root in state_of(log).referrals.roots.values()] == [0]
