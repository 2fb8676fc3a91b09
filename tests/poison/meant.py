"""Events of the right shape, or nearly so, that mean harm: each with its name, its kind and its fate."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from streams.events import MAX_MONEY, MAX_TIME
from tests.poison.case import ACCEPTED, DAY, HOUR, REFUSED, Case, Kinds, Meant, Raw, raw
from tests.poison.told import of_no_group, of_signals

STRANGE_IDS: dict[str, tuple[Any, str]] = {
    "1 MB": ("x" * 1_000_000, "bad_shape"),
    "513 characters": ("x" * 513, "bad_shape"),
    "512 characters": ("x" * 512, ACCEPTED),
    "512 of four bytes": ("😀" * 512, ACCEPTED),
    "empty": ("", "bad_shape"),
    "null": (None, "bad_shape"),
    "number": (7, "bad_shape"),
    "list": (["x"], "bad_shape"),
    "object": ({}, "bad_shape"),
    "true": (True, "bad_shape"),
    "blank": (" ", ACCEPTED),
    "slashes": ("//a///b/", ACCEPTED),
    "dots": ("../../../etc/passwd", ACCEPTED),
    "newline": ("a\nb\r\nc", ACCEPTED),
    "tab": ("a\tb", ACCEPTED),
    "control characters": ("\x01\x02\x1b[2J\x7f", ACCEPTED),
    "bell": ("\x07" * 100, ACCEPTED),
    "right to left": ("\u202egnp.exe", ACCEPTED),
    "lookalike": ("аdmin", ACCEPTED),
    "zero width": ("a\u200bb\ufeff", ACCEPTED),
    "combining": ("e" + "\u0301" * 400, ACCEPTED),
    "noncharacter": ("\ufffe\uffff", ACCEPTED),
    "NFD": ("cafe\u0301", ACCEPTED),
    "SQL": ("'; DROP TABLE events_v1; --", ACCEPTED),
    "a template": ("{{7*7}}${x}%s%n{0}", ACCEPTED),
    "markup": ("<script>x</script>", ACCEPTED),
    "escaped null": ("a\0b", "null_byte"),
    "lone surrogate": (Raw('"\\ud800"'), "malformed_json"),
    "backslashes": ("\\u0000\\", ACCEPTED),
    "a word of JSON": ("null", ACCEPTED),
    "digits": ("9223372036854775808", ACCEPTED),
    "a tilde": ("~", ACCEPTED),
}


def events(kinds: Kinds) -> Iterator[Case]:
    for name, kind, value, wanted in _meant(kinds):
        yield Case(f"{kind}: {name}", kinds.good[kind][0], kinds.key(kind, value), raw(value), wanted)


def _meant(kinds: Kinds) -> Meant:
    yield from _times(kinds)
    for field, (name, (value, wanted)) in product(
        ("group_id", "member_id", "event_id", "brand_id", "platform", "source"), STRANGE_IDS.items()
    ):
        is_optional = field == "source" and value is None
        unique = f"{value}{kinds.brand}" if field == "event_id" and wanted == ACCEPTED and len(value) < 400 else value
        yield (
            f"{field} {name}",
            "message",
            kinds.event("message", **{field: unique}),
            ACCEPTED if is_optional else wanted,
        )
    yield from _of_fields(kinds)
    yield from _of_order(kinds)
    yield from _of_orders(kinds)
    yield from _of_rosters(kinds)
    yield from of_no_group(kinds)
    yield from of_signals(kinds)


def _times(kinds: Kinds) -> Meant:
    now = kinds.now
    strange: dict[str, tuple[Any, str]] = {
        "minus one": (-1, "bad_shape"),
        "the year 1": (-62_135_596_800_000, "bad_shape"),
        "zero": (0, ACCEPTED),
        "one": (1, ACCEPTED),
        "in seconds": (now // 1000, ACCEPTED),
        "in µs": (now * 1000, "bad_shape"),
        "in ns": (now * 1_000_000, "bad_shape"),
        "the last": (MAX_TIME, "from_the_future"),
        "beyond": (MAX_TIME + 1, "bad_shape"),
        "2^53 + 1": (2**53 + 1, "bad_shape"),
        "2^63 - 1": (2**63 - 1, "bad_shape"),
        "2^63": (2**63, "bad_shape"),
        "2^64": (2**64, "bad_shape"),
        "10^30": (10**30, "bad_shape"),
        "-2^63": (-(2**63), "bad_shape"),
        "a float": (Raw(f"{now}.0"), "bad_shape"),
        "with an exponent": (Raw("17e11"), "bad_shape"),
        "1e999": (Raw("1e999"), REFUSED),
        "minus 1e999": (Raw("-1e999"), REFUSED),
        "NaN": (Raw("NaN"), "malformed_json"),
        "a string": (str(now), "bad_shape"),
        "ISO": ("2026-01-01T00:00:00Z", "bad_shape"),
        "null": (None, "bad_shape"),
        "true": (True, "bad_shape"),
        "a list": ([now], "bad_shape"),
        "an hour ahead": (now + HOUR, "hour"),
        "two days ahead": (now + 2 * DAY, "from_the_future"),
        "4,999 digits": (Raw("9" * 4999), REFUSED),
    }
    for (name, (at, wanted)), kind in product(
        strange.items(), ("message", "tick", "purchase", "touch", "verdict_changed")
    ):
        # an agent's own may be ahead by as much as its clock is behind
        ahead = ACCEPTED if kind in ("touch", "verdict_changed") else "from_the_future"
        yield f"occurred_at {name}", kind, kinds.event(kind, occurred_at=at), ahead if wanted == "hour" else wanted


def _of_fields(kinds: Kinds) -> Meant:
    e = kinds.event
    for name, text in {
        "latin-1": b"\xe9",
        "overlong": b"\xc0\x80",
        "a surrogate": b"\xed\xa0\x80",
        "half": b"\xe9\x95",
    }.items():
        shown = Raw('"' + text.decode("utf-8", "surrogateescape") + '"')
        yield f"text in {name}", "message", e("message", text=shown), "invalid_utf8"
        yield f"name in {name}", "group_created", e("group_created", name=shown), "invalid_utf8"
    yield "another topic's type", "message", e("message", type="purchase"), "unknown_type"
    for name, kind in {
        "empty": "",
        "unknown": "handshake",
        "upper case": "MESSAGE",
        "with a blank": "message ",
    }.items():
        yield f"type {name}", "message", e("message", type=kind), "unknown_type"
    for name, kind in {"null": None, "number": 1, "list": ["message"], "object": {}}.items():
        yield f"type {name}", "message", e("message", type=kind), "bad_shape"
    for role in ("boss", "", None, "Member", ["member"], 1):
        yield f"role {role!r}", "message", e("message", role=role), "bad_shape"
    for name, count in {"-1": -1, "2^31": 2**31, "2^64": 2**64, "1.5": 1.5, "text": "5", "null": None}.items():
        yield f"text_len {name}", "message", e("message", text_len=count), "bad_shape"
    yield "text_len 2^31 - 1", "message", e("message", text_len=2**31 - 1), ACCEPTED
    yield "100,000 mentions", "message", e("message", mentions=["m"] * 100_000), ACCEPTED
    yield "100,000 mentions of null", "message", e("message", mentions=[None] * 100_000), "bad_shape"
    yield "mentions is a text", "message", e("message", mentions="m"), "bad_shape"
    yield "900,000 characters of text", "message", e("message", text="长" * 300_000), ACCEPTED
    yield "text of control characters", "message", e("message", text="\x1b]0;x\x07\u202e" * 99), ACCEPTED
    yield (
        "an answer to itself",
        "message",
        e("message", reply_to=f"{kinds.brand}:self", event_id=f"{kinds.brand}:self"),
        ACCEPTED,
    )
    yield "every type at once", "message", e("message", target="x", members=["m"], amount=1, reason="left"), ACCEPTED


def _of_order(kinds: Kinds) -> Meant:
    e = kinds.event
    for name, seq in {"-1": -1, "2^63": 2**63, "2^64": 2**64, "1.0": 1.0, "text": "1", "10^30": 10**30}.items():
        yield f"source_seq {name}", "message", e("message", source="s", source_seq=seq), "bad_shape"
    for name, fields in {
        "0": {"source_seq": 0},
        "2^63 - 1": {"source_seq": 2**63 - 1},
        "2^53 + 1": {"source_seq": 2**53 + 1},
        "0 after 0": {"source_seq": 0, "source_prev": 0},
        "backwards": {"source_seq": 5, "source_prev": 9},
        "all there is": {"source_seq": 2**63 - 1, "source_prev": 0},
        "after itself": {"source_seq": 7, "source_prev": 7},
        "no seq but a prev": {"source_prev": 7},
    }.items():
        yield f"source_seq {name}", "message", e("message", source=f"liar/{name}", **fields), ACCEPTED
    yield "source_seq without a source", "message", e("message", source_seq=7), ACCEPTED
    yield "of itself", "recall", e("recall", target=f"{kinds.brand}:me", event_id=f"{kinds.brand}:me"), ACCEPTED
    yield "of 512 characters", "recall", e("recall", target="t" * 512), ACCEPTED
    for reason in ("bored", "", None, 5):
        yield f"reason {reason!r}", "leave", e("leave", reason=reason), "bad_shape"
    yield "who was never there", "leave", e("leave", member_id="nobody"), ACCEPTED
    yield "unknown class", "post", e("post", content_class="spam"), "bad_shape"
    for points, wanted in {
        2**31: "bad_shape",
        -(2**31) - 1: "bad_shape",
        2**31 - 1: ACCEPTED,
        -(2**31): ACCEPTED,
    }.items():
        yield f"{points}", "points", e("points", points=points), wanted
    for zone in ("Mars/Phobos", "/etc/passwd", "../../../etc/localtime", "UTC+99", "'", "\n"):
        yield f"timezone {zone!r}", "group_created", e("group_created", timezone=zone), ACCEPTED
    yield "timezone empty", "group_created", e("group_created", timezone=""), "bad_shape"
    yield "planned to end before it began", "group_created", e("group_created", planned_end_at=0), ACCEPTED
    yield "planned to end with the world", "group_created", e("group_created", planned_end_at=MAX_TIME), ACCEPTED
    yield "planned to end after it", "group_created", e("group_created", planned_end_at=MAX_TIME + 1), "bad_shape"
    yield "a name of 1 MB", "group_created", e("group_created", name="n" * 1_000_000), "bad_shape"
    yield "a new name of 600 characters", "group_renamed", e("group_renamed", name="n" * 600), "bad_shape"
    yield "an owner of 1 MB", "group_created", e("group_created", owner="n" * 1_000_000), "bad_shape"
    yield "an empty name", "group_renamed", e("group_renamed", name=""), ACCEPTED
    yield "a name that paints the screen", "group_renamed", e("group_renamed", name="\x1b[31m\u202ered\n"), ACCEPTED
    yield "before it was created", "group_ended", e("group_ended", occurred_at=kinds.now - 4000 * DAY), ACCEPTED
    yield "in 1970", "group_ended", e("group_ended", occurred_at=0), ACCEPTED
    yield "merged into itself", "group_ended", e("group_ended", reason="merged", merged_into=kinds.group), ACCEPTED
    yield "for no reason", "group_ended", e("group_ended", reason=""), "bad_shape"


def _of_orders(kinds: Kinds) -> Meant:
    e = kinds.event
    for kind in ("purchase", "benefit", "refund", "order_attributed"):
        for name, code in {
            "lower": "eur",
            "four": "EURO",
            "sign": "€",
            "newline": "EUR\n",
            "blank": "EU ",
            "number": 978,
            "empty": "",
            "digits": "E1R",
            "full width": "ＥＵＲ",
        }.items():
            yield f"currency {name}", kind, e(kind, currency=code), "bad_shape"
        yield "currency of nowhere", kind, e(kind, currency="XXX"), ACCEPTED
        for name, amount in {
            "1.5": 1.5,
            "1e3": Raw("1e3"),
            "text": "5",
            "null": None,
            "too much": MAX_MONEY + 1,
            "2^63": 2**63,
            "10^30": 10**30,
            "NaN": Raw("NaN"),
        }.items():
            yield f"amount {name}", kind, e(kind, amount=amount), "malformed_json" if name == "NaN" else "bad_shape"
        yield "amount 0", kind, e(kind, amount=0), ACCEPTED
        yield "amount at its most", kind, e(kind, amount=MAX_MONEY), ACCEPTED
        is_signed = kind == "order_attributed"
        yield "amount -1", kind, e(kind, amount=-1), ACCEPTED if is_signed else "bad_shape"
    yield "kind unknown", "benefit", e("benefit", kind="gold"), "bad_shape"
    for weight, wanted in {
        "2.0": "bad_shape",
        "-0.1": "bad_shape",
        "1e-300": ACCEPTED,
        "1e999": REFUSED,
        "NaN": "malformed_json",
        "0": ACCEPTED,
    }.items():
        yield f"weight {weight}", "order_attributed", e("order_attributed", weight=Raw(weight)), wanted
    yield "a rule of its own", "order_attributed", e("order_attributed", rule="because"), "bad_shape"
    yield (
        "forged as the agent's own",
        "order_attributed",
        e("order_attributed", source="attribution/purchases/0/x", source_seq=2**62, source_prev=0),
        ACCEPTED,
    )
    nowhere = f"{kinds.brand}/~unattributed"
    yield "unattributed", "order_attributed", e("order_attributed", group_id=nowhere, rule="unattributed"), ACCEPTED
    yield "by a rule but in no group", "order_attributed", e("order_attributed", group_id=nowhere), "bad_shape"
    yield "unattributed but in a group", "order_attributed", e("order_attributed", rule="unattributed"), ACCEPTED
    yield "in the place of orders without a group", "message", e("message", group_id=nowhere), "bad_shape"
    yield "of a customer of 1 MB", "purchase", e("purchase", customer_id="c" * 1_000_000), "bad_shape"
    yield "in the group of another brand", "purchase", e("purchase", group_id="other/x/y"), ACCEPTED
    yield "of an order that is not", "refund", e("refund", order_id="never"), ACCEPTED
    yield "before the order", "refund", e("refund", occurred_at=0), ACCEPTED
    yield "of a customer with odd letters", "purchase", e("purchase", customer_id="c/\n\u202e'"), ACCEPTED


def _of_rosters(kinds: Kinds) -> Meant:
    e = kinds.event
    short = [f"{n:x}" for n in range(100_000)]
    yield "100,000 members", "roster", e("roster", members=short), ACCEPTED
    yield "200,000 members", "roster", e("roster", members=[f"m{n}" for n in range(200_000)]), "too_large"
    yield "one member 100,000 times", "roster", e("roster", members=["m"] * 100_000), ACCEPTED
    yield "nobody", "roster", e("roster", members=[]), ACCEPTED
    yield "everybody is everything", "roster", e("roster", members=["a", "b"], staff=["a", "b"], bots=["a"]), ACCEPTED
    for name, members in {
        "null": None,
        "null among them": ["a", None],
        "a number among them": ["a", 5],
        "a text": "abc",
        "an empty id": [""],
        "nested": [["a"]],
        "an object": {"a": 1},
        "a long id": ["x" * 513],
    }.items():
        yield f"members {name}", "roster", e("roster", members=members), "bad_shape"
    yield "in 1970", "roster", e("roster", occurred_at=0, members=["a"]), ACCEPTED
