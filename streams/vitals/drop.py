"""The engagement drop: far fewer messages on two full days running than the same weekdays of past weeks let expect.

Counted are capped messages, so that a talker who is away is no drop of the group. A day that is off, that was not seen,
or of which a part was not seen, counts on neither side.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import exp, lgamma, log
from typing import Literal

import msgspec

from streams.events import DropOutcome
from streams.vitals.panes import DayPane
from streams.vitals.policy import DAY_MS, Policy
from streams.vitals.state import Drop, GroupState
from streams.vitals.verdict import CALM

_WEEK = 7
_EMPTY = DayPane()
_FLAT = (1.0,) * _WEEK
_SHAPE_WEEKS = 2.0
"""A weekday's share is drawn towards that of any day by so many weeks of its own."""
_LEAST_SPREAD = 0.01
Day = tuple[int, int]
"""A UTC day, and its capped messages."""


class Usual(msgspec.Struct, frozen=True, gc=False):
    """What past weeks let expect: `level` a day times the `shape` of its weekday (1970-01-01 is 0).

    `spread` is the squared relative deviation of a single day beyond chance (1 ÷ the size of a negative binomial),
    `drift` that of a week from the next beyond what its days explain.
    """

    level: float
    shape: tuple[float, ...]
    spread: float = 0.0
    drift: float = 0.0

    def of(self, days: Sequence[Day]) -> float:
        """The messages that some days let expect."""
        return self.level * sum([self.shape[day % _WEEK] for day, _ in days])


class DropChange(msgspec.Struct, frozen=True, gc=False):
    """A drop has begun, or is over: `outcome` "" while it goes on. `seen` of `expected` messages in `days` days."""

    outcome: DropOutcome | Literal[""]
    days: int
    seen: int
    expected: float


def look_for_drop(
    state: GroupState,
    day: int,
    policy: Policy,
    skipped: frozenset[int],
    messages_28d: int,
    capped: Sequence[int] = (),
) -> DropChange | None:
    """What the end of a UTC day says of a drop, noted in `state`; None if nothing.

    `skipped` are the days that count on neither side: at the end of such a day nothing is said, but that the group
    ended. `messages_28d` are the capped ones up to the day, `capped` those of each day up to it, if they are at hand.
    """
    known = state.drop
    if known is not None and state.verdict == "ended":
        state.drop = None
        return DropChange("ended", known.days, known.seen, known.expected)
    if known is None and (messages_28d < policy.drop_least_28d or not _may_drop(state, day, policy)):
        return None
    if day in skipped:
        return None
    if known is None and _has_had_its_week(state, day, policy, skipped, messages_28d, capped):
        return None
    days = _span(state, day, policy)
    counts = _capped(state, days) if len(days) > len(capped) else list(capped[-len(days) :])
    gone = skipped.intersection(days)
    for one in sorted(gone, reverse=True):
        del counts[one - days.start]
    if known is None and _is_calm(counts, policy):
        return None
    counting = [one for one in days if one not in gone] if gone else days
    found = list(zip(counting, counts, strict=True))
    return _begin(state, day, found, policy) if known is None else _end(state, known, day, found, policy)


def _may_drop(state: GroupState, day: int, policy: Policy) -> bool:
    """Of a group in an alarm or too young enough is said; one that shall end soon may fade."""
    end = state.planned_end_at
    return state.verdict in CALM and (end is None or (day + 1 + policy.drop_before_end_days) * DAY_MS < end)


def _span(state: GroupState, day: int, policy: Policy) -> range:
    """The days that may count, the latest last."""
    since = day - policy.drop_past_days - 2 * _WEEK
    if state.first_message_at is not None:
        since = max(since, state.first_message_at // DAY_MS - 1)
    return range(since + 1, day + 1)


def _capped(state: GroupState, days: Iterable[int]) -> list[int]:
    panes = state.panes.get
    return [panes(day, _EMPTY).capped_messages for day in days]


def _has_had_its_week(
    state: GroupState, day: int, policy: Policy, skipped: frozenset[int], messages_28d: int, capped: Sequence[int]
) -> bool:
    """Whether a small group can have no drop, told by a few sums: on most days this is all that is done.

    Its level is at most the mean of the `drop_recent_days` before the last week, which `messages_28d` hold.
    """
    if messages_28d >= policy.drop_recent_days * policy.drop_least_a_day:
        return False
    if not skipped.isdisjoint(range(day - 27, day + 1)):
        return False
    week = sum(capped[-_WEEK:] if capped else _capped(state, range(day - _WEEK + 1, day + 1)))
    return week * policy.drop_recent_days > policy.drop_share * _WEEK * (messages_28d - week)


def _is_calm(counts: Sequence[int], policy: Policy) -> bool:
    """Whether a group below `drop_least_a_day` has had its week: told cheaply, for most groups on most days have."""
    if _level(counts[:-3], policy) >= policy.drop_least_a_day:
        return False
    level = _level(counts[:-_WEEK], policy) * _WEEK
    return level < policy.drop_least_a_week or sum(counts[-_WEEK:]) > policy.drop_share * level


def _begin(state: GroupState, day: int, days: list[Day], policy: Policy) -> DropChange | None:
    tests: tuple[tuple[int, float], ...] = ((2, policy.drop_p_two_days), (3, policy.drop_p_three_days))
    counts = [messages for _, messages in days]
    level = _level(counts[:-3], policy)
    if level < policy.drop_least_a_day:
        level, tests = _level(counts[:-_WEEK], policy), ((_WEEK, policy.drop_p_week),)
    past = days[: -tests[-1][0]][-policy.drop_past_days :]
    if len(past) < policy.drop_least_past_days:
        return None
    shape = _shape(past)
    usual = Usual(level, shape if len(tests) > 1 else _FLAT)  # a week has each of its days
    tests = tuple(test for test in tests if _is_low(days[-test[0] :], usual, policy))
    if not tests:
        return None
    usual = Usual(level, usual.shape, *_spread(past, shape, policy))
    for count, least in tests:
        found = days[-count:]
        if found[0][0] > day - count - _WEEK and chance_of(found, usual, policy) < least:
            seen, expected = _seen(found), usual.of(found)
            state.drop = Drop(day, count, seen, expected, tuple(level * share for share in usual.shape))
            return DropChange("", count, seen, expected)
    return None


def _end(state: GroupState, drop: Drop, day: int, days: list[Day], policy: Policy) -> DropChange | None:
    """A drop is over when the group is back at what it was, for two full days or a week, or when that is too long ago.

    `drop.usual` stays as it was when the drop began: else eight weeks of silence would be the new usual.
    """
    count = _WEEK if drop.days == _WEEK else 2
    latest = [one for one in days[-count:] if one[0] > drop.day]
    parts = [latest] if count == _WEEK else [[one] for one in latest]
    is_back = len(latest) == count and all(
        _seen(part) >= policy.drop_over_share * _expected(drop, part) for part in parts
    )
    is_settled = day - drop.day >= policy.drop_past_days and _talks(days[-policy.drop_past_days // 2 :])
    if is_back or is_settled:
        state.drop = None
        outcome: DropOutcome = "recovered" if is_back else "settled"
        return DropChange(outcome, len(latest), _seen(latest), _expected(drop, latest))
    return None


def _talks(days: Sequence[Day]) -> bool:
    """Whether there is a usual at all: a message on half of the days."""
    return 2 * sum([messages > 0 for _, messages in days]) >= len(days)


def _seen(days: Sequence[Day]) -> int:
    return sum([messages for _, messages in days])


def _expected(drop: Drop, days: Sequence[Day]) -> float:
    return sum([drop.usual[day % _WEEK] for day, _ in days])


def _level(past: Sequence[int], policy: Policy) -> float:
    """Messages a day: the least of what the past weeks, the last two and, less strictly, the last one brought.

    A group that fades for weeks or goes into a season has other alarms than this.
    """
    counts = past[-policy.drop_past_days :]
    if not counts:
        return 0.0
    latest, week = counts[-policy.drop_recent_days :], counts[-_WEEK:]
    return min(sum(counts) / len(counts), sum(latest) / len(latest), policy.drop_week_slack * sum(week) / len(week))


def _shape(past: Sequence[Day]) -> tuple[float, ...]:
    """Each weekday's messages as a share of those of any day."""
    totals, counts = [0] * _WEEK, [0] * _WEEK
    for day, messages in past:
        totals[day % _WEEK] += messages
        counts[day % _WEEK] += 1
    mean = sum(totals) / len(past)
    if not mean:
        return _FLAT
    return tuple(
        (total + _SHAPE_WEEKS * mean) / ((count + _SHAPE_WEEKS) * mean)
        for total, count in zip(totals, counts, strict=True)
    )


def _spread(past: Sequence[Day], shape: Sequence[float], policy: Policy) -> tuple[float, float]:
    """The spread of days within weeks and the drift from week to week, by the method of moments.

    Weeks are seven days that count, from the latest back. The spread is drawn towards that of a calm group.
    """
    levels = []
    squares = fitted = 0.0
    messages = days = 0
    for last in range(len(past), _WEEK - 1, -_WEEK):
        week = past[last - _WEEK : last]
        total = sum(count for _, count in week)
        level = total / sum(shape[day % _WEEK] for day, _ in week)
        levels.append(level)
        messages += total
        days += _WEEK
        for day, count in week:
            expected = level * shape[day % _WEEK]
            squares += (count - expected) ** 2
            fitted += expected * expected
    if not fitted:
        return policy.drop_calm_spread, 0.0
    mean = messages / days
    own = (squares * days / (days - len(levels) - (_WEEK - 1)) - messages) / fitted
    weight = policy.drop_calm_days
    spread = max((days * own + weight * policy.drop_calm_spread) / (days + weight), _LEAST_SPREAD)
    steps = sum((one - other) ** 2 for one, other in pairwise(levels))
    drift = steps / (2 * max(len(levels) - 1, 1)) / (mean * mean) - (1 / mean + spread) / _WEEK
    return spread, max(drift, 0.0)


def _is_low(found: Sequence[Day], usual: Usual, policy: Policy) -> bool:
    """Whether so little is worth a call, however sure it is: all days together, and no day as usual."""
    if _seen(found) > policy.drop_share * usual.of(found):
        return False
    return len(found) == _WEEK or all(one[1] < policy.drop_day_share * usual.of([one]) for one in found)


def chance_of(found: Sequence[Day], usual: Usual, policy: Policy) -> float:
    """How likely so few messages or fewer would be by chance.

    A negative binomial of the expected mean, whose variance is that of the days, of the level (known from two weeks)
    and of its drift.
    """
    mean, count = usual.of(found), len(found)
    level = usual.level
    relative = usual.spread / count + (1 / level + usual.spread) / policy.drop_recent_days + usual.drift
    return lower_tail(_seen(found), mean, 1 / relative)


def lower_tail(count: int, mean: float, size: float) -> float:
    """P(X <= count) of a negative binomial with that mean and variance mean + mean² ÷ size. `mean` > 0.

    Added up from the largest term down: they fall, for `count` lies below the mean.
    """
    rate = mean / (size + mean)
    term = exp(
        lgamma(size + count) - lgamma(size) - lgamma(count + 1) + size * log(size / (size + mean)) + count * log(rate)
    )
    total = 0.0
    while term > 1e-12 * total:
        total += term
        if not count:
            break
        term *= count / ((size + count - 1) * rate)
        count -= 1
    return min(total, 1.0)
