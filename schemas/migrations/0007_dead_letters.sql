-- What could not be taken in. `origin` is a topic (position: offset) or a file (position: line); `original` is base64.
CREATE TABLE IF NOT EXISTS dead_letters_v1
(
    origin String,
    partition Int32,
    position Int64,
    reason LowCardinality(String),
    detail String CODEC(ZSTD(1)),
    size UInt64,
    sha256 String,
    original String CODEC(ZSTD(1)),
    at DateTime64(3, 'UTC'),
    ingested_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(ingested_at)
PARTITION BY toYYYYMM(at)
ORDER BY (origin, partition, position, at, sha256);
