-- What was done to a group, to be drawn into its history: planned posts, benefits such as red packets, renames, mergers
-- and ends, playbooks. `detail` is the post's class, the benefit's kind, the new name, the group it went into, the playbook's
-- name or its step.
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
            type IN ('group_renamed', 'playbook_started'), events_v1.name,
            type = 'playbook_step', step,
            merged_into != '', merged_into,
            reason) AS detail
    FROM events_v1 FINAL
    WHERE type IN ('post', 'benefit', 'group_renamed', 'group_ended', 'playbook_started', 'playbook_step', 'playbook_ended')
) AS moments
INNER JOIN groups ON groups.group_id = moments.group_id
