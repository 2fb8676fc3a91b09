"""The calendars of days off: the file that is shipped, and a user's own on top of it."""

import tomllib
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from streams.errors import VitalsError
from streams.settings import Settings
from streams.vitals.days_off import BrandDays, DaysOff

SHIPPED = Path(__file__).parent / "holidays.toml"
_EPOCH = date(1970, 1, 1)
_SEASONS = datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 7, 15, tzinfo=UTC)
_MOST_DAYS = 366


class _Calendar(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    off: list[str] = []
    working: list[str] = []
    zones: list[str] = []


class _Brand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    calendars: list[str] | None = None
    off: list[str] = []


class _Own(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A user's file. `zones`: time zone → its calendars."""

    calendars: dict[str, _Calendar] = {}
    zones: dict[str, list[str]] = {}
    brands: dict[str, _Brand] = {}


def load(settings: Settings) -> DaysOff:
    """The calendars that a user has set. Raises VitalsError with one line if the file cannot be used."""
    return read(settings.holidays)


@cache
def read(path: Path | None = None) -> DaysOff:
    """The shipped calendars, and those of a file on top. Raises VitalsError with one line if it cannot be used."""
    shipped = msgspec.toml.decode(SHIPPED.read_bytes(), type=dict[str, _Calendar])
    own = _Own() if path is None else _read_own(path)
    where = SHIPPED if path is None else path
    calendars = shipped | own.calendars
    zones = {zone: [name] for name, calendar in calendars.items() for zone in calendar.zones} | own.zones
    for title, names in [*own.zones.items(), *((key, one.calendars or []) for key, one in own.brands.items())]:
        if unknown := sorted(set(names) - set(calendars)):
            raise VitalsError(f"{where}: no calendar {unknown[0]!r} for {title!r}, known are {', '.join(calendars)}")
    offsets = _offsets()
    if unheard := sorted(set(zones) - set(offsets)) if path is not None else []:
        raise VitalsError(f"{where}: {unheard[0]!r} is no time zone, write it as Europe/Berlin")
    return DaysOff(
        calendars={
            name: frozenset(_days([*calendar.off, *calendar.working], where)) for name, calendar in calendars.items()
        },
        zones={zone: tuple(names) for zone, names in zones.items()},
        offsets=offsets,
        brands={
            key: BrandDays(None if one.calendars is None else tuple(one.calendars), frozenset(_days(one.off, where)))
            for key, one in own.brands.items()
        },
    )


def _read_own(path: Path) -> _Own:
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _Own)
    except OSError as error:
        raise VitalsError(f"cannot read the calendar {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise VitalsError(f"{path} is no calendar: {error}. SETTINGS.md shows one") from None


def _days(spans: Iterable[str], where: Path) -> Iterable[int]:
    """The days since 1970-01-01 of "2026-10-01" or "2026-10-01/2026-10-07"."""
    for span in spans:
        first, _, last = span.partition("/")
        try:
            begin, end = ((date.fromisoformat(one) - _EPOCH) // timedelta(days=1) for one in (first, last or first))
        except ValueError:
            raise VitalsError(f"{where}: {span!r} is no day, write 2026-10-01 or 2026-10-01/2026-10-07") from None
        if not 0 <= end - begin < _MOST_DAYS:
            raise VitalsError(f"{where}: {span!r} ends before it begins, or spans more than a year")
        yield from range(begin, end + 1)


@cache
def _offsets() -> dict[str, int]:
    """Minutes east of UTC of every time zone, without summer time."""
    found = {}
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        found[name] = min(_minutes(when.astimezone(zone)) for when in _SEASONS)
    return found


def _minutes(local: datetime) -> int:
    offset = local.utcoffset()
    return 0 if offset is None else offset // timedelta(minutes=1)
