"""Workers alone, on a topic of their own: the core of the protocol, with a fold that notices any change of order.

They are killed, stopped past the session timeout, terminated and joined by another. Afterwards every value in the
changelog, every position and every output is compared with a fold of the same topic that nobody disturbed. Prints one
line of JSON; exits 1 on any difference.

    python -m tests.faults.toy --faults 20 --seed 1                    a toy fold
    python -m tests.faults.toy --log groups --input events.jsonl       a real fold, over `vitals import … --out` events
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from kafka.admin import NewTopic

from streams import settings as settings_module
from streams import topics
from streams.agents import AGENTS, Agent
from streams.app import run
from streams.settings import Settings
from streams.vitals.log import Log
from streams.vitals.rows import EVERY_PARTITION, Output
from tests.faults.crew import Crew, Role
from tests.toy_log import message, tick, toy_agent
from tests.undisturbed import compare

FAULTS = ("kill", "stop", "term", "join")
WORKERS = ("w1", "w2", "w3")
GUEST = "w4"
OUTPUT_TOPICS = (
    "rows", "group-vitals", "member-vitals", "group-insights", "alert-signals", "member-touches", "dead-letters",
)  # fmt: skip


class RenamedLog:
    """A log whose outputs go to topics of this run alone."""

    def __init__(self, log: Log, run_name: str) -> None:
        self.log, self.run_name = log, run_name
        self.restore, self.take_changed, self.partition_value = log.restore, log.take_changed, log.partition_value

    def fold(self, event: object, key: str, offset: int, arrived_at: int) -> list[Output]:
        outputs = self.log.fold(event, key, offset, arrived_at)
        return [msgspec.structs.replace(out, topic=f"{self.run_name}-{out.topic}") for out in outputs]


def agent_of(log: str, run_name: str) -> Agent:
    """The agent under test, on topics of this run alone."""
    if log == "toy":
        return toy_agent(run_name, f"{run_name}-events", f"{run_name}-rows")
    real = AGENTS[log]
    return dataclasses.replace(
        real, name=run_name, topic=f"{run_name}-events",
        new_log=lambda *where: RenamedLog(real.new_log(*where), run_name),
    )  # fmt: skip


def output_topics(run_name: str) -> list[str]:
    """Where the outputs of a run go."""
    return [f"{run_name}-{name}" for name in OUTPUT_TOPICS]


def create_topics(settings: Settings, agent: Agent, run_name: str, *, compaction: bool = True) -> None:
    """Fresh topics, the changelog compacted as eagerly as the broker can, so that a missing record is noticed."""
    eager = {"segment.ms": "10000", "segment.bytes": "1048576", "min.cleanable.dirty.ratio": "0.01"}
    changelog = {"cleanup.policy": "compact", "max.message.bytes": "16777216"} | (eager if compaction else {})
    names = [agent.topic, *output_topics(run_name)]
    new = [NewTopic(name, settings.partitions, 1) for name in names]
    new.append(NewTopic(agent.changelog_topic, settings.partitions, 1, topic_configs=changelog))
    with topics.admin(settings) as client:
        client.create_topics(new)
        while any(not found.has_leaders for found in topics.found(client, [t.name for t in new]).values()):
            time.sleep(0.1)


# --- producing


def toy_events(count: int, keys: int = 500) -> Iterator[tuple[bytes, bytes, int | None]]:
    """Key, value and partition; each key's seqs count 1, 2, 3, and now and then a tick."""
    seqs: Counter[str] = Counter()
    for number in range(count):
        key = f"toy/toy/g{(number * 7919) % keys if number % 3 else (number // 3) % 37:05d}"
        seqs[key] += 1
        yield key.encode(), message(key, seqs[key], number), None
        if number % 5000 == 4999:
            yield b"", tick(number), EVERY_PARTITION


def file_events(path: pathlib.Path) -> Iterator[tuple[bytes, bytes, int | None]]:
    """The events of a JSON-lines file; those without a group go to every partition."""
    with path.open("rb") as lines:
        for line in lines:
            group = msgspec.json.decode(line).get("group_id")
            yield (group.encode(), line.strip(), None) if group else (b"", line.strip(), EVERY_PARTITION)


class Feed(threading.Thread):
    """Produces events at a steady rate (0: as fast as it goes)."""

    def __init__(self, settings: Settings, topic: str, events: Iterable[tuple[bytes, bytes, int | None]], rate: float):
        super().__init__(daemon=True)
        self.settings, self.topic, self.events, self.rate = settings, topic, events, rate

    def run(self) -> None:
        producer = Producer(
            {"bootstrap.servers": self.settings.kafka, "enable.idempotence": True, "partitioner": "murmur2_random"}
        )
        started = time.monotonic()
        for number, (key, value, partition) in enumerate(self.events):
            every = range(self.settings.partitions) if partition == EVERY_PARTITION else [None]
            for target in every:
                while not self._produced(producer, key, value, target):
                    producer.poll(0.1)
            if self.rate and number % 100 == 0:
                producer.poll(0)
                time.sleep(max(0.0, started + number / self.rate - time.monotonic()))
        producer.flush()

    def _produced(self, producer: Producer, key: bytes, value: bytes, partition: int | None) -> bool:
        try:
            producer.produce(self.topic, value, key, *([] if partition is None else [partition]))
        except BufferError:
            return False
        return True


# --- workers and what befalls them


def workers_of(settings: Settings, log: str, run_name: str) -> Crew:
    """The workers of a run, three of them to be kept alive."""
    fields = ("home", "kafka", "partitions", "flush_events", "flush_seconds", "session_timeout", "chunk_records")
    env = os.environ | {f"VITALS_{field.upper()}": str(getattr(settings, field)) for field in fields}

    def role_of(name: str) -> Role:
        what = f"-m tests.faults.toy --work-as {name} --log {log} --run-name {run_name}"
        return Role((sys.executable, *what.split()), env)

    return Crew(settings.logs / run_name, role_of, WORKERS)


class Schedule:
    """Faults drawn by seed, each on a worker that no other fault has in its hands."""

    def __init__(self, workers: Crew, session_timeout: float, chance: random.Random) -> None:
        self.workers, self.session_timeout, self.chance = workers, session_timeout, chance
        self.counts: Counter[str] = Counter()
        self.threads: list[threading.Thread] = []

    def strike(self, fault: str) -> None:
        free = [name for name in WORKERS if name not in self.workers.busy and self.workers.is_alive(name)]
        name = GUEST if fault == "join" else self.chance.choice(free) if free else None
        if name is None or name in self.workers.busy:
            return
        self.counts[fault] += 1
        self.workers.busy.add(name)
        thread = threading.Thread(target=self._do, args=(fault, name, self.chance.uniform(0.5, 1.6)))
        thread.start()
        self.threads.append(thread)

    def _do(self, fault: str, name: str, share: float) -> None:
        workers = self.workers
        if fault == "kill":
            workers.kill(name)
            workers.start(name)
        elif fault == "stop":
            workers.pause(name)
            time.sleep(self.session_timeout * share)
            workers.wake(name)
        elif fault == "term":
            workers.term(name)
            workers.start(name)
        elif workers.is_alive(name):
            workers.term(name)
        else:
            workers.start(name)
        workers.busy.discard(name)

    def finish(self) -> None:
        for thread in self.threads:
            thread.join()


class Progress:
    """What is committed of what is there, and the longest time in which nothing moved though there was work."""

    def __init__(self, settings: Settings, agent: Agent) -> None:
        self.consumer = Consumer({"bootstrap.servers": settings.kafka, "group.id": agent.app_id})
        self.partitions = [TopicPartition(agent.topic, partition) for partition in range(settings.partitions)]
        self.longest_stall = 0.0
        self._moved_at, self._done = time.monotonic(), -1

    def look(self) -> tuple[int, int]:
        """Committed and existing records."""
        try:
            committed = sum(max(tp.offset, 0) for tp in self.consumer.committed(self.partitions, timeout=10))
            there = sum(self.consumer.get_watermark_offsets(tp, timeout=10)[1] for tp in self.partitions)
        except KafkaException:  # a topic this new has no leader yet
            return 0, -1
        now = time.monotonic()
        if committed > self._done or committed == there:
            self._moved_at, self._done = now, committed
        self.longest_stall = max(self.longest_stall, now - self._moved_at)
        return committed, there


# --- the whole


@dataclasses.dataclass(frozen=True)
class Plan:
    """One run. `rate` in events a second; `gap_s` between two faults, at least and at most."""

    log: str = "toy"
    input: pathlib.Path | None = None
    events: int = 200_000
    rate: float = 3000.0
    faults: int = 20
    seed: int = 1
    gap_s: tuple[float, float] = (2.0, 5.0)
    drain_s: float = 90.0


def disturb(settings: Settings, plan: Plan) -> dict[str, object]:
    """Run it; the result, whose `is_exact` says whether all is as it should be."""
    run_name = f"faults-{plan.log}-{plan.seed}-{int(time.time())}"
    agent = agent_of(plan.log, run_name)
    create_topics(settings, agent, run_name)
    workers, chance = workers_of(settings, plan.log, run_name), random.Random(plan.seed)
    schedule, progress = Schedule(workers, settings.session_timeout, chance), Progress(settings, agent)
    feed = Feed(settings, agent.topic, file_events(plan.input) if plan.input else toy_events(plan.events), plan.rate)
    for name in WORKERS:
        workers.start(name)
    try:
        feed.start()
        _let_it_rain(plan, schedule, progress, feed)
        is_drained = _drained(plan, workers, progress)
    finally:
        schedule.finish()
        during, workers.sigterm_seconds = workers.sigterm_seconds, []
        workers.stop_all()
    differences = compare(settings, agent, output_topics(run_name))
    is_exact = (
        is_drained
        and not workers.hung
        and not any(count for name, count in differences.items() if name not in ("values", "outputs"))
    )
    return {
        "is_exact": is_exact, "is_drained": is_drained, "seed": plan.seed, "faults": dict(schedule.counts),
        **differences, "died": workers.died, "hung": workers.hung, "sigterm_seconds": during,
        "last_sigterm_seconds": workers.sigterm_seconds, "longest_stall_s": round(progress.longest_stall, 1),
        "logs": str(settings.logs / run_name),
    }  # fmt: skip


def _let_it_rain(plan: Plan, schedule: Schedule, progress: Progress, feed: Feed) -> None:
    while not progress.look()[0]:
        schedule.workers.restart_dead()
        time.sleep(0.2)
    while sum(schedule.counts.values()) < plan.faults or feed.is_alive():
        until = time.monotonic() + schedule.chance.uniform(*plan.gap_s)
        while time.monotonic() < until:
            time.sleep(0.3)
            progress.look()
            schedule.workers.restart_dead()
        if sum(schedule.counts.values()) < plan.faults:
            schedule.strike(schedule.chance.choice(FAULTS))


def _drained(plan: Plan, workers: Crew, progress: Progress) -> bool:
    deadline = time.monotonic() + plan.drain_s
    while time.monotonic() < deadline:
        workers.restart_dead()
        committed, there = progress.look()
        if committed == there:
            return True
        time.sleep(0.3)
    return False


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--log", default="toy", choices=["toy", *AGENTS])
    options.add_argument("--input", type=pathlib.Path, help="JSON lines, instead of toy events")
    options.add_argument("--events", type=int, default=Plan.events)
    options.add_argument("--rate", type=float, default=Plan.rate)
    options.add_argument("--faults", type=int, default=Plan.faults)
    options.add_argument("--seed", type=int, default=Plan.seed)
    options.add_argument("--work-as", help=argparse.SUPPRESS)
    options.add_argument("--run-name", help=argparse.SUPPRESS)
    args = options.parse_args()
    settings = settings_module.load()
    if args.work_as:
        run(settings, agent_of(args.log, args.run_name), args.work_as)
    plan = Plan(args.log, args.input, args.events, args.rate, args.faults, args.seed)
    with contextlib.suppress(KeyboardInterrupt):
        result = disturb(settings, plan)
        print(json.dumps(result))  # noqa: T201
        sys.exit(not result["is_exact"])


if __name__ == "__main__":
    main()
