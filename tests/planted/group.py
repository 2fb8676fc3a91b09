"""One group as its platform shows it: the events of each day, and what is true of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.planted.arrivals import Arrivals
from tests.planted.people import Person, leader, ordinary, talker_without_echo
from tests.planted.plots import Plot
from tests.planted.rhythm import DAY, HOUR, MINUTE, START, Weather, local_midnight, moment, poisson, working_moment
from tests.planted.talk import Said, Talk

SHORT = 16
"""Characters of a text that says too little to be known again: connectors make no fingerprint of it."""
Fact = dict[str, Any]
"""An event as JSON, or a part of one: `at`, `type` and the fields of its type."""


@dataclass(frozen=True)
class Platform:
    """What a chat platform shows of a group."""

    name: str
    has_replies: bool = False
    has_mentions: bool = False
    has_reactions: bool = False
    has_mutes: bool = False
    has_monthly_rosters: bool = False


@dataclass(frozen=True)
class Brand:
    """Whose groups they are."""

    name: str
    zone: str
    east: int
    currency: str
    platforms: tuple[Platform, ...]


class Group:
    """One group. `day` must be asked for each day in turn."""

    def __init__(self, chance: Random, group_id: str, brand: Brand, platform: Platform, plot: Plot, days: int) -> None:
        self.id, self.brand, self.platform, self.plot, self.days = group_id, brand, platform, plot, days
        self._chance = chance
        self._tag = group_id.replace("/", "-")
        self.truth: list[tuple[str, str, int]] = []
        """Kind, member or "", and since when (ms)."""
        self.staff = [f"{self._tag}-s{n}" for n in range(chance.randint(1, 3))]
        self.people: dict[str, Person] = {}
        self._people_count = 0
        self._messages = 0
        self._coming: list[Fact] = []
        self._weather = Weather(chance, days, brand.zone)
        self._talk = Talk(chance, brand.east, self.people)
        self._benefits = 0
        self._codes: list[str] = []
        self._ads = [f"{chance.getrandbits(63)}" for _ in range(chance.randint(2, 5))]
        self.leaders: list[Person] = []
        self._last_words: dict[str, int] = {}
        self._lulls: set[str] = set()
        self.lately = [0, 0]
        """Messages of members and of staff in the last four weeks."""
        self._gather()
        self._arrivals = Arrivals(chance, self)
        self._plant()

    def new_person(self, talkers: float | None = None) -> Person:
        """Somebody who is not here yet."""
        self._people_count += 1
        share = self.plot.talkers if talkers is None else talkers
        return ordinary(self._chance, f"{self._tag}-m{self._people_count}", self.days, share)

    def _gather(self) -> None:
        plot, chance = self.plot, self._chance
        for _ in range(plot.size):
            person = self.new_person()
            self.people[person.id] = person
        talking = sum(person.weight > 0 for person in self.people.values())
        for person in list(self.people.values())[: max(0, min(12, plot.size // 3) - talking)]:
            person.weight = person.weight or chance.lognormvariate(0, 1.0)
        found = iter([*self.people][-8:])
        for _ in range(plot.leaders):
            member_id = next(found)
            self.people[member_id] = leader(chance, member_id, plot.level)
            self.leaders.append(self.people[member_id])
        if plot.has_busy:
            member_id = next(found)
            self.people[member_id] = talker_without_echo(chance, member_id, plot.level, self.days)

    def _plant(self) -> None:
        plot = self.plot
        self.truth += [("opinion_leader", one.id, 0) for one in self.leaders]
        if plot.silent_from:
            self.leaders[0].away = [(plot.silent_from, self.days)]
            self.truth.append(("silent_leader", self.leaders[0].id, START + plot.silent_from * DAY))
        at = START + self.days * DAY
        if plot.kind in {"freebie_group", "ad_only", "monologue", "let_go", "keep_alive"}:
            self.truth.append((plot.kind, "", at))
        if plot.kind in {"freebie_group", "ad_only"}:
            self.truth.append(("let_go", "", at))
        if plot.playbook:
            kind = "revival_helped" if plot.helped else "revival_failed"
            self.truth.append((kind, "", START + plot.playbook * DAY))

    def created(self, name: str) -> Iterator[Fact]:
        """How it begins: an entry in the registry and who is in it. One that opens later begins with its staff."""
        opened = START if self.plot.born < 0 else START + self.plot.born * DAY + 10 * HOUR
        created = {"at": opened, "type": "group_created", "name": name, "timezone": self.brand.zone,
                   "currency": self.brand.currency, "owner": self.staff[0]}  # fmt: skip
        if self.plot.is_network:
            created["purpose"] = self._chance.choice(("industry", "alliance"))
        elif self._chance.random() < 0.5 and self.plot.kind != "ad_only":
            created["purpose"] = "customer"
        yield created
        if self.plot.born < 0:
            yield self.roster(opened + 1)
        else:
            self.people.clear()
            yield {"at": opened + 1, "type": "roster", "members": [], "staff": self.staff}

    def roster(self, at: int) -> Fact:
        """The full list."""
        return {"at": at, "type": "roster", "members": [*self.people], "staff": self.staff}

    def day(self, day: int) -> list[Fact]:
        """What happens until the end of a local day, in order of time."""
        if day < self.plot.born:
            return []
        end = local_midnight(day, self.brand.east)
        self._arrivals.day(day, end)
        self._staff_day(day)
        if self.plot.benefit_days < self.days:
            self._benefit_day(day)
        self._shop_day(day)
        if self.plot.playbook and day == self.plot.playbook:
            self._play(day)
        if self.platform.has_monthly_rosters and day % 30 == 29:
            self.later(self.roster(end - 1))
        share = self.plot.curve(day)
        level = self.plot.level * share * self._weather.factors[day]
        if self.plot.silent_from and day >= self.plot.silent_from:
            level *= 0.9  # those who came for what the leader says
        for said in self._talk.day(day, level, share, self.plot.echo):
            self._tell(said, day)
        now = sorted((fact for fact in self._coming if fact["at"] < end), key=lambda fact: fact["at"])
        self._coming = [fact for fact in self._coming if fact["at"] >= end]
        return now

    def lulls(self) -> set[str]:
        """Leaders who were silent for a week, by chance or for good; a lull may still be on when the last day ends."""
        end = START + self.days * DAY
        return self._lulls | {one for one, at in self._last_words.items() if end - at >= 7 * DAY}

    def later(self, fact: Fact) -> None:
        """Something that happens at its time, today or later."""
        self._coming.append(fact)

    def message(self, at: int, member_id: str, role: str = "member", **more: Any) -> str:
        """A message of anybody; its id."""
        self._messages += 1
        event_id = f"{self.id}/{self._messages}"
        length = round(self._chance.lognormvariate(2.6, 0.9)) + 1
        fact = {"at": at, "type": "message", "event_id": event_id, "member_id": member_id, "text_len": length}
        if at >= START + (self.days - 28) * DAY:
            self.lately[role == "staff"] += 1
        if role != "member":
            fact["role"] = role
        fact["links"] = int(self._chance.random() < 0.03)
        if length >= SHORT:
            fact["text_hash"] = self._chance.getrandbits(62)
        self.later(fact | more)
        return event_id

    def _tell(self, said: Said, day: int) -> None:
        chance, platform, asked = self._chance, self.platform, said.asked
        more: Fact = {}
        if asked is not None and asked.id:
            if platform.has_replies and chance.random() < 0.6:
                more["reply_to"] = asked.id
            elif platform.has_mentions and chance.random() < 0.15:
                more["mentions"] = [asked.author.id]
        said.id = self.message(said.at, said.author.id, **more)
        if said.author.elicits > 1:
            before = self._last_words.get(said.author.id, said.at)
            self._last_words[said.author.id] = said.at
            if said.at - before >= 7 * DAY:
                self._lulls.add(said.author.id)
        if platform.has_reactions and self.people:
            for _ in range(poisson(chance, 0.12 * said.author.elicits)):
                who = chance.choice([*self.people])
                at = said.at + int(chance.expovariate(1 / 30) * MINUTE)
                self.later({"at": at, "type": "reaction", "member_id": who, "target": said.id})
        if asked is None and self.plot.chatter and chance.random() < min(0.3, 0.1 + self.plot.chatter / 20):
            at = said.at + int(chance.lognormvariate(2.5, 1) * MINUTE)
            more = {"reply_to": said.id} if platform.has_replies and chance.random() < 0.5 else {}
            self.message(at, chance.choice(self.staff), "staff", **more)

    def _staff_day(self, day: int) -> None:
        plot, chance, east = self.plot, self._chance, self.brand.east
        for _ in range(poisson(chance, plot.posts)):
            self._post(day, working_moment(chance, day, east))
        for _ in range(poisson(chance, plot.chatter)):
            at = working_moment(chance, day, east)
            event_id = self.message(at, chance.choice(self.staff), "staff")
            if plot.kind == "news_channel":
                self._stir(at, event_id)
        for _ in range(poisson(chance, plot.ads)):
            self._advertise(day)

    def _stir(self, at: int, event_id: str) -> None:
        """News are talked about."""
        chance = self._chance
        talking = [one for one in self.people.values() if one.weight and not one.is_away((at - START) // DAY)]
        for _ in range(poisson(chance, 0.8)):
            if talking:
                who = chance.choices(talking, [one.weight for one in talking])[0]
                more = {"reply_to": event_id} if self.platform.has_replies and chance.random() < 0.6 else {}
                self.message(at + int(chance.lognormvariate(1.5, 1) * MINUTE), who.id, **more)

    def _post(self, day: int, at: int) -> None:
        chance = self._chance
        content = chance.choices(("convert", "activate", "brand"), (5, 3, 2))[0]
        fact: Fact = {"at": at, "type": "post", "content_class": content}
        if content == "convert" and self.plot.buying and chance.random() < 0.5:
            fact["code"] = f"{self._tag}-{day}"
            self._codes = [*self._codes[-2:], fact["code"]]
        self.later(fact)
        links = 1 if content == "convert" else 0
        kind = "link" if links else "text"
        self.message(at + 400, chance.choice(self.staff), "staff", links=links, content_type=kind)

    def _advertise(self, day: int) -> None:
        """An advertisement: one of a few texts, with a link, by staff or by members who sell."""
        chance = self._chance
        at = moment(chance, day, self.brand.east)
        text: Fact = {"links": 1, "content_type": "link"}
        text["text_hash"] = int(chance.choice(self._ads)) if chance.random() < 0.75 else chance.getrandbits(62)
        if self.plot.ads_by_members:
            sellers = [*self.people][:4]
            if sellers:
                self.message(at, chance.choice(sellers), **text)
            return
        if chance.random() < 0.7:
            self.later({"at": at, "type": "post", "content_class": chance.choice(("ads", "ads", "relay"))})
        self.message(at + 400, chance.choice(self.staff), "staff", **text)
        if self.platform.has_mutes and self.people and chance.random() < 0.02:
            self.later({"at": at + 10 * MINUTE, "type": "mute", "member_id": chance.choice([*self.people])})

    def _benefit_day(self, day: int) -> None:
        if self._chance.random() < 1 / self.plot.benefit_days:
            self.benefit(working_moment(self._chance, day, self.brand.east))

    def benefit(self, at: int) -> None:
        """A red packet or coupon and who takes it, most within the hour; each may have claimed one once."""
        chance, plot = self._chance, self.plot
        self._benefits += 1
        benefit_id = f"{self._tag}-b{self._benefits}"
        self.later({"at": at, "type": "benefit", "benefit_id": benefit_id, "amount": chance.choice((500, 1000, 2000)),
                    "kind": chance.choice(("red_packet", "coupon")), "currency": self.brand.currency})  # fmt: skip
        for person in [*self.people.values(), *self._arrivals.hunters(at)]:
            if not person.is_away((at - START) // DAY) and chance.random() < min(0.95, person.claims * plot.claiming):
                delay = int(chance.lognormvariate(3, 1.4) * MINUTE) + 5_000
                if delay < DAY:
                    claimed = max(at, person.since) + delay
                    self.later({"at": claimed, "type": "claim", "member_id": person.id, "benefit_id": benefit_id})

    def _shop_day(self, day: int) -> None:
        plot, chance = self.plot, self._chance
        for _ in range(poisson(chance, plot.buying * len(self.people))):
            buyers = [*self.people.values()]
            buyer = chance.choices(buyers, [one.buys * (0.4 + min(2.0, one.weight**0.5)) for one in buyers])[0]
            at = moment(chance, day, self.brand.east)
            code = chance.choice(self._codes) if self._codes and chance.random() < 0.25 else None
            amount = round(chance.lognormvariate(9, 0.7))
            order = f"{self._tag}-o{day}-{chance.getrandbits(32)}"
            common = {"order_id": order, "customer_id": buyer.id, "currency": self.brand.currency}
            self.later(common | {"at": at, "type": "purchase", "amount": amount} | ({"code": code} if code else {}))
            if chance.random() < 0.05:
                given = amount if chance.random() < 0.6 else amount // 3
                self.later(common | {"at": at + chance.randint(1, 12) * DAY, "type": "refund", "amount": given,
                                     "refund_id": f"{order}-r"})  # fmt: skip

    def _play(self, day: int) -> None:
        """A playbook: it is said to begin, there is a benefit on the day and content in the two weeks after it."""
        chance, east = self._chance, self.brand.east
        at = working_moment(chance, day, east)
        playbook: Fact = {"playbook_id": f"{self._tag}-p{day}"}
        self.later(playbook | {"at": at, "type": "playbook_started", "name": "revive", "goal": "messages"})
        self.later(playbook | {"at": at + HOUR, "type": "playbook_step", "step": "benefit"})
        self.benefit(at + HOUR + MINUTE)
        for ahead in sorted(chance.sample(range(1, 14), 4)):
            moment_of = working_moment(chance, day + ahead, east)
            self.later(playbook | {"at": moment_of, "type": "playbook_step", "step": "content"})
            self._post(day, moment_of + MINUTE)
        self.later(playbook | {"at": at + 14 * DAY, "type": "playbook_ended"})
