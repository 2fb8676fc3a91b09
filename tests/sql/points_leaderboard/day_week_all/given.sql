-- 2026-03-01 is a Sunday. 17:00 UTC is Monday 01:00 eight hours ahead; what a rule gave stays in its UTC day.
INSERT INTO points_entries_v1 (group_id, brand_id, at, is_by_rule, entry_id, occurred_at, member_id, points, refusal, offset_minutes, ingested_at) VALUES
('g', 'b', '2026-03-02 00:00:00', 0, 'e1', '2026-03-01 15:59:00', 'm_a', 5, '', 480, now64(3)),
('g', 'b', '2026-03-02 00:00:00', 0, 'e2', '2026-03-01 17:00:00', 'm_a', 7, '', 480, now64(3)),
('g', 'b', '2026-03-02 00:00:00', 1, 'e3', '2026-03-01 23:59:59.999', 'm_b', 5, '', 480, now64(3)),
('g', 'b', '2026-03-02 00:00:00', 0, 'e4', '2026-03-01 10:00:00', 'm_b', -4, '', 480, now64(3)),
('g', 'b', '2026-03-02 00:00:00', 0, 'e5', '2026-03-01 10:00:00', 'm_b', 90, 'daily_limit', 480, now64(3))
