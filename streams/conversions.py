"""The windows of attribution and the rates of currencies that a user has set, from their files."""

import csv
import re
import tomllib
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path

import msgspec

from streams.errors import VitalsError
from streams.settings import Settings
from streams.vitals.conversion import ConversionPolicy
from streams.vitals.rates import NO_RATES, Rates, Series
from streams.words import places

_EPOCH = date(1970, 1, 1).toordinal()
_WINDOWS = [name for name in ConversionPolicy.__struct_fields__ if name != "rates"]
_MOST = {"groups_kept": 1000, "touches_kept": 1000, "members_kept": 1000}
"""What is sent of a member at one link fits into the seqs of one event, and a record into a topic."""


def load(settings: Settings) -> ConversionPolicy:
    """The policy that a user has set. Raises VitalsError with one line if a file cannot be used."""
    windows = {} if settings.conversion is None else read_windows(settings.conversion)
    rates = NO_RATES if settings.rates is None else read_rates(settings.rates)
    return ConversionPolicy(rates=rates, **windows)


@cache
def read_windows(path: Path) -> dict[str, int]:
    """The windows of a TOML file: names of ConversionPolicy and whole numbers. Raises VitalsError."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise VitalsError(f"cannot read the windows of attribution {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise VitalsError(f"{path} is no valid TOML: {error}") from None
    for name, value in said.items():
        if name not in _WINDOWS:
            raise VitalsError(f"{path}: there is no window {name!r}, known are {', '.join(_WINDOWS)}")
        most = _MOST.get(name, 100_000)
        if type(value) is not int or not 0 <= value <= most or (name.endswith("_kept") and not value):
            raise VitalsError(f"{path}: {name} is {value!r}, give a whole number up to {most:,}")
    return msgspec.convert(said, dict[str, int])


@cache
def read_rates(path: Path) -> Rates:
    """The rates of a CSV file: date, currency, rate, into, and a brand where it has its own. Raises VitalsError."""
    found: dict[tuple[str, str], dict[int, tuple[int, int]]] = {}
    into: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                brand, target, currency, day, rate = _entry(row)
                if into.setdefault(brand, target) != target:
                    raise ValueError(f"into {target} after {into[brand]}: the money of a brand is told in one currency")
                if found.setdefault((brand, currency), {}).setdefault(day, rate) != rate:
                    raise ValueError(f"{currency} has two rates on {row['date']}")
    except OSError as error:
        raise VitalsError(f"cannot read the rates {path}: {error.strerror}") from None
    except (ValueError, InvalidOperation, csv.Error, TypeError) as error:
        raise VitalsError(
            f"{path}: {_why(error)}; a line is date,currency,rate,into as 2026-01-31,USD,7.05,CNY"
        ) from None
    if not found:
        raise VitalsError(f"{path} has no rates; a line is date,currency,rate,into as 2026-01-31,USD,7.05,CNY")
    return Rates(into, {key: Series(sorted(days), [days[day] for day in sorted(days)]) for key, days in found.items()})


def _why(error: Exception) -> str:
    return "a rate is no number" if isinstance(error, InvalidOperation) else str(error)


def _entry(row: dict[str, str]) -> tuple[str, str, str, int, tuple[int, int]]:
    """Brand, the currency it is told in, the other one, the day, and what one minor unit is worth in minor units."""
    missing = {"date", "currency", "rate", "into"} - {name for name, value in row.items() if value}
    if missing:
        raise ValueError(f"a line has no {min(missing)}")
    currency, into = row["currency"].strip().upper(), row["into"].strip().upper()
    for code in (currency, into):
        if not re.fullmatch("[A-Z]{3}", code):
            raise ValueError(f"{code!r} is no code of a currency")
    if currency == into:
        raise ValueError(f"{currency} into itself")
    rate = Decimal(row["rate"].strip())
    if not rate.is_finite() or not Decimal("1e-9") <= rate <= Decimal("1e9"):
        raise ValueError(f"{rate} is no rate")
    each = (rate * Decimal(10) ** (places(into) - places(currency))).as_integer_ratio()
    day = date.fromisoformat(row["date"].strip()).toordinal() - _EPOCH
    return (row.get("brand") or "").strip(), into, currency, day, each
