"""How long people wait: for a greeting after they joined, for an answer after they wrote. Medians of four weeks.

Nothing is sampled: waits are counted in fixed buckets, exactly, so that the order of events does not tell. Each bucket
is twice as wide as the one before it, and the median is read off inside its own: mostly right to a tenth, at worst by a
factor of two, and never minutes where it is hours.
"""

from collections.abc import Mapping
from typing import NamedTuple

from streams.vitals.weeks import MONDAY_MS, WEEK_MS, Weeks

FOR_GREETING, FOR_STAFF, FOR_MEMBERS = 0, 32, 64
"""Kinds of waits: for a greeting, and for an answer that staff or a member gave first."""
_KIND_BITS = 5
_UNIT_BITS = 14
"""Waits are told apart from 16.4 s up; whatever is shorter is at once."""
_UNIT_MINUTES = (1 << _UNIT_BITS) / 60_000


def wait(weeks: Weeks, kind: int, since: int, ms: int) -> None:
    """Count a wait of `ms` that began at `since`, in its week."""
    key, week = kind + (ms >> _UNIT_BITS).bit_length(), (since + MONDAY_MS) // WEEK_MS
    counts = weeks.get(week)
    if counts is None:
        weeks[week] = {key: 1}
    else:
        counts[key] = counts.get(key, 0) + 1


class Wait(NamedTuple):
    """How many waits of one kind there were, and their median in minutes, None of none."""

    waits: int
    minutes: float | None


def medians(total: Mapping[int, int]) -> tuple[Wait, Wait, Wait]:
    """The waits for a greeting, for staff and for members. Inside its bucket waits are taken to lie evenly."""
    items = sorted(total.items())
    counts = [0, 0, 0]
    for key, count in items:
        counts[key >> _KIND_BITS] += count
    left = [count / 2 for count in counts]
    found: list[float | None] = [None, None, None]
    for key, count in items:
        kind = key >> _KIND_BITS
        if found[kind] is None:
            if left[kind] <= count:
                low, high = (1 << (key & 31)) // 2, 1 << (key & 31)
                found[kind] = (low + (high - low) * left[kind] / count) * _UNIT_MINUTES
            left[kind] -= count
    greeting, staff, members = map(Wait, counts, found)
    return greeting, staff, members
