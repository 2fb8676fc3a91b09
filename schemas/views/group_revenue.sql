-- What each group earned day by day (UTC), days without an order too, as the shares stand now: a late order, a refund or a
-- buyer who became known later changes days long over. `revenue` has refunds taken off. Minor units of `currency`; orders in
-- another currency than the group's have rows of their own.
WITH
    sold AS
    (
        SELECT
            group_id,
            toDate32(occurred_at) AS day,
            currency,
            uniqExactIf(order_id, refund_id = '') AS orders,
            uniqExactIf(member_id, refund_id = '') AS buyers,
            sum(amount) AS revenue,
            -sumIf(amount, refund_id != '') AS refunded
        FROM attributions
        WHERE weight > 0
        GROUP BY group_id, day, currency
    ),
    days AS
    (
        SELECT
            group_id,
            currency,
            arrayJoin(arrayMap(n -> toDate32(first_event_at) + n, range(toUInt32(dateDiff('day', first_event_at, at - INTERVAL 1 MILLISECOND) + 1)))) AS day
        FROM latest_vitals
        WHERE first_event_at < at
        UNION DISTINCT
        SELECT group_id, currency, day FROM sold
    )
SELECT
    groups.group_id AS group_id,
    groups.brand_id AS brand_id,
    groups.platform AS platform,
    groups.name AS name,
    days.day AS day,
    days.currency AS currency,
    if(days.day IS NULL, NULL, ifNull(sold.orders, 0)) AS orders,
    if(days.day IS NULL, NULL, ifNull(sold.buyers, 0)) AS buyers,
    if(days.day IS NULL, NULL, ifNull(sold.revenue, 0)) AS revenue,
    if(days.day IS NULL, NULL, ifNull(sold.refunded, 0)) AS refunded
FROM groups
LEFT JOIN days ON days.group_id = groups.group_id
LEFT JOIN sold ON sold.group_id = days.group_id AND sold.day = days.day AND sold.currency = days.currency
SETTINGS join_use_nulls = 1
