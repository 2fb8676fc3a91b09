-- Orders and refunds that no group can claim, one row each. Money in minor units, a refund negative.
SELECT
    brand_id,
    occurred_at,
    order_id,
    refund_id,
    customer_id,
    amount,
    currency
FROM events_v1 FINAL
WHERE type = 'order_attributed' AND rule = 'unattributed'
