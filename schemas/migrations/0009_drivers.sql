-- What the risk is made of: usual_risk and driver_points add up to risk.
ALTER TABLE group_vitals_v1
    ADD COLUMN IF NOT EXISTS usual_risk Float64 AFTER model,
    ADD COLUMN IF NOT EXISTS community_intercept Float64 AFTER usual_risk,
    ADD COLUMN IF NOT EXISTS driver_codes Array(LowCardinality(String)) AFTER community_intercept,
    ADD COLUMN IF NOT EXISTS driver_points Array(Float64) CODEC(ZSTD(1)) AFTER driver_codes,
    ADD COLUMN IF NOT EXISTS driver_numbers Array(String) CODEC(ZSTD(1)) COMMENT 'a JSON object of name to number per driver' AFTER driver_points,
    ADD COLUMN IF NOT EXISTS age_days UInt32 AFTER driver_numbers,
    ADD COLUMN IF NOT EXISTS messages_56d UInt32 AFTER age_days,
    ADD COLUMN IF NOT EXISTS usual_56d Float64 AFTER messages_56d,
    ADD COLUMN IF NOT EXISTS unseen_days_56d UInt8 AFTER usual_56d;

ALTER TABLE events_v1
    ADD COLUMN IF NOT EXISTS unseen_from Nullable(DateTime64(3, 'UTC')) AFTER complete_until;
