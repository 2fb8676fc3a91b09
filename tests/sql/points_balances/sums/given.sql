INSERT INTO points_entries_v1 (group_id, brand_id, at, is_by_rule, entry_id, occurred_at, member_id, points, cause, refusal, balance, source_offset, ingested_at) VALUES
('g', 'b', '2026-03-02 00:00:00', 0, 'e1', '2026-03-01 10:00:00', 'm_a', 5, 'task', '', 5, 1, now64(3)),
('g', 'b', '2026-03-02 00:00:00', 0, 'e1', '2026-03-01 10:00:00', 'm_a', 5, 'task', '', 5, 2, now64(3)),
('g', 'b', '2026-03-02 00:00:00', 0, 'e2', '2026-03-01 11:00:00', 'm_a', -9, 'redeem', 'beyond_balance', 5, 2, now64(3)),
('g', 'b', '2026-03-02 00:00:00', 0, 'e3', '2026-03-01 12:00:00', 'm_a', -2, 'redeem', '', 3, 2, now64(3)),
('g', 'b', '2026-03-02 00:00:00', 1, 'message/20513/m_a', '2026-03-01 23:59:59.999', 'm_a', 3, 'message', '', 6, 2, now64(3)),
('g', 'b', '2026-03-02 00:00:00', 1, 'expired/20513/m_b', '2026-03-01 23:59:59.999', 'm_b', -7, 'expired', '', 0, 2, now64(3)),
('g', 'b', '2026-02-02 00:00:00', 0, 'e0', '2026-02-01 10:00:00', 'm_b', 7, 'task', '', 7, 1, now64(3)),
('g', 'b', '2026-03-02 00:00:00', 1, 'too_many/20513', '2026-03-01 23:59:59.999', '', 0, '', 'too_many', 0, 2, now64(3));
INSERT INTO events_v1 (group_id, brand_id, event_id, type, member_id, occurred_at, points, ingested_at) VALUES
('g', 'b', 'e1', 'points', 'm_a', '2026-03-01 10:00:00', 5, now64(3)), ('g', 'b', 'e9', 'points', 'm_a', '2026-03-02 10:00:00', 5, now64(3)),
('g', 'b', 'e8', 'points', 'm_c', '2026-03-02 10:00:00', 5, now64(3)), ('g', 'b', 'm1', 'message', 'm_c', '2026-03-02 10:00:00', 0, now64(3))
