"""Every threshold of the dashboards and alert rules with its reason, and the fragments that queries share."""

from streams.dashboards.model import Look
from streams.words import ODD_PLACES, VERDICT_WORDS

DYING_GROUPS = 0
"""A brand with more dying groups than this alarms: one is worth a look, it can still be saved."""
BLIND_GROUPS = 0
"""A source with more groups judged blind than this alarms; the fold waits 12 hours before it says so."""
BEHIND_MINUTES = 90
"""Each group is told anew every hour, so up to 60 minutes are usual; half an hour more is not."""
NEW_DEAD_LETTERS = 10
"""In an hour, beyond three times what is usual for the last day. A single bad line is nobody's night."""
QUIET_SOURCE_HOURS = 6
"""A live source reports every few hours at worst; when none does, nothing comes in."""
KNOWN_SOURCE_DAYS = 7
"""A live source that was silent for longer was given up, or is somebody's task already: SourceBlind says so."""
LEADER_MESSAGES = 20
"""In 90 days; of fewer messages a share says nothing."""
TOP = 10
"""Groups to look after in a morning."""

DRIVER_WORDS = {
    "usual": ("usual for all groups", "所有群的常态"),
    "level": ("level of talk", "发言量"),
    "bursts": ("talk in bursts", "集中爆发"),
    "rhythm": ("rhythm and silence", "节奏与沉默"),
    "breadth": ("how many speak", "发言人数"),
    "people": ("members lost, muted", "成员流失与免打扰"),
    "community": ("usual of its community", "所在社群的常态"),
}
"""Driver of the risk → (English, Chinese)."""

STAGES = ("newcomer", "growing", "mature", "stalled", "early_churned", "churned", "left")

_SCOPE = """('*' IN (${brand:sqlstring}) OR brand_id IN (${brand:sqlstring}))
    AND ('*' IN (${platform:sqlstring}) OR platform IN (${platform:sqlstring}))"""
_BEHIND = """greatest(
        ifNull(dateDiff('second', vitals_at, greatest(events_at, ifNull(orders_at, events_at))), 0),
        ifNull(dateDiff('second', judged_to, live_complete_to), 0),
        if(vitals_at IS NULL, ifNull(dateDiff('second', events_at, now()), 0), 0),
        if(live_heard_at BETWEEN now() - INTERVAL {known} DAY AND now() - INTERVAL {quiet} HOUR,
            dateDiff('second', assumeNotNull(live_heard_at), now()), 0))"""
"""Seconds. What waits: an event or order that no row of vital signs followed; an hour that a live source has told and
no row judges; events where there never was a row. Or nothing comes at all: every live source is silent too long."""
_FRAGMENTS = {
    "scope": _SCOPE,
    "days": "day >= toDate32($__fromTime, 'UTC') AND day <= toDate32($__toTime, 'UTC')",
    "bucket": "toStartOfInterval(at, INTERVAL greatest(60, $__interval_s) second)",
    "told": "at >= $__fromTime AND at <= $__toTime",
    "marked": "group_id = ${group:sqlstring} AND at >= $__fromTime AND at <= $__toTime",
    "chosen": "('*' IN (${group:sqlstring}) OR group_id IN (${group:sqlstring}))",
    "places": f"transform(currency, {[*ODD_PLACES]}, {[*ODD_PLACES.values()]}, 2)",
    "by_verdict": ",\n    ".join(f"countIf(verdict = '{name}') AS {name}" for name in VERDICT_WORDS),
    "sums_by_verdict": ",\n    ".join(f"sumIf(groups, verdict = '{name}') AS {name}" for name in VERDICT_WORDS),
    "by_stage": ",\n    ".join(f"countIf(stage = '{name}') AS {name}" for name in STAGES),
    "behind": _BEHIND.replace("{quiet}", str(QUIET_SOURCE_HOURS)).replace("{known}", str(KNOWN_SOURCE_DAYS)),
    "leader_messages": str(LEADER_MESSAGES),
    "top": str(TOP),
}


def worded(sql: str, look: Look) -> str:
    """The query for a language, with its fragments filled in."""
    chinese = look.language == "zh"
    words = {
        "reasons": "reasons_zh" if chinese else "reasons",
        "driver_words": f"{[*DRIVER_WORDS]}, {[names[chinese] for names in DRIVER_WORDS.values()]}",
        "between": ";" if chinese else " · ",
    }
    for name, text in (_FRAGMENTS | words).items():
        sql = sql.replace("{" + name + "}", text)
    return sql.strip()
