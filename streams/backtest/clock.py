"""The clock of a brand: it moves with the brand's own events, for an archive is complete up to its last one."""

import time
from collections.abc import Iterator

from streams.events import SourceComplete, Tick
from streams.vitals.episodes import MINUTE_MS
from streams.vitals.policy import DAY_MS


class Clock:
    """Closes the days of one brand: a tick for each of its sources at each midnight, as an import sends them.

    `midnight` is the next one to close a day at, ms UTC. A source that brings ticks of its own gets no others.
    """

    def __init__(self, brand: str, at: int) -> None:
        self.brand = brand
        self.midnight = 0
        self.digits = b""
        self._sources: dict[str, str] = {}
        self._self_ticking: set[str] = set()
        self._complete: dict[str, int] = {}
        self._set(at // DAY_MS * DAY_MS + DAY_MS)

    def begin(self, source: str, platform: str) -> Iterator[Tick]:
        """Meet a source; a new one has its first tick before its first event."""
        if source not in self._sources:
            self._sources[source] = platform
            yield from self._ticks(self.midnight - DAY_MS, source)

    def leave_to_file(self, source: str) -> None:
        """The file has ticks of this source."""
        self._self_ticking.add(source)

    def report(self, event: SourceComplete) -> Iterator[Tick]:
        """What follows when a live source has said how far it is complete.

        A day that had to wait for it closes now, as at the next of a live stack's ticks, one a minute.
        """
        source, last = event.source or "", self.midnight - DAY_MS
        before = self._complete.get(source, last)
        self._complete[source] = max(before, event.complete_until)
        if before < last <= event.complete_until:
            yield from self._ticks(max(last, next_minute(event.occurred_at)), source)

    def advance(self, at: int) -> Iterator[tuple[int, list[Tick]]]:
        """Each midnight up to and including `at` (ms UTC) that was not yet, with its ticks."""
        while self.midnight <= at:
            yield self.midnight, [tick for source in self._sources for tick in self._ticks(self.midnight, source)]
            self._set(self.midnight + DAY_MS)

    def _set(self, midnight: int) -> None:
        self.midnight = midnight
        self.digits = b"%d" % midnight

    def _ticks(self, at: int, source: str) -> Iterator[Tick]:
        if source not in self._self_ticking:
            day = time.strftime("%Y%m%d", time.gmtime(at // 1000))
            yield Tick(
                event_id=f"tick/{source}/{day}",
                occurred_at=at,
                brand_id=self.brand,
                platform=self._sources[source],
                source=source,
            )


def next_minute(at: int) -> int:
    """The first full minute from a time on, ms UTC: when a live stack's next tick would be."""
    return -(-at // MINUTE_MS) * MINUTE_MS
