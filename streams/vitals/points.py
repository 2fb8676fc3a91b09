"""The ledger of points: what members earned and redeemed, judged when a day closes, never below nothing.

An entry waits until its day closes. Then those of the day are judged in the order of their time, at the same moment
what is earned before what is redeemed, so the order in which they came does not decide. What comes after its day has
closed is judged with the next day that closes, as things stand then. An entry that was judged stands: a redeem that was
beyond the balance is refused, and stays so if an older earning turns up; it may be made again. What the rules give for
messages and answers of a day is entered last: it can be redeemed from the next day on.

Bounded: a balance for each member who has points, MAX_WAITING entries that wait; who leaves the ledger of members takes
the balance along, with an entry that says so.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from streams import events as e
from streams.vitals.earning import PointRule
from streams.vitals.policy import DAY_MS

MAX_WAITING = 20_000
"""Entries of one group that no closed day has taken yet. More are turned away, with one entry that counts them."""
MAX_BALANCE = 1 << 53
SEEN = ("message", "answer")
"""Causes of which the fold sees the acts itself."""
Refusal = Literal["beyond_balance", "daily_limit", "no_rule", "too_many"]


class Waiting(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An entry that came as an event and was not judged yet."""

    at: int
    member_id: str
    points: int
    cause: str


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An entry that was judged: `balance` is the member's after it. A refused one moved nothing.

    `at` is when it came about, by rules the last moment of their day. `entry_id` is the event's id, or made of day,
    cause and member. `acts` says how many acts it stands for.
    """

    entry_id: str
    at: int
    member_id: str
    points: int
    cause: str
    balance: int
    refusal: Refusal | None = None
    acts: int = 1
    is_by_rule: bool = False


class PointsBook(msgspec.Struct, array_like=True, gc=False):
    """The points of a group. `waiting` is by event_id, in the order of arrival; `answers` by day and member number.

    `turned_away` are those that found no room since the last close.
    """

    balances: dict[str, int] = {}
    waiting: dict[str, Waiting] = {}
    answers: dict[int, dict[int, int]] = {}
    turned_away: int = 0

    def take(self, event: e.Points) -> None:
        """Keep an entry until its day closes."""
        if len(self.waiting) < MAX_WAITING:
            entry = Waiting(event.occurred_at, event.member_id, event.points, event.cause or "")
            self.waiting.setdefault(event.event_id, entry)
        else:
            self.turned_away += 1

    def answered(self, day: int, number: int) -> None:
        """Count an answer of a member."""
        of_day = self.answers.setdefault(day, {})
        of_day[number] = of_day.get(number, 0) + 1

    def close(self, day: int, rules: Mapping[str, PointRule], acts: Mapping[str, Mapping[str, int]]) -> list[Entry]:
        """Judge what the close of a day (UTC) decides, in the order in which the balances moved.

        `acts`: by cause and member what they did on that day, of SEEN causes.
        """
        judge = _Judge(self.balances, rules)
        end = (day + 1) * DAY_MS
        due = sorted(
            (one.at, judge.worth(one) < 0, event_id, one) for event_id, one in self.waiting.items() if one.at < end
        )
        entries = [judge.entry(event_id, one) for _, _, event_id, one in due]
        for _, _, event_id, _ in due:
            del self.waiting[event_id]
        for cause in SEEN:
            if cause in rules and rules[cause].points > 0:
                entries += judge.earned(day, cause, acts.get(cause, {}))
        self.answers = {later: counts for later, counts in self.answers.items() if later > day}
        if self.turned_away:
            entries.append(_turned_away(day, self.turned_away))
            self.turned_away = 0
        return entries

    def forget(self, day: int, gone: Iterable[str]) -> list[Entry]:
        """Close the accounts of members whom the ledger of members forgot."""
        return [
            Entry(
                entry_id=f"expired/{day}/{member_id}",
                at=(day + 1) * DAY_MS - 1,
                member_id=member_id,
                points=-self.balances.pop(member_id),
                cause="expired",
                balance=0,
                is_by_rule=True,
            )
            for member_id in sorted(gone)
        ]


class _Judge:
    """The entries of one close: moves balances, and keeps what each member earned or redeemed by cause."""

    def __init__(self, balances: dict[str, int], rules: Mapping[str, PointRule]) -> None:
        self._balances, self._rules = balances, rules
        self._moved: dict[tuple[str, str], int] = {}

    def worth(self, one: Waiting) -> int:
        """The points of an entry: its own, or those that the rule of its cause gives."""
        rule = self._rules.get(one.cause)
        return one.points or (rule.points if rule else 0)

    def entry(self, event_id: str, one: Waiting) -> Entry:
        points, balance = self.worth(one), self._balances.get(one.member_id, 0)
        refusal = self._refusal(one, points, balance)
        if refusal is None:
            balance = self._move(one.member_id, one.cause, points)
        return Entry(
            entry_id=event_id, at=one.at, member_id=one.member_id, points=points, cause=one.cause, balance=balance,
            refusal=refusal,
        )  # fmt: skip

    def _refusal(self, one: Waiting, points: int, balance: int) -> Refusal | None:
        if not points:
            return "no_rule"
        if self._left(one.cause, one.member_id) < abs(points):
            return "daily_limit"
        return None if 0 <= balance + points <= MAX_BALANCE else "beyond_balance"

    def _left(self, cause: str, member_id: str) -> int:
        """What the day's limit leaves."""
        rule = self._rules.get(cause)
        if rule is None or rule.daily is None:
            return MAX_BALANCE
        return rule.daily - self._moved.get((cause, member_id), 0)

    def _move(self, member_id: str, cause: str, points: int) -> int:
        self._moved[cause, member_id] = self._moved.get((cause, member_id), 0) + abs(points)
        balance = self._balances.get(member_id, 0) + points
        if balance:
            self._balances[member_id] = balance
        else:
            del self._balances[member_id]
        return balance

    def earned(self, day: int, cause: str, acts: Mapping[str, int]) -> Iterable[Entry]:
        """What the day's acts earned: one entry a member, up to what the limit leaves."""
        for member_id, count in sorted(acts.items()):
            points = min(count * self._rules[cause].points, self._left(cause, member_id))
            if points > 0 and count > 0:
                yield Entry(
                    entry_id=f"{cause}/{day}/{member_id}",
                    at=(day + 1) * DAY_MS - 1,
                    member_id=member_id,
                    points=points,
                    cause=cause,
                    balance=self._move(member_id, cause, points),
                    acts=count,
                    is_by_rule=True,
                )


def _turned_away(day: int, count: int) -> Entry:
    return Entry(
        entry_id=f"too_many/{day}", at=(day + 1) * DAY_MS - 1, member_id="", points=0, cause="", balance=0,
        refusal="too_many", acts=count, is_by_rule=True,
    )  # fmt: skip
