"""Where a customer was when: the touches of one customer in one group."""

from bisect import bisect_right

import msgspec

_OUT, _IN, _TALK = 0, 1, 2
_KINDS = {"leave": _OUT, "join": _IN, "message": _TALK, "claim": _TALK}


class Presence(msgspec.Struct, array_like=True, gc=False):
    """The touches of a customer in one group, a set: the same touch twice is one.

    `seen` rises by time; each is `time in ms << 2 | kind`. At one millisecond the order of arrival holds, as
    one group is one log. `first_at` is the earliest sign of being in, and outlives the touches. Speaking or
    claiming is being in: many a join is older than the log.
    """

    brand_id: str
    platform: str
    first_at: int | None = None
    seen: list[int] = []

    def note(self, at: int, kind: str, kept_ms: int, most: int) -> None:
        """Add a touch; then forget those older than `kept_ms` before the newest, and all but the newest `most`.

        The last one older than that stays, for it says whether the customer was in or out from then on.
        """
        code = _KINDS[kind]
        if code != _OUT and (self.first_at is None or at < self.first_at):
            self.first_at = at
        touch, seen = at << 2 | code, self.seen
        place = bisect_right(seen, at << 2 | 3)
        run = place
        while run and seen[run - 1] >> 2 == at:
            run -= 1
        if touch in seen[run:place]:
            return
        seen.insert(place, touch)
        limit = seen[-1] - (kept_ms << 2)
        old = bisect_right(seen, limit)
        if old > 1 or len(seen) > most:
            del seen[: max(old - 1, len(seen) - most)]

    def is_in(self, at: int) -> bool:
        """Whether the customer was in the group at a time. Before the oldest touch kept: since the first sign."""
        place = bisect_right(self.seen, at << 2 | 3)
        if place:
            return self.seen[place - 1] & 3 != _OUT
        return self.first_at is not None and self.first_at <= at

    def last_talk(self, at: int) -> int | None:
        """The latest message or claim up to a time."""
        return self._last(at, _TALK)

    def last_touch(self, at: int) -> int | None:
        """The latest join, message or claim up to a time; the first of all if only that is remembered."""
        last = self._last(at, _IN)
        return self.first_at if last is None and self.first_at is not None and self.first_at <= at else last

    def _last(self, at: int, least: int) -> int | None:
        seen = self.seen
        for place in range(bisect_right(seen, at << 2 | 3) - 1, -1, -1):
            if seen[place] & 3 >= least:
                return seen[place] >> 2
        return None
