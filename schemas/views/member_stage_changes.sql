-- Each time that a member of a group entered a stage; `was` is the one before, empty for who came. A move that was taken
-- back is none.
SELECT
    changes.group_id AS group_id,
    changes.brand_id AS brand_id,
    groups.platform AS platform,
    groups.name AS name,
    changes.member_id AS member_id,
    changes.at AS at,
    changes.was AS was,
    changes.stage AS stage,
    dateDiff('day', changes.was_since, changes.at) AS days_before
FROM (SELECT * FROM member_stage_changes_v1 FINAL WHERE was != stage) AS changes
INNER JOIN groups ON groups.group_id = changes.group_id
