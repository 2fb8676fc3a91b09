"""Bytes that are no JSON of an event, or just are, for every topic."""

import gzip
import json
from collections.abc import Iterator

import msgspec

from streams.events import MAX_EVENT_BYTES
from tests.poison.case import ACCEPTED, REFUSED, ROW_KEYS, ROWS, Case, Kinds, label, raw


def shapes(kinds: Kinds) -> Iterator[Case]:
    topics = {"chat-events": "message", "purchases": "purchase", "member-touches": "touch", "alert-signals": "snoozed"}
    for topic, kind in topics.items():
        value = kinds.event(kind)
        for name, data, wanted in _broken(raw(value)):
            value = kinds.event(kind)  # what is taken in has an id of its own
            own = next(part for other, part, _ in _broken(raw(value)) if other == name) if data else data
            yield Case(f"{topic}: {name}", topic, kinds.key(kind, value), own, wanted)
    for row, topic in ROWS.items():
        value = kinds.row(row)
        key = value[ROW_KEYS[row]].encode()
        for name, data, wanted in _broken(raw(value)):
            is_tombstone = row == "member_identity" and data is None
            exact = wanted in (ACCEPTED, "malformed_json")
            fate = ACCEPTED if is_tombstone else wanted if exact else REFUSED
            yield Case(f"{label(row)}: {name}", topic, key, data, fate)


def _broken(good: bytes) -> list[tuple[str, bytes | None, str]]:
    """A good value made bad in every way that bytes can be; some are still good."""
    more = good[:-1] + b","
    text = good.decode()

    def filled(size: int) -> bytes:
        return more + b'"fill":"' + b"x" * (size - len(more) - len(b'"fill":""}')) + b'"}'

    bad = "malformed_json"
    return [
        ("null value", None, bad),
        ("empty value", b"", bad),
        ("blanks", b"   \n", bad),
        ("null", b"null", "bad_shape"),
        ("true", b"true", "bad_shape"),
        ("number", b"0", "bad_shape"),
        ("minus zero", b"-0", "bad_shape"),
        ("text", b'"x"', "bad_shape"),
        ("empty list", b"[]", "bad_shape"),
        ("in a list", b"[" + good + b"]", "bad_shape"),
        ("empty object", b"{}", "bad_shape"),
        ("open brace", b"{", bad),
        ("close brace", b"}", bad),
        ("cut off", good[:-1], bad),
        ("cut in half", good[: len(good) // 2], bad),
        ("twice", good + good, bad),
        ("a letter behind", good + b"x", bad),
        ("a comma behind", good + b",", bad),
        ("trailing comma", more + b"}", bad),
        ("in a string", json.dumps(text).encode(), "bad_shape"),
        ("byte order mark", b"\xef\xbb\xbf" + good, bad),
        ("utf-16", text.encode("utf-16"), "null_byte"),
        ("utf-32", text.encode("utf-32"), "null_byte"),
        ("latin-1, unknown", more + b'"x":"\xe9"}', ACCEPTED),
        ("only latin-1", b"\xe9t\xe9", "invalid_utf8"),
        ("overlong utf-8, unknown", more + b'"x":"\xc0\x80"}', ACCEPTED),
        ("surrogate as utf-8, unknown", more + b'"x":"\xed\xa0\x80"}', ACCEPTED),
        ("beyond unicode, unknown", more + b'"x":"\xf4\x90\x80\x80"}', ACCEPTED),
        ("null byte behind", good + b"\0", "null_byte"),
        ("null byte before", b"\0" + good, "null_byte"),
        ("null byte in a string", more + b'"x":"a\0b"}', "null_byte"),
        (
            "escaped null in an unknown field",
            more + b'"x":"a\\u0000b"}',
            ACCEPTED if b'"event_id"' not in good else "null_byte",
        ),
        ("escaped null in a key", more + b'"a\\u0000b":1}', ACCEPTED if b'"event_id"' not in good else "null_byte"),
        ("lone surrogate", more + b'"x":"\\ud800"}', bad),
        ("surrogates the wrong way", more + b'"x":"\\udc00\\ud800"}', bad),
        ("half an escape", more + b'"x":"\\u12"}', bad),
        ("unknown escape", more + b'"x":"\\x41"}', bad),
        ("raw control character", more + b'"x":"a\x01b"}', bad),
        ("raw newline", more + b'"x":"a\nb"}', bad),
        ("NaN", more + b'"x":NaN}', bad),
        ("Infinity", more + b'"x":Infinity}', bad),
        ("minus Infinity", more + b'"x":-Infinity}', bad),
        ("leading zero", more + b'"x":01}', bad),
        ("plus sign", more + b'"x":+1}', bad),
        ("naked point", more + b'"x":1.}', bad),
        ("hex", more + b'"x":0x1f}', bad),
        ("single quotes", text.replace('"', "'").encode(), bad),
        ("no quotes", text.replace('"', "").encode(), bad),
        ("a comment", b"/* hi */" + good, bad),
        ("gzip", gzip.compress(good, mtime=0), REFUSED),
        ("msgpack", msgspec.msgpack.encode(json.loads(good)), REFUSED),
        ("HTML", b"<html><h1>502 Bad Gateway</h1></html>", bad),
        ("CSV", b"group;member;text\n1;2;3\n", bad),
        ("YAML", b"---\ntype: message\n", bad),
        ("NDJSON", good + b"\n" + good, bad),
        ("a number beyond doubles, unknown", more + b'"x":1e999}', ACCEPTED),
        ("an integer of 5,000 digits, unknown", more + b'"x":' + b"9" * 5000 + b"}", ACCEPTED),
        ("nested 300 deep, unknown", more + b'"x":' + b"[" * 300 + b"]" * 300 + b"}", ACCEPTED),
        ("nested 100,000 deep, unknown", more + b'"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", bad),
        ("nested and never closed", b"[" * 200_000, REFUSED),
        ("objects nested and never closed", b'{"a":' * 50_000, REFUSED),
        ("blanks around", b" \n\t" + good + b" \r\n", ACCEPTED),
        ("unknown fields", more + b'"x":{"y":[1,{"z":null}]}}', ACCEPTED),
        ("10,000 unknown fields", more + b",".join(b'"x%d":%d' % (n, n) for n in range(10_000)) + b"}", ACCEPTED),
        ("an empty field name", more + b'"":1}', ACCEPTED),
        ("a prototype", more + b'"__proto__":{"x":1}}', ACCEPTED),
        ("1 MiB but for one byte", filled(MAX_EVENT_BYTES - 1), ACCEPTED),
        ("1 MiB", filled(MAX_EVENT_BYTES), ACCEPTED),
        ("over 1 MiB by one byte", filled(MAX_EVENT_BYTES + 1), ACCEPTED if b'"event_id"' not in good else "too_large"),
    ]
