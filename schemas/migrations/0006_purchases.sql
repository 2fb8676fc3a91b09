-- Purchases and refunds as they came, before any attribution. A refund's amount is positive, `type` tells them apart.
CREATE TABLE IF NOT EXISTS purchases_v1
(
    brand_id LowCardinality(String),
    occurred_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    event_id String CODEC(ZSTD(1)),
    type LowCardinality(String),
    platform LowCardinality(String),
    order_id String CODEC(ZSTD(1)),
    refund_id String CODEC(ZSTD(1)),
    customer_id String CODEC(ZSTD(1)),
    amount Int64 CODEC(ZSTD(1)),
    currency LowCardinality(String),
    code String CODEC(ZSTD(1)),
    group_id String CODEC(ZSTD(1)),
    source LowCardinality(String),
    source_seq Int64 CODEC(Delta, ZSTD(1)),
    ingested_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(ingested_at)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (brand_id, occurred_at, event_id);
