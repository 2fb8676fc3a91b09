SELECT group_id, order_id, member_id, amount, currency, paid_amount, paid_currency FROM attributions ORDER BY group_id
