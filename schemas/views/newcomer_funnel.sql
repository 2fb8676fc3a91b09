-- From joining to buying again: of those whose last join was in one week (Monday to Sunday, UTC), how many have since been
-- welcomed, spoken, claimed, bought and bought again, and the median hours to the first of some steps. Each step is counted
-- by itself: who buys without a word has bought. A group that nobody was seen to join has one row without a cohort.
WITH cohorts AS
(
    SELECT
        group_id,
        toMonday(joined_at) AS cohort_week,
        count() AS joined,
        countIf(is_present) AS present,
        countIf(ifNull(welcomed_at >= joined_at, false)) AS welcomed,
        countIf(ifNull(last_message_at >= joined_at, false)) AS spoke,
        countIf(ifNull(last_claim_at >= joined_at, false)) AS claimed,
        countIf(ifNull(last_order_at >= joined_at, false)) AS bought,
        countIf(orders >= 2 AND ifNull(last_order_at >= joined_at, false)) AS bought_again,
        quantileExactOrNullIf(0.5)(dateDiff('second', joined_at, assumeNotNull(welcomed_at)) / 3600, ifNull(welcomed_at >= joined_at, false)) AS hours_to_welcome,
        quantileExactOrNullIf(0.5)(dateDiff('second', joined_at, assumeNotNull(first_message_at)) / 3600, ifNull(first_message_at >= joined_at, false)) AS hours_to_word,
        quantileExactOrNullIf(0.5)(dateDiff('second', joined_at, assumeNotNull(first_order_at)) / 3600, ifNull(first_order_at >= joined_at, false)) AS hours_to_order
    FROM
    (
        SELECT * REPLACE assumeNotNull(joined_at) AS joined_at
        FROM member_standings_v1 FINAL
        WHERE role = 'member' AND member_standings_v1.joined_at IS NOT NULL
    )
    GROUP BY group_id, cohort_week
)
SELECT
    groups.group_id AS group_id,
    groups.brand_id AS brand_id,
    groups.platform AS platform,
    groups.name AS name,
    cohorts.cohort_week AS cohort_week,
    cohorts.joined AS joined,
    cohorts.present AS present,
    cohorts.welcomed AS welcomed,
    cohorts.spoke AS spoke,
    cohorts.claimed AS claimed,
    cohorts.bought AS bought,
    cohorts.bought_again AS bought_again,
    cohorts.hours_to_welcome AS hours_to_welcome,
    cohorts.hours_to_word AS hours_to_word,
    cohorts.hours_to_order AS hours_to_order
FROM groups
LEFT JOIN cohorts ON cohorts.group_id = groups.group_id
SETTINGS join_use_nulls = 1
