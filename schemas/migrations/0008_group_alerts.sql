-- A transition of an alert episode: opened, escalated, recovered, acknowledged, snoozed. A brand's own have no group_id.
CREATE TABLE IF NOT EXISTS group_alerts_v1
(
    brand_id LowCardinality(String),
    episode_id String,
    at DateTime64(3, 'UTC'),
    transition LowCardinality(String),
    alert LowCardinality(String),
    severity LowCardinality(String),
    group_id String,
    verdict LowCardinality(String),
    risk Nullable(Float64),
    model LowCardinality(String),
    reasons Array(String),
    reasons_zh Array(String),
    reason_codes Array(LowCardinality(String)),
    reason_numbers Array(String),
    actor String COMMENT 'who acknowledged or snoozed',
    until Nullable(DateTime64(3, 'UTC')) COMMENT 'of a snooze',
    source_offset Int64,
    ingested_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(source_offset)
PARTITION BY toYYYYMM(at)
ORDER BY (brand_id, episode_id, at, transition);
