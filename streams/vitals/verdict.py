"""The verdict on a group, held with hysteresis, and the reasons for it."""

from heapq import nlargest
from typing import Literal

from streams.vitals.drivers import DRIVERS
from streams.vitals.engagement import Windows
from streams.vitals.members import Member
from streams.vitals.panes import speakers, window
from streams.vitals.policy import DAY_MS, Policy, band
from streams.vitals.rows import Reason
from streams.vitals.silence import is_monologue
from streams.vitals.state import GroupState

Verdict = Literal["forming", "healthy", "fading", "dying", "dead", "revived", "ended", "stale"]

SEVERITY: dict[str, int] = {"forming": 0, "healthy": 0, "revived": 0, "fading": 1, "dying": 2, "dead": 3}

REASON_CODES = (
    "planned_end", "dissolved", "merged", "blind", "too_young", "too_few_ever", "no_message", "volume_collapsed",
    "monologue", "core_left", "freebie_hunters", "ad_flood", "leaves", "unanswered_newcomers", "speakers_falling",
    "recovering", "broad", *DRIVERS,
)  # fmt: skip
MAX_REASONS = 3
_DEAD_MIN_AGE_DAYS = 112  # 56 days to compare and 56 to compare with


def because(code: str, **numbers: float) -> Reason:
    """A reason. Its numbers are floats, so that a stored reason and a new one have the same bytes."""
    return Reason(code, {name: float(number) for name, number in numbers.items()})


def proposal(state: GroupState, windows: Windows, policy: Policy) -> str:
    """What the numbers of one day say, first match (MEASURES, Risk and verdict)."""
    if end_code(state, windows.at) is not None:
        return "ended"
    if windows.age_days < policy.forming_days or state.speakers_ever < policy.forming_speakers:
        return "forming"
    if _is_dead(state, windows, policy):
        return "dead"
    if state.risk >= policy.dying_risk:
        return "dying"
    if state.risk >= policy.fading_risk or falling(windows, policy) is not None:
        return "fading"
    return "healthy"


def end_code(state: GroupState, at: int) -> str | None:
    """The code of a planned end, a dissolution or a merge that has come by `at`."""
    if state.ended_at is not None and state.ended_at < at:
        return {"planned": "planned_end"}.get(state.end_reason, state.end_reason)
    if state.planned_end_at is not None and state.planned_end_at < at:
        return "planned_end"
    return None


def _is_dead(state: GroupState, windows: Windows, policy: Policy) -> bool:
    if state.first_message_at is not None and state.assessment.silent_days >= policy.dead_silent_days:
        return True
    if windows.age_days < _DEAD_MIN_AGE_DAYS:
        return False
    assessment = state.assessment
    return assessment.messages_56d < policy.dead_volume_share * assessment.usual_56d


def falling(windows: Windows, policy: Policy) -> tuple[int, int] | None:
    """Speaker-days of the last 28 days and of those 56 days before, if they fell two months running."""
    now, before, first = windows.speaker_days
    kept = 1 - policy.falling_share
    is_falling = first >= policy.falling_min_speaker_days and now <= kept * before and before <= kept * first
    return (now, first) if is_falling else None


def decide(state: GroupState, windows: Windows, policy: Policy) -> str:
    """The verdict after one day's proposal. Changes `state.proposed`; the caller writes the verdict.

    Worse than now only if two proposals running say so, and then the milder of the two; better only after
    `hold_days` in the present one. An end holds at once.
    """
    now = proposal(state, windows, policy)
    before, state.proposed = state.proposed, now
    current = state.verdict
    if "ended" in {now, current}:
        return now
    if SEVERITY[now] > SEVERITY[current]:
        milder = min(now, before, key=lambda verdict: SEVERITY.get(verdict, 0))
        return milder if SEVERITY.get(milder, 0) > SEVERITY[current] else current
    held = state.verdict_since is None or windows.at - state.verdict_since >= policy.hold_days * DAY_MS
    if current == "forming" or (held and SEVERITY[now] < SEVERITY[current]):
        return "revived" if current in {"dying", "dead"} and revived_weeks(state, windows, policy) else now
    if current == "revived" and windows.at - (state.verdict_since or 0) >= 28 * DAY_MS:
        return now
    return current


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
    return tuple([*_causes(state, windows, policy), *_worsening(state)][:MAX_REASONS])


def blind_reason(hours: float) -> tuple[Reason, ...]:
    """Why a verdict is stale."""
    return (because("blind", hours=round(hours, 1)),)


def _forming(state: GroupState, windows: Windows, policy: Policy) -> Reason:
    if windows.age_days < policy.forming_days:
        return because("too_young", days=windows.age_days)
    return because("too_few_ever", speakers=state.speakers_ever)


def _broad(windows: Windows) -> Reason:
    return because("broad", speakers=windows.speakers_28d, active_days=windows.active_days_28d)


def _death(state: GroupState, windows: Windows, policy: Policy) -> list[Reason]:
    assessment = state.assessment
    if assessment.silent_days >= policy.dead_silent_days:
        return [because("no_message", days=(windows.silent_hours or 0) // 24)]
    return [because("volume_collapsed", messages=assessment.messages_56d, base=round(assessment.usual_56d, 1))]


def _causes(state: GroupState, windows: Windows, policy: Policy) -> list[Reason]:
    found = []
    staff, messages = windows.staff_messages_28d, windows.messages_28d
    if is_monologue(messages, staff, windows.speakers_7d, policy):
        share = round(staff / (staff + messages), 3)
        found.append(because("monologue", staff_share=share, speakers=windows.speakers_7d))
    if windows.ads_28d >= 28 and windows.ads_28d > messages:
        found.append(because("ad_flood", posts=windows.ads_28d, messages=messages))
    fled = windows.leaves_after_benefit_28d
    if fled >= 5 and fled >= 0.5 * windows.leaves_28d:
        found.append(because("freebie_hunters", leaves=fled, hours=policy.benefit_leave_hours))
    core = _core(state, windows.at, policy)
    gone = [member for member in core if _is_gone(member, windows.at, policy)]
    if len(core) >= 3 and 2 * len(gone) >= len(core):
        found.append(because("core_left", left=len(gone), core=len(core)))
    if windows.leaves_28d > windows.joins_28d and windows.leaves_28d >= 0.1 * max(state.ledger.members, 10):
        found.append(because("leaves", leaves=windows.leaves_28d, members=state.ledger.members, days=28))
    spoke = windows.newcomer_spoke_share
    if windows.newcomers_28d >= 8 and spoke is not None and spoke < 0.1:
        found.append(because("unanswered_newcomers", newcomers=windows.newcomers_28d, spoke_share=round(spoke, 3)))
    fall = falling(windows, policy)
    if fall is not None:
        found.append(because("speakers_falling", now=round(fall[0] / 28, 1), before=round(fall[1] / 28, 1)))
    return found


def _core(state: GroupState, at: int, policy: Policy) -> list[Member]:
    """The talkers of the last months, by their score when they last spoke."""
    since = at - policy.core_memory_days * DAY_MS
    known = filter(None, map(state.ledger.by_id.get, state.ledger.talkers))
    talkers = [member for member in known if member.role == "member" and (member.last_message_at or 0) >= since]
    return nlargest(policy.core_size, talkers, key=lambda member: (member.score, -member.number))


def _is_gone(member: Member, at: int, policy: Policy) -> bool:
    return not member.is_present or at - (member.last_message_at or 0) >= policy.core_silent_days * DAY_MS


def _worsening(state: GroupState) -> list[Reason]:
    """The drivers that raise the risk, the largest first, with numbers that a reader wants."""
    drivers = state.assessment.drivers
    return [
        because(driver.code, **{name: round(value, 3) for name, value in driver.numbers.items()})
        for driver in drivers
        if driver.numbers["points"] > 0
    ]
