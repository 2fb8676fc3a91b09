"""What the product said, held against what is true: recall and precision of each planted kind.

Groups and members are judged by what stands at the end of the last day; a silent leader by being warned of within two
weeks of the last word, and of nobody else; a playbook by its effect at the end.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from tests.planted.chain import Said
from tests.planted.fleet import Truth

DAY = 86_400_000
KINDS = ("opinion_leader", "silent_leader", "referral_fraud", "freebie_group", "ad_only", "monologue", "let_go",
         "keep_alive", "revival_helped", "revival_failed")  # fmt: skip
Key = tuple[str, str]
"""Group, and member or ""."""
Claims = set[Key] | None
"""What is said to be of a kind; None: the product has no word for it."""


class Score(NamedTuple):
    """How well a kind was told."""

    kind: str
    planted: int
    claimed: int
    right: int

    @property
    def recall(self) -> float:
        """Of what was planted, the share that was said."""
        return self.right / self.planted if self.planted else 1.0

    @property
    def precision(self) -> float:
        """Of what was said, the share that was planted; saying nothing at all is no precision."""
        return self.right / self.claimed if self.claimed else 0.0


def scores(said: Said, truth: Truth) -> list[Score]:
    """A score for each kind."""
    return [_score(kind, CLAIMS[kind](said, truth), truth) for kind in KINDS]


def _score(kind: str, claims: Claims, truth: Truth) -> Score:
    planted = {(one.group_id, one.member_id) for one in truth.planted if one.kind == kind}
    neutral = set(truth.neutral.get(kind, ()))
    counted = {key for key in claims or () if key in planted or key[0] not in neutral}
    return Score(kind, len(planted), len(counted), len(counted & planted))


def misses(said: Said, truth: Truth) -> dict[str, tuple[list[str], list[str]]]:
    """For each kind what was overlooked, and what was said wrongly, with the plot of its group."""
    found = {}
    for kind in KINDS:
        planted = {(one.group_id, one.member_id) for one in truth.planted if one.kind == kind}
        claims = CLAIMS[kind](said, truth) or set()
        neutral = set(truth.neutral.get(kind, ()))
        wrong = {key for key in claims - planted if key[0] not in neutral}
        found[kind] = _named(planted - claims, truth), _named(wrong, truth)
    return found


def _named(keys: set[Key], truth: Truth) -> list[str]:
    return [f"{group} {member} [{truth.plots.get(group)}]" for group, member in sorted(keys)]


def _by_vitals(test: Callable[[object], bool]) -> Callable[[Said, Truth], Claims]:
    return lambda said, _: {(group, "") for group, row in said.last.items() if test(row)}


def _nothing(_said: Said, _truth: Truth) -> Claims:
    return None


CLAIMS: Mapping[str, Callable[[Said, Truth], Claims]] = {
    "opinion_leader": _nothing,
    "silent_leader": _nothing,
    "referral_fraud": _nothing,
    "freebie_group": _nothing,
    "ad_only": _by_vitals(lambda row: bool(getattr(row, "is_ad_only", False))),
    "monologue": _by_vitals(lambda row: bool(getattr(row, "is_monologue", False))),
    "let_go": _by_vitals(lambda row: getattr(row, "step", "") == "let go"),
    "keep_alive": _by_vitals(lambda row: getattr(row, "step", "") == "keep"),
    "revival_helped": _nothing,
    "revival_failed": _nothing,
}
