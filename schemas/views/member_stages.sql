-- Where each member of a group stands, by pseudonym, as the fold judged it (see member_standings); staff and bots have no
-- row. `joined_at` is the last join, or when the member was first seen; `orders_365d` counts to three.
SELECT
    group_id,
    brand_id,
    platform,
    name,
    member_id,
    tenure_since AS joined_at,
    tenure_days,
    last_message_at,
    active_days_28d,
    orders_365d,
    spent AS revenue,
    currency,
    greatest(tenure_since, ifNull(last_message_at, tenure_since), ifNull(last_claim_at, tenure_since),
        ifNull(last_order_at, tenure_since)) AS last_act_at,
    stage
FROM member_standings
WHERE role = 'member'
