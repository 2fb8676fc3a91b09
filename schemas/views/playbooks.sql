-- What was done for a group on purpose: a playbook from its start to its end, with the steps in between, in order. A start
-- while another is open ends that one (`replaced`); a step or an end without a start stands as `not started`. `budget` is
-- in minor units of `currency`, 0 where none was said; `goal` is what the playbook is judged by.
WITH
    said AS
    (
        SELECT
            group_id,
            playbook_id,
            countIf(type = 'playbook_started') > 0 AS is_started,
            minIf(occurred_at, type = 'playbook_started') AS first_start,
            argMinIf((name, goal, budget, currency), (occurred_at, event_id), type = 'playbook_started') AS start,
            minOrNullIf(occurred_at, type = 'playbook_ended' AND occurred_at >= first_starts.at) AS own_end,
            argMinIf(note, (occurred_at, event_id), type = 'playbook_ended' AND occurred_at >= first_starts.at) AS end_note,
            arraySort(groupArrayIf((occurred_at, step, note), type = 'playbook_step')) AS taken
        FROM events_v1 FINAL
        LEFT JOIN
        (
            SELECT group_id, playbook_id, min(occurred_at) AS at
            FROM events_v1
            WHERE type = 'playbook_started'
            GROUP BY group_id, playbook_id
        ) AS first_starts USING (group_id, playbook_id)
        WHERE type IN ('playbook_started', 'playbook_step', 'playbook_ended')
        GROUP BY group_id, playbook_id
    ),
    followed AS
    (
        SELECT
            *,
            if(is_started, first_start, NULL) AS started_at,
            if(is_started, leadInFrame(toNullable(first_start)) OVER (PARTITION BY group_id, is_started
                ORDER BY first_start, playbook_id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING), NULL) AS next_start
        FROM said
    )
SELECT
    followed.group_id AS group_id,
    groups.brand_id AS brand_id,
    groups.name AS group_name,
    playbook_id,
    start.1 AS name,
    start.2 AS goal,
    start.3 AS budget,
    start.4 AS currency,
    started_at,
    multiIf(NOT is_started, NULL, own_end IS NOT NULL AND (next_start IS NULL OR own_end <= next_start), own_end, next_start)
        AS ended_at,
    multiIf(NOT is_started, 'not started', ended_at IS NULL, 'open', ended_at = own_end, 'ended', 'replaced') AS state,
    end_note,
    taken.2 AS steps,
    taken.1 AS step_at,
    taken.3 AS step_notes
FROM followed
INNER JOIN groups ON groups.group_id = followed.group_id
SETTINGS join_use_nulls = 1
