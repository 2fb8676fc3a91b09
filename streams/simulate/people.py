"""Who is in a group, how much each talks, and who comes and goes."""

from collections.abc import Callable, Container
from itertools import accumulate
from random import Random
from typing import Literal

import msgspec

from streams.simulate.chance import talk_weight

TALKER_SHARE = 0.3
"""The others read, claim and buy, but never write."""


class Person(msgspec.Struct, gc=False, eq=False):
    """One person in one group. `weight` is how much they talk beside others, 0 for a silent one.

    `grit`, 0..1: who has little falls silent first when a group fades, and comes back last. `last_at` is the time
    of their last event, so that nobody acts after having left; `leaves_from` the day on which they mean to go.
    """

    member_id: str
    weight: float
    grit: float
    role: Literal["member", "staff"] = "member"
    said: int = 0
    last_at: int = 0
    leaves_from: int | None = None


class People:
    """The present members and staff of one group. Who is picked depends on the draws of `rng` alone."""

    def __init__(self, rng: Random, new_id: Callable[[Random, Container[str]], str]) -> None:
        self._rng = rng
        self._new_id = new_id
        self._talkers: list[Person] = []
        self._bounds: list[float] = []
        self._here: set[str] = set()
        self.members: dict[str, Person] = {}
        self.staff: list[Person] = []

    def welcome(self, *, is_talker: bool | None = None, role: Literal["member", "staff"] = "member") -> Person:
        """A new person. They are picked to talk from the next `wake` on."""
        rng = self._rng
        talks = rng.random() < TALKER_SHARE if is_talker is None else is_talker
        person = Person(self._new_id(rng, self._here), talk_weight(rng) if talks else 0.0, rng.random(), role)
        self._here.add(person.member_id)
        if role == "member":
            self.members[person.member_id] = person
        else:
            self.staff.append(person)
        return person

    def part_with(self, person: Person) -> None:
        """The person is a member no more."""
        del self.members[person.member_id]
        self._here.remove(person.member_id)

    def wake(self, energy: float) -> None:
        """Begin a day of a group with this energy: who is here and may talk."""
        needed = 1.0 - energy**0.5
        self._talkers = [person for person in self.members.values() if person.weight > 0 and person.grit >= needed]
        self._bounds = list(accumulate(person.weight for person in self._talkers))

    def pick_talker(self) -> Person | None:
        """Somebody, by how much they talk; None if nobody is left who does."""
        if not self._talkers:
            return None
        return self._rng.choices(self._talkers, cum_weights=self._bounds)[0]

    def core(self, count: int) -> list[Person]:
        """The `count` members who have said most."""
        return sorted(self.members.values(), key=lambda who: (-who.said, -who.weight, who.member_id))[:count]

    def sample(self, count: int) -> list[Person]:
        """That many members, or all of them, each at most once."""
        members = list(self.members.values())
        return self._rng.sample(members, min(count, len(members)))
