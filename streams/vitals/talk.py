"""Talk: what messages and recalls do to a group, and who answered whom."""

from itertools import islice

import xxhash

from streams import events as e
from streams.vitals.ads import look_at
from streams.vitals.latencies import FOR_MEMBERS, FOR_STAFF, wait
from streams.vitals.lifecycle import CHURNED
from streams.vitals.members import TALKER_SCORE, Member, fade_score
from streams.vitals.panes import DayPane, add_message, day_of, remove_message
from streams.vitals.points import PointsBook
from streams.vitals.policy import DAY_MS, HOUR_MS, CarrierPolicy, Policy
from streams.vitals.responses import heard
from streams.vitals.standing import is_new, note, said, unsaid
from streams.vitals.state import GroupState, acting_member, pane_of
from streams.vitals.ties import KEPT_DAYS
from streams.vitals.welcome import greet

REMEMBERED_DAYS = 7
REMEMBERED_MESSAGES = 4096
"""So many messages, of so many days at most, can be recalled. Those of bots need not be: they count nowhere."""
AWAITING_MESSAGES = 64
"""So many messages of one author in a row wait for an answer; a longer monologue is not answered more often."""
_REMEMBERED_SLACK = 512
_REMEMBERED_MOST = REMEMBERED_MESSAGES + _REMEMBERED_SLACK
_NUMBER_BITS = 20
_NUMBER = (1 << _NUMBER_BITS) - 1
_hash64 = xxhash.xxh3_64_intdigest


def message(state: GroupState, event: e.Message, policy: Policy) -> e.TouchKind | None:  # noqa: C901, PLR0912
    """Somebody wrote.

    What `acting_member`, `pane_of` and `touch` do for nearly every message stands in line: a call takes as long as what
    they do. So does setting a field of a struct, or dividing a time.
    """
    time, remembered = event.occurred_at, state.remembered
    digest = _hash64(event.event_id.encode())
    if remembered.get(digest) == 0:  # recalled before it came
        return None
    member = state.ledger.by_id.get(event.member_id)
    if type(member) is not Member or not member.is_present or member.role != event.role:
        member = acting_member(state, event)
    elif time > member.last_action_at:
        member.last_action_at = time
    hour = time // HOUR_MS
    pane = state.panes.get(hour // 24) or pane_of(state, time)
    if event.links is not None:
        look_at(state, event, member.number)
    if event.role != "member":
        _staff_message(state, event, member, pane, policy)
        return None
    number, sparks = member.number, state.ties.sparks
    remembered[digest] = time << _NUMBER_BITS | number
    if len(remembered) > _REMEMBERED_MOST:
        _make_room(remembered)
    if time >= sparks.until:
        state.ties.open_window(state.ledger, event.member_id, member, time, state.messages, policy.carriers)
    if event.reply_to is not None or event.mentions:
        _tie(state, event, number, pane, policy.carriers)
    if number != state.awaiting_author:
        if time < sparks.first_until:
            state.ties.speak_first(number, time)
        _answer(state, number, time, policy, FOR_MEMBERS)
        state.awaiting = [time]
    elif len(state.awaiting) < AWAITING_MESSAGES:
        state.awaiting.append(time)
    if pane is not None:
        add_message(pane, number, hour % 24, policy.capped_messages)
    _spoke(state, event, member, hour // 24, policy)
    if member.touched_hour == hour:
        return None
    member.touched_hour = hour
    return "message"


def _staff_message(state: GroupState, event: e.Message, member: Member, pane: DayPane | None, policy: Policy) -> None:
    """Staff answers but does not ask; bots and the system do neither."""
    if state.welcome.newcomers and event.role != "system":
        greet(state, event, policy, _addressee(state, event, policy))
    if event.role == "staff":
        _remember(state.remembered, _hash64(event.event_id.encode()), -event.occurred_at << _NUMBER_BITS)
        if pane is not None:
            pane.staff_messages += 1
        if member.number != state.awaiting_author:
            _answer(state, member.number, event.occurred_at, policy, FOR_STAFF)
            state.awaiting = []
    elif pane is not None:
        pane.bot_messages += 1


def _tie(state: GroupState, event: e.Message, number: int, pane: DayPane | None, policy: CarrierPolicy) -> None:
    """Members answer members by a reply, or by their name: one answer to each, whoever else a message is to.

    A reply to a message that is not remembered, or that staff wrote, is to nobody; so is a name that the group does not
    know, and what comes so late that it has faded.
    """
    if pane is not None and event.reply_to is not None:
        pane.replies += 1
    closed, replies = state.closed_day, state.ties.replies
    if closed is not None and event.occurred_at // DAY_MS < closed - KEPT_DAYS:
        return
    answered = number
    if event.reply_to is not None:
        packed = state.remembered.get(_hash64(event.reply_to.encode()))
        if packed is not None and packed > 0:
            answered = packed & _NUMBER
            if answered != number:
                replies.add(number, answered)
    if event.mentions and len(event.mentions) <= policy.mentions_most:
        known = map(state.ledger.look, dict.fromkeys(event.mentions))
        for member in known:
            if member is not None and member.role == "member" and member.number not in (number, answered):
                replies.add(number, member.number)


def _spoke(state: GroupState, event: e.Message, member: Member, day: int, policy: Policy) -> None:
    time, closed = event.occurred_at, state.closed_day
    if event.reply_to is not None or (closed is not None and day <= closed):
        said(state, event.member_id, member, time, policy.members, is_reply=event.reply_to is not None)
    if member.listed_day or member.stage == CHURNED:
        note(state, event.member_id)  # a sign of life: nobody is to be asked to go who wrote yesterday
    if time < state.responses.until:
        heard(state.responses, time)
    state.messages += 1
    member.messages += 1
    if day > member.score_day:
        fade_score(member, day)
    member.score = score = member.score + 1.0
    if score >= TALKER_SCORE and not member.is_talker:
        state.ledger.add_talker(event.member_id, member)
    if member.first_message_at is None:
        _first_words(state, event.member_id, member, time, policy)
    last = member.last_message_at
    if last is None or time > last:
        member.last_message_at = time
    last = state.last_message_at
    if last is not None and time > last:
        state.last_message_at = time
    else:
        _first_or_late(state, time)


def _first_or_late(state: GroupState, time: int) -> None:
    """A message of the group that is not after all others that are known: it may be before all of them."""
    if state.last_message_at is None:
        state.last_message_at = time
    first = state.first_message_at
    if first is None or time < first:
        state.first_message_at = time


def _first_words(state: GroupState, member_id: str, member: Member, time: int, policy: Policy) -> None:
    if is_new(member):
        note(state, member_id)
    member.first_message_at = time
    state.speakers_ever += 1
    arrival = state.panes.get(member.arrived_day)
    if arrival is not None and 0 <= day_of(time) - member.arrived_day < policy.newcomer_days:
        arrival.newcomers_spoke += 1


def _remember(remembered: dict[int, int], digest: int, packed: int) -> None:
    remembered[digest] = packed
    if len(remembered) > _REMEMBERED_MOST:
        _make_room(remembered)


def _make_room(remembered: dict[int, int]) -> None:
    """Forget the first in one go, as to take the first of a dict again and again is slow."""
    for key in list(islice(remembered, _REMEMBERED_SLACK)):
        del remembered[key]


def forget_messages(state: GroupState, at: int) -> None:
    """Drop what replies and recalls can no longer reach, in the order of arrival: one out of order may stay behind."""
    limit = at - REMEMBERED_DAYS * DAY_MS << _NUMBER_BITS
    old = []
    for key, packed in state.remembered.items():
        if packed >= limit or -packed >= limit:
            break
        old.append(key)
    for key in old:
        del state.remembered[key]


def said_at(state: GroupState, event_id: str) -> int | None:
    """When a message was said that is still remembered, ms UTC."""
    packed = state.remembered.get(_hash64(event_id.encode()))
    return abs(packed) >> _NUMBER_BITS if packed else None


def messages_between(state: GroupState, since: int, until: int) -> int:
    """How many of the member messages that are remembered were said in [since, until)."""
    if state.last_message_at is None or state.last_message_at < since:
        return 0
    return sum(1 for packed in state.remembered.values() if packed > 0 and since <= packed >> _NUMBER_BITS < until)


def _addressee(state: GroupState, event: e.Message, policy: Policy) -> int | None:
    """The number of the member whom staff or a bot answers: by a reply, or staff as the next to speak in an hour."""
    if event.reply_to is not None:
        packed = state.remembered.get(_hash64(event.reply_to.encode()), 0)
        return packed & (1 << _NUMBER_BITS) - 1 if packed > 0 else None
    if event.role != "staff" or not state.awaiting:
        return None
    is_next = 0 <= event.occurred_at - state.awaiting[-1] <= policy.answered_minutes * 60_000
    return state.awaiting_author if is_next else None


def _answer(state: GroupState, number: int, time: int, policy: Policy, kind: int) -> None:
    """A message by anybody else, bots apart, answers the member messages of the last hour.

    How long the first of them waited is counted as a wait of that kind, if it was no more than a day.
    """
    state.awaiting_author = number
    awaiting, panes, within = state.awaiting, state.panes, policy.answered_minutes * 60_000
    if not awaiting:
        return
    waited = time - awaiting[0]
    if 0 <= waited < DAY_MS:
        wait(state.welcome.waits, kind, awaiting[0], waited)
    for asked_at in awaiting:
        if 0 <= time - asked_at <= within:
            pane = panes.get(asked_at // DAY_MS)
            if pane is not None:
                pane.answered += 1
    if policy.points and "answer" in policy.points and any(0 <= time - asked_at <= within for asked_at in awaiting):
        state.points = state.points or PointsBook()
        state.points.answered(day_of(time), number)


def recall(state: GroupState, event: e.Recall, policy: Policy) -> None:
    """A message was never said; one that is not remembered is kept in mind in case it is still to come."""
    digest = _hash64(event.target.encode())
    packed = state.remembered.get(digest)
    _remember(state.remembered, digest, 0)
    if not packed:
        state.unknown_recalls += packed is None
        return
    time, number = abs(packed) >> _NUMBER_BITS, packed & _NUMBER
    pane = state.panes.get(day_of(time))
    if packed < 0:
        if pane is not None:
            pane.staff_messages -= 1
        return
    state.messages -= 1
    if time < state.responses.until:
        heard(state.responses, time, -1)
    if pane is not None:
        remove_message(pane, number, time, policy.capped_messages)
    member_id = state.ledger.id_of(number)
    member = state.ledger.find(member_id)
    if member is None:
        return
    unsaid(state, member_id, member, day_of(time), policy.members)
    member.messages -= 1
    if member.last_message_at == time:
        member.last_message_at = _last_remembered(state, number)
    if state.last_message_at == time:
        state.last_message_at = max(member_message_times(state), default=None)


def _last_remembered(state: GroupState, number: int) -> int | None:
    """A member's latest message still known: exactly from memory, else the end of their last day in a pane."""
    said = [packed for packed in state.remembered.values() if packed & _NUMBER == number and packed > 0]
    if said:
        return max(said) >> _NUMBER_BITS
    return max(((day + 1) * DAY_MS - 1 for day, pane in state.panes.items() if number in pane.spoke), default=None)


def member_message_times(state: GroupState) -> list[int]:
    """The times of member messages that are still known one by one: the remembered ones and each member's last."""
    times = [packed >> _NUMBER_BITS for packed in state.remembered.values() if packed > 0]
    times += [at for _, member in state.ledger.glance_each() if (at := member.last_message_at) is not None]
    return times
