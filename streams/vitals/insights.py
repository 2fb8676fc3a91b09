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


class Standing(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Where one member of a group stands. Appended fields need defaults.

    What only ages (score, windows) is as of the close that told it. `has_moved`: the stage was another before, `was`
    since `was_since`, both empty for the first; where it is the same again, a move told of that day is taken back.
    `tenure_since` is the last join, or when the member was first seen. `listed_since` is when the cleanup list took
    them up, None for who is not on it. `score` halves every 28 days; `probes_ignored`, 0..2, counts of the group's last
    two benefits; `orders_365d` counts to three; `spent` is in minor units of the group's currency, refunds taken off.
    """

    member_id: str
    role: Role
    stage: Stage
    stage_since: Time
    has_moved: bool
    was: Stage | Literal[""]
    was_since: Time | None
    tenure_since: Time
    is_present: bool
    is_muted: bool
    score: float
    joined_at: Time | None
    welcomed_at: Time | None
    first_message_at: Time | None
    last_message_at: Time | None
    listed_since: Time | None
    messages: Count
    active_days: Count
    active_days_28d: Count
    active_days_90d: Count
    probes_ignored: Count
    first_claim_at: Time | None
    last_claim_at: Time | None
    claims: Count
    first_order_at: Time | None
    last_order_at: Time | None
    orders: Count
    orders_365d: Count
    spent: Int64


class MemberStandings(Insight, frozen=True, kw_only=True, gc=False, tag="member_standings"):
    """Where those members of a group stand of whom something changed, in one record: one each would cost as much again.

    Each is a row of `member_standings_v1`, its key (group_id, member_id), and where they moved to another stage one of
    `member_stage_changes_v1`.
    """

    currency: str
    standings: tuple[Standing, ...]


class GroupPeople(Insight, frozen=True, kw_only=True, gc=False, tag="group_people"):
    """Who carries a group, and who came for benefits alone: a row of `group_people_v1`, its key (group_id, at).

    Told when a week of the group's life ends, if anything changed, and on the day on which a leader falls silent or one
    member begins or ceases to carry the talk. `bus_factor` members wrote half of the messages of 28 days, 0 if there
    were none; `top_id` wrote `top_share` of them. `leaders` were found by `basis`: "replies", "timing", or "" where
    nobody answers; `silent_leaders` of them fell silent or left. In a year `active_364d` members did anything, leavers
    included, of whom the `takers_364d` only claimed: `freebie_share`, None where no claim is told of or fewer than five
    are active. `fled_364d` left within 72 hours of a benefit; `fled_share` of the `claimers_364d`, at most 1.
    """

    basis: str
    leaders: Count
    silent_leaders: Count
    bus_factor: Count
    top_id: str
    top_share: float
    is_carried: bool
    active_364d: Count
    takers_364d: Count
    claimers_364d: Count
    fled_364d: Count
    freebie_share: float | None = None
    fled_share: float | None = None


class OpinionLeader(Insight, frozen=True, kw_only=True, gc=False, tag="opinion_leader"):
    """One to whom others of a group turn, as of `at`: a row of `opinion_leaders_v1`, its key (group_id, at, member_id).

    Told with each row of `group_people_v1`, so those of its latest time are the leaders now. `place` counts from 1.
    `score` 0..1 is the mean of percentiles among those who wrote in 13 weeks. `answers` of `repliers` members, and the
    messages `elicited` beyond the usual, fade by half every 28 days. `lift` is how many times more answers that is than
    the share of the talk explains. `replier_orders` were placed by those who answer.
    """

    member_id: str
    place: Count
    score: float
    answers: float
    repliers: Count
    lift: float
    elicited: float
    replier_orders: Count
    is_silent: bool
    is_present: bool
    last_message_at: Time | None = None


class ReferralRoot(Insight, frozen=True, kw_only=True, gc=False, tag="referral_root"):
    """What one inviter brought to a group: a row of `referral_roots_v1`, its key (group_id, member_id).

    Told when it changes. `invitees` came by the root or by those it brought, `width` of them directly, `depth` is the
    longest chain; 0 invitees: it came to be known that the root was invited itself, and its tree is another's. Of the
    `due_30d`, who joined 30 days ago or earlier, `retained_30d` were here on their 30th day. `left_72h` were gone
    within 72 hours. `flags` are reasons for suspicion: "early_leaves", "burst". `role` is "" where the group does not
    know the inviter.
    """

    member_id: str
    role: Role | Literal[""]
    invitees: Count
    depth: Count
    width: Count
    due_30d: Count
    retained_30d: Count
    buyers: Count
    revenue: Int64
    left_72h: Count
    most_joins_10min: Count
    currency: str = ""
    flags: tuple[str, ...] = ()


class PointsEntry(Insight, frozen=True, kw_only=True, gc=False, tag="points_entry", omit_defaults=True):
    """An entry of a group's points that was judged: a row of `points_entries_v1`.

    Its key is (group_id, at, is_by_rule, entry_id). `balance` is the member's after it: the `points` of a member's
    entries without a `refusal` add up to it. A refused entry moved nothing; `refusal` says why. By rule are what the
    rules gave for `acts` messages or answers of a day, an account that was closed as its member is long gone, and
    `acts` entries that found no room, which are nobody's. `offset_minutes` is as of a `PostResponse`.
    """

    entry_id: str
    occurred_at: Time
    member_id: str
    points: Int64
    cause: str
    balance: Int64
    refusal: Literal["", "beyond_balance", "daily_limit", "no_rule", "too_many"] = ""
    acts: Count = 1
    is_by_rule: bool = False
    offset_minutes: Int64 = 0


class ProbeReport(Insight, frozen=True, kw_only=True, gc=False, tag="probe_report"):
    """What a benefit did to a group, as far as its windows are complete: a row of `probe_reports_v1`.

    Its key is (group_id, sent_at, benefit_id); told again when one more of the four windows is complete, `windows` says
    how many, and with the fourth it is final. What is None is not complete, or cannot be known. `exposed` members were
    there when it was sent, `silent` of them had done nothing for 28 days, `woken` of these claimed; `strangers` are
    claimers who came later. Talk counts member messages of whole hours; `usual_…` is what the same hours of weeks
    before brought. `amount` is in minor units. `unprobed` benefits of the group could not be probed so far.
    """

    benefit_id: str
    kind: str
    sent_at: Time
    windows: Count
    exposed: Count
    silent: Count
    claimers: Count
    strangers: Count
    woken: Count
    unprobed: Count
    claimers_24h: Count
    amount: Int64 = 0
    currency: str = ""
    left_72h: Count | None = None
    talk_48h: Count | None = None
    usual_48h: float | None = None
    talk_d3_9: Count | None = None
    usual_d3_9: float | None = None


class PostResponse(Insight, frozen=True, kw_only=True, gc=False, tag="post_response"):
    """What members answered to a planned post: a row of `post_responses_v1`, its key (group_id, posted_at, post_id).

    `response` are member messages within 60 minutes, `expected` what such minutes usually bring, from `cells` weeks or
    days; None where too little is known. `offset_minutes` is how far the group's clock is ahead of UTC, summer time
    left out: posted_at + that is the slot of the week.
    """

    post_id: str
    posted_at: Time
    content_class: str
    has_code: bool
    response: Int64
    cells: Count
    offset_minutes: Int64 = 0
    expected: float | None = None


AnyInsight = (
    MemberStandings | ProbeReport | PostResponse | GroupPeople | OpinionLeader | ReferralRoot | PointsEntry
)  # fmt: skip
"""Append here: a type must have its table in `sink_tables.INSIGHTS`."""
