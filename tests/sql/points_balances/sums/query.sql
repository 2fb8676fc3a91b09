SELECT * FROM points_balances ORDER BY member_id
