"""The tables that the sink fills: what each is called, and its columns in the order of a row."""

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from streams.vitals.insights import (
    GroupPeople,
    Insight,
    OpinionLeader,
    PointsEntry,
    PostResponse,
    ProbeReport,
    ReferralRoot,
)

Kind = Literal["text", "texts", "int", "real", "reals", "time", "day", "int?", "real?", "time?"]
"""What a column holds. `time` and `day` are ms UTC; with `?` it may be None, without it None becomes "", 0 or []."""

Row = tuple[Any, ...]
EMPTY: dict[str, Any] = {"text": "", "texts": (), "int": 0, "real": 0.0, "reals": (), "time": 0, "day": 0}


class Table(msgspec.Struct, frozen=True, eq=False):
    """The columns that the sink fills of one table, in the order of its rows."""

    name: str
    columns: dict[str, Kind]


def _of(name: str, kinds: dict[Kind, str]) -> Table:
    """A table from the names of its columns by kind."""
    return Table(name, {column: kind for kind, names in kinds.items() for column in names.split()})


EVENTS = _of(
    "events_v1",
    {
        "text": "group_id event_id type brand_id platform member_id role source content_type reply_to text target "
        "scene inviter_id reason benefit_id kind content_class code name owner timezone purpose merged_into order_id "
        "refund_id customer_id currency rule cause playbook_id step note goal reverses paid_currency",
        "texts": "mentions members staff bots",
        "int": "source_seq text_len amount is_first_touch is_last_touch points is_live budget paid_amount",
        "real": "weight",
        "time": "occurred_at ingested_at",
        "time?": "planned_end_at complete_until unseen_from",
    },
)
PURCHASES = _of(
    "purchases_v1",
    {
        "text": "brand_id event_id type platform order_id refund_id customer_id currency code group_id source",
        "int": "amount source_seq is_total",
        "time": "occurred_at ingested_at",
    },
)
IDENTITY_LINKS = _of(
    "identity_links_v1",
    {
        "text": "brand_id member_id known_by customer_id platform outcome held_by event_id source",
        "int": "source_seq",
        "time": "occurred_at ingested_at",
    },
)
GROUP_VITALS = _of(
    "group_vitals_v1",
    {
        "text": "group_id brand_id platform name owner verdict model currency purpose advice",
        "texts": "reasons reasons_zh reason_codes reason_numbers driver_codes driver_numbers worth_codes worth_numbers "
        "advice_reasons advice_reasons_zh advice_codes advice_numbers",
        "int": "source_offset is_day_close members staff messages_1d messages_7d messages_28d staff_messages_7d "
        "staff_messages_28d messages_all speakers_1d speakers_7d speakers_28d active_days_28d replies_28d reactions_28d"
        " claims_28d joins_28d leaves_28d left_28d kicked_28d capped_messages_28d buyers_28d orders_28d revenue_28d "
        "messages_day staff_messages_day speakers_day replies_day joins_day leaves_day orders_day revenue_day "
        "messages_56d age_days unseen_days_56d is_monologue is_ad_only ad_messages_28d "
        "ad_senders_28d newcomers_28d welcomes_28d staff_responses_28d member_responses_28d revenue_at_risk",
        "real": "risk usual_risk community_intercept usual_56d worth_known",
        "reals": "driver_points worth_values",
        "real?": "silent_hours breadth_28d answered_share_28d newcomer_spoke_share ad_share_28d welcome_minutes_28d "
        "staff_response_minutes_28d member_response_minutes_28d worth",
        "time": "at first_event_at verdict_since ingested_at",
        "time?": "ended_at planned_end_at source_complete_at last_member_message_at",
    },
)
MEMBER_VITALS = _of(
    "member_vitals_v1",
    {
        "text": "group_id brand_id member_id role",
        "int": "source_offset messages is_present",
        "day": "day",
        "time": "ingested_at",
        "time?": "joined_at last_message_at",
    },
)
MEMBER_STANDINGS = _of(
    "member_standings_v1",
    {
        "text": "group_id brand_id member_id role stage currency",
        "int": "is_present is_muted messages active_days active_days_28d active_days_90d claims probes_ignored orders "
        "orders_365d spent source_offset version",
        "real": "score",
        "time": "at stage_since tenure_since ingested_at",
        "time?": "joined_at welcomed_at first_message_at last_message_at first_claim_at last_claim_at first_order_at "
        "last_order_at listed_since",
    },
)
STAGE_CHANGES = _of(
    "member_stage_changes_v1",
    {
        "text": "group_id brand_id member_id stage was",
        "int": "source_offset",
        "time": "at ingested_at",
        "time?": "was_since",
    },
)
GROUP_PEOPLE = _of(
    "group_people_v1",
    {
        "text": "group_id brand_id basis top_id",
        "int": "leaders silent_leaders bus_factor is_carried active_364d takers_364d claimers_364d fled_364d "
        "source_offset",
        "real": "top_share",
        "real?": "freebie_share fled_share",
        "time": "at ingested_at",
    },
)
OPINION_LEADERS = _of(
    "opinion_leaders_v1",
    {
        "text": "group_id brand_id member_id",
        "int": "place repliers replier_orders is_silent is_present source_offset",
        "real": "score answers lift elicited",
        "time": "at ingested_at",
        "time?": "last_message_at",
    },
)
REFERRAL_ROOTS = _of(
    "referral_roots_v1",
    {
        "text": "group_id brand_id member_id role currency",
        "texts": "flags",
        "int": "invitees depth width due_30d retained_30d buyers revenue left_72h most_joins_10min source_offset "
        "version",
        "time": "at ingested_at",
    },
)
POINTS_ENTRIES = _of(
    "points_entries_v1",
    {
        "text": "group_id brand_id entry_id member_id cause refusal",
        "int": "points balance acts is_by_rule offset_minutes source_offset",
        "time": "at occurred_at ingested_at",
    },
)
PROBE_REPORTS = _of(
    "probe_reports_v1",
    {
        "text": "group_id brand_id benefit_id kind currency",
        "int": "windows exposed silent claimers claimers_24h strangers woken unprobed amount source_offset version",
        "int?": "left_72h talk_48h talk_d3_9",
        "real?": "usual_48h usual_d3_9",
        "time": "at sent_at ingested_at",
    },
)
POST_RESPONSES = _of(
    "post_responses_v1",
    {
        "text": "group_id brand_id post_id content_class",
        "int": "has_code response cells offset_minutes source_offset version",
        "real?": "expected",
        "time": "at posted_at ingested_at",
    },
)
INSIGHTS: dict[type[Insight], Table] = {
    ProbeReport: PROBE_REPORTS,
    PostResponse: POST_RESPONSES,
    GroupPeople: GROUP_PEOPLE,
    OpinionLeader: OPINION_LEADERS,
    ReferralRoot: REFERRAL_ROOTS,
    PointsEntry: POINTS_ENTRIES,
}
"""The table of each type on `group-insights` that is one row. One whose key lacks the time has a `version`."""
GROUPS = _of(
    "groups_v1",
    {
        "text": "group_id brand_id platform name owner timezone currency purpose",
        "int": "version",
        "int?": "members",
        "time": "created_at ingested_at",
        "time?": "planned_end_at ended_at",
    },
)
MEMBERS = _of(
    "members_v1",
    {"text": "member_id brand_id platform raw_id name", "int": "is_erased", "time": "at ingested_at"},
)
GROUP_ALERTS = _of(
    "group_alerts_v1",
    {
        "text": "brand_id episode_id alert_id transition alert severity withheld group_id verdict was model actor "
        "cause_id source_name",
        "texts": "reasons reasons_zh reason_codes reason_numbers groups",
        "int": "number source_offset group_count known_groups",
        "real?": "risk",
        "time": "at told_at opened_at ingested_at",
        "time?": "until",
    },
)
DEAD_LETTERS = _of(
    "dead_letters_v1",
    {"text": "origin reason detail sha256 original", "int": "partition position size", "time": "at ingested_at"},
)
PART_METRICS = _of(
    "part_metrics_v1",
    {"text": "name agent part labels", "real": "value", "time": "since at started_at ingested_at"},
)
TABLES = (
    EVENTS, PURCHASES, IDENTITY_LINKS, GROUP_VITALS, MEMBER_VITALS, MEMBER_STANDINGS, STAGE_CHANGES,
    *INSIGHTS.values(), GROUP_ALERTS, GROUPS, MEMBERS, DEAD_LETTERS, PART_METRICS,
)  # fmt: skip


def columnar(table: Table, rows: Iterable[Row]) -> dict[str, list[Any]]:
    """The columns of some rows, without those that hold nothing in any row: their default stands for them."""
    columns = {}
    for (name, kind), values in zip(table.columns.items(), zip(*rows, strict=True), strict=True):
        if kind.endswith("?"):
            if values.count(None) < len(values):
                columns[name] = list(values)
        elif any(values):
            empty = EMPTY[kind]
            columns[name] = [empty if value is None else value for value in values] if None in values else list(values)
    return columns
