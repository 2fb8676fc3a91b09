SELECT day, orders, net, attributed, pending FROM revenue ORDER BY day
