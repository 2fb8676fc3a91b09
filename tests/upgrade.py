"""What an older version wrote, kept as fixtures: events, changelog records and rows, for newer ones to read.

`python -m tests.upgrade --out tests/fixtures/upgrade/NAME`, run at the version whose bytes are to be kept, folds a
small simulated fleet on one partition with all four agents, and writes

- `log.jsonl.xz`: the records of every topic, as the agents and the sink read them: [topic, key, arrival in ms, value];
- `stored.msgpack.xz`: after HALF of the first records of chat-events, per agent: the changelog records, by table key.
"""

import csv
import gzip
import lzma
import tempfile
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import click
import msgspec

from streams.agents import AGENTS, Agent, absorb
from streams.connectors.batches import Recipe
from streams.connectors.delivered import NothingDelivered
from streams.connectors.importing import Import
from streams.connectors.jsonl import JsonlReader
from streams.dead_letter_limit import Limit
from streams.events import Tick, encode
from streams.positions import Position, Term, load, pack_position, table_key
from streams.simulate.fleet import Fleet, write_fleet
from streams.vitals.log import Log
from streams.vitals.policy import DAY_MS, HOUR_MS

FOLDERS = sorted((Path(__file__).parent / "fixtures" / "upgrade").iterdir())
TOPIC_ID = bytes(range(16))
TERM = Term(1, 1_000)
HALF = 0.7
"""So much of chat-events is folded before the values are kept."""
END = date(2026, 9, 30)
CAUSES = ("healthy", "core_left", "ad_flood", "unanswered_newcomers", "planned_end", "blind_source")
Stored = dict[str, dict[bytes, bytes]]
"""Agent → table key → value."""


class Line(msgspec.Struct, array_like=True):
    """A record of the log; `key` None for none. The offset is its place among those of its topic."""

    topic: str
    key: str | None
    at: int
    value: msgspec.Raw


class Record(msgspec.Struct):
    """A record as the fold takes it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class Bus:
    """One partition of each topic, and the agents behind them. What one sends, the others read in order."""

    def __init__(self, stored: Mapping[str, Mapping[bytes, bytes]] | None = None) -> None:
        self.lines: list[Line] = []
        self.offsets: Counter[str] = Counter()
        self._flying: deque[Line] = deque()
        self._by_topic = {agent.topic: agent for agent in AGENTS.values()}
        self._logs = {agent.topic: _log(agent, (stored or {}).get(agent.name, {})) for agent in AGENTS.values()}

    def send(self, lines: Iterable[Line]) -> None:
        """Append records, and let the agents read until they have nothing more to say."""
        for line in lines:
            self._flying.append(line)
            while self._flying:
                self._land(self._flying.popleft())

    def _land(self, line: Line) -> None:
        offset = self.offsets[line.topic]
        self.offsets[line.topic] += 1
        self.lines.append(line)
        agent = self._by_topic.get(line.topic)
        if agent is None:
            return
        key = None if line.key is None else line.key.encode()
        record = Record(offset, line.at, key, bytes(line.value))
        log = self._logs[line.topic]
        outputs, _, refused = absorb([record], agent, log, Limit(since=0), partition=0, end=offset + 1)
        assert not refused, line
        self._flying.extend(Line(one.topic, one.key, line.at, msgspec.Raw(encode(one.value))) for one in outputs)

    def stored(self) -> Stored:
        """The changelog records of all agents as of now."""
        return {agent.name: _stored(self._logs[agent.topic], self.offsets[agent.topic]) for agent in AGENTS.values()}


def _log(agent: Agent, stored: Mapping[bytes, bytes]) -> Log:
    log = agent.new_log(0, agent.origin(0, TOPIC_ID), 1)
    loaded = load(stored, TOPIC_ID)
    log.restore(loaded.position.partition_value if loaded.position else None, loaded.values)
    return log


def _stored(log: Log, next_offset: int) -> dict[bytes, bytes]:
    records = {table_key(key, TOPIC_ID, TERM): value for key, value in log.take_changed().items()}
    position = Position(next_offset, log.partition_value(), Limit(since=0))
    return records | {table_key("", TOPIC_ID, TERM): pack_position(position)}


class _Sent:
    """A destination that keeps what an import sends, and lets the clock tick at each midnight of it."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.at = 0

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        at = msgspec.json.decode(value)["occurred_at"]
        while self.at and at // DAY_MS > self.at // DAY_MS:
            self.tick((self.at // DAY_MS + 1) * DAY_MS)
        self.at = max(self.at, at)
        self.lines.append(Line(topic, key.decode(), self.at, msgspec.Raw(value)))

    def tick(self, at: int) -> None:
        tick = Tick(event_id=f"tick/{at}", occurred_at=at, brand_id="*", platform="*")
        self.at = at
        self.lines.append(Line("chat-events", "", at, msgspec.Raw(encode(tick))))

    def send_everywhere(self, topic: str, value: bytes) -> None:
        self.at = max(self.at, msgspec.json.decode(value)["occurred_at"])
        self.lines.append(Line(topic, "", self.at, msgspec.Raw(value)))

    def identify(self, identity: object) -> bool:
        return True

    def settle(self) -> None: ...


def few(fleet: Path) -> None:
    """Leave of a fleet the quietest group of each of some causes."""
    lines = gzip.decompress((fleet / "events.jsonl.gz").read_bytes()).splitlines(keepends=True)
    group_of = [msgspec.json.decode(line).get("group_id", "") for line in lines]
    sizes = Counter(group_of)
    with (fleet / "truth.csv").open(encoding="utf-8") as truth:
        of_cause = [(row["cause"], sizes[row["group_id"]], row["group_id"]) for row in csv.DictReader(truth)]
    chosen = {min(one for one in of_cause if one[0] == cause)[2] for cause in CAUSES} | {""}
    kept = [line for line, group in zip(lines, group_of, strict=True) if group in chosen]
    (fleet / "events.jsonl.gz").write_bytes(gzip.compress(b"".join(kept)))


def sent(days: int) -> list[Line]:
    """What an import of a simulated fleet sends, with live ticks between."""
    with tempfile.TemporaryDirectory() as folder:
        write_fleet(Fleet(44, days, 3, END), Path(folder), lambda: None)
        few(Path(folder))
        recipe = Recipe(brand_id="", platform="", source="upgrade", now=2_000_000_000_000)
        reader = JsonlReader((Path(folder) / "events.jsonl.gz",), recipe)
        to = _Sent()
        Import(reader, recipe, to, NothingDelivered()).run(lambda _: None)
    for hours in range(1, 4):
        to.tick(to.at + hours * HOUR_MS)
    return to.lines


def read(folder: Path) -> tuple[list[Line], Stored]:
    """The log and the stored records of a folder."""
    lines = msgspec.json.Decoder(list[Line]).decode(b"[%s]" % b",".join(_lines(folder / "log.jsonl.xz")))
    stored = lzma.decompress((folder / "stored.msgpack.xz").read_bytes())
    return lines, msgspec.msgpack.Decoder(Stored).decode(stored)


def _lines(path: Path) -> list[bytes]:
    return lzma.decompress(path.read_bytes()).splitlines()


@click.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
def main(out: Path) -> None:
    """Keep what this version writes."""
    lines = sent(days=84)
    half, bus = int(HALF * len(lines)), Bus()
    bus.send(lines[:half])
    stored = bus.stored()
    bus.send(lines[half:])
    out.mkdir(parents=True)
    written = b"".join(msgspec.json.encode(line) + b"\n" for line in bus.lines)
    (out / "log.jsonl.xz").write_bytes(lzma.compress(written, preset=6))
    (out / "stored.msgpack.xz").write_bytes(lzma.compress(msgspec.msgpack.encode(stored), preset=6))
    click.echo(", ".join(f"{count} {topic}" for topic, count in sorted(bus.offsets.items())))


if __name__ == "__main__":
    main()
