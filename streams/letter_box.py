"""The topic `dead-letters` read and written: the letters, and the acceptances that let a paused partition go on.

An acceptance is a record with the key `accept` on partition 0; a letter has no key.
"""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import msgspec

from streams.dead_letters import DeadLetter
from streams.settings import Settings
from streams.topics import NoKafkaError

TOPIC = "dead-letters"
ACCEPT = b"accept"
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
    from confluent_kafka import Producer  # noqa: PLC0415  as below: slow to import

    producer = Producer({"bootstrap.servers": settings.kafka, "message.timeout.ms": 8_000, "log_level": 0})
    errors: list[Any] = []
    value = msgspec.json.encode(acceptance)
    producer.produce(TOPIC, value, ACCEPT, 0, on_delivery=lambda error, _: errors.append(error))
    producer.flush(_ANSWER_S)
    if errors != [None]:
        raise NoKafkaError(settings.kafka)


def accepted_since(settings: Settings, at: int) -> list[tuple[int, Acceptance]]:
    """Acceptances sent at `at` (ms) or later, each with its time."""
    from confluent_kafka import TopicPartition  # noqa: PLC0415

    with closing(_consumer(settings)) as consumer:
        _watermarks(settings, consumer, 0)
        (start,) = consumer.offsets_for_times([TopicPartition(TOPIC, 0, at)], timeout=_ANSWER_S)
        return [
            (record.timestamp()[1], _acceptances.decode(record.value()))
            for record in _read(consumer, 0, start.offset)
            if record.key() == ACCEPT
        ]


def latest(settings: Settings, limit: int) -> list[DeadLetter]:
    """The latest dead letters, oldest first. Raises NoKafkaError."""
    letters = []
    with closing(_consumer(settings)) as consumer:
        for partition in range(settings.partitions):
            _, end = _watermarks(settings, consumer, partition)
            records = _read(consumer, partition, max(0, end - limit))
            letters += [_letters.decode(record.value()) for record in records if record.key() is None]
    return sorted(letters, key=lambda letter: letter.at)[-limit:]


def _consumer(settings: Settings) -> Any:
    from confluent_kafka import Consumer  # noqa: PLC0415

    return Consumer(
        {
            "bootstrap.servers": settings.kafka,
            "group.id": "vitals-letter-box",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
    )


def _watermarks(settings: Settings, consumer: Any, partition: int) -> tuple[int, int]:
    from confluent_kafka import KafkaException, TopicPartition  # noqa: PLC0415

    try:
        first, end = consumer.get_watermark_offsets(TopicPartition(TOPIC, partition), timeout=_ANSWER_S)
    except KafkaException:
        raise NoKafkaError(settings.kafka) from None
    return first, end


def _read(consumer: Any, partition: int, start: int) -> Iterator[Any]:
    """Records from `start` (-1: the end) to where the partition ends now."""
    from confluent_kafka import TopicPartition  # noqa: PLC0415

    first, end = consumer.get_watermark_offsets(TopicPartition(TOPIC, partition), timeout=_ANSWER_S)
    at = max(start, first)
    if start < 0 or at >= end:
        return
    consumer.assign([TopicPartition(TOPIC, partition, at)])
    deadline = time.monotonic() + _ANSWER_S
    while at < end and time.monotonic() < deadline:
        for record in consumer.consume(500, 0.5):
            if record.error() is None:
                at = record.offset() + 1
                yield record
