"""The aggregate: `apply` is how a group learns of an event, whatever its type."""

from collections.abc import Callable
from typing import Any

import xxhash

from streams import events as e
from streams.vitals import worth
from streams.vitals.members import Member, bought, claimed, spent, unbought
from streams.vitals.panes import MAX_REVENUE, count_order, day_of
from streams.vitals.points import PointsBook
from streams.vitals.policy import HOUR_MS, Policy
from streams.vitals.probes import benefit_sent, claimed_of_probe
from streams.vitals.responses import posted
from streams.vitals.standing import CLAIM, INVITE, PURCHASE, REACTION, act, gave_benefit, note
from streams.vitals.state import GroupState, acting_member, pane_of, touch
from streams.vitals.talk import message, messages_between, recall
from streams.vitals.welcome import arrived


def apply(state: GroupState, event: e.GroupEvent, policy: Policy) -> e.TouchKind | None:
    """Absorb one event, once: a duplicate by source order or id changes nothing.

    Answers the kind of touch that the event is for attribution (join, leave, message, claim, post), or None.
    """
    if not state.absorbed.absorb(event):
        return None
    source, time, first = event.source, event.occurred_at, state.first_event_at
    handle = _SEEN.get(type(event))
    if handle is None:
        handle = _TOLD[type(event)]
    else:
        if source is not None and source not in state.sources:
            state.sources.append(source)
        if time > state.last_event_at:  # noqa: PLR1730 - half the cost of max() on the hottest path
            state.last_event_at = time
    if not state.has_news:
        state.has_news = True
    if first is None or time < first:
        state.first_event_at = time
    return handle(state, event, policy)


def _join(state: GroupState, event: e.Join, policy: Policy) -> e.TouchKind | None:
    time = event.occurred_at
    note(state, event.member_id)
    is_new = event.member_id not in state.ledger
    member = state.ledger.get(event.member_id, event.role)
    was_here = not is_new and (member.joined_at is not None or member.presence_at < time)
    state.ledger.set_present(member, time, is_present=True)
    member.last_action_at = max(member.last_action_at, time)
    if member.joined_at is None or time > member.joined_at:
        member.joined_at = time
    if event.role == "member" and event.inviter_id is not None and not was_here:
        state.referrals.invite(state.ledger, event.member_id, event.inviter_id, time, policy.carriers)
    if not member.is_present:  # they have left since, and the leave came first
        state.referrals.left(member, member.presence_at, policy.carriers)
    if is_new and event.role == "member":
        arrived(state, event.member_id, time)
    pane = pane_of(state, time)
    if pane is not None and event.role == "member":
        pane.joins += 1
        if is_new:
            pane.newcomers += 1
            member.arrived_day = day_of(time)
    if is_new and event.role == "member" and event.inviter_id is not None and event.inviter_id != event.member_id:
        inviter = state.ledger.find(event.inviter_id)
        if inviter is not None:
            act(state, event.inviter_id, inviter, time, INVITE, policy.members)
    return "join" if event.role == "member" else None


def _leave(state: GroupState, event: e.Leave, policy: Policy) -> e.TouchKind | None:
    time = event.occurred_at
    note(state, event.member_id)
    member = state.ledger.get(event.member_id, event.role)
    state.ledger.set_present(member, time, is_present=False)
    if event.reason != "dissolved":
        state.referrals.left(member, time, policy.carriers)
    _set_muted(state, member, is_muted=False)
    member.last_action_at = max(member.last_action_at, time)
    pane = pane_of(state, time)
    if pane is not None and event.role == "member":
        if event.reason == "left":
            pane.left += 1
        elif event.reason == "kicked":
            pane.kicked += 1
        else:
            pane.other_leaves += 1
        benefit = state.last_benefit_at
        if benefit is not None and 0 <= time - benefit <= policy.benefit_leave_hours * HOUR_MS:
            pane.leaves_after_benefit += 1
    return "leave" if event.role == "member" else None


def _roster(state: GroupState, event: e.Roster, policy: Policy) -> None:
    roles: dict[str, e.Role] = dict.fromkeys(event.members, "member")
    roles |= dict.fromkeys(event.staff, "staff")
    roles |= dict.fromkeys(event.bots, "bot")
    for member_id in state.ledger.reconcile(roles, event.occurred_at):
        note(state, member_id)
        if member_id not in roles:  # gone since some time before: soon after their join, if this is
            state.referrals.left(state.ledger[member_id], event.occurred_at, policy.carriers)
    state.has_roster = True
    state.muted = 0
    for _, member in state.ledger.find_each():
        member.is_muted = member.is_muted and member.is_present
        state.muted += member.is_muted


def _reaction(state: GroupState, event: e.Reaction, policy: Policy) -> None:
    member = acting_member(state, event)
    pane = pane_of(state, event.occurred_at)
    if event.role == "member":
        act(state, event.member_id, member, event.occurred_at, REACTION, policy.members)
        if pane is not None:
            pane.reactions += 1


def _claim(state: GroupState, event: e.Claim, policy: Policy) -> e.TouchKind | None:
    known = state.ledger.find(event.member_id)
    acted_before = -1 if known is None else known.last_action_at
    member = acting_member(state, event)
    if claimed(member, event.occurred_at):
        note(state, event.member_id)
    act(state, event.member_id, member, event.occurred_at, CLAIM, policy.members)
    if event.role == "member":
        claimed_of_probe(state, member, event, acted_before)
    pane = pane_of(state, event.occurred_at)
    if pane is not None and event.role == "member":
        pane.claims += 1
    return touch(member, event.occurred_at, "claim")


def _benefit(state: GroupState, event: e.Benefit, policy: Policy) -> None:
    benefit_sent(state, event, policy)
    worth.given(state, event)
    gave_benefit(state, event.occurred_at)
    if state.last_benefit_at is None or event.occurred_at > state.last_benefit_at:
        state.last_benefit_at = event.occurred_at


def _post(state: GroupState, event: e.Post, _: Policy) -> e.TouchKind | None:
    worth.posted(state, event)
    posted(state, event, messages_between(state, event.occurred_at, event.occurred_at + HOUR_MS))
    pane = pane_of(state, event.occurred_at)
    if pane is not None and event.content_class in {"ads", "relay"}:
        pane.ads += 1
    return "post" if event.content_class == "convert" or event.code is not None else None


def _mute(state: GroupState, event: e.Mute | e.Unmute, _: Policy) -> None:
    state.worth.has_mutes = True
    note(state, event.member_id)
    _set_muted(state, acting_member(state, event), is_muted=isinstance(event, e.Mute))


def _set_muted(state: GroupState, member: Member, *, is_muted: bool) -> None:
    state.muted += int(is_muted) - int(member.is_muted)
    member.is_muted = is_muted


def _points(state: GroupState, event: e.Points, _: Policy) -> None:
    acting_member(state, event)
    if state.points is None:
        state.points = PointsBook()
    state.points.take(event)


def _created(state: GroupState, event: e.GroupCreated, _: Policy) -> None:
    state.name = event.name or state.name
    state.owner = event.owner or state.owner
    state.currency = event.currency or state.currency
    state.timezone = event.timezone or state.timezone
    if event.planned_end_at is not None:
        state.planned_end_at = event.planned_end_at
    worth.described(state, event)


def _renamed(state: GroupState, event: e.GroupRenamed, _: Policy) -> None:
    state.name = event.name


def _ended(state: GroupState, event: e.GroupEnded, _: Policy) -> None:
    state.ended_at = event.occurred_at
    state.end_reason = event.reason


def _playbook(_: GroupState, __: e.GroupEvent, ___: Policy) -> None:
    """Views and commands know of playbooks; what they do to a group shows in its numbers, or does not."""


def _order(state: GroupState, event: e.OrderAttributed, policy: Policy) -> None:
    if not event.weight:  # it only tells the first or last touch
        return
    worth.sold(state, event)
    pane = pane_of(state, event.occurred_at)
    state.currency = state.currency or event.currency
    step = 1 if event.reverses is None else -1
    if event.currency != state.currency:
        state.other_currency_orders = max(0, state.other_currency_orders + step)
    elif pane is not None:
        pane.revenue = max(-MAX_REVENUE, min(MAX_REVENUE, pane.revenue + event.amount))
    if pane is not None and event.refund_id is None:
        count_order(pane, xxhash.xxh3_64_intdigest(event.customer_id.encode()), step)
    buyer_id = event.member_id or event.customer_id
    buyer = state.ledger.find(buyer_id)
    if buyer is not None:
        _bought(state, event, buyer_id, buyer, policy)


def _bought(state: GroupState, event: e.OrderAttributed, buyer_id: str, buyer: Member, policy: Policy) -> None:
    note(state, buyer_id)
    if event.refund_id is None and event.reverses is not None:
        unbought(buyer, event.occurred_at)
    elif event.refund_id is None:
        bought(buyer, event.occurred_at)
        act(state, buyer_id, buyer, event.occurred_at, PURCHASE, policy.members)
    is_foreign = event.currency != state.currency
    spent(buyer, event.amount, MAX_REVENUE, is_foreign=is_foreign)
    if not is_foreign:
        is_order = event.refund_id is None and event.reverses is None
        state.referrals.sold(buyer, event.amount, is_order=is_order)


_Handles = dict[type, Callable[[GroupState, Any, Policy], e.TouchKind | None]]
_SEEN: _Handles = {
    e.Message: message,
    e.Recall: recall,
    e.Join: _join,
    e.Leave: _leave,
    e.Roster: _roster,
    e.Reaction: _reaction,
    e.Claim: _claim,
    e.Benefit: _benefit,
    e.Post: _post,
    e.Mute: _mute,
    e.Unmute: _mute,
    e.Points: _points,
    e.GroupCreated: _created,
    e.GroupRenamed: _renamed,
    e.GroupEnded: _ended,
}
"""What connectors see of a group."""
_TOLD: _Handles = {
    e.OrderAttributed: _order,
    e.PlaybookStarted: _playbook,
    e.PlaybookStep: _playbook,
    e.PlaybookEnded: _playbook,
}
"""What agents and operators say of a group: it tells nothing of who watches it."""
