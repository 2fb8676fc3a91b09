-- Where the money of each brand, day and currency went: what was ordered less refunds, how much of it groups got, how
-- much nobody can claim, and what still waits for its attribution. Minor units as paid, whether or not they were converted
-- for groups; `net` is the sum of the other three. Of a refund told as a total only what it adds to the totals before it
-- counts, on its own day, as groups give it back.
WITH
    sold AS
    (
        SELECT
            brand_id,
            currency,
            day,
            countIf(type = 'purchase') AS orders,
            sumIf(amount, type = 'purchase') - sumIf(amount, type = 'refund') AS net
        FROM
        (
            SELECT brand_id, currency, type, toDate32(occurred_at) AS day, amount FROM purchases_v1 FINAL WHERE NOT is_total
            UNION ALL
            SELECT
                brand_id,
                currency,
                'refund' AS type,
                toDate32(occurred_at) AS day,
                greatest(0, amount - max(amount) OVER (
                    PARTITION BY brand_id, currency, customer_id, order_id
                    ORDER BY occurred_at, amount
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                )) AS amount
            FROM purchases_v1 FINAL
            WHERE is_total
        )
        GROUP BY brand_id, currency, day
    ),
    shared AS
    (
        SELECT
            brand_id,
            paid_currency AS currency,
            toDate32(occurred_at) AS day,
            sumIf(paid_amount, rule != 'unattributed') AS attributed,
            sumIf(paid_amount, rule = 'unattributed') AS unattributed
        FROM attributions
        GROUP BY brand_id, currency, day
    )
SELECT
    brand_id,
    day,
    currency,
    ifNull(sold.orders, 0) AS orders,
    ifNull(sold.net, 0) AS net,
    ifNull(shared.attributed, 0) AS attributed,
    ifNull(shared.unattributed, 0) AS unattributed,
    net - attributed - unattributed AS pending
FROM sold
FULL JOIN shared USING (brand_id, currency, day)
SETTINGS join_use_nulls = 1
