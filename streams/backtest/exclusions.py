"""Days that nobody saw, as a CSV: group_id (or `<brand>/*`), from, to, reason; days inclusive, an empty one is open."""

import csv
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from streams.errors import VitalsError

Days = tuple[int, int]
"""First and last day, counted from 1970-01-01."""
Exclusions = Mapping[str, tuple[Days, ...]]
"""By group_id, or by `<brand>/*` for all groups whose id begins with `<brand>/`."""

NEVER, ALWAYS = 0, 1 << 30
_EPOCH = date(1970, 1, 1).toordinal()


def read_exclusions(path: Path) -> Exclusions:
    """The rows of a file. Raises VitalsError with the line that is wrong."""
    found: dict[str, tuple[Days, ...]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = {"group_id", "from", "to"} - set(rows.fieldnames or ())
            if missing:
                raise VitalsError(f"{path} has no column {', '.join(sorted(missing))}: want group_id, from, to, reason")
            for row in rows:
                try:
                    days = (_day(row["from"], NEVER), _day(row["to"], ALWAYS))
                except ValueError as error:
                    raise VitalsError(f"{path}, line {rows.line_num}: {error}; write days as 2026-01-31") from None
                if days[0] > days[1]:
                    raise VitalsError(f"{path}, line {rows.line_num}: {row['from']} comes after {row['to']}")
                group_id = (row["group_id"] or "").strip()
                found[group_id] = (*found.get(group_id, ()), days)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise VitalsError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    return found


def days_of(exclusions: Exclusions, group_id: str) -> tuple[Days, ...]:
    """All that is excluded of one group."""
    return exclusions.get(group_id, ()) + exclusions.get(f"{group_id.partition('/')[0]}/*", ())


def _day(text: str | None, empty: int) -> int:
    text = (text or "").strip()
    return date.fromisoformat(text).toordinal() - _EPOCH if text else empty
