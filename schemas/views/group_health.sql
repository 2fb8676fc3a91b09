-- The latest vital signs of every group. A group known only from events has no numbers yet. Money in minor units.
-- `engagement` is 0..100, the weighted mean of the shares of peers beaten; an input that is missing drops out.
SELECT
    groups.group_id AS group_id,
    groups.brand_id AS brand_id,
    groups.platform AS platform,
    groups.name AS name,
    latest.at AS at,
    latest.verdict AS verdict,
    latest.verdict_since AS verdict_since,
    latest.risk AS risk,
    latest.reasons AS reasons,
    latest.members AS members,
    latest.silent_hours AS silent_hours,
    latest.messages_7d AS messages_7d,
    latest.messages_28d AS messages_28d,
    latest.speakers_7d AS speakers_7d,
    latest.speakers_28d AS speakers_28d,
    latest.active_days_28d AS active_days_28d,
    latest.joins_28d AS joins_28d,
    latest.leaves_28d AS leaves_28d,
    latest.buyers_28d AS buyers_28d,
    latest.orders_28d AS orders_28d,
    latest.revenue_28d AS revenue_28d,
    scores.engagement AS engagement,
    latest.source_complete_at AS source_complete_at
FROM groups
LEFT JOIN latest_vitals AS latest ON latest.group_id = groups.group_id
LEFT JOIN
(
    SELECT group_id, 100 * sum(weight * share) / sumIf(weight, share IS NOT NULL) AS engagement
    FROM engagement_inputs
    GROUP BY group_id
) AS scores ON scores.group_id = groups.group_id
SETTINGS join_use_nulls = 1
