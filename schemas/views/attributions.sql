-- The shares of orders and refunds that stand: without those that were taken back when the buyer became known, and without
-- the rows that took them back. `member_id` is the buyer in that group, or the customer where they were never seen there.
-- Money in minor units, a refund negative; converted money also as it was paid.
SELECT
    group_id,
    brand_id,
    platform,
    occurred_at,
    event_id,
    order_id,
    refund_id,
    customer_id,
    if(events.member_id = '', customer_id, events.member_id) AS member_id,
    amount,
    currency,
    weight,
    rule,
    is_first_touch,
    is_last_touch,
    if(events.paid_currency = '', amount, events.paid_amount) AS paid_amount,
    if(events.paid_currency = '', currency, events.paid_currency) AS paid_currency
FROM (SELECT * FROM events_v1 FINAL WHERE type = 'order_attributed') AS events
WHERE reverses = '' AND event_id NOT IN (SELECT reverses FROM events_v1 WHERE type = 'order_attributed' AND reverses != '')
