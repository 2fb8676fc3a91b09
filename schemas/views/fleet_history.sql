-- How many groups had which verdict, day by day. A group counts from its first closed day on, on each day with the
-- latest verdict it had by then: one that gets no rows any more does not drop out. Days are UTC.
WITH
    days AS
    (
        SELECT group_id, toDate32(at - INTERVAL 1 MILLISECOND) AS day, verdict
        FROM group_vitals_v1 FINAL
        WHERE is_day_close
    ),
    calendar AS
    (
        SELECT starts.group_id AS group_id, arrayJoin(range(toUInt32(first), toUInt32(last) + 1)) AS number
        FROM (SELECT group_id, toInt32(min(day)) AS first FROM days GROUP BY group_id) AS starts
        CROSS JOIN (SELECT toInt32(max(day)) AS last FROM days) AS ends
    )
SELECT
    groups.brand_id AS brand_id,
    groups.platform AS platform,
    toDate32('1970-01-01') + calendar.number AS day,
    days.verdict AS verdict,
    count() AS groups
FROM groups
INNER JOIN calendar ON calendar.group_id = groups.group_id
ASOF INNER JOIN (SELECT group_id, toUInt32(toInt32(day)) AS number, verdict FROM days) AS days
    ON days.group_id = calendar.group_id AND days.number <= calendar.number
GROUP BY brand_id, platform, day, verdict
