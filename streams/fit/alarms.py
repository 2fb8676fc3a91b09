"""When an alarm would have stood under another threshold, and how it compares with the deaths that came."""

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from streams.fit.labels import Origins
from streams.fit.regression import sigmoid
from streams.fit.tracks import Floats, Ints, Track
from streams.vitals.calibration import ORIGIN_DAYS
from streams.vitals.policy import Policy
from streams.vitals.year import YEAR_DAYS

LOOK_AHEAD_DAYS = 84
"""An alarm is true if its death begins within so many days."""
_SAME_DEATH_DAYS = 28
"""Dead weeks further apart are two deaths."""
THRESHOLDS = (0.30, 0.35, 0.40, 0.425, 0.45, 0.475, 0.50, 0.55, 0.60, 0.65, 0.70)
"""Those of the table that a user chooses by."""
MOST_FALSE_ALARMS = 0.5
"""A year and group: one page for nothing in two years is what people put up with."""
_CANDIDATES = np.arange(0.30, 0.701, 0.01)


def alarms(track: Track, logit: Floats, policy: Policy) -> list[int]:
    """The days (rows of the track) at whose end an alarm begins: what `verdict.decide` does, for a whole life at once.

    `logit` has the risk of each row; the community's intercept is left out.
    """
    risk, silent, longest = sigmoid(np.nan_to_num(logit, nan=-np.inf)), track.silent_days, track.longest_silence
    is_old = np.arange(1, track.age_days + 1) >= policy.dying_min_age_days
    is_off_rhythm = (
        (silent >= policy.rhythm_days) & (longest >= 0) & (silent >= policy.rhythm_factor * longest) & is_old
    )
    is_quiet = (silent >= policy.silent_days) & (risk >= policy.dying_risk - policy.silent_risk_below)
    is_alarming = (
        is_quiet | (silent >= policy.silent_sure_days) | is_off_rhythm | (is_old & (risk >= policy.dying_risk))
    )
    begins = np.flatnonzero(is_alarming & track.is_watched)
    ends = np.flatnonzero(~is_alarming & (silent < policy.silent_days))
    return list(_standing(begins, ends, policy))


def _standing(begins: Ints, ends: Ints, policy: Policy) -> Iterable[int]:
    """The days on which an alarm begins while none stands and the year's cap leaves one."""
    free, kept = 0, list[int]()
    while (place := int(np.searchsorted(begins, free))) < len(begins):
        begin = int(begins[place])
        kept = [one for one in kept if one > begin - YEAR_DAYS]
        if 0 < policy.alarms_per_year <= len(kept):
            free = kept[-policy.alarms_per_year] + YEAR_DAYS
            continue
        kept.append(begin)
        yield begin
        end = int(np.searchsorted(ends, begin + policy.alarm_hold_days))
        if end == len(ends):
            return
        free = int(ends[end])


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """The alarms and deaths of a group. A death is a run of dead weeks; it is found by an alarm up to 84 days before.

    Each alarm is true (a death begins within 84 days, or runs), late (the group was dead), false (the week was judged
    and alive), or not judged. `lead` are days from the first alarm of a found death to the last message before it.
    """

    deaths: int
    found: int
    true: int
    false: int
    alarms: int
    judged_years: float
    years: float
    lead: tuple[int, ...]


def judge(track: Track, origins: Origins, begins: Sequence[int]) -> Judged:
    """Compare alarms with labels. An alarm is known at the end of its day, so one day later than its row."""
    dead = origins.ages[origins.died]
    at = np.array(begins, np.int64) + 1
    place = np.searchsorted(origins.ages, at, "right") - 1
    is_true = np.array([bool(((dead - LOOK_AHEAD_DAYS <= one) & (one < dead + ORIGIN_DAYS)).any()) for one in at], bool)
    is_judged = (place >= 0) & (at < origins.ages[place] + ORIGIN_DAYS) & ~origins.died[place]
    runs = deaths(origins)
    lead = []
    for first, last in runs:
        mine = at[(at >= first - LOOK_AHEAD_DAYS) & (at < last + ORIGIN_DAYS)]
        if len(mine):
            spoken = np.flatnonzero(track.messages[: last + ORIGIN_DAYS])
            lead.append(int(spoken[-1] - mine[0]))
    return Judged(
        deaths=len(runs),
        found=len(lead),
        true=int(is_true.sum()),
        false=int((~is_true & is_judged).sum()),
        alarms=len(at),
        judged_years=len(origins.ages) * ORIGIN_DAYS / 365,
        years=(track.age_days - 1) / 365,
        lead=tuple(lead),
    )


def deaths(origins: Origins) -> list[tuple[int, int]]:
    """First and last dead week of each death, as ages: dead origins with none alive and no 28 days between them."""
    runs: list[tuple[int, int]] = []
    was_dead = False
    for age, is_dead in zip(origins.ages.tolist(), origins.died.tolist(), strict=True):
        if is_dead and was_dead and age - runs[-1][1] <= _SAME_DEATH_DAYS:
            runs[-1] = (runs[-1][0], age)
        elif is_dead:
            runs.append((age, age))
        was_dead = is_dead
    return runs


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """What a threshold buys: shares of 1, and counts per group and year."""

    dying_risk: float
    recall: float
    precision: float
    false_alarms: float
    alarms: float
    lead_days: float


def trade(judged: Sequence[Judged], dying_risk: float) -> Trade:
    """All groups together."""
    total = {name: sum(getattr(one, name) for one in judged) for name in Judged.__struct_fields__ if name != "lead"}
    lead = [days for one in judged for days in one.lead]
    return Trade(
        dying_risk=dying_risk,
        recall=round(total["found"] / max(total["deaths"], 1), 3),
        precision=round(total["true"] / max(total["true"] + total["false"], 1), 3),
        false_alarms=round(total["false"] / max(total["judged_years"], 1e-9), 3),
        alarms=round(total["alarms"] / max(total["years"], 1e-9), 3),
        lead_days=float(np.median(lead)) if lead else 0.0,
    )


Case = tuple[Track, Origins, Floats]
"""A group, its labels, and a logit for each of its days."""


def trade_at(cases: Sequence[Case], policy: Policy, dying_risk: float) -> Trade:
    """What a threshold would have meant for these groups."""
    changed = msgspec.structs.replace(policy, dying_risk=dying_risk)
    return trade([judge(track, labels, alarms(track, logit, changed)) for track, labels, logit in cases], dying_risk)


def choose(cases: Sequence[Case], policy: Policy) -> Policy:
    """The policy with the threshold of most recall at no more than MOST_FALSE_ALARMS; the present one if none is."""
    known = [trade_at(cases, policy, round(float(one), 2)) for one in _CANDIDATES]
    allowed = [one for one in known if one.false_alarms <= MOST_FALSE_ALARMS]
    if not allowed:
        return policy
    best = max(allowed, key=lambda one: (one.recall, one.dying_risk))
    return msgspec.structs.replace(policy, dying_risk=best.dying_risk)
