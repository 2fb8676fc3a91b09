"""Where a customer was when: the touches of one customer in one group."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

import msgspec

from streams.events import MemberSeen

_OUT, _IN, _TALK = 0, 1, 2
_KINDS = {"leave": _OUT, "join": _IN, "message": _TALK, "claim": _TALK}


class Presence(msgspec.Struct, array_like=True, gc=False):
    """The touches of a customer in one group, a set: the same touch twice is one.

    `seen` rises by time; each is `time in ms << 2 | kind`. At one millisecond the order of arrival holds, as
    one group is one log. `first_at` is the earliest sign of being in, and outlives the touches. Speaking or
    claiming is being in: many a join is older than the log. `forgot_at` is the latest touch that was forgotten.
    """

    brand_id: str
    platform: str
    first_at: int | None = None
    seen: list[int] = []
    forgot_at: int = -1

    def note(self, at: int, kind: str, kept_ms: int, most: int) -> None:
        """Add a touch; then forget those older than `kept_ms` before the newest, and all but the newest `most`.

        The last one older than that stays, for it says whether the customer was in or out from then on.
        """
        self._add(at, _KINDS[kind], kept_ms, most)

    def take(self, told: MemberSeen, kept_ms: int, most: int) -> None:
        """Add what another value kept of the same member and group."""
        for touch in told.seen:
            self._add(touch >> 2, min(touch & 3, _TALK), kept_ms, most)
        if told.first_at is not None and (self.first_at is None or told.first_at < self.first_at):
            self.first_at = told.first_at
        if told.forgot_at is not None:
            self.forgot_at = max(self.forgot_at, told.forgot_at)

    @property
    def last_at(self) -> int:
        """The time of the newest touch."""
        return self.seen[-1] >> 2 if self.seen else -1

    def _add(self, at: int, code: int, kept_ms: int, most: int) -> None:
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
            gone = max(old - 1, len(seen) - most)
            self.forgot_at = max(self.forgot_at, seen[gone - 1] >> 2)
            del seen[:gone]

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


class Presences(msgspec.Struct, frozen=True):
    """One customer in one group under several names: there while any of them is. Reads as a Presence does."""

    each: Sequence[Presence]

    @property
    def platform(self) -> str:
        """Of the group."""
        return self.each[0].platform

    @property
    def first_at(self) -> int | None:
        """The earliest sign of any of them."""
        return min((one.first_at for one in self.each if one.first_at is not None), default=None)

    def is_in(self, at: int) -> bool:
        """Whether any of them was in the group."""
        return any(one.is_in(at) for one in self.each)

    def last_talk(self, at: int) -> int | None:
        """The latest message or claim of any of them."""
        return _latest(one.last_talk(at) for one in self.each)

    def last_touch(self, at: int) -> int | None:
        """The latest join, message or claim of any of them."""
        return _latest(one.last_touch(at) for one in self.each)


def _latest(times: Iterable[int | None]) -> int | None:
    return max((time for time in times if time is not None), default=None)


def make_room(presences: dict[str, Presence], most: int) -> None:
    """Forget the group that was touched longest ago when there are more than `most`."""
    if len(presences) > most:
        del presences[min(presences, key=lambda group_id: (presences[group_id].last_at, group_id))]
