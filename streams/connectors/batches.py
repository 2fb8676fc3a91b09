"""The words between a reader, which knows a format, and a destination, which knows where events go."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, tzinfo
from typing import Protocol

import msgspec
import xxhash

from streams.dead_letters import DeadLetter, DeadLetterReason, dead_letter
from streams.events import FUTURE_TOLERANCE_MS, Event
from streams.identities import MemberIdentity


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What the user said about an export. `now` is the time of the import, ms UTC.

    `bots` and `staff` hold raw ids or names as the format compares them (IRC: canonical nicks).
    """

    brand_id: str
    platform: str
    source: str
    now: int
    zone: tzinfo = UTC
    bots: frozenset[str] = frozenset()
    staff: frozenset[str] = frozenset()
    keep_text: bool = False

    @property
    def latest(self) -> int:
        """The latest event time that is not from the future, ms UTC."""
        return self.now + FUTURE_TOLERANCE_MS

    @property
    def salt(self) -> str:
        """All that changes what a file's bytes become: with another recipe a delivered file is sent again."""
        words = [*sorted(self.bots), "|", *sorted(self.staff)]
        return "\0".join([self.brand_id, self.platform, self.source, str(self.zone), str(self.keep_text), *words])


Source = tuple[str, str]
"""Brand and platform of a source."""


class Batch(msgspec.Struct, kw_only=True):
    """A piece of an export, events in the order of event time, and what became of all its lines.

    `marks` are the digests of the pieces that it is made of: delivered once, they are skipped the next time.
    `begins_at` and `ends_at` (ms UTC) are the time it speaks for, also when it was delivered before;
    `delivered` counts the pieces that were. `sources` are those its events come from, delivered or not, and
    `self_closing` those that bring their own `source_complete`. `announced` of its events stand in no line.
    """

    events: list[Event] = []
    refused: list[DeadLetter] = []
    identities: list[MemberIdentity] = []
    skipped: Counter[str] = msgspec.field(default_factory=Counter)
    marks: list[int] = []
    sources: dict[str, Source] = {}
    self_closing: set[str] = set()
    lines: int = 0
    announced: int = 0
    delivered: int = 0
    bytes_read: int = 0
    begins_at: int | None = None
    ends_at: int | None = None

    def refuse(self, raw: bytes, origin: str, position: int, reason: DeadLetterReason, detail: str, at: int) -> None:
        """Keep a line that is no event, with where it stood: `origin` is a path inside the export."""
        letter = dead_letter(
            raw, origin=origin, partition=NO_PARTITION, position=position, reason=reason, detail=detail, at=at
        )
        self.refused.append(letter)


NO_PARTITION = -1


class Delivered(Protocol):
    """What an earlier, perhaps killed, run of the same import has brought to Kafka already."""

    def __contains__(self, mark: object, /) -> bool: ...


class Reader(Protocol):
    """A format: an export as batches in the order of time. Raises VitalsError on what it cannot read at all."""

    @property
    def total_bytes(self) -> int | None:
        """What there is to read, in the unit of `Batch.bytes_read`; None when it cannot be known."""

    @property
    def unit(self) -> str:
        """What a line of this format is called in the closing count."""

    def batches(self, delivered: Delivered) -> Iterator[Batch]:
        """The export, without the pieces that were delivered before."""


def mark(salt: str, name: str, data: bytes) -> int:
    """A digest of one piece of an export: same bytes at the same place under the same recipe."""
    digest = xxhash.xxh3_64(f"{salt}\0{name}\0".encode())
    digest.update(data)
    return digest.intdigest()
