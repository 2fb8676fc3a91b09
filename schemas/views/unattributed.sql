-- Orders and refunds that no group can claim, one row each; they go when it is learnt who the buyer is. Money in minor
-- units, a refund negative.
SELECT
    brand_id,
    occurred_at,
    order_id,
    refund_id,
    customer_id,
    amount,
    currency
FROM attributions
WHERE rule = 'unattributed'
