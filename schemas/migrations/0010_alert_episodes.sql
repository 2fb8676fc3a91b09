-- What the alert agent says of a transition beyond its first shape: who is told, and what is of no single group.
ALTER TABLE group_alerts_v1
    ADD COLUMN IF NOT EXISTS alert_id String,
    ADD COLUMN IF NOT EXISTS number UInt32 COMMENT 'the how-manieth transition of its episode, from 1',
    ADD COLUMN IF NOT EXISTS told_at DateTime64(3, 'UTC') COMMENT 'when it was known, by event time',
    ADD COLUMN IF NOT EXISTS opened_at DateTime64(3, 'UTC') COMMENT 'of its episode',
    ADD COLUMN IF NOT EXISTS withheld LowCardinality(String) COMMENT 'why nobody is told, empty if somebody is',
    ADD COLUMN IF NOT EXISTS was LowCardinality(String) COMMENT 'the verdict before',
    ADD COLUMN IF NOT EXISTS cause_id String COMMENT 'the episode of the common cause that tells it',
    ADD COLUMN IF NOT EXISTS source_name String COMMENT 'of a blind source',
    ADD COLUMN IF NOT EXISTS groups Array(String) COMMENT 'of a common cause, the first by id',
    ADD COLUMN IF NOT EXISTS group_count UInt32,
    ADD COLUMN IF NOT EXISTS known_groups UInt32;
