"""The members of a group judged when its UTC day closes, and what is told of them.

Judged are those of whom something was learnt since the last close (they came, left, bought, were muted, claimed for
the first time since they came, wrote for the first time while new, or gave a sign of life when they were churned or on
the cleanup list), those whom time alone moves on (each member carries the day at whose end that is next so), and once a
week, on a weekday of the group, those who wrote and may have moved up. So a close costs what has changed, not what
there is; who falls silent is known on the day, who comes back to life within a week. Of those who go on as they were
only the counts change: they are told every fourth week. Only after a new benefit are all looked at, for a claim that
has become too old.

Orders come last where an import is over, so those of whom something was learnt after the last close are judged anew as
of the end of that day. Who moves more than once at the end of one day went from the first stage to the last, in however
many steps it came to be known.

The member score counts acts by weight, of one kind and day no more than twenty, and halves every 28 days. What was done
on a day is counted when it closes: messages from its pane, other acts from what is kept until then of those who did
something. What comes after its day was counted counts without that limit, messages excepted. A message that answers one
counts as a reply.
"""

from collections.abc import Iterator, Set

import msgspec
import xxhash

from streams.vitals.insights import MemberStandings, Standing
from streams.vitals.ledger import Ledger, People
from streams.vitals.lifecycle import BENEFITS, CHURNED, NEWCOMER, STAGES, can_move, judge, tenure_since
from streams.vitals.members import Activity, Member, Trade
from streams.vitals.month import Month
from streams.vitals.packed import unpacked
from streams.vitals.policy import DAY_MS, MemberPolicy
from streams.vitals.rows import Output
from streams.vitals.state import GroupState

WEEK, MONTH = 7, 28
MOST_IN_A_RECORD = 1_000
"""Some 150 KB."""
REPLY, REACTION, CLAIM, INVITE, PURCHASE = range(5)
_BITS, _FULL = 12, (1 << 12) - 1
_NO_TRADE = Trade()
_NOTHING: dict[int, int] = {}


class Judged(msgspec.Struct, frozen=True, gc=False):
    """A member of whom there is something to tell; `was` is the stage before (0: none), since the end of `was_day`.

    `has_moved` may be true though the stage is the same: what was told of this day before is taken back.
    """

    member_id: str
    member: Member
    was: int
    was_day: int
    has_moved: bool


class Agenda:
    """Whom time alone may move on, by the day at whose end. Derived from the ledger and never stored."""

    __slots__ = ("_by_day", "_day", "turn")

    def __init__(self, group_id: str, ledger: Ledger, day: int) -> None:
        """As of before the end of `day`. Who was never judged is due at once."""
        self._by_day: dict[int, list[str]] = {}
        self._day = day - 1
        self.turn = xxhash.xxh3_64_intdigest(group_id.encode())
        """Added to a day, it says whether the group's week or month ends with it: groups take turns."""
        for member_id, member in ledger.look_each():
            if member.due_day or not member.stage:
                self.add(member_id, max(member.due_day, day))

    def add(self, member_id: str, day: int) -> None:
        """Have a member judged at the end of a day."""
        self._by_day.setdefault(day, []).append(member_id)

    def take(self, day: int) -> list[str]:
        """Those who are due at the end of `day`, or were at the end of days that nobody closed; some no longer are."""
        due = self._by_day.pop(day, [])
        if day > self._day + 1:
            for missed in [missed for missed in self._by_day if missed < day]:
                due += self._by_day.pop(missed)
        self._day = day
        return due


def is_due(member: Member, day: int) -> bool:
    """Whether time alone may move a member at the end of `day`; who was never judged is always due."""
    return 0 < member.due_day <= day or not member.stage


def is_new(member: Member) -> bool:
    """Whether a first word is told at once: a step of a newcomer's checklist."""
    return member.stage in {0, NEWCOMER}


def note(state: GroupState, member_id: str) -> None:
    """Something was learnt of a member that cannot wait for their weekday: they are told of at the next close."""
    state.lifecycle.changed[member_id] = 0


def act(state: GroupState, member_id: str, member: Member, time: int, kind: int, policy: MemberPolicy) -> None:
    """A member did something that counts in their score; `kind` is one of REPLY … PURCHASE. For messages see `said`."""
    day = time // DAY_MS
    if _is_counted(state, member, day):
        _add_late(state, member_id, member, day, policy.weights[kind + 1], has_written=False)
        return
    is_sign_of_life = kind not in {REACTION, INVITE}  # these two move nobody to a stage
    if _is_late(state, day) or (is_sign_of_life and (member.listed_day or member.stage == CHURNED)):
        note(state, member_id)
    number, own = member.number, state.lifecycle
    acts = own.acts.setdefault(day, {})
    packed = acts.get(number, 0)
    if packed >> _BITS * kind & _FULL < _FULL:
        acts[number] = packed + (1 << _BITS * kind)
    own.actors[number] = 0


def said(state: GroupState, member_id: str, member: Member, time: int, policy: MemberPolicy, *, is_reply: bool) -> None:
    """A message that is a reply, or of a day that has closed; others need not be told. Its pane has counted it."""
    day = time // DAY_MS
    if _is_counted(state, member, day):
        score = policy.weights[is_reply] if _messages(state, member, day) <= policy.score_cap else 0.0
        _add_late(state, member_id, member, day, score, has_written=True)
        return
    if _is_late(state, day):
        note(state, member_id)
    if is_reply:
        act(state, member_id, member, time, REPLY, policy)


def _is_late(state: GroupState, day: int) -> bool:
    """Whether a day has closed: a member's turn to be counted may have passed, and the next be too late for it."""
    return state.closed_day is not None and day <= state.closed_day


def _is_counted(state: GroupState, member: Member, day: int) -> bool:
    """Whether what is learnt of a day now is no more found when the day is counted."""
    activity = member.activity
    return day <= state.lifecycle.counted_day or (activity is not None and day <= activity.day)


def _add_late(state: GroupState, member_id: str, member: Member, day: int, score: float, *, has_written: bool) -> None:
    if member.activity is None:
        member.activity = Activity(day)
    member.activity.add(day, score, has_written=has_written)
    note(state, member_id)


def unsaid(state: GroupState, member_id: str, member: Member, day: int, policy: MemberPolicy) -> None:
    """A message was recalled, and its pane counts it no more. It was not a reply, for all that is known."""
    note(state, member_id)
    if member.activity is not None and day <= member.activity.day:
        left = _messages(state, member, day)
        score = policy.weights[0] if left < policy.score_cap else 0.0
        member.activity.take_back(day, score, is_silent=not left)


def _messages(state: GroupState, member: Member, day: int) -> int:
    pane = state.panes.get(day)
    return 0 if pane is None else pane.spoke.get(member.number, 0)


def gave_benefit(state: GroupState, time: int) -> None:
    """Somebody gave the group a benefit."""
    own = state.lifecycle
    own.benefits = tuple(sorted({*own.benefits, time}, reverse=True)[:BENEFITS])


def close_members(state: GroupState, day: int, month: Month, agenda: Agenda, policy: MemberPolicy) -> list[Judged]:
    """Judge at the end of `day` whoever must be; answers those of whom there is something to tell, by number.

    `month` is up to that day.
    """
    own, ledger = state.lifecycle, state.ledger
    _count_days(state, day, month, policy)
    told = _noted(state)
    own.changed, own.moved = {}, {}
    judged = told.copy()
    for key in agenda.take(day):
        member = ledger.find(key)
        if member is not None and is_due(member, day):
            judged[member.number] = key, member
    for key in _who_passed_up(state):
        judged[ledger[key].number] = key, ledger[key]
    turn = day + agenda.turn
    if not turn % WEEK:
        talk = unpacked(month.talk)
        week = _people(state, month, month.spoke_7d.keys())
        may_move = [(one, key) for one, (key, member) in week.items() if can_move(member, day, talk[one], policy)]
        judged |= {one: (key, ledger[key]) for one, key in may_move}
        if not turn % MONTH:
            told |= _people(state, month, talk.keys() | own.actors.keys())
            own.actors = {}
    return _judge_all(state, day, judged, told, agenda, policy) if judged or told else []


def look_at_noted(state: GroupState, day: int, agenda: Agenda, policy: MemberPolicy) -> list[Judged]:
    """Judge anew whoever something was learnt of after `day` had closed, as no later day will: orders come last."""
    own, found = state.lifecycle, []
    for number, (member_id, member) in sorted(_noted(state).items()):
        before = own.moved.get(number, member.stage_day << 4 | member.stage)
        was, was_day = before & 15, before >> 4
        _judge(member_id, member, day, own.claims_from, agenda, policy)
        if member.stage != was:
            own.moved[number] = before
        else:
            member.stage_day = was_day
        found.append(Judged(member_id, member, was, was_day, number in own.moved))
    own.changed = {}
    return found


def _noted(state: GroupState) -> People:
    """Those of whom something was learnt."""
    find = state.ledger.find
    return {member.number: (key, member) for key in state.lifecycle.changed if (member := find(key)) is not None}


def _judge(
    member_id: str, member: Member, day: int, claims_from: int | None, agenda: Agenda, policy: MemberPolicy
) -> None:
    due_day = member.due_day
    due = member.due_day = judge(member, day, claims_from, policy)
    if due and (due != due_day or due_day <= day):
        agenda.add(member_id, due)


def _judge_all(
    state: GroupState, day: int, judged: People, told: People, agenda: Agenda, policy: MemberPolicy
) -> list[Judged]:
    """Judge members by number. Told of are `told` of them, and whose stage or place on the list is another now."""
    own, found = state.lifecycle, []
    everybody = judged if told.keys() <= judged.keys() else told | judged
    for number, (member_id, member) in sorted(everybody.items()):
        was, was_day, listed_day = member.stage, member.stage_day, member.listed_day
        if number in judged:
            _judge(member_id, member, day, own.claims_from, agenda, policy)
        has_moved = member.stage != was
        if has_moved:
            own.moved[number] = was_day << 4 | was
        if has_moved or number in told or member.listed_day != listed_day:
            found.append(Judged(member_id, member, was, was_day, has_moved))
            own.actors.pop(number, None)
    return found


def _people(state: GroupState, month: Month, numbers: Set[int]) -> People:
    """Those who are still in the ledger, only to be read: it may have forgotten who is gone for long."""
    ids, look = month.ids, state.ledger.look
    state.ledger.learn(ids)
    known = [(one, ids[one]) for one in numbers]
    return {one: (key, member) for one, key in known if (member := look(key)) is not None and member.number == one}


def _count_days(state: GroupState, day: int, month: Month, policy: MemberPolicy) -> None:
    """Count what members did up to the end of `day`: on that day, or on more if they were not closed one by one."""
    own, panes = state.lifecycle, state.panes
    for one in range(max(own.counted_day, day - MONTH) + 1, day + 1):
        pane, acts = panes.get(one), own.acts.pop(one, _NOTHING)
        if pane is not None or acts:
            _count_day(state, one, _NOTHING if pane is None else unpacked(pane.spoke), acts, month.ids, policy)
    own.counted_day = day
    if own.acts:
        own.acts = {one: acts for one, acts in own.acts.items() if one > day}


def _count_day(
    state: GroupState, day: int, spoke: dict[int, int], acts: dict[int, int], ids: list[str], policy: MemberPolicy
) -> None:
    find, weight, cap = state.ledger.find, policy.weights[0], policy.score_cap
    said = dict.fromkeys(acts, 0) | spoke if acts else spoke
    state.ledger.learn(ids)
    for number, messages in said.items():
        member = find(ids[number])
        if member is None or member.number != number:
            continue  # gone for so long that the ledger forgot them
        activity, packed = member.activity, acts.get(number, 0) if acts else 0
        if activity is None:
            activity = member.activity = Activity(day)
        elif day <= activity.day:
            continue  # an older version counted it
        if packed:
            activity.count(day, _points(messages, packed, policy), has_written=messages > 0)
        else:
            activity.count(day, weight * (messages if messages < cap else cap), has_written=True)


def _points(messages: int, packed: int, policy: MemberPolicy) -> float:
    cap, weights = policy.score_cap, policy.weights
    told = messages - (packed & _FULL)
    points = weights[0] * (0 if told < 0 else told if told < cap else cap)
    for weight in weights[1:]:
        acts = packed & _FULL
        if acts:
            points += weight * (acts if acts < cap else cap)
        packed >>= _BITS
        if not packed:
            break
    return points


def _who_passed_up(state: GroupState) -> list[str]:
    """Those whose last claim is too old now that there was another benefit."""
    own = state.lifecycle
    before, own.claims_from = own.claims_from, own.benefits[-1] if own.benefits else None
    if before is None or own.claims_from in {None, before}:
        return []
    return [
        member_id
        for member_id, member in state.ledger.look_each()
        if member.trade is not None and before <= (member.trade.last_claim_at or 0) < own.claims_from
    ]


def standing_rows(state: GroupState, judged: list[Judged], day: int, offset: int) -> Iterator[Output]:
    """What there is to tell of members who were judged at the end of `day`."""
    for begin in range(0, len(judged), MOST_IN_A_RECORD):
        told = MemberStandings(
            group_id=state.group_id,
            brand_id=state.brand_id,
            at=(day + 1) * DAY_MS,
            source_offset=offset,
            currency=state.currency,
            standings=tuple(
                [_standing(one, day, state.lifecycle.benefits) for one in judged[begin : begin + MOST_IN_A_RECORD]]
            ),
        )
        yield Output("group-insights", state.group_id, told)


def _standing(one: Judged, day: int, benefits: tuple[int, ...]) -> Standing:
    member, was = one.member, one.was
    stage, trade, activity, listed = member.stage, member.trade or _NO_TRADE, member.activity, member.listed_day
    has_moved, joined, at, bought_at = one.has_moved, member.joined_at, (day + 1) * DAY_MS, trade.bought_at
    since = tenure_since(member) if joined is None else joined
    ignored = 0
    for given in benefits:
        if given > since and given > (trade.last_claim_at or 0):
            ignored += 1
    score, days, days_28, days_90 = (0.0, 0, 0, 0) if activity is None else activity.so_far(day)
    return Standing(
        one.member_id,
        member.role,
        STAGES[stage - 1],
        (member.stage_day + 1) * DAY_MS,
        has_moved,
        STAGES[was - 1] if has_moved and was else "",
        (one.was_day + 1) * DAY_MS if has_moved and was else None,
        since,
        member.is_present,
        member.is_muted,
        score,
        joined,
        member.welcomed_at,
        member.first_message_at,
        member.last_message_at,
        (listed + 1) * DAY_MS if listed else None,
        member.messages,
        days,
        days_28,
        days_90,
        ignored,
        trade.first_claim_at,
        trade.last_claim_at,
        trade.claims,
        trade.first_order_at,
        bought_at[0] if bought_at else None,
        trade.orders,
        len([paid for paid in bought_at if at - paid < 365 * DAY_MS]) if bought_at else 0,
        trade.spent,
    )
