"""How often the interval of a playbook's effect holds the truth: `python -m tests.playbook [--cases 1000] [--seed 1]`.

Brands of groups whose talk, buyers and money wander by themselves: levels tenfold and more apart, weeks that hang
together with heavy tails, seasons of all, groups that fade, one in twelve that dies within eight weeks,
counts more scattered than chance, many weeks without an order. One group is picked as an operator picks: of those that
have just fallen. In half of the cases nothing comes of it, in the others so much is added to what comes anyway: the
truth is what was added, and is known here as it never is. How the effect is found is not known here.
"""

import sys
from collections import Counter
from math import exp, log
from random import Random
from typing import NamedTuple

import click

from streams.playbook.effect import MEASURES, Days, Estimate, Measure, Subject, estimate

WEEKS, START = 16, 12
FACTORS = (1.5, 2.0, 3.0)


class World(NamedTuple):
    """How much groups wander by themselves, from week to week and apart from chance."""

    shock: float
    scatter: float


WORLDS = {"wild": World(0.25, 6.0), "calm": World(0.1, 20.0)}


class Life(NamedTuple):
    """Sixteen weeks of one group by measure, and what a playbook added to the last four."""

    own: dict[Measure, list[float]]
    added: dict[Measure, float]


class Case(NamedTuple):
    """One playbook, the factor of what it did, what each measure owes to it (as `effect` is told), and the findings."""

    factor: float
    truth: dict[Measure, float]
    found: dict[Measure, Estimate]


def poisson(rng: Random, mean: float) -> int:
    """A count of pure chance."""
    if mean > 50:
        return max(0, round(rng.gauss(mean, mean**0.5)))
    count, left = 0, rng.expovariate(1)
    while left < mean:
        count, left = count + 1, left + rng.expovariate(1)
    return count


def scattered(rng: Random, mean: float, by: float) -> int:
    """A count that is more scattered than chance: negative binomial."""
    return poisson(rng, rng.gammavariate(by, mean / by))


def rates_of(rng: Random, world: World, season: list[float]) -> list[float]:
    """What a group's members write a week, but for chance."""
    base, state = rng.gauss(4.2, 1.0), rng.gauss(0, 1.5 * world.shock)
    fading = rng.uniform(0.05, 0.25) if rng.random() < 0.2 else 0.0
    turn = rng.randrange(WEEKS)
    dies = rng.randrange(8, 56) if rng.random() < 0.5 else WEEKS  # one in twelve within the last eight of these weeks
    rates = []
    for week in range(WEEKS):
        state = 0.75 * state + rng.gauss(0, world.shock) / rng.gammavariate(2.5, 0.4) ** 0.5  # Student's t, 5 degrees
        level = base + state + season[week] - fading * max(0, week - turn)
        rates.append(exp(level) * 0.3 ** max(0, week - dies))
    return rates


def live(rng: Random, world: World, rates: list[float], price: float, factor: float = 1.0) -> Life:
    """What came of the rates, and what a playbook of that factor adds after its start."""
    appetite = rng.lognormvariate(log(0.03), 0.8)
    own: dict[Measure, list[float]] = {measure: [] for measure in MEASURES}
    added = dict.fromkeys(MEASURES, 0.0)

    def spent(orders: int) -> float:
        prices = [rng.lognormvariate(log(price), 0.7) for _ in range(orders)]
        return sum(prices) - sum(one for one in prices if rng.random() < 0.04)

    for week, rate in enumerate(rates):
        own["messages"].append(scattered(rng, rate, world.scatter))
        own["speakers"].append(scattered(rng, rate**0.7, 2 * world.scatter))
        own["buyers"].append(poisson(rng, rate * appetite))
        own["revenue"].append(spent(round(own["buyers"][-1])))
        if week >= START and factor > 1:
            added["messages"] += scattered(rng, rate * (factor - 1), world.scatter)
            added["speakers"] += scattered(rng, rate**0.7 * (factor - 1), 2 * world.scatter)
            buyers = poisson(rng, rate * appetite * (factor - 1))
            added["buyers"] += buyers
            added["revenue"] += spent(buyers)
    return Life(own, added)


def subject_of(number: int, life: Life) -> Subject:
    """A group as the views would show it."""
    kinds = Random(number)
    days = {}
    for measure, weeks in life.own.items():
        earlier, before, after = (sum(weeks[at : at + 4]) / 28 for at in (START - 8, START - 4, START))
        usual, ebb, settled = sum(weeks[: START - 4]) / 56, sum(weeks[START - 3 : START]) / 21, sum(weeks[START + 1 :])
        added = life.added[measure] / 28
        days[measure] = Days(earlier, before, weeks[START - 1] / 7, after + added, usual, ebb, settled / 21 + added)
    return Subject(f"g{number:04d}", kinds.choice("ab"), kinds.randrange(4), "healthy", days)


def truth_of(life: Life) -> dict[Measure, float]:
    """What each measure owes to the playbook."""
    owed = {}
    for measure, weeks in life.own.items():
        without, added = sum(weeks[START:]), life.added[measure]
        owed[measure] = added if measure == "revenue" else added / (1 + without)
    return owed


def case(rng: Random, world: World, groups: int, factor: float) -> Case:
    """One playbook, begun at a group that has fallen and still talks."""
    season = [rng.gauss(0, 0.25) for _ in range(WEEKS)]
    rates = [rates_of(rng, world, season) for _ in range(groups)]
    price = rng.choice([800, 5_000, 20_000])
    lives = [live(rng, world, one, price, factor) for one in rates]

    def fall(number: int) -> float:
        weeks = lives[number].own["messages"]
        return (sum(weeks[START - 4 : START]) + 3) / (sum(weeks[START - 8 : START - 4]) + 3)

    alive = [number for number in range(groups) if sum(lives[number].own["messages"][START - 4 : START]) >= 20]
    picked = rng.choice(sorted(alive, key=fall)[: max(3, len(alive) // 3)])
    left_alone = [Life(life.own, dict.fromkeys(MEASURES, 0.0)) for life in lives]
    others = [subject_of(number, life) for number, life in enumerate(left_alone) if number != picked]
    subject = subject_of(picked, lives[picked])
    return Case(
        factor, truth_of(lives[picked]), {name: estimate(name, subject, others, is_goal=True) for name in MEASURES}
    )


def share_held(cases: list[Case], measure: Measure) -> float:
    """In which share of the cases that have an interval it holds the truth."""
    held = [
        one.low <= said.truth[measure] <= one.high
        for said in cases
        if (one := said.found[measure]).low is not None and one.high is not None
    ]
    return sum(held) / len(held)


def play(cases: int, seed: int, groups: int, world: str) -> tuple[list[Case], list[Case]]:
    """Cases in which nothing came of it, and cases in which something did."""
    rng = Random(f"{seed}/{world}/{groups}")
    worlds = [WORLDS[name] for name in (WORLDS if world == "both" else [world])]
    null = [case(rng, worlds[number % len(worlds)], groups, 1.0) for number in range(cases // 2)]
    return null, [case(rng, worlds[number % len(worlds)], groups, rng.choice(FACTORS)) for number in range(cases // 2)]


@click.command()
@click.option("--cases", default=1000, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--groups", default=60, show_default=True, help="Of the brand.")
@click.option("--world", type=click.Choice([*WORLDS, "both"]), default="both", show_default=True)
def main(cases: int, seed: int, groups: int, world: str) -> None:
    """Count how often the 95 % interval holds the truth. Exits 1 where it is not 93 to 97 %, over all measures."""
    null, some = play(cases, seed, groups, world)
    shares = []
    for measure in MEASURES:
        shares.append(share_held(null + some, measure))
        click.echo(f"{measure:9} held {shares[-1]:.1%}: {share_held(null, measure):.1%} where nothing came of it, "
                   f"{share_held(some, measure):.1%} where something did")  # fmt: skip
        of_factor = {f"times {factor:g}": [one for one in some if one.factor == factor] for factor in FACTORS}
        for name, of in ({"nothing": null} | of_factor).items():
            said = Counter(one.found[measure].doubt or one.found[measure].answer for one in of)
            told = ", ".join(f"{count / len(of):.1%} {word}" for word, count in said.most_common())
            click.echo(f"  {name:9} {told}")
    overall = sum(shares) / len(shares)
    click.echo(f"playbook: {cases} cases, brands of {groups}: the 95 % interval held the truth in {overall:.1%}, "
               f"by measure {min(shares):.1%} to {max(shares):.1%}")  # fmt: skip
    sys.exit(not 0.93 <= overall <= 0.97)


if __name__ == "__main__":
    main()
