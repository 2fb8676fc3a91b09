-- What on-call opens: groups that are fading, dying or dead, worst first. `since` is how long the verdict stands,
-- `revenue_at_risk` the minor units of 28 usual days of the year, `priority` = worth × risk × revenue at risk.
SELECT
    health.group_id AS group_id,
    health.brand_id AS brand_id,
    health.platform AS platform,
    health.name AS name,
    health.verdict AS verdict,
    health.risk AS risk,
    health.reasons AS reasons,
    worths.worth AS worth,
    worths.advice AS advice,
    health.verdict_since AS since,
    groups.owner AS owner,
    health.at AS at,
    health.members AS members,
    health.silent_hours AS silent_hours,
    health.speakers_28d AS speakers_28d,
    health.active_days_28d AS active_days_28d,
    health.engagement AS engagement,
    worths.revenue_at_risk AS revenue_at_risk,
    worths.worth / 100 * health.risk * worths.revenue_at_risk AS priority
FROM group_health AS health
LEFT JOIN groups ON groups.group_id = health.group_id
LEFT JOIN group_worth AS worths ON worths.group_id = health.group_id
WHERE health.verdict IN ('fading', 'dying', 'dead')
ORDER BY health.risk DESC, health.active_days_28d ASC, health.speakers_28d ASC, health.silent_hours DESC, group_id ASC
SETTINGS join_use_nulls = 1
