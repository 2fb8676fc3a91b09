-- How much of a group's audience comes back: members who wrote that day, in 7 days and in 28, and the mean day's share of
-- the 28 days' (1: the same people every day; 1/28: each came once). One row per group and closed UTC day; the mean is of the
-- days closed so far where they are fewer than 28. A group without a closed day has one row without a day.
WITH days AS
(
    SELECT
        group_id,
        toDate32(at - INTERVAL 1 MILLISECOND) AS day,
        members,
        speakers_1d,
        speakers_7d,
        speakers_28d,
        avg(speakers_1d) OVER (PARTITION BY group_id ORDER BY at ROWS BETWEEN 27 PRECEDING AND CURRENT ROW) AS speakers_a_day
    FROM group_vitals_v1 FINAL
    WHERE is_day_close
)
SELECT
    groups.group_id AS group_id,
    groups.brand_id AS brand_id,
    groups.platform AS platform,
    groups.name AS name,
    days.day AS day,
    days.members AS members,
    days.speakers_1d AS speakers_1d,
    days.speakers_7d AS speakers_7d,
    days.speakers_28d AS speakers_28d,
    days.speakers_a_day AS speakers_a_day,
    speakers_a_day / nullIf(speakers_28d, 0) AS stickiness
FROM groups
LEFT JOIN days ON days.group_id = groups.group_id
SETTINGS join_use_nulls = 1
