"""Every query of the dashboards and alert rules, in one place.

SQL as Grafana's ClickHouse plugin takes it, with its macros and variables. `{…}` is filled by `thresholds.worded`:
`{scope}` the brands and platforms chosen, `{days}` the days of the time range, `{reasons}` the column in the language,
`{places}` the decimals of a currency. What is said of groups starts from the list of groups: a dead one emits nothing.
"""

# Variables.
BRANDS = "SELECT DISTINCT brand_id FROM groups WHERE brand_id != '' ORDER BY brand_id"
PLATFORMS = "SELECT DISTINCT platform FROM groups WHERE platform != '' ORDER BY platform"
GROUPS = """
SELECT groups.group_id AS group_id, name
FROM groups
LEFT JOIN (SELECT group_id, verdict, risk FROM latest_vitals) AS latest ON latest.group_id = groups.group_id
WHERE {scope}
ORDER BY indexOf(['', 'healthy', 'dead', 'fading', 'dying'], verdict) DESC, risk DESC, name
"""

# Fleet.
VERDICTS_NOW = """
SELECT
    count() AS known,
    {by_verdict},
    countIf(verdict IS NULL) AS unjudged
FROM group_health
WHERE {scope}
"""
TO_LOOK_AFTER = """
SELECT
    groups.group_id AS group_id, name, verdict, risk,
    arrayStringConcat(latest.{reasons}, '{between}') AS why,
    worth, advice, verdict_since AS since, owner, brand_id
FROM groups
INNER JOIN
(
    SELECT group_id, verdict, verdict_since, risk, {reasons}, active_days_28d, speakers_28d, silent_hours
    FROM latest_vitals
    WHERE verdict IN ('fading', 'dying', 'dead')
) AS latest ON latest.group_id = groups.group_id
LEFT JOIN (SELECT group_id, worth, advice FROM group_worth) AS worths ON worths.group_id = groups.group_id
WHERE {scope} AND ('*' IN (${verdict:sqlstring}) OR verdict IN (${verdict:sqlstring}))
ORDER BY indexOf(['dying', 'fading', 'dead'], verdict), risk DESC, active_days_28d, speakers_28d, silent_hours DESC
LIMIT {top}
"""
VERDICTS_BY_DAY = """
SELECT toDateTime(day) AS time,
    {sums_by_verdict}
FROM fleet_history
WHERE {scope} AND {days}
GROUP BY time
ORDER BY time
"""
BY_BRAND = """
SELECT
    brand_id,
    count() AS known,
    countIf(verdict = 'dying') AS dying,
    countIf(verdict = 'fading') AS fading,
    countIf(verdict = 'dead') AS dead,
    countIf(verdict = 'stale') AS stale,
    countIf(verdict = 'healthy') / nullIf(countIf(verdict NOT IN ('ended', 'stale')), 0) AS healthy_share,
    sum(members) AS members,
    avg(engagement) AS engagement
FROM group_health
WHERE {scope}
GROUP BY brand_id
ORDER BY dying DESC, fading DESC, brand_id
"""
CHANGED = """
SELECT
    at, group_id, name, was, verdict, risk,
    arrayStringConcat({reasons}, '{between}') AS why,
    owner, brand_id
FROM verdict_changes
WHERE {scope} AND at >= (SELECT toStartOfDay(max(at)) - INTERVAL 1 DAY FROM latest_vitals)
ORDER BY at DESC, indexOf(['dead', 'dying', 'fading'], verdict) DESC, risk DESC
LIMIT 100
"""
OPEN_ALERTS = """
SELECT
    opened_at, alert, severity, coalesce(nullIf(name, ''), nullIf(source_name, ''), brand_id) AS what, group_id,
    arrayStringConcat({reasons}, '{between}') AS why, acknowledged_by, owner
FROM alerts
WHERE is_open AND NOT is_history AND ('*' IN (${brand:sqlstring}) OR brand_id IN (${brand:sqlstring}))
ORDER BY opened_at DESC
LIMIT 100
"""

# Group.
GROUP_NOW = """
SELECT verdict, verdict_since, risk, silent_hours * 3600 AS silent, members, speakers_28d, active_days_28d, engagement,
    worth, ifNull(advice, '-') AS advice
FROM group_health
LEFT JOIN (SELECT group_id, worth, advice FROM group_worth) AS worths ON worths.group_id = group_health.group_id
WHERE group_health.group_id = ${group:sqlstring}
"""
GROUP_REASONS = """
SELECT arrayJoin(if(empty(latest.{reasons}), ['-'], latest.{reasons})) AS why
FROM groups
INNER JOIN latest_vitals AS latest ON latest.group_id = groups.group_id
WHERE groups.group_id = ${group:sqlstring}
"""
GROUP_DRIVERS = """
SELECT transform(parts.1, {driver_words}, parts.1) AS driver, parts.2 AS points
FROM
(
    SELECT arrayJoin(arrayConcat(
        [('usual', usual_risk)], arrayZip(arrayMap(code -> toString(code), driver_codes), driver_points))) AS parts
    FROM latest_vitals
    WHERE group_id = ${group:sqlstring}
)
ORDER BY parts.1 != 'usual', abs(points) DESC
"""
GROUP_VERDICTS = """
SELECT toDateTime(day) AS time, verdict
FROM group_history
WHERE group_id = ${group:sqlstring} AND {days}
ORDER BY time
"""
GROUP_RISK = """
SELECT toDateTime(day) AS time, risk
FROM group_history
WHERE group_id = ${group:sqlstring} AND {days}
ORDER BY time
"""
GROUP_TALK = """
SELECT toDateTime(day) AS time, messages, staff_messages, replies
FROM group_history
WHERE group_id = ${group:sqlstring} AND {days}
ORDER BY time
"""
GROUP_BREADTH = """
SELECT toDateTime(day) AS time, speakers, speakers_7d, speakers_28d, active_days_28d
FROM group_history
WHERE group_id = ${group:sqlstring} AND {days}
ORDER BY time
"""
GROUP_PEOPLE = """
SELECT toDateTime(day) AS time, joins, -toInt64(leaves) AS leaves, members
FROM group_history
WHERE group_id = ${group:sqlstring} AND {days}
ORDER BY time
"""
GROUP_SILENCE = """
SELECT
    toDateTime(day) AS time,
    history.silent_hours / 24 AS silent_days,
    silence.longest_pause_days AS longest_pause_days
FROM group_history AS history
INNER JOIN group_silence AS silence ON silence.group_id = history.group_id
WHERE history.group_id = ${group:sqlstring} AND {days}
ORDER BY time
"""
GROUP_MONEY = """
SELECT toDateTime(day) AS time, orders, revenue / pow(10, {places}) AS revenue
FROM group_history
WHERE group_id = ${group:sqlstring} AND {days}
ORDER BY time
"""
GROUP_MEMBERS = """
SELECT
    member_id, messages_28d, messages_90d,
    messages_90d / nullIf(sum(messages_90d) OVER (), 0) AS talk_share,
    active_days_90d, silent_days * 86400 AS silent, orders, is_present
FROM member_activity
WHERE group_id = ${group:sqlstring} AND role = 'member' AND messages_all > 0
ORDER BY messages_90d DESC, messages_28d DESC, messages_all DESC, member_id
LIMIT 20
"""
MARK_ALERTS = """
SELECT opened_at AS time, alert AS title, arrayStringConcat({reasons}, '{between}') AS text, severity AS tags
FROM alerts
WHERE group_id = ${group:sqlstring} AND opened_at >= $__fromTime AND opened_at <= $__toTime
ORDER BY time
"""
MARK_VERDICTS = """
SELECT
    at AS time, concat(was, ' → ', verdict) AS title, arrayStringConcat({reasons}, '{between}') AS text, verdict AS tags
FROM verdict_changes
WHERE {marked}
ORDER BY time
"""
MARK_POSTS = """
SELECT at AS time, type AS title, detail AS text, type AS tags
FROM group_moments
WHERE type != 'benefit' AND {marked}
ORDER BY time DESC
LIMIT 300
"""
MARK_PROBES = """
SELECT at AS time, type AS title, detail AS text, type AS tags
FROM group_moments
WHERE type = 'benefit' AND {marked}
ORDER BY time DESC
LIMIT 300
"""

# Members and money.
MEMBER_STAGES = """
SELECT
    {by_stage}
FROM member_stages
WHERE {scope} AND {chosen}
"""
COHORTS = """
SELECT
    formatDateTime(joined_at, '%Y-%m') AS month,
    count() AS joined,
    countIf(stage != 'left') / count() AS here_share,
    countIf(active_days_28d > 0) / count() AS speaking_share,
    countIf(orders_365d > 0) / count() AS buying_share,
    countIf(stage IN ('growing', 'mature')) / count() AS grown_share
FROM member_stages
WHERE {scope} AND {chosen}
GROUP BY month
ORDER BY month DESC
LIMIT 24
"""
LEADERS = """
SELECT group_id, name, member_id, messages_90d, talk_share, active_days_28d, silent, orders, is_present
FROM
(
    SELECT
        group_id, brand_id, platform, name, member_id, messages_90d, active_days_28d, orders, is_present,
        silent_days * 86400 AS silent,
        messages_90d / nullIf(sum(messages_90d) OVER (PARTITION BY group_id), 0) AS talk_share
    FROM member_activity
    WHERE role = 'member' AND messages_90d > 0
)
WHERE {scope} AND {chosen} AND messages_90d >= {leader_messages}
ORDER BY talk_share DESC, messages_90d DESC
LIMIT 20
"""
WORTH = """
SELECT
    groups.group_id AS group_id, name, worth, advice,
    revenue_at_risk / pow(10, {places}) AS revenue_at_risk, currency,
    conversion, residue, network, reach, care, freebie
FROM groups
INNER JOIN group_worth ON group_worth.group_id = groups.group_id
WHERE {scope} AND ('*' IN (${group:sqlstring}) OR groups.group_id IN (${group:sqlstring}))
ORDER BY worth DESC NULLS LAST, revenue_at_risk DESC
LIMIT 50
"""
REVENUE = """
SELECT
    toDateTime(day) AS time,
    currency,
    sum(attributed) / pow(10, {places}) AS attributed,
    sum(unattributed) / pow(10, {places}) AS unattributed
FROM revenue
WHERE ('*' IN (${brand:sqlstring}) OR brand_id IN (${brand:sqlstring})) AND {days}
GROUP BY time, currency
ORDER BY time
"""
FUNNEL = """
SELECT
    brand_id, currency,
    sum(members) AS members, sum(joined) AS joined, sum(spoke) AS spoke, sum(claimed) AS claimed, sum(bought) AS bought,
    spoke / nullIf(members, 0) AS spoke_share, bought / nullIf(members, 0) AS bought_share,
    sum(orders) AS orders, sum(revenue) / pow(10, {places}) AS revenue
FROM conversion_funnel
WHERE {scope} AND {chosen}
GROUP BY brand_id, currency
ORDER BY revenue DESC
"""

# Alert rules: a series with one point per brand or source, or one series; a row for each even when all is well.
ALERT_DYING = """
SELECT now() AS time, brand_id, toFloat64(countIf(latest.verdict = 'dying')) AS value
FROM groups
LEFT JOIN (SELECT group_id, verdict FROM latest_vitals) AS latest ON latest.group_id = groups.group_id
GROUP BY brand_id
"""
ALERT_BLIND = """
SELECT now() AS time, brand_id, source, toFloat64(stale_groups) AS value
FROM sources
"""
ALERT_BEHIND = """
SELECT now() AS time, round({behind} / 60) AS value
FROM pipeline
"""
ALERT_LETTERS = """
SELECT
    now() AS time,
    round(countIf(at > now() - INTERVAL 1 HOUR)
        - 3 * countIf(at > now() - INTERVAL 25 HOUR AND at <= now() - INTERVAL 1 HOUR) / 24) AS value
FROM dead_letters
"""
