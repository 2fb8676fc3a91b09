"""Engagement: the windows of a group, summed from its panes."""

from collections.abc import Collection
from math import exp, fsum, log

import msgspec
from msgspec import structs

from streams.vitals.month import Month
from streams.vitals.panes import DayPane, day_of, window
from streams.vitals.policy import MOVING_DAYS
from streams.vitals.silence import last_message_before, silent_hours
from streams.vitals.state import GroupState


class Windows(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The numbers of a group as of `at`: what rows, risk and verdict are made of. Units as in GroupVitals."""

    at: int
    last_day: int
    age_days: int
    last_member_message_at: int | None
    silent_hours: float | None
    messages_1d: int
    messages_7d: int
    messages_28d: int
    staff_messages_7d: int
    staff_messages_28d: int
    speakers_1d: int
    speakers_7d: int
    speakers_28d: int
    active_days_28d: int
    replies_28d: int
    reactions_28d: int
    claims_28d: int
    joins_28d: int
    leaves_28d: int
    left_28d: int
    kicked_28d: int
    leaves_after_benefit_28d: int
    ads_28d: int
    capped_messages_28d: int
    breadth_28d: float | None
    answered_share_28d: float | None
    newcomers_28d: int
    newcomer_spoke_share: float | None
    buyers_28d: int
    orders_28d: int
    revenue_28d: int
    speaker_days: tuple[int, int, int]
    """Speakers of each day, added up: over the last 28 days, the 28 before, and the 28 before those."""


_NO_PANE = DayPane()


def windows(state: GroupState, at: int, month: Month | None = None) -> Windows:
    """The sums of the days up to `at`: the day that `at` lies in, or at midnight the days before it.

    `month` is theirs, if it is at hand; without it all panes are added up.
    """
    last_day = day_of(at - 1)
    month = month or Month(state.panes, last_day)
    today = state.panes.get(last_day, _NO_PANE)
    (messages, staff, replies, reactions, claims, joins, left, kicked, other_leaves, after_benefit, ads, capped,
     newcomers, orders, revenue, speaker_days) = month.sums  # fmt: skip
    answered, newcomers_spoke = _moving(state, month)
    last = last_message_before(state, at)
    first = state.first_message_at
    return Windows(
        at=at,
        last_day=last_day,
        age_days=0 if first is None else max(0, last_day - day_of(first) + 1),
        last_member_message_at=last,
        silent_hours=silent_hours(last, at),
        messages_1d=today.messages,
        messages_7d=month.messages_7d,
        messages_28d=messages,
        staff_messages_7d=month.staff_messages_7d,
        staff_messages_28d=staff,
        speakers_1d=today.speakers,
        speakers_7d=len(month.spoke_7d),
        speakers_28d=len(month.talk),
        active_days_28d=month.active_days,
        replies_28d=replies,
        reactions_28d=reactions,
        claims_28d=claims,
        joins_28d=joins,
        leaves_28d=left + kicked + other_leaves,
        left_28d=left,
        kicked_28d=kicked,
        leaves_after_benefit_28d=after_benefit,
        ads_28d=ads,
        capped_messages_28d=capped,
        breadth_28d=breadth(month.talk.values()),
        answered_share_28d=min(1.0, answered / messages) if messages else None,  # some of the answered were recalled
        newcomers_28d=newcomers,
        newcomer_spoke_share=newcomers_spoke / newcomers if newcomers else None,
        buyers_28d=len(month.buyers),
        orders_28d=orders,
        revenue_28d=revenue,
        speaker_days=(speaker_days, month.speaker_days_before, month.speaker_days_first),
    )


class OpenDay:
    """The windows of groups within the day after the last that closed; the last of each group are kept, and not stored.

    Where nothing has been folded since, nothing but `at` and the silence changes from hour to hour.
    """

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, Windows]] = {}

    def windows(self, state: GroupState, at: int, month: Month | None) -> Windows:
        """Those up to `at`; `month` is up to the last day that closed, if it is at hand."""
        offset, seen = self._seen.get(state.group_id, (-1, None))
        last_day = day_of(at - 1)
        if seen is not None and offset == state.offset and seen.last_day == last_day:
            last = last_message_before(state, at)
            return structs.replace(seen, at=at, last_member_message_at=last, silent_hours=silent_hours(last, at))
        ahead = None
        if month is not None and month.last_day == last_day - 1:
            ahead = month.copy()
            ahead.advance(state.panes)
        seen = windows(state, at, ahead)
        self._seen[state.group_id] = state.offset, seen
        return seen


def _moving(state: GroupState, month: Month) -> tuple[int, int]:
    """Over 28 days, the messages answered and the newcomers who spoke: both may still come to a day that is over."""
    answered, newcomers_spoke = month.settled
    for pane in window(state.panes, month.last_day, MOVING_DAYS):
        answered += pane.answered
        newcomers_spoke += pane.newcomers_spoke
    return answered, newcomers_spoke


class _SelfLogs(dict[int, float]):
    """n × ln n by n, each worked out once."""

    def __missing__(self, n: int) -> float:
        self[n] = n * log(n)
        return self[n]


_self_log = _SelfLogs().__getitem__


def breadth(messages: Collection[int]) -> float | None:
    """exp(H) ÷ speakers, H the Shannon entropy of the members' shares: 1 when all talk alike, 1/n when one does.

    `messages` are those of each speaker. H = ln Σm − Σ(m ln m) ÷ Σm; `fsum` is exact, so their order does not tell.
    """
    if len(messages) < 2:
        return 1.0 if messages else None
    total = sum(messages)
    return exp(log(total) - fsum(map(_self_log, messages)) / total) / len(messages)
