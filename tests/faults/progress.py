"""How far every consumer group is, as the broker knows it: who lags, and when which partition moved on.

By kafka-python: librdkafka's admin client ends the process now and then when the broker goes away under a question.
"""

import contextlib
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import KafkaError

from streams.sampling import TOPIC as METRICS
from streams.settings import Settings
from streams.stack.backlog import GROUPS
from streams.topics import declared
from streams.worker_status import read_all

READS = {group: tuple(topic for topic in topics if topic != METRICS) for group, topics in GROUPS.items()}
"""What each group must have read to the end. Metrics come each minute, and may be lost with their part."""
Place = tuple[str, int]
"""Topic and partition."""
_CALL_MS = 5000
_LOOK_S = 0.1
_TOLD_EVERY_S = 1.0
_AFTER_S = 0.3
"""A commit that was on its way when its worker was killed is not yet somebody else's."""


class NoAnswerError(Exception):
    """The broker did not answer."""


class Progress:
    """Answers of a client that never joins, one per thread."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._mine = threading.local()

    @contextlib.contextmanager
    def _admin(self) -> Iterator[Any]:
        """This thread's client; another one after a failure. Raises NoAnswerError."""
        try:
            if not hasattr(self._mine, "client"):
                self._mine.client = KafkaAdminClient(
                    bootstrap_servers=self.settings.kafka, request_timeout_ms=_CALL_MS, bootstrap_timeout_ms=_CALL_MS
                )
            yield self._mine.client
        except (KafkaError, OSError, ValueError, AttributeError) as error:
            client = self._mine.__dict__.pop("client", None)
            with contextlib.suppress(Exception):
                client.close()
            raise NoAnswerError(repr(error)) from None

    def committed(self, group: str) -> dict[Place, int]:
        """The committed offset of each partition that has one. Raises NoAnswerError."""
        with self._admin() as admin:
            answer = admin.list_group_offsets(group)[group]
        return {tuple(at): said.offset for at, said in answer.items() if said.offset >= 0}

    def ends(self, topics: Collection[str]) -> dict[Place, int]:
        """The end of each partition. Raises NoAnswerError."""
        wanted = {TopicPartition(*place): OffsetSpec.LATEST for place in places_of(self.settings, topics)}
        with self._admin() as admin:
            return {tuple(at): said.offset for at, said in admin.list_partition_offsets(wanted).items()}

    def lag(self) -> dict[str, int]:
        """Records to go per group. All commits are read before any end: no lag means that nothing is on its way.

        An agent commits a record only after what it made of it is delivered, so whoever has committed all that there
        was later on has nothing left to say. Raises NoAnswerError.
        """
        committed = {group: self.committed(group) for group in READS}
        ends = self.ends({topic for topics in READS.values() for topic in topics})
        return {
            group: sum(max(0, end - committed[group].get(at, 0)) for at, end in ends.items() if at[0] in topics)
            for group, topics in READS.items()
        }

    def _described(self, groups: Collection[str]) -> dict[str, Any]:
        try:
            with self._admin() as admin:
                found: dict[str, Any] = admin.describe_groups(list(groups))
                if any(said.get("error") for said in found.values()):  # a client never asks anew where a group is kept
                    raise ValueError("a group has moved to another broker")
        except NoAnswerError:
            return {}
        return found

    def members(self) -> set[str]:
        """The groups that are stable and whose every member has partitions."""
        return {
            group
            for group, said in self._described(READS).items()
            if said["group_state"] == "Stable" and all(_places(member) for member in said["members"])
        }

    def owned(self, group: str, instance: str) -> set[Place]:
        """The partitions of a static member; none while the group is between two generations."""
        said = self._described([group]).get(group, {"members": []})
        return {
            place
            for member in said["members"]
            if member["group_instance_id"] == instance
            for place in _places(member)
            if not place[0].endswith("-changelog")
        }

    def moved_after(self, group: str, places: Collection[Place], limit_s: float) -> tuple[float, float]:
        """Seconds from now until each of these partitions was folded further, and until it was committed further.

        The limit stands for whatever takes longer. Means something only while records come in on all of them. How far
        workers have folded they say each second.
        """
        started, since = time.monotonic(), time.time()
        before = self._positions(group, since)
        after = [dict[Place, float](), dict[Place, float]()]
        while (seconds := time.monotonic() - started) < limit_s and min(map(len, after)) < len(places):
            now = self._positions(group, since)
            if seconds < _AFTER_S:
                before = (before[0] | now[0], before[1] | now[1])
            for times, was, is_ in zip(after, before, now, strict=True):
                for at in set(places) - times.keys():
                    if is_.get(at, -1) > was.get(at, -1):
                        times[at] = seconds
            time.sleep(_LOOK_S)
        folded, committed = (max(times.values()) if len(times) == len(places) else limit_s for times in after)
        return folded, committed

    def _positions(self, group: str, since: float) -> tuple[dict[Place, int], dict[Place, int]]:
        """How far each partition is folded by somebody who said so `since` then, else at all; and committed."""
        folded: dict[Place, int] = {}
        said = [status for status in read_all(self.settings) if group == f"vitals-{status.agent}"]
        for status in sorted(said, key=lambda status: status.at):
            if status.at > since or status.at > time.time() - 2 * _TOLD_EVERY_S:
                folded |= {(status.topic, number): one.next for number, one in status.partitions.items()}
        try:
            return folded, self.committed(group)
        except NoAnswerError:
            return folded, {}


def places_of(settings: Settings, topics: Collection[str]) -> list[Place]:
    """All partitions of these topics."""
    of = declared(settings)
    return [(topic, partition) for topic in topics for partition in range(of[topic].partitions)]


def _places(member: Mapping[str, Any]) -> set[Place]:
    assigned = (member["member_assignment"] or {}).get("assigned_partitions", ())
    return {(of["topic"], partition) for of in assigned for partition in of["partitions"]}
