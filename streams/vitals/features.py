"""What the risk sees of a group: level, breadth, habit and bursts of its last year, in days that were watched."""

from math import log

from streams.vitals.calibration import DEATH_SHARE, HORIZON_DAYS
from streams.vitals.engagement import Windows
from streams.vitals.state import GroupState
from streams.vitals.year import YEAR_DAYS, Year

FEATURES = (
    "rate_7d", "rate_14d", "rate_56d", "trend", "typical_rate", "top_weeks_share", "top_speaker_week_share",
    "top_speaker_day_share", "weeks_spoken_share", "active_days_28d", "pause_rank", "speakers_56d", "net_loss_share",
    "muted_share",
)  # fmt: skip
"""The names of what `features` answers, in its order."""
TOP_WEEKS = 8


def features(year: Year, weeks: list[int], state: GroupState, seen: Windows) -> tuple[float | None, ...]:
    """The inputs of the risk at the end of `year`, in the order of FEATURES; None where it is not known.

    `weeks` are those of the year.

    V(w) are the member messages of the last w of its n ≤ 364 days, W the messages of its trailing weeks.

    - rate_w: ln(56 (V(w) + 1) / min(w, n) / (5 % of 56 V(n) / n + 1)), the rate of w days against the rate of death.
    - trend: ln(1 + V(28) / min(28, n)) − ln(1 + V(n) / n), which small groups hardly move.
    - typical_rate: n/364 × ln((56 V(56) / min(56, n) + ½) / (8 median W + ½)), the last eight weeks against eight
      typical ones: a year's mean is what bursts have made it, its median is not.
    - top_weeks_share: messages of the eight busiest weeks ÷ V(n).
    - top_speaker_week_share, top_speaker_day_share: speaker-days (the speakers of each day, added up) of the week, of
      the day, on which most people spoke ÷ those of the year.
    - weeks_spoken_share: of the last 8 weeks, those with a message. active_days_28d: of 28 days.
    - pause_rank: the share of its pauses between active days that were no longer than the present silence.
    - speakers_56d: ln(1 + members who spoke in 56 days).
    - net_loss_share: how many more left than joined in 28 days ÷ those who were there before. Known with a roster only.
    - muted_share: of the members, those who muted the group. Known with a roster only.
    """
    weeks, speaker_weeks = weeks or [0], year.speaker_weeks()
    ordered, count = sorted(weeks), len(weeks)
    eight_typical = 4 * (ordered[(count - 1) // 2] + ordered[count // 2])
    total, days = sum(weeks), year.days or 1
    days_7, days_14, days_28, days_56 = [days if days < span else span for span in (7, 14, 28, HORIZON_DAYS)]
    speaker_days = sum(speaker_weeks) or 1
    horizon, at_death = sum(weeks[:8]), DEATH_SHARE * HORIZON_DAYS * (total / days) + 1
    return (
        log(HORIZON_DAYS * (weeks[0] + 1) / days_7 / at_death),
        log(HORIZON_DAYS * (sum(weeks[:2]) + 1) / days_14 / at_death),
        log(HORIZON_DAYS * (horizon + 1) / days_56 / at_death),
        log(1 + sum(weeks[:4]) / days_28) - log(1 + total / days),
        days / YEAR_DAYS * log((HORIZON_DAYS * horizon / days_56 + 0.5) / (eight_typical + 0.5)),
        sum(ordered[-TOP_WEEKS:]) / (total if total > 0 else 1),
        max(speaker_weeks, default=0) / speaker_days,
        year.top_speakers() / speaker_days,
        1 - weeks[:8].count(0) / len(weeks[:8]),
        float(year.active_days(28)),
        year.pause_rank(),
        log(1 + len(year.spoke)),
        *_people(state, seen),
    )


def _people(state: GroupState, seen: Windows) -> tuple[float | None, float | None]:
    members = state.ledger.members
    if not state.has_roster or not members:
        return None, None
    lost = max(0, seen.leaves_28d - seen.joins_28d)
    return lost / (members + lost), min(1.0, state.muted / members)
