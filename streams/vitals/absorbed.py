"""What a value has counted already, so that an event sent again on a new offset counts once."""

from bisect import bisect_left, bisect_right

import msgspec
import xxhash

from streams.events import Event

MAX_GAPS = 4096
"""Gaps kept per source. Past it the oldest closes, as if covered: at most once, at the price of a very late event.

Only a source that sends sparse ids without `source_prev` gets there; the others keep one interval per cut.
"""
HORIZON = 4096
"""Events without an order of their source are known again for at least so many such events of the key."""


class Absorbed(msgspec.Struct, array_like=True, gc=False):
    """The intervals that one key has covered, per source, and the latest event ids of sources without an order.

    `spans[source]` is flat and rises: [lo, hi, lo, hi, …], each covering (lo, hi], none touching the next.
    `recent` and `older` are two generations of 64-bit hashes in order of arrival: dicts, because the order of
    a set may change when it is stored, and equal folds must store equal bytes.
    """

    spans: dict[str, list[int]] = msgspec.field(default_factory=dict)
    recent: dict[int, None] = msgspec.field(default_factory=dict)
    older: dict[int, None] = msgspec.field(default_factory=dict)

    def absorb(self, event: Event) -> bool:
        """Cover what the event covers; False if it was covered before, and the event is to be skipped."""
        source = event.source
        seq = event.source_seq
        if source is None or seq is None:
            return self._remember(event.event_id)
        prev = event.source_prev
        spans = self.spans.get(source)
        if spans is not None and prev == spans[-1] < seq:
            spans[-1] = seq  # the next one in order: nearly all there is
            return True
        return self.cover(source, seq - 1 if prev is None or prev >= seq else prev, seq)

    def cover(self, source: str, prev: int, seq: int) -> bool:
        """Cover (prev, seq] of a source, prev < seq; False if seq was covered before.

        A duplicate closes the gap before it too: what was covered does not depend on the order of arrival.
        """
        spans = self.spans.get(source)
        if spans is None:
            self.spans[source] = [prev, seq]
            return True
        last = spans[-1]
        if seq > last:
            if prev > last:
                spans += (prev, seq)
                if len(spans) > 2 * MAX_GAPS + 2:
                    del spans[1:3]
                return True
            if prev >= spans[-2]:
                spans[-1] = seq
                return True
        return _insert(spans, prev, seq)

    def _remember(self, event_id: str) -> bool:
        digest = xxhash.xxh3_64_intdigest(event_id.encode())
        if digest in self.recent or digest in self.older:
            return False
        if len(self.recent) >= HORIZON:
            self.older, self.recent = self.recent, {}
        self.recent[digest] = None
        return True


def _insert(spans: list[int], prev: int, seq: int) -> bool:
    """Cover (prev, seq] anywhere. An odd number of bounds below a point means that it lies inside an interval."""
    end = bisect_left(spans, seq)
    is_new = not end & 1
    if is_new:
        end = bisect_right(spans, seq, end)
    elif prev >= spans[end - 1]:
        return False
    first = bisect_left(spans, prev)
    spans[first:end] = ([] if first & 1 else [prev]) + ([] if end & 1 else [seq])
    if len(spans) > 2 * MAX_GAPS + 2:
        del spans[1:3]
    return is_new
