"""Did it help: a group before and after, against groups like it that were left alone. Pure.

Difference in differences: how much the group changed, less how much the groups like it changed in the median over the
same days. What befell all of them (a season, a holiday, a platform that was down) falls out. That a group at its low
comes back by itself falls out too, if the others were as low and had fallen as much: so they are matched by both.

The interval is a placebo test turned round: each of the others shows how far a group strays by itself. Up and down are
apart because groups die, but none rises as far as a dead one falls. The effect is at least what it rose beyond the
others: beyond the 90 % quantile of those that rose, by a factor, so that one odd one (among 39 somebody always has a
sale) does not decide. It is at most what it stands above the one that fell farthest, an exponential tail taken to one
in ONE_IN: a death among the others says that it might have died. Quiet groups stray farther in logarithms than busy
ones, by the laws of counting: how far another strayed is brought to what it would be at this one's level.
`python -m tests.playbook` counts how often the interval holds the truth; the constants are from there.

What an interval of four weeks of chat can see is large: of what helped it calls one in four chance. So of the goal, and
only where the interval cannot tell, a second question is asked: had the group fallen, did it regain more than half of
what it had lost and keep it, and did most groups like it that had fallen too stay down? That is "likely helped", less
than "helped": it says how many came back by themselves, and that it may be chance.

Counts change by factors (twice as many here is as much as twice as many there): theirs are logarithms, of one more than
the count of 28 days, which may be none. Money may go back below nothing, and is what a boss adds up: by amounts.
"""

from collections.abc import Mapping, Sequence
from math import expm1, log, log1p, sqrt
from statistics import median, quantiles
from typing import Literal, get_args

import msgspec

from streams import events

Measure = events.Goal
MEASURES: tuple[Measure, ...] = get_args(Measure)
Answer = Literal["helped", "likely helped", "harmed", "cannot tell"]
Doubt = Literal["few", "unlike"]

WINDOW_DAYS = 28
LEAST_DAYS = 7
"""A whole week: below it the weekdays alone decide."""
CONTROLS = 39
FACTOR, FEW = 1.2, 6.0
"""How far beyond the 90 % quantile of those that rose chance may reach; of n others (1 + FEW / n) times as far."""
ONE_IN = 120
"""By simulation: the farthest fall of those there are is too near, as they are never alike in all."""
DAYS_NOISE = 0.04
"""What the logarithm of a change varies by itself, however much there is; counting adds 1 / n before and after."""
LEAST_CONTROLS = 12
"""Of fewer, how far one strays by itself is anybody's guess."""
FARTHEST = {"messages": 3.0, "speakers": 3.0, "buyers": 3.0, "revenue": 10.0}
"""If the LEAST_CONTROLS nearest have in the median so many times as much, or as little, they are not like it."""
HALF = 0.5
"""In logarithms: more than so much of its loss a group must regain, and so much of the loss of this one others must
have had."""
LEAST_NOISE = 0.75
"""Half of the loss is at least so many times what a change varies by itself, or it comes and goes by chance. Of a group
that talks much that is a fall by a quarter."""
ALIKE, LEAST_BEFORE = 3.0, 20
"""Others that fell are of a third to three times its level, and had so much in the 28 days before the start."""
STAYED = 3
"""Of so many that fell one at most came back by itself."""
COMING_BACK: tuple[Measure, ...] = ("messages", "speakers")
"""What there is every day; orders are too few to fall and come back, and money goes by amounts."""
_DIGITS = 9
"""Of a distance: groups that are as far but for the last bits go by their ids."""
_ROUNDING = 1e-9
"""Of logarithms: exactly so many times as much is near enough."""
OTHER_PLATFORM, OTHER_BAND, OTHER_STATE = 0.5, 0.25, 0.5
"""What another kind weighs beside the logarithms of level and trend: another platform as much as 1.65 times the level,
the same for a step of health (see STATES), half of it for a step of size."""
STATES = {"fading": 1, "dying": 2, "dead": 2}
"""Steps of health by verdict; all others are 0."""


class Days(msgspec.Struct, frozen=True, gc=False):
    """One measure of one group, each a mean per day. Revenue is in minor units.

    `before` is of the 28 days before the start, `lately` of the last 7 of them, `earlier` of the 28 before these (None:
    not all of them are known), `after` of the days after it. `usual` is of the 56 days before `before`, or those of
    them that are known (None with `earlier`), `ebb` of the last 21 before the start, `settled` of days 8 to 28 after it
    (None until all have closed).
    """

    earlier: float | None
    before: float
    lately: float
    after: float
    usual: float | None = None
    ebb: float | None = None
    settled: float | None = None


class Subject(msgspec.Struct, frozen=True):
    """A group as it was when a playbook began, and what came. `band` is its size band, 0 to 3."""

    group_id: str
    platform: str
    band: int
    verdict: str
    days: Mapping[Measure, Days]


class Comeback(msgspec.Struct, frozen=True, kw_only=True):
    """A group that had fallen and regained more than half of it, each number a mean per day (see `Days`).

    Of `fell` groups of the brand like it that had lost half as much or more, `rose` regained more than half of it too.
    """

    usual: float
    ebb: float
    settled: float
    fell: int
    rose: int


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one measure. `before` and `after` are the group's own per day, `others_*` the medians of `controls`.

    `effect` with its 95 % interval, `low` to `high`, is a share for counts (0.5: half as many again as without it) and
    minor units of 28 days for revenue. All are None where a `doubt` says why there is none. `controls` are in the order
    of likeness, their mean distance is `unlikeness`. A `comeback` is asked for where the goal's interval cannot tell.
    """

    measure: Measure
    before: float
    after: float
    others_before: float | None = None
    others_after: float | None = None
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    answer: Answer = "cannot tell"
    doubt: Doubt | None = None
    unlikeness: float | None = None
    controls: tuple[str, ...] = ()
    comeback: Comeback | None = None


def estimate(measure: Measure, subject: Subject, others: Sequence[Subject], *, is_goal: bool = False) -> Estimate:
    """The effect on one measure, against those of `others` that are most like it; of the goal, whether it came back."""
    far = {other.group_id: round(distance(measure, subject, other), _DIGITS) for other in others}
    ranked = sorted((far[other.group_id], other.group_id, other) for other in others)[:CONTROLS]
    mine, theirs = subject.days[measure], [other.days[measure] for _, _, other in ranked]
    known = Estimate(
        measure=measure, before=mine.before, after=mine.after, controls=tuple(group_id for _, group_id, _ in ranked)
    )
    if len(ranked) < LEAST_CONTROLS:
        return msgspec.structs.replace(known, doubt="few")
    known = msgspec.structs.replace(
        known,
        others_before=median(days.before for days in theirs),
        others_after=median(days.after for days in theirs),
        unlikeness=sum(far for far, _, _ in ranked) / len(ranked),
    )
    nearest = median(level(days.before) for days in theirs[:LEAST_CONTROLS])
    if abs(level(mine.before) - nearest) > log(FARTHEST[measure]) + _ROUNDING:
        return msgspec.structs.replace(known, doubt="unlike")
    ratios = [noise(measure, mine) / noise(measure, days) for days in theirs]
    low, effect, high = interval(change(measure, mine), [change(measure, days) for days in theirs], ratios)
    answer: Answer = "helped" if low > 0 else "harmed" if high < 0 else "cannot tell"
    low, effect, high = (low, effect, high) if measure == "revenue" else (expm1(low), expm1(effect), expm1(high))
    found = comeback(measure, subject, others) if is_goal and answer == "cannot tell" else None
    if found is not None and 0 < found.fell >= STAYED * found.rose:
        answer = "likely helped"
    return msgspec.structs.replace(known, low=low, effect=effect, high=high, answer=answer, comeback=found)


def comeback(measure: Measure, subject: Subject, others: Sequence[Subject]) -> Comeback | None:
    """How a group came back that had fallen, beside the others that had; None if it had not or did not."""
    mine = subject.days[measure]
    lost, regained = _fall(mine)
    if measure not in COMING_BACK or HALF * lost < LEAST_NOISE * noise(measure, mine):
        return None
    if regained <= HALF * lost or mine.usual is None or mine.ebb is None or mine.settled is None:
        return None
    alike = [days for other in others if _is_alike(mine, days := other.days[measure])]
    falls = [fall for days in alike if (fall := _fall(days))[0] >= HALF * lost]
    rose = sum(back > HALF * loss for loss, back in falls)
    return Comeback(usual=mine.usual, ebb=mine.ebb, settled=mine.settled, fell=len(falls), rose=rose)


def _fall(days: Days) -> tuple[float, float]:
    """How far it had fallen before the start, and how far it rose since, as logarithms; 0 where not all is known."""
    if days.usual is None or days.ebb is None or days.settled is None:
        return 0.0, 0.0
    return level(days.usual) - level(days.ebb), level(days.settled) - level(days.ebb)


def _is_alike(mine: Days, theirs: Days) -> bool:
    is_near = abs(level(mine.before) - level(theirs.before)) <= log(ALIKE) + _ROUNDING
    return is_near and WINDOW_DAYS * theirs.before >= LEAST_BEFORE - _ROUNDING


def interval(mine: float, theirs: Sequence[float], ratios: Sequence[float] | None = None) -> tuple[float, float, float]:
    """Low end, effect and high end at 95 % of the change of one, against those of at most CONTROLS others.

    `ratios` say how many times as noisy it is as each of them; none: all alike.
    """
    usual, count = median(theirs), len(theirs)
    effect = mine - usual
    strayed = [(one - usual) * ratio for one, ratio in zip(theirs, ratios or [1.0] * count, strict=True)]
    rose, fell = [one for one in strayed if one > 0], [-one for one in strayed if one < 0]
    return effect - _chance_rise(rose, count), effect, effect + _farthest_fall(fell, count)


def _chance_rise(rose: Sequence[float], count: int) -> float:
    """How far one in 40 would rise by chance, where these of `count` rose."""
    if not rose:
        return 0.0
    most = quantiles(rose, n=10, method="inclusive")[-1] if len(rose) > 1 else rose[0]
    return FACTOR * (1 + FEW / count) * most


def _farthest_fall(fell: Sequence[float], count: int) -> float:
    """How far one of ONE_IN would fall, where these of `count` did so.

    In an exponential tail that is farther than one of `count` + 1 by the logarithm of their ratio, times the mean.
    """
    if not fell:
        return 0.0
    return max(fell) + log(ONE_IN / (count + 1)) * sum(fell) / len(fell)


def noise(measure: Measure, days: Days) -> float:
    """The standard deviation of the logarithm of a change that nothing caused; money is by amounts, all the same."""
    if measure == "revenue":
        return 1.0
    return sqrt(DAYS_NOISE + 2 / (1 + WINDOW_DAYS * days.before))


def change(measure: Measure, days: Days) -> float:
    """What came, less what was: logarithms of counts, money as it is, of 28 days."""
    if measure == "revenue":
        return WINDOW_DAYS * (days.after - days.before)
    return level(days.after) - level(days.before)


def level(per_day: float, days: int = WINDOW_DAYS) -> float:
    """How much there is of something in so many days, as a logarithm; money that went back lies below nothing."""
    size = log1p(days * abs(per_day))
    return size if per_day >= 0 else -size


def distance(measure: Measure, one: Subject, other: Subject) -> float:
    """How unlike two groups were before the start: in level, trend and last week, platform, size and health."""
    mine, theirs = one.days[measure], other.days[measure]
    far = abs(level(mine.before) - level(theirs.before)) + abs(level(mine.lately, 7) - level(theirs.lately, 7))
    if mine.earlier is not None and theirs.earlier is not None:
        trend = level(mine.before) - level(mine.earlier)
        far += abs(trend - (level(theirs.before) - level(theirs.earlier)))
    far += OTHER_PLATFORM * (one.platform != other.platform) + OTHER_BAND * abs(one.band - other.band)
    return far + OTHER_STATE * abs(STATES.get(one.verdict, 0) - STATES.get(other.verdict, 0))
