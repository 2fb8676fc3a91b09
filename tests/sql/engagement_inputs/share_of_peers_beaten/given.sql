INSERT INTO groups_v1 (group_id, brand_id, members, version, ingested_at)
SELECT 'g' || toString(number), 'a', 50, 9, now() FROM numbers(21);
INSERT INTO groups_v1 (group_id, brand_id, members, version, ingested_at) SELECT 'other band', 'a', 500, 9, now();
INSERT INTO group_vitals_v1 (group_id, at, members, active_days_28d, answered_share_28d, ingested_at)
SELECT 'g' || toString(number), toDateTime64('2026-03-02 00:00:00', 3, 'UTC'), 50, greatest(number, 3),
    if(number < 20, 0.25, NULL), now() FROM numbers(21);
INSERT INTO group_vitals_v1 (group_id, at, members, active_days_28d, ingested_at)
SELECT 'other band', toDateTime64('2026-03-02 00:00:00', 3, 'UTC'), 500, 28, now();
