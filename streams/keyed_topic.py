"""A topic read from its beginning to its end as of now."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from streams.errors import VitalsError
from streams.kafka_access import librdkafka
from streams.settings import Settings

_ANSWER_S = 10.0
_STALL_S = 30.0
_PAUSE_S = 0.2


def records(settings: Settings, topic: str) -> Iterator[tuple[bytes, bytes | None]]:
    """Key and value of every record, in order per key; value None is a tombstone. Records without a key are left out.

    Commits nothing and joins no group. Raises VitalsError when Kafka does not answer, or has no such topic.
    """
    from confluent_kafka import Consumer, TopicPartition  # noqa: PLC0415  slow to import

    servers = settings.kafka
    config = {**librdkafka(settings), "group.id": "vitals-keyed-topic", "enable.auto.commit": False,
              "auto.offset.reset": "earliest", "enable.partition.eof": True, "log_level": 0}  # fmt: skip
    with closing(Consumer(config)) as consumer:
        ends = _ends(consumer, servers, topic)
        consumer.assign([TopicPartition(topic, number, 0) for number in ends])
        yield from _read(consumer, ends, servers)


def _ends(consumer: Any, servers: str, topic: str) -> dict[int, int]:
    """The end of each partition. Asked again for a while: a broker that just started answers some things first."""
    from confluent_kafka import KafkaException, TopicPartition  # noqa: PLC0415

    deadline = time.monotonic() + _ANSWER_S
    while True:
        try:
            partitions = consumer.list_topics(topic, timeout=_ANSWER_S).topics[topic].partitions
            if not partitions:
                raise VitalsError(f"Kafka has no topic {topic}: create the topics with `vitals topics apply`")
            places = [TopicPartition(topic, number) for number in partitions]
            return {at.partition: consumer.get_watermark_offsets(at, timeout=_ANSWER_S)[1] for at in places}
        except KafkaException as error:
            if time.monotonic() > deadline:
                raise VitalsError(f"Kafka at {servers} does not answer: {error.args[0].str()}") from None
        time.sleep(_PAUSE_S)


def _read(consumer: Any, ends: dict[int, int], servers: str) -> Iterator[tuple[bytes, bytes | None]]:
    """Up to the ends. The last record may be compacted away, so the end of a partition is told, not counted."""
    from confluent_kafka import KafkaError  # noqa: PLC0415

    unread = {number for number, end in ends.items() if end}
    heard_at = time.monotonic()
    while unread:
        for record in consumer.consume(10_000, 0.5):
            heard_at = time.monotonic()
            error = record.error()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  the library has no public name for it
                    unread.discard(record.partition())
                continue
            end = ends[record.partition()]
            if record.offset() + 1 >= end:
                unread.discard(record.partition())
            if record.offset() < end and record.key() is not None:
                yield record.key(), record.value()
        if time.monotonic() - heard_at > _STALL_S:
            raise VitalsError(f"Kafka at {servers} stopped answering: see `vitals status`")
