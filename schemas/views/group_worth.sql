-- Is a group worth saving, as of the last day that closed: parts 0..1 (NULL: not known, and left out), `worth` 0..100,
-- the share `known` of the parts' weight, and what to do (NULL: nothing, as for a group whose source is blind: nobody sees
-- what it does, and orders that came since are not in its worth). `codes` and `numbers` have the evidence of the parts that
-- are known. `revenue_at_risk` is what 28 days of its last year brought, in minor units of the group's
-- currency.
--   conversion: who pays, what they bring, what benefits brought back · residue: who once wrote and is still here
--   network: how few left in 90 days · reach: who did not mute it, who took the last benefit
--   care: messages answered while it was well · freebie, taken off: who only takes benefits
SELECT
    groups.group_id AS group_id,
    closed.at AS at,
    closed.worth AS worth,
    if(closed.verdict = 'stale', NULL, nullIf(closed.advice, '')) AS advice,
    closed.revenue_at_risk AS revenue_at_risk,
    closed.worth_known AS known,
    closed.parts['conversion'] AS conversion,
    closed.parts['residue'] AS residue,
    closed.parts['network'] AS network,
    closed.parts['reach'] AS reach,
    closed.parts['care'] AS care,
    closed.parts['freebie'] AS freebie,
    closed.worth_codes AS codes,
    closed.worth_numbers AS numbers,
    if(closed.verdict = 'stale', [], closed.advice_reasons) AS advice_reasons,
    if(closed.verdict = 'stale', [], closed.advice_reasons_zh) AS advice_reasons_zh
FROM groups
LEFT JOIN
(
    SELECT *, mapFromArrays(worth_codes::Array(String), worth_values) AS parts
    FROM group_vitals_v1 FINAL
    WHERE (group_id, at) IN
        (SELECT group_id, max(at) FROM group_vitals_v1 WHERE is_day_close OR notEmpty(worth_codes) GROUP BY group_id)
) AS closed ON closed.group_id = groups.group_id
SETTINGS join_use_nulls = 1
