"""Draws from the distributions that chat has. Every draw takes its own `random.Random`, so that a seed decides all."""

from math import exp, log
from random import Random

from streams.vitals.policy import HOUR_MS

_DAY_IN_CHINA = (4, 2, 1, 1, 1, 2, 6, 14, 26, 36, 38, 34, 36, 30, 32, 34, 32, 30, 34, 44, 56, 60, 44, 18)
_DAY_ELSEWHERE = (8, 4, 2, 1, 1, 3, 10, 22, 30, 32, 32, 34, 40, 36, 32, 32, 34, 40, 46, 50, 52, 48, 34, 18)


def poisson(rng: Random, mean: float) -> int:
    """A Poisson count; above a mean of 30 the nearest normal."""
    if mean <= 0:
        return 0
    if mean > 30:
        return max(0, round(rng.gauss(mean, mean**0.5)))
    limit, count, product = exp(-mean), 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count


def between(rng: Random, low: float, median: float, high: float, spread: float) -> float:
    """A lognormal draw around a median, cut off at both ends; `spread` is the sigma of its logarithm."""
    return min(high, max(low, rng.lognormvariate(log(median), spread)))


def talk_weight(rng: Random) -> float:
    """How much one member talks beside the others: heavy-tailed, a few carry most of it."""
    return min(30.0, rng.paretovariate(1.1))


def pause_ms(rng: Random, median_s: float) -> int:
    """The pause until the next message of a conversation: lognormal, as measured gaps are."""
    return 1_000 + round(1_000 * rng.lognormvariate(log(median_s), 1.1))


def moment(rng: Random, utc_offset: int) -> int:
    """Milliseconds after UTC midnight of something that people do awake, `utc_offset` hours east of Greenwich."""
    profile = _DAY_IN_CHINA if utc_offset == 8 else _DAY_ELSEWHERE
    local = rng.choices(range(24), profile)[0]
    return (local - utc_offset) % 24 * HOUR_MS + rng.randrange(HOUR_MS)
