-- Is a group worth saving: parts 0..1, `worth` 0..100, and what to do by the first rule that holds. As of the group's
-- latest vital signs, from its events of the 364 days before. A part without data drops out of the mean.
--   conversion: payers per member, revenue per member (both as the share of the brand's groups beaten)
--   residue: of the members who once spoke in 4 weeks or more, how many are still here
--   network: how few left in 90 days · reach: how few muted it, how many claimed a benefit
--   care: the share of member messages that were answered, over the year, so mostly while it was alive
--   freebie, taken off: members who only claim, leaves within 72 hours of a benefit
WITH
    people AS
    (
        SELECT
            past.group_id AS group_id,
            if(customer_id = '', member_id, customer_id) AS who,
            who != '' AND role NOT IN ('staff', 'bot', 'system') AS is_person,
            bitCount(groupBitOrIf(bitShiftLeft(toUInt64(1), intDiv(toUnixTimestamp(occurred_at) + 259200, 604800) % 54),
                type = 'message' AND occurred_at < latest.at - INTERVAL 28 DAY)) >= 4 AS was_core,
            maxIf(occurred_at, type = 'leave') > maxIf(occurred_at, type NOT IN ('leave', 'order_attributed')) AS is_gone,
            maxIf(occurred_at, type = 'mute') > maxIf(occurred_at, type = 'unmute') AS is_muting,
            countIf(type = 'claim') > 0 AS is_claimer,
            countIf(type = 'order_attributed' AND refund_id = '' AND weight > 0) > 0 AS is_payer,
            countIf(type = 'message') > 0 AS is_speaker,
            sumIf(amount, type = 'order_attributed' AND past.currency = latest.currency) AS revenue,
            countIf(type = 'leave' AND occurred_at >= latest.at - INTERVAL 90 DAY) AS leaves_90d,
            countIf(type = 'post') AS posts,
            countIf(type = 'post' AND content_class IN ('ads', 'relay')) AS ads
        FROM
        (
            SELECT * FROM events_v1 FINAL
            WHERE type IN ('message', 'join', 'leave', 'mute', 'unmute', 'claim', 'benefit', 'post', 'order_attributed')
                AND occurred_at >= (SELECT min(at) - INTERVAL 364 DAY FROM latest_vitals)
        ) AS past
        INNER JOIN (SELECT group_id, at, currency FROM latest_vitals) AS latest ON latest.group_id = past.group_id
        WHERE occurred_at < latest.at AND occurred_at >= latest.at - INTERVAL 364 DAY
        GROUP BY group_id, who, is_person
    ),
    sums AS
    (
        SELECT
            group_id,
            countIf(is_person AND was_core) AS core,
            countIf(is_person AND was_core AND NOT is_gone) AS core_here,
            countIf(is_person AND is_muting AND NOT is_gone) AS muting,
            countIf(is_person AND is_claimer) AS claimers,
            countIf(is_person AND is_claimer AND NOT is_speaker AND NOT is_payer) AS hunters,
            countIf(is_person AND is_payer) AS payers,
            sum(people.revenue) AS revenue,
            sum(people.leaves_90d) AS leaves_90d,
            sum(people.posts) AS posts,
            sum(people.ads) AS ads
        FROM people
        GROUP BY group_id
    ),
    gone AS
    (
        SELECT
            past.group_id AS group_id,
            groupArrayIf(occurred_at, type = 'benefit') AS benefits,
            groupArrayIf(occurred_at, type = 'leave') AS left_at,
            length(left_at) AS leaves,
            arrayCount(gone_at -> arrayExists(given -> gone_at > given AND gone_at <= given + INTERVAL 72 HOUR, benefits), left_at)
                AS leaves_after_benefit
        FROM (SELECT DISTINCT group_id, occurred_at, event_id, type FROM events_v1 WHERE type IN ('leave', 'benefit')) AS past
        INNER JOIN (SELECT group_id, at, currency FROM latest_vitals) AS latest ON latest.group_id = past.group_id
        WHERE occurred_at < latest.at AND occurred_at >= latest.at - INTERVAL 364 DAY
        GROUP BY group_id
    ),
    care AS
    (
        SELECT
            days.group_id AS group_id,
            sum(answered_share_28d * messages_28d) / nullIf(sumIf(messages_28d, answered_share_28d IS NOT NULL), 0) AS care
        FROM group_vitals_v1 AS days FINAL
        INNER JOIN (SELECT group_id, at AS as_of FROM latest_vitals) AS latest ON latest.group_id = days.group_id
        WHERE is_day_close AND days.at >= as_of - INTERVAL 364 DAY
        GROUP BY group_id
    ),
    known AS
    (
        SELECT
            brand_id,
            countIf(type = 'order_attributed') > 0 AS knows_orders,
            countIf(type = 'mute') > 0 AS knows_mutes
        FROM events_v1
        WHERE type IN ('order_attributed', 'mute')
        GROUP BY brand_id
    ),
    facts AS
    (
        SELECT
            groups.group_id AS group_id,
            groups.brand_id AS brand_id,
            nullIf(toFloat64(latest.members), 0) AS members,
            known.knows_orders AS knows_orders,
            known.knows_mutes AS knows_mutes,
            ifNull(sums.revenue, 0) AS revenue,
            gone.leaves AS leaves,
            ifNull(sums.leaves_90d, 0) AS leaves_90d,
            gone.leaves_after_benefit AS leaves_after_benefit,
            notEmpty(gone.benefits) AS had_benefits,
            2 * sums.ads > sums.posts AS is_ads,
            sums.core AS core,
            sums.core_here AS core_here,
            sums.muting AS muting,
            sums.claimers AS claimers,
            sums.hunters AS hunters,
            ifNull(sums.payers, 0) AS payers,
            care.care AS care,
            percent_rank() OVER (PARTITION BY brand_id, members IS NULL ORDER BY payers / members) AS payers_rank,
            percent_rank() OVER (PARTITION BY brand_id, members IS NULL ORDER BY revenue / members) AS revenue_rank
        FROM groups
        LEFT JOIN latest_vitals AS latest ON latest.group_id = groups.group_id
        LEFT JOIN sums ON sums.group_id = groups.group_id
        LEFT JOIN gone ON gone.group_id = groups.group_id
        LEFT JOIN care ON care.group_id = groups.group_id
        LEFT JOIN known ON known.brand_id = groups.brand_id
    ),
    parts AS
    (
        SELECT
            group_id,
            revenue / 13 AS revenue_at_risk,
            payers,
            is_ads,
            if(knows_orders AND members IS NOT NULL, (payers_rank + revenue_rank) / 2, NULL) AS conversion,
            core_here / nullIf(core, 0) AS residue,
            members / (members + leaves_90d) AS network,
            arrayMap(known_share -> assumeNotNull(known_share), arrayFilter(share -> share IS NOT NULL, [
                if(knows_mutes, 1 - least(1, muting / members), NULL),
                if(had_benefits, least(1, claimers / members), NULL)])) AS reaches,
            if(empty(reaches), NULL, arrayAvg(reaches)) AS reach,
            care,
            if(had_benefits, (ifNull(hunters / nullIf(claimers, 0), 0) + ifNull(leaves_after_benefit / nullIf(leaves, 0), 0))
                / 2, NULL) AS freebie,
            [(0.3, conversion), (0.2, residue), (0.2, network), (0.15, reach), (0.15, care)] AS weighted,
            arraySum(part -> if(part.2 IS NULL, 0, part.1), weighted) AS weights
        FROM facts
    )
SELECT
    group_id,
    if(weights = 0, NULL, 100 * least(1, greatest(0,
        arraySum(part -> part.1 * ifNull(part.2, 0), weighted) / weights - 0.2 * ifNull(freebie, 0)))) AS worth,
    multiIf(
        payers = 0 AND freebie >= 0.6, 'let go',
        is_ads, 'let go',
        worth IS NULL, NULL,
        worth >= 60, 'revive',
        worth >= 35, 'probe',
        'merge') AS advice,
    revenue_at_risk,
    conversion,
    residue,
    network,
    reach,
    care,
    freebie
FROM parts
SETTINGS join_use_nulls = 1, do_not_merge_across_partitions_select_final = 1
