SELECT group_id, toString(day) AS day, currency, orders, buyers, revenue, refunded FROM group_revenue
ORDER BY group_id, day, currency
