"""When people write: hours, weekdays, holidays, and days that are better or worse without a reason.

Chat is bursty. A day's level is drawn from a gamma of shape 5 (a third of the days are 40 % off), on a slow wave of
weeks with a memory, so that a bad fortnight is ordinary and means nothing.
"""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from math import exp, sqrt
from random import Random

HOUR = 3_600_000
DAY = 24 * HOUR
MINUTE = 60_000
FIRST = datetime(2026, 1, 5, tzinfo=UTC)
"""A Monday."""
START = round(FIRST.timestamp()) * 1000
_HOURS = (1, 0.5, 0.3, 0.2, 0.2, 0.4, 1, 2.2, 3.6, 4.4, 4.6, 4.3, 5, 4.6, 4, 4, 4.2, 4.3, 4.4, 5, 6, 6.4, 5, 2.6)
_CUMULATED = list(accumulate(_HOURS))
_OFF = {
    "Asia/Shanghai": ("02-15 02-16 02-17 02-18 02-19 02-20 02-21 04-05 05-01 05-02 05-03 06-19", 0.45),
    "Europe/Berlin": ("04-03 04-05 04-06 05-01 05-14 05-25", 0.6),
}


def day_off(zone: str, day: int) -> float:
    """What a holiday leaves of the usual talk."""
    days, left = _OFF[zone]
    return left if f"{FIRST + timedelta(days=day):%m-%d}" in days.split() else 1.0


def poisson(chance: Random, mean: float) -> int:
    """A count; beyond 40 from the normal curve."""
    if mean > 40:
        return max(0, round(chance.gauss(mean, sqrt(mean))))
    limit, count, product = exp(-mean), 0, chance.random()
    while product > limit:
        count, product = count + 1, product * chance.random()
    return count


def moment(chance: Random, day: int, east: int) -> int:
    """A time of a local day, ms UTC, `east` hours east of Greenwich."""
    hour = bisect_right(_CUMULATED, chance.random() * _CUMULATED[-1])
    return START + day * DAY + (hour - east) * HOUR + chance.randrange(HOUR)


def working_moment(chance: Random, day: int, east: int) -> int:
    """A time between nine and seven of a local day."""
    return START + day * DAY + (9 - east) * HOUR + chance.randrange(10 * HOUR)


def local_midnight(day: int, east: int) -> int:
    """The end of a local day, ms UTC."""
    return START + (day + 1) * DAY - east * HOUR


class Weather:
    """How one group's days differ without a reason: a factor for each day, 1 on average."""

    def __init__(self, chance: Random, days: int, zone: str) -> None:
        weekend, wave = chance.uniform(0.6, 1.3), 0.0
        self.factors = []
        for day in range(days):
            if day % 7 == 0:
                wave = 0.7 * wave + chance.gauss(0, 0.12)
            weekday = 7 / (5 + 2 * weekend) * (weekend if day % 7 >= 5 else 1.0)
            self.factors.append(exp(wave) * weekday * chance.gammavariate(5, 0.2) * day_off(zone, day))
