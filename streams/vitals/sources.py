"""Who watches a group, and how far they have seen: blindness is not silence."""

import msgspec

from streams.events import Calibration
from streams.vitals.panes import PANE_DAYS
from streams.vitals.policy import DAY_MS, HOUR_MS, Policy
from streams.vitals.state import GroupState


class Source(msgspec.Struct, array_like=True):
    """How far one source is complete. Only a live one can go blind: an import's past has an end.

    `heard_at` is when it last said so. While a backlog of it comes in, it lags behind the clock and is not blind.
    """

    complete_at: int
    is_live: bool = False
    heard_at: int = -1
    unseen: list[tuple[int, int]] = []
    """From when to when it could not see, and never will: of the days that panes reach."""
    brand_id: str = ""
    is_blind: bool = False
    """As the brand's alert agent was last told."""
    imported_to: int = -1
    """Up to when an import has closed days of this live source since it last said anything; -1: it spoke last."""

    def missed(self, since: int, until: int) -> None:
        """Note that what happened from `since` to `until` was not seen."""
        oldest = self.complete_at - PANE_DAYS * DAY_MS
        new = [(since, until)] if since < until else []
        spans: list[tuple[int, int]] = []
        for begin, end in sorted([span for span in self.unseen if span[1] > oldest] + new):
            if spans and begin <= spans[-1][1]:  # told in two pieces that overlap: no hour counts twice
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((begin, end))
        self.unseen = spans

    def look(self, tick: int, policy: Policy) -> bool:
        """See at a live tick whether it is blind; True if that is news."""
        was = self.is_blind
        last = max(self.complete_at, self.heard_at)
        self.is_blind = self.is_live and tick - last > policy.blind_after_hours * HOUR_MS
        return self.is_blind != was


class Intercept(msgspec.Struct, array_like=True, frozen=True):
    """A community's own intercept for the model of that name, in force from `effective_at`."""

    effective_at: int
    model: str
    intercept: float


SOURCES_KEPT, BRANDS_KEPT = 8192, 8192
"""Of one partition, whose value is one record of 16 MiB at most: a connector that makes up names must not end it."""
CALIBRATIONS_KEPT = 16
"""Of one community: more than a year's, so that a group that lags behind finds the one of its time."""


class PartitionState(msgspec.Struct, array_like=True):
    """What belongs to no group: completeness of sources, the hour of the last live tick, calibrations by brand."""

    sources: dict[str, Source] = {}
    hour: int = -1
    calibrations: dict[str, list[Intercept]] = {}

    def source(self, name: str, complete_at: int) -> Source:
        """A source, new if need be; then the one that is not live and was complete the longest ago makes room."""
        known = self.sources.get(name)
        if known is None:
            if len(self.sources) >= SOURCES_KEPT:
                del self.sources[min(self.sources, key=lambda one: (self.sources[one].is_live, self._age(one)))]
            known = self.sources[name] = Source(complete_at)
        return known

    def _age(self, name: str) -> tuple[int, str]:
        return self.sources[name].complete_at, name

    def calibrate(self, event: Calibration) -> None:
        """Note a community's intercept; one for the same model and time replaces that."""
        known = self.calibrations.get(event.brand_id, [])
        new = Intercept(event.effective_at, event.model, event.intercept)
        kept = [one for one in known if (one.effective_at, one.model) != (new.effective_at, new.model)]
        if not known and len(self.calibrations) >= BRANDS_KEPT:
            del self.calibrations[min(self.calibrations, key=lambda brand: (self._calibrated_at(brand), brand))]
        self.calibrations[event.brand_id] = sorted([*kept, new], key=lambda one: one.effective_at)[-CALIBRATIONS_KEPT:]

    def _calibrated_at(self, brand_id: str) -> int:
        return self.calibrations[brand_id][-1].effective_at

    def community(self, brand_id: str, model: str, at: int) -> float:
        """The intercept of a community for a model at a time; 0 before the first."""
        known = self.calibrations.get(brand_id)
        if known is None:
            return 0.0
        return next((one.intercept for one in reversed(known) if one.model == model and one.effective_at <= at), 0.0)


class View(msgspec.Struct, frozen=True):
    """What a tick knows of a group's sources: it may be judged as of `until`; `blind_since` if nobody watches.

    A row is of the time `at`. `is_final`: no source is live and nothing is known of later, so what has come in since
    can be told in a row of the same time, and only there. In the middle of an import its next tick tells it.
    """

    until: int
    at: int
    complete_at: int | None
    blind_since: int | None
    is_final: bool = False


def watch(state: GroupState, partition: PartitionState, tick: int, policy: Policy, *, is_live: bool) -> View:
    """How far a group may be judged at a tick: as far as the best of its sources is complete.

    A source that never says so is believed to be complete. Blindness is not silence. A live source that an import saw
    go blind stays so, as of the end of that import, until it speaks or its time is over by the clock too.
    """
    known = [partition.sources[name] for name in state.sources if name in partition.sources]
    if not known or len(known) < len(state.sources):
        return View(tick, tick, None, None)
    complete_at = max(source.complete_at for source in known)
    live = [source for source in known if source.is_live]
    until = at = min(tick, complete_at)
    blind = False
    if live:
        patience = policy.blind_after_hours * HOUR_MS
        heard_at = max(source.heard_at for source in live) if is_live else -1
        imported_to = min(source.imported_to for source in live) if is_live else -1
        if tick - max(complete_at, heard_at) > patience:
            at, blind = tick, True
        elif imported_to - complete_at > patience:
            at, blind = imported_to, True
    is_final = not live and state.last_event_at < complete_at
    return View(until, at, complete_at, complete_at if blind else None, is_final)


def is_watched(state: GroupState, partition: PartitionState, day: int) -> bool:
    """Whether a source of the group saw more than half of a UTC day. A group whose sources never speak is watched.

    Of what came after the time to which it is complete a source saw nothing: an import that is over sees no gap of
    the live source that took over from it.
    """
    names = state.sources
    sources = [partition.sources[name] for name in names if name in partition.sources]
    if len(sources) < len(names) or not any(source.unseen for source in sources):
        return True
    return any(2 * _missed(source, day * DAY_MS, (day + 1) * DAY_MS) < DAY_MS for source in sources)


def partly_missed(state: GroupState, partition: PartitionState, policy: Policy) -> set[int]:
    """The UTC days of which no source of the group saw as many hours as the policy asks for."""
    sources = [partition.sources[name] for name in state.sources if name in partition.sources]
    if len(sources) < len(state.sources) or not any(one.unseen for one in sources):
        return set()
    days = {day for one in sources for span in one.unseen for day in range(span[0] // DAY_MS, -(-span[1] // DAY_MS))}
    most = DAY_MS - policy.drop_seen_hours * HOUR_MS
    return {day for day in days if all(_missed(one, day * DAY_MS, (day + 1) * DAY_MS) > most for one in sources)}


def _missed(source: Source, start: int, end: int) -> int:
    """How many ms of a span a source did not see."""
    spans = [*source.unseen, (source.complete_at, max(source.complete_at, end))]
    return sum(max(0, min(until, end) - max(since, start)) for since, until in spans)
