"""librdkafka's consumer in the simulation, as far as the sink leans on it."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from faust.types import TP

from streams.sink_batch import TOPICS
from tests.simulation.broker import Kept, Refused

if TYPE_CHECKING:
    from tests.simulation.sinks import SinkProcess

GROUP = "vitals-sink"


class SimMessage(NamedTuple):
    """A consumed record, as confluent_kafka shows it."""

    tp: TP
    kept: Kept

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return self.tp.topic

    def partition(self) -> int:
        return self.tp.partition

    def offset(self) -> int:
        return self.kept.offset

    def timestamp(self) -> tuple[int, int]:
        return 1, self.kept.timestamp

    def key(self) -> bytes | None:
        return self.kept.key

    def value(self) -> bytes | None:
        return self.kept.value


class SimClient:
    """librdkafka's consumer: a static member of its group whose callbacks come from within consume and poll."""

    def __init__(self, process: "SinkProcess") -> None:
        self.process, self.world, self.broker = process, process.world, process.broker
        self.group = self.broker.group(GROUP, [name for name in TOPICS if name in self.broker.topics])
        self.generation = self.serial = -1
        self.owned: list[TP] = []
        self.positions: dict[TP, int | None] = {}
        self.held: set[TP] = set()
        self.stored: dict[TP, int] = {}
        self.done: dict[TP, int] = {}
        self._given: list[TP] | None = None
        self._is_to_revoke = False
        self._revoked = process.create_future()
        self._on_assign: Callable[..., None] | None = None

    # --- what the sink calls
    def subscribe(self, _: list[str], on_assign: Callable[..., None]) -> None:
        self._on_assign = on_assign
        self.process.spawn(self._membership())
        self.process.spawn(self._commit_each_second())

    def consume(self, count: int, timeout: float) -> list[SimMessage]:
        until = self.world.now + timeout
        while True:
            messages = self.process.block(self._consume(count, until))
            if messages is not None:
                return list(messages)
            assert self._on_assign is not None
            given, self._given = self._given or [], None
            self._on_assign(self, [TopicPartition(*tp) for tp in given])

    def poll(self, timeout: float) -> SimMessage | None:
        messages = self.consume(1, timeout)
        return messages[0] if messages else None

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.owned = [TP(it.topic, it.partition) for it in partitions]
        self.positions, self.stored, self.done, self.held = dict.fromkeys(self.owned), {}, {}, set()

    def assignment(self) -> list[TopicPartition]:
        return [TopicPartition(*tp) for tp in self.owned]

    def pause(self, partitions: list[TopicPartition]) -> None:
        self.held |= {TP(it.topic, it.partition) for it in partitions}

    def resume(self, partitions: list[TopicPartition]) -> None:
        self.held -= {TP(it.topic, it.partition) for it in partitions}

    def position(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        at = [(it, self.positions.get(TP(it.topic, it.partition))) for it in partitions]
        return [TopicPartition(it.topic, it.partition, -1001 if offset is None else offset) for it, offset in at]

    def committed(self, partitions: list[TopicPartition], **_: Any) -> list[TopicPartition]:
        """What the coordinator has, once it answers."""
        asked = self.process.request("committed", lambda: None, "coordinator")
        self.process.block(asked)
        return [
            TopicPartition(it.topic, it.partition, self.group.committed.get(TP(it.topic, it.partition), -1001))
            for it in partitions
        ]

    def get_watermark_offsets(self, partition: TopicPartition, **_: Any) -> tuple[int, int]:
        return 0, self.broker.log(TP(partition.topic, partition.partition)).end

    def store_offsets(self, offsets: list[TopicPartition]) -> None:
        for it in offsets:
            tp = TP(it.topic, it.partition)
            if tp not in self.owned:
                raise KafkaException(KafkaError(KafkaError._STATE))
            self.stored[tp] = it.offset

    def close(self) -> None:
        self.process.block(self._commit())

    # --- what goes on inside
    async def _consume(self, count: int, until: float) -> list[SimMessage] | None:
        """Messages, or None when partitions were given and the callback is due."""
        while True:
            if self._is_to_revoke:
                await self._commit()
                self.owned, self.positions, self.stored = [], {}, {}
                self._is_to_revoke = False
                if not self._revoked.done():
                    self._revoked.set_result(None)
            if self._given is not None:
                return None
            if messages := await self._fetch(count):
                return messages
            if self.world.now >= until:
                return []
            await asyncio.sleep(min(0.4, until - self.world.now))

    async def _fetch(self, count: int) -> list[SimMessage]:
        wanted = {tp: at for tp, at in self.positions.items() if tp not in self.held}
        if not wanted:
            return []
        found = await self.process.request("fetch", lambda: self._read(wanted, count))
        messages: list[SimMessage] = []
        for tp, (start, records) in found.items():
            if self.positions.get(tp, -1) != wanted[tp] or tp in self.held or self._is_to_revoke:
                continue
            self.positions[tp] = records[-1].offset + 1 if records else start
            messages += [SimMessage(tp, record) for record in records]
        return messages

    def _read(self, wanted: dict[TP, int | None], count: int) -> dict[TP, tuple[int, list[Kept]]]:
        found = {}
        for tp, at in wanted.items():
            start = self.group.committed.get(tp, 0) if at is None else at
            records = self.broker.log(tp).read(start, self.world.chance.randint(0, count))
            found[tp] = (start, records)
            count -= len(records)
        return found

    async def _membership(self) -> None:
        while True:
            joined = self.process.create_future()

            def join(joined: Any = joined) -> None:
                self.group.join(self.process.name, lambda *answer: self.world.at(
                    self.world.now + self.world.latency(),
                    lambda: self.process.is_alive and not joined.done() and joined.set_result(answer)))  # fmt: skip

            self.process.post(join, "coordinator")
            try:
                self.generation, self.serial, self._given = await asyncio.wait_for(joined, 12.0)
            except TimeoutError:
                continue
            await self._beat()
            self._is_to_revoke, self._given = True, None
            self._revoked = self.process.create_future()
            await self._revoked

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(1.5)
            try:
                await self.process.request(
                    "heartbeat", lambda: self.group.heartbeat(self.process.name, self.serial, self.generation),
                    "coordinator",
                )  # fmt: skip
            except Refused as refused:
                if str(refused) == "fenced":
                    self.process.kill()
                return

    async def _commit_each_second(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            await self._commit()

    async def _commit(self) -> None:
        offsets = {tp: at for tp, at in self.stored.items() if self.done.get(tp) != at}
        if not offsets:
            return
        serial, generation = self.serial, self.generation
        try:
            await self.process.request(
                "commit", lambda: self.group.commit(self.process.name, serial, generation, offsets), "coordinator"
            )
        except Refused:
            return
        self.done |= offsets
