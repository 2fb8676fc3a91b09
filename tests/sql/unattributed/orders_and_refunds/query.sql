SELECT order_id, refund_id, amount FROM unattributed ORDER BY occurred_at
