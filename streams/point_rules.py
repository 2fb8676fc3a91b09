"""What earns points is a file: a table for each cause, as `[message]` with `points = 1` and `daily = 10`."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

from streams.errors import VitalsError
from streams.settings import Settings
from streams.vitals.earning import PointRule

MOST = 1_000_000
"""Points of one act, or of a day; beyond it is a mistake."""


def load(settings: Settings) -> Mapping[str, PointRule]:
    """The rules that a user has set, by cause; none by default. Raises VitalsError if they cannot be used."""
    return {} if settings.points is None else read(settings.points)


@cache
def read(path: Path) -> Mapping[str, PointRule]:
    """The rules of a file. Raises VitalsError with one line that says what is wrong."""
    try:
        rules = msgspec.toml.decode(path.read_bytes(), type=dict[str, PointRule])
    except OSError as error:
        raise VitalsError(f"cannot read the rules of points {path}: {error.strerror}") from None
    except (ValueError, UnicodeDecodeError) as error:  # also what is no TOML
        raise VitalsError(f"{path} holds no rules of points: {error}") from None
    for cause, rule in rules.items():
        if not -MOST <= rule.points <= MOST or not 0 <= (rule.daily or 0) <= MOST:
            raise VitalsError(f"{path}: [{cause}] needs points and daily of at most {MOST:,}")
        if cause in {"message", "answer"} and rule.points < 0:
            raise VitalsError(f"{path}: [{cause}] takes points away: only what is redeemed may")
    return rules
