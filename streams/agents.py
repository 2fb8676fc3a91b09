"""The agents as data: which topic each folds, what it decodes, and which log folds it. And the loop that does."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec

from streams import events
from streams.dead_letter_limit import Limit
from streams.edge import LOOKED_INTO, KeyOf, Record, RefusedError, refuse, take_in
from streams.events import FUTURE_TOLERANCE_MS, MAX_EVENT_BYTES, NOBODY, Event
from streams.vitals.log import Log
from streams.vitals.rows import Output

DEAD_LETTERS = "dead-letters"
TABLE = "state"
_BACKSLASH = 0x5C
"""No null without one. Sought as a number, as to seek bytes in bytes costs an exception inside of Python 3.11."""


@dataclass(frozen=True)
class Agent:
    """One Faust app: it folds `topic`, partition by partition, each with a log of its own."""

    name: str
    topic: str
    decode: Callable[[bytes], Event]
    key_of: KeyOf
    new_log: Callable[[int, str, int], Log]
    """From partition, origin, and the number of partitions that every keyed topic has."""

    @cached_property
    def plain(self) -> KeyOf:
        """Of `key_of` the types of which no more need be looked at than shape, time and key."""
        return {kind: key_of for kind, key_of in self.key_of.items() if kind not in LOOKED_INTO}

    @property
    def app_id(self) -> str:
        """Faust's app id, which is the consumer group."""
        return f"vitals-{self.name}"

    @property
    def changelog_topic(self) -> str:
        """As Faust names the changelog of the agent's one table."""
        return f"{self.app_id}-{TABLE}-changelog"

    def origin(self, partition: int, topic_id: bytes) -> str:
        """The `source` of what this agent derives from a partition; a topic made again is another origin."""
        return f"{self.name}/{self.topic}/{partition}/{UUID(bytes=topic_id)}"


def absorb(
    records: Sequence[Record], agent: Agent, log: Log, limit: Limit, *, partition: int, end: int
) -> tuple[list[Output], int, int]:
    """Fold records in order. The outputs, the next offset, and how many records were refused.

    The next offset is `end`, or less if the limit of dead letters was passed. The checks here only find out that
    something may be wrong; `take_in` finds what. This is the hot loop: 1 µs here is a tenth of the throughput.
    """
    decode, key_of, plain, fold = agent.decode, agent.key_of, agent.plain, log.fold
    outputs: list[Output] = []
    refused = 0
    for record in records:
        try:
            value, arrived_at = record.value, record.timestamp
            event = decode(value)  # type: ignore[arg-type]
            key = record.key.decode()  # type: ignore[union-attr]
            own_key = plain.get(type(event))
            if (
                own_key is None
                or own_key(event) != key
                or event.occurred_at > arrived_at + FUTURE_TOLERANCE_MS
                or (_BACKSLASH in value and b"u0000" in value)  # type: ignore[operator]
                or NOBODY in key
                or len(value) > MAX_EVENT_BYTES  # type: ignore[arg-type]
            ):
                event, key = take_in(record, decode, key_of)
        except (ValueError, AttributeError, TypeError, RecursionError, RefusedError):
            try:
                event, key = take_in(record, decode, key_of)
            except RefusedError as error:
                letter = refuse(record, agent.topic, partition, error)
                outputs.append(Output(topic=DEAD_LETTERS, key=letter.letter_id, value=letter))
                refused += 1
                if limit.refused(record.offset, int(time.time() * 1000)):
                    return outputs, record.offset + 1, refused
                continue
        if derived := fold(event, key, record.offset, arrived_at):
            outputs.extend(derived)
    return outputs, end, refused


def _group_log(partition: int, origin: str, partitions: int) -> Log:  # noqa: ARG001
    from streams import holidays, models, settings  # noqa: PLC0415  the fold of the other agents stays unloaded
    from streams.vitals.partition import GroupLog  # noqa: PLC0415

    chosen = settings.load()
    model, policy = models.judging(chosen)
    return GroupLog(partition=partition, origin=origin, model=model, policy=policy, days_off=holidays.load(chosen))


def _touch_log(partition: int, origin: str, partitions: int) -> Log:
    from streams import conversions, settings  # noqa: PLC0415
    from streams.vitals.identity import TouchLog  # noqa: PLC0415

    return TouchLog(partition, origin, partitions, conversions.load(settings.load()))


def _purchase_log(partition: int, origin: str, partitions: int) -> Log:
    from streams import conversions, settings  # noqa: PLC0415
    from streams.vitals.attribution import PurchaseLog  # noqa: PLC0415

    return PurchaseLog(partition, origin, partitions, conversions.load(settings.load()))


def _alert_log(partition: int, origin: str, partitions: int) -> Log:
    from streams.vitals.alerting import AlertLog  # noqa: PLC0415

    return AlertLog(partition=partition, origin=origin, chat_partitions=partitions)


def _decoder(union: Any) -> Callable[[bytes], Event]:
    return msgspec.json.Decoder(union).decode


AGENTS: dict[str, Agent] = {
    "groups": Agent(
        "groups", "chat-events", _decoder(events.ChatEvent),
        {kind: attrgetter("group_id") for kind in events.EVENTS["chat-events"] if issubclass(kind, events.GroupEvent)},
        _group_log,
    ),
    # A touch may go to every partition (a post has no member).
    "identity": Agent(
        "identity", "member-touches", _decoder(events.MemberTouchEvent),
        {kind: attrgetter("member_id") for kind in (events.Touch, events.IdentityLinked, events.IdentityUnlinked)},
        _touch_log,
    ),
    # A member's touch goes to the customer that the member is known as, so its key is not its own to say.
    "attribution": Agent(
        "attribution", "purchases", _decoder(events.PurchaseEvent),
        {kind: attrgetter("customer_id") for kind in (events.Purchase, events.Refund, events.LinkChanged)},
        _purchase_log,
    ),
    "alerts": Agent(
        "alerts", "alert-signals", _decoder(events.AlertSignal),
        {kind: attrgetter("brand_id") for kind in events.EVENTS["alert-signals"] if kind is not events.Tick},
        _alert_log,
    ),
}  # fmt: skip
"""The agents by name."""
