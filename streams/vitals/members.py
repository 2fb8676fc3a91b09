"""The member ledger of a group: who is in it, since when, and how much of the talk they carried."""

from typing import final

import msgspec

from streams.events import Role

GONE_DAYS = 400
"""Members gone for longer leave the ledger."""
HALF_LIFE_DAYS = 28
RECENT_DAYS = 90
LAST_ORDERS = 3
TALKER_SCORE = 8.0
"""Decayed messages that make a talker: two a week, held. Talkers are the candidates for a group's core."""
_MASK, _MONTH = (1 << RECENT_DAYS) - 1, (1 << 28) - 1
_RECENT, _BEFORE = (1 << 60) - 1, (1 << RECENT_DAYS - 60) - 1
_DECAY: tuple[float, ...] = tuple(0.5 ** (days / HALF_LIFE_DAYS) for days in range(GONE_DAYS + 1))


def decay(days: int) -> float:
    """What is left of a score after so many days."""
    return _DECAY[min(max(days, 0), GONE_DAYS)]


class Trade(msgspec.Struct, array_like=True, gc=False):
    """What a member took and paid for in one group. Times are ms UTC, by event time. Appended fields need defaults.

    `orders` counts purchases attributed to the group, refunded or not; `spent` is what was kept of them, in minor units
    of the group's currency: refunds are taken off, other currencies left out (`is_foreign`: there were any).
    `bought_at` are the times of the last three purchases, the latest first.
    """

    claims: int = 0
    first_claim_at: int | None = None
    last_claim_at: int | None = None
    orders: int = 0
    spent: int = 0
    first_order_at: int | None = None
    bought_at: tuple[int, ...] = ()
    is_foreign: bool = False


class Activity(msgspec.Struct, array_like=True, gc=False):
    """The closed days on which a member did something; `day` is the last of them (UTC days since 1970).

    Bit i of `recent` says that they wrote on day − i, of 60 days; `before` goes on for the 30 before those. `days`
    counts all days on which they wrote. `score` is the member score as of the end of `day`; it halves every
    HALF_LIFE_DAYS. Appended fields need defaults.
    """

    day: int
    recent: int = 0
    before: int = 0
    days: int = 0
    score: float = 0.0

    def wrote(self, last_day: int, days: int) -> int:
        """On how many of the `days` days (at most RECENT_DAYS) up to `last_day` they wrote."""
        return ((self._mask() << max(0, last_day - self.day)) & (1 << days) - 1).bit_count()

    def so_far(self, day: int) -> tuple[float, int, int, int]:
        """As of the end of `day`: the score to two digits, all days on which they wrote, those of 28 and of 90."""
        age = day - self.day
        mask, score = self.before << 60 | self.recent, self.score
        if age > 0:
            mask, score = mask << age & _MASK, score * _DECAY[age if age < GONE_DAYS else GONE_DAYS]
        return round(score, 2), self.days, (mask & _MONTH).bit_count(), mask.bit_count()

    def latest(self, count: int) -> int:
        """Of the latest `count` days on which they wrote the first; there must be so many in RECENT_DAYS."""
        mask = self._mask()
        for _ in range(count - 1):
            mask &= mask - 1
        return self.day + 1 - (mask & -mask).bit_length()

    def add(self, day: int, score: float, *, has_written: bool) -> None:
        """Count what they did on a day that has closed; a late one does not move `day` back.

        A day that is too old to be told from others is none of `days`.
        """
        if day > self.day:
            self.move_on(day)
        age = self.day - day
        self.score += score * decay(age)
        if has_written and age < RECENT_DAYS and not self._mask() >> age & 1:
            self.days += 1
            self._set(self._mask() | 1 << age)

    def move_on(self, day: int) -> None:
        """Be counted up to a later day, on which they did nothing as yet."""
        age = day - self.day
        if self.recent or self.before:
            self._set(self._mask() << age if age < RECENT_DAYS else 0)
        self.day, self.score = day, self.score * decay(age)

    def count(self, day: int, score: float, *, has_written: bool) -> None:
        """Count what they did on a day that closes: it is after `day`, or the first."""
        age, mask = day - self.day, self.before << 60 | self.recent
        if age:
            mask = mask << age if age < RECENT_DAYS else 0
            self.score *= _DECAY[age if age < GONE_DAYS else GONE_DAYS]
            self.day = day
        self.score += score
        if has_written:
            mask |= 1
            self.days += 1
        self.recent, self.before = mask & _RECENT, mask >> 60 & _BEFORE

    def take_back(self, day: int, score: float, *, is_silent: bool) -> None:
        """Uncount a message of a day that has closed; `is_silent`: it was the only one."""
        age = self.day - day
        if age < 0:
            return
        self.score = max(0.0, self.score - score * decay(age))
        if is_silent and self._mask() >> age & 1:
            self.days -= 1
            self._set(self._mask() & ~(1 << age))

    def _mask(self) -> int:
        return self.before << 60 | self.recent

    def _set(self, mask: int) -> None:
        self.recent, self.before = mask & _RECENT, mask >> 60 & _BEFORE


class Glance(msgspec.Struct, array_like=True, gc=False):
    """The first fields of a member, which most walks over all of them ask for; they mean what they do in `Member`."""

    number: int
    role: Role = "member"
    is_present: bool = False
    presence_at: int = -1
    joined_at: int | None = None
    first_message_at: int | None = None
    last_message_at: int | None = None
    last_action_at: int = -1


@final
class Member(Glance, array_like=True, gc=False):
    """One member of one group. `number` stands for them in the panes and is never given to another.

    `score` is the number of messages, halved every HALF_LIFE_DAYS, as of `score_day`. `presence_at` is the time
    of the event that last said whether they are here: an older one that arrives later does not count. `arrived_day`
    is the day of their first join, -1 when it was not seen. `trade` is None until they claimed or bought, `activity`
    until a day on which they did something closed. Appended fields need defaults.

    `stage` is a place in `lifecycle.STAGES`, from 1 (0: not judged yet), entered at the end of day `stage_day`;
    `seen_day` is the first day that closed with them in the ledger, 0 where a join is known. `listed_day` is the day at
    whose end the cleanup list took them up, 0: it has not. Time alone may change that at the end of `due_day` (0: it
    cannot). `probes` are bits of the open probes, see `probes.py`; `invited` is their place in a tree of invitations,
    see `referrals.py`, -1 in none.
    """

    messages: int = 0
    score: float = 0.0
    score_day: int = 0
    arrived_day: int = -1
    touched_hour: int = -1
    is_muted: bool = False
    is_talker: bool = False
    trade: Trade | None = None
    activity: Activity | None = None
    welcomed_at: int | None = None
    stage: int = 0
    stage_day: int = 0
    seen_day: int = 0
    listed_day: int = 0
    due_day: int = 0
    probes: int = 0
    invited: int = -1


def claimed(member: Member, time: int) -> bool:
    """Note that they took a benefit; whether it was the first since they came."""
    trade = member.trade = member.trade or Trade()
    is_first = trade.last_claim_at is None or trade.last_claim_at < (member.joined_at or 0)
    trade.claims += 1
    trade.first_claim_at = time if trade.first_claim_at is None else min(trade.first_claim_at, time)
    trade.last_claim_at = time if trade.last_claim_at is None else max(trade.last_claim_at, time)
    return is_first


def bought(member: Member, time: int) -> None:
    """Note a purchase."""
    trade = member.trade = member.trade or Trade()
    trade.orders += 1
    trade.first_order_at = time if trade.first_order_at is None else min(trade.first_order_at, time)
    trade.bought_at = tuple(sorted((*trade.bought_at, time), reverse=True)[:LAST_ORDERS])


def unbought(member: Member, time: int) -> None:
    """Take back a purchase that was another's. Of those before the last three only the number is known."""
    trade = member.trade
    if trade is None or not trade.orders:
        return
    left = list(trade.bought_at)
    if time in left:
        left.remove(time)
    trade.orders, trade.bought_at = trade.orders - 1, tuple(left)
    if trade.first_order_at == time and trade.orders <= len(left):
        trade.first_order_at = min(left, default=None)


def spent(member: Member, amount: int, limit: int, *, is_foreign: bool) -> None:
    """Add what was paid, or was given back (negative), in minor units; never beyond `limit` either way."""
    trade = member.trade = member.trade or Trade()
    if is_foreign:
        trade.is_foreign = True
    else:
        trade.spent = max(-limit, min(limit, trade.spent + amount))


def fade_score(member: Member, day: int) -> None:
    """Bring a member's score of messages to a later day."""
    member.score *= decay(day - member.score_day)
    member.score_day = day
