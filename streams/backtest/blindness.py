"""When a live stack would have found a source blind, and seen again, from what the source said in the file."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter

from streams.backtest.clock import next_minute
from streams.events import SourceBlind, SourceComplete, SourceSeen, Tick
from streams.vitals.episodes import MINUTE_MS
from streams.vitals.partition import GroupLog
from streams.vitals.policy import DAY_MS, HOUR_MS, Policy
from streams.vitals.risk import Model

USUAL_PAUSES = 2
"""A source whose shortest pause is as long as a live one may be away is blind after so many of them, or days: an export
that closes each day with one word says nothing of the hours between."""

Sighting = tuple[int, SourceBlind | SourceSeen]
"""A signal with the tick (ms UTC) at which it is sent."""


def sightings(
    reports: Iterable[SourceComplete], ends: Mapping[str, int], model: Model, policy: Policy
) -> list[Sighting]:
    """All sources' signals, each source's in order of time. `ends` says up to when (ms UTC) each brand is looked at."""
    found: list[Sighting] = []
    of_source = attrgetter("brand_id", "source")
    for (brand, _), said in groupby(sorted(reports, key=lambda one: (*of_source(one), one.occurred_at)), of_source):
        found += _of_source(list(said), ends[brand], GroupLog(0, "backtest", model, policy))
    return found


def _of_source(reports: Sequence[SourceComplete], end: int, log: GroupLog) -> Iterator[Sighting]:
    """One source's. The log has no groups: it is here for its rule alone, and for its words."""
    pause = DAY_MS
    for report, following in zip(reports, [*reports[1:], None], strict=True):
        log.fold(report, "", -1, report.occurred_at)
        yield from _look(log, next_minute(report.occurred_at))
        last = max(report.occurred_at, report.complete_until)
        until = end if following is None else min(following.occurred_at - 1, end)
        pause = pause if following is None else min(pause, following.occurred_at - report.occurred_at)
        usual = log.policy.blind_after_hours * HOUR_MS
        patience = usual if pause <= usual else USUAL_PAUSES * pause
        at = (last + patience) // MINUTE_MS * MINUTE_MS + MINUTE_MS
        if at <= until:
            yield from _look(log, at)


def _look(log: GroupLog, at: int) -> Iterator[Sighting]:
    """What a live tick at a time tells of the source."""
    tick = Tick(event_id=f"tick/{at}", occurred_at=at, brand_id="*", platform="*")
    for output in log.fold(tick, "", -1, at):
        if isinstance(output.value, SourceBlind | SourceSeen):
            yield at, output.value
