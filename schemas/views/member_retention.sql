-- Of those who joined a group for the first time in one week (Monday to Sunday, UTC), how many were still there when a
-- later week ended, and how many wrote, reacted or claimed in it. `week` 0 is that of joining; only weeks that are over as
-- of the group's latest vital signs. A group that nobody was seen to join has one row without a cohort.
WITH
    cohorts AS
    (
        SELECT
            group_id,
            member_id,
            toMonday(minIf(occurred_at, type = 'join')) AS cohort_week,
            arraySort(groupArray((occurred_at, type = 'join'))) AS comings
        FROM (SELECT group_id, member_id, occurred_at, type FROM events_v1 FINAL WHERE type IN ('join', 'leave') AND role = 'member')
        GROUP BY group_id, member_id
        HAVING countIf(type = 'join') > 0
    ),
    weekly AS
    (
        SELECT
            cohorts.group_id AS group_id,
            member_id,
            cohort_week,
            arrayJoin(range(toUInt32(greatest(dateDiff('day', cohort_week, toDate(latest.at)), 0) / 7))) AS week,
            cohort_week + 7 * week AS monday,
            arrayLast(coming -> coming.1 < toDateTime64(monday + 7, 3, 'UTC'), comings).2 AS is_present
        FROM cohorts
        INNER JOIN (SELECT group_id, at FROM latest_vitals) AS latest ON latest.group_id = cohorts.group_id
    ),
    acts AS
    (
        SELECT DISTINCT group_id, member_id, toMonday(occurred_at) AS monday, 1 AS is_active
        FROM events_v1
        WHERE type IN ('message', 'reaction', 'claim') AND role = 'member'
    ),
    counted AS
    (
        SELECT
            weekly.group_id AS group_id,
            cohort_week,
            week,
            count() AS joined,
            countIf(is_present = 1) AS present,
            countIf(acts.is_active = 1) AS active
        FROM weekly
        LEFT JOIN acts ON acts.group_id = weekly.group_id AND acts.member_id = weekly.member_id AND acts.monday = weekly.monday
        GROUP BY group_id, cohort_week, week
    )
SELECT
    groups.group_id AS group_id,
    groups.brand_id AS brand_id,
    groups.platform AS platform,
    groups.name AS name,
    counted.cohort_week AS cohort_week,
    counted.week AS week,
    counted.joined AS joined,
    counted.present AS present,
    counted.active AS active,
    present / joined AS present_share,
    active / joined AS active_share
FROM groups
LEFT JOIN counted ON counted.group_id = groups.group_id
SETTINGS join_use_nulls = 1
