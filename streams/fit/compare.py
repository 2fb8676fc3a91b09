"""Whether a new model may take the place of the current one."""

import msgspec
import numpy as np

from streams.fit.card import communities_of, mark
from streams.fit.regression import logits
from streams.fit.sample import Sample
from streams.fit.scores import Interval, score
from streams.fit.tracks import Floats
from streams.vitals.risk import Model

DECISIVE = ("ap", "brier_skill")
"""What a worse model would lose: deaths ranked behind false alarms, or risks that are no probabilities."""


class Comparison(msgspec.Struct, frozen=True):
    """How far the new model is ahead of the current one, paired by draw."""

    ahead: dict[str, Interval]

    @property
    def is_worse(self) -> bool:
        """Whether it is surely behind in one of DECISIVE, or behind in all of them."""
        decisive = [self.ahead[name] for name in DECISIVE]
        return any(one.high < 0 for one in decisive) or all(one.value < 0 for one in decisive)

    def __str__(self) -> str:
        """In numbers."""
        return ", ".join(f"{name} {self.ahead[name].value:+.3f} [{self.ahead[name].low:+.3f}, "
                         f"{self.ahead[name].high:+.3f}]" for name in DECISIVE)  # fmt: skip


def compare(sample: Sample, current: Model, new: Model, unseen: Floats) -> Comparison:
    """On the same origins, like with like.

    The new one is judged by `unseen`, the logits of models that were fitted without the origins at hand. But where it
    has learnt from all communities that the current one has, those test neither, and it may have seen them too.
    """
    known = communities_of(current)
    marks = [mark(name) for name in sample.communities]
    if not known <= set(marks):
        known = frozenset()
    was_seen = np.array([one in known for one in marks])[sample.community]
    logit = np.where(was_seen, logits(new, sample.features), unseen)
    return Comparison(score(sample, logit).minus(score(sample, logits(current, sample.features))).intervals())
