"""What a worker's metrics are taken from: its holdings, consumer and table, each second, never per event."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from streams import metrics
from streams.pulse import Pulse

if TYPE_CHECKING:
    from streams.chunks import ChunkApp

_SIZE_EVERY = 10
"""The state is summed up every so many turns only: it has as many records as there are groups."""


class WorkerPulse:
    """Brings a pulse up to date with an app. Only for the thread of its event loop."""

    def __init__(self, app: "ChunkApp", pulse: Pulse) -> None:
        self._app, self._pulse = app, pulse
        self._turn = 0
        app.holdings.on_flush = self._flushed

    def _flushed(self, seconds: float, records: int) -> None:
        self._pulse.observe(metrics.FLUSH_SECONDS, seconds)
        self._pulse.observe(metrics.FLUSH_RECORDS, records)

    def turn(self, *, is_kafka_away: bool) -> None:
        """Once a second."""
        pulse, holdings = self._pulse, self._app.holdings
        pulse.beat()
        held = list(holdings.held.values())
        pulse.total(metrics.RECORDS_IN, holdings.events_total)
        pulse.total(metrics.OUTPUTS, holdings.outputs_total)
        pulse.total(metrics.REBALANCES, self._app.consumer.epoch)
        for reason, count in holdings.refused.items():
            pulse.total(metrics.DEAD_LETTERS, count, reason=reason)
        pulse.set(metrics.PARTITIONS, len(held))
        pulse.set(metrics.PAUSED, len(holdings.paused()))
        pulse.set(metrics.UNFLUSHED, sum(one.next - one.flushed for one in held))
        pulse.set(metrics.WAITING, is_kafka_away, server="kafka")
        if self._turn % _SIZE_EVERY == 0:
            pulse.set(metrics.STATE_BYTES, _size(list(self._app.store.records.values())))
        self._turn += 1
        self._say_ready(is_kafka_away=is_kafka_away)

    def _say_ready(self, *, is_kafka_away: bool) -> None:
        """Ready is who owns an assignment, be it empty, and has taken up all of it."""
        consumer = self._app.consumer
        if is_kafka_away:
            self._pulse.unready("waits for Kafka")
        elif not consumer.is_ours():
            self._pulse.unready("waits for its partitions")
        elif {tp.partition for tp in consumer.assignment()} - {tp.partition for tp in self._app.holdings.held}:
            self._pulse.unready("recovers its partitions")
        else:
            self._pulse.ready()


def _size(partitions: Sequence[dict[bytes, bytes]]) -> int:
    return sum(len(value) for records in partitions for value in records.values())
