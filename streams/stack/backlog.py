"""How far consumer groups are behind, and how many records were refused, as the broker knows it."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from streams.errors import VitalsError
from streams.patience import answered
from streams.settings import Settings
from streams.sink_batch import TOPICS as SINK_TOPICS
from streams.stack import probes

GROUPS: Mapping[str, tuple[str, ...]] = {
    "vitals-groups": ("chat-events",),
    "vitals-identity": ("member-touches",),
    "vitals-attribution": ("purchases",),
    "vitals-alerts": ("alert-signals",),
    "vitals-sink": tuple(SINK_TOPICS),
}
"""Consumer group → the topics that it reads."""
DEAD_LETTERS = "dead-letters"
LOOK_EVERY_S = 0.25
_CALL_S, _LIMIT_S = 5.0, 10.0
SHORT_S = 2.5
"""Of a look for somebody who waits for it. A question may take twice as long: the last try begins in time."""
T = TypeVar("T")


class NoAnswerError(VitalsError):
    """No broker answers a question in time; `why` is what the last try came to."""

    def __init__(self, servers: str, why: str) -> None:
        super().__init__(f"Kafka at {servers} does not answer ({why}), see `vitals status`")
        self.why = why


class Backlog:
    """One look at the broker: the ends of all topics, taken once. Raises NoAnswerError."""

    def __init__(self, settings: Settings, limit_s: float = _LIMIT_S) -> None:
        """Each question is asked again for `limit_s`."""
        from confluent_kafka.admin import OffsetSpec  # noqa: PLC0415  20 ms that `--help` need not pay

        self._settings, self._limit_s, self._call_s = settings, limit_s, min(limit_s, _CALL_S)
        self._admin = probes.kafka_admin(settings)
        topics = self._ask(lambda: self._admin.list_topics(timeout=self._call_s).topics)
        mine = {name: list(topic.partitions) for name, topic in topics.items() if not name.startswith("__")}
        self._begins = self._offsets(mine, OffsetSpec.earliest())
        self._ends = self._offsets(mine, OffsetSpec.latest())

    def _ask(self, question: Callable[[], T]) -> T:
        from confluent_kafka import KafkaException  # noqa: PLC0415

        try:
            return answered(question, KafkaException, self._limit_s)
        except KafkaException as error:
            raise NoAnswerError(self._settings.kafka, error.args[0].str()) from None

    def _offsets(self, topics: Mapping[str, Iterable[int]], spec: Any) -> dict[tuple[str, int], int]:
        from confluent_kafka import TopicPartition  # noqa: PLC0415

        wanted = {TopicPartition(name, number): spec for name, numbers in topics.items() for number in numbers}
        if not wanted:
            return {}

        def question() -> dict[tuple[str, int], int]:
            futures = self._admin.list_offsets(wanted, request_timeout=self._call_s)
            return {(at.topic, at.partition): future.result().offset for at, future in futures.items()}

        return self._ask(question)

    def lag(self, group: str, topics: Iterable[str] | None = None) -> int:
        """Records that the group has yet to read and commit, of some topics or of all its own. Raises NoAnswerError."""
        wanted = GROUPS[group] if topics is None else tuple(topics)
        places = [place for place in self._ends if place[0] in wanted]
        committed = self._ask(lambda: self._committed(group, places))
        return sum(max(0, self._ends[at] - max(committed[at], self._begins[at])) for at in places)

    def lags(self, group: str, topics: Iterable[str] | None = None) -> Iterator[int]:
        """The lag, again and again until the group has committed all that stood there at this look."""
        while lag := self.lag(group, topics):
            yield lag
            time.sleep(LOOK_EVERY_S)

    def _committed(self, group: str, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """What the group has committed, below 0 where nothing.

        Asked by a consumer that never joins. The admin client's own question ends the process (a null pointer in
        rd_kafka_cgrp_op) when the broker, as one that just started may, answers that another coordinates the group.
        """
        from confluent_kafka import Consumer, TopicPartition  # noqa: PLC0415

        consumer = Consumer(probes.kafka_config(self._settings) | {"group.id": group, "enable.auto.commit": False})
        try:
            found = consumer.committed([TopicPartition(*place) for place in places], timeout=self._call_s)
        finally:
            consumer.close()
        return {(at.topic, at.partition): at.offset for at in found}

    def records(self, topic: str) -> int:
        """Records that the topic holds now, 0 if there is none such."""
        return sum(end - self._begins[at] for at, end in self._ends.items() if at[0] == topic)
