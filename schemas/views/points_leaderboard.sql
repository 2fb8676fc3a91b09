-- Who earned most in a group: by day, by week from Monday on, and of all time; whoever has as many stands in the same place.
-- What was redeemed takes nothing away here. Days are those of the group's clock, summer time left out; what rules gave for
-- messages and answers is of a UTC day.
WITH earnings AS
(
    SELECT
        group_id,
        brand_id,
        member_id,
        points,
        toDate32(if(is_by_rule, occurred_at, occurred_at + toIntervalMinute(offset_minutes))) AS day
    FROM points_entries_v1 FINAL
    WHERE refusal = '' AND points > 0
)
SELECT
    group_id,
    brand_id,
    period,
    start,
    member_id,
    earned,
    toUInt32(rank() OVER (PARTITION BY group_id, period, start ORDER BY earned DESC)) AS place
FROM
(
    SELECT group_id, any(brand_id) AS brand_id, span.1 AS period, span.2 AS start, member_id, sum(points) AS earned
    FROM earnings
    ARRAY JOIN [('day', toNullable(day)), ('week', toNullable(toDate32(toMonday(day)))), ('all time', NULL)] AS span
    GROUP BY group_id, period, start, member_id
)
