"""JSON schemas and examples of everything on the topics, made from the structs: `python -m streams.schemas`.

`schemas/events/<type>.v<n>.schema.json` are the events, `schemas/rows/<row>.v<n>.schema.json` what else stands on a
topic, `schemas/examples/<name>.v<n>.json` a list for each: one with every field, one with only the required ones. A
change that older consumers can't read is a new version beside the old one, which stays.
"""

import re
from collections.abc import Iterator
from inspect import cleandoc
from typing import Any, get_args

import msgspec
from msgspec import inspect

from streams.dead_letters import DeadLetter, dead_letter
from streams.events import EVENTS, Touch
from streams.identities import ForgottenMember, MemberIdentity
from streams.metrics import PartMetrics
from streams.resources import resource_dir, write
from streams.vitals.insights import AnyInsight
from streams.vitals.rows import GroupAlert, GroupVitals, MemberVitals

VERSION = 1
DIALECT = "https://json-schema.org/draft/2020-12/schema"

EVENT_TYPES: dict[str, type[msgspec.Struct]] = {
    str(kind.__struct_config__.tag): kind for kinds in EVENTS.values() for kind in kinds
}
ROW_TYPES: dict[str, type[msgspec.Struct]] = {
    re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower(): kind
    for kind in (
        DeadLetter, ForgottenMember, GroupAlert, GroupVitals, MemberIdentity, MemberVitals, PartMetrics,
        *get_args(AnyInsight),
    )
}  # fmt: skip

_AT = 1_767_261_600_000  # 2026-01-01T10:00Z
_GROUP = "acme/wecom/wr42"
_SAMPLES: dict[str, Any] = {
    "event_id": "acme/wecom/wr42/1001",
    "occurred_at": _AT,
    "at": _AT,
    "day": _AT // 86_400_000 * 86_400_000,
    "first_event_at": _AT - 8_640_000_000,
    "last_member_message_at": _AT - 3_600_000,
    "last_message_at": _AT - 3_600_000,
    "joined_at": _AT - 8_640_000_000,
    "verdict_since": _AT - 864_000_000,
    "planned_end_at": _AT + 8_640_000_000,
    "ended_at": None,
    "complete_until": _AT,
    "source_complete_at": _AT,
    "effective_at": _AT + 604_800_000,
    "brand_id": "acme",
    "platform": "wecom",
    "group_id": _GROUP,
    "merged_into": "acme/wecom/wr43",
    "source": "wecom/acme",
    "source_seq": 1001,
    "source_prev": 1000,
    "source_offset": 41_003,
    "member_id": "m_3nq0b2tq8fHk1c9Z",
    "inviter_id": "m_Zk29cH8f1qt2b0qn",
    "customer_id": "m_3nq0b2tq8fHk1c9Z",
    "members": ("m_3nq0b2tq8fHk1c9Z", "m_Zk29cH8f1qt2b0qn"),
    "standings": (
        (
            "m_3nq0b2tq8fHk1c9Z",
            "member",
            "growing",
            _AT,
            True,
            "newcomer",
            _AT - 2_592_000_000,
            _AT - 2_678_400_000,
            True,
            False,
            14.5,
            _AT - 2_678_400_000,
            None,
            _AT - 2_600_000_000,
            _AT - 3_600_000,
            None,
            40,
            9,
            7,
            9,
            1,
            None,
            None,
            0,
            None,
            None,
            0,
            0,
            0,
        ),
    ),
    "staff": ("m_0aaStaffaaaaaaa0",),
    "bots": (),
    "mentions": ("m_Zk29cH8f1qt2b0qn",),
    "reply_to": "acme/wecom/wr42/1000",
    "target": "acme/wecom/wr42/999",
    "text": "早上好",
    "text_len": 3,
    "content_type": "text",
    "name": "杭州茶友交流3群",
    "owner": "ops-lin",
    "timezone": "Asia/Shanghai",
    "currency": "CNY",
    "purpose": "customer",
    "scene": "qr_code",
    "benefit_id": "red-packet-7",
    "kind": "red_packet",
    "code": "TEA10",
    "content_class": "convert",
    "sent_at": _AT - 172_800_000,
    "post_id": "acme/wecom/wr42/998",
    "posted_at": _AT - 7_200_000,
    "windows": 2,
    "offset_minutes": 480,
    "cause": "sign_in",
    "entry_id": f"{_GROUP}/1001",
    "playbook_id": f"{_GROUP}/playbook/{_AT}",
    "note": "wrote to 40 who had fallen silent",
    "budget": 50_000,
    "points": 5,
    "amount": 12_800,
    "weight": 1.0,
    "order_id": "A-1001",
    "refund_id": "A-1001-r1",
    "reverses": "attributed/6d0f7c1d5f0a4d38b1a2f3c4d5e6f708",
    "held_by": "m_Kc1c9Z3nq0b2tq8f",
    "paid_amount": 1_790,
    "paid_currency": "USD",
    "seen": ((_AT - 86_400_000) * 4 + 1, (_AT - 3_600_000) * 4 + 2),
    "first_at": _AT - 86_400_000,
    "forgot_at": _AT - 34_560_000_000,
    "model": "habit-1",
    "intercept": -0.25,
    "origin_partition": 3,
    "episode_id": "5b1c0f3a9d2e4476",
    "alert_id": "5b1c0f3a9d2e4476/1",
    "opened_at": _AT,
    "told_at": _AT + 600_000,
    "until": _AT + 86_400_000,
    "complete_at": _AT - 43_200_000,
    "source_name": "wecom/acme",
    "actor": "lin",
    "cause_id": "",
    "groups": (_GROUP,),
    "verdict": "dying",
    "was": "fading",
    "reasons": ({"code": "breadth", "numbers": {"points": 0.12, "speakers": 9}},),
    "drivers": ({"code": "breadth", "numbers": {"points": 0.12, "speakers": 9}},),
    "worth": 62.4,
    "worth_known": 0.85,
    "worth_parts": ({"code": "care", "numbers": {"value": 0.7, "points": 12.35, "answered": 0.7}},),
    "advice": "revive",
    "basis": "replies",
    "top_id": "m_3nq0b2tq8fHk1c9Z",
    "flags": ("early_leaves",),
    "advice_reasons": ({"code": "care", "numbers": {"value": 0.7, "points": 12.35, "answered": 0.7}},),
    "revenue_at_risk": 412_00,
    "role": "member",
    "raw_id": "wmAbC123",
    "risk": 0.41,
    "part": "groups-1",
    "since": _AT - 60_000,
    "started_at": _AT - 3_600_000,
    "samples": (
        {"name": "vitals_partitions", "agent": "groups", "labels": {}, "value": 8.0},
        {"name": "vitals_flush_seconds_bucket", "agent": "groups", "labels": {"le": "0.05"}, "value": 12.0},
    ),
}
"""What stands in the examples, by name of field; one that is not here, or is of another type, gets a plain value."""


def generated() -> dict[str, bytes]:
    """Path below `schemas/` → content of every schema and example."""
    files: dict[str, bytes] = {}
    for folder, kinds in (("events", EVENT_TYPES), ("rows", ROW_TYPES)):
        for name, kind in kinds.items():
            file = f"{name}.v{VERSION}.schema.json"
            files[f"{folder}/{file}"] = _pretty({"$schema": DIALECT, "$id": file} | _schema(kind))
            files[f"examples/{name}.v{VERSION}.json"] = _pretty([msgspec.to_builtins(one) for one in examples(kind)])
    return files


def _schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    schema = msgspec.json.schema(kind)
    for definition in schema["$defs"].values():  # Python 3.13 dedents docstrings, older ones do not
        definition["description"] = cleandoc(definition["description"])
    return schema


def examples(kind: type[msgspec.Struct]) -> Iterator[msgspec.Struct]:
    """One with every field, and one with the required ones alone where that is another."""
    if kind is DeadLetter:
        yield dead_letter(
            b'{"type":"mesage"}', origin="chat-events", partition=3, position=41_004, reason="unknown_type",
            detail="$.type", at=_AT,
        )  # fmt: skip
        return
    fields = msgspec.structs.fields(kind)
    full = {field.name: _sample(field) for field in fields}
    yield msgspec.convert(_tagged(kind, full), kind)
    required = {field.name: full[field.name] for field in fields if field.required}
    if len(required) < len(full):
        required |= dict.fromkeys(required.keys() & {"event_id"}, f"{_GROUP}/1002")
        required |= {"kind": "post"} if kind is Touch else {}  # nothing else is nobody's
        yield msgspec.convert(_tagged(kind, required), kind)


def _tagged(kind: type[msgspec.Struct], values: dict[str, Any]) -> dict[str, Any]:
    tag = kind.__struct_config__.tag
    return values if tag is None else {"type": tag} | values


def _sample(field: msgspec.structs.FieldInfo) -> Any:
    try:
        return msgspec.convert(_SAMPLES[field.name], field.type)
    except (KeyError, msgspec.ValidationError):  # two rows may use a name for different things
        return _first(inspect.type_info(field.type))


def _first(kind: inspect.Type) -> Any:
    """A plain value of a type. Raises KeyError for strings, which should say something: add them to _SAMPLES."""
    if isinstance(kind, inspect.Metadata):
        return _first(kind.type)
    if isinstance(kind, inspect.UnionType):
        return _first(next(one for one in kind.types if not isinstance(one, inspect.NoneType)))
    if isinstance(kind, inspect.LiteralType):
        return kind.values[0]
    simple: dict[type, Any] = {inspect.IntType: 12, inspect.FloatType: 0.5, inspect.BoolType: True}
    return simple[type(kind)]


def _pretty(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


if __name__ == "__main__":
    for path in write(resource_dir("schemas"), generated()):
        print(f"wrote {path}")  # noqa: T201 - this is a tool, run by `make schemas`
