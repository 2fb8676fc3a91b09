"""Who turns to whom in a group, gathered from message to message: bounded, fading, and almost free.

Replies and mentions are edges from who answers to whom. Besides, what comes of speaking: a message after the last
window opens another, of minutes. What others write in it is credited to its author, less what windows of that hour
usually bring. Where a platform tells of no replies, the first others to speak in it answer that author.

Bound, per group: EDGES edges of the open week and EDGES of the weeks before, of either kind, and SPARKS members whose
windows are counted. 8 bytes an edge of the past, 11 one of the week, 15 a member: 55 KB stored, whatever the number of
members and messages.
"""

import struct
from collections.abc import Iterable

import msgspec
import xxhash

from streams.vitals.ledger import Ledger
from streams.vitals.members import Member
from streams.vitals.policy import HOUR_MS, CarrierPolicy

EDGES = 1024
SPARKS = 512
MOST_HEARD = 60
"""So many messages of others in a window at most: four a minute are no answer to one, and late ones none at all."""
FIRST = 3
"""So many are the first to speak after a message: who comes later may answer them."""
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
        known = self.weights()
        faded = zip(known, fade(known.values(), weeks), strict=True)
        total = {key: left for key, left in faded if left >= LEAST_WEIGHT}
        for key, count in self.week.items():
            total[key] = min(_MOST_WEIGHT, total.get(key, 0) + count * UNIT)
        self.level -= self.level > 0 and len(total) < EDGES // 4
        total = self._sampled(total)
        edges = sorted([key << _WEIGHT_BITS | weight for key, weight in total.items()])
        self.week, self.past = {}, struct.pack(f"<{len(edges)}Q", *edges)
        return {edge >> _WEIGHT_BITS: edge & _MOST_WEIGHT for edge in edges}


class Sparks(msgspec.Struct, array_like=True, gc=False):
    """What others write after somebody does.

    `by` is whose window is open from `at` to `until`, when the group had `messages_before` and they `own_before`; the
    `first` others who speak up to `first_until` answer them. By member number, `opened` has how many windows were
    theirs and `above` how many messages these brought beyond the usual. `windows` and `messages` by hour of the day
    (UTC), and of all at the end, are what is usual. All these sums are in 1/UNIT.
    """

    by: str = ""
    number: int = -1
    at: int = -1
    until: int = -1
    messages_before: int = 0
    own_before: int = 0
    first: list[int] = []
    first_until: int = -1
    opened: dict[int, int] = {}
    above: dict[int, int] = {}
    windows: list[int] = []
    messages: list[int] = []

    def count(self, heard: int) -> None:
        """A window is over, in which others wrote `heard` messages."""
        by, windows, messages = self.number, self.windows, self.messages
        hour = self.at // HOUR_MS % HOURS
        heard = UNIT * (0 if heard < 0 else heard if heard < MOST_HEARD else MOST_HEARD)
        if windows:
            usual = messages[HOURS] * _PRIOR // windows[HOURS]
            beyond = heard - (messages[hour] + usual) * UNIT // (windows[hour] + _PRIOR)
            opened, above = self.opened, self.above
            opened[by] = opened.get(by, 0) + UNIT
            above[by] = above.get(by, 0) + beyond
            if len(opened) > 2 * SPARKS:
                self._prune()
        else:  # the first window has nothing to be compared with
            windows, messages = self.windows, self.messages = [0] * (HOURS + 1), [0] * (HOURS + 1)
        windows[hour] += UNIT
        windows[HOURS] += UNIT
        messages[hour] += heard
        messages[HOURS] += heard

    def end_week(self, weeks: int) -> None:
        """Let all sums fade by so many weeks."""
        opened, above = fade(self.opened.values(), weeks), fade(self.above.values(), weeks)
        self.opened = {one: left for one, left in zip(self.opened, opened, strict=True) if left >= LEAST_WEIGHT}
        left_above = dict(zip(self.above, above, strict=True))
        self.above = {number: left_above[number] for number in self.opened}
        self.windows, self.messages = fade(self.windows, weeks), fade(self.messages, weeks)
        if not self.windows or not self.windows[HOURS]:
            self.windows, self.messages = [], []
        if len(self.opened) > SPARKS:
            self._prune()

    def _prune(self) -> None:
        """Keep those with the largest sums, of equal ones the earlier members."""
        kept = sorted(sorted(self.opened, key=lambda number: (-self.above[number], number))[:SPARKS])
        self.opened = {number: self.opened[number] for number in kept}
        self.above = {number: self.above[number] for number in kept}


class Ties(msgspec.Struct, array_like=True, gc=False):
    """All that is gathered. Appended fields need defaults.

    `is_timed` says that who speaks after whom is gathered too: until it shows that the platform tells of replies or
    mentions. `ended_day` is the day on which the last week ended, -1 before the first. In the `open_weeks` before it
    nothing has been settled, nor has anything faded. `near` are the numbers of those who came near being named when
    leaders were ranked: each by three edges at least, so EDGES ÷ 3 at most.
    """

    replies: Edges = msgspec.field(default_factory=Edges)
    follows: Edges = msgspec.field(default_factory=Edges)
    sparks: Sparks = msgspec.field(default_factory=Sparks)
    is_timed: bool = True
    ended_day: int = -1
    open_weeks: int = 0
    near: list[int] = []

    def open_window(
        self, ledger: Ledger, member_id: str, member: Member, time: int, messages: int, policy: CarrierPolicy
    ) -> None:
        """A member wrote after the last window, or in none: that one is counted, and this message begins another.

        `messages` are those of the group before it, all of which counted: what came late in the meantime too, but a
        window never brings more than MOST_HEARD.
        """
        sparks = self.sparks
        by = ledger.look(sparks.by)
        if by is not None and by.number == sparks.number:
            sparks.count(messages - sparks.messages_before - (by.messages - sparks.own_before))
            for follower in sparks.first:
                self.follows.add(follower, by.number)
        sparks.by, sparks.number, sparks.at, sparks.until = member_id, member.number, time, time + policy.elicit_ms
        sparks.messages_before, sparks.own_before = messages, member.messages
        sparks.first, sparks.first_until = [], time + policy.follow_ms if self.is_timed else -1

    def speak_first(self, number: int, time: int) -> None:
        """Somebody else speaks soon after the window's first message."""
        sparks = self.sparks
        if number != sparks.number and time >= sparks.at and number not in sparks.first:
            sparks.first.append(number)
            if len(sparks.first) == FIRST:
                sparks.first_until = -1

    def has_week_ended(self, day: int) -> bool:
        """Whether a week of the group ends with `day`, or one of several days that close late."""
        if self.ended_day < 0:
            self.ended_day = day
        weeks = (day - self.ended_day) // 7
        self.ended_day += 7 * weeks
        self.open_weeks += weeks
        return weeks > 0

    def settle(self, least: int, most_weeks: int) -> tuple[dict[int, int], dict[int, int]] | None:
        """Add what the open weeks brought to what was known: the weights of replies, and of who speaks after whom.

        None if that is fewer than `least` answers and no more than `most_weeks`, or there is nothing to be known.
        """
        news = sum(self.replies.week.values()) + sum(self.follows.week.values())
        if news < least and (self.open_weeks < most_weeks or not (news or self.sparks.opened or self.replies.past)):
            return None
        weeks, self.open_weeks = self.open_weeks, 0
        self.sparks.end_week(weeks)
        return self.replies.end_week(weeks), self.follows.end_week(weeks)


def fade(weights: Iterable[int], weeks: int) -> list[int]:
    """What is left of weights after so many weeks; 0 or a little below where that is next to nothing."""
    left = list(weights)
    for _ in range(min(weeks, 99)):
        left = [weight * _FADED >> 10 for weight in left]
    return left


def _is_kept(key: int, level: int) -> bool:
    """Whether an edge is in the sample: its hash begins with `level` zero bits."""
    return not xxhash.xxh3_64_intdigest(key.to_bytes(8, "little")) >> 64 - level
