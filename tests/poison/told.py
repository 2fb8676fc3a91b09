"""What belongs to no group, and what agents tell each other: forged."""

from typing import Any

from streams.events import MAX_TIME
from tests.poison.case import ACCEPTED, DAY, HOUR, REFUSED, Kinds, Meant, Raw


def of_no_group(kinds: Kinds) -> Meant:
    e, now = kinds.event, kinds.now
    yield "complete for ever", "source_complete", e("source_complete", complete_until=MAX_TIME), "from_the_future"
    yield (
        "complete until tomorrow",
        "source_complete",
        e("source_complete", complete_until=now + 2 * DAY),
        "from_the_future",
    )
    yield "complete beyond time", "source_complete", e("source_complete", complete_until=MAX_TIME + 1), "bad_shape"
    yield "complete until 1970", "source_complete", e("source_complete", complete_until=0), ACCEPTED
    yield "unseen backwards", "source_complete", e("source_complete", unseen_from=now, complete_until=0), ACCEPTED
    yield "unseen since 1970", "source_complete", e("source_complete", unseen_from=0, is_live=True), ACCEPTED
    yield "of no source", "source_complete", e("source_complete", source=None), ACCEPTED
    yield "live by a word", "source_complete", e("source_complete", is_live="yes"), "bad_shape"
    yield "of a source of odd letters", "source_complete", e("source_complete", source="\x1b[2J/\n"), ACCEPTED
    for number, wanted in {
        "10": ACCEPTED,
        "-10": ACCEPTED,
        "10.1": "bad_shape",
        "-11": "bad_shape",
        "1e308": "bad_shape",
        "1e999": REFUSED,
        "NaN": "malformed_json",
        '"1"': "bad_shape",
        "null": "bad_shape",
    }.items():
        yield f"intercept {number}", "calibration", e("calibration", intercept=Raw(number)), wanted
    yield "in force since 1970", "calibration", e("calibration", effective_at=0), ACCEPTED
    yield "in force at the end of time", "calibration", e("calibration", effective_at=MAX_TIME), ACCEPTED
    yield "of every brand", "calibration", e("calibration", brand_id="*"), ACCEPTED
    yield "of a brand of odd letters", "calibration", e("calibration", brand_id="\x00x"), "null_byte"
    for name, fields in {
        "for a partition that is not": {"origin_partition": 2**31 - 1},
        "for partition 0": {"origin_partition": 0},
        "of a source nobody knows": {"source": "nobody"},
        "in 1970": {"occurred_at": 0},
        "of all": {"brand_id": "*"},
        "with a seq": {"source": "x", "source_seq": 2**63 - 1, "source_prev": 0},
    }.items():
        yield name, "tick", e("tick", **fields), ACCEPTED
    for origin in (-1, 2**31, 1.5, "0"):
        yield f"for partition {origin!r}", "tick", e("tick", origin_partition=origin), "bad_shape"
    yield (
        "as if forwarded, from the future",
        "tick",
        e("tick", origin_partition=0, occurred_at=now + HOUR),
        "from_the_future",
    )
    for name, fields in {
        "of nobody": {"member_id": None},
        "of a kind that is not": {"kind": "kiss"},
        "for no reason": {"kind": None},
    }.items():
        yield name, "touch", e("touch", **fields), "bad_shape"
    yield "a post of nobody", "touch", e("touch", kind="post", member_id=None, code="X"), ACCEPTED
    yield "a post of somebody", "touch", e("touch", kind="post"), ACCEPTED
    yield "a message in 1970", "touch", e("touch", occurred_at=0), ACCEPTED
    yield "a leave before a join", "touch", e("touch", kind="leave"), ACCEPTED


def of_signals(kinds: Kinds) -> Meant:
    e = kinds.event
    for verdict in ("dying", "dead", "healthy", "ended", "stale", "nonsense", "\x1b[2J"):
        yield f"to {verdict!r}", "verdict_changed", e("verdict_changed", verdict=verdict), ACCEPTED
    for name, risk in {"5": 5.0, "-1": -1.0, "1e308": Raw("1e308")}.items():
        yield f"risk {name}", "verdict_changed", e("verdict_changed", risk=risk), ACCEPTED
    yield "risk 1e999", "verdict_changed", e("verdict_changed", risk=Raw("1e999")), REFUSED
    reasons: dict[str, tuple[Any, str]] = {
        "unknown": ([{"code": "magic", "numbers": {"x": 1.0}}], ACCEPTED),
        "without numbers": ([{"code": "breadth", "numbers": {}}], ACCEPTED),
        "huge": ([{"code": "breadth", "numbers": {"speakers": 1e308}}], ACCEPTED),
        "negative": ([{"code": "level", "numbers": {"messages": -1e9, "usual": -0.0}}], ACCEPTED),
        "a text for a number": ([{"code": "breadth", "numbers": {"speakers": "9"}}], "bad_shape"),
        "null": (None, "bad_shape"),
        "of 10,000 numbers": ([{"code": "x", "numbers": {str(n): 1.0 for n in range(10_000)}}], "bad_shape"),
        "10,000 of them": ([{"code": "x", "numbers": {}}] * 10_000, "bad_shape"),
        "with an odd code": ([{"code": "{x.__class__}", "numbers": {"{": 1.0}}], ACCEPTED),
        "of a code of 1 MB": ([{"code": "x" * 900_000, "numbers": {}}], "bad_shape"),
        "of an empty code": ([{"code": "", "numbers": {}}], "bad_shape"),
    }
    for name, (value, wanted) in reasons.items():
        yield f"reasons {name}", "verdict_changed", e("verdict_changed", reasons=value), wanted
    for kind in ("verdict_changed", "source_blind", "source_seen"):
        yield "from a partition that is not", kind, e(kind, origin_partition=2**31 - 1), ACCEPTED
        yield "from partition -1", kind, e(kind, origin_partition=-1), "bad_shape"
        yield "in 1970", kind, e(kind, occurred_at=0), ACCEPTED
    yield "complete at the end of time", "source_blind", e("source_blind", complete_at=MAX_TIME), ACCEPTED
    yield "of nothing", "acknowledged", e("acknowledged", episode_id="nothing"), ACCEPTED
    yield "by odd letters", "acknowledged", e("acknowledged", actor="\x1b[2J\u202e"), ACCEPTED
    yield "for ever", "snoozed", e("snoozed", until=MAX_TIME), ACCEPTED
    yield "until 1970", "snoozed", e("snoozed", until=0), ACCEPTED
    yield "beyond time", "snoozed", e("snoozed", until=MAX_TIME + 1), "bad_shape"
