-- One row per alert episode with what it came to; an episode of a whole brand has no group.
SELECT
    episodes.episode_id AS episode_id,
    episodes.brand_id AS brand_id,
    episodes.group_id AS group_id,
    groups.name AS name,
    groups.owner AS owner,
    episodes.alert AS alert,
    episodes.state AS state,
    episodes.severity AS severity,
    episodes.opened_at AS opened_at,
    episodes.changed_at AS changed_at,
    episodes.recovered_at AS recovered_at,
    episodes.acknowledged_by AS acknowledged_by,
    episodes.snoozed_until AS snoozed_until,
    episodes.verdict AS verdict,
    episodes.risk AS risk,
    episodes.reasons AS reasons,
    episodes.reasons_zh AS reasons_zh,
    episodes.reason_codes AS reason_codes,
    episodes.is_open AS is_open,
    episodes.is_told AS is_told,
    episodes.is_history AS is_history,
    episodes.cause_id AS cause_id,
    episodes.source_name AS source_name,
    episodes.group_ids AS group_ids,
    episodes.group_count AS group_count,
    episodes.known_groups AS known_groups
FROM
(
    SELECT
        episode_id,
        brand_id,
        any(group_id) AS group_id,
        argMax(alert, (number, at, source_offset)) AS alert,
        argMax(transition, (number, at, source_offset)) AS state,
        state NOT IN ('recovered', 'ended') AS is_open,
        argMax(severity, (number, at, source_offset)) AS severity,
        minIf(at, transition = 'opened') AS opened_at,
        max(at) AS changed_at,
        maxOrNullIf(at, transition IN ('recovered', 'ended')) AS recovered_at,
        argMaxIf(actor, at, transition = 'acknowledged') AS acknowledged_by,
        argMaxOrNullIf(until, at, transition = 'snoozed') AS snoozed_until,
        argMax(verdict, (number, at, source_offset)) AS verdict,
        argMax(risk, (number, at, source_offset)) AS risk,
        argMax(reasons, (number, at, source_offset)) AS reasons,
        argMax(reasons_zh, (number, at, source_offset)) AS reasons_zh,
        argMax(reason_codes, (number, at, source_offset)) AS reason_codes,
        countIf(withheld = '') > 0 AS is_told,
        countIf(transition = 'opened' AND withheld = 'history') > 0 AS is_history,
        argMax(cause_id, (number, at, source_offset)) AS cause_id,
        any(source_name) AS source_name,
        argMax(groups, (number, at, source_offset)) AS group_ids,
        argMax(group_count, (number, at, source_offset)) AS group_count,
        argMax(known_groups, (number, at, source_offset)) AS known_groups
    FROM group_alerts_v1 FINAL
    GROUP BY brand_id, episode_id
) AS episodes
LEFT JOIN groups ON groups.group_id = episodes.group_id
SETTINGS join_use_nulls = 1
