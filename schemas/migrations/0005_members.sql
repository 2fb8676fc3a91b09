-- The only table with names and raw ids. A tombstone on member-identities hides the row, merges remove it.
CREATE TABLE IF NOT EXISTS members_v1
(
    member_id String,
    brand_id LowCardinality(String),
    platform LowCardinality(String),
    raw_id String,
    name String,
    at DateTime64(3, 'UTC'),
    ingested_at DateTime64(3, 'UTC'),
    is_erased UInt8 DEFAULT 0
)
ENGINE = ReplacingMergeTree(ingested_at, is_erased)
ORDER BY member_id;
