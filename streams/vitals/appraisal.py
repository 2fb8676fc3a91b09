"""Whether a group is worth saving: parts 0..1 from what is known of it, a worth 0..100, and the step that follows.

Pure arithmetic on `Facts`; `worth.py` gathers them. Every threshold is in `WorthPolicy`, with its reason.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from streams.vitals.policy import WorthPolicy
from streams.vitals.rows import Reason

Step = Literal["", "revive", "probe", "merge", "keep", "let go"]
"""What to do about a group; "" where nothing needs be done or none was judged."""
PARTS = ("conversion", "residue", "network", "reach", "care", "freebie")
RULE_REASONS = ("only_takers", "made_for_ads", "only_ads", "posts_are_ads", "nobody_leaves", "little_known")
"""What decides before the formula; else the reasons are parts, by their codes."""
ILL = ("fading", "dying", "dead")
"""Verdicts of groups that need a step."""
EVIDENCE = 2
"""So many parts are told as the reasons of a step that the formula gave."""


class Facts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of a group on the day that it is judged. None: it cannot be known from what its sources tell.

    `members` are here now; `people` were here at some time of the year. Money is in minor units of one currency.
    `payers` are members who bought within the year, `revenue_half` the reference of WorthPolicy. `benefit_lift` is the
    revenue of the days after benefits beyond that of those before, `benefit_cost` what those benefits cost.
    `regulars` once wrote every week, `core` are the few who once wrote most; `_here` of them are still members.
    `gone` left within `network_days`; None where leaving means nothing or is not told. `claimers` of `exposed` claimed
    the last benefit. `answered` is the share of member messages answered while the group was well. Of the `doers`, who
    ever did anything here, the `takers` only took benefits. `posts` and `ads` are planned posts of `network_days`.
    `ad_share` is that of the messages of a group that is nothing but advertising, by `ad_senders` people; else None.
    """

    verdict: str
    purpose: str = ""
    age_days: int = 0
    members: int = 0
    people: int = 0
    is_selling: bool = False
    has_bought: bool = False
    payers: int | None = None
    revenue: int = 0
    revenue_half: int | None = None
    benefit_lift: float | None = None
    benefit_cost: int = 0
    regulars: int | None = None
    regulars_here: int = 0
    core: int = 0
    core_here: int = 0
    gone: int | None = None
    muted: int | None = None
    claimers: int = 0
    exposed: int | None = None
    answered: float | None = None
    doers: int | None = None
    takers: int = 0
    posts: int = 0
    ads: int = 0
    messages: int = 0
    ad_share: float | None = None
    ad_senders: int = 0


class Appraisal(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A group's worth 0..100, None where nothing is known; `known`, 0..1, is the weight of the parts that are.

    `parts` are those that are known, each with its evidence, its `value` 0..1 and its `points`, which add up to the
    worth before it is cut off at 0. Appended fields need defaults.
    """

    worth: float | None = None
    known: float = 0.0
    step: str = ""
    reasons: tuple[Reason, ...] = ()
    parts: tuple[Reason, ...] = ()
    revenue_at_risk: int = 0


def appraise(facts: Facts, policy: WorthPolicy, revenue_at_risk: int = 0) -> Appraisal:
    """The worth of a group by its facts, the step by the first rule that holds, and why."""
    evidence = {
        "conversion": _conversion(facts, policy),
        "residue": _residue(facts),
        "network": _network(facts),
        "reach": _reach(facts),
        "care": {} if facts.answered is None else {"value": facts.answered, "answered": facts.answered},
        "freebie": _freebie(facts),
    }
    known = sum([weight for part, weight in policy.parts.items() if "value" in evidence[part]], start=0.0)
    weights = {part: weight / (known or 1.0) for part, weight in policy.parts.items() if "value" in evidence[part]}
    weights["freebie"] = -policy.freebie_weight
    parts = tuple([_part(code, evidence[code], weights[code]) for code in PARTS if "value" in evidence[code]])
    points = sum(part.numbers["points"] for part in parts)
    worth = round(min(100.0, max(0.0, points)), 2) if known else None
    step, reasons = _step(facts, policy, worth, known, parts)
    return Appraisal(worth, round(known, 3), step, reasons, parts, revenue_at_risk)


def saturated(value: float, half: float) -> float:
    """0..1: half a point at `half`, ever slower towards a whole one; nothing for what is below zero."""
    return max(0.0, value) / (max(0.0, value) + half)


def _part(code: str, numbers: Mapping[str, float], weight: float) -> Reason:
    told = {**numbers, "points": 100 * weight * numbers["value"]}
    return Reason(code, {name: round(float(number), 4) for name, number in told.items()})


def _conversion(facts: Facts, policy: WorthPolicy) -> dict[str, float]:
    """Who of the members pays, what they bring, and what benefits brought back. Unknown in a group that sells nothing.

    Revenue goes over all who were here within the year, else it would grow with each member that leaves.
    """
    if not facts.is_selling or not facts.people:
        return {}
    found: dict[str, float] = {}
    shares: dict[str, float] = {}
    if facts.payers is not None and facts.members:
        found |= {"payers": facts.payers, "members": facts.members}
        shares["payers"] = saturated(facts.payers / facts.members, policy.payers_half)
    if facts.revenue_half:
        found["revenue_per_member"] = facts.revenue / facts.people
        shares["revenue"] = saturated(facts.revenue / facts.people, facts.revenue_half)
    if facts.benefit_lift is not None and facts.benefit_cost > 0:
        found["benefit_return"] = facts.benefit_lift / facts.benefit_cost
        shares["benefits"] = saturated(facts.benefit_lift / facts.benefit_cost, policy.benefit_half)
    return _weighted(shares, policy.conversion_parts) | found


def _residue(facts: Facts) -> dict[str, float]:
    """Of those who once wrote every week, and of the few who wrote most, how many are still here."""
    found: dict[str, float] = {}
    shares: dict[str, float] = {}
    if facts.regulars:
        found |= {"regulars": facts.regulars, "regulars_here": facts.regulars_here}
        shares["regulars"] = facts.regulars_here / facts.regulars
    if facts.regulars is not None and facts.core:
        found |= {"core": facts.core, "core_here": facts.core_here}
        shares["core"] = facts.core_here / facts.core
    return _weighted(shares, dict.fromkeys(shares, 1.0)) | found


def _network(facts: Facts) -> dict[str, float]:
    if facts.gone is None or not facts.members + facts.gone:
        return {}
    rate = facts.gone / (facts.members + facts.gone)
    return {"value": 1 - rate, "gone": facts.gone, "members": facts.members, "leave_rate": rate}


def _reach(facts: Facts) -> dict[str, float]:
    """Who would hear of anything: those who did not mute, and those who claimed the last benefit."""
    found: dict[str, float] = {}
    shares: dict[str, float] = {}
    if facts.muted is not None and facts.members:
        found |= {"muted": facts.muted, "members": facts.members}
        shares["muted"] = 1 - min(1.0, facts.muted / facts.members)
    if facts.exposed:
        found |= {"claimers": facts.claimers, "exposed": facts.exposed}
        shares["claimed"] = min(1.0, facts.claimers / facts.exposed)
    return _weighted(shares, dict.fromkeys(shares, 1.0)) | found


def _freebie(facts: Facts) -> dict[str, float]:
    if not facts.doers:
        return {}
    return {"value": facts.takers / facts.doers, "takers": facts.takers, "doers": facts.doers}


def _weighted(shares: Mapping[str, float], weights: Mapping[str, float]) -> dict[str, float]:
    """The mean of what is known, as `value`; nothing if nothing is."""
    total = sum(weights[name] for name in shares)
    return {"value": sum(weights[name] * share for name, share in shares.items()) / total} if total else {}


def _step(
    facts: Facts, policy: WorthPolicy, worth: float | None, known: float, parts: tuple[Reason, ...]
) -> tuple[Step, tuple[Reason, ...]]:
    if facts.verdict == "ended":
        return "", ()
    if facts.verdict == "forming":
        return _never_formed(facts, policy)
    if (reason := _beyond_saving(facts, policy, parts)) is not None:
        return "let go", (reason,)
    if (reason := _address_book(facts, policy, parts)) is not None:
        return "keep", (reason,)
    return _by_worth(worth, known, parts, policy) if facts.verdict in ILL else ("", ())


def _never_formed(facts: Facts, policy: WorthPolicy) -> tuple[Step, tuple[Reason, ...]]:
    """A group that is still forming needs no step, but where for months nothing came but ads nobody will ever talk."""
    may_come = facts.has_bought or facts.age_days < policy.let_go_least_days
    reason = None if may_come else _only_ads(facts, policy)
    return ("", ()) if reason is None else ("let go", (reason,))


def _by_worth(
    worth: float | None, known: float, parts: tuple[Reason, ...], policy: WorthPolicy
) -> tuple[Step, tuple[Reason, ...]]:
    best, worst = (_telling(parts, policy, is_best=is_best) for is_best in (True, False))
    if worth is None or known < policy.least_known:
        return "probe", (Reason("little_known", {"known": round(known, 3)}), *best[:1])
    if worth >= policy.revive_worth:
        return "revive", best
    return ("probe", (*best[:1], *worst[:1])) if worth >= policy.probe_worth else ("merge", worst)


def _address_book(facts: Facts, policy: WorthPolicy, parts: Iterable[Reason]) -> Reason | None:
    """Why a quiet group is kept: it is for knowing each other, and nobody leaves. It may always have been quiet."""
    numbers = _numbers(parts, "network")
    is_whole = numbers.get("leave_rate", 1.0) < policy.keep_leaves
    is_quiet = facts.verdict in ILL or facts.messages < policy.quiet_messages
    if facts.purpose not in policy.keep_purposes or not is_whole or not is_quiet:
        return None
    return Reason("nobody_leaves", {name: numbers[name] for name in ("gone", "members")})


def _beyond_saving(facts: Facts, policy: WorthPolicy, parts: Iterable[Reason]) -> Reason | None:
    """Why a group is let go however large it is. That nobody bought must be known: no number is no zero."""
    freebie = _numbers(parts, "freebie")
    is_taken = freebie.get("value", 0.0) >= policy.let_go_freebie
    is_old = facts.age_days >= policy.let_go_least_days
    if is_old and facts.is_selling and not facts.has_bought and is_taken:
        return Reason("only_takers", {name: freebie[name] for name in ("takers", "doers")})
    if facts.purpose in policy.let_go_purposes:
        return Reason("made_for_ads", {})
    return None if facts.has_bought else _only_ads(facts, policy)


def _only_ads(facts: Facts, policy: WorthPolicy) -> Reason | None:
    """Whether a group has become one for ads, whatever it was made for.

    Asked only of one that never bought: where members buy, who floods it with ads is to stop, not the group.
    """
    if facts.ad_share is not None:
        return Reason("only_ads", {"share": facts.ad_share, "senders": float(facts.ad_senders)})
    if facts.posts < policy.ads_least_posts or 2 * facts.ads <= facts.posts or facts.ads <= facts.messages:
        return None
    numbers = {"ads": facts.ads, "posts": facts.posts, "messages": facts.messages, "days": policy.network_days}
    return Reason("posts_are_ads", {name: float(number) for name, number in numbers.items()})


def _numbers(parts: Iterable[Reason], code: str) -> Mapping[str, float]:
    """What is known of a part, which may be nothing."""
    return next((part.numbers for part in parts if part.code == code), {})


def _telling(parts: Iterable[Reason], policy: WorthPolicy, *, is_best: bool) -> tuple[Reason, ...]:
    """The parts that spoke most for a group, or against it: by how far they are from half a point, weighed."""
    pulls = {part.code: _pull(part, policy) for part in parts}
    wanted = [part for part in parts if (pulls[part.code] > 0 if is_best else pulls[part.code] < 0)]
    return tuple(sorted(wanted, key=lambda part: -abs(pulls[part.code]))[:EVIDENCE])


def _pull(part: Reason, policy: WorthPolicy) -> float:
    if part.code == "freebie":
        return -policy.freebie_weight * part.numbers["value"]
    return policy.parts[part.code] * (part.numbers["value"] - 0.5)
