"""How well a risk ranks and how right its numbers are, with intervals from a bootstrap over groups."""

from collections.abc import Callable

import msgspec
import numpy as np

from streams.fit.regression import sigmoid
from streams.fit.sample import Sample
from streams.fit.tracks import Bools, Floats, Ints

MEASURES = ("auc", "ap", "within_group_auc", "brier_skill")
DRAWS = 500
_SEED = 0
Measured = Floats
"""One number for each of MEASURES, NaN where it is not defined."""


class Interval(msgspec.Struct, frozen=True):
    """A number and where 95 % of the draws lie."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """With three digits behind the point."""
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


class Ranked:
    """The scores of one risk over origins, quick for many weightings of the groups.

    - auc: the share of pairs of a death and a survival that the risk puts in order, a tie being half a pair.
    - ap: the mean precision over recall; origins of equal risk are one step.
    - within_group_auc: the pairs inside one group only, so that it is not enough to know which groups are small.
    - brier_skill: 1 − mean (risk − death)² ÷ that of the base rate said always.
    """

    def __init__(self, logit: Floats, died: Bools, group: Ints, groups: int) -> None:
        order = np.argsort(-logit, kind="stable")
        ranked = logit[order]
        self._group = group[order]
        self._died = died[order].astype(np.float64)
        self._ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
        self._within = np.array([_pairs(logit[group == one], died[group == one]) for one in range(groups)])
        self._count = np.bincount(group, minlength=groups)
        self._deaths = np.bincount(group, died, minlength=groups)
        self._squares = np.bincount(group, (sigmoid(logit) - died) ** 2, minlength=groups)

    def __call__(self, weights: Floats) -> Measured:
        """The measures with so much weight on each group."""
        deaths, count = float(weights @ self._deaths), float(weights @ self._count)
        if not 0 < deaths < count:
            return np.full(len(MEASURES), np.nan)
        of_origin = weights[self._group]
        found = np.cumsum(of_origin * self._died)[self._ends]
        called = np.cumsum(of_origin)[self._ends]
        new, false = np.diff(found, prepend=0.0), np.diff(called - found, prepend=0.0)
        area = float(false @ (found - new / 2)) / (deaths * (count - deaths))
        precision = np.divide(found, called, out=np.zeros_like(found), where=called > 0)
        won, pairs = weights @ self._within
        rate = deaths / count
        skill = 1 - float(weights @ self._squares) / count / (rate * (1 - rate))
        return np.array([area, float(new @ precision) / deaths, won / pairs if pairs else np.nan, skill])


def _pairs(logit: Floats, died: Bools) -> tuple[float, float]:
    """Pairs of one group in order, and all of them."""
    dead, alive = np.sort(logit[died]), logit[~died]
    below = np.searchsorted(dead, alive, "left") + np.searchsorted(dead, alive, "right")
    return float(len(dead) * len(alive) - below.sum() / 2), float(len(dead) * len(alive))


class Scored(msgspec.Struct, frozen=True, eq=False):
    """The measures of one risk, and of each draw: two of the same sample are paired by draw."""

    value: Measured
    drawn: Floats

    def intervals(self, digits: int = 4) -> dict[str, Interval]:
        """By measure."""
        return {name: _interval(self.value[i], self.drawn[:, i], digits) for i, name in enumerate(MEASURES)}

    def minus(self, other: "Scored") -> "Scored":
        """How far this is ahead, paired."""
        return Scored(self.value - other.value, self.drawn - other.drawn)


def score(sample: Sample, logit: Floats, *, is_macro: bool = False) -> Scored:
    """Pooled over all origins, or the mean over communities of those that have deaths."""
    groups = len(sample.tracks)
    parts = [sample.community == one for one in range(len(sample.communities))] if is_macro else [slice(None)]
    ranked = [Ranked(logit[part], sample.died[part], sample.group[part], groups) for part in parts]
    judged = np.unique(sample.group)
    return scored(lambda weights: _mean([one(weights) for one in ranked]), judged, groups)


def scored(measure: Callable[[Floats], Floats], judged: Ints, groups: int) -> Scored:
    """A measure of group weights, and its draws: as many groups of `judged` as there are, each drawn with return."""
    chance = np.random.default_rng(_SEED)
    once = np.zeros(groups)
    once[judged] = 1.0
    drawn = [
        measure(np.bincount(judged[chance.integers(0, len(judged), len(judged))], minlength=groups).astype(np.float64))
        for _ in range(DRAWS)
    ]
    return Scored(measure(once), np.array(drawn))


def _mean(values: list[Measured]) -> Measured:
    """The mean of those that are defined."""
    stacked = np.array(values)
    known = np.isfinite(stacked)
    total = np.where(known, stacked, 0.0).sum(axis=0)
    count = known.sum(axis=0)
    mean: Measured = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
    return mean


def _interval(value: float, drawn: Floats, digits: int) -> Interval:
    known = drawn[np.isfinite(drawn)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
    return Interval(round(float(value), digits), round(float(low), digits), round(float(high), digits))
