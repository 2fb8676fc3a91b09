-- What operators say of a playbook: its id, the steps they took, what it is judged by, what it may cost (minor units of
-- `currency`). All empty but for playbook_started, playbook_step and playbook_ended.
ALTER TABLE events_v1
    ADD COLUMN IF NOT EXISTS playbook_id String CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS step LowCardinality(String),
    ADD COLUMN IF NOT EXISTS note String CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS goal LowCardinality(String),
    ADD COLUMN IF NOT EXISTS budget Int64 CODEC(ZSTD(1));
