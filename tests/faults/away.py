"""ClickHouse away for long, under a steady load: what the parts grow to meanwhile, and how soon all is caught up."""

import threading
import time
from collections.abc import Iterator

import click
import msgspec

from streams import events as e
from streams.stack import processes
from streams.warehouse import Warehouse
from tests.faults.progress import NoAnswerError
from tests.faults.stage import GROUPS, OTHERS, SINKS, Stage
from tests.faults.toy import Feed

BRAND = "away"
FED_GROUPS = 200
WARM_S = 60.0
CATCH_UP_LIMIT_S = 600.0
BEHIND_S = 2.0
"""Caught up is who is behind by no more than so many seconds of the load."""
MOST_GROWTH, MOST_CATCH_UP_S = 1.2, 180.0


class Growth(msgspec.Struct):
    """The largest memory of a part, in bytes: before, while ClickHouse was away, and while all was caught up."""

    before: int = 0
    away: int = 0
    after: int = 0

    @property
    def ratio(self) -> float:
        return max(self.away, self.after) / self.before if self.before else 0.0


class Memory(threading.Thread):
    """Looks at the memory of all parts each second."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(daemon=True)
        self.stage, self.phase = stage, "before"
        self.growth: dict[str, Growth] = {name: Growth() for name in (*SINKS, *GROUPS, *OTHERS)}
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(1.0):
            for name, growth in self.growth.items():
                size = processes.resident_bytes(self.stage.crew.processes[name].pid) or 0
                setattr(growth, self.phase, max(getattr(growth, self.phase), size))


class Talk:
    """Messages of many groups, each with its seq, until it is told to end; `sent` are those of each group."""

    def __init__(self) -> None:
        self.is_over = False
        self.sent = [0] * FED_GROUPS

    def messages(self) -> Iterator[tuple[bytes, bytes, None]]:
        number = 0
        while not self.is_over:
            turn = number % FED_GROUPS
            self.sent[turn] += 1
            group, seq = f"{BRAND}/live/g{turn:04d}", self.sent[turn]
            yield group.encode(), e.encode(_message(group, seq, number)), None
            number += 1


def _message(group: str, seq: int, number: int) -> e.Message:
    return e.Message(
        event_id=f"{group}/{seq}", occurred_at=time.time_ns() // 1_000_000, brand_id=BRAND, platform="live",
        group_id=group, member_id=f"{BRAND}-m{number // FED_GROUPS % 97}", source=BRAND, source_seq=seq,
        source_prev=seq - 1, text_len=number % 1000,
    )  # fmt: skip


def be_away(stage: Stage, minutes: float, rate: float) -> bool:
    """Run it and tell; whether it went as it should."""
    talk, memory = Talk(), Memory(stage)
    feed = Feed(stage.settings, "chat-events", talk.messages(), rate)
    memory.start()
    feed.start()
    time.sleep(WARM_S)
    memory.phase = "away"
    stage.supervisor.stop(["clickhouse"])
    time.sleep(minutes * 60)
    behind = _lag(stage)
    memory.phase = "after"
    stage.supervisor.start("clickhouse")
    caught_up_s = stage.wait_for(lambda: _lag(stage) <= rate * BEHIND_S, CATCH_UP_LIMIT_S, "the sinks to catch up")
    talk.is_over = True
    feed.join()
    stage.wait_for(lambda: not _lag(stage), CATCH_UP_LIMIT_S, "the sinks to be done")
    memory.over.set()
    lost, doubled = _compare(stage, talk.sent)
    return _tell(talk, memory, behind=behind, caught_up_s=caught_up_s, lost=lost, doubled=doubled)


def _lag(stage: Stage) -> float:
    try:
        return stage.progress.lag()["vitals-sink"]
    except NoAnswerError:
        return float("inf")


def _compare(stage: Stage, sent: list[int]) -> tuple[int, int]:
    """Messages that are not there, and that are seen twice."""
    where = "WHERE brand_id = %(brand)s GROUP BY group_id"
    sql = f"SELECT group_id, count(), uniqExact(event_id) FROM events_v1 FINAL {where}"
    found = {group: (rows, ids) for group, rows, ids in Warehouse(stage.settings).query(sql, {"brand": BRAND})}
    pairs = [(count, *found.get(f"{BRAND}/live/g{turn:04d}", (0, 0))) for turn, count in enumerate(sent)]
    return sum(count - ids for count, _, ids in pairs), sum(rows - ids for _, rows, ids in pairs)


def _tell(talk: Talk, memory: Memory, *, behind: float, caught_up_s: float, lost: int, doubled: int) -> bool:
    for name, growth in memory.growth.items():
        sizes = f"{growth.before >> 20} MiB before, {growth.away >> 20} while away, {growth.after >> 20} after"
        click.echo(f"  {name}: {sizes}, × {growth.ratio:.2f}")
    worst = max(memory.growth[name].ratio for name in SINKS)
    click.echo(
        f"clickhouse-away: {sum(talk.sent):,} events, the sinks {behind:,.0f} records behind, caught up within"
        f" {caught_up_s:.0f} s, memory of a sink × {worst:.2f} at most, {lost} lost, {doubled} doubled"
    )
    return not lost and not doubled and worst <= MOST_GROWTH and caught_up_s <= MOST_CATCH_UP_S
