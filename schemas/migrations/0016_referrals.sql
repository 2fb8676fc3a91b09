-- What each inviter at the root of a tree brought to a group: one row, replaced when it changes. `version` as in
-- member_standings_v1.
CREATE TABLE IF NOT EXISTS referral_roots_v1
(
    group_id String CODEC(ZSTD(1)),
    brand_id LowCardinality(String),
    member_id String CODEC(ZSTD(1)) COMMENT 'the inviter',
    role LowCardinality(String) COMMENT 'empty: the group does not know the inviter',
    at DateTime64(3, 'UTC') COMMENT 'as of when',
    invitees UInt32 COMMENT 'by the root and by those it brought; 0: the root was invited itself, as came to be known',
    depth UInt8 COMMENT 'of the longest chain',
    width UInt32 COMMENT 'invited by the root itself',
    due_30d UInt32 COMMENT 'joined 30 days ago or earlier',
    retained_30d UInt32 COMMENT 'of them, here on their 30th day',
    buyers UInt32,
    revenue Int64 COMMENT 'minor units of currency, refunds taken off',
    currency LowCardinality(String),
    left_72h UInt32 COMMENT 'gone within 72 hours of joining',
    most_joins_10min UInt32 COMMENT 'counts to 20',
    flags Array(LowCardinality(String)) COMMENT 'early_leaves: half left within 72 hours; burst: 20 joins in 10 minutes',
    source_offset Int64 CODEC(Delta, ZSTD(1)),
    version Int64,
    ingested_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (group_id, member_id);
