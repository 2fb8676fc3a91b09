"""What workers left in Kafka, compared with a fold of the same topic that nobody disturbed."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from streams import topics
from streams.agents import Agent, absorb
from streams.dead_letter_limit import Limit
from streams.positions import load
from streams.settings import Settings

Sent = tuple[str, bytes, bytes]
"""Topic, key and value of an output."""


class Read(msgspec.Struct):
    """A record read back, as the fold takes it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def read_topic(settings: Settings, topic: str) -> Iterator[Read]:
    """All records of a topic, in order per partition."""
    consumer = Consumer(
        {"bootstrap.servers": settings.kafka, "group.id": "reads-all", "enable.auto.commit": False,
         "enable.partition.eof": True, "auto.offset.reset": "earliest", "fetch.wait.max.ms": 10}
    )  # fmt: skip
    consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(settings.partitions)])
    ended = 0
    while ended < settings.partitions:
        for got in consumer.consume(5000, 0.3):
            if got.error():
                ended += 1
            else:
                yield Read(topic, got.partition(), got.offset(), got.timestamp()[1], got.key(), got.value())
    consumer.close()


def undisturbed(
    settings: Settings, agent: Agent, topic_id: bytes, chunk: int = 700
) -> tuple[dict[str, bytes], dict[int, tuple[int, bytes]], set[Sent]]:
    """Values by key, next offset and partition value by partition, and outputs, of one fold in one piece."""
    values: dict[str, bytes] = {}
    positions: dict[int, tuple[int, bytes]] = {}
    outputs: set[Sent] = set()
    by_partition: dict[int, list[Read]] = {}
    for record in read_topic(settings, agent.topic):
        by_partition.setdefault(record.partition, []).append(record)
    for partition, records in by_partition.items():
        log = agent.new_log(partition, agent.origin(partition, topic_id), settings.partitions)
        log.restore(None, {})
        for at in range(0, len(records), chunk):
            some = records[at : at + chunk]
            made, end, _ = absorb(some, agent, log, Limit(), partition=partition, end=some[-1].offset + 1)
            outputs.update((out.topic, out.key.encode(), msgspec.json.encode(out.value)) for out in made)
        values |= log.take_changed()
        positions[partition] = (end, log.partition_value())
    return values, positions, outputs


def compare(settings: Settings, agent: Agent, output_topics: Iterable[str]) -> dict[str, int]:
    """How many values, positions and outputs are missing or differ."""
    with topics.admin(settings) as client:
        topic_id = topics.found(client, [agent.topic])[agent.topic].topic_id
    values, positions, outputs = undisturbed(settings, agent, topic_id)
    stored: dict[int, dict[bytes, bytes]] = {partition: {} for partition in range(settings.partitions)}
    for record in read_topic(settings, agent.changelog_topic):
        if record.value is None:
            stored[record.partition].pop(record.key, None)
        else:
            stored[record.partition][record.key] = record.value
    loaded = {partition: load(records, topic_id) for partition, records in stored.items()}
    found_values = {key: value for part in loaded.values() for key, value in part.values.items()}
    found_positions = {
        partition: (part.position.next_offset, part.position.partition_value)
        for partition, part in loaded.items()
        if part.position
    }
    found_outputs = {
        (record.topic, record.key or b"", record.value)
        for name in output_topics
        for record in read_topic(settings, name)
    }
    return {
        "values": len(values),
        "values_wrong": _differences(values, found_values),
        "positions_wrong": _differences(positions, found_positions),
        "outputs": len(outputs),
        "outputs_missing": len(outputs - found_outputs),
        "outputs_strange": len(found_outputs - outputs),
    }


def _differences(wanted: Mapping[object, object], have: Mapping[object, object]) -> int:
    return sum(wanted.get(key) != have.get(key) for key in wanted.keys() | have.keys())
