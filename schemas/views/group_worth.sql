-- Is a group worth saving, as of the last day that closed: parts 0..1 (NULL: not known, and left out), `worth` 0..100,
-- the share `known` of the parts' weight, and what to do (NULL: nothing, as for a group whose source is blind: nobody sees
-- what it does, and orders that came since are not in its worth). `codes` and `numbers` have the evidence of the parts that
-- are known. `revenue_at_risk` is what 28 days of its last year brought, in minor units of the group's
-- currency.
--   conversion: who pays, what they bring, what benefits brought back · residue: who once wrote and is still here
--   network: how few left in 90 days · reach: who did not mute it, who took the last benefit
--   care: messages answered while it was well · freebie, taken off: who only takes benefits
-- A probe that would be one more of the same is not advised: once `unanswered_probes`, the last benefits of 56 days in a
-- row after which no more was said than usual, are two, the step is to write to those who once wrote most, if half of
-- them (where none stood out, of the weekly speakers) are still here, and else to merge. One that is not judged yet is
-- waited for.
WITH
    -- Of each benefit that is judged when it was sent, how many slept and woke, whether anybody wrote after it, and whether
    -- more than usual; the latest first.
    probed AS
    (
        SELECT
            group_id,
            arrayReverseSort(groupArrayIf(
                (sent_at, silent, woken, ifNull(talk_48h > 0, false), ifNull(talk_48h > ifNull(usual_48h, 0), false)), windows >= 2 AND talk_48h IS NOT NULL
            )) AS judged,
            maxIf(sent_at, windows < 2) AS running_from
        FROM probe_reports_v1 FINAL
        GROUP BY group_id
    ),
    closed AS
    (
        SELECT *, mapFromArrays(worth_codes::Array(String), worth_values) AS parts
        FROM group_vitals_v1 FINAL
        WHERE (group_id, at) IN
            (SELECT group_id, max(at) FROM group_vitals_v1 WHERE is_day_close OR notEmpty(worth_codes) GROUP BY group_id)
    ),
    found AS
    (
        SELECT
            groups.group_id AS group_id,
            closed.* EXCEPT (group_id, advice, advice_reasons, advice_reasons_zh),
            if(closed.verdict = 'stale', NULL, nullIf(closed.advice, '')) AS step,
            if(closed.verdict = 'stale', [], closed.advice_reasons) AS why,
            if(closed.verdict = 'stale', [], closed.advice_reasons_zh) AS why_zh,
            arrayFilter(one -> ifNull(one.1 > closed.at - INTERVAL 56 DAY, false), probed.judged) AS recent,
            toInt64(arrayFirstIndex(one -> one.5, recent)) AS answered,
            arraySlice(recent, 1, if(answered = 0, toInt64(length(recent)), answered - 1)) AS tried,
            toInt64(length(tried)) AS unanswered,
            ifNull(probed.running_from > closed.at - INTERVAL 10 DAY, false) AS is_running,
            toString(assumeNotNull(toDate(probed.running_from))) AS running_on,
            arrayFirst((numbers, code) -> code = 'residue', closed.worth_numbers, closed.worth_codes) AS once,
            JSONExtractFloat(once, 'core') > 0 AS has_core,
            toUInt32(JSONExtractFloat(once, if(has_core, 'core', 'regulars'))) AS wrote,
            toUInt32(JSONExtractFloat(once, if(has_core, 'core_here', 'regulars_here'))) AS wrote_here
        FROM groups
        LEFT JOIN closed ON closed.group_id = groups.group_id
        LEFT JOIN probed ON probed.group_id = groups.group_id
    ),
    said AS
    (
        SELECT
            *,
            ifNull(step = 'probe', false) AS is_probe,
            is_probe AND unanswered >= 2 AS is_tried_out,
            toString(toDate(tried[-1].1)) AS tried_from,
            arrayExists(one -> one.4, tried) AS has_talk,
            multiIf(
                tried[1].2 = 0, '',
                concat(if(unanswered = 1, '', ' the last'), ' taken by ', if(tried[1].3 = 0, 'none', toString(tried[1].3)), ' of ', toString(tried[1].2), ' silent members')
            ) AS taken,
            if(tried[1].2 = 0, '', concat('由 ', toString(tried[1].2), ' 名沉默成员中的 ', toString(tried[1].3), ' 名领取,')) AS taken_zh,
            concat(
                if(unanswered = 1, concat('a benefit on ', tried_from), concat(toString(unanswered), ' benefits since ', tried_from)),
                if(taken = '', '', ','), taken, if(has_talk, ': no more talk than usual', ': nobody wrote'), ' within 48 hours'
            ) AS tries,
            concat(
                if(unanswered = 1, concat(tried_from, ' 的福利'), concat(tried_from, ' 起 ', toString(unanswered), ' 次福利')),
                if(unanswered = 1 OR taken = '', '', ',最近一次'), taken_zh, if(taken = '', ',', ''),
                if(has_talk, '其后 48 小时发言未超过平时', '其后 48 小时无人发言')
            ) AS tries_zh,
            concat(if(wrote_here = wrote, '', concat(toString(wrote_here), ' of ')), toString(wrote), if(has_core, ' who once wrote most', ' who once wrote every week')) AS there,
            concat('昔日 ', toString(wrote), if(has_core, ' 名核心', ' 名每周发言者'), '中') AS there_zh
        FROM found
    )
SELECT
    group_id,
    at,
    worth,
    multiIf(NOT is_tried_out, step, wrote > 0 AND 2 * wrote_here >= wrote, 'revive', 'merge') AS advice,
    revenue_at_risk,
    worth_known AS known,
    parts['conversion'] AS conversion,
    parts['residue'] AS residue,
    parts['network'] AS network,
    parts['reach'] AS reach,
    parts['care'] AS care,
    parts['freebie'] AS freebie,
    worth_codes AS codes,
    worth_numbers AS numbers,
    arrayConcat(
        if(is_probe AND is_running AND NOT is_tried_out, [concat('the benefit of ', running_on, ' is not judged yet: wait for it')], []),
        if(advice = 'revive' AND is_tried_out, [concat('write to the ', there, if(wrote_here = wrote, ', all still members', ' and are still members'))], []),
        if(advice = 'merge' AND is_tried_out AND wrote > 0, [concat('only ', there, if(wrote_here = 1, ' is still a member', ' are still members'))], []),
        if(is_probe AND unanswered > 0, [tries], []),
        why
    ) AS advice_reasons,
    arrayConcat(
        if(is_probe AND is_running AND NOT is_tried_out, [concat(running_on, ' 的福利尚无结果,先等待')], []),
        if(advice = 'revive' AND is_tried_out, [concat('联系', there_zh, '仍在群内的 ', toString(wrote_here), ' 名')], []),
        if(advice = 'merge' AND is_tried_out AND wrote > 0, [concat(there_zh, '仅 ', toString(wrote_here), ' 名仍在群内')], []),
        if(is_probe AND unanswered > 0, [tries_zh], []),
        why_zh
    ) AS advice_reasons_zh,
    if(at IS NULL, NULL, unanswered) AS unanswered_probes
FROM said
SETTINGS join_use_nulls = 1
