"""A topic read from its beginning, or from a time on, to its end as of now."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from streams.errors import VitalsError
from streams.kafka_access import librdkafka
from streams.patience import answered
from streams.settings import Settings
from streams.topics import NoKafkaError

_ANSWER_S = 10.0
_OPTIONS: dict[str, Any] = {
    "group.id": "vitals-topic-reader", "enable.auto.commit": False, "auto.offset.reset": "earliest",
    "enable.partition.eof": True, "log_level": 0,
}  # fmt: skip


def records(settings: Settings, topic: str) -> Iterator[tuple[bytes, bytes | None]]:
    """Key and value of every record, in order per key; value None is a tombstone. Records without a key are left out.

    Raises what `messages` raises.
    """
    return ((one.key(), one.value()) for one in messages(settings, topic) if one.key() is not None)


def messages(settings: Settings, topic: str, *, partition: int | None = None, since: int = 0) -> Iterator[Any]:
    """Every record of a topic, or of one partition, as Kafka's client gives it, in order per partition.

    `since` is in ms UTC. Commits nothing and joins no group. Raises NoKafkaError when Kafka does not answer or no more
    records come, VitalsError when it has no such topic.
    """
    from confluent_kafka import Consumer, KafkaException, TopicPartition  # noqa: PLC0415  slow to import

    with closing(Consumer(librdkafka(settings) | _OPTIONS)) as consumer:
        try:
            ends = _ends(consumer, topic, partition)
            starts = [TopicPartition(topic, number, since) for number in ends]
            if since:
                starts = consumer.offsets_for_times(starts, timeout=_ANSWER_S)
            unread = [at for at in starts if 0 <= at.offset < ends[at.partition]]
            consumer.assign(unread)
            yield from _read(consumer, {at.partition: ends[at.partition] for at in unread})
        except KafkaException:
            raise NoKafkaError(settings.kafka) from None


def between(access: Mapping[str, Any], topic: str, partition: int, start: int, end: int) -> list[Any] | None:
    """What is left of a partition's records from `start` to before `end`; None if Kafka does not answer in time.

    `access` is that of librdkafka.
    """
    from confluent_kafka import Consumer, KafkaException, TopicPartition  # noqa: PLC0415

    with closing(Consumer({**access, **_OPTIONS})) as consumer:
        try:
            consumer.assign([TopicPartition(topic, partition, start)])
            return list(_read(consumer, {partition: end}))
        except KafkaException:
            return None


def _ends(consumer: Any, topic: str, partition: int | None) -> dict[int, int]:
    """The end of each partition."""
    from confluent_kafka import KafkaException, TopicPartition  # noqa: PLC0415

    def ask() -> dict[int, int]:
        known = consumer.list_topics(topic, timeout=_ANSWER_S).topics[topic].partitions
        if not known:
            raise VitalsError(f"Kafka has no topic {topic}: create the topics with `vitals topics apply`")
        places = [TopicPartition(topic, number) for number in known if partition in (None, number)]
        return {at.partition: consumer.get_watermark_offsets(at, timeout=_ANSWER_S)[1] for at in places}

    return answered(ask, KafkaException, _ANSWER_S)


def _read(consumer: Any, ends: dict[int, int]) -> Iterator[Any]:
    """Up to the ends. The last record may be compacted away, so the end of a partition is told, not counted."""
    from confluent_kafka import KafkaError, KafkaException  # noqa: PLC0415

    unread, heard_at = set(ends), time.monotonic()
    while unread:
        for record in consumer.consume(1000, 0.1):
            heard_at = time.monotonic()
            error, number = record.error(), record.partition()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  the library has no public name for it
                    unread.discard(number)
                continue
            if record.offset() + 1 >= ends[number]:
                unread.discard(number)
            if record.offset() < ends[number]:
                yield record
        if time.monotonic() - heard_at > _ANSWER_S:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001
