-- The list of groups that every other view starts from. Known from the vital signs, or until then from events alone.
SELECT
    group_id,
    brand_id,
    platform,
    if(name = '', substring(group_id, length(group_id) - position(reverse(group_id), '/') + 2), name) AS name,
    owner,
    timezone,
    currency,
    created_at,
    planned_end_at,
    ended_at,
    members,
    size_band,
    purpose
FROM groups_v1 FINAL
