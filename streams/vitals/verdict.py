"""The verdict on a group, held with hysteresis, and the reasons for it."""

from heapq import nlargest
from typing import Literal

from streams.vitals.calibration import MIN_AGE_DAYS
from streams.vitals.drivers import DRIVERS
from streams.vitals.engagement import Windows
from streams.vitals.members import Member
from streams.vitals.panes import speakers, window
from streams.vitals.policy import DAY_MS, Policy, band
from streams.vitals.rows import Reason
from streams.vitals.silence import is_monologue
from streams.vitals.state import GroupState
from streams.vitals.year import YEAR_DAYS

Verdict = Literal["forming", "healthy", "fading", "dying", "dead", "revived", "ended", "stale"]

ALARMS = ("dying", "dead")
CALM = ("healthy", "fading", "revived")

REASON_CODES = (
    "planned_end", "dissolved", "merged", "blind", "too_young", "too_few_ever", "no_message", "volume_collapsed",
    "off_rhythm", "held", "freebie_hunters", "ad_flood", "ad_only", "monologue", "leader_left", "core_left",
    "unanswered_newcomers", "leaves", "speakers_falling", "recovering", "broad", *DRIVERS,
)  # fmt: skip
MAX_REASONS = 3


def because(code: str, **numbers: float) -> Reason:
    """A reason. Its numbers are floats, so that a stored reason and a new one have the same bytes."""
    return Reason(code, {name: float(number) for name, number in numbers.items()})


def decide(state: GroupState, windows: Windows, policy: Policy) -> str:
    """The verdict at the end of a day, from that day's risk and silence and from what went before.

    An alarm (dying or dead) begins at once and is left no sooner than `alarm_hold_days` later; fading needs two days
    running. An end holds at once. Changes the alarm in `state`; the caller writes the verdict.
    """
    if end_code(state, windows.at) is not None:
        state.alarm_since = None
        return "ended"
    if _is_forming(state, windows, policy):
        return "forming"
    was_alarm = state.alarm_since is not None
    _move_alarm(state, windows, policy)
    if state.alarm_since is not None:
        return "dead" if _is_dead(state, windows, policy) else "dying"
    return _calm(state, windows, policy, was_alarm=was_alarm)


def _is_forming(state: GroupState, windows: Windows, policy: Policy) -> bool:
    return windows.age_days < policy.forming_days or state.speakers_ever < policy.forming_speakers


def _move_alarm(state: GroupState, windows: Windows, policy: Policy) -> None:
    at = windows.at
    is_quiet = is_too_quiet(state, windows, policy)
    is_high = windows.age_days >= policy.dying_min_age_days and state.risk >= policy.dying_risk
    if state.alarm_since is None:
        year_ago = at - YEAR_DAYS * DAY_MS
        state.alarms = [since for since in state.alarms if since > year_ago]
        is_capped = 0 < policy.alarms_per_year <= len(state.alarms)
        if (is_quiet or is_high) and not is_capped:
            state.alarm_since = at
            state.alarms.append(at)
        return
    is_over = not is_quiet and not is_high and state.assessment.silent_days < policy.silent_days
    if is_over and at - state.alarm_since >= policy.alarm_hold_days * DAY_MS:
        state.alarm_since = None


def is_too_quiet(state: GroupState, windows: Windows, policy: Policy) -> bool:
    """Whether silence alone is alarming: too long for anybody, or too long for this group."""
    silent = state.assessment.silent_days
    if silent >= policy.silent_sure_days:
        return True
    if silent >= policy.silent_days and state.risk >= policy.dying_risk - policy.silent_risk_below:
        return True
    return _is_off_rhythm(state, windows, policy)


def _is_off_rhythm(state: GroupState, windows: Windows, policy: Policy) -> bool:
    assessment = state.assessment
    return (
        assessment.silent_days >= policy.rhythm_days
        and assessment.longest_silence >= 0
        and assessment.silent_days >= policy.rhythm_factor * assessment.longest_silence
        and windows.age_days >= policy.dying_min_age_days
    )


def _is_dead(state: GroupState, windows: Windows, policy: Policy) -> bool:
    """Within an alarm only: what to call it."""
    return state.assessment.silent_days >= policy.silent_days or _is_down(state, windows, policy)


def _is_down(state: GroupState, windows: Windows, policy: Policy) -> bool:
    """Whether 56 days brought next to nothing of what is usual: by itself a warning, in an alarm it is called dead."""
    is_old = windows.age_days >= MIN_AGE_DAYS  # 56 days to compare, and 56 to compare with
    return is_old and state.assessment.messages_56d < policy.dead_volume_share * state.assessment.usual_56d


def _calm(state: GroupState, windows: Windows, policy: Policy, *, was_alarm: bool) -> str:
    """The verdict of a group that is in no alarm."""
    current, since = state.verdict, state.verdict_since or 0
    is_above = (
        state.risk >= policy.fading_risk
        or state.assessment.silent_days >= policy.silent_days
        or _is_down(state, windows, policy)
        or _is_caused(state, windows, policy)
    )
    was_above, state.proposed = state.proposed == "fading", "fading" if is_above else "healthy"
    if was_alarm:
        return "revived" if revived_weeks(state, windows, policy) else state.proposed
    if is_above and (was_above or current == "fading"):
        return "fading"
    if current == "fading" and windows.at - since < policy.fading_hold_days * DAY_MS:
        return "fading"
    if current == "revived" and windows.at - since < policy.revived_days * DAY_MS:
        return "revived"
    return "healthy"


def end_code(state: GroupState, at: int) -> str | None:
    """The code of a planned end, a dissolution or a merge that has come by `at`."""
    if state.ended_at is not None and state.ended_at < at:
        return {"planned": "planned_end"}.get(state.end_reason, state.end_reason)
    if state.planned_end_at is not None and state.planned_end_at < at:
        return "planned_end"
    return None


def falling(windows: Windows, policy: Policy) -> tuple[int, int] | None:
    """Speaker-days of the last 28 days and of those 56 days before, if they fell two months running."""
    now, before, first = windows.speaker_days
    kept = 1 - policy.falling_share
    is_falling = first >= policy.falling_min_speaker_days and now <= kept * before and before <= kept * first
    return (now, first) if is_falling else None


def _is_caused(state: GroupState, windows: Windows, policy: Policy) -> bool:
    """Whether a week brought so little that a cause in sight deserves a warning, whatever the risk says.

    The risk was learnt from archives that know nothing of who left, of staff and of benefits. Where more leave in a
    month than are there, to leave means nothing: people close their client.
    """
    assessment, usual_7d = state.assessment, state.assessment.usual_56d / 8
    if usual_7d < policy.caused_least_messages or assessment.messages_7d >= policy.caused_share * usual_7d:
        return False
    if _doings(windows, policy):
        return True
    have_left, _ = _core_lost(state, windows.at, policy)
    is_telling = windows.leaves_28d <= state.ledger.members
    return is_telling and bool(have_left or _newcomers(windows))


def revived_weeks(state: GroupState, windows: Windows, policy: Policy) -> int:
    """Of the last four weeks those at the band's usual breadth, 0 if too few to speak of a revival."""
    usual = policy.revived_speakers_7d[band(state.ledger.members)]
    weeks = [speakers(window(state.panes, windows.last_day - 7 * back, 7)) for back in range(4)]
    count = sum(week >= usual for week in weeks)
    return count if count >= policy.revived_weeks else 0


def reasons(state: GroupState, windows: Windows, policy: Policy) -> tuple[Reason, ...]:
    """Up to MAX_REASONS for the verdict that `state` now has: causes with their evidence first, then what ranks."""
    verdict = state.verdict
    if verdict == "ended":
        return (because(end_code(state, windows.at) or "planned_end"),)
    if verdict == "forming":
        return (_forming(state, windows, policy),)
    if verdict == "healthy":
        return (_broad(windows),)
    if verdict == "revived":
        return (because("recovering", speakers=windows.speakers_7d, weeks=4), _broad(windows))
    if verdict == "dead":  # that it is small and quiet goes without saying
        return tuple([*_death(state, windows, policy), *_causes(state, windows, policy)][:MAX_REASONS])
    found = [*_alarm(state, windows, policy), *_causes(state, windows, policy), *_worsening(state)]
    return tuple(found[:MAX_REASONS])


def blind_reason(hours: float) -> tuple[Reason, ...]:
    """Why a verdict is stale."""
    return (because("blind", hours=round(hours, 1)),)


def _forming(state: GroupState, windows: Windows, policy: Policy) -> Reason:
    if windows.age_days < policy.forming_days:
        return because("too_young", days=windows.age_days)
    return because("too_few_ever", speakers=state.speakers_ever)


def _broad(windows: Windows) -> Reason:
    return because("broad", speakers=windows.speakers_28d, active_days=windows.active_days_28d)


def _alarm(state: GroupState, windows: Windows, policy: Policy) -> list[Reason]:
    """What the risk's drivers do not say of an alarm."""
    if state.alarm_since is None:
        return []
    assessment = state.assessment
    if _is_off_rhythm(state, windows, policy):
        return [because("off_rhythm", days=assessment.silent_days, longest=assessment.longest_silence)]
    if state.risk < policy.fading_risk and not is_too_quiet(state, windows, policy):
        left = state.alarm_since + policy.alarm_hold_days * DAY_MS - windows.at
        return [because("held", days=max(0, left // DAY_MS))]
    return []


def _death(state: GroupState, windows: Windows, policy: Policy) -> list[Reason]:
    assessment = state.assessment
    if assessment.silent_days >= policy.silent_days:
        return [because("no_message", days=(windows.silent_hours or 0) // 24)]
    return [because("volume_collapsed", messages=assessment.messages_56d, base=round(assessment.usual_56d, 1))]


def _causes(state: GroupState, windows: Windows, policy: Policy) -> list[Reason]:
    """Causes by rule with their evidence, the most telling first: what was done to a group before what came of it."""
    have_left, silent = _core_lost(state, windows.at, policy)
    doings = _doings(windows, policy)
    found = [*doings, *_ad_only(state, doings), *have_left, *_newcomers(windows), *silent]
    if windows.leaves_28d > windows.joins_28d and windows.leaves_28d >= 0.1 * max(state.ledger.members, 10):
        found.append(because("leaves", leaves=windows.leaves_28d, members=state.ledger.members, days=28))
    fall = falling(windows, policy)
    if fall is not None:
        found.append(because("speakers_falling", now=round(fall[0] / 28, 1), before=round(fall[1] / 28, 1)))
    return found


def _doings(windows: Windows, policy: Policy) -> list[Reason]:
    """What is done to a group by those who run it."""
    found = []
    staff, messages = windows.staff_messages_28d, windows.messages_28d
    fled = windows.leaves_after_benefit_28d
    if fled >= 5 and fled >= 0.5 * windows.leaves_28d:
        found.append(because("freebie_hunters", leaves=fled, hours=policy.benefit_leave_hours))
    if windows.ads_28d >= 28 and windows.ads_28d > messages:
        found.append(because("ad_flood", posts=windows.ads_28d, messages=messages))
    if is_monologue(messages, staff, windows.speakers_7d, policy):
        share = round(staff / (staff + messages), 3)
        found.append(because("monologue", staff_share=share, speakers=windows.speakers_7d))
    return found


def _ad_only(state: GroupState, doings: list[Reason]) -> list[Reason]:
    """A group of nothing but ads, unless a flood of them is told. It moves no verdict: it was so before."""
    ads = state.ads.now
    if not ads.is_ad_only or any(one.code == "ad_flood" for one in doings):
        return []
    return [because("ad_only", share=round(ads.share or 0.0, 3), senders=ads.senders)]


def _newcomers(windows: Windows) -> list[Reason]:
    spoke = windows.newcomer_spoke_share
    if windows.newcomers_28d < 8 or spoke is None or spoke >= 0.1:
        return []
    return [because("unanswered_newcomers", newcomers=windows.newcomers_28d, spoke_share=round(spoke, 3))]


def _core_lost(state: GroupState, at: int, policy: Policy) -> tuple[list[Reason], list[Reason]]:
    """What it says that those who carried the talk go: a cause if they left, a sign if they only fell silent.

    When the whole group is silent, that they are says nothing.
    """
    core = _core(state, at, policy)
    gone = [member for member in core if _is_gone(member, at, policy)]
    if len(core) < policy.core_least or not gone:
        return [], []
    is_sign = state.assessment.silent_days < policy.core_silent_days
    talk = sum(member.score for member in core)
    leader = core[0]
    if _is_gone(leader, at, policy) and leader.score >= policy.leader_share * talk:
        reason = because("leader_left", share=round(leader.score / talk, 3), **_going(leader, at))
        return ([reason], []) if not leader.is_present else ([], [reason] * is_sign)
    if 2 * len(gone) < len(core):
        return [], []
    have_left = sum(not member.is_present for member in core)
    reason = because("core_left", left=len(gone), core=len(core), quit=have_left)
    return ([reason], []) if 2 * have_left >= len(core) else ([], [reason] * is_sign)


def _going(member: Member, at: int) -> dict[str, float]:
    """How many UTC days ago a lost member left, or last wrote if they are still here."""
    name, when = ("silent_days", member.last_message_at) if member.is_present else ("left_days", member.presence_at)
    return {name: at // DAY_MS - (when or 0) // DAY_MS}


def _core(state: GroupState, at: int, policy: Policy) -> list[Member]:
    """The talkers of the last months, by their score when they last spoke."""
    since = at - policy.core_memory_days * DAY_MS
    known = filter(None, map(state.ledger.look, state.ledger.talkers))
    talkers = [member for member in known if member.role == "member" and (member.last_message_at or 0) >= since]
    return nlargest(policy.core_size, talkers, key=lambda member: (member.score, -member.number))


def _is_gone(member: Member, at: int, policy: Policy) -> bool:
    return not member.is_present or at - (member.last_message_at or 0) >= policy.core_silent_days * DAY_MS


def _worsening(state: GroupState) -> list[Reason]:
    """The drivers that raise the risk, the largest first, with numbers that a reader wants.

    Of a group so young that all its weeks are the busiest, a share of bursts says nothing.
    """
    drivers = state.assessment.drivers
    return [
        because(driver.code, **{name: round(value, 3) for name, value in driver.numbers.items()})
        for driver in drivers
        if driver.numbers["points"] > 0 and driver.numbers.get("weeks", 0) < driver.numbers.get("of", 1)
    ]
