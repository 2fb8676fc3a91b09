"""What the views say of groups, row by row: the fields of a struct are columns of its view."""

from datetime import date, datetime

import msgspec

from streams.carried import Carriers
from streams.playbook.desk import Playbook
from streams.talk_page import Attention


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """One judged group of the view `group_health`, with its latest reasons in the language asked for.

    Times are UTC, `revenue_28d` in minor units of `currency`, `engagement` 0..100 among groups of its size.
    """

    group_id: str
    brand_id: str
    platform: str
    name: str
    at: datetime
    verdict: str
    verdict_since: datetime
    risk: float
    reasons: list[str]
    reason_codes: list[str]
    members: int
    silent_hours: float | None
    messages_7d: int
    messages_28d: int
    speakers_7d: int
    speakers_28d: int
    active_days_28d: int
    joins_28d: int
    leaves_28d: int
    buyers_28d: int
    orders_28d: int
    revenue_28d: int
    currency: str
    engagement: float | None
    source_complete_at: datetime | None


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """What a group's latest row says beyond `Health`. Shares are 0..1, None when there is nothing to divide by.

    `usual_risk` and `driver_points` add up to the risk; `driver_numbers` are JSON objects of name to number.
    """

    owner: str
    purpose: str
    model: str
    usual_risk: float
    driver_codes: list[str]
    driver_points: list[float]
    driver_numbers: list[str]
    age_days: int
    first_event_at: datetime
    last_member_message_at: datetime | None
    planned_end_at: datetime | None
    ended_at: datetime | None
    staff: int
    messages_1d: int
    messages_all: int
    speakers_1d: int
    staff_messages_7d: int
    staff_messages_28d: int
    replies_28d: int
    reactions_28d: int
    claims_28d: int
    left_28d: int
    kicked_28d: int
    answered_share_28d: float | None
    newcomer_spoke_share: float | None


class Worth(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a group is worth saving, of the view `group_worth`, its reasons in the language asked for.

    `codes` are the parts that are known and `numbers` their evidence, JSON objects of name to number. `revenue_at_risk`
    is in minor units.
    """

    worth: float | None
    known: float | None
    advice: str | None
    advice_reasons: list[str]
    codes: list[str]
    numbers: list[str]
    revenue_at_risk: int | None


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """A group of the view `work_list`, its reasons in the language asked for; money in minor units of `currency`."""

    group_id: str
    brand_id: str
    platform: str
    name: str
    owner: str
    advice: str | None
    advice_reasons: list[str]
    worth: float | None
    known: float | None
    verdict: str
    since: datetime
    risk: float
    why: list[str]
    members: int
    revenue_at_risk: int | None
    at_stake: float | None
    currency: str
    priority: float | None
    at: datetime


class Week(msgspec.Struct, frozen=True):
    """Seven UTC days of a group from `start` on, member messages and those who wrote them."""

    start: date
    messages: int
    speakers: int


class Talker(msgspec.Struct, frozen=True, kw_only=True):
    """One member of a group, by pseudonym. `left_at` is None for whoever is here or was not seen leaving."""

    member_id: str
    role: str
    is_present: bool
    messages_28d: int
    messages_90d: int
    active_days_90d: int
    orders: int | None
    last_message_at: datetime | None
    left_at: datetime | None = None


class Regular(msgspec.Struct, frozen=True, kw_only=True):
    """A member who is still there and once wrote on many days, by pseudonym; counts are of all that is kept."""

    member_id: str
    messages_all: int
    active_days_all: int
    orders: int | None
    last_message_at: datetime | None


class Page(msgspec.Struct, frozen=True):
    """All that `vitals group` shows. Weeks are in order, the last one ends with the last closed day.

    `days` are the member messages of up to LAST_DAYS days, in order, the last one that day. `playbook` is the latest.
    `regulars` are those to write to or to invite elsewhere, where that is the step.
    """

    health: Health
    details: Details
    weeks: list[Week]
    members: list[Talker]
    days: list[int] = []
    worth: Worth | None = None
    playbook: Playbook | None = None
    attention: Attention | None = None
    carriers: Carriers | None = None
    regulars: list[Regular] = []
