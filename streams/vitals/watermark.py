"""How far time has passed in all partitions of another topic, as told by ticks that each speak for one of them."""

import msgspec

from streams.events import Tick

NOT_HEARD = -1


class Watermark(msgspec.Struct, array_like=True):
    """The latest tick of each partition of the topic upstream, in ms; NOT_HEARD for one that has not spoken."""

    heard: list[int]

    @classmethod
    def of(cls, partitions: int, stored: bytes | None = None) -> "Watermark":
        """As stored, fitted to the number of partitions; without stored bytes nothing was heard."""
        heard = [] if stored is None else _decoder.decode(stored).heard
        return cls((heard + [NOT_HEARD] * partitions)[:partitions])

    def hear(self, tick: Tick) -> bool:
        """Take in a forwarded tick; True if the minimum rose. Time of a partition only rises.

        A tick that speaks for no partition (an importer's own) or for one beyond the count says nothing here.
        """
        origin = tick.origin_partition
        if origin is None or origin >= len(self.heard) or tick.occurred_at <= self.heard[origin]:
            return False
        before = self.low
        self.heard[origin] = tick.occurred_at
        return self.low > before

    @property
    def low(self) -> int:
        """Up to this time every partition upstream was read; NOT_HEARD while one has not spoken."""
        return min(self.heard)


_decoder = msgspec.msgpack.Decoder(Watermark)
