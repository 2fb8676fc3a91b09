-- What each part's metrics were, every minute, for two weeks: gauges as they stood, counters and buckets by how much they
-- grew between `since` and `at`; what did not grow has no row. The names are those of /metrics (deploy/metrics.md).
CREATE TABLE IF NOT EXISTS part_metrics_v1
(
    name LowCardinality(String),
    agent LowCardinality(String) COMMENT 'of whom it speaks: the lag of the groups agent is told by the ticker',
    part LowCardinality(String) COMMENT 'who says it',
    labels LowCardinality(String) COMMENT 'the other labels, as JSON; le is the bound of a bucket',
    value Float64,
    since DateTime64(3, 'UTC'),
    at DateTime64(3, 'UTC'),
    started_at DateTime64(3, 'UTC') COMMENT 'when the part began',
    ingested_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(ingested_at)
PARTITION BY toDate(at)
ORDER BY (name, at, part, agent, labels)
TTL toDateTime(ingested_at) + toIntervalDay(14);
