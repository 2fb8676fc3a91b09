"""The topic `dead-letters` read and written: the letters, and the acceptances that let a paused partition go on.

An acceptance is a record with the key `accept` on partition 0; a letter has no key.
"""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, TypeVar

import msgspec

from streams.dead_letters import ACCEPT, DeadLetter
from streams.settings import Settings
from streams.topics import NoKafkaError

TOPIC = "dead-letters"
T = TypeVar("T")
_ANSWER_S = 10.0


class Acceptance(msgspec.Struct, frozen=True):
    """Somebody has looked at the dead letters of a topic (None: of any) and its partition (None: each): go on."""

    topic: str | None = None
    partition: int | None = None

    def is_for(self, topic: str, partition: int) -> bool:
        """Whether it lets this partition go on."""
        return self.topic in (None, topic) and self.partition in (None, partition)


_letters = msgspec.json.Decoder(DeadLetter)
_acceptances = msgspec.json.Decoder(Acceptance)


def accept(settings: Settings, acceptance: Acceptance) -> None:
    """Send an acceptance; durable on return. Raises NoKafkaError."""
    from confluent_kafka import KafkaException, Producer  # noqa: PLC0415  as below: slow to import

    producer = Producer({"bootstrap.servers": settings.kafka, "message.timeout.ms": 8_000, "log_level": 0})
    try:
        producer.list_topics(TOPIC, timeout=_ANSWER_S)
    except KafkaException:
        raise NoKafkaError(settings.kafka) from None
    errors: list[Any] = []
    value = msgspec.json.encode(acceptance)
    producer.produce(TOPIC, value, ACCEPT, 0, on_delivery=lambda error, _: errors.append(error))
    producer.flush(_ANSWER_S)
    if errors != [None]:
        raise NoKafkaError(settings.kafka)


def accepted_since(settings: Settings, at: int) -> list[tuple[int, Acceptance]]:
    """Acceptances sent at `at` (ms) or later, each with its time. Raises NoKafkaError."""
    from confluent_kafka import TopicPartition  # noqa: PLC0415

    with _consumer(settings) as consumer:
        _, end = _range(consumer, 0)
        (start,) = consumer.offsets_for_times([TopicPartition(TOPIC, 0, at)], timeout=_ANSWER_S)
        return [
            (record.timestamp()[1], acceptance)
            for record in _read(consumer, {0: (start.offset, end)})
            if record.key() == ACCEPT and (acceptance := _decoded(_acceptances, record)) is not None
        ]


def latest(settings: Settings, limit: int) -> list[DeadLetter]:
    """The latest dead letters, oldest first. Raises NoKafkaError."""
    with _consumer(settings) as consumer:
        ranges = {partition: _range(consumer, partition) for partition in range(settings.partitions)}
        last = {partition: (max(first, end - limit), end) for partition, (first, end) in ranges.items()}
        records = [record for record in _read(consumer, last) if record.key() is None]
    letters = [letter for record in records if (letter := _decoded(_letters, record)) is not None]
    return sorted(letters, key=lambda letter: letter.at)[-limit:]


def _decoded(decoder: "msgspec.json.Decoder[T]", record: Any) -> T | None:
    """What a record holds; None for one that somebody else wrote here: it must stop no worker."""
    try:
        return decoder.decode(record.value() or b"")
    except ValueError:
        return None


@contextmanager
def _consumer(settings: Settings) -> Iterator[Any]:
    from confluent_kafka import Consumer, KafkaException  # noqa: PLC0415

    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka,
            "group.id": "vitals-letter-box",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
    )
    with closing(consumer):
        try:
            yield consumer
        except KafkaException:
            raise NoKafkaError(settings.kafka) from None


def _range(consumer: Any, partition: int) -> tuple[int, int]:
    from confluent_kafka import TopicPartition  # noqa: PLC0415

    first, end = consumer.get_watermark_offsets(TopicPartition(TOPIC, partition), timeout=_ANSWER_S)
    return first, end


def _read(consumer: Any, ranges: dict[int, tuple[int, int]]) -> Iterator[Any]:
    """Records of each partition from its start (-1: none) up to its end."""
    from confluent_kafka import TopicPartition  # noqa: PLC0415

    missing = {partition: span for partition, span in ranges.items() if 0 <= span[0] < span[1]}
    consumer.assign([TopicPartition(TOPIC, partition, start) for partition, (start, _) in missing.items()])
    deadline = time.monotonic() + _ANSWER_S
    while missing and time.monotonic() < deadline:
        for record in consumer.consume(500, 0.1):
            if record.error() is not None or record.partition() not in missing:
                continue
            end = missing[record.partition()][1]
            if record.offset() + 1 >= end:
                del missing[record.partition()]
            if record.offset() < end:
                yield record
