"""A hostile record, and the good ones that hostile ones are made of."""

import gzip
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from streams.events import EVENTS
from streams.resources import resource_dir

ACCEPTED, REFUSED = "accepted", "refused"
"""What must become of a record, where it is not one certain reason: taken in, or refused for any reason."""
HOUR, DAY = 3_600_000, 86_400_000
GZIPPED = gzip.compress(b'{"type":"tick"}', mtime=0)


class Raw(str):
    """JSON as it stands, which Python would not write: NaN, 1e999, a lone surrogate."""

    __slots__ = ()


class Case(NamedTuple):
    """One record. `wanted` is ACCEPTED, REFUSED, a reason, or "" where the schema says."""

    name: str
    topic: str
    key: bytes | None
    value: bytes | None
    wanted: str


Json = dict[str, Any]
Meant = Iterator[tuple[str, str, Json, str]]
"""Name, kind of event, the event and what must become of it."""


def raw(value: Json) -> bytes:
    """As JSON, with Raw parts as they stand."""
    parts: list[str] = []

    def hold(one: Any) -> Any:
        if isinstance(one, Raw):
            parts.append(one)
            return f"@@{len(parts) - 1}@@"
        if isinstance(one, dict):
            return {key: hold(part) for key, part in one.items()}
        return [hold(part) for part in one] if isinstance(one, list | tuple) else one

    text = json.dumps(hold(value), ensure_ascii=False, separators=(",", ":"))
    return re.sub(r'"@@(\d+)@@"', lambda found: parts[int(found[1])], text).encode("utf-8", "surrogateescape")


class Kinds:
    """Good values of everything that stands on a topic, each with an id of its own."""

    def __init__(self, now: int, brand: str) -> None:
        self.now, self.brand, self.group = now, brand, f"{brand}/poison/g"
        at = now - HOUR
        common = {"occurred_at": at, "brand_id": brand, "platform": "poison"}
        group = common | {"group_id": self.group}
        member = group | {"member_id": "m_poison"}
        order = {"order_id": "o", "customer_id": "c_poison", "amount": 500, "currency": "EUR"}
        signal = common | {"origin_partition": 0}
        self.good: dict[str, tuple[str, Json]] = {
            "message": ("chat-events", member),
            "join": ("chat-events", member),
            "leave": ("chat-events", member),
            "recall": ("chat-events", group | {"target": "nothing"}),
            "reaction": ("chat-events", member),
            "roster": ("chat-events", group | {"members": ["m_poison"]}),
            "claim": ("chat-events", member),
            "benefit": ("chat-events", group | {"benefit_id": "b"}),
            "mute": ("chat-events", member),
            "post": ("chat-events", group | {"content_class": "convert"}),
            "unmute": ("chat-events", member),
            "points": ("chat-events", member | {"points": 5}),
            "group_created": ("chat-events", group),
            "group_renamed": ("chat-events", group | {"name": "n"}),
            "group_ended": ("chat-events", group),
            "order_attributed": ("chat-events", group | order | {"weight": 1.0, "rule": "code"}),
            "source_complete": ("chat-events", common | {"source": f"poison/{brand}", "complete_until": at}),
            "calibration": ("chat-events", common | {"model": "none", "intercept": 0.5, "effective_at": at}),
            "tick": ("chat-events", common | {"occurred_at": now - 2 * HOUR}),
            "purchase": ("purchases", common | order),
            "refund": ("purchases", common | order | {"refund_id": "r"}),
            "touch": ("member-touches", member | {"kind": "message"}),
            "verdict_changed": (
                "alert-signals",
                signal | {"group_id": self.group, "verdict": "dying", "was": "healthy", "risk": 0.5},
            ),
            "source_blind": ("alert-signals", signal | {"source_name": "s", "complete_at": at}),
            "source_seen": ("alert-signals", signal | {"source_name": "s", "complete_at": at}),
            "acknowledged": ("alert-signals", common | {"episode_id": "e", "actor": "a"}),
            "snoozed": ("alert-signals", group | {"until": now + DAY, "actor": "a"}),
        }
        for topic, types in EVENTS.items():
            for tag in (str(one.__struct_config__.tag) for one in types):
                if tag not in self.good:
                    mine = common | {"group_id": self.group, "source": None, "source_seq": None, "source_prev": None}
                    self.good[tag] = topic, {k: mine.get(k, v) for k, v in _example(tag).items()}
        self._serial = 0

    def event(self, kind: str, /, **changed: Any) -> Json:
        """A good event but for what is changed."""
        self._serial += 1
        return {"type": kind, "event_id": f"{self.brand}:{self._serial}"} | self.good[kind][1] | changed

    def key(self, kind: str, value: Json) -> bytes:
        """The key that such an event must have."""
        topic = self.good[kind][0]
        field = {"chat-events": "group_id", "purchases": "customer_id", "member-touches": "member_id"}.get(topic)
        field = "brand_id" if topic == "alert-signals" else field
        found = value.get(field or "")
        return found.encode("utf-8", "replace") if isinstance(found, str) and not isinstance(found, Raw) else b""

    def row(self, name: str, /, **changed: Any) -> Json:
        """A good row, from its example."""
        example = _example(name)
        example |= {"brand_id": self.brand} if "brand_id" in example else {}
        example |= {"group_id": self.group} if example.get("group_id") else {}
        return example | changed


def _example(name: str) -> Json:
    path = resource_dir("schemas") / "examples" / f"{name}.v1.json"
    example: Json = json.loads(path.read_bytes())[0]
    return example


ROWS = {
    "group_vitals": "group-vitals",
    "member_vitals": "member-vitals",
    "member_standings": "group-insights",
    "probe_report": "group-insights",
    "post_response": "group-insights",
    "group_people": "group-insights",
    "opinion_leader": "group-insights",
    "referral_root": "group-insights",
    "group_alert": "group-alerts",
    "member_identity": "member-identities",
    "dead_letter": "dead-letters",
}
ROW_KEYS = {
    "group_vitals": "group_id",
    "member_vitals": "group_id",
    "member_standings": "group_id",
    "probe_report": "group_id",
    "post_response": "group_id",
    "group_people": "group_id",
    "opinion_leader": "group_id",
    "referral_root": "group_id",
    "group_alert": "brand_id",
    "member_identity": "member_id",
    "dead_letter": "letter_id",
}


def label(row: str) -> str:
    """How the cases of a row are called: by its topic, and by its own name too where others stand there."""
    topic = ROWS[row]
    return topic if list(ROWS.values()).count(topic) == 1 else f"{topic} {row}"
