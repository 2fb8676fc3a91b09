-- How far each step has come, in one row: Kafka's time of the newest event, order and dead letter, and of the newest row
-- of vital signs that the agents made of them; the time to which that judges; when a live source was last heard, and the
-- latest time to which one is complete: groups are to be judged up to there, hour by hour.
SELECT
    events_at,
    orders_at,
    vitals_at,
    judged_to,
    live_heard_at,
    live_complete_to,
    letters_at
FROM (SELECT maxOrNull(ingested_at) AS vitals_at, maxOrNull(at) AS judged_to FROM group_vitals_v1) AS vitals
CROSS JOIN (SELECT maxOrNull(ingested_at) AS orders_at FROM purchases_v1) AS orders
CROSS JOIN (SELECT maxOrNull(at) AS letters_at FROM dead_letters_v1) AS letters
CROSS JOIN (SELECT maxOrNull(ingested_at) AS events_at FROM events_v1 WHERE type NOT IN ('order_attributed', 'calibration')) AS events
CROSS JOIN
(
    SELECT maxOrNullIf(told_at, is_live) AS live_heard_at, maxOrNullIf(complete_to, is_live) AS live_complete_to
    FROM
    (
        SELECT max(ingested_at) AS told_at, max(complete_until) AS complete_to, argMax(is_live, ingested_at) AS is_live
        FROM events_v1
        WHERE group_id = '' AND type = 'source_complete'
        GROUP BY brand_id, source
    )
) AS heard
