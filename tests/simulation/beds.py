"""Two beds for one contract: Kafka in memory and the real one, seen as what workers and sinks lean on."""

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer
from confluent_kafka import KafkaError as ClientError
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from faust.types import TP
from kafka.admin import NewTopic

from streams import topic_reader, topics
from streams.kafka_access import librdkafka
from streams.settings import Settings
from tests.simulation.broker import SESSION_S, Broker, Refused
from tests.simulation.world import Process, World

PARTITIONS, SEGMENT_MS = 2, 100
WAIT_S = 60.0
Entry = tuple[int, bytes | None, bytes | None]
"""Offset, key and value."""


class Member(Protocol):
    """A member of the group, a process of its own."""

    def owns(self, partitions: set[int]) -> None:
        """Wait until exactly these partitions are its own."""

    def take(self, partition: int) -> list[int]:
        """The offsets that it reads, from what is committed to the end."""

    def commit(self, partition: int, offset: int) -> bool:
        """Whether the coordinator takes it, under the generation that the member believes in."""

    def freeze(self) -> None:
        """Stop it, as SIGSTOP does."""

    def leave(self) -> None:
        """Let it leave the group in order."""


class Bed(Protocol):
    """A broker with one topic of PARTITIONS partitions, compacted, and one group that reads it."""

    session_s: float

    def append(self, partition: int, key: bytes, value: bytes | None) -> int:
        """The offset of a record, once it is durable."""

    def read(self, partition: int) -> list[Entry]:
        """All that is there."""

    def between(self, partition: int, start: int, end: int) -> list[Entry]:
        """What is left from `start` to before `end`."""

    def end(self, partition: int) -> int:
        """The next offset."""

    def compact(self, newest: bytes) -> None:
        """Append a newest record of this key without a value to partition 0, compact what is older, wait for it."""

    def remake(self) -> None:
        """Delete the topic and make it again."""

    def topic_id(self) -> bytes: ...

    def member(self, name: str, *, is_static: bool = False) -> Member:
        """Start a member."""


# --- in memory


class MemoryBed:
    """The broker of the simulation."""

    session_s = SESSION_S

    def __init__(self) -> None:
        self.world = World(1, [])
        self.broker = Broker(self.world)
        self.broker.make("log", PARTITIONS)
        self.count = 0

    def append(self, partition: int, key: bytes, value: bytes | None) -> int:
        return self.broker.append(TP("log", partition), key, value)

    def read(self, partition: int) -> list[Entry]:
        return [(it.offset, it.key, it.value) for it in self.broker.log(TP("log", partition)).records]

    def between(self, partition: int, start: int, end: int) -> list[Entry]:
        return [it for it in self.read(partition) if start <= it[0] < end]

    def end(self, partition: int) -> int:
        return self.broker.log(TP("log", partition)).end

    def compact(self, newest: bytes) -> None:
        self.append(0, newest, None)
        for log in self.broker.topics["log"].logs:
            log.compact(log.end - 1)

    def remake(self) -> None:
        self.broker.make("log", PARTITIONS)

    def topic_id(self) -> bytes:
        return self.broker.topics["log"].topic_id

    def member(self, name: str, *, is_static: bool = False) -> "MemoryMember":
        self.count += 1
        return MemoryMember(self, name if is_static else f"{name}-{self.count}")

    def close(self) -> None: ...


class MemoryMember(Process):
    """A member that does nothing but stay one."""

    def __init__(self, bed: MemoryBed, name: str) -> None:
        super().__init__(bed.world, name)
        self.bed, self.group = bed, bed.broker.group("group", ["log"])
        self.generation = self.serial = -1
        self.owned: set[int] = set()
        self.spawn(self._stay())

    async def _stay(self) -> None:
        while True:
            joined = self.create_future()
            self.group.join(self.name, lambda *answer: self.call_soon(joined.set_result, answer))  # noqa: B023
            self.generation, self.serial, tps = await joined
            self.owned = {tp.partition for tp in tps}
            try:
                while True:
                    await asyncio.sleep(1.0)
                    await self.request("heartbeat", self._beat)
            except Refused:
                continue

    def _beat(self) -> None:
        self.group.heartbeat(self.name, self.serial, self.generation)

    def owns(self, partitions: set[int]) -> None:
        self.world.run(lambda: self.owned == partitions, 60, f"{self.name} does not get {partitions}")

    def take(self, partition: int) -> list[int]:
        start = self.group.committed.get(TP("log", partition), 0)
        return [record.offset for record in self.bed.broker.log(TP("log", partition)).read(start)]

    def commit(self, partition: int, offset: int) -> bool:
        try:
            self.group.commit(self.name, self.serial, self.generation, {TP("log", partition): offset})
        except Refused:
            return False
        return True

    def freeze(self) -> None:
        self.pause()

    def leave(self) -> None:
        self.kill()
        self.group.leave(self.name, self.serial)


# --- Kafka


class KafkaBed:
    """The real one, by the clients that workers and sinks use."""

    session_s = 6.0

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.topic = f"contract-{uuid.uuid4().hex[:8]}"
        self.members: list[KafkaMember] = []
        self.make()

    def make(self) -> None:
        eager = {"cleanup.policy": "compact", "segment.ms": str(SEGMENT_MS), "min.cleanable.dirty.ratio": "0.001"}
        with topics.admin(self.settings) as client:
            client.create_topics([NewTopic(self.topic, PARTITIONS, 1, topic_configs=eager)])
            self._await(lambda: self.topic in (it := topics.found(client, [self.topic])) and it[self.topic].has_leaders)

    def _await(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def append(self, partition: int, key: bytes, value: bytes | None) -> int:
        told: list[int] = []
        producer = Producer({"bootstrap.servers": self.settings.kafka, "enable.idempotence": True, "linger.ms": 0})
        producer.produce(self.topic, value, key, partition, on_delivery=lambda _, it: told.append(it.offset()))
        producer.flush(WAIT_S)
        return told[0]

    def read(self, partition: int) -> list[Entry]:
        consumer = Consumer(
            {"bootstrap.servers": self.settings.kafka, "group.id": "reads", "enable.partition.eof": True}
        )
        consumer.assign([Place(self.topic, partition, OFFSET_BEGINNING)])
        entries: list[Entry] = []
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:  # errors may come before: not each broker knows of a new topic at once
            it = consumer.poll(0.5)
            if it is None or ((error := it.error()) and error.code() != ClientError._PARTITION_EOF):
                continue
            if error:
                break
            entries.append((it.offset(), it.key(), it.value()))
        consumer.close()
        return entries

    def between(self, partition: int, start: int, end: int) -> list[Entry]:
        found = topic_reader.between(librdkafka(self.settings), self.topic, partition, start, end)
        assert found is not None
        return [(it.offset(), it.key(), it.value()) for it in found]

    def end(self, partition: int) -> int:
        consumer = Consumer({"bootstrap.servers": self.settings.kafka, "group.id": "reads"})
        end = consumer.get_watermark_offsets(Place(self.topic, partition), WAIT_S)[1]
        consumer.close()
        return int(end)

    def compact(self, newest: bytes) -> None:
        """The segment in use is never compacted: the first record after its time closes it."""
        time.sleep(2 * SEGMENT_MS / 1000)
        self.append(0, newest, None)
        self._set_pause(100)
        try:
            self._await(lambda: all(self._is_compact(partition) for partition in range(PARTITIONS)))
        finally:
            self._set_pause(15_000)

    def _set_pause(self, milliseconds: int) -> None:
        """How long the cleaner of the stack's node rests; at once."""
        pause = ConfigEntry("log.cleaner.backoff.ms", str(milliseconds), incremental_operation=AlterConfigOpType.SET)
        node = ConfigResource(ResourceType.BROKER, "1", incremental_configs=[pause])
        admin = AdminClient({"bootstrap.servers": self.settings.kafka})
        admin.incremental_alter_configs([node])[node].result(WAIT_S)

    def _is_compact(self, partition: int) -> bool:
        older = [key for _, key, _ in self.read(partition)][:-1]
        return len(older) == len(set(older))

    def remake(self) -> None:
        with topics.admin(self.settings) as client:
            client.delete_topics([self.topic])
            self._await(lambda: self.topic not in topics.found(client, [self.topic]))
        self.make()

    def topic_id(self) -> bytes:
        with topics.admin(self.settings) as client:
            return topics.found(client, [self.topic])[self.topic].topic_id

    def member(self, name: str, *, is_static: bool = False) -> "KafkaMember":
        self.members.append(KafkaMember(self, name if is_static else None))
        return self.members[-1]

    def close(self) -> None:
        for member in self.members:
            member.end()


class KafkaMember:
    """An aiokafka consumer in a thread, whose loop is held up while it is frozen."""

    def __init__(self, bed: KafkaBed, instance: str | None) -> None:
        self.bed = bed
        self.loop = asyncio.new_event_loop()
        self._may_run = threading.Event()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.consumer = self._do(self._start(instance))

    async def _start(self, instance: str | None) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            self.bed.topic, bootstrap_servers=self.bed.settings.kafka, group_id=self.bed.topic,
            group_instance_id=instance, enable_auto_commit=False, session_timeout_ms=6000, heartbeat_interval_ms=500,
            auto_offset_reset="earliest", metadata_max_age_ms=1000,
        )  # fmt: skip
        await consumer.start()
        return consumer

    def _do(self, coro: Coroutine[Any, Any, Any]) -> Any:
        done: Future[Any] = asyncio.run_coroutine_threadsafe(coro, self.loop)
        return done.result(WAIT_S)

    def owns(self, partitions: set[int]) -> None:
        self.bed._await(lambda: {tp.partition for tp in self.consumer.assignment()} == partitions)

    def take(self, partition: int) -> list[int]:
        return list(self._do(self._take(TopicPartition(self.bed.topic, partition))))

    async def _take(self, tp: TopicPartition) -> list[int]:
        start, end = await self.consumer.committed(tp) or 0, (await self.consumer.end_offsets([tp]))[tp]
        self.consumer.seek(tp, start)
        offsets: list[int] = []
        while (offsets[-1] + 1 if offsets else start) < end:
            offsets += [it.offset for it in (await self.consumer.getmany(tp, timeout_ms=200)).get(tp, [])]
        return offsets

    def commit(self, partition: int, offset: int) -> bool:
        self._may_run.set()
        try:
            self._do(self.consumer.commit({TopicPartition(self.bed.topic, partition): offset}))
        except KafkaError:
            return False
        return True

    def freeze(self) -> None:
        self._may_run.clear()
        self.loop.call_soon_threadsafe(self._may_run.wait)

    def leave(self) -> None:
        self._do(self.consumer.stop())
        self.end()

    def end(self) -> None:
        """Stop without a word to the group."""
        self._may_run.set()
        if self._thread.is_alive():
            self._do(self._drop())
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(5)
            self.loop.close()

    async def _drop(self) -> None:
        """End what the consumer does in the background: what is collected unfinished makes Python complain later."""
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
