-- Who does what in a group, by pseudonym, as of the group's latest vital signs; days are UTC, orders all-time, their
-- money only in the currency of the group. Whoever left after having spoken last is not present; a member who only vanished from
-- a roster still is. `left_at` is when whoever is not present was seen leaving. A group without a known member has one row without a member.
WITH
    as_of AS
    (
        SELECT groups.group_id AS group_id, toDate32(coalesce(latest.at, days.last) - INTERVAL 1 MILLISECOND) AS today
        FROM groups
        LEFT JOIN latest_vitals AS latest ON latest.group_id = groups.group_id
        LEFT JOIN (SELECT group_id, toDateTime64(max(day) + 1, 3, 'UTC') AS last FROM member_vitals_v1 GROUP BY group_id)
            AS days ON days.group_id = groups.group_id
    ),
    activity AS
    (
        SELECT
            days.group_id AS group_id,
            member_id,
            argMax(role, day) AS role,
            argMax(is_present, day) AS is_present,
            argMax(joined_at, day) AS joined_at,
            max(last_message_at) AS last_message_at,
            any(today) AS as_of_day,
            countIf(messages > 0 AND day > today - 28) AS active_days_28d,
            countIf(messages > 0 AND day > today - 90) AS active_days_90d,
            countIf(messages > 0) AS active_days_all,
            sumIf(messages, day > today - 28) AS messages_28d,
            sumIf(messages, day > today - 90) AS messages_90d,
            sum(messages) AS messages_all
        FROM (SELECT * FROM member_vitals_v1 FINAL) AS days
        INNER JOIN as_of ON as_of.group_id = days.group_id
        GROUP BY group_id, member_id
    ),
    moves AS
    (
        SELECT group_id, member_id, maxIf(occurred_at, type = 'leave') AS left_at, maxIf(occurred_at, type = 'join') AS came_at
        FROM events_v1
        WHERE type IN ('join', 'leave')
        GROUP BY group_id, member_id
    ),
    bought AS
    (
        SELECT
            paid.group_id AS group_id,
            paid.member_id AS member_id,
            uniqExactIf(order_id, refund_id = '') AS orders,
            sumIf(amount, paid.currency = groups.currency) AS revenue,
            max(occurred_at) AS last_order_at
        FROM attributions AS paid
        INNER JOIN groups ON groups.group_id = paid.group_id
        WHERE weight > 0
        GROUP BY group_id, member_id
    )
SELECT
    groups.group_id AS group_id,
    groups.brand_id AS brand_id,
    groups.platform AS platform,
    groups.name AS name,
    activity.member_id AS member_id,
    activity.role AS role,
    toBool(activity.is_present AND NOT ifNull(moves.left_at > greatest(moves.came_at, activity.last_message_at), false)) AS is_present,
    if(is_present OR moves.left_at <= moves.came_at, NULL, moves.left_at) AS left_at,
    activity.joined_at AS joined_at,
    activity.last_message_at AS last_message_at,
    dateDiff('day', toDate32(activity.last_message_at), activity.as_of_day) AS silent_days,
    activity.active_days_28d AS active_days_28d,
    activity.active_days_90d AS active_days_90d,
    activity.active_days_all AS active_days_all,
    activity.messages_28d AS messages_28d,
    activity.messages_90d AS messages_90d,
    activity.messages_all AS messages_all,
    bought.orders AS orders,
    bought.revenue AS revenue,
    bought.last_order_at AS last_order_at
FROM groups
LEFT JOIN activity ON activity.group_id = groups.group_id
LEFT JOIN moves ON moves.group_id = groups.group_id AND moves.member_id = activity.member_id
LEFT JOIN bought ON bought.group_id = groups.group_id AND bought.member_id = activity.member_id
SETTINGS join_use_nulls = 1
