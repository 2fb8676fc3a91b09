-- What was done to a group, to be drawn into its history: planned posts, benefits such as red packets, renames, mergers
-- and ends. `detail` is the post's class, the benefit's kind, the new name or the group it went into.
SELECT
    groups.group_id AS group_id,
    groups.brand_id AS brand_id,
    groups.name AS name,
    moments.occurred_at AS at,
    moments.type AS type,
    moments.detail AS detail
FROM
(
    SELECT
        group_id,
        occurred_at,
        type,
        multiIf(
            type = 'post', content_class,
            type = 'benefit', kind,
            type = 'group_renamed', events_v1.name,
            merged_into != '', merged_into,
            reason) AS detail
    FROM events_v1 FINAL
    WHERE type IN ('post', 'benefit', 'group_renamed', 'group_ended')
) AS moments
INNER JOIN groups ON groups.group_id = moments.group_id
