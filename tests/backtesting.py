"""What the tests of the backtest share: logs in the benchmark's format, and the live path as an oracle."""

import csv
import gzip
import io
import json
import random
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import zstandard

from streams import models
from streams.backtest.alerts import told
from streams.backtest.driving import Counts, closings
from streams.backtest.reading import Files
from streams.backtest.share import Recipe
from streams.backtest.verdicts import Row, write_verdicts
from streams.connectors.delivered import NothingDelivered
from streams.connectors.importing import Import
from streams.connectors.jsonl import JsonlReader
from streams.events import ChatEvent
from streams.vitals.partition import GroupLog
from streams.vitals.policy import DAY_MS
from streams.vitals.rows import GroupAlert
from tests.importing import NOW, recipe

START = 1_714_953_600_000 // DAY_MS * DAY_MS
"""2024-05-06, a Monday."""
_decode = msgspec.json.Decoder(ChatEvent).decode


def bare(day: float, group: str = "den/talk", member: str = "ann", row: int | None = None, **more: object) -> bytes:
    """A line as the benchmark writes them, `day` days after START."""
    at = START + round(day * DAY_MS)
    fields = {
        "event_id": f"{group}/{at if row is None else row}", "type": "message", "occurred_at": at, "platform": "irc",
        "group_id": group, "member_id": member, "role": "member", "text_len": 3,
    }  # fmt: skip
    return json.dumps(fields | more, separators=(",", ":"), ensure_ascii=False).encode()


def ours(day: float, group: str = "den/talk", member: str = "ann", **more: object) -> bytes:
    """The same as an event of our own."""
    fields = json.loads(bare(day, group, member))
    brand = group.partition("/")[0]
    added = {"brand_id": brand, "source": f"irc/{brand}", "source_seq": round(day * 1e6)}
    return json.dumps({k: v for k, v in (fields | added | more).items() if v is not None}).encode()


def write(path: Path, lines: Iterable[bytes]) -> Path:
    """A file of lines, compressed by its ending."""
    content = b"".join(line + b"\n" for line in lines)
    if path.suffix == ".gz":
        content = gzip.compress(content)
    elif path.suffix == ".zst":
        content = zstandard.compress(content)
    path.write_bytes(content)
    return path


def talk(seed: int, days: int, groups: Sequence[str], a_day: float = 1.5) -> list[bytes]:
    """Some weeks of chatter with quiet stretches, in order of time."""
    chance = random.Random(seed)
    lines = []
    for group in groups:
        begin, end = sorted((chance.uniform(0, days), chance.uniform(0, days)))
        times = sorted(chance.uniform(begin, end) for _ in range(round((end - begin) * a_day) + 1))
        lines += [
            (day, bare(day, group, chance.choice("abcdef"), row, type=chance.choice(["message"] * 8 + ["join"])))
            for row, day in enumerate(times, 1)
        ]
    return [line for _, line in sorted(lines, key=lambda timed: json.loads(timed[1])["occurred_at"])]


def backtest(
    *paths: Path, jobs: int = 1, out: Path | None = None, now: int = NOW, **more: object
) -> tuple[str, Counts]:
    """The CSV of a backtest and its counts."""
    out = out or paths[0].parent / "verdicts.csv"
    until = more.pop("until", None)
    row = Row(more.pop("has_features", False), more.get("has_orders", False))
    how = Recipe(record=row, model=models.load(), latest=now, **more)
    with closings(Files(paths), how, directory=out.parent, jobs=jobs, until=until) as closed:
        write_verdicts(closed, row, out)
        return (out.read_text() if out.suffix == ".csv" else ""), closed.counts


def alerts(path: Path, jobs: int = 1, until: int | None = None, **more: object) -> list[GroupAlert]:
    """What the alert agent would have told of a file, uncalibrated."""
    how = Recipe(record=Row(), model=models.load(), latest=NOW, is_calibrated=False, has_signals=True, **more)
    with closings(Files([path]), how, directory=path.parent, jobs=jobs, until=until) as closed:
        return told(closed.signals)


def essence(found: Iterable[GroupAlert]) -> list[bytes]:
    """Alerts as bytes, sorted, but for the offset in a log that a backtest has not."""
    return sorted(msgspec.json.encode(msgspec.structs.replace(alert, source_offset=0)) for alert in found)


def rows(text: str) -> list[dict[str, str]]:
    """The rows of a CSV."""
    return list(csv.DictReader(io.StringIO(text)))


class Live:
    """A destination that folds as the workers do, in several partitions; `closes` are the rows of closed days."""

    def __init__(self, partitions: int = 3) -> None:
        self._logs = [GroupLog(number, f"groups/{number}", models.load()) for number in range(partitions)]
        self._offset = 0
        self.closes: dict[tuple[str, int], object] = {}

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        if topic == "chat-events":
            self._fold(self._logs[zlib.crc32(key) % len(self._logs)], key, value)

    def send_everywhere(self, topic: str, value: bytes) -> None:
        for log in self._logs:
            self._fold(log, b"", value)

    def _fold(self, log: GroupLog, key: bytes, value: bytes) -> None:
        self._offset += 1
        event = _decode(value)
        for output in log.fold(event, key.decode(), self._offset, event.occurred_at):
            if output.topic == "group-vitals" and output.value.is_day_close:
                self.closes.setdefault((output.value.group_id, output.value.at), output.value)

    def refuse(self, letter: object) -> None: ...

    def identify(self, identity: object) -> bool:
        return True

    def settle(self) -> None: ...


def imported(*paths: Path) -> dict[tuple[str, int], object]:
    """The rows of closed days that a live stack would write when the files are imported."""
    live = Live()
    Import(JsonlReader(paths, recipe(source="jsonl/in")), recipe(source="jsonl/in"), live, NothingDelivered()).run(
        lambda _: None
    )
    return live.closes
