-- A member's day in a group, only days with activity.
CREATE TABLE IF NOT EXISTS member_vitals_v1
(
    group_id String CODEC(ZSTD(1)),
    brand_id LowCardinality(String),
    member_id String CODEC(ZSTD(1)),
    role LowCardinality(String),
    day Date32 COMMENT 'UTC',
    source_offset Int64 CODEC(Delta, ZSTD(1)),
    messages UInt32,
    is_present Bool,
    joined_at Nullable(DateTime64(3, 'UTC')),
    last_message_at Nullable(DateTime64(3, 'UTC')),
    ingested_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(source_offset)
PARTITION BY toYYYYMM(day)
ORDER BY (group_id, member_id, day);
