"""The questions of a report, asked of the views. `%(brand)s` and the days of the period are their parameters.

What is said of groups starts from the list of groups: a dead one emits nothing.
"""

BRANDS = """
SELECT brand_id, max(latest.at)
FROM groups
LEFT JOIN (SELECT group_id, at FROM latest_vitals) AS latest ON latest.group_id = groups.group_id
GROUP BY brand_id
ORDER BY brand_id
SETTINGS join_use_nulls = 1
"""
"""Every brand with the time of its latest vital signs, blind groups' too."""

DAYS = "SELECT min(day), max(day) FROM group_history WHERE brand_id = %(brand)s"

STANDINGS = """
SELECT
    history.group_id AS group_id, history.platform AS platform, history.name AS name, owner,
    groups.currency AS currency, day,
    if(day < toDate32(%(end)s) AND history.verdict != 'ended', 'stale', history.verdict) AS verdict,
    history.verdict AS last_verdict, verdict_since, risk, reasons, reasons_zh, history.members AS members,
    speakers_28d, active_days_28d, silent_hours, unseen_days_56d
FROM
(
    SELECT *
    FROM group_history
    WHERE brand_id = %(brand)s AND (day <= toDate32(%(end)s) OR day IS NULL)
    ORDER BY day DESC
    LIMIT 1 BY group_id
) AS history
LEFT JOIN groups ON groups.group_id = history.group_id
ORDER BY group_id
SETTINGS join_use_nulls = 1
"""

WORTHS = "SELECT group_id, worth, advice, revenue_at_risk FROM group_worth"
"""Of all groups of all brands: the view compares them with each other, so a part of it costs as much as the whole."""

CHANGES = """
SELECT group_id, toDate32(at - INTERVAL 1 MILLISECOND) AS day, was, verdict
FROM verdict_changes
WHERE brand_id = %(brand)s AND day <= toDate32(%(end)s)
ORDER BY day, group_id
"""

EPISODES = """
SELECT
    group_id, opened_at, recovered_at, is_told, is_history, acknowledged_by != '' AS is_acknowledged,
    ifNull(snoozed_until >= toDate32(%(end)s) + 1, false) AS is_snoozed
FROM alerts
WHERE brand_id = %(brand)s AND group_id != '' AND opened_at < toDate32(%(end)s) + 1
ORDER BY opened_at, group_id
"""

DEEDS = """
SELECT group_id, type, detail, count() AS count, toDate32(min(at)) AS first, toDate32(max(at)) AS last
FROM group_moments
WHERE brand_id = %(brand)s AND has(%(groups)s, group_id) AND type IN ('post', 'benefit')
    AND at >= toDate32(%(since)s) AND at < toDate32(%(end)s) + 1
GROUP BY group_id, type, detail
ORDER BY group_id, type, count DESC, detail
"""

TALK = """
SELECT group_id, intDiv(dateDiff('day', day, toDate32(%(end)s)), 7) AS back, sum(messages) AS messages
FROM group_history
WHERE has(%(groups)s, group_id) AND day <= toDate32(%(end)s) AND day > toDate32(%(end)s) - 364
GROUP BY group_id, back
ORDER BY group_id, back
"""

WEEKS = """
SELECT
    intDiv(dateDiff('day', day, toDate32(%(end)s)), 7) AS back,
    sum(messages) AS messages, sum(joins) AS joins, sum(leaves) AS leaves, min(day) AS first_day
FROM group_history
WHERE brand_id = %(brand)s AND day <= toDate32(%(end)s) AND day > toDate32(%(end)s) - %(days)s
GROUP BY back
ORDER BY back
"""

SEEN = """
SELECT intDiv(dateDiff('day', day, toDate32(%(end)s)), 7) AS back, verdict, count() AS groups
FROM group_history
WHERE brand_id = %(brand)s AND day <= toDate32(%(end)s) AND day > toDate32(%(end)s) - %(days)s
    AND dateDiff('day', day, toDate32(%(end)s)) %% 7 = 0
GROUP BY back, verdict
ORDER BY back, verdict
"""

KNOWN = """
SELECT intDiv(dateDiff('day', day, toDate32(%(end)s)), 7) AS back, sum(groups) AS known
FROM fleet_history
WHERE brand_id = %(brand)s AND day <= toDate32(%(end)s) AND day > toDate32(%(end)s) - %(days)s
    AND dateDiff('day', day, toDate32(%(end)s)) %% 7 = 0
GROUP BY back
ORDER BY back
"""

MONEY = """
SELECT
    intDiv(dateDiff('day', day, toDate32(%(end)s)), 7) AS back, currency,
    sum(orders) AS orders, sum(net) AS net, sum(attributed) AS attributed,
    sum(unattributed) AS unattributed, sum(pending) AS pending
FROM revenue
WHERE brand_id = %(brand)s AND day <= toDate32(%(end)s) AND day > toDate32(%(end)s) - %(days)s
GROUP BY back, currency
ORDER BY currency, back
"""

SOURCES = """
SELECT source, platform, is_live, complete_at, groups, stale_groups
FROM sources
WHERE brand_id = %(brand)s AND groups > 0
ORDER BY stale_groups DESC, complete_at, source
"""

HALF_SEEN = """
SELECT group_id, countIf(unseen > before OR unseen >= 56) AS days
FROM
(
    SELECT
        group_id, day, unseen_days_56d AS unseen,
        lagInFrame(unseen_days_56d, 1, 0)
            OVER (PARTITION BY group_id ORDER BY day ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before
    FROM group_history
    WHERE brand_id = %(brand)s AND day <= toDate32(%(end)s) AND day >= toDate32(%(start)s) - 1
)
WHERE day >= toDate32(%(start)s)
GROUP BY group_id
HAVING days > 0
ORDER BY group_id
"""
"""Of groups whose days are closed: at least how many days of the period nobody watched."""

TESTED = """
SELECT known_on, sum(tests) AS tests, sum(expected_millionths) / 1e6 AS expected, sum(died) AS died
FROM calibration
WHERE brand_id = %(brand)s AND known_on <= toDate32(%(end)s) + 1
GROUP BY known_on
ORDER BY known_on DESC
LIMIT 6
"""
