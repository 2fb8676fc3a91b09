"""From the start of a killed worker to its first newly folded event, with the values of 10,000 groups to load."""

import time
from collections.abc import Iterator

from confluent_kafka import Consumer, TopicPartition

from streams import events as e
from streams.vitals.policy import DAY_MS
from tests.bench.figures import Figure
from tests.bench.stage import STALL_S, Stage

GROUPS, MEMBERS, MESSAGES = 10_000, 20, 40
DAYS = 28
_COMMON = {"brand_id": "restart", "platform": "bench", "source": "bench/restart"}


def restart(stage: Stage) -> list[Figure]:
    """Fold 10,000 groups, kill -9 the worker, start it again and wait for what a new event makes it say."""
    count = _fill(stage)
    stage.say(f"folding {count:,} events of {GROUPS:,} groups")
    stage.fold("bench-restart", stop=lambda process: process.kill())
    stage.send(_join(n) for n in range(64))
    with _touches(stage) as touches:
        began = time.monotonic()
        with stage.running("worker", "groups", name="bench-restart"):
            while not touches.consume(1, 1.0):
                if time.monotonic() - began > STALL_S:
                    raise SystemExit("the worker that was started again folds nothing")
            took = time.monotonic() - began
    stage.say(f"  {took:.1f} s")
    note = f"{GROUPS:,} groups of {MEMBERS} members; kill -9, then from exec to the output of the first new event"
    return [Figure(name="restart to first event", value=took, unit="s", note=note)]


def _fill(stage: Stage) -> int:
    """Put the talk of DAYS days into the topic, day by day, a tick after each week."""
    start = (time.time_ns() // 1_000_000 // DAY_MS - DAYS) * DAY_MS
    count = 0
    for week in range(4):
        count += stage.send(_week(start, week))
        tick = e.Tick(event_id=f"restart/{week}", occurred_at=start + (week + 1) * 7 * DAY_MS, brand_id="restart",
                      platform="bench", source=_COMMON["source"])  # fmt: skip
        stage.send([tick])
    return count


def _week(start: int, week: int) -> Iterator[e.Message]:
    each = MESSAGES // 4
    for n in range(each):
        at, seq = start + (7 * week + 7 * n // each) * DAY_MS + n, week * each + n
        for group in range(GROUPS):
            yield e.Message(
                event_id=f"{group}/{seq}", occurred_at=at + group, member_id=f"m_{group}_{seq % MEMBERS}",
                group_id=f"restart/bench/g{group}", source_seq=seq + 1, **_COMMON,
            )  # fmt: skip


def _join(n: int) -> e.Join:
    at = time.time_ns() // 1_000_000
    return e.Join(event_id=f"join/{n}", occurred_at=at, member_id="m_new", group_id=f"restart/bench/g{n}",
                  source_seq=10**6, **_COMMON)  # fmt: skip


class _touches:  # noqa: N801  used as a function
    """A consumer at the end of member-touches."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._consumer = Consumer({"bootstrap.servers": stage.settings.kafka, "group.id": "bench-touches",
                                   "enable.auto.commit": False})  # fmt: skip

    def __enter__(self) -> Consumer:
        ends = self._stage.ends("member-touches")
        self._consumer.assign([TopicPartition("member-touches", p, end) for p, end in ends.items()])
        return self._consumer

    def __exit__(self, *_: object) -> None:
        self._consumer.close()
