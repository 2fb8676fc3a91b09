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
    episodes.reasons AS reasons
FROM
(
    SELECT
        episode_id,
        brand_id,
        any(group_id) AS group_id,
        any(alert) AS alert,
        argMax(transition, (at, source_offset)) AS state,
        argMax(severity, (at, source_offset)) AS severity,
        minIf(at, transition = 'opened') AS opened_at,
        max(at) AS changed_at,
        maxOrNullIf(at, transition = 'recovered') AS recovered_at,
        argMaxIf(actor, at, transition = 'acknowledged') AS acknowledged_by,
        argMaxOrNullIf(until, at, transition = 'snoozed') AS snoozed_until,
        argMax(verdict, (at, source_offset)) AS verdict,
        argMax(risk, (at, source_offset)) AS risk,
        argMax(reasons, (at, source_offset)) AS reasons
    FROM group_alerts_v1 FINAL
    GROUP BY brand_id, episode_id
) AS episodes
LEFT JOIN groups ON groups.group_id = episodes.group_id
SETTINGS join_use_nulls = 1
