"""The way of a line to the process that has its group, which alone decodes all of it."""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from streams import events as e
from streams.backtest.calibrating import Calibrator, Worker
from streams.backtest.clock import Clock
from streams.backtest.decoding import Decoder, Refusal
from streams.backtest.share import ELSEWHERE, SHOWN_REFUSALS
from streams.vitals.policy import DAY_MS

TO_ALL = 0
"""The place of a line that stands in no file."""


class _Head(msgspec.Struct, gc=False):
    """What tells the way of a line."""

    group_id: str
    occurred_at: int
    source: str | None = None


_head = msgspec.json.Decoder(_Head).decode


class Route(msgspec.Struct):
    """Where the lines of a group go, and the source that the last line which was looked at closely told, if any."""

    clock: Clock
    places: list[int]
    lines: list[bytes]
    source: str | None


class Router:
    """Sends each line to the worker of its group, and the ticks of a brand's clock to all workers.

    Which worker has a group changes nothing in what is recorded. Lines from `until` (ms UTC) on are left out.
    `reports` are what sources said of how far they are complete, in the order of the file. `has_orders`: orders and
    links are sent too, and all of a brand to one worker, for a buyer's groups are all asked.
    """

    def __init__(
        self,
        workers: Sequence[Worker],
        latest: int,
        until: int | None = None,
        calibrator: Calibrator | None = None,
        *,
        has_orders: bool = False,
    ) -> None:
        self.read = 0
        self.skipped: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.refusals: list[Refusal] = []
        self.reports: list[e.SourceComplete] = []
        self._workers = workers
        self._batches: list[tuple[list[int], list[bytes]]] = [([], []) for _ in workers]
        self._load = [0] * len(workers)
        self._decoder = Decoder(latest)
        self._until = until
        self._calibrator = calibrator
        self._routes: dict[str, Route] = {}
        self._clocks: dict[str, Clock] = {}
        self._has_orders = has_orders
        self._worker_of: dict[str, int] = {}

    @property
    def groups(self) -> int:
        """How many groups were met."""
        return len(self._routes)

    @property
    def ends(self) -> dict[str, int]:
        """Up to when each brand's days are closed, ms UTC."""
        return {brand: clock.midnight - DAY_MS for brand, clock in self._clocks.items()}

    def send(self, places: Sequence[int], lines: Sequence[bytes]) -> None:
        """Send some lines on their way.

        Of a line of a group that is known, from its source, in a day that is open, no more is looked at.
        """
        routes = self._routes.get
        self.read += len(lines)
        for place, line in zip(places, lines, strict=True):
            try:
                head = _head(line)
                route = routes(head.group_id)
                if route is not None and head.occurred_at < route.clock.midnight and head.source == route.source:
                    route.places.append(place)
                    route.lines.append(line)
                    continue
            except (ValueError, RecursionError):  # no event of a group, or none at all
                pass
            self._decode(place, line)
        self._flush()

    def finish(self, now: int) -> None:
        """Close the last day of each brand, as far as it is over by `now`."""
        for clock in self._clocks.values():
            self._advance(clock, min(clock.midnight, now))
        self._flush()
        if self._calibrator is not None:
            self._calibrator.finish()

    def _flush(self) -> None:
        for number, (places, lines) in enumerate(self._batches):
            if lines:
                self._workers[number].take(places, lines)
                self._load[number] += len(lines)
                places.clear()
                lines.clear()

    def _decode(self, place: int, line: bytes) -> None:
        if not line or line.isspace():
            self.skipped["blank"] += 1
            return
        event = self._decoder.decode_carefully(line, place)
        if isinstance(event, Refusal):
            self.rejected[event.reason] += 1
            if len(self.refusals) < SHOWN_REFUSALS:
                self.refusals.append(event)
        elif isinstance(event, ELSEWHERE) and not (self._has_orders and isinstance(event, e.OF_CUSTOMERS)):
            self.skipped[str(type(event).__struct_config__.tag)] += 1
        elif self._until is not None and event.occurred_at >= self._until:
            self.skipped["at or after --until"] += 1
        elif isinstance(event, e.OF_CUSTOMERS):
            places, lines = self._batches[self._worker(event.brand_id)]
            places.append(place)
            lines.append(line)
        elif isinstance(event, e.GroupEvent):
            self._route(event, place, line)
        else:
            self._broadcast(event, place, line)

    def _route(self, event: e.GroupEvent, place: int, line: bytes) -> None:
        route = self._routes.get(event.group_id)
        if route is None:
            number = self._worker(event.brand_id)
            route = self._routes[event.group_id] = Route(self._clock(event), *self._batches[number], None)
        route.source = _head(line).source
        self._send_all(route.clock.begin(event.source or "", event.platform))
        self._advance(route.clock, event.occurred_at)
        route.places.append(place)
        route.lines.append(line)

    def _worker(self, brand: str) -> int:
        """The worker of a new group: that of its brand, if it has one, else the one with the least to do."""
        number = self._worker_of.get(brand)
        if number is None:
            number = min(range(len(self._load)), key=self._load.__getitem__)
            if self._has_orders:
                self._worker_of[brand] = number
        self._load[number] += 1
        return number

    def _advance(self, clock: Clock, at: int) -> None:
        """Close the days of a brand before `at`, with the intercept that is in force from each midnight on."""
        calibrator = self._calibrator
        for midnight, ticks in clock.advance(at):
            if calibrator is not None:
                self._send_all(calibrator.in_force_from(clock.brand, midnight))
            self._send_all(ticks)
            if calibrator is not None and calibrator.is_due(clock.brand, midnight):
                self._flush()
                calibrator.ask(clock.brand, midnight)

    def _broadcast(self, event: e.Event, place: int, line: bytes) -> None:
        """Pass on what is of no group. Ticks of no source are a live stack's; here the clock is another."""
        if isinstance(event, e.Tick) and event.source is None:
            self.skipped["tick"] += 1
            return
        if isinstance(event, e.Tick):
            self._clock(event).leave_to_file(event.source or "")
        elif isinstance(event, e.SourceComplete):
            self.reports.append(event)
            self._send_all(self._clock(event).begin(event.source or "", event.platform))
            if event.is_live:
                self._advance(self._clock(event), event.occurred_at)
        elif isinstance(event, e.Calibration) and self._calibrator is not None:
            self._calibrator.leave_to_file(event.brand_id)
        for places, lines in self._batches:
            places.append(place)
            lines.append(line)
        if isinstance(event, e.SourceComplete) and event.is_live:
            self._send_all(self._clock(event).report(event))

    def _clock(self, event: e.Event) -> Clock:
        clock = self._clocks.get(event.brand_id)
        if clock is None:
            clock = self._clocks[event.brand_id] = Clock(event.brand_id, event.occurred_at)
        return clock

    def _send_all(self, made: Iterable[e.Event]) -> None:
        for event in made:
            line = e.encode(event)
            for places, lines in self._batches:
                places.append(TO_ALL)
                lines.append(line)
