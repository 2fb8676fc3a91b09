-- Groups that live of benefits: of the members who did anything within a year at least .6 only claimed, or for every two
-- who claimed one left within 72 hours of a benefit. The highest share first.
SELECT
    people.group_id AS group_id,
    people.brand_id AS brand_id,
    groups.name AS name,
    groups.members AS members,
    people.active_364d AS active_364d,
    people.takers_364d AS takers_364d,
    people.claimers_364d AS claimers_364d,
    people.fled_364d AS fled_364d,
    people.freebie_share AS freebie_share,
    people.fled_share AS fled_share,
    people.at AS at
FROM (SELECT * FROM group_people_v1 FINAL ORDER BY group_id, at DESC LIMIT 1 BY group_id) AS people
LEFT JOIN groups ON groups.group_id = people.group_id
WHERE people.freebie_share >= 0.6 OR (people.claimers_364d >= 5 AND people.fled_share >= 0.5)
ORDER BY freebie_share DESC NULLS LAST, fled_share DESC, group_id
SETTINGS join_use_nulls = 1
