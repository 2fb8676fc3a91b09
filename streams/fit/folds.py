"""Parts of the groups that are held out in turn, so that a model is judged on what it has not seen."""

from typing import Literal

import msgspec
import numpy as np

from streams.fit.regression import fit_model, logits
from streams.fit.sample import Sample
from streams.fit.tracks import Bools, Floats, Ints
from streams.vitals.risk import Model

Unit = Literal["community", "group"]
GROUP_FOLDS = 5


class Fold(msgspec.Struct, frozen=True, eq=False):
    """One part: `held_out` marks its origins, `groups` are its groups; `model` was fitted on the others."""

    title: str
    held_out: Bools
    groups: Ints
    model: Model


def usual_unit(sample: Sample) -> Unit:
    """What to hold out: communities, or groups where there is only one community."""
    return "community" if len(sample.communities) > 1 else "group"


def folds(base: Model, name: str, sample: Sample, unit: Unit) -> list[Fold]:
    """A model for each part: each community, or GROUP_FOLDS parts of whole groups with about as many origins each."""
    parts = sample.community if unit == "community" else _dealt(sample)
    titles = sample.communities if unit == "community" else tuple(f"part {n + 1}" for n in range(GROUP_FOLDS))
    return [
        Fold(
            title,
            parts == number,
            np.unique(sample.group[parts == number]),
            fit_model(base, name, sample.part(parts != number)),
        )
        for number, title in enumerate(titles)
    ]


def left_out(sample: Sample, parts: list[Fold]) -> Floats:
    """The logit of each origin by the model that has not seen it."""
    found = np.empty(len(sample.died))
    for fold in parts:
        found[fold.held_out] = logits(fold.model, sample.features[fold.held_out])
    return found


def _dealt(sample: Sample) -> Ints:
    """The part of each origin: groups, those with most origins first, each to the part that has least so far."""
    sizes = np.bincount(sample.group, minlength=len(sample.tracks))
    part_of, load = np.zeros(len(sizes), np.int64), np.zeros(GROUP_FOLDS, np.int64)
    for group in np.argsort(-sizes, kind="stable"):
        part_of[group] = np.argmin(load)
        load[part_of[group]] += sizes[group]
    return part_of[sample.group]
