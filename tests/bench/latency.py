"""How long from an event to what a reader sees, with the whole stack running at half of what it can take."""

import itertools
import math
import threading
import time
from collections.abc import Iterator

from confluent_kafka import Producer

from streams.settings import Settings
from streams.stack.start import up
from streams.stack.steps import Steps
from streams.stack.supervision import running
from streams.waiting import wait
from streams.warehouse import Warehouse
from tests.bench.figures import Figure
from tests.bench.stage import Stage

BAR_S = 5.0
LOAD_S, SETTLE_S = 40.0, 10.0
MARK_EVERY_S = 0.2
LOOK_S = 0.05
GROUPS, MEMBERS = 400, 40
SLICE_S = 0.02
BRAND = "latency"
_EVENT = (
    b'{"type":"message","event_id":"%b/%d","occurred_at":%d,"brand_id":"latency","platform":"bench",'
    b'"source":"bench/latency","source_seq":%d,"source_prev":%d,"group_id":"%b","member_id":"m_%d","text_len":12}'
)


class Feed(threading.Thread):
    """Messages of now at a steady rate, and among them a mark every MARK_EVERY_S in a group of its own."""

    def __init__(self, settings: Settings, rate: float) -> None:
        super().__init__(daemon=True)
        config = {"partitioner": "murmur2_random", "linger.ms": 5, "compression.type": "lz4", "log_level": 0}
        self.rate, self.sent = rate, 0
        self.marks: dict[int, float] = {}
        """By number of the mark, the time when it was produced."""
        self.is_over = threading.Event()
        self._producer = Producer(config | {"bootstrap.servers": settings.kafka})
        self._seqs = [0] * GROUPS
        self._turn = itertools.cycle(range(GROUPS))

    def run(self) -> None:
        began, next_mark = time.monotonic(), 0.0
        while not self.is_over.wait(SLICE_S):
            elapsed = time.monotonic() - began
            for _ in range(int(elapsed * self.rate) - self.sent):
                self._send(b"latency/bench/g%d" % (group := next(self._turn)), group)
            if elapsed >= next_mark:
                next_mark = elapsed + MARK_EVERY_S
                self._mark()
            self._producer.poll(0)
        self._producer.flush(10)

    def _send(self, key: bytes, group: int) -> None:
        seq = self._seqs[group] = self._seqs[group] + 1
        at = time.time_ns() // 1_000_000
        value = _EVENT % (key, seq, at, seq, seq - 1, key, seq % MEMBERS)
        while True:
            try:
                self._producer.produce("chat-events", value, key)
                break
            except BufferError:
                self._producer.poll(0.1)
        self.sent += 1

    def _mark(self) -> None:
        number = len(self.marks) + 1
        key, at = b"latency/bench/mark", time.time()
        value = _EVENT % (key, number, int(at * 1000), number, number - 1, key, 0)
        self._producer.produce("chat-events", value, key)
        self.marks[number] = at


def seen(warehouse: Warehouse, feed: Feed) -> Iterator[tuple[str, int, float]]:
    """Which mark has become visible where and when, the latest of them at each look."""
    looks = {
        "event": "SELECT max(source_seq) FROM events_v1 WHERE group_id = 'latency/bench/mark'",
        "group": "SELECT max(messages_all) FROM group_vitals_v1 WHERE group_id = 'latency/bench/mark'",
    }
    while not feed.is_over.is_set():
        for what, sql in looks.items():
            latest = int(warehouse.query(sql)[0][0] or 0)
            yield what, latest, time.time()
        time.sleep(LOOK_S)


def quantile(values: list[float], share: float) -> float:
    """The smallest value that so many are not above."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def latency(stage: Stage, most_per_s: float) -> list[Figure]:
    """From the production of an event to its row, and to the row of its group, at half of `most_per_s`."""
    stage.say("starting the agents, the sink and a ticker of 1 s; they catch up first")
    up(stage.settings, steps=Steps(lambda _: None, is_live=False))
    wait(stage.settings, 300, lambda _: None)
    feed = Feed(stage.settings, most_per_s / 2)
    stage.say(f"producing {feed.rate:,.0f} events/s for {LOAD_S:.0f} s")
    took = _measure(stage, feed)
    supervisor = running(stage.settings)
    assert supervisor is not None
    supervisor.stop(
        [name for name, it in supervisor.processes().items() if it.is_up and name not in ("kafka", "clickhouse")]
    )
    note = f"{feed.sent:,} events, {feed.rate:,.0f}/s, {GROUPS} groups, tick of 1 s, {len(feed.marks)} marks"
    return [
        Figure(name="event to row, p50", value=quantile(took["event"], 0.5), unit="s", note=note),
        Figure(name="event to row, p99", value=quantile(took["event"], 0.99), unit="s", bar=BAR_S, is_limit=True),
        Figure(name="event to group's row, p50", value=quantile(took["group"], 0.5), unit="s"),
        Figure(name="event to group's row, p99", value=quantile(took["group"], 0.99), unit="s",
               note="waits for the next tick"),
    ]  # fmt: skip


def _measure(stage: Stage, feed: Feed) -> dict[str, list[float]]:
    """Seconds of each mark by what was looked for; marks of the first SETTLE_S are left out."""
    took: dict[str, dict[int, float]] = {"event": {}, "group": {}}
    feed.start()
    over = threading.Timer(LOAD_S, feed.is_over.set)
    over.start()
    for what, latest, at in seen(Warehouse(stage.settings), feed):
        for number in range(max(took[what], default=0) + 1, latest + 1):
            took[what][number] = at - feed.marks[number]
    feed.join()
    first, last = SETTLE_S / MARK_EVERY_S, (LOAD_S - BAR_S) / MARK_EVERY_S
    wanted = [number for number in feed.marks if first < number < last]
    return {what: [found.get(number, math.inf) for number in wanted] for what, found in took.items()}
