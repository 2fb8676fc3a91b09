-- How a group is looked after, over 28 days: how soon newcomers are greeted and people answered (medians in minutes, of the
-- four weeks up to the last Sunday), how much stays unanswered for an hour; and whether anybody is spoken to at all: a
-- monologue of staff, or nothing but advertising. NULL is a share of nothing, or unknown: no connector saw a text.
SELECT
    groups.group_id AS group_id,
    groups.brand_id AS brand_id,
    groups.name AS name,
    latest.at AS at,
    latest.newcomers_28d AS newcomers_28d,
    latest.welcomes_28d AS welcomes_28d,
    latest.welcome_minutes_28d AS welcome_minutes_28d,
    latest.newcomer_spoke_share AS newcomer_spoke_share,
    1 - latest.answered_share_28d AS unanswered_share_28d,
    latest.staff_responses_28d AS staff_responses_28d,
    latest.staff_response_minutes_28d AS staff_response_minutes_28d,
    latest.member_responses_28d AS member_responses_28d,
    latest.member_response_minutes_28d AS member_response_minutes_28d,
    latest.staff_messages_28d / nullIf(latest.staff_messages_28d + latest.messages_28d, 0) AS staff_share_28d,
    latest.is_monologue AS is_monologue,
    latest.ad_share_28d AS ad_share_28d,
    latest.ad_messages_28d AS ad_messages_28d,
    latest.ad_senders_28d AS ad_senders_28d,
    latest.is_ad_only AS is_ad_only
FROM groups
LEFT JOIN latest_vitals AS latest ON latest.group_id = groups.group_id
SETTINGS join_use_nulls = 1
