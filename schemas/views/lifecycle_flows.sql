-- How many members went from one stage to another, week by week (Monday to Sunday, UTC), and the median of the days that
-- they had been where they came from. `was` is empty for who came to a group. A move that was taken back has none. A group
-- without a change has one row without a week.
WITH changes AS
(
    SELECT
        group_id,
        toMonday(at - INTERVAL 1 MILLISECOND) AS week,
        was,
        stage,
        uniqExact(member_id) AS members,
        quantileExactOrNull(0.5)(dateDiff('day', was_since, at)) AS days_before
    FROM member_stage_changes_v1 FINAL
    WHERE was != stage
    GROUP BY group_id, week, was, stage
)
SELECT
    groups.group_id AS group_id,
    groups.brand_id AS brand_id,
    groups.platform AS platform,
    groups.name AS name,
    changes.week AS week,
    changes.was AS was,
    changes.stage AS stage,
    changes.members AS members,
    changes.days_before AS days_before
FROM groups
LEFT JOIN changes ON changes.group_id = groups.group_id
SETTINGS join_use_nulls = 1
