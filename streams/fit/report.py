"""The card of a fit as text for people."""

from collections.abc import Iterator

import numpy as np
from rich.console import Console, Group
from rich.table import Table

from streams.fit.card import Card
from streams.fit.regression import sigmoid
from streams.fit.sample import Sample
from streams.fit.scores import MEASURES, Ranked
from streams.fit.tracks import Bools, Floats
from streams.vitals.risk import Model

_HEADINGS = ("AUC", "AP", "within group", "Brier skill")


def show(console: Console, model: Model, told: Card, sample: Sample, unseen: Floats) -> None:
    """Print what a user wants to know before they use a model."""
    data = told.data
    console.print(
        f"[bold]{model.name}[/bold]: {data.origins:,} weeks of {data.groups:,} groups, {data.before_death:,} of them "
        f"before a death; communities: {len(data.communities)}; {data.first_day} to {data.last_day}",
        soft_wrap=True,
    )
    console.print(Group(_scores(told), _parts(sample, unseen, told.left_out), _thresholds(told), _inputs(model)))


def _scores(told: Card) -> Table:
    table = _table("scores, with intervals of 95 %", "", *_HEADINGS)
    rows = {f"{told.left_out} left out": told.pooled, "seen in training": told.seen}
    if len(told.data.communities) > 1:
        rows[f"{told.left_out} left out, mean of communities"] = told.macro
    for title, scores in rows.items():
        table.add_row(title, *(scores[name] for name in MEASURES))
    return table


def _parts(sample: Sample, unseen: Floats, unit: str) -> Table:
    table = _table(
        f"where it is good ({unit} left out)", "", "weeks", "before a death", *_HEADINGS, "mean risk", "died"
    )
    for title, part in strata(sample):
        died, logit = sample.died[part], unseen[part]
        if died.any():
            measured = Ranked(logit, died, sample.group[part], len(sample.tracks))(np.ones(len(sample.tracks)))
            numbers = [f"{value:.3f}" if np.isfinite(value) else "-" for value in measured]
            risks = f"{sigmoid(logit).mean():.3f}", f"{died.mean():.3f}"
            table.add_row(title, f"{len(died):,}", f"{died.sum():,}", *numbers, *risks)
    return table


def strata(sample: Sample) -> Iterator[tuple[str, Bools]]:
    """Origins by size, age and community."""
    speakers, age = sample.speakers_28d, sample.age
    yield "below 5 speakers in 28 days", speakers < 5
    yield "5 to 20 speakers", (speakers >= 5) & (speakers <= 20)
    yield "above 20 speakers", speakers > 20
    yield "younger than a year", age < 365
    yield "a year and older", age >= 365
    for number, name in enumerate(sample.communities):
        yield name, sample.community == number


def _thresholds(told: Card) -> Table:
    table = _table("what a threshold buys (dying_risk)", "risk", "deaths found", "precision",
                   "false alarms a group-year", "alarms a group-year", "days of lead")  # fmt: skip
    for one in told.thresholds:
        shares = f"{one.recall:.0%}", f"{one.precision:.0%}"
        table.add_row(f"{one.dying_risk:.3f}", *shares, f"{one.false_alarms:.2f}", f"{one.alarms:.2f}",
                      f"{one.lead_days:.0f}")  # fmt: skip
    return table


def _inputs(model: Model) -> Table:
    table = _table("inputs", "driver", "input", "weight", "mean", "lowest", "highest", "")
    for one in model.inputs:
        numbers = (f"{value:.4g}" for value in (one.weight, one.mean, one.low, one.high))
        table.add_row(one.driver, one.name, *numbers, one.origin)
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    return table
