SELECT group_id, members, joined, spoke, claimed, bought, orders, last_touch_orders, revenue, refunded, spoke_share,
    revenue_per_member
FROM conversion_funnel ORDER BY group_id
