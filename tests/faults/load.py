"""What a round brings: a small simulated fleet, imported in pieces that overlap, live talk, repeats and noise.

All of a round lies under brands of its own, whose names begin with the round's `prefix`, so that it can be told apart
on a stack that other rounds have used.
"""

import pathlib
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple
from zlib import crc32

import msgspec
from confluent_kafka import Producer
from kafka.partitioner.default import murmur2

from streams import events as e
from streams.identities import MemberIdentity
from streams.settings import Settings
from streams.simulate.fleet import Fleet
from streams.vitals.policy import DAY_MS, HOUR_MS
from tests.faults.crew import ROOT
from tests.faults.stage import Stage

FLEET_GROUPS, FLEET_DAYS, QUIET_DAYS = 8, 110, 43
"""Half of the groups fall silent, each on a day of its own, so many days before the end at the latest: the first days
on which a group is surely dying, so that some alerts are history and some are not."""
PIECES = ((0.0, 0.6), (0.4, 0.9), (0.5, 1.0))
"""The shares of its days that each import brings, in this order: they overlap."""
BAD_LINES = 5
LIVE_GROUPS = 24
REPEATED = 0.02
"""The share of live messages that a connector sends again."""
GIVEN_UP = 3
"""So often an import may say that it gives up; it waits for a minute before."""
NOISE_EVERY = 1000
"""Far below the share of refused records at which a partition stands still."""
REST_LIMIT_S = 400.0


class Piece(NamedTuple):
    """A file to import and the name of its import."""

    path: pathlib.Path
    source: str


class Brought(msgspec.Struct):
    """What has been brought, each event once: by id what was sent, and by group how many messages it said."""

    event_ids: set[str] = msgspec.field(default_factory=set)
    purchase_ids: set[str] = msgspec.field(default_factory=set)
    messages: Counter[str] = msgspec.field(default_factory=Counter)
    bad_lines: set[tuple[str, int]] = msgspec.field(default_factory=set)
    noise: int = 0


class Load:
    """The load of one round. It goes on until it is told to `finish`, so that faults always meet work."""

    def __init__(self, stage: Stage, prefix: str, seed: int, rate: float) -> None:
        self.stage, self.prefix, self.rate = stage, prefix, rate
        self.brought = Brought()
        self.chance = Random(seed)
        self._next_signal = seed
        self._folder = stage.settings.home / "faults" / "load" / prefix
        self._said: set[str] = set()
        self._pieces = self._write_fleet(seed)
        self._over = threading.Event()
        self._is_importing, self._is_wanted = threading.Event(), threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._import_all, self._talk)]
        self._importer: subprocess.Popen[bytes] | None = None
        self.errors: list[str] = []

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Stop talking, and wait until all imports are done and all that was said is on the log."""
        self._over.set()
        deadline = time.monotonic() + REST_LIMIT_S
        for thread in self._threads:
            thread.join(max(0.1, deadline - time.monotonic()))
            if thread.is_alive():
                self.errors.append("the load did not come to an end")

    # --- the fleet, by importers

    def _write_fleet(self, seed: int) -> list[Piece]:
        self._folder.mkdir(parents=True, exist_ok=True)
        end = datetime.now(UTC).date() - timedelta(days=1)
        fleet = Fleet(FLEET_GROUPS, FLEET_DAYS, seed, end)
        brands = {plan.brand.brand_id for plan in fleet.plans}
        quiet = {plan.group_id: FLEET_DAYS - QUIET_DAYS - turn for turn, plan in enumerate(fleet.plans) if turn % 2}
        days = [
            self._encoded([event for event in events if not _is_unsaid(event, day, quiet)], brands)
            for day, events in enumerate(fleet.days_of_events())
        ]
        return [self._write(number, days, share) for number, share in enumerate(PIECES)]

    def _encoded(self, events: list[e.Event], brands: set[str]) -> list[bytes]:
        lines = []
        for event in self._with_shoppers(events):
            line = e.encode(event)
            for brand in brands:
                line = line.replace(brand.encode(), f"{self.prefix}{brand}".encode())
            lines.append(line)
            self._note(event, msgspec.json.decode(line))
        return lines

    def _with_shoppers(self, events: list[e.Event]) -> Iterator[e.Event]:
        """One buyer in three is known to the shop by another id, which half of their orders tell, early or late."""
        for event in events:
            if not isinstance(event, e.Purchase | e.Refund) or crc32(event.customer_id.encode()) % 3:
                yield event
                continue
            member, customer = event.customer_id, f"shop-{event.customer_id}"
            if self.chance.random() < 0.5:
                yield e.IdentityLinked(
                    event_id=f"link/{member}", occurred_at=event.occurred_at, brand_id=event.brand_id,
                    platform=event.platform, member_id=member, customer_id=customer,
                )  # fmt: skip
            yield msgspec.structs.replace(event, customer_id=customer)

    def _note(self, event: e.Event, line: dict[str, str]) -> None:
        if isinstance(event, e.IdentityLinked):
            return
        if isinstance(event, e.Purchase | e.Refund):
            self.brought.purchase_ids.add(line["event_id"])
        else:
            self.brought.event_ids.add(line["event_id"])
        if isinstance(event, e.Message) and event.role == "member":
            self._said.add(event.event_id)
            self.brought.messages[line["group_id"]] += 1
        elif isinstance(event, e.Recall) and event.target in self._said:
            self._said.remove(event.target)
            self.brought.messages[line["group_id"]] -= 1

    def _write(self, number: int, days: list[list[bytes]], share: tuple[float, float]) -> Piece:
        begin, end = (round(part * len(days)) for part in share)
        lines = [line for day in days[begin:end] for line in day]
        piece = Piece(self._folder / f"piece-{number}.jsonl", f"{self.prefix}piece-{number}")
        for _ in range(BAD_LINES):
            at = self.chance.randrange(len(lines))
            lines.insert(at, b'{"type":"message","event_id":')
        bad = [number for number, line in enumerate(lines, 1) if line.endswith(b":")]
        self.brought.bad_lines |= {(f"{piece.source}:{piece.path.name}", line) for line in bad}
        piece.path.write_bytes(b"\n".join(lines) + b"\n")
        return piece

    def _import_all(self) -> None:
        """Each piece until it is through, and after that some again, as often as somebody wants to kill an import."""
        for piece in self._pieces:
            self._import_to_the_end(piece)
        while not self._over.wait(0.1):
            if self._is_wanted.is_set():
                self._import_to_the_end(self.chance.choice(self._pieces), "--again")

    def _import_to_the_end(self, piece: Piece, *options: str) -> None:
        """As its user would: what was killed, or gave up as Kafka was away for too long, is begun again."""
        tries = 0
        while (code := self._import(piece, *options)) != 0:
            tries += code != -9
            if tries > GIVEN_UP:
                self.errors.append(f"an import of {piece.source} ended with {code}, {tries} times")
                return

    def _import(self, piece: Piece, *options: str) -> int:
        """Import a piece, or go on with it; how the process ended."""
        what = ["import", "jsonl", str(piece.path), "--source", piece.source, *options]
        command = [sys.executable, "-m", "streams", *what]
        with (self.stage.settings.logs / "importer.log").open("ab") as log:
            self._importer = subprocess.Popen(
                command, env=self.stage.environment(), cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self.stage.importers.append(self._importer)
        self._is_importing.set()
        code = self._importer.wait()
        self._is_importing.clear()
        return code

    def kill_importer(self, after_s: float) -> bool:
        """Kill an import some time after it began; it is begun again. False if none could be caught."""
        self._is_wanted.set()
        try:
            for _ in range(5):
                if self._is_importing.wait(10.0) and self._importer is not None and self._is_caught(after_s):
                    return True
            return False
        finally:
            self._is_wanted.clear()

    def _is_caught(self, after_s: float) -> bool:
        victim = self._importer
        assert victim is not None
        try:
            victim.wait(after_s)
        except subprocess.TimeoutExpired:
            victim.kill()
            return True
        return False

    # --- live talk

    def _talk(self) -> None:
        """Messages at the rate in groups on every partition; now and then one again, and some noise."""
        settings = self.stage.settings
        producer = Producer(
            {"bootstrap.servers": settings.kafka, "enable.idempotence": True, "partitioner": "murmur2_random",
             "message.timeout.ms": 0, "linger.ms": 20, "log_level": 0}
        )  # fmt: skip
        groups = live_groups(settings, f"{self.prefix}live/live/g")
        self._say_who(producer)
        self._connect(producer, groups[0], age_ms=2 * DAY_MS)
        seqs: Counter[str] = Counter()
        started, number = time.monotonic(), 0
        while not self._over.is_set():
            group = groups[number % len(groups)]
            seqs[group] += 1
            value = self._message(group, seqs[group], number)
            for _ in range(2 if self.chance.random() < REPEATED else 1):
                self._produce(producer, "chat-events", value, group.encode())
            number += 1
            if number % NOISE_EVERY == 7:
                self._make_noise(producer, self.chance.randrange(100), groups)
            producer.poll(0)
            self._over.wait(max(0.0, started + number / self.rate - time.monotonic()))
        self._connect(producer, groups[0], age_ms=0)
        while producer.flush(1.0) and time.monotonic() < started + REST_LIMIT_S + 300:
            pass
        self.brought.messages.update(seqs)

    def _produce(self, producer: Producer, topic: str, value: bytes | None, key: bytes, **where: int) -> None:
        while True:
            try:
                producer.produce(topic, value, key, **where)
                return
            except BufferError:
                producer.poll(0.1)

    def _message(self, group: str, seq: int, number: int) -> bytes:
        message = e.Message(
            event_id=f"{group}/{seq}", occurred_at=time.time_ns() // 1_000_000, brand_id=f"{self.prefix}live",
            platform="live", group_id=group, member_id=f"{self.prefix}m{number % 97}", source=f"{self.prefix}talk",
            source_seq=seq, source_prev=seq - 1, text_len=number % 1000,
        )  # fmt: skip
        self.brought.event_ids.add(message.event_id)
        return e.encode(message)

    def _connect(self, producer: Producer, group: str, age_ms: int) -> None:
        """A connector that watches live says how far it saw: two days ago it went blind, and now it sees again."""
        at = time.time_ns() // 1_000_000 - age_ms
        source, brand = f"{self.prefix}camera", f"{self.prefix}live"
        join = e.Join(
            event_id=f"{group}/join/{at}", occurred_at=at - HOUR_MS, brand_id=brand, platform="live", group_id=group,
            member_id=f"{self.prefix}m0", source=source, source_seq=at,
        )  # fmt: skip
        self.brought.event_ids.add(join.event_id)
        self._produce(producer, "chat-events", e.encode(join), group.encode(), timestamp=at)
        complete = e.SourceComplete(
            event_id=f"complete/{source}/{at}", occurred_at=at, brand_id=brand, platform="live", source=source,
            complete_until=at, is_live=True,
        )  # fmt: skip
        self.brought.event_ids.add(complete.event_id)
        for partition in range(self.stage.settings.partitions):
            self._produce(producer, "chat-events", e.encode(complete), b"", partition=partition, timestamp=at)

    def _say_who(self, producer: Producer) -> None:
        for number in range(6):
            who = MemberIdentity(
                member_id=f"{self.prefix}m{number}", brand_id=f"{self.prefix}live", platform="live",
                raw_id=f"raw-{number}", name=f"Member {number}", at=time.time_ns() // 1_000_000,
            )  # fmt: skip
            self._produce(producer, "member-identities", msgspec.json.encode(who), who.member_id.encode())
        self._produce(producer, "member-identities", None, f"{self.prefix}m5".encode())

    def _make_noise(self, producer: Producer, number: int, groups: list[str]) -> None:
        """One record that nobody can take in; seldom enough that no partition stands still.

        So few signals come to a partition in a round that chance alone could spoil more than 1 % of them.
        """
        good = self._message(groups[0], 10**6 + number, number)
        self.brought.event_ids.discard(f"{groups[0]}/{10**6 + number}")
        ahead = msgspec.json.encode(msgspec.json.decode(good) | {"occurred_at": time.time_ns() // 1_000_000 + DAY_MS})
        noise = [
            ("chat-events", good[: len(good) // 2]),
            ("chat-events", good.replace(b'"message"', b'"massage"')),
            ("purchases", b'{"type":"purchase","amount":-1}'),
            ("chat-events", ahead),
            ("member-touches", b"\xff\xfe"),
            ("group-vitals", b"[]"),
            ("group-insights", b"[]"),
            ("chat-events", good.replace(b'"member_id":"', b'"member_id":"\\u0000')),
            ("alert-signals", b"{}"),
        ]
        topic, value = noise[number % len(noise)]
        self.brought.noise += 1
        where = {}
        if topic == "alert-signals":
            where["partition"] = self._next_signal % self.stage.settings.partitions
            self._next_signal += 1
        self._produce(producer, topic, value, groups[number % len(groups)].encode(), **where)
        self._produce(producer, "chat-events", good, f"somebody-else-{number}".encode())
        self.brought.noise += 1


def _is_unsaid(event: e.Event, day: int, quiet: dict[str, int]) -> bool:
    """Whether it is a message of a group that is quiet by then."""
    return isinstance(event, e.Message) and day >= quiet.get(event.group_id, FLEET_DAYS)


def live_groups(settings: Settings, stem: str) -> list[str]:
    """Groups in turn on each partition, so that all of them always have work."""
    found: list[list[str]] = [[] for _ in range(settings.partitions)]
    each, number = LIVE_GROUPS // settings.partitions, 0
    while any(len(groups) < each for groups in found):
        name = f"{stem}{number:04d}"
        number += 1
        home = found[(murmur2(name.encode()) & 0x7FFFFFFF) % settings.partitions]
        if len(home) < each:
            home.append(name)
    return [groups[turn] for turn in range(each) for groups in found]
