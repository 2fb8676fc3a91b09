-- What a group is for, and whether it is worth saving: `worth` 0..100 from the parts of which there is knowledge.
ALTER TABLE group_vitals_v1
    ADD COLUMN IF NOT EXISTS purpose LowCardinality(String),
    ADD COLUMN IF NOT EXISTS worth Nullable(Float64),
    ADD COLUMN IF NOT EXISTS worth_known Float64 COMMENT 'the weight, 0..1, of the parts that are known',
    ADD COLUMN IF NOT EXISTS worth_codes Array(LowCardinality(String)) COMMENT 'the parts',
    ADD COLUMN IF NOT EXISTS worth_values Array(Nullable(Float64)) CODEC(ZSTD(1)) COMMENT '0..1 per part, NULL: unknown',
    ADD COLUMN IF NOT EXISTS worth_numbers Array(String) CODEC(ZSTD(1)) COMMENT 'a JSON object of name to number per part',
    ADD COLUMN IF NOT EXISTS advice LowCardinality(String) COMMENT 'revive, probe, merge, keep, let go, or empty',
    ADD COLUMN IF NOT EXISTS advice_reasons Array(String) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS advice_reasons_zh Array(String) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS advice_codes Array(LowCardinality(String)),
    ADD COLUMN IF NOT EXISTS advice_numbers Array(String) CODEC(ZSTD(1)) COMMENT 'a JSON object of name to number per reason',
    ADD COLUMN IF NOT EXISTS revenue_at_risk Int64 COMMENT 'minor units of 28 usual days of the year';

ALTER TABLE groups_v1
    ADD COLUMN IF NOT EXISTS purpose LowCardinality(String);

ALTER TABLE events_v1
    ADD COLUMN IF NOT EXISTS purpose LowCardinality(String);
