"""Hostile files for every format of `vitals import`, and what a run of the command makes of each."""

import contextlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from streams.cli import run
from tests.poison.case import Kinds, raw
from tests.poison.corpus import made

NOW = 1_770_000_000_000
FINE, REFUSED = "read", "refused"


class File(NamedTuple):
    """One input of an import: the paths below a directory and their bytes. `wanted`: FINE, or REFUSED as a whole."""

    name: str
    command: str
    files: dict[str, bytes]
    wanted: str
    options: tuple[str, ...] = ()


IRC_GOOD = b"[10:00] *** ann joined\n[10:01] <ann> hello\n"
IRC_LINES = {
    "a null byte": b"[10:02] <ann> a\0b\n",
    "no newline at the end": b"[10:02] <ann> hi",
    "carriage returns": b"[10:02] <ann> hi\r\r\n",
    "latin-1": b"[10:02] <ann> caf\xe9\n",
    "a nick in latin-1": b"[10:02] <ann\xe9> hi\n",
    "a nick of 1 MB": b"[10:02] <" + b"n" * 1_000_000 + b"> hi\n",
    "a line of 2 MB": b"[10:02] <ann> " + b"x" * 2_000_000 + b"\n",
    "an hour that is not": b"[25:61] <ann> hi\n",
    "a negative hour": b"[-1:00] <ann> hi\n",
    "time running backwards": b"[23:59] <ann> late\n[00:01] <ann> early\n",
    "an empty nick": b"[10:02] <> hi\n",
    "a nick of blanks": b"[10:02] <   > hi\n",
    "right to left": "[10:02] <\u202enna> \u202ehi\n".encode(),
    "a nick with a newline": b"[10:02] <an\nn> hi\n",
    "control characters": b"[10:02] <ann> \x02\x03\x1b[2J\n",
    "a join of nobody": b"[10:02] ***  joined\n",
    "a nick like a path": b"[10:02] <../../etc/passwd> hi\n",
    "SQL": b"[10:02] <'; DROP TABLE x--> hi\n",
    "only null bytes": b"\0" * 10_000,
    "only newlines": b"\n" * 10_000,
    "binary": bytes(range(256)) * 100,
    "gzip": b"\x1f\x8b\x08\x00\x00",
    "a byte order mark": b"\xef\xbb\xbf[10:02] <ann> hi\n",
    "utf-16": "[10:02] <ann> hi\n".encode("utf-16"),
    "a rename to itself": b"[10:02] *** ann is now known as ann\n",
    "a kick of oneself": b"[10:02] *** ann was kicked by ann (ann)\n",
    "a rename to 1 MB": b"[10:02] *** ann is now known as " + b"n" * 1_000_000 + b"\n",
}
IRC_PATHS = {
    "a day that is not": "den/2024/2024-02-31",
    "a month that is not": "den/2024/2024-13-01",
    "the year 0": "den/0000/0000-01-01",
    "the year 9999": "den/9999/9999-12-31",
    "a channel of odd letters": "d\u202een\n'/2024/2024-05-06",
    "a channel of a blank": " /2024/2024-05-06",
    "the year 1970": "den/1970/1970-01-01",
}
SLACK_USER = {"id": "U1", "name": "ann", "profile": {"real_name": "Ann"}}
SLACK_GOOD = {"type": "message", "user": "U1", "text": "hello", "ts": "1714990000.000100"}
SLACK_MESSAGES: dict[str, object] = {
    "ts of text": {"ts": "now"},
    "ts negative": {"ts": "-5.0"},
    "ts huge": {"ts": "99999999999999999999.9"},
    "ts NaN": {"ts": "NaN"},
    "ts null": {"ts": None},
    "ts a number": {"ts": 1714990000.5},
    "ts in 9999": {"ts": "253402300799.000000"},
    "ts with letters": {"ts": "1714990000.00010a"},
    "ts in other digits": {"ts": "١٧١٤٩٩٠٠٠٠.000100"},
    "user null": {"user": None},
    "user a number": {"user": 5},
    "user empty": {"user": ""},
    "user of 1 MB": {"user": "U" * 1_000_000},
    "user of odd letters": {"user": "U\u202e\n"},
    "user unknown": {"user": "U404"},
    "text null": {"text": None},
    "text a number": {"text": 5},
    "text a list": {"text": ["x"]},
    "text with a null": {"text": "a\0b"},
    "text of 2 MB": {"text": "x" * 2_000_000},
    "type unknown": {"type": "party"},
    "type null": {"type": None},
    "subtype unknown": {"subtype": "party"},
    "subtype a number": {"subtype": 5},
    "reactions null": {"reactions": None},
    "reactions of nobody": {"reactions": [{"name": "x", "users": [None, 5]}]},
    "reactions a text": {"reactions": "x"},
    "100,000 reactions": {"reactions": [{"name": "x", "users": ["U1"] * 100_000}]},
    "a thread of itself": {"thread_ts": "1714990000.000100"},
    "a thread of text": {"thread_ts": "x"},
    "100,000 mentions": {"text": "<@U1>" * 100_000},
    "mentions of odd letters": {"text": "<@U\u202e> <@> <@U1|x> <!here>"},
    "files null": {"files": None},
    "edited a number": {"edited": 5},
    "a lone surrogate": {"text": "\ud800"},
    "joined twice": {"subtype": "channel_join"},
    "left before": {"subtype": "channel_leave", "ts": "1.0"},
}
SLACK_FILES: dict[str, bytes] = {
    "no JSON": b"{",
    "an object": b"{}",
    "null": b"null",
    "numbers": b"[1,2]",
    "nulls": b"[null]",
    "nested": b"[" * 100_000,
    "empty": b"",
    "NaN": b"[NaN]",
    "binary": b"\x00\xff",
    "deep": b"[" + b'{"x":' * 3000 + b"1" + b"}" * 3000 + b"]",
    "a byte order mark": b"\xef\xbb\xbf[]",
    "invalid UTF-8": b'["\xff"]',
    "twice": b"[][]",
}
CSV_HEAD = b"order_id,customer_id,paid_at,amount,currency\n"
CSV_ROWS = {
    "good": b"o1,c1,2026-01-01,12.50,EUR",
    "negative": b"o1,c1,2026-01-01,-12.50,EUR",
    "in brackets": b"o1,c1,2026-01-01,(5),EUR",
    "NaN": b"o1,c1,2026-01-01,NaN,EUR",
    "infinite": b"o1,c1,2026-01-01,inf,EUR",
    "exponent": b"o1,c1,2026-01-01,1e3,EUR",
    "too much": b"o1,c1,2026-01-01,99999999999999999999,EUR",
    "no amount": b"o1,c1,2026-01-01,,EUR",
    "other digits": "o1,c1,2026-01-01,١٢,EUR".encode(),
    "a finer amount": b"o1,c1,2026-01-01,1.234,EUR",
    "yen with decimals": b"o1,c1,2026-01-01,1.5,JPY",
    "currency lower": b"o1,c1,2026-01-01,5,eur",
    "currency unknown": b"o1,c1,2026-01-01,5,XXQ",
    "currency a sign": "o1,c1,2026-01-01,5,€".encode(),
    "no id": b",c1,2026-01-01,5,EUR",
    "no customer": b"o1,,2026-01-01,5,EUR",
    "an id of 1 MB": b"o" * 1_000_000 + b",c1,2026-01-01,5,EUR",
    "no time": b"o1,c1,,5,EUR",
    "a time of words": b"o1,c1,yesterday,5,EUR",
    "the year 1": b"o1,c1,0001-01-01,5,EUR",
    "the year 9999": b"o1,c1,9999-12-31T23:59:59,5,EUR",
    "the year 10000": b"o1,c1,10000-01-01,5,EUR",
    "the 31st of February": b"o1,c1,2026-02-31,5,EUR",
    "a time zone that is not": b"o1,c1,2026-01-01T00:00+99:00,5,EUR",
    "13 digits": b"o1,c1,9999999999999,5,EUR",
    "10 digits": b"o1,c1,0000000000,5,EUR",
    "too few columns": b"o1,c1",
    "too many columns": b"o1,c1,2026-01-01,5,EUR,x,y,z",
    "a quote left open": b'o1,"c1,2026-01-01,5,EUR',
    "a null byte": b"o1,c\x001,2026-01-01,5,EUR",
    "latin-1": b"o1,c\xe9,2026-01-01,5,EUR",
    "a formula": b"=cmd|x,c1,2026-01-01,5,EUR",
    "control characters": b"o1,c\x1b[2J,2026-01-01,5,EUR",
    "a newline in quotes": b'o1,"c\n1",2026-01-01,5,EUR',
    "right to left": "o1,c\u202e,2026-01-01,5,EUR".encode(),
    "a row of commas": b",,,,",
    "blanks": b"   ",
}
CSV_FILES = {
    "empty": b"",
    "no header": b"o1,c1,2026-01-01,5,EUR\n",
    "header twice": b"order_id,order_id,paid_at,amount\n1,1,1,1\n",
    "only a header": CSV_HEAD,
    "binary": bytes(range(256)),
    "a header of 1 MB": b"x" * 1_000_000 + b"\n",
    "null bytes": b"\0" * 1000,
    "utf-16": (CSV_HEAD + CSV_ROWS["good"]).decode().encode("utf-16"),
    "JSON": b'{"a":1}\n',
}
JSONL_FILES = {
    "empty": b"",
    "blank lines": b"\n" * 1000,
    "no JSON at all": b"hello\n" * 200,
    "binary": bytes(range(256)) * 50,
    "one line of 3 MB": b"[" * 3_000_000,
    "null bytes": b"\0" * 5000,
    "half a gzip": b"\x1f\x8b\x08\x00" + b"\0" * 20,
    "carriage returns alone": b'{"type":"tick"}\r' * 20,
}


def made_files() -> Iterator[File]:
    """All of them. A bad line must not spoil the file; a file that is none of its format is refused in one line."""
    for name, line in IRC_LINES.items():
        yield File(f"irc line: {name}", "irc", {"den/2024/2024-05-06": IRC_GOOD + line + IRC_GOOD}, FINE)
    for name, path in IRC_PATHS.items():
        yield File(f"irc path: {name}", "irc", {path: IRC_GOOD, "den/2024/2024-05-07": IRC_GOOD}, FINE)
    for name, changed in SLACK_MESSAGES.items():
        bad = json.dumps([SLACK_GOOD, SLACK_GOOD | changed, SLACK_GOOD | {"ts": "1714990009.000100"}]).encode()  # type: ignore[operator]
        yield File(f"slack message: {name}", "slack", _slack({"general/2024-05-06.json": bad}), FINE)
    for name, content in SLACK_FILES.items():
        good = json.dumps([SLACK_GOOD]).encode()
        yield File(
            f"slack day: {name}",
            "slack",
            _slack({"general/2024-05-06.json": content, "general/2024-05-07.json": good}),
            FINE,
        )
        yield File(
            f"slack users: {name}", "slack", _slack({"general/2024-05-06.json": good}) | {"users.json": content}, ""
        )
        yield File(
            f"slack channels: {name}",
            "slack",
            _slack({"general/2024-05-06.json": good}) | {"channels.json": content},
            "",
        )
    for name, row in CSV_ROWS.items():
        rows = b"o0,c0,2026-01-01,1,EUR\n" + row + b"\no2,c2,2026-01-02,2,EUR\n"
        yield File(f"orders row: {name}", "orders-csv", {"orders.csv": CSV_HEAD + rows}, FINE)
    for name, content in CSV_FILES.items():
        yield File(f"orders file: {name}", "orders-csv", {"orders.csv": content}, "")
        for command in ("shopify", "identities-csv"):
            yield File(f"{command} file: {name}", command, {"orders.csv": content}, "")
    for name, content in JSONL_FILES.items():
        yield File(f"jsonl file: {name}", "jsonl", {"events.jsonl": content}, "")
    lines = [case.value for case in made(NOW, "filed") if case.topic in ("chat-events", "purchases") and case.value]
    whole = b"\n".join(line for line in lines if b"\n" not in line and b"\r" not in line)
    good = raw(Kinds(NOW, "filed").event("join")) + b"\n"
    long = json.dumps([SLACK_USER | {"profile": {"real_name": "n" * 100_000}}]).encode()
    yield File(
        "slack users: a name of 100,000",
        "slack",
        _slack({"general/2024-05-06.json": b"[]"}) | {"users.json": long},
        FINE,
    )
    yield File("jsonl lines: all hostile records", "jsonl", {"events.jsonl": good + whole}, FINE)


def _slack(days: dict[str, bytes]) -> dict[str, bytes]:
    channels = json.dumps([{"id": "C1", "name": "general", "members": ["U1"], "created": 1714000000}]).encode()
    return {"users.json": json.dumps([SLACK_USER]).encode(), "channels.json": channels} | days


def taste(file: File, root: Path) -> tuple[int, str]:
    """Exit code of the import into a file, and the last line that it said: its closing count or its one error."""
    export = root / "export"
    target = export
    for path, content in file.files.items():
        place = export / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        if file.command in ("orders-csv", "shopify", "identities-csv", "jsonl"):
            target = place
    brand = [] if file.command == "jsonl" else ["--brand", "acme"]
    said, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors):
        code = run(["import", file.command, *brand, *file.options, "--out", str(root / "out.jsonl"), str(target)])
    lines = (said.getvalue() if code == 0 else errors.getvalue()).strip().splitlines()
    return code, next((line for line in lines if line.startswith("read ")), lines[-1] if lines else "")


def counts_of(line: str) -> dict[str, int]:
    """The numbers of a closing count."""
    found = re.search(r"read ([\d,]+) [\w ]+, wrote ([\d,]+) events.*?skipped ([\d,]+).*?rejected ([\d,]+)", line)
    assert found is not None, line
    return dict(
        zip(("read", "sent", "skipped", "rejected"), (int(n.replace(",", "")) for n in found.groups()), strict=True)
    )
