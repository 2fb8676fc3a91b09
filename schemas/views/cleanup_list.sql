-- Whom a group might part with: here 60 days, no message in 60, no purchase in 180, none of the last two benefits claimed.
-- Never on it: who is staff, or keeps a purchase, in any group of the brand, and the group's opinion leaders; an order in
-- a currency that is not its group's counts as kept. Nothing is done to anybody: it is a list for a person. No more than
-- 5 % of a group are for one day, to write to (`write_on`) or to remove (`remove_from`), the longest silent first.
-- `written_at` is the last word of staff to them by name since they are on the list; who was written to on the list's own
-- day takes of that day's portion. `step`: write; wait, a week at least and until their turn; remove.
WITH
    listed AS (SELECT * FROM member_standings WHERE listed_since IS NOT NULL AND is_present AND role = 'member'),
    spared AS
    (
        SELECT brand_id, member_id FROM member_standings_v1 FINAL WHERE role = 'staff' OR spent > 0
        UNION ALL
        -- orders too of which no standing tells yet: in the groups of a source that lags they wait for its next day
        SELECT paid.brand_id, paid.member_id
        FROM (SELECT * FROM attributions WHERE member_id IN (SELECT member_id FROM listed)) AS paid
        INNER JOIN groups ON groups.group_id = paid.group_id
        GROUP BY paid.group_id, paid.brand_id, paid.member_id
        HAVING countIf(refund_id = '' AND paid.currency != groups.currency) > 0 OR sumIf(amount, paid.currency = groups.currency) > 0
    ),
    named AS
    (
        SELECT group_id, arrayJoin(mentions) AS member_id, max(occurred_at) AS at
        FROM events_v1
        WHERE type = 'message' AND role = 'staff' AND notEmpty(mentions) AND group_id IN (SELECT group_id FROM listed)
        GROUP BY group_id, member_id
    ),
    placed AS
    (
        SELECT
            listed.group_id AS group_id,
            listed.member_id AS member_id,
            listed.* EXCEPT (group_id, member_id),
            row_number() OVER (PARTITION BY listed.group_id ORDER BY ifNull(listed.last_message_at, listed.tenure_since), listed.member_id) AS place,
            toUInt32(greatest(1, floor(ifNull(latest.members, 0) * 0.05))) AS daily_limit,
            latest.at AS as_of,
            if(ifNull(named.at > listed.listed_since, false), named.at, NULL) AS written_at
        FROM listed
        INNER JOIN (SELECT group_id, at, members FROM latest_vitals) AS latest ON latest.group_id = listed.group_id
        LEFT JOIN named ON named.group_id = listed.group_id AND named.member_id = listed.member_id
        WHERE (listed.brand_id, listed.member_id) NOT IN (SELECT brand_id, member_id FROM spared)
            AND (listed.group_id, listed.member_id) NOT IN (SELECT group_id, member_id FROM leaders)
    ),
    dated AS
    (
        SELECT
            *,
            toInt64(row_number() OVER (PARTITION BY group_id, written_at IS NULL ORDER BY place)) - 1 AS before,
            toInt64(least(countIf(ifNull(toDate(written_at) >= toDate(as_of), false)) OVER (PARTITION BY group_id), daily_limit)) AS taken,
            if(written_at IS NULL, toDate(as_of) + intDiv(before + taken, daily_limit), NULL) AS write_on,
            toInt64(greatest(toDate(ifNull(written_at, toDateTime64(assumeNotNull(write_on), 3, 'UTC'))) + 7 - toDate(as_of), 0)) AS days_left
        FROM placed
    ),
    -- One queue for removal: each takes the next free seat of their day or of a later one, `daily_limit` seats a day.
    queued AS
    (
        SELECT *, toInt64(row_number() OVER (PARTITION BY group_id ORDER BY days_left, place)) AS turn FROM dated
    ),
    seated AS
    (
        SELECT
            *,
            toDate(as_of) + intDiv(turn + max(daily_limit * days_left - turn) OVER (PARTITION BY group_id ORDER BY turn ROWS UNBOUNDED PRECEDING), daily_limit)
                AS remove_from
        FROM queued
    )
SELECT
    group_id,
    brand_id,
    platform,
    name,
    member_id,
    place,
    multiIf(written_at IS NULL, 'write', remove_from > toDate(as_of), 'wait', 'remove') AS step,
    write_on,
    written_at,
    remove_from,
    daily_limit,
    stage,
    joined_at,
    tenure_days,
    last_message_at,
    last_claim_at,
    probes_ignored,
    messages,
    active_days_28d,
    active_days_90d,
    active_days,
    claims,
    orders,
    spent,
    currency,
    listed_since,
    as_of
FROM seated
SETTINGS join_use_nulls = 1
