"""The brand's log folded: signals wait for the clocks, then become the episodes of alerts."""

from collections.abc import Mapping, Sequence

import msgspec

from streams.events import Acknowledged, Event, Snoozed, Tick
from streams.vitals.clocks import Clocks
from streams.vitals.episodes import MINUTE_MS, AlertPolicy, Brand, Signal
from streams.vitals.log import absorbed_offset, pack, unpack
from streams.vitals.rows import Output
from streams.vitals.turn import Turn

_brands = msgspec.msgpack.Decoder(Brand)


class AlertLog:
    """All brands of one partition of `alert-signals`. A `Log`; see there for what each method owes.

    The group agents forward the ticks of chat-events to every partition here. A signal is acted on when all
    partitions of chat-events have passed the tick that stands behind it: then no earlier one can come. The partition's
    own value are those clocks; there is one value per brand.
    """

    def __init__(self, partition: int, origin: str, chat_partitions: int, policy: AlertPolicy | None = None) -> None:
        self.partition, self.origin = partition, origin
        self.policy = policy or AlertPolicy()
        self._clocks = Clocks.of(chat_partitions)
        self._brands: dict[str, Brand] = {}
        self._changed: set[str] = set()
        self._written_to: dict[str, int] = {}

    def restore(self, partition_value: bytes | None, values: Mapping[str, bytes]) -> None:
        """Start from the stored clocks and brands."""
        self._clocks = Clocks.of(len(self._clocks.heard), partition_value)
        self._brands = {key: unpack(value, _brands) for key, value in sorted(values.items())}
        self._written_to = {key: absorbed_offset(value) for key, value in values.items()}

    def fold(self, event: Event, key: str, offset: int, arrived_at: int) -> Sequence[Output]:
        """Absorb one event."""
        if self._written_to:  # what was written ahead of the position is written again
            self._changed |= {brand_id for brand_id, absorbed in self._written_to.items() if absorbed >= offset}
            self._written_to = {}
        if isinstance(event, Tick):
            return self._fold_tick(event, offset, arrived_at)
        brand = self._brands.get(key)
        if brand is None:
            brand = self._brands[key] = Brand()
        if offset <= brand.offset:
            return ()
        turn = Turn(key, brand, self.policy, offset)
        if isinstance(event, Signal):
            has_clock = event.origin_partition < len(self._clocks.heard)
            is_new = brand.hear(event, -1 if has_clock else event.occurred_at)
        else:
            is_new = (isinstance(event, Acknowledged) and turn.acknowledge(event)) or (
                isinstance(event, Snoozed) and turn.snooze(event)
            )
        return self._done(key, turn, offset) if is_new else ()

    def take_changed(self) -> dict[str, bytes]:
        """Every changed brand's value."""
        changed, self._changed = self._changed, set()
        return {key: pack(self._brands[key].offset, self._brands[key]) for key in sorted(changed)}

    def partition_value(self) -> bytes:
        """The clocks."""
        return msgspec.msgpack.encode(self._clocks)

    def _fold_tick(self, tick: Tick, offset: int, arrived_at: int) -> list[Output]:
        """Let time pass for the brands that wait for it."""
        if not self._clocks.hear(tick, arrived_at, self.policy.patience_minutes * MINUTE_MS):
            return []
        origin = tick.origin_partition or 0
        out: list[Output] = []
        for key, brand in sorted(self._brands.items()):
            if offset <= brand.offset or not brand.is_waiting:
                continue
            turn = Turn(key, brand, self.policy, offset)
            is_stamped = brand.stamp(origin, tick.occurred_at)
            if turn.advance(self._clocks.low) or is_stamped:
                out += self._done(key, turn, offset)
        return out

    def _done(self, key: str, turn: Turn, offset: int) -> list[Output]:
        self._brands[key].offset = offset
        self._changed.add(key)
        return [Output("group-alerts", key, alert) for alert in turn.told]
