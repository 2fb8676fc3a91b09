-- How well the risk foretold: per brand, model and 28 days, the tests whose outcome became known by `known_on`, the
-- deaths that were expected and those that came. A test is a weekly look at a group of 112 days or older that talks
-- (5 messages by 2 members in 28 days); it died if the 56 days after brought less than 5 % of what was usual. It is no
-- test if one of these days was not seen, or if the group ended as planned.
SELECT
    origins.brand_id AS brand_id,
    origins.model AS model,
    toDate32('1970-01-01') + toInt32(28 * ceil(toUnixTimestamp(outcomes.at) / 86400 / 28)) AS known_on,
    count() AS tests,
    sum(toInt64(round(1e6 / (1 + (1 - origins.risk) / origins.risk * exp(origins.community_intercept))))) AS expected_millionths,
    expected_millionths / 1e6 AS expected,
    countIf(outcomes.messages_56d = 0 OR outcomes.messages_56d < 0.05 * origins.usual_56d) AS died
FROM
(
    SELECT group_id, brand_id, model, at, risk, community_intercept, usual_56d
    FROM group_vitals_v1 FINAL
    WHERE is_day_close AND age_days >= 112 AND (age_days - 112) % 7 = 0 AND messages_28d >= 5 AND speakers_28d >= 2
) AS origins
INNER JOIN
(
    SELECT group_id, at, messages_56d
    FROM group_vitals_v1 FINAL
    WHERE is_day_close AND verdict != 'ended' AND unseen_days_56d = 0
) AS outcomes ON outcomes.group_id = origins.group_id AND outcomes.at = origins.at + INTERVAL 56 DAY
GROUP BY brand_id, model, known_on
