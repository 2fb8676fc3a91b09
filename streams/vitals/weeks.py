"""Counts by week and by key: what need not be known to the day is kept, and added up, a seventh as often.

Weeks are Monday to Sunday, UTC, numbered since 1970. A window of 28 days is the last four that are over.
"""

from streams.vitals.panes import tallies
from streams.vitals.policy import DAY_MS

WEEK_MS = 7 * DAY_MS
MONDAY_MS = 3 * DAY_MS
"""1970 began on a Thursday: a week is (time + MONDAY_MS) // WEEK_MS."""
WINDOW_WEEKS = 4

Weeks = dict[int, dict[int, int]]
"""Week → key → count. Bounded by the keys, of five weeks at most: whoever counts sees to it that they are few."""


def week_of(time: int) -> int:
    """The week that a time in ms lies in."""
    return (time + MONDAY_MS) // WEEK_MS


def ends_week(day: int) -> bool:
    """Whether a UTC day is a Sunday."""
    return day % 7 == 3


def last_weeks(weeks: Weeks, day: int) -> dict[int, int]:
    """The sums of the four weeks that end with a Sunday, in no certain order; older ones are dropped."""
    last = week_of(day * DAY_MS)
    for old in [week for week in weeks if week <= last - WINDOW_WEEKS]:
        del weeks[old]
    return tallies([counts for week, counts in weeks.items() if week <= last])
