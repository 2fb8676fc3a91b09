-- Where each member of a group stands, as the fold judged it: stage and since when, the checklist of a newcomer with its
-- times, what they did and spent, and since when the cleanup list has them. `at` is when that was told: at once where
-- the stage changes or a step is new, every four weeks where only counts do. The score is as of now, windows that have
-- passed are 0. Staff and bots have a row too, with that as their stage.
SELECT
    told.group_id AS group_id,
    told.brand_id AS brand_id,
    groups.platform AS platform,
    groups.name AS name,
    told.member_id AS member_id,
    told.role AS role,
    told.stage AS stage,
    told.stage_since AS stage_since,
    told.tenure_since AS tenure_since,
    dateDiff('day', told.tenure_since, latest.at) AS tenure_days,
    told.is_present AS is_present,
    told.is_muted AS is_muted,
    round(told.score * exp2(-greatest(dateDiff('day', told.at, latest.at), 0) / 28), 2) AS score,
    told.joined_at AS joined_at,
    told.welcomed_at AS welcomed_at,
    told.first_message_at AS first_message_at,
    told.first_claim_at AS first_claim_at,
    told.first_order_at AS first_order_at,
    told.last_message_at AS last_message_at,
    told.last_claim_at AS last_claim_at,
    told.last_order_at AS last_order_at,
    told.messages AS messages,
    told.active_days AS active_days,
    if(ifNull(told.last_message_at > latest.at - INTERVAL 28 DAY, false), told.active_days_28d, 0) AS active_days_28d,
    if(ifNull(told.last_message_at > latest.at - INTERVAL 90 DAY, false), told.active_days_90d, 0) AS active_days_90d,
    told.claims AS claims,
    told.probes_ignored AS probes_ignored,
    told.orders AS orders,
    told.orders_365d AS orders_365d,
    told.spent AS spent,
    told.currency AS currency,
    told.listed_since AS listed_since,
    told.at AS at
FROM (SELECT * FROM member_standings_v1 FINAL) AS told
INNER JOIN groups ON groups.group_id = told.group_id
INNER JOIN (SELECT group_id, at FROM latest_vitals) AS latest ON latest.group_id = told.group_id
