"""A part's metrics onto the topic `part-metrics`, every minute: so ClickHouse has them where no Prometheus comes by."""

import math
import threading
import time
from collections.abc import Callable, Iterator

import msgspec
from confluent_kafka import Producer

from streams.kafka_access import librdkafka
from streams.metrics import PartMetrics, Sample
from streams.pulse import Pulse
from streams.settings import Settings

TOPIC = "part-metrics"
DELIVERY_S = 20.0
FIRST_S = 10.0
_LOOK_S = 0.25
Totals = dict[tuple[str, ...], float]


def samples(pulse: Pulse, before: Totals, totals: Totals) -> Iterator[Sample]:
    """What gauges stand at, and by how much all else grew since `before`; `totals` is filled for the next time.

    What did not grow is left out.
    """
    for family in pulse.registry.collect():
        for name, labels, value, *_ in family.samples:
            if family.type != "gauge":
                place = (name, *labels.values())
                totals[place] = value
                value -= before.get(place, 0.0)  # noqa: PLW2901
            if math.isfinite(value) and (value or family.type == "gauge"):
                own = {key: text for key, text in labels.items() if key != "agent"}
                yield Sample(name=name, agent=labels.get("agent", pulse.agent), labels=own, value=value)


class Sampler:
    """Sends what a pulse has. What Kafka did not take is in the next sample, which then tells of a longer time."""

    def __init__(
        self,
        settings: Settings,
        pulse: Pulse,
        look: Callable[[], None] | None = None,
        started_at: float | None = None,
    ) -> None:
        """`look` is done before each sample, in the sampler's thread: for what takes long to find out.

        `started_at`, in seconds, is when the counting began, if not now.
        """
        self._pulse, self._look = pulse, look
        self._is_sending = settings.metrics_seconds > 0
        self._every_s = settings.metrics_seconds or 60.0
        self._access = librdkafka(settings)
        self._producer: Producer | None = None
        self._started_at = self._since = int((started_at or time.time()) * 1000)
        self._before: Totals = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="samples")

    def start(self) -> None:
        """From now on, at every full interval of the clock."""
        if self._is_sending or self._look:
            self._thread.start()

    def close(self) -> None:
        """Send no more; what is under way is given up."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(2.0)

    def _run(self) -> None:
        pause_s = FIRST_S  # so that a fresh start is soon seen
        while not self._stop.wait(min(pause_s, self._every_s - time.time() % self._every_s)):
            pause_s = self._every_s
            if self._look:
                self._look()
            if self._is_sending:
                self.send()

    def send(self, limit_s: float = DELIVERY_S + 2) -> bool:
        """Send one sample and wait until Kafka has it; whether it has."""
        at, totals = int(time.time() * 1000), Totals()
        found = tuple(samples(self._pulse, self._before, totals))
        sample = PartMetrics(
            part=self._pulse.part, since=self._since, at=at, started_at=self._started_at, samples=found
        )  # fmt: skip
        is_sent = self._delivered(sample, limit_s)
        if is_sent:
            self._before, self._since = totals, at
        return is_sent

    def _delivered(self, sample: PartMetrics, limit_s: float) -> bool:
        if self._producer is None:
            limits = {"message.timeout.ms": int(DELIVERY_S * 1000), "compression.type": "zstd", "log_level": 0}
            self._producer = Producer({**self._access, **limits})
        errors: list[object] = []
        value = msgspec.json.encode(sample)
        self._producer.produce(TOPIC, value, sample.part, on_delivery=lambda error, _: errors.append(error))
        until = time.monotonic() + limit_s
        while not errors and time.monotonic() < until and not self._stop.is_set():
            self._producer.poll(_LOOK_S)
        return bool(errors) and errors[0] is None  # a KafkaError is not compared: the next call would raise
