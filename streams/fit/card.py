"""The card of a model: what it was fitted to, how, and how well it does, on what it has seen and what it has not."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import msgspec
import numpy as np

from streams import __version__
from streams.fit.alarms import THRESHOLDS, Case, Trade, trade_at
from streams.fit.folds import Fold, Unit
from streams.fit.regression import CLIPPED, COMMUNITY_POWER, DIGITS, RIDGE, logits
from streams.fit.sample import Sample
from streams.fit.scores import DRAWS, Scored, score
from streams.fit.tracks import Floats
from streams.vitals.calibration import DEATH_SHARE, HORIZON_DAYS, MIN_AGE_DAYS, ORIGIN_DAYS
from streams.vitals.policy import Policy
from streams.vitals.risk import Model

_EPOCH = date(1970, 1, 1).toordinal()

Scores = Mapping[str, str]
"""By measure: the number and its interval of 95 %."""


class Community(msgspec.Struct, frozen=True):
    """What a community gave to learn from."""

    groups: int
    origins: int
    before_death: int
    """Origins after which the group was dead for 56 days."""


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """What a model was fitted to; `first_day` and `last_day` are those of its member messages and events (UTC)."""

    files: tuple[str, ...]
    exclusions: str | None
    events: int
    first_day: str
    last_day: str
    groups: int
    origins: int
    before_death: int
    communities: Mapping[str, Community]
    """By `mark` of the community's name: a model may be shown to anybody, the names of brands may not."""


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """For people. `seen` are scores on the training data themselves; the others those of models that have not seen it.

    `left_out` says what was held out in turn: whole communities, or groups; `macro` is the mean over communities.
    """

    data: Data
    code: str
    recipe: Mapping[str, float | str]
    seen: Scores
    left_out: Unit
    pooled: Scores
    macro: Scores
    thresholds: tuple[Trade, ...]


RECIPE: Mapping[str, float | str] = {
    "target": f"mean of: the next {HORIZON_DAYS} days bring below {DEATH_SHARE:.0%}, and below {2 * DEATH_SHARE:.0%}, "
    "of what is usual",
    "origins": f"every {ORIGIN_DAYS} days from an age of {MIN_AGE_DAYS}, of groups that talk",
    "method": "logistic regression, signs given, then recalibrated to the label",
    "ridge_per_deviation": RIDGE,
    "clipped_quantile": CLIPPED,
    "origin_weight": f"(origins of the community)^-{COMMUNITY_POWER:g}",
    "digits": DIGITS,
    "bootstrap_draws": DRAWS,
}


class Unseen(msgspec.Struct, frozen=True, eq=False):
    """The fit judged on what it has not seen."""

    unit: Unit
    logit: Floats
    pooled: Scored
    macro: Scored


def card(model: Model, sample: Sample, data: Data, unseen: Unseen, thresholds: Sequence[Trade]) -> Card:
    """The card of a model that was fitted to all of a sample."""
    return Card(
        data=data,
        code=f"group-vitals {__version__}",
        recipe=RECIPE,
        seen=_told(score(sample, logits(model, sample.features))),
        left_out=unseen.unit,
        pooled=_told(unseen.pooled),
        macro=_told(unseen.macro),
        thresholds=tuple(thresholds),
    )


def _told(scored: Scored) -> Scores:
    return {name: str(interval) for name, interval in scored.intervals().items()}


def with_card(model: Model, told: Card) -> Model:
    """The model with its card in it."""
    return msgspec.structs.replace(model, card=msgspec.to_builtins(told))


def mark(community: str) -> str:
    """Tells a community from others without naming it: 8 hex digits of the name's SHA-256."""
    return hashlib.sha256(community.encode()).hexdigest()[:8]


def communities_of(model: Model) -> frozenset[str]:
    """The marks of the communities that a model was fitted to, if its card says so."""
    try:
        return frozenset(msgspec.convert(model.card.get("data"), Data).communities)
    except msgspec.ValidationError:
        return frozenset()


def describe(sample: Sample, files: Sequence[Path], exclusions: Path | None, events: int) -> Data:
    """The data of a sample. File names only: where they lay is nobody's business."""
    first = min(track.first_day for track in sample.tracks)
    last = max(track.first_day + track.age_days - 1 for track in sample.tracks)
    communities = {}
    for number, name in enumerate(sample.communities):
        mine = sample.community == number
        communities[mark(name)] = Community(
            groups=len(np.unique(sample.group[mine])),
            origins=int(mine.sum()),
            before_death=int(sample.died[mine].sum()),
        )
    return Data(
        files=tuple(path.name for path in files),
        exclusions=exclusions.name if exclusions else None,
        events=events,
        first_day=date.fromordinal(_EPOCH + first).isoformat(),
        last_day=date.fromordinal(_EPOCH + last).isoformat(),
        groups=len(sample.tracks),
        origins=len(sample.died),
        before_death=int(sample.died.sum()),
        communities=communities,
    )


def thresholds(sample: Sample, parts: Sequence[Fold], policy: Policy) -> list[Trade]:
    """What each threshold would have meant, each group judged by the model that has not seen it."""
    cases: list[Case] = [
        (sample.tracks[group], sample.labels[group], logits(fold.model, sample.tracks[group].features))
        for fold in parts
        for group in fold.groups
    ]
    return [trade_at(cases, policy, one) for one in THRESHOLDS]
