-- 2026-04-01, the 91st day, is the start: 84 days before it are the 7th. `pots` is younger than that, `leaf` younger than the
-- 56 days that must be known; `mint` was not seen on a day of the usual ones, long before the other windows.
INSERT INTO groups_v1 (group_id, brand_id, platform, name, currency, version) VALUES
('acme/irc/tea', 'acme', 'irc', 'tea', 'EUR', 1), ('acme/irc/pots', 'acme', 'irc', 'pots', 'EUR', 1),
('acme/irc/mint', 'acme', 'irc', 'mint', 'EUR', 1), ('acme/irc/leaf', 'acme', 'irc', 'leaf', 'EUR', 1);
INSERT INTO group_vitals_v1 (group_id, brand_id, platform, at, is_day_close, verdict, members, messages_day, speakers_day, unseen_days_56d, ingested_at)
SELECT name, 'acme', 'irc', toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + INTERVAL number + 1 DAY, 1, 'fading', 50,
    multiIf(number < 6, 50, number < 34, 30, number < 62, 20, number < 69, 8, number < 90, 4, number = 90, 100, number < 98, 30, number < 119, 12, 99), 2,
    name = 'acme/irc/mint' AND number >= 10 AND number < 66, now64(3)
FROM (SELECT arrayJoin(['acme/irc/tea', 'acme/irc/pots', 'acme/irc/mint', 'acme/irc/leaf']) AS name) AS names
CROSS JOIN numbers(125) AS days
WHERE number >= multiIf(name = 'acme/irc/pots', 20, name = 'acme/irc/leaf', 35, 0);
INSERT INTO events_v1 (group_id, event_id, type, brand_id, occurred_at, playbook_id, name, ingested_at) VALUES
('acme/irc/tea', 'p1', 'playbook_started', 'acme', '2026-04-01 15:00:00', 'p1', 'Tasting', now64(3));
INSERT INTO events_v1 (group_id, event_id, type, brand_id, occurred_at, order_id, refund_id, customer_id, amount, currency, weight, ingested_at) VALUES
('acme/irc/tea', 'o1', 'order_attributed', 'acme', '2026-01-06 10:00:00', 'o1', '', 'c1', 9999, 'EUR', 1, now64(3)),
('acme/irc/tea', 'o2', 'order_attributed', 'acme', '2026-01-07 10:00:00', 'o2', '', 'c1', 5600, 'EUR', 1, now64(3)),
('acme/irc/tea', 'o3', 'order_attributed', 'acme', '2026-03-11 10:00:00', 'o3', '', 'c2', 2100, 'EUR', 1, now64(3)),
('acme/irc/tea', 'o4', 'order_attributed', 'acme', '2026-04-09 10:00:00', 'o4', '', 'c3', 4200, 'EUR', 1, now64(3))
