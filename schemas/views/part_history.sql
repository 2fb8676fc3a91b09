-- What every part told of itself, a row for each metric and minute, for two weeks. `value` is what a gauge stood at, and of
-- counters (_total) and histograms (_bucket, _sum, _count) the growth over `seconds`; what did not grow has no row. `label`
-- is the metric's own label (table, reason, channel and outcome, server); `le` is the bound of a bucket, else NULL.
SELECT
    at,
    name,
    agent,
    part,
    arrayStringConcat(
        arrayMap(pair -> pair.2, arrayFilter(pair -> pair.1 != 'le', JSONExtractKeysAndValues(labels, 'String'))), ' ') AS label,
    if(JSONHas(labels, 'le'), toFloat64(JSONExtractString(labels, 'le')), NULL) AS le,
    value,
    dateDiff('millisecond', since, at) / 1000 AS seconds,
    since,
    started_at
FROM part_metrics_v1
FINAL
