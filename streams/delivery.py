"""Records on their way to Kafka, through librdkafka: in order, once per attempt, and durable when we say so."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams.flush import Record
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
_encode = msgspec.json.Encoder().encode


class UndeliverableError(Exception):
    """Kafka will never take a record: the process must end before it commits."""


class _Line:
    """A producer whose flush runs in a thread of its own, so that the event loop lives while it waits."""

    def __init__(self, servers: str, **options: Any) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="delivery")
        self._error: str | None = None
        self._is_cut_off = False
        options = {"bootstrap.servers": servers, "on_delivery": self.reported, "error_cb": self._failed} | options
        options = _COMMON | options
        self.producer = Producer(options)

    def reported(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._error = self._error or f"{message.topic()}/{message.partition()}: {error.str()}"

    def _failed(self, error: KafkaError) -> None:
        self._is_cut_off = self._is_cut_off or error.code() == KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001  its public name

    async def is_cut_off(self) -> bool:
        """Whether no broker answers; while there is doubt, a broker is asked."""
        self.producer.poll(0)
        if self._is_cut_off:
            self._is_cut_off = not await asyncio.to_thread(self._answers)
        return self._is_cut_off

    def _answers(self) -> bool:
        try:
            self.producer.list_topics("", timeout=_PROBE_S)
        except KafkaException:
            return False
        return True

    async def flush(self) -> None:
        """Return once all is delivered; raise UndeliverableError if some never will be."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self.producer.flush)
        if self._error:
            raise UndeliverableError(self._error)

    async def put(self, produce: Callable[[], None]) -> None:
        """Produce; when the queue is full, first wait until it is empty."""
        try:
            produce()
        except BufferError:
            await self.flush()
            produce()
        except KafkaException as error:
            raise UndeliverableError(error.args[0].str()) from None


class OutputLine:
    """Outputs: many and small. Only failures are reported back: a callback for each would cost more than the fold."""

    def __init__(self, servers: str, partitions: int) -> None:
        self.line = _Line(servers, **{"compression.type": "lz4", "delivery.report.only.error": True})
        self._every = range(partitions)

    async def send(self, outputs: Iterable[Output]) -> None:
        """Put outputs on their way, each as JSON, in order per partition."""
        for output in outputs:
            value, key = _encode(output.value), output.key.encode()
            if output.partition == EVERY_PARTITION:
                for partition in self._every:
                    await self._send(output.topic, key, value, partition)
            else:
                await self._send(output.topic, key, value, output.partition)

    async def _send(self, topic: str, key: bytes, value: bytes, partition: int | None) -> None:
        if partition is not None:
            await self.line.put(lambda: self.line.producer.produce(topic, value, key, partition))
        else:
            await self.line.put(lambda: self.line.producer.produce(topic, value, key or None))

    async def delivered(self) -> None:
        """Return once all that was sent is durable."""
        if len(self.line.producer):
            await self.line.flush()


class ChangelogLine:
    """Changelog records: few and large, compressed already; where each came to lie matters."""

    def __init__(self, servers: str, topic: str) -> None:
        self.line = _Line(servers)
        self._topic = topic

    async def write(self, records: Sequence[Record]) -> list[int]:
        """Return the offsets of the records, in their order, once all are durable."""
        offsets = [-1] * len(records)
        for index, record in enumerate(records):
            await self._put(record, offsets, index)
        await self.line.flush()
        return offsets

    async def _put(self, record: Record, offsets: list[int], index: int) -> None:
        def reported(error: KafkaError | None, message: Message) -> None:
            self.line.reported(error, message)
            offsets[index] = message.offset()

        await self.line.put(
            lambda: self.line.producer.produce(
                self._topic, record.value, record.key, record.partition, on_delivery=reported
            )
        )
