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

The member score counts acts by weight, of one kind and day no more than twenty, and halves every 28 days. Acts are kept
until they were counted, four weeks at most, of those alone who did something; messages are counted by the panes. What
comes after its day was counted counts without that limit, messages excepted. A message that answers one counts as a
reply.
"""

from collections.abc import Collection, Iterator

import msgspec
import xxhash

from streams.vitals.insights import MemberStandings, Standing
from streams.vitals.lifecycle import BENEFITS, CHURNED, NEWCOMER, STAGES, can_move, judge, tenure_since
from streams.vitals.members import Activity, Ledger, Member, Trade
from streams.vitals.month import Month
from streams.vitals.policy import DAY_MS, MemberPolicy
from streams.vitals.rows import Output
from streams.vitals.state import GroupState

WEEK, MONTH = 7, 28
MOST_IN_A_RECORD = 1_000
"""Some 150 KB."""
REPLY, REACTION, CLAIM, INVITE, PURCHASE = range(5)
_BITS, _FULL = 12, (1 << 12) - 1
Busy = tuple[int, dict[int, int], dict[int, int]]
"""A day, the messages of it by member number, and the other acts, packed."""
_NO_TRADE = Trade()


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

    __slots__ = ("_by_day", "_day")

    def __init__(self, ledger: Ledger, day: int) -> None:
        """As of before the end of `day`. Who was never judged is due at once."""
        self._by_day: dict[int, list[str]] = {}
        self._day = day - 1
        for member_id, member in ledger.by_id.items():
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
    acts = state.lifecycle.acts.setdefault(day, {})
    packed = acts.get(member.number, 0)
    if packed >> _BITS * kind & _FULL < _FULL:
        acts[member.number] = packed + (1 << _BITS * kind)


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
    """Whether what is learnt of a day now is no more found when the member's activity is counted."""
    closed, activity = state.closed_day, member.activity
    if closed is None or day > closed:
        return False
    return day <= closed + 1 - MONTH or (activity is not None and day <= activity.day)


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
    own, by_id, talk = state.lifecycle, state.ledger.by_id, month.talk
    noted = {by_id[key].number: key for key in own.changed if key in by_id}
    due = {by_id[key].number: key for key in agenda.take(day) if key in by_id and is_due(by_id[key], day)}
    due |= {by_id[key].number: key for key in _who_passed_up(state)}
    told_too, wrote = _whose_month(state, day, month), _whose_week(state, day, month)
    own.changed, own.moved = {}, {}
    acted, found, days = set[int](), [], list[Busy]()
    for number, member_id in sorted((told_too | wrote | due | noted).items()):
        member = by_id[member_id]
        is_told, was, was_day = number in noted or number in told_too, member.stage, member.stage_day
        is_judged = number in noted or number in due
        is_judged |= number in wrote and can_move(member, day, talk.get(number, 0), policy)
        if is_judged or is_told:
            if not days:
                days, acted = _days(state, day), set().union(*own.acts.values())
            if number in talk or number in acted:
                _count(member, day, days, policy)
        if is_judged:
            is_told |= _judge(member_id, member, day, own.claims_from, agenda, policy)
        if is_told:
            found.append(Judged(member_id, member, was, was_day, member.stage != was))
        if member.stage != was:
            own.moved[number] = was_day << 4 | was
    own.acts = {one: acts for one, acts in own.acts.items() if one > day - MONTH}
    return found


def look_at_noted(state: GroupState, day: int, agenda: Agenda, policy: MemberPolicy) -> list[Judged]:
    """Judge anew whoever something was learnt of after `day` had closed, as no later day will: orders come last."""
    own, by_id, found = state.lifecycle, state.ledger.by_id, []
    days = _days(state, day) if own.changed else []
    for number, member_id in sorted([(by_id[key].number, key) for key in own.changed if key in by_id]):
        member = by_id[member_id]
        before = own.moved.get(number, member.stage_day << 4 | member.stage)
        was, was_day = before & 15, before >> 4
        _count(member, day, days, policy)
        _judge(member_id, member, day, own.claims_from, agenda, policy)
        if member.stage != was:
            own.moved[number] = before
        else:
            member.stage_day = was_day
        found.append(Judged(member_id, member, was, was_day, number in own.moved))
    own.changed = {}
    return found


def _judge(
    member_id: str, member: Member, day: int, claims_from: int | None, agenda: Agenda, policy: MemberPolicy
) -> bool:
    """Judge a member; whether stage or list are others now."""
    stage, listed_day, due_day = member.stage, member.listed_day, member.due_day
    member.due_day = judge(member, day, claims_from, policy)
    if member.due_day and (member.due_day != due_day or due_day <= day):
        agenda.add(member_id, member.due_day)
    return member.stage != stage or member.listed_day != listed_day


def _whose_week(state: GroupState, day: int, month: Month) -> dict[int, str]:
    """Who wrote in the week, if it ends with `day` for the group; groups take turns."""
    return {} if (day + _turn(state.group_id)) % WEEK else _ids(state, month, month.talk_7d)


def _whose_month(state: GroupState, day: int, month: Month) -> dict[int, str]:
    """Who did anything in four weeks, if these end with `day` for the group."""
    if (day + _turn(state.group_id)) % MONTH:
        return {}
    return _ids(state, month, set(month.talk).union(*state.lifecycle.acts.values()))


def _ids(state: GroupState, month: Month, numbers: Collection[int]) -> dict[int, str]:
    """The pseudonyms of those who are still in the ledger: it may have forgotten who is gone for long."""
    ids, by_id = month.ids, state.ledger.by_id
    state.ledger.learn(ids, set(numbers))
    return {one: ids[one] for one in numbers if ids.get(one) in by_id and by_id[ids[one]].number == one}


def _turn(group_id: str) -> int:
    return xxhash.xxh3_64_intdigest(group_id.encode())


def _days(state: GroupState, day: int) -> list[Busy]:
    """The days of the month up to `day` on which anybody did anything."""
    acts, panes = state.lifecycle.acts, state.panes
    all_days = range(day + 1 - MONTH, day + 1)
    days = [(one, panes[one].spoke if one in panes else {}, acts.get(one, {})) for one in all_days]
    return [one for one in days if one[1] or one[2]]


def _count(member: Member, day: int, days: list[Busy], policy: MemberPolicy) -> None:
    """Count in a member's activity what they did in the month up to `day` and was not counted yet."""
    activity, number = member.activity, member.number
    since = 0 if activity is None else activity.day
    if since >= day:
        return
    found = []
    for one, spoke, acts in reversed(days):
        if one <= since:
            break
        messages = spoke.get(number, 0)
        if messages or number in acts:
            packed = acts.pop(number, 0) if acts else 0
            found.append((one, _points(messages, packed, policy), messages > 0))
    if activity is None:
        if not found:
            return
        activity = member.activity = Activity(found[-1][0])
    activity.count(found[::-1], day)


def _points(messages: int, packed: int, policy: MemberPolicy) -> float:
    cap, weights = policy.score_cap, policy.weights
    if not packed:
        return weights[0] * min(messages, cap)
    points = weights[0] * min(max(messages - (packed & _FULL), 0), cap)
    for weight in weights[1:]:
        points += weight * min(packed & _FULL, cap)
        packed >>= _BITS
    return points


def _who_passed_up(state: GroupState) -> list[str]:
    """Those whose last claim is too old now that there was another benefit."""
    own = state.lifecycle
    before, own.claims_from = own.claims_from, own.benefits[-1] if own.benefits else None
    if before is None or own.claims_from in {None, before}:
        return []
    return [
        member_id
        for member_id, member in state.ledger.by_id.items()
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
    has_moved, since, at, bought_at = one.has_moved, tenure_since(member), (day + 1) * DAY_MS, trade.bought_at
    ignored = 0
    if benefits:
        seen_from = max(since, trade.last_claim_at or 0)
        ignored = len([given for given in benefits if given > seen_from])
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
        member.joined_at,
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
