-- Where each member of a group stands, as of the group's latest vital signs, by pseudonym; staff, bots and those who never
-- did anything have no row. `joined_at` is the join, or when the member was first seen. The first that holds:
--   left · churned: here 180 days, and quiet for 60 or muted · early_churned: here 14 days, silent for 30, no order in 60
--   mature: 90 days, 3 orders in 365, 4 active days in 28 · growing: 30 days, and 2 orders or 2 active days in 28
--   newcomer: under 30 days · stalled: the rest
WITH
    talk AS
    (
        SELECT
            days.group_id AS group_id,
            member_id,
            any(latest.at) AS as_of,
            argMax(role, day) AS role,
            argMax(is_present, day) AS is_present,
            coalesce(argMax(joined_at, day), toDateTime64(min(day), 3, 'UTC')) AS joined_at,
            max(last_message_at) AS last_message_at,
            countIf(messages > 0 AND day > toDate32(latest.at - INTERVAL 1 MILLISECOND) - 28) AS active_days_28d
        FROM member_vitals_v1 AS days FINAL
        INNER JOIN (SELECT group_id, at FROM latest_vitals) AS latest ON latest.group_id = days.group_id
        GROUP BY group_id, member_id
    ),
    acts AS
    (
        SELECT
            group_id,
            member_id,
            maxOrNullIf(occurred_at, type = 'claim') AS claimed_at,
            maxIf(occurred_at, type = 'mute') > maxIf(occurred_at, type = 'unmute') AS is_muting,
            maxIf(occurred_at, type = 'leave') AS left_at,
            maxIf(occurred_at, type = 'join') AS came_at
        FROM events_v1
        WHERE type IN ('claim', 'mute', 'unmute', 'join', 'leave')
        GROUP BY group_id, member_id
    ),
    bought AS
    (
        SELECT
            paid.group_id AS group_id,
            paid.member_id AS member_id,
            maxOrNull(occurred_at) AS order_at,
            uniqExactIf(order_id, refund_id = '' AND occurred_at >= latest.at - INTERVAL 365 DAY) AS orders_365d,
            sumIf(amount, paid.currency = latest.currency) AS revenue
        FROM attributions AS paid
        INNER JOIN (SELECT group_id, at, currency FROM latest_vitals) AS latest ON latest.group_id = paid.group_id
        WHERE weight > 0
        GROUP BY group_id, member_id
    )
SELECT
    groups.group_id AS group_id,
    groups.brand_id AS brand_id,
    groups.platform AS platform,
    groups.name AS name,
    talk.member_id AS member_id,
    talk.joined_at AS joined_at,
    dateDiff('day', talk.joined_at, talk.as_of) AS tenure_days,
    talk.last_message_at AS last_message_at,
    talk.active_days_28d AS active_days_28d,
    ifNull(bought.orders_365d, 0) AS orders_365d,
    ifNull(bought.revenue, 0) AS revenue,
    groups.currency AS currency,
    greatest(talk.joined_at, ifNull(talk.last_message_at, talk.joined_at), ifNull(acts.claimed_at, talk.joined_at),
        ifNull(bought.order_at, talk.joined_at)) AS last_act_at,
    multiIf(
        NOT talk.is_present OR ifNull(acts.left_at > greatest(acts.came_at, ifNull(talk.last_message_at, acts.came_at)), false), 'left',
        tenure_days >= 180 AND (last_act_at < talk.as_of - INTERVAL 60 DAY OR ifNull(acts.is_muting, false)), 'churned',
        tenure_days >= 14 AND ifNull(talk.last_message_at, talk.joined_at) < talk.as_of - INTERVAL 30 DAY
            AND ifNull(bought.order_at < talk.as_of - INTERVAL 60 DAY, true), 'early_churned',
        tenure_days >= 90 AND orders_365d >= 3 AND talk.active_days_28d >= 4, 'mature',
        tenure_days >= 30 AND (orders_365d >= 2 OR talk.active_days_28d >= 2), 'growing',
        tenure_days < 30, 'newcomer',
        'stalled') AS stage
FROM groups
INNER JOIN talk ON talk.group_id = groups.group_id
LEFT JOIN acts ON acts.group_id = talk.group_id AND acts.member_id = talk.member_id
LEFT JOIN bought ON bought.group_id = talk.group_id AND bought.member_id = talk.member_id
WHERE talk.role = 'member'
SETTINGS join_use_nulls = 1
