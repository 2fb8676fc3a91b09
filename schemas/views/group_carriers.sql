-- Who carries each group, as of the last row told of it: how many members write half of it, and what to worry about.
-- `warnings`: leader_silent, one_carries. A group of which nothing was told yet has nulls.
SELECT
    groups.group_id AS group_id,
    groups.brand_id AS brand_id,
    groups.name AS name,
    people.at AS at,
    people.bus_factor AS bus_factor,
    people.top_id AS top_id,
    people.top_share AS top_share,
    people.leaders AS leaders,
    people.silent_leaders AS silent_leaders,
    people.basis AS basis,
    arrayFilter(
        warning -> warning != '',
        [if(people.silent_leaders > 0, 'leader_silent', ''), if(people.is_carried, 'one_carries', '')]
    ) AS warnings
FROM groups
LEFT JOIN (SELECT * FROM group_people_v1 FINAL ORDER BY group_id, at DESC LIMIT 1 BY group_id) AS people
    ON people.group_id = groups.group_id
ORDER BY length(warnings) DESC, group_id
SETTINGS join_use_nulls = 1
