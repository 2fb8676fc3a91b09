SELECT currency, orders, net, attributed, unattributed, pending FROM revenue ORDER BY currency
