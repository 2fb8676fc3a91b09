"""What workers left in Kafka, compared with a fold of the same topic that nobody disturbed."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from streams import topics
from streams.agents import Agent, absorb
from streams.dead_letter_limit import Limit
from streams.positions import Loaded, load
from streams.settings import Settings
from streams.vitals.log import Log
from streams.vitals.rows import Output

Sent = tuple[str, bytes, bytes]
"""Topic, key and value of an output."""
Place = tuple[str, int]
"""Topic and partition."""


class Read(msgspec.Struct):
    """A record read back, as the fold takes it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def read_on(settings: Settings, starts: Mapping[Place, int]) -> Iterator[Read]:
    """All records from these offsets to the ends as of now, in order per partition."""
    consumer = Consumer(
        {"bootstrap.servers": settings.kafka, "group.id": "reads-all", "enable.auto.commit": False,
         "enable.partition.eof": True, "auto.offset.reset": "earliest", "fetch.wait.max.ms": 10, "log_level": 0}
    )  # fmt: skip
    consumer.assign([TopicPartition(topic, partition, at) for (topic, partition), at in starts.items()])
    ended: set[Place] = set()
    while len(ended) < len(starts):
        for got in consumer.consume(5000, 0.3):
            if got.error():
                ended.add((got.topic(), got.partition()))
            else:
                yield Read(got.topic(), got.partition(), got.offset(), got.timestamp()[1], got.key(), got.value())
    consumer.close()


def read_topic(settings: Settings, topic: str) -> Iterator[Read]:
    """All records of a topic, in order per partition."""
    return read_on(settings, {(topic, p): OFFSET_BEGINNING for p in range(settings.partitions)})


class Fold:
    """One agent's topic folded in one piece, as far as it was fed: what workers must come to, whatever befalls them."""

    def __init__(self, settings: Settings, agent: Agent, chunk: int = 700) -> None:
        self.settings, self.agent, self.chunk = settings, agent, chunk
        self.topic_id = id_of(settings, agent)
        self.values: dict[str, bytes] = {}
        self.ends: dict[int, int] = {}
        self._logs: dict[int, tuple[Log, Limit]] = {}

    def feed(self, records: Iterable[Read]) -> set[Sent]:
        """Fold records, in order per partition; their outputs."""
        by_partition: dict[int, list[Read]] = {}
        for record in records:
            by_partition.setdefault(record.partition, []).append(record)
        outputs: set[Sent] = set()
        for partition, of_partition in by_partition.items():
            for at in range(0, len(of_partition), self.chunk):
                made = self._absorb(partition, of_partition[at : at + self.chunk])
                outputs.update((out.topic, out.key.encode(), msgspec.json.encode(out.value)) for out in made)
            self.values |= self._logs[partition][0].take_changed()
        return outputs

    def _absorb(self, partition: int, records: list[Read]) -> list[Output]:
        log, limit = self._logs.get(partition) or self._open(partition)
        end = records[-1].offset + 1
        made, self.ends[partition], _ = absorb(records, self.agent, log, limit, partition=partition, end=end)
        return made

    def _open(self, partition: int) -> tuple[Log, Limit]:
        origin = self.agent.origin(partition, self.topic_id)
        log = self.agent.new_log(partition, origin, self.settings.partitions)
        log.restore(None, {})
        self._logs[partition] = log, Limit()
        return self._logs[partition]

    @property
    def positions(self) -> dict[int, tuple[int, bytes]]:
        """Next offset and partition value by partition."""
        return {partition: (end, self._logs[partition][0].partition_value()) for partition, end in self.ends.items()}


class Stored:
    """A changelog as far as it was read, its records by table key as compaction would keep them."""

    def __init__(self, partitions: int, topic_id: bytes) -> None:
        self._records: dict[int, dict[bytes, bytes]] = {partition: {} for partition in range(partitions)}
        self._topic_id = topic_id

    def feed(self, records: Iterable[Read]) -> None:
        """Take in changelog records, in order per partition."""
        for record in records:
            of_partition = self._records[record.partition]
            if record.value is None:
                of_partition.pop(record.key or b"", None)
            else:
                of_partition[record.key or b""] = record.value

    def loaded(self) -> dict[int, Loaded]:
        """As a worker would load each partition."""
        return {partition: load(records, self._topic_id) for partition, records in self._records.items()}

    def left_over(self) -> int:
        """Records of older writers of keys that a later one has written as well."""
        return sum(len(keys) - 1 for part in self.loaded().values() for keys in part.written.values())


def id_of(settings: Settings, agent: Agent) -> bytes:
    """The id of the agent's topic."""
    with topics.admin(settings) as client:
        return topics.found(client, [agent.topic])[agent.topic].topic_id


def compare_values(fold: Fold, stored: Stored) -> dict[str, list[object]]:
    """The keys whose values differ, and the partitions whose positions do."""
    loaded = stored.loaded()
    values = {key: value for part in loaded.values() for key, value in part.values.items()}
    positions = {
        partition: (part.position.next_offset, part.position.partition_value)
        for partition, part in loaded.items()
        if part.position
    }
    return {"values_wrong": _differing(fold.values, values), "positions_wrong": _differing(fold.positions, positions)}


def compare(settings: Settings, agent: Agent, output_topics: Iterable[str]) -> dict[str, int]:
    """How many values, positions and outputs are missing or differ."""
    fold = Fold(settings, agent)
    outputs = fold.feed(read_topic(settings, agent.topic))
    stored = Stored(settings.partitions, fold.topic_id)
    stored.feed(read_topic(settings, agent.changelog_topic))
    found = {
        (record.topic, record.key or b"", record.value)
        for name in output_topics
        for record in read_topic(settings, name)
    }
    differing = compare_values(fold, stored)
    return {
        "values": len(fold.values),
        "values_wrong": len(differing["values_wrong"]),
        "positions_wrong": len(differing["positions_wrong"]),
        "outputs": len(outputs),
        "outputs_missing": len(outputs - found),
        "outputs_strange": len(found - outputs),
    }


def _differing(wanted: Mapping[object, object], have: Mapping[object, object]) -> list[object]:
    return [key for key in wanted.keys() | have.keys() if wanted.get(key) != have.get(key)]
