"""The fit: a logistic regression with a ridge, signs that are given, and a target that is not surer than the label."""

from collections.abc import Mapping

import msgspec
import numpy as np

from streams.fit.sample import Sample
from streams.fit.tracks import Floats, Ints
from streams.vitals.risk import Input, Model

RIDGE = 0.03
"""Penalty per squared weight (of one standard deviation) beside the mean loss: the inputs are correlated."""
CLIPPED = 0.002
"""Beyond the quantiles of this and 1 − this of the training data an input counts as there: no risk runs away."""
COMMUNITY_POWER = 0.5
"""An origin of a community with n of them weighs n^−½: between each origin and each community alike."""
DIGITS = 6
"""Significant digits of every number of a model: what differs beyond them between machines is never used."""

_SETTLED, _SHORTEST = 1e-13, 1e-9
_NOISE = 1e-14
"""That of a loss: near the minimum a step changes it by less."""

SIGNS: Mapping[str, int] = {
    "rate_7d": -1, "rate_14d": -1, "rate_56d": -1, "trend": -1, "typical_rate": 1, "top_weeks_share": 1,
    "top_speaker_week_share": 1, "top_speaker_day_share": 1, "weeks_spoken_share": -1, "active_days_28d": -1,
    "pause_rank": 1, "speakers_56d": -1,
}  # fmt: skip
"""The sign that the weight of an input must not go against: what a reader expects of that input, alone."""


def fit_model(base: Model, name: str, sample: Sample) -> Model:
    """The model of some origins, without a card. Each number of it has DIGITS digits; equal data, equal bytes.

    Names, drivers and reasoned inputs are those of `base`; a reasoned input is in the risk before anything is fitted.
    """
    fitted = np.array([one.origin == "fitted" for one in base.inputs])
    signs = np.array([0, *(SIGNS[one.name] for one in base.inputs if one.origin == "fitted")])
    reasoned = _contributions(base, sample.features)[:, ~fitted].sum(axis=1)
    low, high = np.quantile(sample.features[:, fitted], [CLIPPED, 1 - CLIPPED], axis=0)
    inputs = np.clip(sample.features[:, fitted], low, high)
    mean, deviation = inputs.mean(axis=0), inputs.std(axis=0)
    deviation[deviation == 0] = 1.0
    standard = _with_ones((inputs - mean) / deviation)
    penalty = np.concatenate(([0.0], np.full(inputs.shape[1], RIDGE)))
    found = logistic(standard, sample.target, _weights(sample), reasoned, penalty, signs)
    died, alike = sample.died.astype(np.float64), np.full(len(standard), 1 / len(standard))
    shift, slope = logistic(_with_ones((standard @ found)[:, None]), died, alike, reasoned)
    weights = slope * found[1:] / deviation
    numbers = iter(np.column_stack((weights, mean, low, high)).tolist())
    return Model(
        name=name,
        intercept=_rounded(shift + slope * found[0]),
        inputs=tuple(_refitted(one, next(numbers)) if one.origin == "fitted" else one for one in base.inputs),
    )


def logits(model: Model, features: Floats) -> Floats:
    """What the fold computes one by one, for rows of features."""
    found: Floats = model.intercept + _contributions(model, features).sum(axis=1)
    return found


def sigmoid(logit: Floats) -> Floats:
    """The risk of a logit."""
    return 0.5 + 0.5 * np.tanh(0.5 * logit)


def logistic(
    design: Floats,
    target: Floats,
    weights: Floats,
    offset: Floats,
    penalty: Floats | None = None,
    signs: Floats | None = None,
) -> Floats:
    """The coefficients that minimise Σ weight × log loss + Σ penalty/2 × c², none against its sign (0: free).

    Newton's method with an active set: a coefficient that would turn against its sign is held at 0, and let go when all
    others are settled and it would lower the loss. To the last digit, so that no stopping rule shows in the result.
    Raises ValueError if there is no minimum.
    """
    problem = _Problem(design, target, weights, offset, *_defaults(design, penalty, signs))
    found = np.zeros(design.shape[1])
    is_held = np.zeros(design.shape[1], bool)
    for _ in range(500):
        slope, curve = problem.slopes(found)
        free = np.flatnonzero(~is_held)
        if np.abs(slope[free]).max(initial=0.0) < _SETTLED:
            wanted = np.where(is_held, problem.signs * slope, 0.0)
            if wanted.min() >= -_SETTLED:
                return found
            is_held[wanted.argmin()] = False
            continue
        step = np.zeros_like(found)
        step[free] = -np.linalg.lstsq(curve[np.ix_(free, free)], slope[free])[0]
        found, blocked = problem.move(found, step, slope)
        is_held[blocked] = True
    raise ValueError("the fit has no minimum: one input alone parts the groups that died from the others")


class _Problem(msgspec.Struct, frozen=True, eq=False):
    design: Floats
    target: Floats
    weights: Floats
    offset: Floats
    penalty: Floats
    signs: Floats

    def loss(self, at: Floats) -> float:
        logit = self.design @ at + self.offset
        return float(self.weights @ (np.logaddexp(0.0, logit) - self.target * logit) + self.penalty @ at**2 / 2)

    def slopes(self, at: Floats) -> tuple[Floats, Floats]:
        """First and second derivatives."""
        risk = sigmoid(self.design @ at + self.offset)
        first = self.design.T @ (self.weights * (risk - self.target)) + self.penalty * at
        second = (self.design.T * (self.weights * risk * (1 - risk))) @ self.design + np.diag(self.penalty)
        return first, second

    def move(self, at: Floats, step: Floats, slope: Floats) -> tuple[Floats, Ints]:
        """Go a step, half of it, … until the loss is lower, but no further than a sign allows; what it stops there."""
        turned = np.flatnonzero(self.signs * (at + step) < 0)
        shares = at[turned] / -step[turned]
        reach = shares.min(initial=1.0)
        part, most = reach, self.loss(at) + _NOISE
        while part > _SHORTEST and self.loss(at + part * step) > most + 1e-4 * part * float(slope @ step):
            part /= 2
        reached = at + part * step
        blocked = turned[shares <= part]
        reached[blocked] = 0.0
        return reached, blocked


def _defaults(design: Floats, penalty: Floats | None, signs: Floats | None) -> tuple[Floats, Floats]:
    none = np.zeros(design.shape[1])
    return none if penalty is None else penalty, none if signs is None else signs


def _contributions(model: Model, features: Floats) -> Floats:
    """The share of each input in the logit; what is not known (NaN) contributes nothing."""
    weight, mean, low, high = (
        np.array([getattr(one, field) for one in model.inputs]) for field in ("weight", "mean", "low", "high")
    )
    found: Floats = np.nan_to_num((np.clip(features, low, high) - mean) * weight, nan=0.0)
    return found


def _weights(sample: Sample) -> Floats:
    size = np.bincount(sample.community)[sample.community].astype(np.float64)
    weights: Floats = size**-COMMUNITY_POWER
    return weights / float(weights.sum())


def _with_ones(inputs: Floats) -> Floats:
    return np.column_stack((np.ones(len(inputs)), inputs))


def _refitted(one: Input, numbers: list[float]) -> Input:
    weight, mean, low, high = map(_rounded, numbers)
    return Input(one.name, one.driver, weight, mean, low, high)


def _rounded(number: float) -> float:
    return float(f"{number:.{DIGITS - 1}e}") + 0.0
