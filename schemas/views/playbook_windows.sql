-- Each playbook that was started beside every group of its brand: how each fared before and after, per day. `is_own` is the
-- playbook's own group; another may be held against it where `is_comparable`: no playbook of its own from 28 days before the
-- start to the end of the days after, not ended nor to end soon, and every day seen. Windows are whole UTC days: `earlier`
-- are 28 to 56 days before the start, `before` the 28 before it, `lately` the last 7 of these, `after` the days after it
-- that have closed, at most 28; `usual` are 28 to 84 days before it, or those of them that the group has, `ebb` the last 21
-- before it, `settled` days 8 to 28 after it. The day of the start is in none. Lists are of member messages, speakers,
-- buyers, revenue: those of each day, so whoever spoke on two days counts twice. Money is what is attributed by now, in
-- minor units of the group's `currency`, refunds taken off.
WITH
    begun AS
    (
        SELECT
            playbooks.playbook_id AS playbook_id,
            playbooks.group_id AS own_id,
            playbooks.brand_id AS brand_id,
            toDate32(assumeNotNull(started_at)) AS start_day,
            toInt64(least(28, greatest(0, ifNull(dateDiff('day', start_day, max(closed.day)), 0)))) AS days_after
        FROM playbooks
        LEFT JOIN (SELECT group_id, day FROM group_history WHERE day IS NOT NULL) AS closed ON closed.group_id = playbooks.group_id
        WHERE started_at IS NOT NULL
        GROUP BY playbook_id, own_id, brand_id, start_day
    ),
    sold AS
    (
        SELECT group_id, day, countIf(ordered > 0) AS buyers, sum(paid) AS revenue
        FROM
        (
            SELECT
                orders.group_id AS group_id,
                toDate32(orders.occurred_at) AS day,
                orders.customer_id AS customer_id,
                sumIf(orders.amount, orders.refund_id = '') AS ordered,
                sumIf(orders.amount, orders.currency = groups.currency) AS paid
            FROM (SELECT * FROM events_v1 FINAL WHERE type = 'order_attributed') AS orders
            INNER JOIN groups ON groups.group_id = orders.group_id
            GROUP BY group_id, day, customer_id
        )
        GROUP BY group_id, day
    ),
    days AS
    (
        SELECT
            history.group_id AS group_id,
            brand_id,
            platform,
            assumeNotNull(history.day) AS day,
            assumeNotNull(messages) AS messages,
            assumeNotNull(speakers) AS speakers,
            ifNull(sold.buyers, 0) AS buyers,
            ifNull(sold.revenue, 0) AS revenue,
            assumeNotNull(verdict) AS verdict,
            assumeNotNull(members) AS members,
            assumeNotNull(unseen_days_56d) AS unseen_days
        FROM (SELECT * FROM group_history WHERE day IS NOT NULL) AS history
        LEFT JOIN sold ON sold.group_id = history.group_id AND sold.day = history.day
    ),
    touched AS
    (
        SELECT group_id, started_at AS at, ifNull(ended_at, toDateTime64('2200-01-01 00:00:00', 3, 'UTC')) AS until
        FROM playbooks
        WHERE started_at IS NOT NULL
    ),
    beside AS
    (
        SELECT DISTINCT begun.playbook_id AS playbook_id, touched.group_id AS group_id
        FROM begun
        CROSS JOIN touched
        WHERE touched.group_id != own_id AND toDate32(touched.at) <= start_day + days_after
            AND toDate32(touched.until) >= start_day - 28
    ),
    figures AS
    (
        SELECT
            playbook_id,
            own_id,
            start_day,
            days_after,
            days.group_id AS group_id,
            any(days.brand_id) AS brand_id,
            any(days.platform) AS platform,
            countIf(day >= start_day - 56 AND day < start_day - 28) AS days_earlier,
            countIf(day < start_day - 28) AS days_usual,
            countIf(day >= start_day - 28 AND day < start_day) AS days_before,
            countIf(day > start_day) AS days_known_after,
            sumIf(unseen_days, day = start_day - 1) + sumIf(unseen_days, day = start_day + days_after) AS unseen_days,
            sumIf(days.unseen_days, day = start_day - 29) AS unseen_usual,
            anyIf(verdict, day = start_day - 1) AS verdict,
            anyIf(members, day = start_day - 1) AS members,
            [sumIf(messages, day >= start_day - 56 AND day < start_day - 28), sumIf(speakers, day >= start_day - 56 AND day < start_day - 28),
                sumIf(buyers, day >= start_day - 56 AND day < start_day - 28),
                sumIf(revenue, day >= start_day - 56 AND day < start_day - 28)] AS earlier_sums,
            [sumIf(messages, day >= start_day - 28 AND day < start_day), sumIf(speakers, day >= start_day - 28 AND day < start_day),
                sumIf(buyers, day >= start_day - 28 AND day < start_day),
                sumIf(revenue, day >= start_day - 28 AND day < start_day)] AS before_sums,
            [sumIf(messages, day >= start_day - 7 AND day < start_day), sumIf(speakers, day >= start_day - 7 AND day < start_day),
                sumIf(buyers, day >= start_day - 7 AND day < start_day),
                sumIf(revenue, day >= start_day - 7 AND day < start_day)] AS lately_sums,
            [sumIf(messages, day > start_day), sumIf(speakers, day > start_day), sumIf(buyers, day > start_day),
                sumIf(revenue, day > start_day)] AS after_sums,
            [sumIf(messages, day < start_day - 28), sumIf(speakers, day < start_day - 28),
                sumIf(buyers, day < start_day - 28), sumIf(revenue, day < start_day - 28)] AS usual_sums,
            [sumIf(messages, day >= start_day - 21 AND day < start_day), sumIf(speakers, day >= start_day - 21 AND day < start_day),
                sumIf(buyers, day >= start_day - 21 AND day < start_day),
                sumIf(revenue, day >= start_day - 21 AND day < start_day)] AS ebb_sums,
            [sumIf(messages, day > start_day + 7), sumIf(speakers, day > start_day + 7), sumIf(buyers, day > start_day + 7),
                sumIf(revenue, day > start_day + 7)] AS settled_sums
        FROM days
        INNER JOIN begun ON begun.brand_id = days.brand_id
        WHERE day >= start_day - 84 AND day <= start_day + days_after
        GROUP BY playbook_id, own_id, start_day, days_after, group_id
    )
SELECT
    figures.playbook_id AS playbook_id,
    figures.group_id AS group_id,
    figures.brand_id AS brand_id,
    figures.platform AS platform,
    own_id = figures.group_id AS is_own,
    start_day,
    days_after,
    days_before = 28 AND days_known_after = days_after AND unseen_days = 0 AS is_seen,
    NOT is_own AND is_seen AND beside.group_id IS NULL
        AND (groups.ended_at IS NULL OR toDate32(groups.ended_at) > start_day + days_after)
        AND (groups.planned_end_at IS NULL OR toDate32(groups.planned_end_at) > start_day + days_after + 14) AS is_comparable,
    days_before,
    figures.unseen_days AS unseen_days,
    figures.verdict AS verdict,
    figures.members AS members,
    toInt8((figures.members > 40) + (figures.members > 100) + (figures.members > 300)) AS band,
    groups.currency AS currency,
    if(days_earlier = 28, arrayMap(total -> total / 28, earlier_sums), []) AS earlier,
    arrayMap(total -> total / 28, before_sums) AS before,
    arrayMap(total -> total / 7, lately_sums) AS lately,
    arrayMap(total -> if(days_after = 0, 0, total / days_after), after_sums) AS after,
    if(days_earlier = 28 AND unseen_usual = 0, arrayMap(total -> total / days_usual, usual_sums), []) AS usual,
    arrayMap(total -> total / 21, ebb_sums) AS ebb,
    if(days_after = 28, arrayMap(total -> total / 21, settled_sums), []) AS settled
FROM figures
INNER JOIN groups ON groups.group_id = figures.group_id
LEFT JOIN beside ON beside.playbook_id = figures.playbook_id AND beside.group_id = figures.group_id
SETTINGS join_use_nulls = 1
