"""Engagement: the windows of a group, summed from its panes."""

from math import exp, log
from operator import attrgetter

import msgspec

from streams.vitals.panes import DayPane, day_of, speakers, tallies, window
from streams.vitals.silence import last_message_before, silent_hours
from streams.vitals.state import GroupState

WINDOW_DAYS = 28


class Windows(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The numbers of a group as of `at`: what rows, risk and verdict are made of. Units as in GroupVitals."""

    at: int
    last_day: int
    age_days: int
    last_member_message_at: int | None
    silent_hours: float | None
    messages_1d: int
    messages_7d: int
    messages_28d: int
    staff_messages_7d: int
    staff_messages_28d: int
    speakers_1d: int
    speakers_7d: int
    speakers_28d: int
    active_days_28d: int
    replies_28d: int
    reactions_28d: int
    claims_28d: int
    joins_28d: int
    leaves_28d: int
    left_28d: int
    kicked_28d: int
    leaves_after_benefit_28d: int
    ads_28d: int
    capped_messages_28d: int
    breadth_28d: float | None
    answered_share_28d: float | None
    newcomers_28d: int
    newcomer_spoke_share: float | None
    buyers_28d: int
    orders_28d: int
    revenue_28d: int


_SUMS = attrgetter(
    "messages", "staff_messages", "replies", "reactions", "claims", "joins", "left", "kicked", "other_leaves",
    "leaves_after_benefit", "ads", "capped_messages", "answered", "newcomers", "newcomers_spoke", "orders", "revenue",
)  # fmt: skip
_EMPTY = (0,) * 17


def windows(state: GroupState, at: int) -> Windows:
    """Sum the panes of the days up to `at`: the day that `at` lies in, or at midnight the days before it."""
    last_day = day_of(at - 1)
    panes = window(state.panes, last_day, WINDOW_DAYS)
    week = window(state.panes, last_day, 7)
    today = state.panes.get(last_day) or DayPane()
    sums = map(sum, zip(*map(_SUMS, panes), _EMPTY, strict=True))
    (messages, staff, replies, reactions, claims, joins, left, kicked, other_leaves, after_benefit, ads, capped,
     answered, newcomers, newcomers_spoke, orders, revenue) = sums  # fmt: skip
    by_member = tallies(panes)
    last = last_message_before(state, at)
    first = state.first_message_at
    return Windows(
        at=at,
        last_day=last_day,
        age_days=0 if first is None else max(0, last_day - day_of(first) + 1),
        last_member_message_at=last,
        silent_hours=silent_hours(last, at),
        messages_1d=today.messages,
        messages_7d=sum(pane.messages for pane in week),
        messages_28d=messages,
        staff_messages_7d=sum(pane.staff_messages for pane in week),
        staff_messages_28d=staff,
        speakers_1d=today.speakers,
        speakers_7d=speakers(week),
        speakers_28d=len(by_member),
        active_days_28d=sum(pane.messages > 0 for pane in panes),
        replies_28d=replies,
        reactions_28d=reactions,
        claims_28d=claims,
        joins_28d=joins,
        leaves_28d=left + kicked + other_leaves,
        left_28d=left,
        kicked_28d=kicked,
        leaves_after_benefit_28d=after_benefit,
        ads_28d=ads,
        capped_messages_28d=capped,
        breadth_28d=breadth(by_member),
        answered_share_28d=min(1.0, answered / messages) if messages else None,  # some of the answered were recalled
        newcomers_28d=newcomers,
        newcomer_spoke_share=newcomers_spoke / newcomers if newcomers else None,
        buyers_28d=len(set[int]().union(*(pane.bought for pane in panes))),
        orders_28d=orders,
        revenue_28d=revenue,
    )


def breadth(by_member: dict[int, int]) -> float | None:
    """exp(H) ÷ speakers, H the Shannon entropy of the members' shares: 1 when all talk alike, 1/n when one does."""
    if not by_member:
        return None
    total = sum(by_member.values())
    entropy = -sum(count / total * log(count / total) for count in by_member.values())
    return exp(entropy) / len(by_member)
