-- A group's silence in its own rhythm: whole UTC days since a member wrote, the longest pause between two days of talk
-- of the year before, and the share of those pauses that were shorter. Of the closed days of 364; both are NULL with
-- fewer than 10 days of talk, when there is no rhythm yet.
WITH
    talk AS
    (
        SELECT days.group_id AS group_id, toInt32(toDate32(days.at - INTERVAL 1 MILLISECOND)) AS day, last_day
        FROM group_vitals_v1 AS days FINAL
        INNER JOIN
        (
            SELECT group_id, max(toInt32(toDate32(at - INTERVAL 1 MILLISECOND))) AS last_day
            FROM group_vitals_v1
            WHERE is_day_close
            GROUP BY group_id
        ) AS ends ON ends.group_id = days.group_id
        WHERE is_day_close AND messages_day > 0 AND day > last_day - 364
    ),
    pauses AS
    (
        SELECT
            group_id,
            any(last_day) - max(day) AS silent_days,
            arraySort(groupArray(day)) AS spoken,
            arrayMap(pause -> pause - 1, arrayPopFront(arrayDifference(spoken))) AS paused
        FROM talk
        GROUP BY group_id
    )
SELECT
    groups.group_id AS group_id,
    groups.brand_id AS brand_id,
    groups.platform AS platform,
    groups.name AS name,
    pauses.silent_days AS silent_days,
    if(length(spoken) < 10, NULL, arrayMax(paused)) AS longest_pause_days,
    if(length(spoken) < 10, NULL, arrayCount(pause -> pause < silent_days, paused) / length(paused)) AS shorter_share
FROM groups
LEFT JOIN pauses ON pauses.group_id = groups.group_id
SETTINGS join_use_nulls = 1
