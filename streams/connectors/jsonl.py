"""Events as JSON lines, with the ids that they bring: what `--out`, `vitals simulate` and other tools write.

All events of `chat-events` are taken, `purchase`, `refund`, `identity_linked` and `identity_unlinked`; each goes to its
topic. `tick` lines are skipped,
for an import makes its own. A chat event without a `source` gets `jsonl/<brand>`, so that its days are closed.

The events of one file are taken in the order of the file, several files are merged by time. Where a file is not in
the order of time, an event behind the last day-closing tick is late: it changes later rows, not those of days
already closed; the closing count says how many were.
"""

import heapq
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from streams.connectors.batches import Batch, Delivered, Recipe, mark
from streams.connectors.lines import Line, LineFile, too_long, total_size
from streams.edge import RefusedError, take_in
from streams.events import (
    OF_CUSTOMERS,
    ChatEvent,
    Event,
    IdentityLinked,
    IdentityUnlinked,
    Purchase,
    Refund,
    SourceComplete,
    Tick,
)
from streams.vitals.policy import DAY_MS

BLOCK_LINES = 2000
"""So many lines are remembered as delivered, or sent again, as one."""
BATCH_EVENTS = 4000

_decode = msgspec.json.Decoder(ChatEvent | Purchase | Refund | IdentityLinked | IdentityUnlinked).decode


_OF_NO_DAY = {"tick", "calibration", *(str(kind.__struct_config__.tag) for kind in OF_CUSTOMERS)}


class _Head(msgspec.Struct):
    """What is needed of an event that was delivered before."""

    type: str
    occurred_at: int
    brand_id: str
    platform: str
    source: str | None = None


_head = msgspec.json.Decoder(_Head).decode


class JsonlReader:
    """Reads files of events. Of the recipe only `now` counts, and `source` for what no event names."""

    unit = "lines"

    def __init__(self, paths: Sequence[Path], recipe: Recipe) -> None:
        self._recipe = recipe
        self._files = [LineFile(path) for path in paths]
        self._batch = Batch()
        self.total_bytes = total_size(self._files)

    def batches(self, delivered: Delivered) -> Iterator[Batch]:
        """As Reader says."""
        streams = [self._events(file, delivered) for file in self._files]
        merged = streams[0] if len(streams) == 1 else heapq.merge(*streams, key=lambda event: event.occurred_at)
        events: list[Event] = []
        for event in merged:
            events.append(event)
            if len(events) >= BATCH_EVENTS:
                yield self._take_batch(events)
                events = []
        yield self._take_batch(events)

    def _take_batch(self, events: list[Event]) -> Batch:
        """The batch so far; what is read from now on goes into the next."""
        batch, self._batch = self._batch, Batch()
        batch.events = events
        batch.bytes_read = sum(file.read_since() for file in self._files)
        return batch

    def _events(self, file: LineFile, delivered: Delivered) -> Iterator[Event]:
        """A file's events; a block is marked in the batch only when all of its events were asked for."""
        lines = file.lines(self._recipe.now)
        while block := list(islice(lines, BLOCK_LINES)):
            digest = mark("jsonl", self._recipe.source, b"\n".join(line.value or b"" for line in block))
            if digest in delivered:
                self._pass_over(block)
                continue
            yield from self._block(block, file.title)
            self._batch.marks.append(digest)
        file.close()

    def _pass_over(self, block: list[Line]) -> None:
        """Learn from a delivered block only its sources and its time."""
        batch, end = self._batch, 0
        batch.delivered += 1
        for line in block:
            try:
                head = _head(line.value or b"")
            except ValueError:
                continue
            if head.type not in _OF_NO_DAY:
                end = max(end, head.occurred_at)
                self._note(head.source or _source_of(head.brand_id), head.brand_id, head.platform)
                if head.type == "source_complete":
                    batch.self_closing.add(head.source or _source_of(head.brand_id))
        if end:
            batch.begins_at = end if batch.begins_at is None else min(batch.begins_at, end)
            batch.ends_at = max(batch.ends_at or 0, end // DAY_MS * DAY_MS + DAY_MS)

    def _block(self, block: list[Line], title: str) -> Iterator[Event]:
        end = 0
        for line in block:
            event = self._event(line, title)
            if event is None:
                continue
            if not isinstance(event, OF_CUSTOMERS):
                if event.source is None:
                    event = msgspec.structs.replace(event, source=_source_of(event.brand_id))
                self._note(event.source or "", event.brand_id, event.platform)
                if isinstance(event, SourceComplete):
                    self._batch.self_closing.add(event.source or "")
                end = max(end, event.occurred_at)
            yield event
        if end:
            self._batch.ends_at = max(self._batch.ends_at or 0, end // DAY_MS * DAY_MS + DAY_MS)

    def _event(self, line: Line, title: str) -> Event | None:
        """A line's event; None, and counted, for any other line."""
        batch = self._batch
        batch.lines += 1
        if not line.value or line.value.isspace():
            batch.skipped["blank"] += 1
            return None
        if line.sha256:
            batch.refused.append(too_long(line, f"{self._recipe.source}:{title}"))
            return None
        try:
            event, _ = take_in(line, _decode, {})
        except RefusedError as error:
            origin = f"{self._recipe.source}:{title}"
            batch.refuse(line.value, origin, line.offset, error.reason, error.detail, line.timestamp)
            return None
        if isinstance(event, Tick):
            batch.skipped["tick"] += 1
            return None
        return event

    def _note(self, source: str, brand: str, platform: str) -> None:
        if source not in self._batch.sources:
            self._batch.sources[source] = (brand, platform)


def _source_of(brand: str) -> str:
    return f"jsonl/{brand}"
