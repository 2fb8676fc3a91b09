"""Risk: how likely a group falls silent within eight weeks, and what makes it so likely."""

from collections.abc import Sequence
from functools import cached_property
from math import exp
from typing import Literal

import msgspec

from streams.vitals.features import FEATURES


class Input(msgspec.Struct, frozen=True, gc=False):
    """One feature in the model. What lies outside `low`..`high`, where the training data end, counts as the end."""

    name: str
    driver: str
    """The reason code under which its contribution is told: correlated inputs share one."""
    weight: float
    """Change of the logit per unit."""
    mean: float
    """That of the training data: a group at it contributes nothing."""
    low: float
    high: float
    origin: Literal["fitted", "reasoned"] = "fitted"
    """A reasoned weight stands for what the training data do not have: it is small, and a fit leaves it as it is."""


class Model(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """logit(risk) = intercept + Σ weight × (clipped feature − mean), and a community's own intercept added.

    `card` is for people: the data, the date, the code and the scores of the fit. Raises ValueError for inputs that are
    not those that the fold has.
    """

    name: str
    intercept: float
    inputs: tuple[Input, ...]
    card: dict[str, object] = {}

    def __post_init__(self) -> None:
        if tuple(one.name for one in self.inputs) != FEATURES:
            raise ValueError(f"a model of other features than this version's: {', '.join(FEATURES)}")

    @cached_property
    def drivers(self) -> tuple[str, ...]:
        """The drivers of the inputs, each once."""
        return tuple(dict.fromkeys(one.driver for one in self.inputs))

    @cached_property
    def usual(self) -> float:
        """The risk of a group at the mean of everything."""
        return logistic(self.intercept)

    @cached_property
    def _terms(self) -> tuple[tuple[float, float, float, float, int], ...]:
        """Of each input, and at the end where its driver stands."""
        place = self.drivers.index
        return tuple((one.weight, one.low, one.high, one.mean, place(one.driver)) for one in self.inputs)

    def contributions(self, features: Sequence[float | None]) -> list[float]:
        """The share of each driver in the logit, in the order of `drivers`; they add up to logit − intercept.

        What is not known contributes nothing.
        """
        shares = [0.0] * len(self.drivers)
        for value, (weight, low, high, mean, place) in zip(features, self._terms, strict=True):
            if value is not None:
                shares[place] += weight * ((low if value < low else high if value > high else value) - mean)
        return shares


class Risk(msgspec.Struct, frozen=True, gc=False):
    """The risk of a group as of one day's end, and what it is made of."""

    value: float
    """P(member messages of the next 56 days below 5 % of the group's usual 56 days), 0..1."""
    logit: float
    """That of `value` before the community's intercept."""
    drivers: tuple[tuple[str, float], ...]
    """Driver → its share of `value` − `usual`; they add up to that. The community's intercept is one of them."""
    usual: float
    """The risk of a group at the mean of everything."""


def assess(model: Model, features: Sequence[float | None], community: float) -> Risk:
    """The risk of a group with these features in a community with this intercept.

    A contribution to the logit is turned into one to the risk by the mean slope of the logistic function on the
    straight way from the usual group to this one (integrated gradients): so all of them add up to the difference.
    """
    shares = model.contributions(features)
    beyond = sum(shares)
    away, logit = beyond + community, model.intercept + beyond
    usual, value = model.usual, logistic(logit + community)
    slope = (value - usual) / away if abs(away) > 1e-9 else usual * (1 - usual)
    told = [(driver, share * slope) for driver, share in zip(model.drivers, shares, strict=True)]
    if community:
        told.append(("community", community * slope))
    return Risk(value, logit, tuple(told), usual)


def logistic(logit: float) -> float:
    """The probability of a logit."""
    return 1 / (1 + exp(-logit))
