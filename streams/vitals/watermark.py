"""How far time has passed in all partitions of another topic, as told by ticks that each speak for one of them."""

import msgspec

from streams.events import Tick

NOT_HEARD = -1


class Watermark(msgspec.Struct, array_like=True):
    """The last tick of each partition of the topic upstream, in ms; NOT_HEARD for one that has not spoken.

    The last one is not the latest once the ticker's clock was ahead and has been set right: who waited for the latest
    would wait until the clock has caught up. `sources` and `seqs` are the place of each tick on its partition's log,
    for what is told again after a crash says nothing. Three numbers or names per partition.
    """

    heard: list[int]
    sources: list[str] = msgspec.field(default_factory=list)
    seqs: list[int] = msgspec.field(default_factory=list)

    @classmethod
    def of(cls, partitions: int, stored: bytes | None = None) -> "Watermark":
        """As stored, fitted to the number of partitions; without stored bytes nothing was heard."""
        mark = cls([]) if stored is None else _decoder.decode(stored)
        mark.heard = (mark.heard + [NOT_HEARD] * partitions)[:partitions]
        mark.sources = (mark.sources + [""] * partitions)[:partitions]
        mark.seqs = (mark.seqs + [-1] * partitions)[:partitions]
        return mark

    def hear(self, tick: Tick) -> bool:
        """Take in a forwarded tick; True if the minimum is another than before.

        A tick that speaks for no partition (an importer's own) or for one beyond the count says nothing here.
        """
        origin = tick.origin_partition
        if origin is None or origin >= len(self.heard) or not self._is_new(tick, origin):
            return False
        before = self.low
        self.heard[origin] = tick.occurred_at
        self.sources[origin] = tick.source or ""
        self.seqs[origin] = -1 if tick.source_seq is None else tick.source_seq
        return self.low != before

    def _is_new(self, tick: Tick, origin: int) -> bool:
        """Whether it stands behind the last one on the same log; of another log (a topic made anew) if it is later."""
        if tick.source_seq is None or tick.source != self.sources[origin]:
            return tick.occurred_at > self.heard[origin]
        return tick.source_seq > self.seqs[origin]

    @property
    def low(self) -> int:
        """Up to this time every partition upstream was read; NOT_HEARD while one has not spoken."""
        return min(self.heard)


_decoder = msgspec.msgpack.Decoder(Watermark)
