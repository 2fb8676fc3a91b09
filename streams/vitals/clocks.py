"""The clocks of chat-events as the alert agent hears them: how far all have come, and which is waited for no longer."""

import msgspec

from streams.events import Tick
from streams.vitals.watermark import NOT_HEARD


class Clocks(msgspec.Struct, array_like=True):
    """The latest tick of each partition, and since when it has been behind another (-1: it is not), by arrival.

    `arrived_at` is the arrival of the latest tick of any. `low` is the time that all have passed but those that are
    waited for no longer; it never falls. All in ms. Event time cannot say who is stuck: while a backlog is read, one
    partition is days ahead of another within seconds.
    """

    heard: list[int]
    behind_since: list[int]
    arrived_at: int = -1
    low: int = NOT_HEARD

    @classmethod
    def of(cls, partitions: int, stored: bytes | None = None) -> "Clocks":
        """As stored, fitted to the number of partitions; without stored bytes nothing was heard."""
        clocks = cls([], []) if stored is None else _decoder.decode(stored)
        clocks.heard = (clocks.heard + [NOT_HEARD] * partitions)[:partitions]
        clocks.behind_since = (clocks.behind_since + [-1] * partitions)[:partitions]
        return clocks

    def hear(self, tick: Tick, arrived_at: int, patience_ms: int) -> bool:
        """Take in a forwarded tick; False if it says nothing new.

        While no partition ticks, nobody is behind: after an outage of all the waiting begins anew.
        """
        origin = tick.origin_partition
        if origin is None or origin >= len(self.heard) or tick.occurred_at <= self.heard[origin]:
            return False
        was_pause = arrived_at - self.arrived_at > patience_ms // 4
        self.arrived_at = max(self.arrived_at, arrived_at)
        self.heard[origin] = tick.occurred_at
        self.behind_since = [self.arrived_at if since < 0 or was_pause else since for since in self.behind_since]
        self.behind_since[origin] = -1
        earliest = self.arrived_at - patience_ms
        awaited = (
            at for at, since in zip(self.heard, self.behind_since, strict=True) if since < 0 or since >= earliest
        )
        self.low = max(self.low, min(awaited))
        return True


_decoder = msgspec.msgpack.Decoder(Clocks)
