"""One share of the groups, folded as the worker folds a partition; what is kept of it is bytes for each closed day."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import cast

import msgspec

from streams import events as e
from streams.backtest.calibrating import Tally, Tester
from streams.backtest.clock import next_minute
from streams.backtest.decoding import Decoder, Refusal
from streams.backtest.exclusions import Days, Exclusions, days_of
from streams.backtest.orders import Orders
from streams.backtest.spool import Segments, Spool
from streams.vitals.close import Closed
from streams.vitals.conversion import ConversionPolicy
from streams.vitals.days_off import NO_DAYS_OFF, DaysOff
from streams.vitals.episodes import Signal
from streams.vitals.month import Month
from streams.vitals.partition import GroupLog
from streams.vitals.policy import DAY_MS, Policy
from streams.vitals.risk import Model
from streams.vitals.rows import Output
from streams.vitals.sources import PartitionState, View
from streams.vitals.standing import Judged
from streams.vitals.state import GroupState

Record = Callable[[GroupState, Closed], bytes]
"""What to keep of a group whose day has closed."""

SHOWN_REFUSALS = 3
REST_DAYS = 7
_NOTHING = Output("", "", PartitionState())
ELSEWHERE = (*e.OF_CUSTOMERS, e.Touch)
"""Events of other topics: they say nothing to a group's log."""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What a backtest folds by. `models` and `policies`, by group_id or by brand, stand before `model` and `policy`.

    `latest` (ms UTC) is the end of what is not the future. `record` must be importable by its name.
    `is_calibrated`: each brand's intercept is learnt on the way, unless its file brings calibrations. `has_signals`:
    what the alert agent would hear is kept too. `has_orders`: orders are attributed, by `conversion`, and all groups of
    a brand are in one share.
    """

    record: Record
    model: Model
    latest: int
    policy: Policy = Policy()
    models: Mapping[str, Model] = {}
    policies: Mapping[str, Policy] = {}
    exclusions: Exclusions = {}
    is_calibrated: bool = True
    days_off: DaysOff = NO_DAYS_OFF
    has_signals: bool = False
    has_orders: bool = False
    conversion: ConversionPolicy = ConversionPolicy()

    def model_of(self, brand: str) -> Model:
        """The model that judges a brand."""
        return self.models.get(brand, self.model)


Signals = list[tuple[int, Signal]]
"""What a fold tells the alert agent, each with the tick (ms UTC) of a live stack at which it would have done so."""


class Findings(msgspec.Struct):
    """What a share was: counts, the first lines that were no events, where its records are, and its signals."""

    segments: Segments
    signals: Signals = []
    events: int = 0
    late: int = 0
    skipped: Counter[str] = msgspec.field(default_factory=Counter)
    rejected: Counter[str] = msgspec.field(default_factory=Counter)
    refusals: list[Refusal] = []

    def refuse(self, refusal: Refusal) -> None:
        """Count a line that is no event, and keep it if it is one of the first."""
        self.rejected[refusal.reason] += 1
        if len(self.refusals) < SHOWN_REFUSALS:
            self.refusals.append(refusal)


class BrandLog(GroupLog):
    """The groups of one brand in one share."""

    def __init__(
        self, brand: str, recipe: Recipe, partition: PartitionState, spool: Spool, signals: Signals | None
    ) -> None:
        policy = recipe.policies.get(brand, recipe.policy)
        super().__init__(0, "backtest", recipe.model_of(brand), policy, recipe.days_off)
        self._of_brand = self.model, self.policy
        self._models, self._policies = recipe.models, recipe.policies
        self.state = partition
        self.open_from = 0
        """The days before this time (ms UTC) are closed."""
        self._exclusions = recipe.exclusions
        self._excluded: dict[str, tuple[Days, ...]] = {}
        self._record = recipe.record
        self._keep = spool.add
        self.tester = Tester()
        self.now = 0
        """The tick that is folded, ms UTC."""
        self._signals = signals
        self.orders = Orders(recipe.conversion) if recipe.has_orders else None

    def is_observed(self, state: GroupState, day: int) -> bool:
        """As GroupLog says, less what the user excluded."""
        excluded = self._excluded.get(state.group_id)
        if excluded is None:
            excluded = self._excluded[state.group_id] = days_of(self._exclusions, state.group_id)
        if excluded and any(first <= day <= last for first, last in excluded):
            return False
        return super().is_observed(state, day)

    def _close(self, state: GroupState, day: int, offset: int, view: View) -> Iterable[Output]:
        """As GroupLog does, by the group's own model and policy, if it has any."""
        model, policy = self._of_brand
        self.model = self._models.get(state.group_id, model)
        self.policy = self._policies.get(state.group_id, policy)
        return super()._close(state, day, offset, view)

    def tell_close(
        self,
        state: GroupState,
        was: str,
        closed: Closed,
        view: View,  # noqa: ARG002
        month: Month,  # noqa: ARG002
        judged: list[Judged],  # noqa: ARG002
    ) -> Iterable[Output]:
        """Keep the record of the day and the signals of it, put old risks to the test, and tell nothing."""
        self._keep(state.group_id, self._record(state, closed))
        self.tester.close(state, closed)
        if self._signals is not None:
            told = self.signals_of(state, was, closed)
            self._signals += [(next_minute(self.now), cast(Signal, one.value)) for one in told]
        return ()

    def tell_touch(self, event: e.GroupEvent, kind: e.TouchKind, offset: int, member_id: str | None) -> Output:
        """As GroupLog does, if orders are asked for; else nobody listens."""
        return _NOTHING if self.orders is None else super().tell_touch(event, kind, offset, member_id)


class Share:
    """Takes lines in the order of the file: those of its groups, and those to all."""

    def __init__(self, recipe: Recipe, spool: Path) -> None:
        self._recipe = recipe
        self._decoder = Decoder(recipe.latest)
        self._spool = Spool(spool)
        self._partition = PartitionState()
        self._logs: dict[str, BrandLog] = {}
        self._log_of: dict[str, BrandLog] = {}
        self._offset = 0
        self._findings = Findings(Segments(""))
        self._signals = self._findings.signals if recipe.has_signals else None
        self._tallies: deque[Tally] = deque()

    def take(self, places: Iterable[int], lines: Sequence[bytes]) -> None:
        """Fold some lines; `places` as in `reading.Lines`."""
        if self._recipe.has_orders:
            for place, line in zip(places, lines, strict=True):
                self._take_with_orders(self._decoder.decode_carefully(line, place))
            return
        has_escapes = b"\\" in b"".join(lines)
        decode, decode_carefully, log_of = self._decoder.decode, self._decoder.decode_carefully, self._log_of
        offset = self._offset
        late = 0
        for place, line in zip(places, lines, strict=True):
            event = decode_carefully(line, place) if has_escapes and b"\\" in line else decode(line, place)
            if not isinstance(event, e.GroupEvent) or type(event) is e.Touch:
                self._take_other(event, offset)
            else:
                group_id = event.group_id
                log = log_of.get(group_id)
                if log is None:
                    log = log_of[group_id] = self._log(event.brand_id)
                if event.occurred_at < log.open_from:
                    late += 1
                log.fold(event, group_id, offset, 0)
            offset += 1
        self._findings.late += late
        self._findings.events += offset - self._offset
        self._offset = offset

    def _take_with_orders(self, event: e.Event | Refusal) -> None:
        """Fold one event, and before it what was settled of its brand's orders until then."""
        self._findings.events += 1
        if isinstance(event, e.OF_CUSTOMERS):
            orders = self._log(event.brand_id).orders
            if orders is not None:
                orders.take(event)
        elif not isinstance(event, e.GroupEvent) or type(event) is e.Touch:
            if isinstance(event, e.Tick):
                self._settle(self._log(event.brand_id), event.occurred_at - 1)
            self._take_other(event, self._next_offset())
        elif type(event) is e.OrderAttributed:
            self._findings.events -= 1
            self._findings.skipped["order_attributed"] += 1
        else:
            log = self._log_of.setdefault(event.group_id, self._log(event.brand_id))
            self._settle(log, event.occurred_at)
            self._findings.late += event.occurred_at < log.open_from
            told = log.fold(event, event.group_id, self._next_offset(), 0)
            if log.orders is not None:
                log.orders.touched(told, event.occurred_at)

    def _settle(self, log: BrandLog, until: int) -> None:
        """Tell the groups of a brand of all orders that a tick up to `until` (ms UTC) settles."""
        for row in log.orders.pass_to(until) if log.orders is not None else ():
            self._log_of.get(row.group_id, log).fold(row, row.group_id, self._next_offset(), row.occurred_at)

    def _next_offset(self) -> int:
        self._offset += 1
        return self._offset

    def ask(self, brand: str) -> None:
        """As Worker says."""
        self._tallies.append(self._log(brand).tester.take())

    def answer(self) -> Tally:
        """As Worker says."""
        return self._tallies.popleft()

    def finish(self) -> Findings:
        """What it was; nothing can be taken afterwards."""
        self._findings.segments = self._spool.finish()
        return self._findings

    def _take_other(self, event: e.Event | Refusal, offset: int) -> None:
        self._findings.events -= 1
        if isinstance(event, Refusal):
            self._findings.refuse(event)
        elif isinstance(event, ELSEWHERE):
            self._findings.skipped[str(type(event).__struct_config__.tag)] += 1
        else:
            log = self._log(event.brand_id)
            log.now = event.occurred_at
            log.fold(event, "", offset, event.occurred_at)
            if isinstance(event, e.Tick):
                log.open_from = max(log.open_from, event.occurred_at // DAY_MS * DAY_MS)
                if log.orders is not None and event.occurred_at // DAY_MS % REST_DAYS == 0:
                    log.orders.rest()

    def _log(self, brand: str) -> BrandLog:
        log = self._logs.get(brand)
        if log is None:
            log = self._logs[brand] = BrandLog(brand, self._recipe, self._partition, self._spool, self._signals)
        return log
