-- What the pipeline carried, minute by minute of Kafka's clock: events of groups, orders and refunds, rows of vital signs,
-- dead letters. Minutes with nothing have no row. A row sent again counts once it is merged.
SELECT toStartOfMinute(ingested_at) AS minute, 'events' AS stream, count() AS rows
FROM events_v1
GROUP BY minute
UNION ALL
SELECT toStartOfMinute(ingested_at) AS minute, 'orders' AS stream, count() AS rows
FROM purchases_v1
GROUP BY minute
UNION ALL
SELECT toStartOfMinute(ingested_at) AS minute, 'vital signs' AS stream, count() AS rows
FROM group_vitals_v1
GROUP BY minute
UNION ALL
SELECT toStartOfMinute(at) AS minute, 'dead letters' AS stream, count() AS rows
FROM dead_letters_v1
GROUP BY minute
