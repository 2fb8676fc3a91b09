"""Who came for benefits alone: members whose only actions are claims, and those who leave once a benefit is gone."""

from collections.abc import Iterable, Mapping

import msgspec

from streams.vitals.members import Member, Trade
from streams.vitals.panes import DayPane
from streams.vitals.policy import DAY_MS, CarrierPolicy


class Freebie(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Of a group's year that ended with `day`. Appended fields need defaults.

    Of the `active`, members who wrote, claimed or bought, who left since included, the `takers` only ever claimed:
    `share` is theirs, None where no claim is told of or too few are active. `fled` left within 72 hours of a benefit,
    for each of the `claimers` as many as `fled_share`, at most 1.
    """

    active: int = 0
    takers: int = 0
    claimers: int = 0
    fled: int = 0
    share: float | None = None
    fled_share: float | None = None
    day: int = -1


def _traded(trade: Trade, since: int) -> bool:
    """Whether they claimed or bought since a time."""
    claimed_at, bought_at = trade.last_claim_at, trade.bought_at
    return (claimed_at is not None and claimed_at >= since) or (bool(bought_at) and bought_at[0] >= since)


def freebie(members: Iterable[Member], panes: Mapping[int, DayPane], day: int, policy: CarrierPolicy) -> Freebie:
    """What the year that ends with `day` says; staff and bots take part in nothing."""
    first_day = day + 1 - policy.freebie_days
    since = first_day * DAY_MS
    active, takers, claimers = 0, 0, 0
    for member in members:
        trade, last = member.trade, member.last_message_at
        has_written = last is not None and last >= since
        if trade is None:
            active += has_written and member.role == "member"
        elif (has_written or _traded(trade, since)) and member.role == "member":
            active += 1
            if trade.claims:
                claimers += 1
                takers += not member.messages and not trade.orders
    fled = sum([pane.leaves_after_benefit for of_day, pane in panes.items() if of_day >= first_day])
    if not claimers:
        return Freebie(active, fled=fled, day=day)
    share = round(takers / active, 4) if active >= policy.freebie_least else None
    return Freebie(active, takers, claimers, fled, share, min(1.0, round(fled / claimers, 4)), day)
