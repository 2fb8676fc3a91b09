"""A backtest as a whole: files in, for each group the records of its closed days out."""

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from streams.backtest.blindness import Sighting, sightings
from streams.backtest.calibrating import Calibrator
from streams.backtest.processes import shares
from streams.backtest.reading import Files
from streams.backtest.routing import Router
from streams.backtest.share import SHOWN_REFUSALS, Findings, Recipe
from streams.backtest.spool import by_group
from streams.errors import VitalsError
from streams.vitals.episodes import Signal


class Counts(msgspec.Struct):
    """The closing count. `read` are lines; `late` of the events stood behind a day that was closed already."""

    read: int = 0
    events: int = 0
    groups: int = 0
    late: int = 0
    skipped: Counter[str] = msgspec.field(default_factory=Counter)
    rejected: Counter[str] = msgspec.field(default_factory=Counter)
    refused: list[str] = []
    """The first lines that were no events, in words: where, and why."""

    @property
    def sent(self) -> int:
        """What a progress bar shows."""
        return self.read


class Closings:
    """The records of all groups after a run. They are gone with the context that made them.

    `signals` are what the alert agent would have heard, if the recipe asked for them, in no order.
    """

    def __init__(self, findings: list[Findings], counts: Counts, seen: Sequence[Sighting] = ()) -> None:
        self.counts = counts
        self.signals: list[tuple[int, Signal]] = [*seen, *(signal for one in findings for signal in one.signals)]
        self._findings = findings

    def groups(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Each group's records, one after the other in order of time, in pieces; groups in the order of their ids."""
        return by_group([one.segments for one in self._findings])


@contextmanager
def closings(
    files: Files,
    recipe: Recipe,
    *,
    directory: Path,
    jobs: int,
    until: int | None = None,
    counts: Counts | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Iterator[Closings]:
    """Fold all lines of some files in `jobs` processes; what is recorded does not depend on how many.

    Records are spooled in `directory`. `until` (ms UTC) leaves out what happened then and later. `advance` is told
    the bytes read, and `counts.read` goes up meanwhile. Raises VitalsError.
    """
    counts = counts or Counts()
    with _spool_directory(directory) as spools, shares(recipe, jobs, spools) as workers:
        calibrator = Calibrator(workers, lambda brand: recipe.model_of(brand).name) if recipe.is_calibrated else None
        router = Router(workers, recipe.latest, until, calibrator, has_orders=recipe.has_orders)
        for places, lines in files.blocks():
            router.send(places, lines)
            counts.read = router.read
            advance(files.read_since())
        router.finish(time.time_ns() // 1_000_000)
        findings = [worker.finish() for worker in workers]
        _count(counts, router, findings, files)
        seen = sightings(router.reports, router.ends, recipe.model, recipe.policy) if recipe.has_signals else []
        yield Closings(findings, counts, seen)


@contextmanager
def _spool_directory(parent: Path) -> Iterator[Path]:
    try:
        spools = tempfile.TemporaryDirectory(prefix=".backtest-", dir=parent)
    except OSError as error:
        raise VitalsError(f"cannot write to {parent}: {error.strerror}") from None
    with spools as name:
        yield Path(name)


def _count(counts: Counts, router: Router, findings: list[Findings], files: Files) -> None:
    counts.groups = router.groups
    counts.skipped = sum((one.skipped for one in findings), router.skipped)
    counts.rejected = sum((one.rejected for one in findings), router.rejected)
    counts.events = sum(one.events for one in findings)
    counts.late = sum(one.late for one in findings)
    first = sorted([*router.refusals, *(refusal for one in findings for refusal in one.refusals)])[:SHOWN_REFUSALS]
    counts.refused = [f"{files.title(one.place)}: {one.reason} ({one.detail})" for one in first]
