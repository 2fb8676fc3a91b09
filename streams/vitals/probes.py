"""The probe: a red packet or coupon as an experiment on a group. Who takes it, who wakes up, who leaves with it.

Exposed are the members at the time it is sent; silent those of them who did nothing for `probe_silent_days` before,
as far as was known when the event came. Who took it is a bit in the member's own record, so that a probe costs some
hundred bytes, however large the group. Told at day closes, when one more of its windows is complete:

| 24 h | how many of the exposed claimed | 48 h | talk, beside the same hours of the four weeks before |
| 72 h | how many claimers are gone | day 3 to 9 | talk again, and everything is final |

A claim of one who came later is a stranger's. The second claim of a member is none; a claim that names no benefit is
of the latest one of the last 24 hours; one of an unknown benefit waits for it, the latest `WAITING_CLAIMS` of a group.
After ten days a probe is over, and claims of it are no longer its own. Hours are whole: the first is the one in which
the benefit was sent.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
import xxhash

from streams import events as e
from streams.vitals.hours import member_messages, usual_messages, was_watched
from streams.vitals.members import Member
from streams.vitals.policy import DAY_MS, HOUR_MS, Policy

if TYPE_CHECKING:
    from streams.vitals.state import GroupState

OPEN_PROBES = 8
"""So many at once in a group, each a bit of its members; of a further benefit nothing is reported but that it was."""
WAITING_CLAIMS = 64
DONE_PROBES = 32
"""Of so many benefits that are over it is known that they are: their late claims need not wait."""
WINDOW_HOURS = (24, 48, 72, 240)
END_MS = WINDOW_HOURS[-1] * HOUR_MS
_PERSIST = (72, 240)
_CLAIMED = OPEN_PROBES


class Probe(msgspec.Struct, array_like=True, gc=False):
    """One that is open. `slot` is its bit in `Member.probes`; `told` of its windows were complete when last told."""

    benefit_id: str
    kind: str
    sent_at: int
    amount: int
    currency: str
    slot: int
    exposed: int = 0
    silent: int = 0
    claimers: int = 0
    claimers_24h: int = 0
    strangers: int = 0
    woken: int = 0
    told: int = 0
    left_72h: int | None = None
    talk_48h: int | None = None
    usual_48h: float | None = None


class Probes(msgspec.Struct, array_like=True, gc=False):
    """The probes of a group.

    `waiting` are claims whose benefit is not known: its hash, the member, the time, and when the member acted before.
    `done` are hashes of benefits that are over, `unprobed` counts those that were sent while no slot was free.
    """

    running: list[Probe] = []
    waiting: list[tuple[int, str, int, int]] = []
    done: list[int] = []
    unprobed: int = 0


class ProbeOutcome(msgspec.Struct, frozen=True, gc=False):
    """A probe when a day has closed and one more window is complete; None is what is not, or cannot be known."""

    probe: Probe
    talk_d3_9: int | None = None
    usual_d3_9: float | None = None


def benefit_sent(state: "GroupState", event: e.Benefit, policy: Policy) -> None:
    """Begin a probe, if the benefit is new, a slot is free, and its windows are not over yet."""
    probes, digest = state.probes, _digest(event.benefit_id)
    if digest in probes.done or any(one.benefit_id == event.benefit_id for one in probes.running):
        return
    taken = {one.slot for one in probes.running}
    is_over = state.closed_day is not None and event.occurred_at + END_MS <= (state.closed_day + 1) * DAY_MS
    if is_over or len(taken) == OPEN_PROBES:
        probes.unprobed += 1
        return
    slot = min(set(range(OPEN_PROBES)) - taken)
    currency = event.currency or state.currency
    probe = Probe(event.benefit_id, event.kind, event.occurred_at, event.amount, currency, slot)
    probes.running.append(probe)
    early = [one for one in probes.waiting if one[0] == digest]
    probes.waiting = [one for one in probes.waiting if one[0] != digest]
    _expose(state, probe, {one[1]: one[3] for one in reversed(early)}, policy)
    for _, member_id, at, _ in early:
        member = state.ledger.find(member_id)
        if member is not None:
            _count(probe, member, at)


def _expose(state: "GroupState", probe: Probe, acted_before: Mapping[str, int], policy: Policy) -> None:
    """Note who is here, and who of them is silent. Of whom nothing is known but that they are here: all the time.

    `acted_before` is when those acted last whose claim came earlier than the benefit.
    """
    at, bit = probe.sent_at, 1 << probe.slot
    others = ~(bit | bit << _CLAIMED)
    silent_since = at - policy.probe_silent_days * DAY_MS
    is_known_for_long = (state.first_event_at or 0) <= silent_since
    exposed, early = 0, acted_before or None
    for member_id, member in state.ledger.find_each():
        if member.probes:
            member.probes &= others
        if not member.is_present or member.role != "member":
            continue
        joined = member.joined_at
        if joined is not None and joined > at:
            continue
        exposed += 1
        last = member.last_action_at if early is None else early.get(member_id, member.last_action_at)
        if last <= silent_since and (last >= 0 or is_known_for_long):
            probe.silent += 1
            member.probes |= bit
    probe.exposed += exposed


def claimed_of_probe(state: "GroupState", member: Member, event: e.Claim, acted_before: int) -> None:
    """Count a member's claim in its probe, or let it wait for it. They `acted_before` at that time, -1: never."""
    probes, at, benefit_id = state.probes, event.occurred_at, event.benefit_id
    if benefit_id is None:
        recent = [(one.sent_at, one.slot, one) for one in probes.running if 0 <= at - one.sent_at < DAY_MS]
        if recent:
            _count(max(recent)[2], member, at)
        return
    for probe in probes.running:
        if probe.benefit_id == benefit_id:
            _count(probe, member, at)
            return
    digest = _digest(benefit_id)
    if digest not in probes.done:
        probes.waiting.append((digest, event.member_id, at, acted_before))
        del probes.waiting[:-WAITING_CLAIMS]


def _count(probe: Probe, member: Member, at: int) -> None:
    """A claim before its benefit, by a clock that is behind, is one at once."""
    sent_at, bits = probe.sent_at, member.probes >> probe.slot
    if bits & 1 << _CLAIMED or at >= sent_at + END_MS:
        return
    member.probes |= 1 << probe.slot + _CLAIMED
    probe.claimers += 1
    if member.joined_at is not None and member.joined_at > sent_at:
        probe.strangers += 1
    elif at < sent_at + DAY_MS:
        probe.claimers_24h += 1
    if bits & 1:
        probe.woken += 1


def close_probes(state: "GroupState", day: int) -> list[ProbeOutcome]:
    """At the end of a UTC day: a report of each probe of which one more window is complete. One in full is over."""
    probes = state.probes
    if not probes.running and not probes.waiting:
        return []
    at = (day + 1) * DAY_MS
    if probes.waiting:
        probes.waiting = [claim for claim in probes.waiting if claim[2] > at - END_MS]
    reports = []
    for probe in list(probes.running):
        was_told = probe.told
        while probe.told < len(WINDOW_HOURS) and at >= probe.sent_at + WINDOW_HOURS[probe.told] * HOUR_MS:
            probe.told += 1
        if probe.told > was_told:
            reports.append(_measure(state, probe, was_told))
    return reports


def _measure(state: "GroupState", probe: Probe, told: int) -> ProbeOutcome:
    """Measure the windows that are newly complete; what they said stands, whatever comes late."""
    if told < 2 <= probe.told:
        probe.talk_48h, probe.usual_48h = _talk(state, probe, 0, 48, range(1, 5))
    if told < 3 <= probe.told:
        probe.left_72h = _left(state, probe)
    if probe.told < len(WINDOW_HOURS):
        return ProbeOutcome(probe)
    probes = state.probes
    probes.running.remove(probe)
    probes.done.append(_digest(probe.benefit_id))
    del probes.done[:-DONE_PROBES]
    return ProbeOutcome(probe, *_talk(state, probe, *_PERSIST, range(2, 6)))


def _talk(state: "GroupState", probe: Probe, first: int, end: int, weeks: range) -> tuple[int | None, float | None]:
    """Member messages of some hours of a probe, and what the same hours of weeks that it cannot touch brought."""
    hour = probe.sent_at // HOUR_MS
    span = hour + first, hour + end
    if not was_watched(state, *span):
        return None, None
    return member_messages(state, *span), usual_messages(state, *span, weeks)


def _left(state: "GroupState", probe: Probe) -> int:
    """How many claimers are gone now, who went within 72 hours of the benefit: whoever came back has not left."""
    bit, at = 1 << probe.slot + _CLAIMED, probe.sent_at
    until = at + WINDOW_HOURS[2] * HOUR_MS
    return sum(
        1
        for _, one in state.ledger.look_each()
        if one.probes & bit and not one.is_present and at <= one.presence_at < until
    )


def _digest(benefit_id: str) -> int:
    return xxhash.xxh3_64_intdigest(benefit_id.encode())
