-- The opinion leaders of each group now: to whom the others turn, by pseudonym, the first first. `answers` and `elicited`
-- fade by half every 28 days; `lift` is how many times more answers that is than the share of the talk explains.
SELECT
    leaders.group_id AS group_id,
    leaders.brand_id AS brand_id,
    groups.name AS name,
    leaders.member_id AS member_id,
    leaders.place AS place,
    leaders.score AS score,
    leaders.answers AS answers,
    leaders.repliers AS repliers,
    leaders.lift AS lift,
    leaders.elicited AS elicited,
    leaders.replier_orders AS replier_orders,
    leaders.is_silent AS is_silent,
    leaders.is_present AS is_present,
    leaders.last_message_at AS last_message_at,
    latest.basis AS basis,
    leaders.at AS at
FROM (SELECT * FROM opinion_leaders_v1 FINAL) AS leaders
INNER JOIN (SELECT group_id, at, basis FROM group_people_v1 FINAL ORDER BY group_id, at DESC LIMIT 1 BY group_id) AS latest
    ON latest.group_id = leaders.group_id AND latest.at = leaders.at
LEFT JOIN groups ON groups.group_id = leaders.group_id
ORDER BY group_id, place
SETTINGS join_use_nulls = 1
