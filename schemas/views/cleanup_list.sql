-- Whom a group might part with: here 60 days, no message in 60, no purchase in 180, none of the last two benefits claimed.
-- Never on it: who is staff, or keeps a purchase, in any group of the brand, and the group's opinion leaders. Nothing is
-- done to anybody: it is a list for a person. No more than 5 % of a group are for one day (`write_on`), the longest silent
-- first. `written_at` is the last word of staff to them by name, or the last playbook step "cleanup", since they are on
-- the list. `step`: write; wait, until a week has passed; remove.
WITH
    listed AS (SELECT * FROM member_standings WHERE listed_since IS NOT NULL AND is_present AND role = 'member'),
    spared AS
    (
        SELECT brand_id, member_id FROM member_standings_v1 FINAL WHERE role = 'staff' OR spent > 0
    ),
    steps AS
    (
        SELECT group_id, max(occurred_at) AS at
        FROM events_v1
        WHERE type = 'playbook_step' AND step = 'cleanup'
        GROUP BY group_id
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
            nullIf(greatest(
                if(ifNull(steps.at > listed.listed_since, false), assumeNotNull(steps.at), toDateTime64(0, 3, 'UTC')),
                if(ifNull(named.at > listed.listed_since, false), assumeNotNull(named.at), toDateTime64(0, 3, 'UTC'))
            ), toDateTime64(0, 3, 'UTC')) AS written_at
        FROM listed
        INNER JOIN (SELECT group_id, at, members FROM latest_vitals) AS latest ON latest.group_id = listed.group_id
        LEFT JOIN steps ON steps.group_id = listed.group_id
        LEFT JOIN named ON named.group_id = listed.group_id AND named.member_id = listed.member_id
        WHERE (listed.brand_id, listed.member_id) NOT IN (SELECT brand_id, member_id FROM spared)
            AND (listed.group_id, listed.member_id) NOT IN (SELECT group_id, member_id FROM leaders)
    )
SELECT
    group_id,
    brand_id,
    platform,
    name,
    member_id,
    place,
    multiIf(written_at IS NULL, 'write', written_at > as_of - INTERVAL 7 DAY, 'wait', 'remove') AS step,
    if(written_at IS NULL, toDate(as_of) + intDiv(place - 1, daily_limit), NULL) AS write_on,
    written_at,
    toDate(ifNull(written_at, toDateTime(toDate(as_of) + intDiv(place - 1, daily_limit)))) + 7 AS remove_from,
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
FROM placed
SETTINGS join_use_nulls = 1
