"""What the fold finds out when a group's day closes, beyond vital signs: one struct is one row of one table.

All stand on the topic `group-insights`, keyed by group_id, told apart by `type`. The rows of one tick share its
`source_offset`; where a day closes late several days do, so `at` comes first wherever the latest row stands.
"""

from typing import Literal

import msgspec

from streams.events import Count, Int64, Role, Time

Stage = Literal["left", "churned", "early_churned", "mature", "growing", "newcomer", "stalled", "staff", "bot"]


class Insight(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type"):
    """`at` is the end of the day (ms UTC) whose close told it, `source_offset` the tick's on the group's log."""

    group_id: str
    brand_id: str
    at: Time
    source_offset: Int64


class MemberStanding(Insight, frozen=True, kw_only=True, gc=False, tag="member_standing"):
    """Where one member of a group stands as of `at`: a row of `member_standings_v1`, its key (group_id, member_id).

    Told again when it changes; what only ages (score, windows) is as of `at`. `tenure_since` is the last join, or when
    the member was first seen. `score` halves every 28 days. `spent` is in minor units of `currency`, refunds taken off;
    `orders_365d` counts to three. `probes_ignored`, 0..2, counts of the group's last two benefits. `listed_since` is
    when the cleanup list took them up, None for who is not on it.
    """

    member_id: str
    role: Role
    stage: Stage
    stage_since: Time
    tenure_since: Time
    is_present: bool
    is_muted: bool
    score: float
    joined_at: Time | None = None
    welcomed_at: Time | None = None
    first_message_at: Time | None = None
    last_message_at: Time | None = None
    first_claim_at: Time | None = None
    last_claim_at: Time | None = None
    first_order_at: Time | None = None
    last_order_at: Time | None = None
    listed_since: Time | None = None
    messages: Count = 0
    active_days: Count = 0
    active_days_28d: Count = 0
    active_days_90d: Count = 0
    claims: Count = 0
    probes_ignored: Count = 0
    orders: Count = 0
    orders_365d: Count = 0
    spent: Int64 = 0
    currency: str = ""


class StageChange(Insight, frozen=True, kw_only=True, gc=False, tag="stage_change"):
    """A member of a group entered a stage at `at`: a row of `member_stage_changes_v1`.

    `was` is the stage before, since `was_since`; both are empty for the first.
    """

    member_id: str
    stage: Stage
    was: Stage | Literal[""] = ""
    was_since: Time | None = None


AnyInsight = MemberStanding | StageChange
"""Append here: a type must have its table in `sink_rows.INSIGHTS`."""
