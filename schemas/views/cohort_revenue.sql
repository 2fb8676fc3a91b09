-- What those who joined a group for the first time in one week (Monday to Sunday, UTC) bought in it, week by week. `week` 0
-- is that of joining; only weeks that are over as of the group's latest vital signs. An order that several groups share
-- counts in each, its money by their shares, refunds taken off. Money in minor units of the group's `currency`; an order in
-- another one counts, without its money. A group that nobody was seen to join has one row without a cohort.
WITH
    cohorts AS
    (
        SELECT group_id, member_id, toMonday(min(occurred_at)) AS cohort_week
        FROM events_v1
        WHERE type = 'join' AND role = 'member'
        GROUP BY group_id, member_id
    ),
    sizes AS
    (
        SELECT
            cohorts.group_id AS group_id,
            cohort_week,
            count() AS joined,
            any(latest.currency) AS currency,
            toUInt32(greatest(dateDiff('day', cohort_week, toDate(any(latest.at))), 0) / 7) AS weeks
        FROM cohorts
        INNER JOIN (SELECT group_id, at, currency FROM latest_vitals) AS latest ON latest.group_id = cohorts.group_id
        GROUP BY group_id, cohort_week
    ),
    bought AS
    (
        SELECT
            paid.group_id AS group_id,
            cohorts.cohort_week AS cohort_week,
            toInt64(dateDiff('day', cohort_week, toMonday(occurred_at))) / 7 AS week,
            uniqExactIf(paid.member_id, refund_id = '') AS buyers,
            uniqExactIf(order_id, refund_id = '') AS orders,
            sumIf(amount, paid.currency = latest.currency) AS revenue
        FROM attributions AS paid
        INNER JOIN cohorts ON cohorts.group_id = paid.group_id AND cohorts.member_id = paid.member_id
        INNER JOIN (SELECT group_id, currency FROM latest_vitals) AS latest ON latest.group_id = paid.group_id
        WHERE weight > 0
        GROUP BY group_id, cohort_week, week
    ),
    weekly AS
    (
        SELECT *, arrayJoin(range(weeks)) AS week FROM sizes
    ),
    told AS
    (
        SELECT
            weekly.group_id AS group_id,
            weekly.cohort_week AS cohort_week,
            weekly.week AS week,
            weekly.joined AS joined,
            weekly.currency AS currency,
            ifNull(bought.buyers, 0) AS buyers,
            ifNull(bought.orders, 0) AS orders,
            ifNull(bought.revenue, 0) AS revenue
        FROM weekly
        LEFT JOIN bought ON bought.group_id = weekly.group_id AND bought.cohort_week = weekly.cohort_week AND bought.week = weekly.week
    )
SELECT
    groups.group_id AS group_id,
    groups.brand_id AS brand_id,
    groups.platform AS platform,
    groups.name AS name,
    told.cohort_week AS cohort_week,
    told.week AS week,
    told.joined AS joined,
    told.buyers AS buyers,
    told.orders AS orders,
    told.revenue AS revenue,
    sum(told.revenue) OVER (PARTITION BY groups.group_id, told.cohort_week ORDER BY told.week) AS revenue_so_far,
    revenue_so_far / joined AS revenue_per_member,
    told.currency AS currency
FROM groups
LEFT JOIN told ON told.group_id = groups.group_id
SETTINGS join_use_nulls = 1
