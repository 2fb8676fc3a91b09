"""The aggregate: all that is known of one group is one value, and `apply` is how it learns."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import msgspec
import xxhash

from streams import events as e
from streams.vitals.absorbed import Absorbed
from streams.vitals.members import Ledger, Member
from streams.vitals.panes import DETAIL_DAYS, PANE_DAYS, DayPane, add_message, day_of, remove_message
from streams.vitals.policy import DAY_MS, HOUR_MS, Policy
from streams.vitals.rows import Reason

REMEMBERED_DAYS = 7
REMEMBERED_MESSAGES = 4096
"""Authors of so many messages, of so many days at most, are known to replies and recalls."""
AWAITING_MESSAGES = 64
"""So many messages of one author in a row wait for an answer; a longer monologue is not answered more often."""
_REMEMBERED_SLACK = 512
_NUMBER_BITS = 20
_hash64 = xxhash.xxh3_64_intdigest


class GroupState(msgspec.Struct, array_like=True, gc=False):
    """One group. Appended fields need defaults: stored values have fewer (see the upcast test).

    `offset` is the last event absorbed; `closed_day` the last UTC day that an evaluation closed; `row_at` the
    time of the last row that told news. `remembered` maps a hash of a message's event_id to time × 2^20 + member
    number (0: recalled before it came). `late` counts events too old for any pane.
    """

    group_id: str
    brand_id: str
    platform: str
    offset: int = -1
    name: str = ""
    owner: str = ""
    currency: str = ""
    planned_end_at: int | None = None
    ended_at: int | None = None
    end_reason: str = ""
    first_event_at: int | None = None
    first_message_at: int | None = None
    last_message_at: int | None = None
    last_benefit_at: int | None = None
    messages: int = 0
    speakers_ever: int = 0
    late: int = 0
    unknown_recalls: int = 0
    other_currency_orders: int = 0
    closed_day: int | None = None
    has_news: bool = False
    row_at: int = -1
    verdict: str = "forming"
    verdict_since: int | None = None
    proposed: str = "forming"
    risk: float = 0.0
    reasons: tuple[Reason, ...] = ()
    awaiting_author: int = -1
    awaiting: list[int] = []
    sources: list[str] = []
    panes: dict[int, DayPane] = {}
    ledger: Ledger = msgspec.field(default_factory=Ledger)
    absorbed: Absorbed = msgspec.field(default_factory=Absorbed)
    remembered: dict[int, int] = {}


def apply(state: GroupState, event: e.GroupEvent, policy: Policy) -> e.TouchKind | None:
    """Absorb one event, once: a duplicate by source order or id changes nothing.

    Answers the kind of touch that the event is for attribution (join, leave, message, claim, post), or None.
    """
    if not state.absorbed.absorb(event):
        return None
    source = event.source
    if source is not None and source not in state.sources and type(event) is not e.OrderAttributed:
        state.sources.append(source)  # an agent's own events say nothing about who watches the group
    state.has_news = True
    time = event.occurred_at
    if state.first_event_at is None or time < state.first_event_at:
        state.first_event_at = time
    return _APPLY[type(event)](state, event, policy)


def _pane(state: GroupState, time: int) -> DayPane | None:
    """The pane of a time; None when it is too old for any window (then it is counted as late)."""
    day = time // DAY_MS
    pane = state.panes.get(day)
    if pane is None:
        closed = state.closed_day
        if closed is not None and day <= closed - PANE_DAYS:
            state.late += 1
            return None
        pane = state.panes[day] = DayPane(is_sealed=closed is not None and day <= closed - DETAIL_DAYS)
    return pane


def _member(state: GroupState, event: e.MemberEvent) -> Member:
    """The acting member; to act is to be present."""
    ledger = state.ledger
    member = ledger.by_id.get(event.member_id)
    if member is None or member.role != event.role:
        member = ledger.get(event.member_id, event.role)
    time = event.occurred_at
    if not member.is_present and ledger.set_present(member, time, is_present=True):
        member.touched_hour = -1  # back without a join: attribution believes them gone
    if time > member.last_action_at:  # noqa: PLR1730 - half the cost of max() on the hottest path
        member.last_action_at = time
    return member


def _message(state: GroupState, event: e.Message, policy: Policy) -> e.TouchKind | None:
    time = event.occurred_at
    digest = _hash64(event.event_id.encode())
    remembered = state.remembered
    if remembered.get(digest) == 0:  # recalled before it came
        return None
    member = _member(state, event)
    pane = _pane(state, time)
    remembered[digest] = time << _NUMBER_BITS | member.number
    if len(remembered) > REMEMBERED_MESSAGES + _REMEMBERED_SLACK:
        _forget_oldest(remembered)
    if event.role != "member":
        _staff_message(state, event, member, pane, policy)
        return None
    if member.number != state.awaiting_author:
        _answer(state, member, time, policy)
        state.awaiting = [time]
    elif len(state.awaiting) < AWAITING_MESSAGES:
        state.awaiting.append(time)
    if pane is not None:
        add_message(pane, member.number, time, policy.capped_messages)
        if event.reply_to is not None:
            pane.replies += 1
    state.ledger.add_score(event.member_id, member, time // DAY_MS)
    _spoke(state, member, time, policy)
    return _touch(member, time, "message")


def _staff_message(state: GroupState, event: e.Message, member: Member, pane: DayPane | None, policy: Policy) -> None:
    """Staff answers but does not ask; bots and the system do neither."""
    if event.role == "staff":
        if pane is not None:
            pane.staff_messages += 1
        if member.number != state.awaiting_author:
            _answer(state, member, event.occurred_at, policy)
            state.awaiting = []
    elif pane is not None:
        pane.bot_messages += 1


def _spoke(state: GroupState, member: Member, time: int, policy: Policy) -> None:
    state.messages += 1
    member.messages += 1
    if member.first_message_at is None:
        _first_words(state, member, time, policy)
    if member.last_message_at is None or time > member.last_message_at:
        member.last_message_at = time
    if state.last_message_at is None or time > state.last_message_at:
        state.last_message_at = time
    if state.first_message_at is None or time < state.first_message_at:
        state.first_message_at = time


def _first_words(state: GroupState, member: Member, time: int, policy: Policy) -> None:
    member.first_message_at = time
    state.speakers_ever += 1
    arrival = state.panes.get(member.arrived_day)
    if arrival is not None and 0 <= day_of(time) - member.arrived_day < policy.newcomer_days:
        arrival.newcomers_spoke += 1


def _touch(member: Member, time: int, kind: e.TouchKind) -> e.TouchKind | None:
    """One touch per member and hour is enough to attribute by; only members buy."""
    hour = time // HOUR_MS
    if member.touched_hour == hour or member.role != "member":
        return None
    member.touched_hour = hour
    return kind


def _forget_oldest(remembered: dict[int, int]) -> None:
    """Make room in one go: to take the first of a dict again and again is slow."""
    for key in list(islice(remembered, _REMEMBERED_SLACK)):
        del remembered[key]


def forget_messages(state: GroupState, at: int) -> None:
    """Drop what replies and recalls can no longer reach."""
    limit = at - REMEMBERED_DAYS * DAY_MS << _NUMBER_BITS
    remembered = state.remembered
    if any(value < limit for value in islice(remembered.values(), 1)):
        state.remembered = {key: value for key, value in remembered.items() if value >= limit}


def _answer(state: GroupState, member: Member, time: int, policy: Policy) -> None:
    """A message by anybody else, bots apart, answers the member messages of the last hour."""
    limit = policy.answered_minutes * 60_000
    for asked_at in state.awaiting:
        if 0 <= time - asked_at <= limit:
            pane = state.panes.get(asked_at // DAY_MS)
            if pane is not None:
                pane.answered += 1
    state.awaiting_author = member.number


def _recall(state: GroupState, event: e.Recall, policy: Policy) -> None:
    digest = _hash64(event.target.encode())
    packed = state.remembered.get(digest)
    state.remembered[digest] = 0
    if not packed:
        state.unknown_recalls += packed is None
        return
    time, number = packed >> _NUMBER_BITS, packed & (1 << _NUMBER_BITS) - 1
    member = next((m for m in state.ledger.by_id.values() if m.number == number), None)
    pane = state.panes.get(day_of(time))
    if member is None or member.role != "member":
        if pane is not None and member is not None and member.role == "staff":
            pane.staff_messages -= 1
        return
    state.messages -= 1
    member.messages -= 1
    if pane is not None:
        remove_message(pane, number, time, policy.capped_messages)
    if member.last_message_at == time:
        member.last_message_at = _last_remembered(state, number)
    if state.last_message_at == time:
        state.last_message_at = max(member_message_times(state), default=None)


def _last_remembered(state: GroupState, number: int) -> int | None:
    """A member's latest message still known: exactly from memory, else the end of their last day in a pane."""
    mask = (1 << _NUMBER_BITS) - 1
    times = [v >> _NUMBER_BITS for v in state.remembered.values() if v and v & mask == number]
    days = [(day + 1) * DAY_MS - 1 for day, pane in state.panes.items() if number in pane.spoke]
    return max(times or days, default=None)


def member_message_times(state: GroupState) -> Iterator[int]:
    """The times of member messages that are still known one by one: the remembered ones and each member's last."""
    mask = (1 << _NUMBER_BITS) - 1
    members = {m.number: m for m in state.ledger.by_id.values() if m.role == "member"}
    for packed in state.remembered.values():
        if packed and packed & mask in members:
            yield packed >> _NUMBER_BITS
    for member in members.values():
        if member.last_message_at is not None:
            yield member.last_message_at


def _join(state: GroupState, event: e.Join, _: Policy) -> e.TouchKind | None:
    time = event.occurred_at
    is_new = event.member_id not in state.ledger.by_id
    member = state.ledger.get(event.member_id, event.role)
    state.ledger.set_present(member, time, is_present=True)
    member.last_action_at = max(member.last_action_at, time)
    if member.joined_at is None or time > member.joined_at:
        member.joined_at = time
    pane = _pane(state, time)
    if pane is not None and event.role == "member":
        pane.joins += 1
        if is_new:
            pane.newcomers += 1
            member.arrived_day = day_of(time)
    return "join" if event.role == "member" else None


def _leave(state: GroupState, event: e.Leave, policy: Policy) -> e.TouchKind | None:
    time = event.occurred_at
    member = state.ledger.get(event.member_id, event.role)
    state.ledger.set_present(member, time, is_present=False)
    member.last_action_at = max(member.last_action_at, time)
    pane = _pane(state, time)
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


def _roster(state: GroupState, event: e.Roster, _: Policy) -> None:
    roles: dict[str, e.Role] = dict.fromkeys(event.members, "member")
    roles |= dict.fromkeys(event.staff, "staff")
    roles |= dict.fromkeys(event.bots, "bot")
    state.ledger.reconcile(roles, event.occurred_at)


def _reaction(state: GroupState, event: e.Reaction, _: Policy) -> None:
    _member(state, event)
    pane = _pane(state, event.occurred_at)
    if pane is not None and event.role == "member":
        pane.reactions += 1


def _claim(state: GroupState, event: e.Claim, _: Policy) -> e.TouchKind | None:
    member = _member(state, event)
    pane = _pane(state, event.occurred_at)
    if pane is not None and event.role == "member":
        pane.claims += 1
    return _touch(member, event.occurred_at, "claim")


def _benefit(state: GroupState, event: e.Benefit, _: Policy) -> None:
    if state.last_benefit_at is None or event.occurred_at > state.last_benefit_at:
        state.last_benefit_at = event.occurred_at


def _post(state: GroupState, event: e.Post, _: Policy) -> e.TouchKind | None:
    pane = _pane(state, event.occurred_at)
    if pane is not None and event.content_class in {"ads", "relay"}:
        pane.ads += 1
    return "post" if event.content_class == "convert" or event.code is not None else None


def _mute(state: GroupState, event: e.Mute | e.Unmute, _: Policy) -> None:
    _member(state, event).is_muted = isinstance(event, e.Mute)


def _points(state: GroupState, event: e.Points, _: Policy) -> None:
    _member(state, event)


def _created(state: GroupState, event: e.GroupCreated, _: Policy) -> None:
    state.name = event.name or state.name
    state.owner = event.owner or state.owner
    state.currency = event.currency or state.currency
    if event.planned_end_at is not None:
        state.planned_end_at = event.planned_end_at


def _renamed(state: GroupState, event: e.GroupRenamed, _: Policy) -> None:
    state.name = event.name


def _ended(state: GroupState, event: e.GroupEnded, _: Policy) -> None:
    state.ended_at = event.occurred_at
    state.end_reason = event.reason


def _order(state: GroupState, event: e.OrderAttributed, _: Policy) -> None:
    if not event.weight:  # it only tells the first or last touch
        return
    pane = _pane(state, event.occurred_at)
    state.currency = state.currency or event.currency
    if event.currency != state.currency:
        state.other_currency_orders += 1
    elif pane is not None:
        pane.revenue += event.amount
    if pane is not None and event.refund_id is None:
        pane.orders += 1
        if not pane.is_sealed:
            pane.bought[_hash64(event.customer_id.encode())] = 1


_APPLY: dict[type, Callable[[GroupState, Any, Policy], e.TouchKind | None]] = {
    e.Message: _message,
    e.Recall: _recall,
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
    e.OrderAttributed: _order,
}
