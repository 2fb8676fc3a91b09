"""Who carries a group, who brought its members and who came for benefits alone: what a day's close makes of it."""

from collections.abc import Iterator, Sequence
from typing import Literal

from streams.events import Role
from streams.vitals import leaders as found
from streams.vitals.freebie import freebie
from streams.vitals.insights import GroupPeople, OpinionLeader, ReferralRoot
from streams.vitals.leaders import Leaders
from streams.vitals.month import Month
from streams.vitals.panes import day_of
from streams.vitals.policy import CarrierPolicy
from streams.vitals.referrals import Root, flags
from streams.vitals.rows import Output
from streams.vitals.state import GroupState

_CALMER = 0.9
"""Whether one carries the talk is over below this share of what began it, or it would come and go from day to day."""


def close_carriers(
    state: GroupState, day: int, month: Month, claims_28d: int, policy: CarrierPolicy
) -> tuple[bool, Sequence[Root]]:
    """End a day: whether there is news of who carries the group, and the referral roots that changed.

    Leaders are ranked and takers of benefits counted when a week of the group's life ends; a leader who fell silent,
    and one who carries the talk alone, are looked for every day.
    """
    was = state.leaders, state.freebie
    is_week = state.ties.has_week_ended(day)
    state.leaders = _carried(state, day, month, policy, is_week=is_week)
    known = state.freebie
    has_aged = known.share is None or day - known.day >= policy.freebie_every_days
    if is_week and has_aged and (claims_28d or known.claimers):
        state.freebie = freebie((member for _, member in state.ledger.look_each()), state.panes, day, policy)
    roots: Sequence[Root] = ()
    if state.referrals.roots:
        roots = state.referrals.end_day(state.ledger, day, policy)
    return (state.leaders, state.freebie) != was, roots


def _carried(state: GroupState, day: int, month: Month, policy: CarrierPolicy, *, is_week: bool) -> Leaders:
    """The leaders, anew or as they were; the same object where nothing is to be said."""
    was, ledger = state.leaders, state.ledger
    basis, leaders = was.basis, was.leaders
    ranked = found.rank(state.ties, ledger, leaders, day, policy) if is_week else None
    if ranked is not None:
        basis, leaders = ranked
    silent: tuple[str, ...] = ()
    if leaders:  # where nobody writes, that one does not says nothing: days count up to the last message of all
        last_day = min(day, day_of(state.last_message_at or 0))
        silent = found.silent(leaders, ledger.look, last_day, policy)
    is_carried = _is_carried(month, policy, was_carried=was.is_carried)
    if not is_week and silent == was.silent and is_carried == was.is_carried:
        return was
    bus_factor, top, top_share = found.carriers(month.talk)
    return Leaders(basis, leaders, bus_factor, top, top_share, silent, is_carried)


def _is_carried(month: Month, policy: CarrierPolicy, *, was_carried: bool) -> bool:
    total = sum(month.talk.values())
    if total < policy.carried_least_messages:
        return False
    return max(month.talk.values()) >= policy.carried_share * total * (_CALMER if was_carried else 1)


def carrier_rows(state: GroupState, at: int) -> Iterator[Output]:
    """Who carries the group as of `at`: a row of it, and one of each leader."""
    known, takers = state.leaders, state.freebie
    top_id = state.ledger.id_of(known.top)
    group = GroupPeople(
        group_id=state.group_id,
        brand_id=state.brand_id,
        at=at,
        source_offset=state.offset,
        basis=known.basis,
        leaders=len(known.leaders),
        silent_leaders=len(known.silent),
        bus_factor=known.bus_factor,
        top_id=top_id,
        top_share=known.top_share,
        is_carried=known.is_carried,
        active_364d=takers.active,
        takers_364d=takers.takers,
        claimers_364d=takers.claimers,
        fled_364d=takers.fled,
        freebie_share=takers.share,
        fled_share=takers.fled_share,
    )
    yield Output("group-insights", state.group_id, group)
    for place, leader in enumerate(known.leaders, 1):
        member = state.ledger.look(leader.member_id)
        row = OpinionLeader(
            group_id=state.group_id,
            brand_id=state.brand_id,
            at=at,
            source_offset=state.offset,
            member_id=leader.member_id,
            place=place,
            score=leader.score,
            answers=leader.answers,
            repliers=leader.repliers,
            lift=leader.lift,
            elicited=leader.elicited,
            replier_orders=leader.orders,
            is_silent=leader.member_id in known.silent,
            is_present=member is not None and member.is_present,
            last_message_at=None if member is None else member.last_message_at,
        )
        yield Output("group-insights", state.group_id, row)


def root_row(state: GroupState, root: Root, at: int, policy: CarrierPolicy) -> Output:
    """What one inviter brought, as of `at`."""
    inviter = state.ledger.look(root.member_id)
    role: Role | Literal[""] = "" if inviter is None else inviter.role
    row = ReferralRoot(
        group_id=state.group_id,
        brand_id=state.brand_id,
        at=at,
        source_offset=state.offset,
        member_id=root.member_id,
        role=role,
        invitees=root.invitees,
        depth=root.depth,
        width=root.width,
        due_30d=root.due,
        retained_30d=root.retained,
        buyers=root.buyers,
        revenue=root.revenue,
        currency=state.currency,
        left_72h=root.early,
        most_joins_10min=root.burst,
        flags=flags(root, policy, is_staff=role not in {"", "member"}),
    )
    return Output("group-insights", state.group_id, row)
