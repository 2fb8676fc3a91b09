-- Who carries a group, and who came for benefits alone: a row per week and change of a warning.
CREATE TABLE IF NOT EXISTS group_people_v1
(
    group_id String CODEC(ZSTD(1)),
    brand_id LowCardinality(String),
    at DateTime64(3, 'UTC') COMMENT 'as of when',
    basis LowCardinality(String) COMMENT 'replies or timing: what leaders were found by; empty: nobody answers another',
    leaders UInt8,
    silent_leaders UInt8 COMMENT 'of them, who fell silent or left',
    bus_factor UInt32 COMMENT 'so many members wrote half of the messages of 28 days; 0: none wrote',
    top_id String CODEC(ZSTD(1)) COMMENT 'who wrote most in 28 days',
    top_share Float64 COMMENT 'of the messages of 28 days',
    is_carried Bool COMMENT 'one member carries the talk',
    active_364d UInt32 COMMENT 'members who wrote, claimed or bought, leavers included',
    takers_364d UInt32 COMMENT 'of them, whose only actions are claims',
    claimers_364d UInt32,
    fled_364d UInt32 COMMENT 'left within 72 hours of a benefit',
    freebie_share Nullable(Float64) COMMENT 'takers of the active; null: no claims told of, or too few active',
    fled_share Nullable(Float64) COMMENT 'fled per claimer, at most 1',
    source_offset Int64 CODEC(Delta, ZSTD(1)),
    ingested_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(source_offset)
PARTITION BY toYYYYMM(at)
ORDER BY (group_id, at);

-- The opinion leaders of a group at each time of a row of group_people_v1.
CREATE TABLE IF NOT EXISTS opinion_leaders_v1
(
    group_id String CODEC(ZSTD(1)),
    brand_id LowCardinality(String),
    at DateTime64(3, 'UTC'),
    member_id String CODEC(ZSTD(1)),
    place UInt8 COMMENT 'from 1',
    score Float64 COMMENT 'mean of percentiles, 0..1',
    answers Float64 COMMENT 'of other members, halved every 28 days',
    repliers UInt32 COMMENT 'different members who answered',
    lift Float64 COMMENT 'answers, as a multiple of what the share of the talk explains',
    elicited Float64 COMMENT 'messages in the 15 minutes after theirs, beyond the usual of the hour, halved every 28 days',
    replier_orders UInt32 COMMENT 'orders of those who answer',
    is_silent Bool,
    is_present Bool,
    last_message_at Nullable(DateTime64(3, 'UTC')),
    source_offset Int64 CODEC(Delta, ZSTD(1)),
    ingested_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(source_offset)
PARTITION BY toYYYYMM(at)
ORDER BY (group_id, at, member_id);
