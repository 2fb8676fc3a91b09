"""Who comes, who brings them, who goes.

Four in ten come by an invitation, the others by a code or a link; one in twelve is gone within three days, the others
go as members do: a tenth of a group in three months is ordinary. Who talks much brings most of the friends.
"""

from random import Random
from typing import TYPE_CHECKING

from tests.planted.people import Person
from tests.planted.rhythm import DAY, HOUR, MINUTE, START, moment, poisson, working_moment

if TYPE_CHECKING:
    from tests.planted.group import Group

SCENES = ("qr_code", "link", "search")


class Arrivals:
    """Joins and leaves of one group."""

    def __init__(self, chance: Random, group: "Group") -> None:
        self._chance, self._group = chance, group
        self._joins: list[tuple[int, Person, str | None]] = []
        self._leaves: dict[str, int] = {}
        self._staying: set[str] = set()
        self._first_day = max(0, group.plot.born) + 7
        plot = group.plot
        if plot.born >= 0:
            self._open([*group.people.values()])
        if plot.fraud:
            self._cheat(plot.fraud)
        if plot.has_viral:
            self._spread()
        if chance.random() < 0.35 and plot.kind != "keep_alive":
            self._unlucky()

    def day(self, day: int, end: int) -> None:
        """Let those come and go whose time it is before the end of a local day."""
        group, chance = self._group, self._chance
        for _ in range(poisson(chance, group.plot.growth)):
            person = group.new_person(0.35)
            inviter = self._inviter() if chance.random() < 0.4 else None
            self._joins.append((moment(chance, day, group.brand.east), person, inviter))
            if chance.random() < group.plot.fickle:
                self._leaves[person.id] = self._joins[-1][0] + int(chance.uniform(0.02, 2.9) * DAY)
        for at, person, inviter in [one for one in self._joins if one[0] < end]:
            self._join(max(at, end - DAY), person, inviter)
        self._joins = [one for one in self._joins if one[0] >= end]
        self._go(day, end)

    def _inviter(self) -> str | None:
        talking = [one for one in self._group.people.values() if one.weight]
        if not talking:
            return None
        return self._chance.choices(talking, [one.weight for one in talking])[0].id

    def _join(self, at: int, person: Person, inviter: str | None) -> None:
        group = self._group
        if person.id in group.people:
            return
        group.people[person.id] = person
        person.since = at
        fact = {"at": at, "type": "join", "member_id": person.id, "scene": self._chance.choice(SCENES)}
        group.later(fact | ({"scene": "invite", "inviter_id": inviter} if inviter else {}))
        if self._chance.random() < 0.5 and group.plot.chatter >= 0.2:
            more = {"mentions": [person.id]} if group.platform.has_mentions else {}
            group.message(at + int(self._chance.lognormvariate(2, 1) * MINUTE), group.staff[0], "staff", **more)

    def _go(self, day: int, end: int) -> None:
        group, chance, plot = self._group, self._chance, self._group.plot
        kept = {one.id for one in group.leaders} | self._staying
        for member_id in [one for one, at in self._leaves.items() if at < end]:
            if member_id in group.people:
                self._leave(max(self._leaves.pop(member_id), end - DAY), member_id)
        here = [*group.people.values()]
        for _ in range(poisson(chance, plot.leaving * len(here))):
            person = chance.choice(here)
            if person.id in kept or (person.weight and chance.random() < 0.5):
                continue  # who talks stays longer
            self._leave(moment(chance, day, group.brand.east), person.id)

    def _leave(self, at: int, member_id: str) -> None:
        if self._group.people.pop(member_id, None) is not None:
            reason = "kicked" if self._chance.random() < 0.04 else "left"
            self._group.later({"at": at, "type": "leave", "member_id": member_id, "reason": reason})

    def hunters(self, at: int) -> list[Person]:
        """Strangers who come for a benefit, most of whom are gone three days later."""
        group, chance = self._group, self._chance
        come = []
        for _ in range(poisson(chance, group.plot.hunters)):
            person = group.new_person(0.0)
            person.claims = 0.9
            person.since = at + chance.randrange(HOUR) - (chance.randrange(3 * HOUR) if chance.random() < 0.5 else 0)
            group.people[person.id] = person
            group.later({"at": person.since, "type": "join", "member_id": person.id, "scene": "link"})
            if chance.random() < 0.7:
                self._leaves[person.id] = at + 3 * HOUR + int(chance.uniform(0.1, 2.8) * DAY)
            come.append(person)
        return come

    def _open(self, people: list[Person]) -> None:
        """A group opens: staff adds its customers within minutes, others follow for two weeks."""
        group, chance = self._group, self._chance
        opened = START + group.plot.born * DAY + 10 * HOUR + 5 * MINUTE
        for place, person in enumerate(people):
            is_led = person in group.leaders
            if place < len(people) * 0.5 or is_led:
                self._joins.append((opened + place * chance.randint(2_000, 9_000), person, group.staff[0]))
            else:
                at = opened + int(chance.expovariate(1 / 4) * DAY)
                self._joins.append((at, person, None))

    def _cheat(self, how: str) -> None:
        """One account is paid by the head and brings heads: at once, drop by drop, or by others that it brought."""
        group, chance = self._group, self._chance
        root = self._somebody()
        day = chance.randint(max(25, self._first_day), group.days - 25)
        group.truth.append(("referral_fraud", root.id, START + day * DAY))
        first = working_moment(chance, day, group.brand.east)
        brought = [group.new_person(0.0) for _ in range(chance.randint(25, 70))]
        at, tier = first, root.id
        for place, person in enumerate(brought):
            if how == "burst":
                at += int(chance.expovariate(1 / 9) * 1000)
            else:
                at += int(chance.expovariate(1 / 70) * MINUTE)
            if how == "tiers" and place and place % 9 == 0:
                tier = brought[place - 9 + chance.randrange(9)].id
            person.claims = 0.5
            self._joins.append((at, person, tier if how == "tiers" and chance.random() < 0.7 else root.id))
            if chance.random() < (0.6 if how == "burst" else 0.85):
                self._leaves[person.id] = at + int(chance.uniform(0.1, 2.8) * DAY)

    def _spread(self) -> None:
        """Somebody who likes the group tells friends: over weeks, or thirty on an evening. Most stay, a third speak."""
        group, chance = self._group, self._chance
        root, day = self._somebody(), chance.randint(self._first_day + 8, group.days - 40)
        hours = chance.choice((3.0, 24.0 * 14, 24.0 * 30))
        first = START + day * DAY + (19 - group.brand.east) * HOUR
        for _ in range(chance.randint(20, 60)):
            person = group.new_person(0.35)
            at = first + int(chance.uniform(0, hours) * HOUR)
            self._joins.append((at, person, root.id))
            if chance.random() < 0.1:
                self._leaves[person.id] = at + int(chance.uniform(0.1, 2.9) * DAY)

    def _unlucky(self) -> None:
        """Somebody brings two or three friends, of whom most do not like it."""
        group, chance = self._group, self._chance
        root, day = self._somebody(), chance.randint(self._first_day, group.days - 15)
        for _ in range(chance.randint(2, 3)):
            person = group.new_person(0.2)
            at = moment(chance, day, group.brand.east)
            self._joins.append((at, person, root.id))
            if chance.random() < 0.8:
                self._leaves[person.id] = at + int(chance.uniform(0.1, 2.9) * DAY)

    def _somebody(self) -> Person:
        """An ordinary member who stays."""
        group = self._group
        found = [one for one in group.people.values() if one not in group.leaders]
        person = self._chance.choice(found or [*group.people.values()])
        person.weight = person.weight or 0.3
        self._staying.add(person.id)
        return person
