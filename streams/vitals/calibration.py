"""Calibration: a community's own intercept, learnt from deaths that were expected there and deaths that came."""

from collections.abc import Iterable
from math import log

CALIBRATE_DAYS = 28
"""A community is calibrated at the end of each UTC day whose number this divides."""
DELAY_DAYS = 7
"""What was learnt up to then is in force so many days later, so that every partition has heard of it in time."""
ORIGIN_DAYS = 7
HORIZON_DAYS = 56
MIN_AGE_DAYS = 112
MIN_MESSAGES, MIN_SPEAKERS = 5, 2
DEATH_SHARE = 0.05
"""A group counts as dead when 56 days bring less than this share of what 56 days of its year usually bring."""
MILLION = 1_000_000
_PRIOR = 1 / 0.3**2
_WEIGHT = ORIGIN_DAYS / HORIZON_DAYS
_KEPT = 0.5 ** (CALIBRATE_DAYS / 728)
_LARGEST = 1.5


def is_origin(age_days: int, messages_28d: int, speakers_28d: int) -> bool:
    """Whether a day is one on which a group's risk is put to the test: each week from MIN_AGE_DAYS on, if it talks."""
    is_due = age_days >= MIN_AGE_DAYS and (age_days - MIN_AGE_DAYS) % ORIGIN_DAYS == 0
    return is_due and messages_28d >= MIN_MESSAGES and speakers_28d >= MIN_SPEAKERS


def has_died(messages_56d: int, usual_56d: float) -> bool:
    """Whether the 56 days after an origin brought less than 5 % of what was usual at the origin, or nothing."""
    return messages_56d == 0 or messages_56d < DEATH_SHARE * usual_56d


def intercept(tests: Iterable[tuple[int, int]]) -> float:
    """The intercept of a community: ln of deaths that came ÷ deaths expected, shrunk to 0 by a prior of ratio 1 ± .3.

    `tests` are, for each CALIBRATE_DAYS and the oldest first, the sum of the risks in millionths (without any
    intercept) at origins whose outcome became known, and how many of them died. A test counts an eighth, because
    eight weekly origins share an outcome, and half as much two years later.
    """
    expected = observed = 0.0
    for millionths, died in tests:
        expected = expected * _KEPT + millionths / MILLION
        observed = observed * _KEPT + died
    ratio = log((observed * _WEIGHT + _PRIOR) / (expected * _WEIGHT + _PRIOR))
    return max(-_LARGEST, min(_LARGEST, ratio))
