-- Every source that was ever heard, with how far it is complete and how many of its groups are judged blind for it. What
-- agents derive is no source. A source that never says how far it is complete has no `complete_at`.
SELECT
    pairs.brand_id AS brand_id,
    max(pairs.platform) AS platform,
    pairs.source AS source,
    argMax(pairs.is_live, pairs.told_at) AS is_live,
    max(pairs.complete_at) AS complete_at,
    max(pairs.heard_at) AS heard_at,
    maxIf(pairs.last_event_at, pairs.group_id != '') AS last_event_at,
    sumIf(pairs.events, pairs.group_id != '') AS events,
    countIf(pairs.group_id != '') AS groups,
    countIf(latest.verdict = 'stale') AS stale_groups
FROM
(
    SELECT
        brand_id,
        source,
        group_id,
        max(platform) AS platform,
        argMaxIf(is_live, ingested_at, type = 'source_complete') AS is_live,
        maxIf(ingested_at, type = 'source_complete') AS told_at,
        maxOrNullIf(complete_until, type = 'source_complete') AS complete_at,
        max(ingested_at) AS heard_at,
        maxOrNull(occurred_at) AS last_event_at,
        count() AS events
    FROM events_v1
    WHERE type NOT IN ('order_attributed', 'calibration')
    GROUP BY brand_id, source, group_id
) AS pairs
LEFT JOIN (SELECT group_id, verdict FROM latest_vitals) AS latest ON latest.group_id = pairs.group_id
GROUP BY brand_id, source
