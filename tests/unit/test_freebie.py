"""Who came for benefits alone: members who never wrote nor bought, and no word where little is known."""

from typing import Any

import pytest

from streams import events as e
from streams.vitals.carriers import close_carriers
from streams.vitals.freebie import Freebie, freebie
from streams.vitals.insights import GroupPeople
from streams.vitals.members import Member, Trade
from streams.vitals.month import Month
from streams.vitals.panes import DayPane
from streams.vitals.policy import DAY_MS, HOUR_MS, CarrierPolicy
from streams.vitals.state import GroupState
from tests.unit.test_group_fold import COMMON, START, message, run, tick

POLICY = CarrierPolicy()
DAY = START // DAY_MS


def member(claims: int = 0, orders: int = 0, messages: int = 0, at: int = START, **more: Any) -> Member:
    trade = Trade(claims, at, at, orders, bought_at=(at,) if orders else ()) if claims or orders else None
    return Member(0, messages=messages, last_message_at=at if messages else None, trade=trade, **more)


TAKER, BUYER, TALKER = member(claims=2), member(claims=1, orders=1), member(claims=1, messages=3)


def test_takers_are_of_those_who_did_anything() -> None:
    people = [TAKER] * 3 + [BUYER, TALKER, member(messages=1)] + [member()] * 50
    assert freebie(people, {}, DAY, POLICY) == Freebie(6, 3, 5, 0, 0.5, 0.0, DAY)


def test_who_left_is_counted_and_who_did_nothing_within_a_year_is_not() -> None:
    old = member(claims=1, at=START - 364 * DAY_MS)
    people = [*[member(claims=1, is_present=False)] * 5, old]
    assert freebie(people, {}, DAY, POLICY) == Freebie(5, 5, 5, 0, 1.0, 0.0, DAY)


def test_staff_and_bots_take_no_part() -> None:
    people = [member(claims=1, role=role) for role in ("staff", "bot", "system")] + [TALKER] * 5
    assert freebie(people, {}, DAY, POLICY).takers == 0


@pytest.mark.parametrize("people", [[TAKER] * 4, [member(messages=1)] * 50, []])
def test_of_few_or_where_no_claim_is_told_nothing_is_said(people: list[Member]) -> None:
    assert freebie(people, {}, DAY, POLICY).share is None


def test_leaves_after_a_benefit_per_claimer() -> None:
    panes = {
        DAY: DayPane(leaves_after_benefit=3),
        DAY - 363: DayPane(leaves_after_benefit=1),
        DAY - 364: DayPane(leaves_after_benefit=9),
    }
    assert freebie([TAKER] * 8, panes, DAY, POLICY).fled_share == 0.5
    assert freebie([TAKER] * 3, panes, DAY, POLICY).fled_share == 1.0


def claim(n: int, at: int, who: str) -> e.Claim:
    return e.Claim(event_id=f"c/{n}", occurred_at=at, member_id=who, source_seq=n, **COMMON)


def test_a_group_of_takers_is_told_with_the_week() -> None:
    events: list[e.Event] = [message(n + 1, START + n * HOUR_MS, f"m_{n}") for n in range(2)]
    events += [claim(10 + n, START + (10 + n) * HOUR_MS, f"m_{n}") for n in range(1, 9)]
    events.append(e.Leave(event_id="l", occurred_at=START + 2 * DAY_MS, member_id="m_8", source_seq=99, **COMMON))
    events += [tick(START + day * DAY_MS) for day in range(1, 10)]
    (row,) = [row for row in run(events)[1] if isinstance(row, GroupPeople)]
    assert row.at == START + 8 * DAY_MS
    assert (row.active_364d, row.takers_364d, row.claimers_364d, row.freebie_share) == (9, 7, 8, 0.7778)


def test_a_group_without_claims_is_not_looked_through() -> None:
    class Unread(dict[str, Member]):
        def items(self) -> Any:
            raise AssertionError

    state = GroupState("g", "b", "p")
    state.ledger.by_id = Unread()
    for day in range(30):
        close_carriers(state, day, Month({}, day), 0, POLICY)
    with pytest.raises(AssertionError):
        close_carriers(state, 100, Month({}, 100), 1, POLICY)
