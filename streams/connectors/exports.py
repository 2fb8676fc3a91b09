"""Exports of a file per channel and day: read day after day across all channels, so that events come in time order.

`source_prev` is claimed where nothing can lie between: from line to line within a file, and from the last line of
a file to the first of the next if the next one's day follows and the file before ends with a whole line. A file
cut off at its end (an export made at noon) is therefore safe to import again when it has grown, as long as it was
the channel's last; a file in the middle of an export that lacks its last lines cannot be told from a whole one.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Protocol

import msgspec

from streams.connectors.batches import Batch, Delivered, Recipe, mark
from streams.connectors.files import Tree
from streams.events import Event, GroupCreated
from streams.vitals.policy import DAY_MS

EPOCH = date(1970, 1, 1).toordinal()


class DayFile(msgspec.Struct, frozen=True, kw_only=True):
    """The file of one channel and one day. `day` counts from 1970-01-01, in the zone of the export."""

    channel: str
    day: int
    tree: Tree
    name: str
    size: int

    @property
    def date(self) -> date:
        """The day as a date."""
        return date.fromordinal(EPOCH + self.day)


class DayParser(Protocol):
    """How a format reads one day of one channel."""

    def __call__(self, file: DayFile, data: bytes, prev: int | None, batch: Batch) -> int | None:
        """Put the file's events and refusals into the batch.

        `prev` is the seq that the first event may claim to follow. Answers the seq that the next day's first event
        may claim to follow, or None.
        """


def day_batches(files: list[DayFile], parse: DayParser, recipe: Recipe, delivered: Delivered) -> Iterator[Batch]:
    """The days in order, each one batch of all channels, sorted by time; a file given twice is read once."""
    days: dict[int, list[DayFile]] = {}
    for file in files:
        days.setdefault(file.day, []).append(file)
    seen: set[int] = set()
    chains: dict[str, tuple[int, int]] = {}
    for day in sorted(days):
        batch = Batch(
            begins_at=day_start(day, recipe.zone),
            ends_at=day_start(day + 1, recipe.zone),
            sources={recipe.source: (recipe.brand_id, recipe.platform)},
        )
        for file in days[day]:
            data = file.tree.read(file.name)
            batch.bytes_read += file.size
            digest = mark(recipe.salt, f"{file.channel}/{file.day}", data)
            if digest in delivered or digest in seen:
                batch.delivered += 1
                chains.pop(file.channel, None)
                continue
            seen.add(digest)
            batch.marks.append(digest)
            before = chains.pop(file.channel, None)
            last = parse(file, data, before[1] if before and before[0] == day - 1 else None, batch)
            if last is not None:
                chains[file.channel] = (day, last)
        batch.events.sort(key=_time)
        if batch.events:
            batch.ends_at = max(batch.ends_at or 0, batch.events[-1].occurred_at + 1)
        yield batch


class Registry:
    """Which groups have been announced, in this run or, as far as `delivered` knows, in one before."""

    def __init__(self, recipe: Recipe, delivered: Delivered) -> None:
        self._salt = recipe.salt
        self._delivered = delivered
        self._known: set[str] = set()

    def is_new(self, channel: str, batch: Batch) -> bool:
        """Whether the channel is still to be announced; if so, the batch remembers that it does it."""
        if channel in self._known:
            return False
        self._known.add(channel)
        digest = mark(self._salt, f"{channel}/created", b"")
        if digest in self._delivered:
            return False
        batch.marks.append(digest)
        batch.announced += 1
        return True


def created(recipe: Recipe, channel: str, name: str, at: int) -> GroupCreated:
    """The announcement of a group. It has no place in the order of the source and is known again by its id."""
    group = f"{recipe.brand_id}/{recipe.platform}/{channel}"
    return GroupCreated(
        event_id=f"{group}/created",
        occurred_at=at,
        brand_id=recipe.brand_id,
        platform=recipe.platform,
        source=recipe.source,
        group_id=group,
        name=name,
    )


def _time(event: Event) -> int:
    return event.occurred_at


def day_start(day: int, zone: tzinfo) -> int:
    """When a day begins in a zone, ms UTC."""
    if zone is UTC:
        return day * DAY_MS
    begin = datetime.fromordinal(EPOCH + day).replace(tzinfo=zone)
    return int(begin.timestamp()) * 1000


def minutes_of(day: int, zone: tzinfo) -> tuple[int, dict[bytes, int]]:
    """When a day begins in a zone (ms UTC), and `b"HH:MM"` → ms since then. A wall time that comes twice is its first.

    One table serves every day but those on which the clocks change.
    """
    start = day_start(day, zone)
    if zone is UTC or day_start(day + 1, zone) - start == DAY_MS:
        return start, _PLAIN_DAY
    midnight = datetime.fromordinal(EPOCH + day)
    walls = {wall: midnight + timedelta(milliseconds=ms) for wall, ms in _PLAIN_DAY.items()}
    return start, {wall: int(at.replace(tzinfo=zone).timestamp()) * 1000 - start for wall, at in walls.items()}


_PLAIN_DAY = {f"{m // 60:02}:{m % 60:02}".encode(): m * 60_000 for m in range(1440)}
