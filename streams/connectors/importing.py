"""An import: a reader's batches to a destination, days closed on the way, everything counted."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from streams.connectors.batches import Batch, Delivered, Reader, Recipe, Source
from streams.connectors.destinations import Destination
from streams.connectors.first_buyers import FirstBuyers
from streams.dead_letters import DeadLetter
from streams.errors import VitalsError
from streams.events import (
    Event,
    GroupEvent,
    IdentityLinked,
    IdentityUnlinked,
    Purchase,
    Refund,
    SourceComplete,
    Tick,
    encode,
)
from streams.vitals.panes import PANE_DAYS
from streams.vitals.policy import DAY_MS

SETTLE_SECONDS = 2.0
LONGEST_NAME = 512
REFUSED_BEFORE_ANY = 100
"""So many refused lines before the first event say that the file is of another format."""


class Progress(Delivered, Protocol):
    """What was delivered, and a place to say what was delivered now."""

    def add(self, marks: Iterable[int]) -> None:
        """Remember pieces whose every event is safe."""


class Counts(msgspec.Struct):
    """The closing count. `announced` of the events sent stand in no line; `late` came behind a day already closed.

    `forgotten` members were met whose ids and names may not be sent; `rebought` events named another buyer of an order
    than the first import of it. `first_rejected` is where the first rejected line stands, and why.
    """

    read: int = 0
    sent: int = 0
    announced: int = 0
    late: int = 0
    delivered: int = 0
    groups: int = 0
    forgotten: int = 0
    rebought: int = 0
    skipped: Counter[str] = msgspec.field(default_factory=Counter)
    rejected: Counter[str] = msgspec.field(default_factory=Counter)
    first_rejected: str = ""


class Import:
    """One run. Not sent again by it: what `progress` holds. With `buyers` an order stays its first buyer's."""

    def __init__(
        self,
        reader: Reader,
        recipe: Recipe,
        destination: Destination,
        progress: Progress,
        buyers: FirstBuyers | None = None,
    ) -> None:
        self.counts = Counts()
        self._reader = reader
        self._recipe = recipe
        self._destination = destination
        self._progress = progress
        self._buyers = buyers
        self._pending: list[int] = []
        self._held: list[DeadLetter] = []
        self._settled_at = time.monotonic()
        self._midnight: int | None = None
        """The next midnight to close a day at, ms UTC; None before the first event."""
        self._ends_at = 0
        self._sources: dict[str, Source] = {}
        self._begun: set[str] = set()
        """The sources that had a tick; each has its first one before its first event."""
        self._self_closing: set[str] = set()
        self._keys: dict[str, bytes] = {}

    def run(self, advance: Callable[[int], None], complete_until: int | None = None) -> Counts:
        """Send everything; `advance` is told the bytes read. Raises VitalsError.

        `complete_until` (ms UTC) is up to when the sources are complete, if it is not the end of the last day.
        """
        for batch in self._reader.batches(self._progress):
            if time.monotonic() - self._settled_at > SETTLE_SECONDS:
                self._settle(self._pending[:-1])
            self._take(batch)
            advance(batch.bytes_read)
        self._release()
        self._complete(complete_until)
        self._settle(self._pending)
        return self.counts

    def _take(self, batch: Batch) -> None:
        counts = self.counts
        counts.read += batch.lines
        counts.announced += batch.announced
        counts.delivered += batch.delivered
        counts.skipped.update(batch.skipped)
        self._ends_at = max(self._ends_at, batch.ends_at or 0)
        self._sources |= batch.sources
        self._self_closing |= batch.self_closing
        if not counts.sent and batch.delivered and batch.begins_at is not None:
            first = min([batch.begins_at, *(event.occurred_at for event in batch.events[:1])])
            self._midnight = first // DAY_MS * DAY_MS + DAY_MS  # the days before were closed when it was delivered
        for identity in batch.identities:
            if len(identity.name) > LONGEST_NAME:
                identity = msgspec.structs.replace(identity, name=identity.name[:LONGEST_NAME])  # noqa: PLW2901
            counts.forgotten += not self._destination.identify(identity)
        events = batch.events
        if self._buyers is not None:
            settled = list(self._buyers.settled(events))
            counts.rebought += sum(is_other for _, is_other in settled)
            events = [event for event, _ in settled]
        for event in events:
            self._send(event)
        self._refuse(batch.refused)
        self._pending += batch.marks

    def _refuse(self, letters: list[DeadLetter]) -> None:
        """Hold refused lines back until one event has shown that the format is right."""
        counts = self.counts
        if letters and not counts.first_rejected:
            counts.first_rejected = f"{letters[0].origin}, line {letters[0].position}: {letters[0].detail}"
        counts.rejected.update(letter.reason for letter in letters)
        self._held += letters
        if counts.sent:
            self._release()
        elif len(self._held) >= REFUSED_BEFORE_ANY and not counts.delivered:
            first = self._held[0]
            raise VitalsError(
                f"not one of the first {len(self._held)} lines could be read ({first.origin}, line {first.position}: "
                f"{first.detail}): is this the right format? Nothing was sent"
            )

    def _release(self) -> None:
        for letter in self._held:
            self._destination.refuse(letter)
        self._held.clear()

    def _send(self, event: Event) -> None:
        counts = self.counts
        counts.sent += 1
        if isinstance(event, GroupEvent):
            at = event.occurred_at
            if self._midnight is None:
                self._midnight = at // DAY_MS * DAY_MS + DAY_MS
            elif at >= self._midnight:
                self._close_days(at)
            elif at < self._midnight - DAY_MS:
                counts.late += 1
            if len(self._begun) < len(self._sources):
                self._begin(self._midnight - DAY_MS)
            group = event.group_id
            key = self._keys.get(group)
            if key is None:
                key = self._keys[group] = group.encode()
                counts.groups += 1
            self._destination.send("chat-events", key, encode(event))
        elif isinstance(event, Purchase | Refund):
            self._destination.send("purchases", event.customer_id.encode(), encode(event))
        elif isinstance(event, IdentityLinked | IdentityUnlinked):
            self._destination.send("member-touches", event.member_id.encode(), encode(event))
        else:
            self._destination.send_everywhere("chat-events", encode(event))

    def _begin(self, midnight: int) -> None:
        """Tick for the new sources before their first event: else a live tick would judge their groups as of now."""
        self._tick(midnight, [name for name in self._sources if name not in self._begun])

    def _close_days(self, at: int) -> None:
        """Tick at each midnight up to and including `at`, for every source met so far.

        Of a longer gap only the first and the last PANE_DAYS, as far as panes reach: one event of 1970 must not make
        20,000 ticks for each source and partition.
        """
        midnight = self._midnight
        if midnight is None:
            return
        leap_from = midnight + PANE_DAYS * DAY_MS
        leap_to = at // DAY_MS * DAY_MS - PANE_DAYS * DAY_MS
        while midnight <= at:
            self._tick(midnight)
            midnight += DAY_MS
            if leap_from <= midnight < leap_to:
                midnight = leap_to
        self._midnight = midnight

    def _tick(self, at: int, names: Iterable[str] | None = None) -> None:
        """Let time pass for some sources, or for all."""
        word = time.strftime("%Y%m%d", time.gmtime(at // 1000)) if at % DAY_MS == 0 else str(at)
        for name in list(self._sources if names is None else names):
            brand, platform = self._sources[name]
            self._begun.add(name)
            tick = Tick(event_id=f"tick/{name}/{word}", occurred_at=at, brand_id=brand, platform=platform, source=name)
            self._destination.send_everywhere("chat-events", encode(tick))

    def _complete(self, complete_until: int | None) -> None:
        """Say that the sources are complete, and close the last day. Nothing new, nothing to say."""
        if not self.counts.sent or not self._sources:
            return
        end = complete_until or min(-(-self._ends_at // DAY_MS) * DAY_MS, self._recipe.now)
        self._close_days(end - 1)
        for name, (brand, platform) in self._sources.items():
            if name not in self._self_closing:
                complete = SourceComplete(
                    event_id=f"complete/{name}/{end}",
                    occurred_at=end,
                    brand_id=brand,
                    platform=platform,
                    source=name,
                    complete_until=end,
                )
                self._destination.send_everywhere("chat-events", encode(complete))
        self._tick(end)

    def _settle(self, marks: list[int]) -> None:
        """Remember pieces as delivered.

        Not all of them before the end is said: after a kill the next run must find something to send, or it would
        send no end either.
        """
        self._destination.settle()
        self._progress.add(marks)
        self._pending = self._pending[len(marks) :]
        self._settled_at = time.monotonic()
