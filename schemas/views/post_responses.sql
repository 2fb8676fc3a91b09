-- What members answered to planned posts within 60 minutes, beside what such minutes usually bring, by content class and slot
-- of the week: weekday 1 (Monday) to 7 and a quarter of the day, by the group's clock without summer time. Posts of the 182
-- days up to the group's latest vital signs, of which the usual is known. The class `all` is activate, convert and brand
-- together, what a class draws more than another taken off.
--   lift: answers ÷ expected, the geometric mean over the posts of the slot, both plus one half, drawn towards `group_lift`
--   (all slots of the class) as if by four more posts: few posts say little. low, high: its 95 % interval, by Student's t of
--   the posts' own spread, which is what chat's bursts are judged by; NULL where there are fewer than 8 posts beyond slots.
WITH
    posts AS
    (
        SELECT
            told.group_id AS group_id,
            content_class,
            toDayOfWeek(posted_at + INTERVAL offset_minutes MINUTE) AS weekday,
            intDiv(toHour(posted_at + INTERVAL offset_minutes MINUTE), 6) AS quarter,
            response,
            assumeNotNull(told.expected) AS expected,
            log((response + 0.5) / (expected + 0.5)) AS drawn,
            content_class IN ('activate', 'convert', 'brand') AS is_planned,
            drawn - avg(drawn) OVER (PARTITION BY group_id, content_class)
                + avg(drawn) OVER (PARTITION BY group_id, is_planned) AS drawn_alike,
            if(is_planned, [(content_class, drawn), ('all', drawn_alike)], [(content_class, drawn)]) AS counted_as
        FROM post_responses_v1 AS told FINAL
        INNER JOIN (SELECT group_id, at AS as_of FROM latest_vitals) AS latest ON latest.group_id = told.group_id
        WHERE told.expected IS NOT NULL AND posted_at > as_of - INTERVAL 182 DAY
    ),
    slots AS
    (
        SELECT
            group_id,
            counted.1 AS class,
            weekday,
            quarter,
            count() AS posts,
            sum(response) AS responses,
            sum(expected) AS expected_responses,
            avg(counted.2) AS mean,
            varPop(counted.2) * posts AS squares
        FROM posts
        ARRAY JOIN counted_as AS counted
        GROUP BY group_id, class, weekday, quarter
    ),
    classes AS
    (
        SELECT group_id, uniqExactIf(content_class, is_planned) AS planned_classes
        FROM posts
        GROUP BY group_id
    ),
    judged AS
    (
        SELECT
            slots.*,
            sum(posts * mean) OVER (PARTITION BY slots.group_id, class) / sum(posts) OVER (PARTITION BY slots.group_id, class) AS level,
            count() OVER (PARTITION BY slots.group_id, class) AS slots,
            toInt64(sum(posts) OVER (PARTITION BY slots.group_id, class)) - slots
                - if(class = 'all', toInt64(planned_classes) - 1, 0) AS spare,
            if(spare >= 8, sqrt(sum(squares) OVER (PARTITION BY slots.group_id, class) / spare / (posts + 4)), NULL) AS log_error,
            level + posts / (posts + 4) * (mean - level) AS log_lift
        FROM slots
        INNER JOIN classes ON classes.group_id = slots.group_id
    )
SELECT
    judged.group_id AS group_id,
    groups.brand_id AS brand_id,
    groups.name AS name,
    class AS content_class,
    weekday,
    quarter,
    concat(['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][weekday], ' ', ['0-6', '6-12', '12-18', '18-24'][quarter + 1]) AS slot,
    posts,
    responses,
    expected_responses AS expected,
    exp(log_lift) AS lift,
    -- Student's t of 97.5 % for so many spare posts, by Cornish and Fisher
    1.96 + 2.3724 / spare + 2.8225 / pow(spare, 2) + 2.5557 / pow(spare, 3) AS t,
    exp(log_lift - t * log_error) AS low,
    exp(log_lift + t * log_error) AS high,
    exp(level) AS group_lift,
    log_error,
    spare,
    slots
FROM judged
INNER JOIN groups ON groups.group_id = judged.group_id
