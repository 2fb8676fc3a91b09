"""The life of one group, day by day: its rhythm, its comings and goings, and what its cause does to it."""

from collections.abc import Callable, Container
from math import exp
from random import Random

from streams import events as e
from streams.simulate.chance import moment, pause_ms, poisson
from streams.simulate.diary import Diary
from streams.simulate.people import People, Person
from streams.simulate.plan import GroupPlan
from streams.simulate.talk import Talk
from streams.simulate.trade import Order, orders_after_post, orders_of_day
from streams.vitals.policy import DAY_MS, HOUR_MS

STAFF = 2
CORE = 5
GIVEN_UP = 0.1
"""Below this energy staff hardly posts any more."""
_POST_WEEKDAYS = {1: "activate", 3: "convert", 5: "brand"}
_BENEFIT_EVERY_DAYS = 12
_ROSTER_EVERY_DAYS = 30
_ADVERTS = 3
"""So many texts take turns where ads are posted."""
_CAMPAIGN_EVERY_DAYS = 9
"""How often the benefits come that draw freebie hunters."""
_WELCOMED = 0.7
_LEAVING = 0.0008
_LEAVING_IN_ANGER = 0.006
"""Leaves per member and day."""


class Life:
    """One group. `live` is called once for each day in order; it answers the day's events and what was ordered.

    A group whose source is blind lives on, and its members buy, but nothing is written of it.
    """

    def __init__(
        self, plan: GroupPlan, index: int, seed: int, new_id: Callable[[Random, Container[str]], str], first_day: int
    ) -> None:
        self._plan, self._first_day = plan, first_day
        self._rng = rng = Random(f"{seed}/life/{index}")  # noqa: S311 - a simulation, not a secret
        self._diary = Diary(plan)
        self._people = People(rng, new_id)
        self._talk = Talk(rng, self._diary, self._people, plan.platform, plan.utc_offset)
        self._host = Random(f"{seed}/host/{index}")  # noqa: S311 - of its own, so that the rest of a fleet stays the same
        self._mood = 0.0
        self._benefits = 0
        self._phase = rng.randrange(_BENEFIT_EVERY_DAYS)
        self._counts_points = rng.random() < 0.1
        self._renamed_on = rng.randrange(3000)
        self._orders: list[Order] = []

    def live(self, day: int) -> tuple[list[e.GroupEvent], list[Order]]:
        """The events of the day in order of time, and the orders placed on it or brought about by it."""
        plan = self._plan
        self._orders = []
        if day < max(plan.born, 0) or (self._ends() and day > (plan.until or 0)):
            return [], []
        start = self._first_day + day * DAY_MS
        self._diary.open(start)
        if not self._people.staff:
            self._begin(start)
        self._people.wake(plan.energy(day))
        self._pass_day(day, start)
        written = self._diary.close()
        return ([] if plan.cause.name == "blind_source" and plan.has_turned(day) else written), self._orders

    def _begin(self, start: int) -> None:
        """The first day: the registry's entry, and who is there, as a roster or as joins."""
        plan, diary, people = self._plan, self._diary, self._people
        planned_end_at = self._first_day + plan.until * DAY_MS if plan.until and self._ends() else None
        zone = {"timezone": plan.timezone, "currency": plan.brand.currency}
        diary.write(e.GroupCreated, start, name=plan.name, owner=plan.owner, planned_end_at=planned_end_at, **zone)
        for _ in range(STAFF):
            people.welcome(role="staff")
        is_old = plan.born < 0
        for number in range(plan.size):
            person = people.welcome(is_talker=True if number < 2 * CORE else None)
            if not is_old:
                self._talk.act(e.Join, person, start + HOUR_MS + 20_000 * number, scene="invitation")
        if plan.cause.name == "leader_left":
            leader = people.core(1)[0]
            leader.weight = 1.5 * sum(person.weight for person in people.members.values())
        if is_old:
            self._call_roll(start + 1)

    def _ends(self) -> bool:
        return self._plan.cause.name == "planned_end"

    def _call_roll(self, at: int) -> None:
        staff = tuple(person.member_id for person in self._people.staff)
        self._diary.write(e.Roster, at, members=tuple(self._people.members), staff=staff)

    def _pass_day(self, day: int, start: int) -> None:
        plan, rng = self._plan, self._rng
        if self._ends() and day == plan.until:
            self._diary.write(e.GroupEnded, start + 10 * HOUR_MS)
            return
        energy = plan.energy(day)
        self._mood = 0.7 * self._mood + rng.gauss(0, 0.22)
        weekend = plan.weekend if self._weekday(start) >= 5 else 1.0
        self._talk.converse(start, poisson(rng, plan.messages_a_day * energy * weekend * exp(self._mood)))
        self._staff_day(day, start, energy)
        self._benefit_day(day, start, energy)
        self._small_things(day, start, energy)
        self._arrivals(day, start, energy)
        self._departures(day, start)
        self._orders += orders_of_day(rng, plan, self._people, start, energy)

    def _turned(self, day: int, *causes: str) -> bool:
        return self._plan.cause.name in causes and self._plan.has_turned(day)

    def _weekday(self, start: int) -> int:
        return (start // DAY_MS + 3) % 7

    def _moment(self, start: int) -> int:
        return start + moment(self._rng, self._plan.utc_offset)

    # --- staff ------------------------------------------------------------------------------------------------

    def _staff_day(self, day: int, start: int, energy: float) -> None:
        rng = self._rng
        mean = 0.8 * energy
        if self._turned(day, "monologue"):
            mean = min(6.0, 2.0 + 0.15 * (day - (self._plan.turn or 0)))
        for _ in range(poisson(rng, mean)):
            self._talk.say(rng.choice(self._people.staff), self._moment(start))
        content = _POST_WEEKDAYS.get(self._weekday(start))
        if content is not None and rng.random() < (0.8 if energy > GIVEN_UP else 0.1):
            self._post(day, self._moment(start), content, energy)
        if self._turned(day, "ad_flood"):
            for _ in range(3 + poisson(rng, 1.5)):
                self._post(day, self._moment(start), "ads", energy)

    def _post(self, day: int, at: int, content: str, energy: float) -> None:
        """A planned post is a message of staff, and the note of what it was."""
        code = f"{content}-{day:03d}-{self._plan.group_id.rpartition('/')[2][-6:]}" if content == "convert" else None
        self._talk.say(self._people.staff[0], at, advert=day % _ADVERTS if content == "ads" else None)
        self._diary.write(e.Post, at + 500, content_class=content, code=code)
        if code is not None:
            self._orders += orders_after_post(self._rng, self._plan, self._people, at, code, energy)

    # --- benefits ---------------------------------------------------------------------------------------------

    def _benefit_day(self, day: int, start: int, energy: float) -> None:
        rng = self._rng
        if self._turned(day, "freebie_hunters") and (day - (self._plan.turn or 0)) % _CAMPAIGN_EVERY_DAYS == 0:
            self._campaign(day, start)
        elif (day + self._phase) % _BENEFIT_EVERY_DAYS == 0:
            share = rng.uniform(0.08, 0.3) * max(energy, 0.1) ** 0.5
            self._benefit(self._moment(start), self._people.sample(round(len(self._people.members) * share)))

    def _benefit(self, at: int, takers: list[Person], amount: int = 2_000) -> None:
        self._benefits += 1
        benefit_id = f"{self._plan.group_id}/benefit-{self._benefits}"
        kind = "red_packet" if self._plan.platform in {"wecom", "wechat"} else "coupon"
        currency = self._plan.brand.currency
        self._diary.write(e.Benefit, at, benefit_id=benefit_id, kind=kind, amount=amount, currency=currency)
        for person in takers:
            taken_at = max(at, person.last_at) + pause_ms(self._rng, 400)
            self._talk.act(e.Claim, person, taken_at, benefit_id=benefit_id)

    def _campaign(self, day: int, start: int) -> None:
        """A benefit that is known outside: strangers come for it, take it, and most leave within three days."""
        rng = self._rng
        hunters = []
        for _ in range(round(12 + 0.25 * self._plan.size)):
            person = self._people.welcome(is_talker=False)
            self._talk.act(e.Join, person, start + rng.randrange(2 * HOUR_MS, 9 * HOUR_MS), scene="coupon_link")
            if rng.random() < 0.85:
                person.leaves_from = day + rng.choice((0, 1, 1, 2))
            hunters.append(person)
        self._benefit(start + 9 * HOUR_MS, hunters, amount=20_000)

    # --- comings and goings -----------------------------------------------------------------------------------

    def _arrivals(self, day: int, start: int, energy: float) -> None:
        rng, plan = self._rng, self._plan
        is_ignored = self._turned(day, "unanswered_newcomers")
        mean = 1.2 if is_ignored else 0.0012 * len(self._people.members) * energy
        for _ in range(poisson(rng, mean)):
            person = self._people.welcome(is_talker=False if is_ignored else None)
            at = self._moment(start)
            inviter = self._people.pick_talker() if rng.random() < 0.4 else None
            scene = "invitation" if inviter else rng.choice(("qr_code", "link"))
            self._talk.act(e.Join, person, at, scene=scene, inviter_id=inviter and inviter.member_id)
            if not is_ignored:
                self._welcome(person, at)
            speaks = 0.6 if not is_ignored else 0.5 if day < (plan.turn or 0) + 10 else 0.04
            if energy and rng.random() < speaks:
                self._greet(person, at + pause_ms(rng, 600), is_answered=not is_ignored and rng.random() < 0.85)

    def _welcome(self, person: Person, at: int) -> None:
        """Most newcomers are greeted by name, some within minutes, some after hours."""
        host = self._host.choice(self._people.staff)
        if self._host.random() < _WELCOMED:
            said = {"text_len": 12, "links": 0, "mentions": (person.member_id,)}
            at += pause_ms(self._host, 900)
            self._diary.write(e.Message, at, member_id=host.member_id, role=host.role, **said)

    def _greet(self, person: Person, at: int, *, is_answered: bool) -> None:
        said = self._talk.say(person, at)
        if is_answered:
            host = self._people.pick_talker() or self._people.staff[0]
            self._talk.say(host, at + pause_ms(self._rng, 240), said)

    def _departures(self, day: int, start: int) -> None:
        """After all else of the day, so that nobody acts after having left."""
        rng, members = self._rng, self._people.members
        for person in [person for person in members.values() if person.leaves_from in range(day + 1)]:
            self._leave(person, self._moment(start))
        rate = _LEAVING_IN_ANGER if self._turned(day, "ad_flood", "freebie_hunters") else _LEAVING
        if len(members) > CORE:
            for person in self._people.sample(poisson(rng, rate * len(members))):
                if not (self._plan.turn and person.weight > 3):  # whom the cause needs stays until then
                    self._leave(person, self._moment(start), "kicked" if rng.random() < 0.06 else "left")
        if day == self._plan.turn and self._plan.cause.name in {"core_left", "leader_left"}:
            core = self._people.core(CORE - 1 if self._plan.cause.name == "core_left" else 1)
            for place, person in enumerate(core):
                person.leaves_from = day + 1 + place

    def _leave(self, person: Person, at: int, reason: str = "left") -> None:
        """Leave, or stay another day where the day is over by then."""
        at = max(at, person.last_at + 60_000)
        if self._talk.act(e.Leave, person, at, reason=reason):
            self._people.part_with(person)

    # --- small things -----------------------------------------------------------------------------------------

    def _small_things(self, day: int, start: int, energy: float) -> None:
        rng, people, talk = self._rng, self._people, self._talk
        is_loud = self._turned(day, "ad_flood", "monologue")
        for person in people.sample(poisson(rng, len(people.members) * (0.004 if is_loud else 0.0003))):
            talk.act(e.Mute, person, self._moment(start))
        if rng.random() < 0.02:
            for person in people.sample(1):
                talk.act(e.Unmute, person, self._moment(start))
        if self._counts_points:
            for person in people.sample(poisson(rng, 4 * energy)):
                talk.act(e.Points, person, self._moment(start), points=5, cause="sign_in")
        if day == self._renamed_on:
            self._diary.write(e.GroupRenamed, self._moment(start), name=f"{self._plan.name} ✨")
        if day and day % _ROSTER_EVERY_DAYS == 0:
            self._call_roll(start)
