"""Which weeks of a group can be judged, and whether it was dead eight weeks later."""

import msgspec
import numpy as np

from streams.backtest.exclusions import Exclusions, days_of
from streams.fit.tracks import Bools, Floats, Ints, Track
from streams.vitals.calibration import (
    DEATH_SHARE,
    HORIZON_DAYS,
    MIN_AGE_DAYS,
    MIN_MESSAGES,
    MIN_SPEAKERS,
    ORIGIN_DAYS,
)
from streams.vitals.year import YEAR_DAYS

MAX_EXCLUDED = 0.2
"""More of the 28 days before an origin or of the 56 after it must not be excluded."""


class Origins(msgspec.Struct, frozen=True, eq=False):
    """Origins of one group. `ages` are whole days since the first with a message; row `ages` − 1 is all that is known.

    `died` says whether the next 56 days brought less than 5 % of what 56 days of the last ≤ 364 did, or nothing;
    `target` is the mean of that and of the same with 10 %: near the line a label is chance, and halves tell so.
    """

    ages: Ints
    died: Bools
    target: Floats


def is_excluded(track: Track, exclusions: Exclusions) -> Bools:
    """The days of a group that cannot be judged: nobody logged them, or the user says so."""
    excluded = track.is_unlogged.copy()
    for first, last in days_of(exclusions, track.group_id):
        excluded[max(first - track.first_day, 0) : max(last - track.first_day + 1, 0)] = True
    return excluded


def origins(track: Track, exclusions: Exclusions) -> Origins:
    """Each week from an age of 112 days on, if the next 56 days are logged and the group is at risk.

    At risk: in the last 28 days at least 5 member messages by at least 2 members.
    """
    ages = np.arange(MIN_AGE_DAYS, track.age_days - HORIZON_DAYS + 1, ORIGIN_DAYS)
    told, missing = _running(track.messages), _running(is_excluded(track, exclusions))
    keep = told[ages] - told[ages - 28] >= MIN_MESSAGES
    keep &= track.speakers_28d[ages - 1] >= MIN_SPEAKERS
    keep &= missing[ages] - missing[ages - 28] <= MAX_EXCLUDED * 28
    keep &= missing[ages + HORIZON_DAYS] - missing[ages] <= MAX_EXCLUDED * HORIZON_DAYS
    keep &= np.isfinite(track.features[ages - 1, 0])
    ages = ages[keep]
    known = np.minimum(ages, YEAR_DAYS)
    usual = (told[ages] - told[ages - known]) / known * HORIZON_DAYS
    future = told[ages + HORIZON_DAYS] - told[ages]
    died = (future == 0) | (future < DEATH_SHARE * usual)
    nearly = (future == 0) | (future < 2 * DEATH_SHARE * usual)
    return Origins(ages, died, (died.astype(np.float64) + nearly) / 2)


def _running(values: Ints | Bools) -> Ints:
    """Sums of the first 0, 1, … values."""
    return np.concatenate(([0], np.cumsum(values, dtype=np.int64)))
