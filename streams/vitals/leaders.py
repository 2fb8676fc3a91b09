"""Opinion leaders: to whom the others of a group turn, whether they fell silent, and how few carry the talk.

Whoever only writes much is no leader. Each candidate is measured by four numbers: PageRank on the answers of 13 weeks,
which fade by half every 28 days; how many different members answered; how many messages followed theirs in 15 minutes
beyond what that hour usually brings; how many orders those who answer them placed. The score is the mean of their
percentiles among all who wrote in that time, of those numbers that the group has. Named are at most three, of more than
300 members one in a hundred, ten at most; and only with evidence that others turn to them: see `CarrierPolicy`.

Answers are replies and mentions. Where a platform tells of neither, an answer is to be among the first three to speak
within five minutes after a message that opened a window of talk; what the windows of others bring is chance.

Ranked when a week of the group's life is over that brought news; whether a leader fell silent is looked at every day.
Weeks differ by chance, so what one ranking does not show two in a row may: whoever is near the evidence twice is named,
whoever is named stays so with a little less, and nobody is worried about whom a single ranking just so named.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping
from math import fsum, log, sqrt
from operator import itemgetter

import msgspec

from streams.vitals.ledger import Ledger, People
from streams.vitals.members import HALF_LIFE_DAYS, Member, decay
from streams.vitals.panes import day_of
from streams.vitals.policy import DAY_MS, CarrierPolicy
from streams.vitals.ties import KEPT_DAYS, NUMBER_BITS, UNIT, Ties

DAMPING = 0.85
"""PageRank's own (Brin and Page, 1998): of six steps along the answers one begins anew anywhere."""
ROUNDS = 60
STILL = 1e-5
"""A round that moves no rank further than this is the last: percentiles ask for no more. Six to ten rounds mostly."""
_NUMBER = (1 << NUMBER_BITS) - 1


class Leader(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One who is turned to, by answers and elicited messages that have faded. Appended fields need defaults.

    `lift` is how many times more answers they draw than their share of the talk explains. `is_sure` says that two
    rankings, or one beyond doubt, saw it: only then does anybody worry about their silence.
    """

    member_id: str
    score: float
    answers: float
    repliers: int
    lift: float
    elicited: float
    orders: int
    is_sure: bool = True


class Leaders(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Who carries a group. Appended fields need defaults.

    `basis` is what they were found by, "replies" or "timing", "" where nobody answers. `bus_factor` members wrote half
    of the messages of 28 days, 0 if there were none; member `top` wrote `top_share` of them. `silent` are the leaders
    who fell silent or left; `is_carried` says that one member carries the talk.
    """

    basis: str = ""
    leaders: tuple[Leader, ...] = ()
    bus_factor: int = 0
    top: int = -1
    top_share: float = 0.0
    silent: tuple[str, ...] = ()
    is_carried: bool = False


class Answers(msgspec.Struct, frozen=True, gc=False):
    """Who answers whom: `edges` by key, in answers of today.

    By member, how many they drew, and how many they would by chance.
    """

    edges: Mapping[int, float]
    drawn: Mapping[int, float]
    by_chance: Mapping[int, float]


class Before(msgspec.Struct, frozen=True, gc=False):
    """What the ranking before came to: by pseudonym whether it was sure of those named, and the numbers of the near."""

    named: Mapping[str, bool]
    near: Collection[int]


def rank(
    ties: Ties, ledger: Ledger, was: Iterable[Leader], day: int, policy: CarrierPolicy
) -> tuple[str, tuple[Leader, ...]] | None:
    """The basis, and the leaders at the end of a week, the first first; None if they are as they `was`."""
    weights = ties.settle(policy.news_least, policy.rank_weeks)
    if weights is None:
        return None
    people = _people(ledger, day)
    talk = {number: member.score * decay(day - member.score_day) for number, (_, member) in people.items()}
    replies = _known(weights[0], talk)
    told = fsum(replies.values()) * 2**ties.replies.level
    ties.is_timed = told < max(policy.replies_least, policy.replies_share * fsum(talk.values()))
    if ties.is_timed:
        basis, answers = "timing", of_timing(_known(weights[1], talk), ties.sparks.opened, ties.follows.level)
    else:
        basis, answers = "replies", _answers(replies, talk)
    near, ties.near = frozenset(ties.near), []
    if not answers.edges:
        return "", ()
    before = Before({one.member_id: one.is_sure for one in was}, near)
    most = min(policy.leaders_most, max(policy.leaders_least, round(policy.leaders_share * ledger.members)))
    return basis, tuple(_leaders(answers, ties, before, people, day, policy)[:most])


def of_timing(follows: Mapping[int, float], opened: Mapping[int, int], level: int) -> Answers:
    """What is more than chance in who is among the first to speak in whose windows, see `ties.py`.

    By chance a window of theirs brings as many as one of the others. An edge is how much more often somebody spoke
    after another than if they had chosen among all windows of others.
    """
    total, out = sum(opened.values()), _out(follows)
    edges, drawn = {}, _drawn(follows)
    for key, weight in follows.items():
        source, target = key >> NUMBER_BITS, key & _NUMBER
        others = total - opened.get(source, 0)
        beyond = weight - out[source] * 2**level * opened.get(target, 0) / max(others, 1)
        if beyond > 0:
            edges[key] = beyond
    in_all = fsum(drawn.values())
    by_chance = {
        number: (in_all - drawn[number]) * opened.get(number, 0) / max(total - opened.get(number, 0), 1)
        for number in drawn
    }
    return Answers(edges, drawn, by_chance)


def page_rank(edges: Mapping[int, float]) -> dict[int, float]:
    """PageRank by member number: the share of their walk that readers who follow answers spend at each. Adds up to 1.

    Edges in their order, so that the same edges give the same doubles everywhere.
    """
    numbers = sorted({number for key in edges for number in (key >> NUMBER_BITS, key & _NUMBER)})
    place = {number: index for index, number in enumerate(numbers)}
    out = _out(edges)
    steps = [
        (place[key >> NUMBER_BITS], place[key & _NUMBER], DAMPING * weight / out[key >> NUMBER_BITS])
        for key, weight in edges.items()
    ]
    mute = [place[number] for number in numbers if number not in out]
    ranks = [1 / len(numbers)] * len(numbers)
    for _ in range(ROUNDS):
        anywhere = 1 - DAMPING + DAMPING * fsum(ranks[index] for index in mute)
        moved = [anywhere / len(numbers)] * len(numbers)
        for source, target, share in steps:
            moved[target] += share * ranks[source]
        is_still = max(map(abs, map(float.__sub__, moved, ranks))) < STILL
        ranks = moved
        if is_still:
            break
    return {number: round(ranks[index], 9) for number, index in place.items()}


def percentiles(values: Mapping[int, float], among: Collection[int], of: Iterable[int]) -> dict[int, float]:
    """The percentile 0..1 of each: the share of `among` below, and half of those level with it. No value is 0."""
    ordered = sorted([values.get(number, 0) for number in among])
    found = {}
    for number in of:
        value = values.get(number, 0)
        found[number] = (bisect_left(ordered, value) + bisect_right(ordered, value)) / (2 * len(ordered))
    return found


def carriers(talk: Mapping[int, int]) -> tuple[int, int, float]:
    """The bus factor, who wrote most, and their share, of messages by member number; 0, -1 and 0 of none."""
    ordered = sorted(talk.values(), reverse=True)
    half, written, count = sum(ordered) / 2, 0, 0
    while written < half:
        written += ordered[count]
        count += 1
    if not ordered:
        return 0, -1, 0.0
    top = min(number for number, messages in talk.items() if messages == ordered[0])
    return count, top, round(ordered[0] / (2 * half), 3)


def silent(
    leaders: Iterable[Leader], look: Callable[[str], Member | None], day: int, policy: CarrierPolicy
) -> tuple[str, ...]:
    """Those of the sure leaders who left, or have not written for a week and for five times their usual pause.

    Who writes n decayed messages writes n × ln 2 ÷ 28 of them a day.
    """
    sure = [one.member_id for one in leaders if one.is_sure]
    return tuple([one for one in sure if _is_silent(look(one), day, policy)])


def _is_silent(member: Member | None, day: int, policy: CarrierPolicy) -> bool:
    if member is None or not member.is_present:
        return True
    quiet = day - day_of(member.last_message_at or 0)
    pause = HALF_LIFE_DAYS / (max(member.score, 1.0) * log(2))
    return quiet >= max(policy.leader_silent_days, policy.leader_pauses * pause)


def _people(ledger: Ledger, day: int) -> People:
    """The members who wrote in the weeks that count; who left since is still missed."""
    since, found = (day + 1 - KEPT_DAYS) * DAY_MS, {}
    for member_id, seen in ledger.glance_each():
        last = seen.last_message_at
        if last is not None and last >= since and seen.role == "member":
            member = ledger.look(member_id)
            assert member is not None, member_id  # noqa: S101  as it was seen
            found[member.number] = (member_id, member)
    return found


def _known(weights: Mapping[int, int], talk: Mapping[int, float]) -> dict[int, float]:
    """The edges between those who count, in answers of today."""
    return {
        key: weight / UNIT for key, weight in weights.items() if key >> NUMBER_BITS in talk and key & _NUMBER in talk
    }


def _drawn(edges: Mapping[int, float]) -> dict[int, float]:
    drawn: dict[int, float] = {}
    for key, weight in edges.items():
        drawn[key & _NUMBER] = drawn.get(key & _NUMBER, 0.0) + weight
    return drawn


def _out(edges: Mapping[int, float]) -> dict[int, float]:
    out: dict[int, float] = {}
    for key, weight in edges.items():
        out[key >> NUMBER_BITS] = out.get(key >> NUMBER_BITS, 0.0) + weight
    return out


def _answers(edges: Mapping[int, float], talk: Mapping[int, float]) -> Answers:
    """What each drew by replies. By chance whoever answers picks among the others by how much those write."""
    drawn = _drawn(edges)
    total = fsum(talk.values())
    offered = {source: weight / max(total - talk[source], 1e-9) for source, weight in _out(edges).items()}
    in_all = fsum(offered.values())
    by_chance = {number: talk[number] * (in_all - offered.get(number, 0.0)) for number in drawn}
    return Answers(edges, drawn, by_chance)


def _deviations(answers: Answers, number: int, least: float, lift: float) -> float:
    """Poisson deviations of what one draws beyond chance; 0 of too few answers, or too few times those by chance."""
    drawn, chance = answers.drawn[number], answers.by_chance[number]
    return (drawn - chance) / sqrt(max(chance, 1.0)) if drawn >= least and drawn >= lift * chance else 0.0


def turned_to(
    answers: Answers, before: Before, repliers: Mapping[int, list[int]], people: People, policy: CarrierPolicy
) -> tuple[dict[int, bool], list[int]]:
    """For whom there is evidence, and whether it is sure; and who comes near it.

    Evidence is several people, and more answers than much talk by itself would draw.
    """
    found, near = dict[int, bool](), list[int]()
    for number in [number for number, sources in repliers.items() if len(sources) >= policy.leader_repliers]:
        was_sure = before.named.get(people[number][0])
        beyond = _deviations(answers, number, policy.leader_answers, policy.leader_lift)
        kept = _deviations(answers, number, policy.leader_kept_answers, policy.leader_kept_lift)
        is_near = beyond >= policy.leader_near_sigmas
        is_again = is_near and (was_sure is not None or number in before.near)
        is_kept = was_sure is not None and kept >= policy.leader_kept_sigmas
        if is_again or is_kept or beyond >= policy.leader_sigmas:
            found[number] = is_again or bool(was_sure) or beyond >= policy.leader_sure_sigmas
        elif is_near:
            near.append(number)
    return found, sorted(near)


def _has_stayed(member: Member, day: int, policy: CarrierPolicy) -> bool:
    return day - day_of(member.first_message_at or 0) >= policy.leader_days


def _leaders(
    answers: Answers, ties: Ties, before: Before, people: People, day: int, policy: CarrierPolicy
) -> list[Leader]:
    """Those with evidence, by their score; at equal score the earlier member first. Most groups and weeks have none."""
    repliers: dict[int, list[int]] = {}
    for key in answers.edges:
        repliers.setdefault(key & _NUMBER, []).append(key >> NUMBER_BITS)
    known = {number: sources for number, sources in repliers.items() if _has_stayed(people[number][1], day, policy)}
    is_sure, ties.near = turned_to(answers, before, known, people, policy)
    if not is_sure:
        return []
    orders = {number: sum(_orders(people[one][1]) for one in sources) for number, sources in repliers.items()}
    measures: list[Mapping[int, float]] = [
        page_rank(answers.edges),
        {number: len(sources) for number, sources in repliers.items()},
    ]
    measures += [known for known in (ties.sparks.above, orders) if any(known.values())]
    of_each = [percentiles(known, people, is_sure) for known in measures]
    found = []
    for number in is_sure:
        score = round(fsum(one[number] for one in of_each) / len(of_each), 4)
        leader = Leader(
            people[number][0],
            score=score,
            answers=round(answers.drawn[number], 2),
            repliers=len(repliers[number]),
            lift=round(answers.drawn[number] / max(answers.by_chance[number], 0.01), 2),
            elicited=round(ties.sparks.above.get(number, 0) / UNIT, 1),
            orders=orders[number],
            is_sure=is_sure[number],
        )
        found.append((-score, number, leader))
    return [leader for _, _, leader in sorted(found, key=itemgetter(0, 1))]


def _orders(member: Member) -> int:
    return 0 if member.trade is None else member.trade.orders
