"""Events per CPU-second: import, worker, sink, and bare consumers of the same topic beside them."""

import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from streams.events import Event, Message, Tick
from streams.simulate.fleet import EVENTS_FILE, Fleet, write_fleet
from streams.vitals.policy import DAY_MS
from tests.bench.figures import Figure
from tests.bench.stage import Spent, Stage
from tests.replay import forget, reader, records

WORKER_BAR, SINK_BAR, IMPORT_BAR = 80_000, 60_000, 30_000
EVENTS_PER_GROUP = 2_600
"""What the default fleet has in its 180 days."""
DAYS = 180
ROUNDS = 3
OUTPUTS = ("group-vitals", "member-vitals", "group-insights", "member-touches", "alert-signals")
SINK_TOPICS = (
    "chat-events", "purchases", "group-vitals", "member-vitals", "group-insights", "dead-letters", "member-identities",
)  # fmt: skip
IRC_CHANNELS, IRC_DAYS, IRC_LINES = 20, 100, 150
BUSY_GROUPS, BUSY_MEMBERS, BUSY_DAYS, BUSY_MESSAGES = 100, 60, 14, 360


def load_fleet(stage: Stage, events: int) -> list[Figure]:
    """Import a simulated fleet of about so many events into the empty topics."""
    groups = max(1, round(events / EVENTS_PER_GROUP))
    end = (datetime.now(UTC) - timedelta(days=1)).date()
    stage.say(f"simulating {groups} groups over {DAYS} days")
    counts = write_fleet(Fleet(groups, DAYS, 1, end), stage.room / "fleet", lambda: None)
    stage.say(f"importing its {counts.total():,} events")
    spent = stage.vitals("import", "jsonl", str(stage.room / "fleet" / EVENTS_FILE))
    lines = Spent(counts.total(), spent.cpu_s, spent.wall_s)
    stage.say(f"  {lines.per_s:,.0f} events/s")
    return [
        Figure(
            name="import jsonl", value=lines.per_s, unit="events/s", bar=IMPORT_BAR,
            note=f"{lines.count:,} lines, start and end of the command included; {lines.per_cpu_s:,.0f} per CPU-second",
        )
    ]  # fmt: skip


def import_irc(stage: Stage) -> list[Figure]:
    """Import a tree of IRC logs made here."""
    lines = write_irc(stage.room / "irc")
    stage.say(f"importing {lines:,} lines of IRC")
    spent = stage.vitals("import", "irc", "--brand", "bench", str(stage.room / "irc"))
    stage.say(f"  {lines / spent.wall_s:,.0f} lines/s")
    note = f"{lines:,} lines in {IRC_CHANNELS * IRC_DAYS:,} files; {lines / spent.cpu_s:,.0f} per CPU-second"
    return [Figure(name="import irc", value=lines / spent.wall_s, unit="events/s", bar=IMPORT_BAR, note=note)]


def write_irc(root: Path) -> int:
    """Write channel/year/date files of messages and some joins and leaves; how many lines."""
    rng = random.Random(1)
    nicks = [f"nick{n}" for n in range(200)]
    for channel in range(IRC_CHANNELS):
        for day in range(IRC_DAYS):
            date = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=day)
            path = root / f"channel{channel}" / str(date.year) / f"{date:%Y-%m-%d}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(_irc_day(rng, nicks)), encoding="utf-8")
    return IRC_CHANNELS * IRC_DAYS * IRC_LINES


def _irc_day(rng: random.Random, nicks: list[str]) -> Iterator[str]:
    for line in range(IRC_LINES):
        minute, nick = line * 1440 // IRC_LINES, rng.choice(nicks)
        at = f"[{minute // 60:02}:{minute % 60:02}]"
        what = rng.random()
        if what < 0.9:
            yield f"{at} <{nick}> {'words ' * rng.randint(1, 15)}\n"
        else:
            yield f"{at} *** {nick} {'joined' if what < 0.95 else 'left'}\n"


def busy_events() -> Iterator[Event]:
    """Talk without a pause, and a tick at each midnight."""
    start = (time.time_ns() // 1_000_000 // DAY_MS - BUSY_DAYS) * DAY_MS
    common = {"brand_id": "busy", "platform": "bench", "source": "bench/busy"}
    rng = random.Random(1)
    for n in range(BUSY_DAYS * BUSY_MESSAGES):
        at = start + n * DAY_MS // BUSY_MESSAGES
        for group in range(BUSY_GROUPS):
            yield Message(
                event_id=f"{group}/{n}", occurred_at=at + group, member_id=f"m_{group}_{rng.randrange(BUSY_MEMBERS)}",
                group_id=f"busy/bench/g{group}", source_seq=n + 1, source_prev=n, **common,
            )  # fmt: skip
        if n % BUSY_MESSAGES == BUSY_MESSAGES - 1:
            yield Tick(event_id=f"busy/{n}", occurred_at=start + (n // BUSY_MESSAGES + 1) * DAY_MS, **common)


def busy(stage: Stage) -> list[Figure]:
    """The worker on groups that talk all day: what an event costs where few of them close a day."""
    stage.say("folding groups that talk all day")
    count = stage.send(busy_events())
    spent = stage.fold("bench-worker")
    stage.say(f"  {spent.per_cpu_s:,.0f} events per CPU-second, {spent.per_s:,.0f} events/s")
    note = f"{count:,} records, {BUSY_GROUPS} groups of {BUSY_MEMBERS} members, {BUSY_MESSAGES} messages a day"
    return [Figure(name="worker, busy groups", value=spent.per_cpu_s, unit="events/cpu-s", bar=WORKER_BAR, note=note)]


class Worker:
    """The worker on the loaded topic, measured several times, and what is compared with it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.rounds: list[Spent] = []
        self.outputs: dict[str, int] = {}

    @property
    def per_cpu_s(self) -> float:
        """The median of the rounds."""
        return statistics.median(spent.per_cpu_s for spent in self.rounds)

    @property
    def per_s(self) -> float:
        """The median of the rounds, of wall time."""
        return statistics.median(spent.per_s for spent in self.rounds)

    def fold(self) -> None:
        """Fold everything, from nothing."""
        if self.rounds:
            forget(self.stage.settings)
        before = self._outputs()
        self.stage.say("folding in one worker")
        spent = self.stage.fold("bench-worker")
        self.rounds.append(spent)
        self.outputs = {topic: count - before[topic] for topic, count in self._outputs().items()}
        self.stage.say(f"  {spent.per_cpu_s:,.0f} events per CPU-second, {spent.per_s:,.0f} events/s")

    def _outputs(self) -> dict[str, int]:
        return {topic: sum(self.stage.ends(topic).values()) for topic in OUTPUTS}

    def figures(self, ticks: int, records: int) -> list[Figure]:
        """The rates, and what they were measured on."""
        rates = ", ".join(f"{spent.per_cpu_s:,.0f}" for spent in self.rounds)
        made = ", ".join(f"{count:,} {topic}" for topic, count in self.outputs.items() if count)
        note = f"{records:,} records, {ticks:,} of them ticks; outputs {made}; rounds {rates}"
        return [
            Figure(name="worker", value=self.per_cpu_s, unit="events/cpu-s", bar=WORKER_BAR, note=note),
            Figure(name="worker, wall", value=self.per_s, unit="events/s", note="beside Kafka on the same machine"),
        ]


def ticks_in(stage: Stage) -> int:
    """How many of the records of chat-events have no group: ticks and words of completeness."""
    with reader(stage.settings) as consumer:
        return sum(not it.key() for it in records(consumer, "chat-events", dict.fromkeys(stage.ends("chat-events"), 0)))


def sink(stage: Stage) -> list[Figure]:
    """Store the same topics and what the worker made of them."""
    records = sum(sum(stage.ends(topic).values()) for topic in SINK_TOPICS)
    stage.say(f"storing {records:,} records in one sink")
    with stage.running("sink", name="bench-sink") as process:
        first, rows = None, -1
        for status in stage.statuses("bench-sink", process):
            stored = sum(status["rows"].values())
            if first is None and stored:
                first, began = status, stored
            if first is not None and stored == rows and not status["lag"]:
                break
            rows, last = stored, status
    spent = Spent(rows - began, last["cpu_seconds"] - first["cpu_seconds"], (last["at"] - first["at"]) / 1000)
    stage.say(f"  {spent.per_cpu_s:,.0f} rows per CPU-second, {spent.per_s:,.0f} rows/s")
    made = ", ".join(f"{count:,} {table}" for table, count in last["rows"].items() if count)
    return [
        Figure(name="sink", value=spent.per_cpu_s, unit="rows/cpu-s", bar=SINK_BAR, note=made),
        Figure(name="sink, wall", value=spent.per_s, unit="rows/s", note="beside ClickHouse on the same machine"),
    ]


def beside(stage: Stage, kind: str, python: str = sys.executable) -> Spent:
    """Read chat-events in a process of its own with something else: see `bare.py` and `quix.py`."""
    stage.say(f"reading with {kind}")
    script = Path(__file__).parent / ("quix.py" if kind == "quixstreams" else "bare.py")
    records = sum(stage.ends("chat-events").values())
    done = subprocess.run(
        [python, script, kind, stage.settings.kafka, "chat-events", str(records), str(stage.room / "quix-state")],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{kind} failed: {done.stderr[-2000:]}")
    spent = Spent(*msgspec.json.decode(done.stdout.splitlines()[-1]))
    stage.say(f"  {spent.per_cpu_s:,.0f} events per CPU-second")
    return spent
