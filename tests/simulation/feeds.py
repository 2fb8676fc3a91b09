"""What comes in: importers that die in the middle and say some of it again, and a ticker."""

import asyncio
import random
from collections import Counter

from faust.types import TP

from streams import events
from tests.simulation.broker import Broker
from tests.simulation.world import EPOCH_MS, Process, World
from tests.toy_log import message, tick

Sendable = tuple[TP, bytes, bytes]


class Feed(Process):
    """An importer: sends its records in order, and after a crash again what was not acknowledged."""

    def __init__(self, world: World, broker: Broker, name: str, records: list[Sendable], rate: float):
        super().__init__(world, name)
        self.broker, self.records, self.rate = broker, records, rate
        self.sent = 0
        self.spawn(self._run())

    @property
    def is_done(self) -> bool:
        return self.sent >= len(self.records)

    async def _run(self) -> None:
        while not self.is_done:
            await asyncio.sleep(self.world.chance.random() * 2 / self.rate)
            some = self.records[self.sent : self.sent + self.world.chance.randint(1, 4)]
            for tp, key, value in some:
                self.post(lambda tp=tp, key=key, value=value: self.broker.append(tp, key, value), tp)
            for lane in sorted({tp for tp, _, _ in some}):
                await self.request("sent", lambda: None, lane)
            self.sent += len(some)


def renamed(key: str, seq: int, number: int) -> bytes:
    """A group that gets another name."""
    return events.encode(
        events.GroupRenamed(
            event_id=f"e{number}", occurred_at=1_700_000_000_000 + number, brand_id="toy", platform="toy",
            group_id=key, source="toy", source_seq=seq, name=f"name {number}",
        )
    )  # fmt: skip


class Ticker(Process):
    """A tick to every partition, each second; now and then twice."""

    def __init__(self, world: World, broker: Broker, name: str, topic: str, external: set[bytes]) -> None:
        super().__init__(world, name)
        self.broker, self.topic, self.external = broker, topic, external
        self.is_done = False
        self.spawn(self._run())

    async def _run(self) -> None:
        while not self.is_done:
            await asyncio.sleep(1.5)
            value = tick(self.broker.now_ms() - EPOCH_MS)
            self.external.add(value)
            for tp in self.broker.partitions([self.topic]):
                for _ in range(1 + (self.world.chance.random() < 0.1)):
                    self.post(lambda tp=tp, value=value: self.broker.append(tp, b"", value), tp)


def small_talk(chance: random.Random, broker: Broker, topic: str, count: int) -> list[list[Sendable]]:
    """What two importers will send: messages of eight groups, now and then a rename or noise, maybe much noise."""
    seqs: Counter[str] = Counter()
    sets: list[list[Sendable]] = [[], []]
    is_noisy = chance.random() < 0.3
    for number in range(count):
        feed = number % 2
        key = f"g{feed}{chance.randrange(4)}"
        seqs[key] += 1
        value = message(key, seqs[key], number)
        if chance.random() < 0.05:
            value = renamed(key, seqs[key], number)
        if chance.random() < 0.03 or (is_noisy and count // 2 <= number < count // 2 + 12):
            value = b"noise %d" % number
        sets[feed].append((TP(topic, broker.target(topic, key.encode())), key.encode(), value))
    return sets
