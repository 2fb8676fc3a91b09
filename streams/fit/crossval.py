"""Verdicts by models, and by thresholds, that have not seen the group they judge."""

from collections.abc import Callable, Mapping

import msgspec

from streams.fit.alarms import Case, choose
from streams.fit.folds import Fold, Unit
from streams.fit.regression import fit_model, logits
from streams.fit.sample import Sample
from streams.vitals.policy import Policy
from streams.vitals.risk import Model


class Judge(msgspec.Struct, frozen=True):
    """What judges a part of the groups."""

    model: Model
    policy: Policy


def judges(
    base: Model, sample: Sample, parts: list[Fold], policy: Policy, told: Callable[[str, Judge], None]
) -> list[Judge]:
    """For each part its model, and the threshold that was best for the other parts.

    The threshold is chosen on risks by models that have seen neither the part nor the group at hand; where there are
    two parts only, by the part's own model. `told` hears of each.
    """
    found = []
    inner: dict[frozenset[int], Model] = {}
    for number, fold in enumerate(parts):
        cases: list[Case] = []
        for other, seen in enumerate(parts):
            if other == number:
                continue
            pair = frozenset((number, other))
            if len(parts) > 2 and pair not in inner:
                inner[pair] = fit_model(base, fold.model.name, sample.part(~fold.held_out & ~seen.held_out))
            model = inner.get(pair, fold.model)
            cases += [
                (sample.tracks[group], sample.labels[group], logits(model, sample.tracks[group].features))
                for group in seen.groups
            ]
        judge = Judge(fold.model, choose(cases, policy))
        told(fold.title, judge)
        found.append(judge)
    return found


def by_name(sample: Sample, parts: list[Fold], found: list[Judge], unit: Unit) -> Mapping[str, Judge]:
    """The judges by community, or by group_id."""
    if unit == "community":
        return {fold.title: judge for fold, judge in zip(parts, found, strict=True)}
    return {
        sample.tracks[group].group_id: judge for fold, judge in zip(parts, found, strict=True) for group in fold.groups
    }
