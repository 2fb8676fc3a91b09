"""Records on their way to Kafka, through librdkafka: in order, once per attempt, and durable when we say so."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams import kafka_access, topic_reader
from streams.flush_needs import Record
from streams.vitals.rows import EVERY_PARTITION, Output

MAX_RECORD_BYTES = 16 << 20
_COMMON: dict[str, Any] = {
    "enable.idempotence": True,
    "partitioner": "murmur2_random",  # as Kafka's other clients choose partitions
    "message.max.bytes": MAX_RECORD_BYTES,
    "message.timeout.ms": 0,  # wait for a stopped broker, however long it takes
    "linger.ms": 50,  # a flush does not wait for it
    "queue.buffering.max.messages": 500_000,
    "queue.buffering.max.kbytes": 512 << 10,
    "log_level": 0,
}
_PROBE_S = 2.0
_ANY = -1
"""The partition that the key chooses, or without one chance: librdkafka's word for it."""
_BY_KEY = (_ANY,)
_encode = msgspec.json.Encoder().encode


class UndeliverableError(Exception):
    """Kafka will never take a record: the process must end before it commits."""


class Line:
    """A producer whose flush runs in a thread of its own, so that the event loop lives while it waits."""

    def __init__(self, access: Mapping[str, Any], **options: Any) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="delivery")
        self._error: str | None = None
        self._is_cut_off = False
        options = {**access, "on_delivery": self.reported, "error_cb": self._failed} | options
        options = _COMMON | options
        self.producer = Producer(options)

    def reported(self, error: KafkaError | None, message: Message) -> None:
        """Hear whether Kafka took a record."""
        if error is not None:
            self._error = self._error or f"{message.topic()}/{message.partition()}: {error.str()}"

    def _failed(self, error: KafkaError) -> None:
        self._is_cut_off = self._is_cut_off or error.code() == KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001  its public name

    async def is_cut_off(self) -> bool:
        """Whether no broker answers; while there is doubt, a broker is asked."""
        self.producer.poll(0)
        if self._is_cut_off:
            self._is_cut_off = not await asyncio.to_thread(self.is_answered)
        return self._is_cut_off

    def is_answered(self) -> bool:
        """Whether a broker answers; blocks for as long as it takes, two seconds at most."""
        return kafka_access.is_answered(self.producer, "", _PROBE_S)

    async def flush(self) -> None:
        """Return once all is delivered; raise UndeliverableError if some never will be.

        An empty queue says only that all was answered, perhaps with a refusal that `is_cut_off` was told of.
        """
        if len(self.producer):
            await asyncio.get_running_loop().run_in_executor(self._thread, self.producer.flush)
        if self._error:
            raise UndeliverableError(self._error)

    async def make_room(self, error: Exception) -> None:
        """After a failed `produce`: wait until the full queue is empty, or raise what cannot be waited for."""
        if isinstance(error, KafkaException):
            raise UndeliverableError(error.args[0].str()) from None
        await self.flush()


class OutputLine:
    """Outputs: many and small. Only failures are reported back: a callback for each would cost more than the fold."""

    def __init__(self, access: Mapping[str, Any], partitions: int) -> None:
        self.line = Line(access, **{"compression.type": "lz4", "delivery.report.only.error": True})
        self._every = range(partitions)

    async def send(self, outputs: Iterable[Output]) -> None:
        """Put outputs on their way, each as JSON, in order per partition."""
        produce = self.line.producer.produce
        for output in outputs:
            value, key, where = _encode(output.value), output.key, output.partition
            for target in _BY_KEY if where is None else self._targets(where):
                try:
                    produce(output.topic, value, key if key or target != _ANY else None, target)
                except (BufferError, KafkaException) as error:
                    await self.line.make_room(error)
                    produce(output.topic, value, key if key or target != _ANY else None, target)

    def _targets(self, partition: int) -> Iterable[int]:
        return self._every if partition == EVERY_PARTITION else (partition,)

    async def delivered(self) -> None:
        """Return once all that was sent is durable."""
        await self.line.flush()


class ChangelogLine:
    """Changelog records: few and large, compressed already; where each came to lie matters."""

    def __init__(self, access: Mapping[str, Any], topic: str) -> None:
        self.line = Line(access)
        self._access, self._topic = access, topic

    async def write(self, records: Sequence[Record]) -> list[int]:
        """Return the offsets of the records, in their order, once all are durable."""
        offsets = [-1] * len(records)
        produce = self.line.producer.produce
        for index, (partition, key, value) in enumerate(records):
            reported = self._reporter(offsets, index)
            try:
                produce(self._topic, value, key, partition, on_delivery=reported)
            except (BufferError, KafkaException) as error:
                await self.line.make_room(error)
                produce(self._topic, value, key, partition, on_delivery=reported)
        await self.line.flush()
        return offsets

    async def read(self, partition: int, start: int, end: int) -> list[Record] | None:
        """What is left of the records from `start` to before `end`; None if Kafka does not answer in time."""
        found = await asyncio.to_thread(topic_reader.between, self._access, self._topic, partition, start, end)
        return None if found is None else [Record(partition, one.key(), one.value()) for one in found]

    def _reporter(self, offsets: list[int], index: int) -> Callable[[KafkaError | None, Message], None]:
        def reported(error: KafkaError | None, message: Message) -> None:
            self.line.reported(error, message)
            offsets[index] = message.offset()

        return reported
