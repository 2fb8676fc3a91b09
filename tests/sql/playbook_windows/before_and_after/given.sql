-- 2026-02-26, the 57th day, is the start. `tea` has its playbook then; `pots` and `cups` were left alone; `leaf` had one of
-- its own; `mint` was not seen on a day; `root` is to end; another brand is another brand.
INSERT INTO groups_v1 (group_id, brand_id, platform, name, currency, planned_end_at, version) VALUES
('acme/irc/tea', 'acme', 'irc', 'tea', 'EUR', NULL, 1), ('acme/irc/pots', 'acme', 'irc', 'pots', 'EUR', NULL, 1),
('acme/qq/cups', 'acme', 'qq', 'cups', '', NULL, 1), ('acme/irc/leaf', 'acme', 'irc', 'leaf', 'EUR', NULL, 1),
('acme/irc/mint', 'acme', 'irc', 'mint', 'EUR', NULL, 1), ('acme/irc/root', 'acme', 'irc', 'root', 'EUR', '2026-03-20 00:00:00', 1),
('beta/irc/tea', 'beta', 'irc', 'tea', 'EUR', NULL, 1);
INSERT INTO group_vitals_v1 (group_id, brand_id, platform, at, is_day_close, verdict, members, messages_day, speakers_day, unseen_days_56d, ingested_at)
SELECT name, splitByChar('/', name)[1], splitByChar('/', name)[2], toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + INTERVAL number + 1 DAY, 1, 'fading', 50,
    multiIf(number < 28, 10, number < 49, 5, number < 56, 4, number = 56, 100, 8), 2, name = 'acme/irc/mint' AND number > 60, now64(3)
FROM (SELECT arrayJoin(['acme/irc/tea', 'acme/irc/pots', 'acme/qq/cups', 'acme/irc/leaf', 'acme/irc/mint', 'acme/irc/root', 'beta/irc/tea']) AS name) AS names
CROSS JOIN numbers(70) AS days
WHERE name != 'acme/qq/cups' OR number >= 20;
INSERT INTO events_v1 (group_id, event_id, type, brand_id, occurred_at, playbook_id, name, ingested_at) VALUES
('acme/irc/tea', 'p1', 'playbook_started', 'acme', '2026-02-26 15:00:00', 'p1', 'Tasting', now64(3)),
('acme/irc/leaf', 'p2', 'playbook_started', 'acme', '2026-03-05 00:00:00', 'p2', 'Games', now64(3));
INSERT INTO events_v1 (group_id, event_id, type, brand_id, occurred_at, order_id, refund_id, customer_id, amount, currency, weight, ingested_at) VALUES
('acme/irc/tea', 'o1', 'order_attributed', 'acme', '2026-02-01 10:00:00', 'o1', '', 'c1', 2800, 'EUR', 1, now64(3)),
('acme/irc/tea', 'o2', 'order_attributed', 'acme', '2026-02-01 20:00:00', 'o2', '', 'c1', 2800, 'EUR', 1, now64(3)),
('acme/irc/tea', 'o3', 'order_attributed', 'acme', '2026-02-25 20:00:00', 'o3', '', 'c2', 700, 'USD', 1, now64(3)),
('acme/irc/tea', 'o4', 'order_attributed', 'acme', '2026-02-26 20:00:00', 'o4', '', 'c2', 9999, 'EUR', 1, now64(3)),
('acme/irc/tea', 'o5', 'order_attributed', 'acme', '2026-03-01 20:00:00', 'o5', '', 'c3', 1300, 'EUR', 1, now64(3)),
('acme/irc/tea', 'r5', 'order_attributed', 'acme', '2026-03-02 20:00:00', 'o5', 'r5', 'c3', -650, 'EUR', 1, now64(3))
