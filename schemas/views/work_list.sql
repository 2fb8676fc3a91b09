-- What to do next, and for which group first: all that are fading, dying or dead, and those to let go. The order is worth
-- × risk × revenue at risk: `at_stake` in minor units of `currency`; to stand beside those of other brands and currencies
-- it is divided by what the brand's groups of that currency bring in 28 days: `priority`, 0..100. Where nothing is sold
-- worth × risk decides. `why` is why the group is ill, `advice_reasons` why to do this.
WITH listed AS
(
    SELECT
        health.group_id AS group_id,
        health.brand_id AS brand_id,
        health.platform AS platform,
        health.name AS name,
        groups.owner AS owner,
        worths.advice AS advice,
        worths.advice_reasons AS advice_reasons,
        worths.advice_reasons_zh AS advice_reasons_zh,
        worths.worth AS worth,
        worths.known AS known,
        health.verdict AS verdict,
        health.verdict_since AS since,
        health.risk AS risk,
        latest.reasons AS why,
        latest.reasons_zh AS why_zh,
        health.members AS members,
        worths.revenue_at_risk AS revenue_at_risk,
        groups.currency AS currency,
        worths.worth / 100 * health.risk * worths.revenue_at_risk AS at_stake,
        sum(if(health.verdict = 'ended', 0, worths.revenue_at_risk)) OVER (PARTITION BY brand_id, currency) AS brand_revenue,
        health.at AS at
    FROM group_health AS health
    LEFT JOIN groups ON groups.group_id = health.group_id
    LEFT JOIN group_worth AS worths ON worths.group_id = health.group_id
    LEFT JOIN (SELECT group_id, reasons, reasons_zh FROM latest_vitals) AS latest ON latest.group_id = health.group_id
)
SELECT *, 100 * at_stake / nullIf(brand_revenue, 0) AS priority
FROM listed
WHERE verdict IN ('fading', 'dying', 'dead') OR advice = 'let go'
ORDER BY priority DESC NULLS LAST, worth * risk DESC NULLS LAST, risk DESC, group_id ASC
SETTINGS join_use_nulls = 1
