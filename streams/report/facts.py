"""What a report is made of, as the views told it: no words, no layout. Days are UTC, money in minor units."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import msgspec

from streams.report.period import Period


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A group on the day asked for. `day` is its last closed one; all but the verdict is of then.

    A group whose day was not closed (its source was blind) is `stale`, as in `vitals groups`; one that never had a
    closed day has no verdict. Worth and advice are those of now.
    """

    group_id: str
    platform: str | None
    name: str | None
    owner: str | None
    currency: str | None
    day: date | None
    verdict: str | None
    last_verdict: str | None
    verdict_since: datetime | None
    risk: float | None
    reasons: list[str]
    reasons_zh: list[str]
    members: int | None
    speakers_28d: int | None
    active_days_28d: int | None
    silent_hours: float | None
    unseen_days_56d: int | None
    worth: float | None
    advice: str | None
    revenue_at_risk: float | None


class Change(msgspec.Struct, frozen=True):
    """A verdict that changed at the close of `day`."""

    group_id: str
    day: date
    was: str
    verdict: str


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """An alert of one group, from its opening until it was over. `is_told`: somebody was told."""

    group_id: str
    opened_at: datetime
    recovered_at: datetime | None
    is_told: bool
    is_history: bool
    is_acknowledged: bool
    is_snoozed: bool


class Deed(msgspec.Struct, frozen=True):
    """What was done to a group of a kind (post, benefit), how often, and on which days first and last."""

    group_id: str
    type: str
    detail: str
    count: int
    first: date
    last: date


class BrandWeek(msgspec.Struct, frozen=True):
    """Seven days of a brand, `back` weeks before the last ones: sums over its groups."""

    back: int
    messages: int
    joins: int
    leaves: int
    first_day: date


class Money(msgspec.Struct, frozen=True):
    """What was ordered less refunds in seven days, `net`, and its parts: of groups, of none, not attributed yet."""

    back: int
    currency: str
    orders: int
    net: int
    attributed: int
    unattributed: int
    pending: int


class Source(msgspec.Struct, frozen=True):
    """A source as it is now: complete to when, with how many groups, and how many of them judged blind."""

    source: str
    platform: str | None
    is_live: bool | None
    complete_at: datetime | None
    groups: int
    stale_groups: int


class Tested(msgspec.Struct, frozen=True):
    """Looks whose outcome became known in the 28 days up to `known_on`: deaths expected, and deaths that came."""

    known_on: date
    tests: int
    expected: float
    died: int


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on one page.

    `groups` are those known by the end of the period, worst first; `before` the same a week earlier. `talk` has, for
    each group to look after, member messages by week, oldest first: None for a week that nobody watched.
    `verdicts` has, by weeks back, how many groups had which verdict, the unseen as `stale`.
    """

    brand: str
    period: Period
    groups: Sequence[Standing]
    before: Sequence[Standing]
    talk: Mapping[str, Sequence[int | None]]
    changes: Sequence[Change]
    episodes: Sequence[Episode]
    deeds: Sequence[Deed]
    weeks: Sequence[BrandWeek]
    verdicts: Mapping[int, Mapping[str, int]]
    money: Sequence[Money]
    sources: Sequence[Source]
    half_seen: Mapping[str, int]
    tested: Sequence[Tested]
