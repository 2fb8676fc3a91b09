"""What the product said, held against what is true: recall and precision of each planted kind.

Groups and members are judged by what stands at the end of the last day; a silent leader by being warned of within two
weeks of the last word, whatever was said of a lull before it, and of nobody else; a playbook by its effect at the end.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from streams.vitals.rows import GroupVitals
from tests.planted.chain import Said
from tests.planted.fleet import Truth
from tests.planted.playbooks import effect

DAY = 86_400_000
SOON = 15 * DAY
KINDS = ("opinion_leader", "silent_leader", "referral_fraud", "freebie_group", "ad_only", "monologue", "let_go",
         "keep_alive", "revival_helped", "revival_failed")  # fmt: skip
HELPED = {"helped", "likely helped"}
"""What an operator would repeat. Who says "cannot tell" before her boss does not claim that it helped, nor that it did
not: but nothing is said to have come of it, and so it counts as one that did not."""
Key = tuple[str, str]
"""Group, and member or ""."""
Claims = set[Key]
"""What is said to be of a kind."""


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


def scores(said: Mapping[str, Claims], truth: Truth) -> list[Score]:
    """A score for each kind."""
    return [_score(kind, said[kind], truth) for kind in KINDS]


def _score(kind: str, claims: Claims, truth: Truth) -> Score:
    planted, neutral = _true(kind, truth)
    counted = claims - neutral
    return Score(kind, len(planted), len(counted), len(counted & planted))


def misses(said: Mapping[str, Claims], truth: Truth) -> dict[str, tuple[list[str], list[str]]]:
    """For each kind what was overlooked, and what was said wrongly, with the plot of its group."""
    found = {}
    for kind in KINDS:
        planted, neutral = _true(kind, truth)
        found[kind] = _named(planted - said[kind], truth), _named(said[kind] - planted - neutral, truth)
    return found


def claims(said: Said, truth: Truth) -> dict[str, Claims]:
    """What the folds said, by kind."""
    return {kind: CLAIMS[kind](said, truth) for kind in KINDS}


def _true(kind: str, truth: Truth) -> tuple[set[Key], set[Key]]:
    """What was planted of a kind, and what counts neither way."""
    neutral = set(truth.neutral.get(kind, ()))
    return {(one.group_id, one.member_id) for one in truth.planted if one.kind == kind} - neutral, neutral


def _named(keys: set[Key], truth: Truth) -> list[str]:
    return [f"{group} {member} [{truth.plots.get(group)}]" for group, member in sorted(keys)]


def _by_vitals(test: Callable[[GroupVitals], bool]) -> Callable[[Said, Truth], Claims]:
    return lambda said, _: {(group, "") for group, row in said.last.items() if test(row)}


def _leaders(said: Said, _: Truth) -> Claims:
    """Those of each group's latest row."""
    latest = _people(said)
    return {
        (row.group_id, row.member_id)
        for row in said.insights.get("OpinionLeader", [])
        if row.at == latest[row.group_id].at
    }


def _people(said: Said) -> dict[str, Any]:
    return {row.group_id: row for row in said.insights.get("GroupPeople", [])}


def _silent_leaders(said: Said, truth: Truth) -> Claims:
    rows = said.insights.get("OpinionLeader", [])
    return in_time(((row.group_id, row.member_id, row.at, row.is_silent) for row in rows), truth)


def in_time(rows: Iterable[tuple[str, str, int, bool]], truth: Truth) -> Claims:
    """Who was said to have fallen silent; of a leader who did, only if a warning began in time.

    Rows are group, member, time and whether they are silent, in order of time. Each warning is judged by when it began:
    of a leader who was warned of in a lull, came back and fell silent for good, the second counts.
    """
    planted = {(one.group_id, one.member_id): one.at for one in truth.planted if one.kind == "silent_leader"}
    told, was = set[Key](), dict[Key, bool]()
    for group, member, at, is_silent in rows:
        key = group, member
        if is_silent and not was.get(key) and (key not in planted or planted[key] <= at <= planted[key] + SOON):
            told.add(key)
        was[key] = is_silent
    return told


def _fraud(said: Said, _: Truth) -> Claims:
    latest = {(row.group_id, row.member_id): row for row in said.insights.get("ReferralRoot", [])}
    return {key for key, row in latest.items() if row.flags}


def _freebie_groups(said: Said, _: Truth) -> Claims:
    """Of whom it is said that nobody ever bought and whoever does anything only claims."""
    reasons = ((group, {reason.code for reason in row.advice_reasons}) for group, row in said.last.items())
    return {(group, "") for group, codes in reasons if "only_takers" in codes}


def _revivals(*, helped: bool) -> Callable[[Said, Truth], Claims]:
    """The playbooks of which it is said that they helped or likely did, or of which it is not."""

    def said_so(said: Said, truth: Truth) -> Claims:
        touched = {one.group_id: one.at for one in truth.planted if one.kind.startswith("revival")}
        effects = {group: effect(said, group, at, touched) for group, at in touched.items()}
        return {(group, "") for group, found in effects.items() if (found.answer in HELPED) == helped}

    return said_so


CLAIMS: Mapping[str, Callable[[Said, Truth], Claims]] = {
    "opinion_leader": _leaders,
    "silent_leader": _silent_leaders,
    "referral_fraud": _fraud,
    "freebie_group": _freebie_groups,
    "ad_only": _by_vitals(lambda row: row.is_ad_only),
    "monologue": _by_vitals(lambda row: row.is_monologue),
    "let_go": _by_vitals(lambda row: row.advice == "let go"),
    "keep_alive": _by_vitals(lambda row: row.advice == "keep"),
    "revival_helped": _revivals(helped=True),
    "revival_failed": _revivals(helped=False),
}
