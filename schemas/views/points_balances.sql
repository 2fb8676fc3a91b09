-- What each member of a group has in points: `balance` is what the last closed day left, the sum of the entries that count.
-- `redeemed` is what they spent, `refused` how many entries moved nothing; `waiting` are entries that no closed day has taken.
WITH
    booked AS
    (
        SELECT
            group_id,
            any(points_entries_v1.brand_id) AS brand_id,
            member_id,
            sumIf(points, refusal = '') AS balance,
            sumIf(points, refusal = '' AND points > 0) AS earned,
            -sumIf(points, refusal = '' AND points < 0 AND cause != 'expired') AS redeemed,
            countIf(refusal != '') AS refused,
            max(occurred_at) AS last_entry_at
        FROM points_entries_v1 FINAL
        WHERE member_id != ''
        GROUP BY group_id, member_id
    ),
    waiting AS
    (
        SELECT group_id, member_id, any(events.brand_id) AS brand_id, count() AS waiting
        FROM (SELECT group_id, member_id, brand_id, event_id FROM events_v1 FINAL WHERE type = 'points') AS events
        LEFT ANTI JOIN (SELECT group_id, entry_id FROM points_entries_v1 WHERE NOT is_by_rule) AS entries
            ON entries.group_id = events.group_id AND entries.entry_id = events.event_id
        GROUP BY group_id, member_id
    )
SELECT
    if(booked.group_id IS NULL, waiting.group_id, booked.group_id) AS group_id,
    ifNull(booked.brand_id, waiting.brand_id) AS brand_id,
    if(booked.member_id IS NULL, waiting.member_id, booked.member_id) AS member_id,
    ifNull(booked.balance, 0) AS balance,
    ifNull(booked.earned, 0) AS earned,
    ifNull(booked.redeemed, 0) AS redeemed,
    ifNull(booked.refused, 0) AS refused,
    ifNull(waiting.waiting, 0) AS waiting,
    booked.last_entry_at AS last_entry_at
FROM booked
FULL JOIN waiting ON waiting.group_id = booked.group_id AND waiting.member_id = booked.member_id
SETTINGS join_use_nulls = 1
