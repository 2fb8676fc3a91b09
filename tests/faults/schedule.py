"""Which fault strikes when, drawn by seed. Equal seeds give equal schedules."""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

SPAN_S = 6.0
"""Strikes fall into so many seconds from the first record on."""


class Strike(NamedTuple):
    """One fault, so many seconds after the round's load began, and the seed of its own chance."""

    fault: str
    at_s: float
    seed: int


def deal(faults: Sequence[str], seed: int) -> "Deck":
    """The faults in an order drawn by seed, again and again: none is forgotten."""
    return Deck(list(faults), Random(seed))


class Deck:
    """Deals every fault once before any comes again."""

    def __init__(self, faults: list[str], chance: Random) -> None:
        self._faults, self._chance = faults, chance
        self._left: list[str] = []

    def draw(self, least: int = 1, most: int = 3) -> list[Strike]:
        """The strikes of one round, in the order of time."""
        strikes = [self._strike() for _ in range(self._chance.randint(least, most))]
        return sorted(strikes, key=lambda strike: strike.at_s)

    def _strike(self) -> Strike:
        if not self._left:
            self._left = self._chance.sample(self._faults, len(self._faults))
        return Strike(self._left.pop(), round(self._chance.uniform(0.0, SPAN_S), 2), self._chance.randrange(1 << 30))
