-- What each benefit did to a group: one row, replaced when one more of its four windows (24 h, 48 h, 72 h, day 3 to 9) is
-- complete; with the fourth it is final. NULL is what is not complete, or cannot be known. `version` as in
-- member_standings_v1.
CREATE TABLE IF NOT EXISTS probe_reports_v1
(
    group_id String CODEC(ZSTD(1)),
    brand_id LowCardinality(String),
    sent_at DateTime64(3, 'UTC'),
    benefit_id String CODEC(ZSTD(1)),
    kind LowCardinality(String),
    at DateTime64(3, 'UTC') COMMENT 'as of when',
    windows UInt8 COMMENT 'of the four that are complete',
    exposed UInt32 COMMENT 'members when it was sent',
    silent UInt32 COMMENT 'of them had done nothing for 28 days',
    claimers UInt32,
    claimers_24h UInt32 COMMENT 'of the exposed',
    strangers UInt32 COMMENT 'claimers who came later',
    woken UInt32 COMMENT 'of the silent claimed',
    left_72h Nullable(UInt32) COMMENT 'claimers who were gone after three days',
    talk_48h Nullable(UInt32) COMMENT 'member messages',
    usual_48h Nullable(Float64) COMMENT 'of the same hours of the four weeks before, the median',
    talk_d3_9 Nullable(UInt32),
    usual_d3_9 Nullable(Float64),
    amount Int64 COMMENT 'minor units: of all of a red packet, of one coupon',
    currency LowCardinality(String),
    unprobed UInt32 COMMENT 'benefits of the group so far that were sent while too many probes were open',
    source_offset Int64 CODEC(Delta, ZSTD(1)),
    version Int64,
    ingested_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (group_id, sent_at, benefit_id);

-- What members answered to each planned post within 60 minutes.
CREATE TABLE IF NOT EXISTS post_responses_v1
(
    group_id String CODEC(ZSTD(1)),
    brand_id LowCardinality(String),
    posted_at DateTime64(3, 'UTC'),
    post_id String CODEC(ZSTD(1)),
    at DateTime64(3, 'UTC'),
    content_class LowCardinality(String),
    has_code Bool,
    response UInt32 COMMENT 'member messages',
    expected Nullable(Float64) COMMENT 'of such an hour of the week; NULL: too little is known',
    cells UInt8 COMMENT 'weeks or days that it is known from',
    offset_minutes Int16 COMMENT 'of the clock of the group ahead of UTC, summer time left out',
    source_offset Int64 CODEC(Delta, ZSTD(1)),
    version Int64,
    ingested_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(posted_at)
ORDER BY (group_id, posted_at, post_id);
