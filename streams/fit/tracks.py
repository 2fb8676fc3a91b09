"""The days of each group as arrays, read back from what the fold recorded."""

from collections.abc import Iterable, Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.fit.record import HEAD_END, JOIN_OR_LEAVE, SOME_EVENT, UNSEEN, WATCHED_FOR_ALARM
from streams.vitals.features import FEATURES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_ROWS = np.dtype(
    [
        ("day", "<i4"),
        ("messages", "<i4"),
        ("speakers_28d", "<i4"),
        ("silent_days", "<i4"),
        ("longest_silence", "<i4"),
        ("bits", "u1"),
        ("features", "<f8", (len(FEATURES),)),
    ]
)
_COUNTS = ("messages", "speakers_28d", "silent_days", "longest_silence")


class Track(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """The `n` days of one group from the first with a member message to the last logged one; day i is row i.

    What stands in a row was known at the end of that day: `features` is n × len(FEATURES), NaN where no day closed.
    """

    group_id: str
    community: str
    first_day: int
    """Days since 1970-01-01."""
    messages: Ints
    """Member messages of the day."""
    speakers_28d: Ints
    silent_days: Ints
    longest_silence: Ints
    """Between two active days of the last year; −1 where there is no habit yet."""
    features: Floats
    is_unlogged: Bools
    """Nobody watched; or no event at all, in a community whose log tells of joins or leaves."""
    is_watched: Bools
    """An alarm may stand: the group is neither forming nor ended."""

    @property
    def age_days(self) -> int:
        """How many days it lived."""
        return len(self.messages)


class _Raw(msgspec.Struct, frozen=True, eq=False):
    group_id: str
    community: str
    rows: NDArray[np.void]

    def last_event(self) -> int:
        return int(self.rows["day"][(self.rows["bits"] & SOME_EVENT) > 0].max(initial=-1))


def read_tracks(groups: Iterable[tuple[str, Iterator[bytes]]]) -> list[Track]:
    """All groups with a member message.

    The last logged day of a group is that of its last event, where the community's log tells of joins or leaves; else
    that of the community's last event: a log that stops is no death.
    """
    raw = [_raw(group_id, b"".join(pieces)) for group_id, pieces in groups]
    rostered = {one.community for one in raw if ((one.rows["bits"] & JOIN_OR_LEAVE) > 0).any()}
    ends: dict[str, int] = {}
    for one in raw:
        ends[one.community] = max(ends.get(one.community, -1), one.last_event())
    tracks = [
        _track(one, one.last_event() if one.community in rostered else ends[one.community], one.community in rostered)
        for one in raw
    ]
    return [track for track in tracks if track is not None]


def _raw(group_id: str, content: bytes) -> _Raw:
    brand, _, body = content.partition(HEAD_END)
    return _Raw(group_id, brand.decode(), np.frombuffer(body, _ROWS))


def _track(raw: _Raw, last_day: int, is_rostered: bool) -> Track | None:
    rows = raw.rows[raw.rows["day"] <= last_day]
    spoken = rows["day"][rows["messages"] > 0]
    if not len(spoken):
        return None
    first_day = int(spoken.min())
    days = last_day - first_day + 1
    rows = rows[rows["day"] >= first_day]
    at = rows["day"] - first_day
    bits = np.zeros(days, np.uint8)
    bits[at] = rows["bits"]
    counts = {name: np.zeros(days, np.int64) for name in _COUNTS}
    for name, values in counts.items():
        values[at] = rows[name]
    features = np.full((days, len(FEATURES)), np.nan)
    features[at] = rows["features"]
    return Track(
        group_id=raw.group_id,
        community=raw.community,
        first_day=first_day,
        features=features,
        is_unlogged=((bits & UNSEEN) > 0) | (is_rostered & ((bits & SOME_EVENT) == 0)),
        is_watched=(bits & WATCHED_FOR_ALARM) > 0,
        **counts,
    )
