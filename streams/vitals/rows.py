"""What the folds say: rows for the warehouse and events for other logs, and where each goes."""

from typing import Literal

import msgspec

from streams import events

EVERY_PARTITION = -1


class Output(msgspec.Struct, frozen=True, gc=False):
    """One record to send: `value` (a struct, sent as JSON) under `key` to `topic`.

    `partition` None lets the key choose; EVERY_PARTITION sends a copy to each partition of the topic.
    """

    topic: str
    key: str
    value: msgspec.Struct
    partition: int | None = None


Reason = events.Reason
"""Why a verdict stands, or an alert was told."""


class GroupVitals(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The vital signs of one group at one time: a row of `group_vitals_v1`, its key (group_id, at).

    Windows `_Nd` are the last N UTC days up to `at`, the day that `at` lies in included unless it is midnight.
    Shares are 0..1, None when their denominator is empty. Money is in minor units of `currency`.

    `risk`, and what is said of it, is as of the last closed day: `usual_risk` and the `points` of all `drivers` add up
    to it; `community_intercept` is what its community added to the logit. `messages_56d` and `usual_56d`, what 56 days
    of the group's year usually bring, are of watched days; `unseen_days_56d` of the last 56 days were not. `age_days`
    are those since the first member message.
    """

    group_id: str
    brand_id: str
    platform: str
    name: str
    owner: str
    timezone: str
    at: int
    source_offset: int
    is_day_close: bool
    first_event_at: int
    ended_at: int | None
    planned_end_at: int | None
    verdict: str
    verdict_since: int
    risk: float
    model: str
    reasons: tuple[Reason, ...]
    source_complete_at: int | None
    members: int
    staff: int
    last_member_message_at: int | None
    silent_hours: float | None
    messages_1d: int
    messages_7d: int
    messages_28d: int
    staff_messages_7d: int
    staff_messages_28d: int
    messages_all: int
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
    capped_messages_28d: int
    breadth_28d: float | None
    answered_share_28d: float | None
    newcomer_spoke_share: float | None
    buyers_28d: int
    orders_28d: int
    revenue_28d: int
    currency: str
    messages_day: int
    staff_messages_day: int
    speakers_day: int
    replies_day: int
    joins_day: int
    leaves_day: int
    orders_day: int
    revenue_day: int
    usual_risk: float = 0.0
    community_intercept: float = 0.0
    drivers: tuple[Reason, ...] = ()
    age_days: int = 0
    messages_56d: int = 0
    usual_56d: float = 0.0
    unseen_days_56d: int = 0


class MemberVitals(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One member in one group on one closed UTC day: a row of `member_vitals_v1`, only on days with activity."""

    group_id: str
    brand_id: str
    member_id: str
    role: str
    day: int
    source_offset: int
    messages: int
    is_present: bool
    joined_at: int | None
    last_message_at: int | None


AlertKind = Literal["dying", "drop", "blind", "common_cause"]
AlertState = Literal["opened", "escalated", "recovered", "ended", "acknowledged", "snoozed", "resumed"]
Severity = Literal["warning", "critical"]
Withheld = Literal["", "history", "common_cause", "snoozed", "acknowledged", "untold"]


class GroupAlert(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A transition of an alert episode: a row of `group_alerts_v1`, its key (brand_id, episode_id, at, state).

    `alert_id` is the same whenever the transition is told again, and `number` counts those of the episode from 1. `at`
    is when it came about by event time, `told_at` when that was known. `withheld` says why nobody is to be told: it
    is history, a common cause tells it, the group is snoozed, a snooze of what somebody looks after is over, or nobody
    was told of its opening. Empty: to be told.
    A brand's own alert has no group_id: a blind one names its `source_name`; a common cause lists the first of its
    `groups`, `group_count` of `known_groups`. `cause_id` is the episode of a group's common cause.
    """

    alert_id: str
    brand_id: str
    episode_id: str
    number: int
    kind: AlertKind
    state: AlertState
    severity: Severity
    at: int
    told_at: int
    opened_at: int
    source_offset: int
    withheld: Withheld = ""
    group_id: str = ""
    verdict: str = ""
    was: str = ""
    risk: float | None = None
    model: str = ""
    reasons: tuple[Reason, ...] = ()
    cause_id: str = ""
    source_name: str = ""
    groups: tuple[str, ...] = ()
    group_count: int = 0
    known_groups: int = 0
    actor: str = ""
    until: int | None = None
