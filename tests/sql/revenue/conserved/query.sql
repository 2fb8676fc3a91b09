SELECT brand_id, day, orders, net, attributed, unattributed, pending FROM revenue ORDER BY day
