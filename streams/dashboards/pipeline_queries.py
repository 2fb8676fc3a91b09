"""The queries of the page *Pipeline*, written as those of `queries.py`.

`{bucket}` is the beginning of a point's time span, `{told}` the time range of what the parts told of themselves.
"""

PIPELINE_NOW = """
SELECT
    {behind} AS behind,
    dateDiff('second', events_at, now()) AS event_age,
    dateDiff('second', vitals_at, now()) AS vitals_age,
    judged_to,
    (SELECT count() FROM sources WHERE stale_groups > 0) AS blind_sources,
    (SELECT count() FROM dead_letters WHERE at > now() - INTERVAL 1 DAY) AS letters_1d
FROM pipeline
"""
THROUGHPUT = """
SELECT
    toStartOfInterval(minute, INTERVAL greatest(60, $__interval_s) second) AS time,
    sumIf(rows, stream = 'events') / greatest(60, $__interval_s) AS events,
    sumIf(rows, stream = 'orders') / greatest(60, $__interval_s) AS orders,
    sumIf(rows, stream = 'vital signs') / greatest(60, $__interval_s) AS vitals
FROM arrivals
WHERE minute >= $__fromTime AND minute <= $__toTime
GROUP BY time
ORDER BY time
"""
DELAY = """
SELECT
    toStartOfHour(ingested_at) AS time,
    quantile(0.5)(dateDiff('millisecond', at, ingested_at)) / 1000 AS half,
    quantile(0.95)(dateDiff('millisecond', at, ingested_at)) / 1000 AS most
FROM group_vitals_v1
WHERE ingested_at >= $__fromTime AND ingested_at <= $__toTime AND at > ingested_at - INTERVAL 1 DAY
GROUP BY time
ORDER BY time
"""
LETTERS_BY_HOUR = """
SELECT toStartOfHour(at) AS time, count() AS letters
FROM dead_letters
WHERE at >= $__fromTime AND at <= $__toTime
GROUP BY time
ORDER BY time WITH FILL FROM toStartOfHour($__fromTime) TO toStartOfHour($__toTime) STEP INTERVAL 1 HOUR
"""
LETTERS_BY_REASON = """
SELECT origin, reason, count() AS letters, max(at) AS latest, argMax(detail, at) AS example
FROM dead_letters
WHERE at >= $__fromTime AND at <= $__toTime
GROUP BY origin, reason
ORDER BY letters DESC
"""
LAGS = """
SELECT
    {bucket} AS time,
    maxOrNullIf(value, agent = 'groups') AS groups,
    maxOrNullIf(value, agent = 'identity') AS identity,
    maxOrNullIf(value, agent = 'attribution') AS attribution,
    maxOrNullIf(value, agent = 'alerts') AS alerts,
    maxOrNullIf(value, agent = 'sink') AS sink
FROM part_history
WHERE name = 'vitals_lag_records' AND {told}
GROUP BY time
ORDER BY time
"""
WORK = """
SELECT
    {bucket} AS time,
    sumIf(value, agent = 'groups') / greatest(60, $__interval_s) AS groups,
    sumIf(value, agent = 'identity') / greatest(60, $__interval_s) AS identity,
    sumIf(value, agent = 'attribution') / greatest(60, $__interval_s) AS attribution,
    sumIf(value, agent = 'alerts') / greatest(60, $__interval_s) AS alerts,
    sumIf(value, agent = 'sink') / greatest(60, $__interval_s) AS sink
FROM part_history
WHERE name = 'vitals_records_total' AND {told}
GROUP BY time
ORDER BY time
"""
FLUSHES = """
SELECT
    time,
    quantilePrometheusHistogramOrNullIf(0.5)(bound, count, is_flush) AS half,
    quantilePrometheusHistogramOrNullIf(0.99)(bound, count, is_flush) AS most,
    quantilePrometheusHistogramOrNullIf(0.99)(bound, count, NOT is_flush) AS inserts
FROM
(
    SELECT
        {bucket} AS time,
        name = 'vitals_flush_seconds_bucket' AS is_flush,
        assumeNotNull(le) AS bound,
        sum(value) AS count
    FROM part_history
    WHERE name IN ('vitals_flush_seconds_bucket', 'vitals_insert_seconds_bucket') AND {told}
    GROUP BY time, is_flush, bound
)
GROUP BY time
ORDER BY time
"""
TROUBLES = """
SELECT
    {bucket} AS time,
    sumIf(value, name = 'vitals_insert_retries_total') AS inserts,
    sumIf(value, name = 'vitals_tick_failures_total') AS ticks,
    sumIf(value, name = 'vitals_notification_tries_total' AND endsWith(label, 'failed')) AS messages,
    countIf(name = 'vitals_waiting' AND value = 1) AS waits,
    countIf(name = 'vitals_build_info' AND since = started_at AND agent != 'import') AS starts
FROM part_history
WHERE name IN ('vitals_insert_retries_total', 'vitals_tick_failures_total', 'vitals_notification_tries_total',
    'vitals_waiting', 'vitals_build_info') AND {told}
GROUP BY time
ORDER BY time
"""
PARTS = """
SELECT
    part, agent, version,
    dateDiff('second', heard_at, now()) AS heard_age,
    dateDiff('second', runs_since, now()) AS uptime,
    starts, memory_bytes, arrayStringConcat(waits_for, ', ') AS waits
FROM parts
WHERE heard_at > now() - INTERVAL 1 DAY
ORDER BY heard_age DESC, part
"""
SOURCES = """
SELECT
    source, brand_id, platform, if(is_live, 'live', 'finished') AS kind, complete_at,
    dateDiff('second', complete_at, now()) AS complete_age,
    dateDiff('second', heard_at, now()) AS heard_age,
    groups, stale_groups, events
FROM sources
WHERE {scope}
ORDER BY stale_groups DESC, is_live DESC, heard_at
"""
