"""The two runs of `vitals fit`: all days of all groups read once and fitted; or read again and judged by the unseen."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from streams import models
from streams.backtest.driving import Counts, closings
from streams.backtest.exclusions import Exclusions, read_exclusions
from streams.backtest.reading import Files
from streams.backtest.share import Recipe
from streams.backtest.verdicts import Row, write_verdicts
from streams.connectors.telling import shown
from streams.errors import VitalsError
from streams.events import FUTURE_TOLERANCE_MS
from streams.fit.card import Card, Unseen, card, describe, thresholds, with_card
from streams.fit.compare import Comparison, compare
from streams.fit.crossval import Judge, by_name, judges
from streams.fit.folds import Unit, folds, left_out, usual_unit
from streams.fit.record import Observe
from streams.fit.regression import fit_model
from streams.fit.sample import Sample, sample_of
from streams.fit.scores import score
from streams.fit.tracks import Track, read_tracks
from streams.vitals.policy import Policy
from streams.vitals.risk import Model


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What is read: files, which of their days cannot be judged, and by how many processes."""

    files: tuple[Path, ...]
    exclusions: Path | None
    jobs: int

    def excluded(self) -> Exclusions:
        """The days that cannot be judged. Raises VitalsError."""
        return read_exclusions(self.exclusions) if self.exclusions else {}


class Fitted(msgspec.Struct, frozen=True, eq=False):
    """A model with its card, the sample it comes from, the logits by models that have not seen them, and a verdict."""

    model: Model
    card: Card
    sample: Sample
    unseen: Unseen
    comparison: Comparison


def observe(source: Source) -> tuple[list[Track], int]:
    """The days of all groups, and how many events they were. Raises VitalsError where nothing can be read.

    Exclusions say what cannot be judged; the fold does not know them, as it will not know them where it runs.
    """
    recipe = Recipe(record=Observe(), model=models.load(), latest=_latest(), is_calibrated=False)
    counts, files = Counts(), Files(source.files)
    with tempfile.TemporaryDirectory(prefix="vitals-fit-") as directory, shown(
        files.total_bytes, counts
    ) as advance, closings(
        files, recipe, directory=Path(directory), jobs=source.jobs, counts=counts, advance=advance
    ) as closed:  # fmt: skip
        if not counts.events:
            raise VitalsError(f"no line of {source.files[0].name} is an event")
        return read_tracks(closed.groups()), counts.events


def fit(source: Source, name: str | None, current: Model, told: Callable[[str], None]) -> Fitted:
    """Fit to all, and judge by parts held out. `told` hears what is being done. Raises VitalsError."""
    excluded = source.excluded()
    tracks, events = observe(source)
    sample = sample_of(tracks, excluded)
    data = describe(sample, source.files, source.exclusions, events)
    base, name = models.load(), name or f"fitted-{data.last_day}"
    told(f"fitting to {len(sample.died):,} weeks of {len(sample.tracks):,} groups")
    model = fit_model(base, name, sample)
    unit = usual_unit(sample)
    parts = folds(base, name, sample, unit)
    logit = left_out(sample, parts)
    told("scoring")
    unseen = Unseen(unit, logit, score(sample, logit), score(sample, logit, is_macro=True))
    trades = thresholds(sample, parts, Policy())
    whole = card(model, sample, data, unseen, trades)
    return Fitted(with_card(model, whole), whole, sample, unseen, compare(sample, current, model, logit))


def crossvalidate(source: Source, unit: Unit, out: Path, told: Callable[[str], None]) -> int:
    """Write verdicts of a backtest in which each part of the groups is judged by what was fitted to the others.

    The number of rows. Raises VitalsError.
    """
    excluded = source.excluded()
    tracks, _ = observe(source)
    sample = sample_of(tracks, excluded)
    if unit == "community" and len(sample.communities) < 2:
        raise VitalsError("these events are of one community: leave out groups with --crossval group")
    base = models.load()
    parts = folds(base, f"{base.name}-without", sample, unit)

    def tell(title: str, judge: Judge) -> None:
        told(f"{title}: judged by a model of the others, dying at {judge.policy.dying_risk:.2f}")

    found = judges(base, sample, parts, Policy(), tell)
    named = by_name(sample, parts, found, unit)
    row = Row()
    recipe = Recipe(
        record=row,
        model=fit_model(base, f"{base.name}-without", sample),
        latest=_latest(),
        models={name: judge.model for name, judge in named.items()},
        policies={name: judge.policy for name, judge in named.items()},
    )
    return _backtest(source, recipe, row, out)


def _backtest(source: Source, recipe: Recipe, row: Row, out: Path) -> int:
    counts, files = Counts(), Files(source.files)
    with shown(files.total_bytes, counts) as advance, closings(
        files, recipe, directory=out.absolute().parent, jobs=source.jobs, counts=counts, advance=advance
    ) as closed:  # fmt: skip
        return write_verdicts(closed, row, out)


def _latest() -> int:
    """The end of what is not the future, ms UTC."""
    return time.time_ns() // 1_000_000 + FUTURE_TOLERANCE_MS
