"""The seven days that a report is of."""

import re
from datetime import UTC, date, datetime, timedelta

import msgspec

from streams.errors import VitalsError

DAYS = 7
_WEEK = re.compile(r"(\d{4})-W(\d{2})")


class Period(msgspec.Struct, frozen=True):
    """UTC days from `start` to `end`, both in it. `name` stands in file names: 2026-W47, or a day's date."""

    start: date
    end: date
    name: str
    is_partial: bool = False
    """It is not over: the days to come are left out."""

    def until(self, day: date) -> "Period":
        """The same period, but no further than `day`: a week that is not over."""
        return Period(self.start, min(self.end, day), self.name, day < self.end)


def week_named(text: str) -> Period:
    """An ISO week such as 2026-W47, Monday to Sunday. Raises VitalsError for what is none."""
    found = _WEEK.fullmatch(text.strip().upper())
    try:
        return _week(date.fromisocalendar(int(found[1]), int(found[2]), 1)) if found else _refuse(text)
    except ValueError:
        return _refuse(text)


def week_until(day: date) -> Period:
    """The seven days that end with `day`."""
    return Period(day - timedelta(days=DAYS - 1), day, f"{day}")


def last_whole_week(seen_to: date) -> Period:
    """The latest ISO week that ends with `seen_to` or before it."""
    monday = seen_to - timedelta(days=seen_to.weekday())
    return _week(monday if seen_to.weekday() == DAYS - 1 else monday - timedelta(days=DAYS))


def last_day_before(at: datetime) -> date:
    """The last UTC day that is over at `at`."""
    return at.astimezone(UTC).date() - timedelta(days=1)


def _week(monday: date) -> Period:
    year, week, _ = monday.isocalendar()
    return Period(monday, monday + timedelta(days=DAYS - 1), f"{year}-W{week:02}")


def _refuse(text: str) -> Period:
    raise VitalsError(f"{text!r} is no week: give one as 2026-W47, or a last day with --until 2026-11-22")
