"""When so much of a partition is refused that the fault is not in single events: pause, rather than refuse it all."""

import msgspec

RATE_OF = 1000
RATE_LIMIT = 10
"""More than 1 % of the last 1,000 records …"""
ROW_LIMIT = 100
"""… or 100 in a row."""


class Limit(msgspec.Struct, array_like=True, gc=False):
    """The refusals of one partition, by offset; part of its position, so it is as old as that.

    The rate counts only once RATE_OF records have passed since `since`, so that a small import with some bad
    lines goes through. `paused_at` is the offset that the partition stands at until somebody accepts, and
    `paused_since` when (ms): an acceptance from before does not count.
    """

    since: int = 0
    recent: list[int] = []
    row: int = 0
    paused_at: int | None = None
    paused_since: int = 0

    def refused(self, offset: int, now_ms: int = 0) -> bool:
        """Count a refusal; whether the partition must pause after it."""
        self.row = self.row + 1 if self.recent and self.recent[-1] == offset - 1 else 1
        self.recent = [*(at for at in self.recent[-RATE_LIMIT:] if at > offset - RATE_OF), offset]
        crowded = len(self.recent) > RATE_LIMIT and offset - self.since >= RATE_OF
        if crowded or self.row >= ROW_LIMIT:
            self.paused_at, self.paused_since = offset + 1, now_ms
        return self.paused_at is not None

    def accept(self, offset: int) -> None:
        """Somebody looked and said: go on. Counting begins anew at `offset`."""
        self.since, self.recent, self.row, self.paused_at, self.paused_since = offset, [], 0, None, 0

    def copy(self) -> "Limit":
        """As it is now, apart from what comes."""
        return Limit(self.since, list(self.recent), self.row, self.paused_at, self.paused_since)
