-- From member to buyer, over the 28 UTC days up to the group's latest vital signs. An order with shares in several
-- groups counts in each of them, and not one that was taken back; `revenue` is the shares. First and last touch count without a share too. Money in
-- minor units of `currency`; an order in another one counts, without its money.
WITH steps AS
(
    SELECT
        latest.group_id AS group_id,
        uniqExactIf(member_id, type = 'join' AND role = 'member') AS joined,
        uniqExactIf(member_id, type = 'message' AND role = 'member') AS spoke,
        uniqExactIf(member_id, type = 'claim' AND role = 'member') AS claimed,
        uniqExactIf(customer_id, type = 'order_attributed' AND refund_id = '' AND weight > 0) AS bought,
        uniqExactIf(order_id, type = 'order_attributed' AND refund_id = '' AND weight > 0) AS orders,
        uniqExactIf(order_id, type = 'order_attributed' AND refund_id = '' AND is_first_touch) AS first_touch_orders,
        uniqExactIf(order_id, type = 'order_attributed' AND refund_id = '' AND is_last_touch) AS last_touch_orders,
        sumIf(amount, type = 'order_attributed' AND events.currency = latest.currency) AS revenue,
        -sumIf(amount, type = 'order_attributed' AND events.currency = latest.currency AND refund_id != '') AS refunded
    FROM
    (
        SELECT * FROM events_v1 FINAL
        WHERE reverses = '' AND event_id NOT IN (SELECT reverses FROM events_v1 WHERE type = 'order_attributed' AND reverses != '')
    ) AS events
    INNER JOIN latest_vitals AS latest ON latest.group_id = events.group_id
    WHERE events.occurred_at < latest.at AND events.occurred_at >= latest.at - INTERVAL 28 DAY
    GROUP BY group_id
)
SELECT
    groups.group_id AS group_id,
    groups.brand_id AS brand_id,
    groups.platform AS platform,
    groups.name AS name,
    latest.at AS at,
    latest.members AS members,
    if(latest.at IS NULL, NULL, ifNull(steps.joined, 0)) AS joined,
    if(latest.at IS NULL, NULL, ifNull(steps.spoke, 0)) AS spoke,
    if(latest.at IS NULL, NULL, ifNull(steps.claimed, 0)) AS claimed,
    if(latest.at IS NULL, NULL, ifNull(steps.bought, 0)) AS bought,
    if(latest.at IS NULL, NULL, ifNull(steps.orders, 0)) AS orders,
    if(latest.at IS NULL, NULL, ifNull(steps.first_touch_orders, 0)) AS first_touch_orders,
    if(latest.at IS NULL, NULL, ifNull(steps.last_touch_orders, 0)) AS last_touch_orders,
    if(latest.at IS NULL, NULL, ifNull(steps.revenue, 0)) AS revenue,
    if(latest.at IS NULL, NULL, ifNull(steps.refunded, 0)) AS refunded,
    latest.currency AS currency,
    spoke / nullIf(latest.members, 0) AS spoke_share,
    bought / nullIf(latest.members, 0) AS bought_share,
    revenue / nullIf(latest.members, 0) AS revenue_per_member
FROM groups
LEFT JOIN latest_vitals AS latest ON latest.group_id = groups.group_id
LEFT JOIN steps ON steps.group_id = groups.group_id
SETTINGS join_use_nulls = 1
