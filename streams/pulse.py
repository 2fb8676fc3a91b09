"""What a running part knows of itself: its metrics, whether its main loop turns, whether it is ready."""

import math
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from streams.metrics import BUILD, METRICS, Kind, Metric

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # else each counter has a second series


class Pulse:
    """One per process. Its methods may be called from any thread."""

    def __init__(
        self, kind: Kind, agent: str, part: str, *, live_s: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Only the metrics of `kind` are there. `live_s`: a main loop that has not turned for so long hangs."""
        self.agent, self.part = agent, part
        self.address = ""
        """Where it is served, "" if nowhere."""
        self.registry = CollectorRegistry(auto_describe=True)
        self._made = {one: _made(one, self.registry) for one in METRICS if kind in one.of and one.kind != "process"}
        for one in self._made:
            if one.kind != "gauge" and one.labels == ("agent",):
                self._of(one, {})  # what did not happen yet is 0, not missing
        ProcessCollector(registry=self.registry)
        self._totals: dict[tuple[str, ...], float] = {}
        self._live_s, self._clock = live_s, clock
        self._beat_at = clock()
        self._unready, self._ready_until = "starts", -math.inf
        self.set(BUILD, 1, part=part, version=version("group-vitals"))

    def beat(self) -> None:
        """The main loop has turned."""
        self._beat_at = self._clock()

    def ready(self, for_s: float = math.inf) -> None:
        """It does what it is for; after `for_s` seconds without another word it no longer does."""
        self._unready, self._ready_until = "did nothing for too long", self._clock() + for_s

    def unready(self, why: str) -> None:
        """It cannot do what it is for now."""
        self._unready, self._ready_until = why, -math.inf

    @property
    def hangs(self) -> str:
        """Why it should be started anew, "" if it should not."""
        silent_s = self._clock() - self._beat_at
        return f"its main loop has not turned for {silent_s:.0f} s" if silent_s > self._live_s else ""

    @property
    def idles(self) -> str:
        """Why it is not ready, "" if it is."""
        return self.hangs or (self._unready if self._clock() >= self._ready_until else "")

    def add(self, metric: Metric, count: float = 1, **labels: str) -> None:
        """Count further."""
        self._of(metric, labels).inc(count)

    def total(self, metric: Metric, total: float, **labels: str) -> None:
        """Bring a counter up to what was counted elsewhere since the process started."""
        place = (metric.name, *labels.values())
        self._of(metric, labels).inc(max(0.0, total - self._totals.get(place, 0.0)))
        self._totals[place] = total

    def set(self, metric: Metric, value: float, **labels: str) -> None:
        """Say what a gauge stands at."""
        self._of(metric, labels).set(value)

    def observe(self, metric: Metric, value: float, **labels: str) -> None:
        """Put a value into a histogram."""
        self._of(metric, labels).observe(value)

    def _of(self, metric: Metric, labels: dict[str, str]) -> Any:
        return self._made[metric].labels(**{"agent": self.agent, **labels})


def _made(metric: Metric, registry: CollectorRegistry) -> Any:
    if metric.kind == "histogram":
        return Histogram(metric.name, metric.help, metric.labels, registry=registry, buckets=metric.buckets)
    return {"counter": Counter, "gauge": Gauge}[metric.kind](metric.name, metric.help, metric.labels, registry=registry)
