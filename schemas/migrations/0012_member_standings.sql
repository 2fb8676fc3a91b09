-- Where each member of a group stands: one row, replaced when it changes. `version` is the time in seconds × 2^29 + the
-- tick's offset, so that of several days closed by one tick the last stands, and in a topic made anew the later.
CREATE TABLE IF NOT EXISTS member_standings_v1
(
    group_id String CODEC(ZSTD(1)),
    brand_id LowCardinality(String),
    member_id String CODEC(ZSTD(1)),
    role LowCardinality(String),
    stage LowCardinality(String),
    stage_since DateTime64(3, 'UTC'),
    tenure_since DateTime64(3, 'UTC') COMMENT 'the last join, or when the member was first seen',
    at DateTime64(3, 'UTC') COMMENT 'as of when',
    is_present Bool,
    is_muted Bool,
    score Float64,
    joined_at Nullable(DateTime64(3, 'UTC')),
    welcomed_at Nullable(DateTime64(3, 'UTC')),
    first_message_at Nullable(DateTime64(3, 'UTC')),
    last_message_at Nullable(DateTime64(3, 'UTC')),
    first_claim_at Nullable(DateTime64(3, 'UTC')),
    last_claim_at Nullable(DateTime64(3, 'UTC')),
    first_order_at Nullable(DateTime64(3, 'UTC')),
    last_order_at Nullable(DateTime64(3, 'UTC')),
    listed_since Nullable(DateTime64(3, 'UTC')) COMMENT 'on the cleanup list since; null: not on it',
    messages UInt64,
    active_days UInt32,
    active_days_28d UInt8,
    active_days_90d UInt8,
    claims UInt32,
    probes_ignored UInt8 COMMENT 'of the last two benefits of the group',
    orders UInt32,
    orders_365d UInt8 COMMENT 'counts to three',
    spent Int64 COMMENT 'minor units of currency',
    currency LowCardinality(String),
    source_offset Int64 CODEC(Delta, ZSTD(1)),
    version Int64,
    ingested_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (group_id, member_id);

-- Each time a member entered a stage; `was` is empty for the first.
CREATE TABLE IF NOT EXISTS member_stage_changes_v1
(
    group_id String CODEC(ZSTD(1)),
    brand_id LowCardinality(String),
    member_id String CODEC(ZSTD(1)),
    at DateTime64(3, 'UTC'),
    stage LowCardinality(String),
    was LowCardinality(String),
    was_since Nullable(DateTime64(3, 'UTC')),
    source_offset Int64 CODEC(Delta, ZSTD(1)),
    ingested_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(source_offset)
PARTITION BY toYYYYMM(at)
ORDER BY (group_id, member_id, at);
