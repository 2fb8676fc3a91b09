"""How one message brings others: talk is a tree of answers on a group's usual level.

Who begins is drawn by weight. Each message brings a Poisson number of answers, the author's `elicits` on average, most
within minutes (log-normal, median 2.5 min). A third of the answers come from whom was just answered: a dialogue. People
use the reply button for six answers in ten where there is one, and an @ for one in seven where there is that.
"""

import heapq
from itertools import accumulate
from random import Random

from tests.planted.people import Person
from tests.planted.rhythm import MINUTE, local_midnight, moment, poisson

USUAL_ECHO = 0.45
_LONGEST = 60
"""Messages of one talk: then it has been said. Without an end two leaders of a small group would never stop."""


class Said:
    """A message. `asked` is the one that it answers, `root` the one that began the talk, of so many `messages`."""

    __slots__ = ("asked", "at", "author", "id", "messages", "root")

    def __init__(self, at: int, author: Person, asked: "Said | None") -> None:
        self.at, self.author, self.asked = at, author, asked
        self.id = ""
        self.messages = 0
        self.root: Said = self if asked is None else asked.root


class Talk:
    """The member messages of one group, day by day in order of time."""

    def __init__(self, chance: Random, east: int, people: dict[str, Person]) -> None:
        self._chance, self._east, self._people = chance, east, people
        self._to_come: list[tuple[int, int, Said]] = []
        self._count = 0
        self._here: list[Person] = []
        self._weights: list[float] = []

    def day(self, day: int, level: float, share: float, echo: float = 1.0) -> list[Said]:
        """What is said until the end of the local day: about `level` messages of no one in particular.

        `share` is what is left of the usual of those who begin by themselves; `echo` scales how much is answered.
        """
        self._here = [one for one in self._people.values() if one.weight and not one.is_away(day)]
        self._weights = list(accumulate(one.weight for one in self._here))
        if self._here:
            for _ in range(poisson(self._chance, level * (1 - USUAL_ECHO))):
                self._begin(day, self._someone())
            for one in self._here:
                if one.starts:
                    for _ in range(poisson(self._chance, one.starts * share)):
                        self._begin(day, one)
        return self._until(local_midnight(day, self._east), day, echo)

    def answer(self, person: Person, asked: Said, at: int) -> None:
        """Somebody says something of their own accord, at a time to come."""
        self._push(Said(at, person, asked))

    def _begin(self, day: int, author: Person) -> None:
        self._push(Said(moment(self._chance, day, self._east), author, None))

    def _someone(self) -> Person:
        return self._chance.choices(self._here, cum_weights=self._weights)[0]

    def _push(self, said: Said) -> None:
        self._count += 1
        heapq.heappush(self._to_come, (said.at, self._count, said))

    def _until(self, end: int, day: int, echo: float) -> list[Said]:
        told = []
        while self._to_come and self._to_come[0][0] < end:
            said = heapq.heappop(self._to_come)[2]
            if said.author.id not in self._people or said.at < said.author.since:
                continue
            told.append(said)
            said.root.messages += 1
            if said.root.messages < _LONGEST and self._here:
                for _ in range(poisson(self._chance, said.author.elicits * echo)):
                    self._reply(said, day)
        return told

    def _reply(self, said: Said, day: int) -> None:
        chance = self._chance
        before = said.asked.author if said.asked is not None else None
        goes_on = before is not None and before.weight and before is not said.author and chance.random() < 0.33
        author = before if goes_on and before is not None and not before.is_away(day) else self._someone()
        if author is not said.author:
            self._push(Said(said.at + int(chance.lognormvariate(0.92, 1.1) * MINUTE) + 2_000, author, said))
