-- The ledger of points: entries as a day's close judged them. The points of a member's entries without a refusal add up to
-- the balance of the last one. Kept for ever, or they would not.
CREATE TABLE IF NOT EXISTS points_entries_v1
(
    group_id String CODEC(ZSTD(1)),
    brand_id LowCardinality(String),
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'the end of the day whose close judged it',
    is_by_rule Bool COMMENT 'made by the fold, not an event',
    entry_id String CODEC(ZSTD(1)) COMMENT 'the event_id, or cause, day and member',
    occurred_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    member_id String CODEC(ZSTD(1)),
    points Int64 CODEC(ZSTD(1)),
    cause LowCardinality(String),
    refusal LowCardinality(String) COMMENT 'why it moved nothing; empty if it counts',
    balance Int64 CODEC(ZSTD(1)) COMMENT 'of the member, after it',
    offset_minutes Int16 COMMENT 'how far the clock of the group is ahead of UTC, summer time left out',
    acts UInt32 COMMENT 'how many messages, answers or events it stands for',
    source_offset Int64 CODEC(Delta, ZSTD(1)),
    ingested_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(source_offset)
PARTITION BY toYear(at)
ORDER BY (group_id, at, is_by_rule, entry_id);
