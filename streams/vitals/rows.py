"""What the folds say: rows for the warehouse and events for other logs, and where each goes."""

from typing import Literal

import msgspec

from streams import events
from streams.events import Count, Int64, Time

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


class GroupVitals(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The vital signs of one group at one time: a row of `group_vitals_v1`, its key (group_id, at).

    Windows `_Nd` are the last N UTC days up to `at`, the day that `at` lies in included unless it is midnight.
    Shares are 0..1, None when their denominator is empty. Money is in minor units of `currency`.

    `risk`, and what is said of it, is as of the last closed day: `usual_risk` and the `points` of all `drivers` add up
    to it; `community_intercept` is what its community added to the logit. `messages_56d` and `usual_56d`, what 56 days
    of the group's year usually bring, are of watched days; `unseen_days_56d` of the last 56 days were not. `age_days`
    are those since the first member message.

    `worth` 0..100 is of the last day on which the group was judged (`appraisal.py`), None where nothing is known;
    `worth_known`, 0..1, is the weight of what is: the `worth_parts`, each with its evidence, its `value` 0..1 and its
    `points`. `advice` is what to do, `advice_reasons` why; `revenue_at_risk` what 28 usual days of its year brought.
    Parts and reasons of the advice stand only in the row of a day's close, and where none closes: in the last of a
    finished import, and of a blind source.

    `is_monologue`, staff speaks to itself, is as of the last closed day too. As of its last Sunday: `is_ad_only`, the
    group is nothing but advertising, of `ad_senders_28d` people (`ads.py`); `ad_share_28d`, None where no connector
    sees texts; how many newcomers were greeted, in the median after so many minutes (`welcome.py`); and how long
    members who wrote waited for another person, by who answered first.
    """

    group_id: str
    brand_id: str
    platform: str
    name: str
    owner: str
    timezone: str
    at: Time
    source_offset: Int64
    is_day_close: bool
    first_event_at: Time
    ended_at: Time | None
    planned_end_at: Time | None
    verdict: str
    verdict_since: Time
    risk: float
    model: str
    reasons: tuple[Reason, ...]
    source_complete_at: Time | None
    members: Count
    staff: Count
    last_member_message_at: Time | None
    silent_hours: float | None
    messages_1d: Count
    messages_7d: Count
    messages_28d: Count
    staff_messages_7d: Count
    staff_messages_28d: Count
    messages_all: Count
    speakers_1d: Count
    speakers_7d: Count
    speakers_28d: Count
    active_days_28d: Count
    replies_28d: Count
    reactions_28d: Count
    claims_28d: Count
    joins_28d: Count
    leaves_28d: Count
    left_28d: Count
    kicked_28d: Count
    capped_messages_28d: Count
    breadth_28d: float | None
    answered_share_28d: float | None
    newcomer_spoke_share: float | None
    buyers_28d: Count
    orders_28d: Count
    revenue_28d: Int64
    currency: str
    messages_day: Count
    staff_messages_day: Count
    speakers_day: Count
    replies_day: Count
    joins_day: Count
    leaves_day: Count
    orders_day: Count
    revenue_day: Int64
    usual_risk: float = 0.0
    community_intercept: float = 0.0
    drivers: tuple[Reason, ...] = ()
    age_days: Count = 0
    messages_56d: Count = 0
    usual_56d: float = 0.0
    unseen_days_56d: Count = 0
    is_monologue: bool = False
    is_ad_only: bool = False
    ad_messages_28d: Count = 0
    ad_share_28d: float | None = None
    ad_senders_28d: Count = 0
    newcomers_28d: Count = 0
    welcomes_28d: Count = 0
    welcome_minutes_28d: float | None = None
    staff_responses_28d: Count = 0
    staff_response_minutes_28d: float | None = None
    member_responses_28d: Count = 0
    member_response_minutes_28d: float | None = None
    purpose: str = ""
    worth: float | None = None
    worth_known: float = 0.0
    worth_parts: tuple[Reason, ...] = ()
    advice: str = ""
    advice_reasons: tuple[Reason, ...] = ()
    revenue_at_risk: Int64 = 0


class MemberVitals(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One member in one group on one closed UTC day: a row of `member_vitals_v1`, only on days with activity."""

    group_id: str
    brand_id: str
    member_id: str
    role: str
    day: Time
    source_offset: Int64
    messages: Count
    is_present: bool
    joined_at: Time | None
    last_message_at: Time | None


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
    number: Count
    kind: AlertKind
    state: AlertState
    severity: Severity
    at: Time
    told_at: Time
    opened_at: Time
    source_offset: Int64
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
    group_count: Count = 0
    known_groups: Count = 0
    actor: str = ""
    until: Time | None = None
