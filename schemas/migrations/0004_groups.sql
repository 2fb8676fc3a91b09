-- The registry. A row known only from events has version 0, one from an event with a name 1, one from the group's
-- vital signs their time in ms + 2. `members` is NULL until the vital signs say it.
CREATE TABLE IF NOT EXISTS groups_v1
(
    group_id String,
    brand_id LowCardinality(String),
    platform LowCardinality(String),
    name String,
    owner String,
    timezone LowCardinality(String),
    currency LowCardinality(String),
    created_at DateTime64(3, 'UTC') COMMENT 'its first event',
    planned_end_at Nullable(DateTime64(3, 'UTC')),
    ended_at Nullable(DateTime64(3, 'UTC')),
    members Nullable(UInt32),
    size_band LowCardinality(String) DEFAULT multiIf(members IS NULL, '', members <= 40, 'to 40', members <= 100,
        '41-100', members <= 300, '101-300', 'above 300'),
    version UInt64,
    ingested_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(version)
ORDER BY group_id;
