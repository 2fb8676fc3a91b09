"""Days off as data: on which UTC days a group is no measure of its habit."""

from collections.abc import Mapping

import msgspec

_WAKING_MINUTES = 8 * 60, 24 * 60
_LEAST_MINUTES = 2 * 60
_DAY_MINUTES = 24 * 60


class BrandDays(msgspec.Struct, frozen=True):
    """A brand's own: the calendars that stand in place of its groups' time zones' (None: theirs), and days on top."""

    calendars: tuple[str, ...] | None = None
    days: frozenset[int] = frozenset()


class DaysOff(msgspec.Struct, frozen=True):
    """Calendars by name (local days since 1970-01-01), and who keeps which.

    `zones` are the calendars of a time zone, `offsets` its minutes east of UTC without summer time.
    """

    calendars: Mapping[str, frozenset[int]] = {}
    zones: Mapping[str, tuple[str, ...]] = {}
    offsets: Mapping[str, int] = {}
    brands: Mapping[str, BrandDays] = {}

    def of(self, brand_id: str, timezone: str) -> frozenset[int]:
        """The UTC days that are off for a brand's groups in a time zone: those with two waking hours of a day off.

        A day off in New York is the UTC day and the small hours of the next, which are its evening.
        """
        brand = self.brands.get(brand_id, _NO_BRAND)
        names = brand.calendars if brand.calendars is not None else self.zones.get(timezone, ())
        local = brand.days.union(*(self.calendars[name] for name in names))
        offset = self.offsets.get(timezone, 0)
        return frozenset(day for one in local for day in _utc_days(one, offset))


NO_DAYS_OFF = DaysOff()
_NO_BRAND = BrandDays()


def _utc_days(local_day: int, offset: int) -> range:
    """The UTC days on which at least two of the waking hours (8 to 24) of a local day fall."""
    first, last = (local_day * _DAY_MINUTES + minute - offset for minute in _WAKING_MINUTES)
    return range((first + _LEAST_MINUTES - 1) // _DAY_MINUTES, (last - _LEAST_MINUTES) // _DAY_MINUTES + 1)
