INSERT INTO groups_v1 (group_id, brand_id, version, ingested_at) VALUES ('weekly', 'a', 9, now64(3)), ('rare', 'a', 9, now64(3)), ('new', 'a', 0, now64(3));
INSERT INTO group_vitals_v1 (group_id, at, is_day_close, messages_day, ingested_at)
    SELECT 'weekly', toDateTime64('2026-01-02 00:00:00', 3, 'UTC') + INTERVAL number DAY, true, number <= 70 AND number % 7 = 0, now64(3) FROM numbers(101);
INSERT INTO group_vitals_v1 (group_id, at, is_day_close, messages_day, ingested_at)
    SELECT 'rare', toDateTime64('2026-01-02 00:00:00', 3, 'UTC') + INTERVAL number DAY, true, number = 3, now64(3) FROM numbers(6)
