"""The member's log folded: where a member was seen goes on to the customer that the member is."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from streams.events import Event, Tick, Touch
from streams.vitals.log import SEQS_PER_OFFSET
from streams.vitals.rows import EVERY_PARTITION, Output
from streams.vitals.watermark import Watermark


class TouchLog:
    """One partition of `member-touches`: forwards touches to `purchases`, and time once all chat has passed it.

    `origin` is the source of what it emits; `chat_partitions` the number of partitions of chat-events. A post
    has no member: it goes to every partition of `purchases`, on this way so that it stays ahead of the ticks
    of the partition that it came from.

    It keeps nothing per member. A touch that the group agent sent again is forwarded again, under a seq of its
    own and the same event_id, and that is exact: to the customer a touch is a member of a set, (group, kind,
    time), and a set does not count. What is kept is the watermark; it is stored with the position, so a chunk
    read again forwards the same events with the same seqs. A customer whom several members link to hears each
    of them in order, because the source names this partition and not the group agent's.
    """

    def __init__(self, partition: int, origin: str, chat_partitions: int) -> None:
        self.partition, self.origin = partition, origin
        self._watermark = Watermark.of(chat_partitions)

    def restore(self, partition_value: bytes | None, values: Mapping[str, bytes]) -> None:  # noqa: ARG002
        """Start from the stored watermark. There are no values per member."""
        self._watermark = Watermark.of(len(self._watermark.heard), partition_value)

    def fold(self, event: Event, key: str, offset: int, arrived_at: int) -> Sequence[Output]:  # noqa: ARG002
        """Forward a touch to its customer, and a tick when the slowest partition of chat-events moved on."""
        if isinstance(event, Tick):
            return (self._forward_time(event, offset),) if self._watermark.hear(event) else ()
        if not isinstance(event, Touch):
            return ()
        touch = replace(event, source=self.origin, source_seq=offset * SEQS_PER_OFFSET, source_prev=0)
        if event.kind == "post":
            return (Output("purchases", "", touch, EVERY_PARTITION),)
        return (Output("purchases", self._customer_of(event.member_id or key), touch),)

    def take_changed(self) -> dict[str, bytes]:
        """Nothing: there are no values per member."""
        return {}

    def partition_value(self) -> bytes:
        """The watermark."""
        return msgspec.msgpack.encode(self._watermark)

    def _customer_of(self, member_id: str) -> str:
        """The customer's key. Until identities are known a customer is known by the member's pseudonym."""
        return member_id

    def _forward_time(self, tick: Tick, offset: int) -> Output:
        passed = replace(
            tick,
            event_id=f"{self.origin}/{offset}",
            occurred_at=self._watermark.low,
            source=self.origin,
            source_seq=offset * SEQS_PER_OFFSET,
            source_prev=0,
            origin_partition=self.partition,
        )
        return Output("purchases", "", passed, EVERY_PARTITION)
