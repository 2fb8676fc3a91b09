-- When to post: the slot of the week in which a group answered posts best, per content class (`all`: class differences taken
-- off), if that is known. It is named only if its posts drew more than those of all other slots together by more than chance
-- lets expect with as many slots tried as there are: Student's t of the posts' own spread, one-sided 95 % by Bonferroni, four
-- posts in it at least. Else `why` says what is missing, and there is no slot.
-- A group without a measured post has one row.
WITH
    tried AS
    (
        SELECT
            *,
            -- z of 1 - 0.05 / slots, for 1 to 28 slots
            [1.6449, 1.96, 2.128, 2.2414, 2.3263, 2.394, 2.45, 2.4977, 2.5392, 2.5758, 2.6086, 2.6383, 2.6653, 2.6901, 2.7131, 2.7344, 2.7543, 2.7729, 2.7905, 2.807, 2.8227, 2.8376, 2.8518, 2.8653, 2.8782, 2.8905, 2.9024, 2.9137]
                [least(slots, 28)] AS z,
            z + (pow(z, 3) + z) / (4 * spare) + (5 * pow(z, 5) + 16 * pow(z, 3) + 3 * z) / (96 * pow(spare, 2))
                + (3 * pow(z, 7) + 19 * pow(z, 5) + 17 * pow(z, 3) - 15 * z) / (384 * pow(spare, 3)) AS t_of_all,
            sum(posts) OVER (PARTITION BY group_id, content_class) AS posts_182d,
            -- the slot's own mean beside that of all others, in standard errors: what `lift` was drawn by is given back
            log(lift / group_lift) * (posts + 4) / posts / (log_error * sqrt(posts + 4))
                * sqrt(posts_182d * posts / (posts_182d - posts)) AS errors_above,
            posts >= 4 AND slots > 1 AND log_error IS NOT NULL AS may_be_best
        FROM post_responses
    ),
    best AS
    (
        SELECT
            group_id,
            content_class,
            any(posts_182d) AS posts_182d,
            any(group_lift) AS level,
            max(may_be_best) AS has_choice,
            argMaxIf((slot, weekday, quarter, posts, lift, low, high), (errors_above, weekday, quarter), may_be_best) AS top,
            maxIf(errors_above - t_of_all, may_be_best) > 0 AS stands_out,
            has_choice AND stands_out AS is_known
        FROM tried
        GROUP BY group_id, content_class
    )
SELECT
    groups.group_id AS group_id,
    groups.brand_id AS brand_id,
    groups.name AS name,
    best.content_class AS content_class,
    ifNull(posts_182d, 0) AS posts,
    toBool(ifNull(is_known, false)) AS is_known,
    multiIf(best.group_id IS NULL, 'no post', is_known, '', has_choice, 'no slot stands out', 'too few posts') AS why,
    if(is_known, top.1, NULL) AS slot,
    if(is_known, top.2, NULL) AS weekday,
    if(is_known, top.3, NULL) AS quarter,
    if(is_known, top.4, NULL) AS slot_posts,
    if(is_known, top.5, NULL) AS lift,
    if(is_known, top.6, NULL) AS low,
    if(is_known, top.7, NULL) AS high,
    level AS group_lift
FROM groups
LEFT JOIN best ON best.group_id = groups.group_id
SETTINGS join_use_nulls = 1
