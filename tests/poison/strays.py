"""Records under strange keys, and rows that only the sink reads: vital signs, alerts, identities, letters."""

from collections.abc import Iterator
from typing import Any

import msgspec

from streams.dead_letters import dead_letter
from streams.events import MAX_TIME
from tests.poison.case import ACCEPTED, REFUSED, ROW_KEYS, ROWS, Case, Json, Kinds, Raw, label, raw


def keys(kinds: Kinds) -> Iterator[Case]:
    for kind in ("message", "purchase", "touch", "verdict_changed"):
        topic, own = kinds.good[kind][0], kinds.key(kind, kinds.event(kind))
        strange = {
            "null": None,
            "empty": b"",
            "another": b"another",
            "with a blank": own + b" ",
            "upper case": own.upper(),
            "not UTF-8": b"\xff\xfe",
            "of 1 MB": b"k" * 900_000,
            "with a null byte": own + b"\0",
            "as JSON": b'"' + own + b'"',
            "a letter less": own[:-1],
        }
        for name, key in strange.items():
            yield Case(f"{topic}: key {name}", topic, key, raw(kinds.event(kind)), "wrong_key")
    for kind in ("tick", "source_complete", "calibration"):
        yield Case(f"{kind}: key null", "chat-events", None, raw(kinds.event(kind)), ACCEPTED)
        yield Case(f"{kind}: key not UTF-8", "chat-events", b"\xff", raw(kinds.event(kind)), "wrong_key")


# --- rows, which only the sink reads --------------------------------------------------------------------------------


def rows(kinds: Kinds) -> Iterator[Case]:
    for row in ROWS:
        good = kinds.row(row)
        for field, value in good.items():
            if isinstance(value, bool) or field == "letter_id":
                continue
            for name, wrong in _wrong_values(value, is_share=field in ("risk",)).items():
                yield _row_case(f"{label(row)}: {field} {name}", row, good | {field: wrong}, REFUSED)
    identity = kinds.row("member_identity")
    for name, key in {"null": None, "empty": b"", "another": b"m_other", "not UTF-8": b"\xff"}.items():
        if key is not None:  # a compacted topic takes no record without a key
            yield Case(f"member-identities: key {name}", "member-identities", key, raw(identity), "wrong_key")
            if key != b"m_other":
                yield Case(f"member-identities: tombstone, key {name}", "member-identities", key, None, REFUSED)
    for name, value in {"1 MB less": "n" * 900_000, "of 513 characters": "n" * 513}.items():
        yield _row_case(f"member-identities: name {name}", "member_identity", identity | {"name": value}, REFUSED)
    vitals = kinds.row("group_vitals")
    odd = [{"code": "magic", "numbers": {"x": 1e308}}, {"code": "breadth", "numbers": {}}]
    yield _row_case("group-vitals: reasons unknown", "group_vitals", vitals | {"reasons": odd}, ACCEPTED)
    yield _row_case("group-vitals: drivers without points", "group_vitals", vitals | {"drivers": odd}, REFUSED)
    yield _row_case("group-vitals: a verdict of its own", "group_vitals", vitals | {"verdict": "\x1b[2J"}, ACCEPTED)
    alert = kinds.row("group_alert")
    yield _row_case("group-alerts: reasons unknown", "group_alert", alert | {"reasons": odd}, ACCEPTED)
    yield _row_case("group-alerts: kind unknown", "group_alert", alert | {"kind": "party"}, REFUSED)
    yield _row_case("group-alerts: state unknown", "group_alert", alert | {"state": "party"}, REFUSED)


def _row_case(name: str, row: str, value: Json, wanted: str) -> Case:
    key = value.get(ROW_KEYS[row])
    return Case(name, ROWS[row], key.encode() if isinstance(key, str) else b"k", raw(value), wanted)


def _wrong_values(value: Any, *, is_share: bool) -> dict[str, Any]:
    if isinstance(value, int):
        return {"2^63": 2**63, "10^30": 10**30, "1.5": 1.5, "a text": "5", "a list": [1]}
    if isinstance(value, float):
        return {"1e999": Raw("1e999"), "NaN": Raw("NaN"), "a text": "0.5"}
    if isinstance(value, str):
        return {"a number": 5, "a list": ["x"], "a lone surrogate": Raw('"\\udfff"')}
    return {"a number": 5, "an object": {"x": 1}} if isinstance(value, list) else {}


def letters(kinds: Kinds) -> Iterator[Case]:
    letter = dead_letter(
        b"\xff", origin=f"{kinds.brand}.txt", partition=-1, position=1, reason="invalid_utf8", detail="d", at=kinds.now
    )
    good: Json = msgspec.to_builtins(letter)
    yield _row_case("dead-letters: a letter", "dead_letter", good, ACCEPTED)
    for name, changed in {
        "bytes that are no base64": {"original": "???"},
        "bytes cut in base64": {"original": "YQ"},
        "a reason of its own": {"reason": "dislike"},
        "a time in 10,000": {"at": MAX_TIME + 1},
        "a time before 1970": {"at": -1},
        "a size below nothing": {"size": -1},
        "partition -2": {"partition": -2},
        "a checksum of nothing": {"sha256": ""},
        "a checksum with a newline": {"sha256": "a" * 64 + "\n"},
        "a key that is no base64": {"key": "?"},
    }.items():
        yield _row_case(f"dead-letters: {name}", "dead_letter", good | changed, REFUSED)
    for key, values in {
        b"accept": (b"yes", b"[]", None, b'{"partition":"three"}'),
        b"accept/purchases/1": (b"{",),
        b"replayed/" + b"0" * 32: (b"{}", b"true", None),
        b"replayed/": (b"\xff",),
    }.items():
        for value in values:
            yield Case(f"dead-letters: {key[:9].decode()} {value!r}", "dead-letters", key, value, REFUSED)
    yield Case("dead-letters: an acceptance of nothing", "dead-letters", b"accept", b'{"topic":"nothing"}', ACCEPTED)
