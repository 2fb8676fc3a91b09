"""Who turns to whom in a group, gathered from message to message: bounded, fading, and the same in any order.

Three things are gathered. Replies and mentions: an edge from who answers to whom. Where a platform has neither, what
follows what: an edge from who speaks to whoever spoke last, if that was within minutes; chance is taken off when
leaders are ranked. And sparks: a window of minutes begins with a message, and what others write in it is credited to
its author, less what windows of that hour of the day usually bring.

Bound, per group: EDGES edges of the open week and EDGES of the weeks before, of either kind, and SPARKS sums. 8 bytes
an edge of the past, 11 one of the week: at most 45 KB stored, whatever the number of members and messages.
"""

import struct

import msgspec
import xxhash

from streams.vitals.policy import HOUR_MS

EDGES = 1024
SPARKS = 512
NUMBER_BITS = 20
UNIT = 256
"""A weight of one answer, in integers: no rounding differs between machines."""
LEAST_WEIGHT = 28
"""What a single answer weighs in its thirteenth week; lighter edges are dropped: so answers count for 91 days."""
KEPT_DAYS = 91
HOURS = 24
_FADED = 861
"""Of 1024: what a week leaves of a weight, 0.5^(7/28), as of the score of members."""
_WEIGHT_BITS = 24
_MOST_WEIGHT = (1 << _WEIGHT_BITS) - 1
_PRIOR = UNIT
"""An hour of the day is drawn towards all hours as if by one window."""


class Edges(msgspec.Struct, array_like=True, gc=False):
    """Edges and how heavy they are. A key is `from << 20 | to`, in member numbers.

    `week` counts those of the open week; `past` has those of the weeks before, 8 bytes each: key << 24 | weight,
    rising. Of more than EDGES those are kept whose hash begins with `level` zero bits: a sample that does not depend on
    the order of events, in which whoever is answered by many is as visible as among all. A sum over all edges is about
    that over the kept ones times 2^level.
    """

    week: dict[int, int] = {}
    past: bytes = b""
    level: int = 0

    def add(self, source: int, target: int) -> None:
        """Count one answer of a member to another."""
        key = source << NUMBER_BITS | target
        week = self.week
        known = week.get(key)
        if known is not None:
            week[key] = known + 1
        elif not (source | target) >> NUMBER_BITS and (not self.level or _is_kept(key, self.level)):
            week[key] = 1  # of a member whose number does not fit in a key nothing is gathered: no group has so many
            if len(week) > EDGES:
                self.week = self._sampled(week)

    def _sampled(self, edges: dict[int, int]) -> dict[int, int]:
        """The edges that are in the sample, which is made smaller until they are few enough."""
        while self.level or len(edges) > EDGES:
            self.level += len(edges) > EDGES
            edges = {key: weight for key, weight in edges.items() if _is_kept(key, self.level)}
            if len(edges) <= EDGES:
                break
        return edges

    def weights(self) -> dict[int, int]:
        """The weights of the weeks that have ended, by key, in units of 1/UNIT answers of today."""
        mask, bits = _MOST_WEIGHT, _WEIGHT_BITS
        return {edge >> bits: edge & mask for edge in struct.unpack(f"<{len(self.past) // 8}Q", self.past)}

    def end_week(self, weeks: int) -> dict[int, int]:
        """Let weights fade by so many weeks and add those of the open one, which begins anew: `weights` then."""
        total = {key: left for key, weight in self.weights().items() if (left := fade(weight, weeks)) >= LEAST_WEIGHT}
        for key, count in self.week.items():
            total[key] = min(_MOST_WEIGHT, total.get(key, 0) + count * UNIT)
        self.level -= self.level > 0 and len(total) < EDGES // 4
        total = self._sampled(total)
        edges = sorted([key << _WEIGHT_BITS | weight for key, weight in total.items()])
        self.week, self.past = {}, struct.pack(f"<{len(edges)}Q", *edges)
        return {edge >> _WEIGHT_BITS: edge & _MOST_WEIGHT for edge in edges}


class Sparks(msgspec.Struct, array_like=True, gc=False):
    """What others write after somebody does. `by` is whose window is open since `at`, `heard` what others wrote in it.

    `above` has, by member number, how many messages their windows brought beyond the usual, in 1/UNIT messages.
    `windows` and `messages` by hour of the day (UTC), and of all at the end, are what is usual, in 1/UNIT as well.
    """

    by: int = -1
    at: int = -1
    heard: int = 0
    above: dict[int, int] = {}
    windows: list[int] = []
    messages: list[int] = []

    def open(self, number: int, time: int) -> None:
        """A message after the last window: that one is counted, and this begins another."""
        by, windows, messages = self.by, self.windows, self.messages
        if by >= 0:
            hour, heard = self.at // HOUR_MS % HOURS, self.heard * UNIT
            if windows:
                usual = messages[HOURS] * _PRIOR // (windows[HOURS] or 1)
                above, expected = self.above, (messages[hour] + usual) * UNIT // (windows[hour] + _PRIOR)
                above[by] = above.get(by, 0) + heard - expected
                if len(above) > 2 * SPARKS:
                    self._prune()
            else:  # the first window has nothing to be compared with
                windows, messages = self.windows, self.messages = [0] * (HOURS + 1), [0] * (HOURS + 1)
            windows[hour] += UNIT
            windows[HOURS] += UNIT
            messages[hour] += heard
            messages[HOURS] += heard
        self.by, self.at, self.heard = number, time, 0

    def end_week(self, weeks: int) -> None:
        """Let all sums fade by so many weeks."""
        above = {number: left for number, one in self.above.items() if abs(left := fade(one, weeks)) >= LEAST_WEIGHT}
        self.above = above
        self.windows = [fade(count, weeks) for count in self.windows]
        self.messages = [fade(count, weeks) for count in self.messages]
        if len(above) > SPARKS:
            self._prune()

    def _prune(self) -> None:
        """Keep those with the largest sums."""
        largest = sorted(self.above.items(), key=lambda one: (-one[1], one[0]))[:SPARKS]
        self.above = dict(sorted(largest))


class Ties(msgspec.Struct, array_like=True, gc=False):
    """All that is gathered. Appended fields need defaults.

    `is_timed` says that what follows what is gathered too: until it shows that the platform tells of replies or
    mentions. `ended_day` is the day on which the last week ended, -1 before the first; `idle_weeks` before it brought
    nothing, and nothing has faded in them yet.
    """

    replies: Edges = msgspec.field(default_factory=Edges)
    follows: Edges = msgspec.field(default_factory=Edges)
    sparks: Sparks = msgspec.field(default_factory=Sparks)
    is_timed: bool = True
    ended_day: int = -1
    idle_weeks: int = 0

    def has_week_ended(self, day: int) -> bool:
        """Whether a week of the group ends with `day`, or one of several days that close late."""
        if self.ended_day < 0:
            self.ended_day = day
        weeks = (day - self.ended_day) // 7
        self.ended_day += 7 * weeks
        self.idle_weeks += weeks
        return weeks > 0

    def settle(self) -> tuple[dict[int, int], dict[int, int]] | None:
        """Add what the week brought to what was known: the weights of replies, and of what follows what.

        None if it brought nothing, and what is known need not go yet: the ranks are as they were.
        """
        has_known = bool(self.replies.past or self.follows.past or self.sparks.above)
        if not self.replies.week and not self.follows.week and not (has_known and self.idle_weeks > KEPT_DAYS // 7):
            return None
        weeks, self.idle_weeks = self.idle_weeks, 0
        self.sparks.end_week(weeks)
        return self.replies.end_week(weeks), self.follows.end_week(weeks)


def fade(weight: int, weeks: int) -> int:
    """What is left of a weight after so many weeks; 0 or a little below where that is next to nothing."""
    for _ in range(min(weeks, 99)):
        weight = weight * _FADED >> 10
    return weight


def _is_kept(key: int, level: int) -> bool:
    """Whether an edge is in the sample: its hash begins with `level` zero bits."""
    return not xxhash.xxh3_64_intdigest(key.to_bytes(8, "little")) >> 64 - level
