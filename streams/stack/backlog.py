"""How far consumer groups are behind, and how many records were refused, as the broker knows it."""

from collections.abc import Iterable, Mapping
from typing import Any

from streams.errors import VitalsError
from streams.settings import Settings
from streams.sink_batch import TOPICS as SINK_TOPICS
from streams.stack.probes import kafka_admin

GROUPS: Mapping[str, tuple[str, ...]] = {
    "vitals-groups": ("chat-events",),
    "vitals-identity": ("member-touches",),
    "vitals-attribution": ("purchases",),
    "vitals-sink": tuple(SINK_TOPICS),
}
"""Consumer group → the topics that it reads."""
DEAD_LETTERS = "dead-letters"
_LIMIT_S = 5.0


class Backlog:
    """One look at the broker: the ends of all topics, taken once. Raises VitalsError when it does not answer."""

    def __init__(self, settings: Settings) -> None:
        from confluent_kafka import KafkaException  # noqa: PLC0415
        from confluent_kafka.admin import OffsetSpec  # noqa: PLC0415

        self._admin = kafka_admin(settings)
        try:
            topics = self._admin.list_topics(timeout=_LIMIT_S).topics
            mine = {name: list(topic.partitions) for name, topic in topics.items() if not name.startswith("__")}
            self._begins = self._offsets(mine, OffsetSpec.earliest())
            self._ends = self._offsets(mine, OffsetSpec.latest())
        except KafkaException as error:
            raise VitalsError(f"no answer from {settings.kafka}: {error.args[0].str()}") from None

    def _offsets(self, topics: Mapping[str, Iterable[int]], spec: Any) -> dict[tuple[str, int], int]:
        from confluent_kafka import TopicPartition  # noqa: PLC0415

        wanted = {TopicPartition(name, number): spec for name, numbers in topics.items() for number in numbers}
        if not wanted:
            return {}
        futures = self._admin.list_offsets(wanted, request_timeout=_LIMIT_S)
        return {(at.topic, at.partition): future.result().offset for at, future in futures.items()}

    def lag(self, group: str) -> int:
        """Records that the group has yet to read and commit. Raises VitalsError."""
        committed = self._committed(group)
        places = [place for place in self._ends if place[0] in GROUPS[group]]
        return sum(max(0, self._ends[at] - max(committed.get(at, 0), self._begins[at])) for at in places)

    def _committed(self, group: str) -> dict[tuple[str, int], int]:
        from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException  # noqa: PLC0415

        asked = [ConsumerGroupTopicPartitions(group)]
        try:
            answer = self._admin.list_consumer_group_offsets(asked, request_timeout=_LIMIT_S)[group].result()
        except KafkaException as error:
            raise VitalsError(f"the broker does not say how far {group} is: {error.args[0].str()}") from None
        return {(at.topic, at.partition): at.offset for at in answer.topic_partitions if at.offset >= 0}

    def records(self, topic: str) -> int:
        """Records that the topic holds now, 0 if there is none such."""
        return sum(end - self._begins[at] for at, end in self._ends.items() if at[0] == topic)
