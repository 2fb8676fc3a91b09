"""A day's talk of one group: bursts of conversation, replies, reactions, recalls."""

from random import Random

from streams import events as e
from streams.simulate.chance import moment, pause_ms
from streams.simulate.diary import Diary
from streams.simulate.people import People, Person

_CONTENT = ("text", "image", "voice", "link")
_CONTENT_SHARES = (0.84, 0.1, 0.03, 0.03)
_REACTING = {"telegram": 0.12, "whatsapp": 0.12}
"""The share of messages with a reaction, on the platforms that have them."""
RECALLED = 0.006


class Talk:
    """Lets people of one group say things, in its diary. Text is never made, only its length."""

    def __init__(self, rng: Random, diary: Diary, people: People, platform: str, utc_offset: int) -> None:
        self._rng, self._diary, self._people = rng, diary, people
        self._reacting = _REACTING.get(platform, 0.0)
        self._utc_offset = utc_offset

    def say(self, person: Person, at: int, reply_to: str | None = None, advert: int | None = None) -> str:
        """One message; answers its event_id. An `advert` has a link, and says the same as all of that number."""
        if self._diary.has_room(at):
            person.last_at = max(person.last_at, at)
            person.said += 1
        kind = self._rng.choices(_CONTENT, _CONTENT_SHARES)[0]
        length = 1 + round(self._rng.lognormvariate(2.6, 0.9)) if kind == "text" else 0
        return self._diary.write(
            e.Message,
            at,
            member_id=person.member_id,
            role=person.role,
            text_len=length,
            content_type=kind,
            reply_to=reply_to,
            links=int(kind == "link" or advert is not None),
            text_hash=advert,
        )

    def converse(self, day_start: int, messages: int) -> None:
        """Spread that many member messages over the day, in bursts of a few people each."""
        left = messages
        while left > 0:
            length = min(left, 1 + round(self._rng.expovariate(1 / 3.5)))
            self._burst(day_start + moment(self._rng, self._utc_offset), length)
            left -= length

    def _burst(self, at: int, length: int) -> None:
        rng = self._rng
        circle = [person for person in (self._people.pick_talker() for _ in range(2 + length // 3)) if person]
        before: tuple[Person, str] | None = None
        for _ in range(length if circle else 0):
            person = rng.choice(circle)
            is_reply = before is not None and before[0] is not person and rng.random() < 0.4
            event_id = self.say(person, at, before[1] if before and is_reply else None)
            before = person, event_id
            self._echo(person, event_id, at)
            at += pause_ms(rng, 75)

    def _echo(self, person: Person, event_id: str, at: int) -> None:
        """What a message may bring: a reaction, or that its author takes it back."""
        rng = self._rng
        if self._reacting and rng.random() < self._reacting:
            for fan in self._people.sample(1 + (rng.random() < 0.3)):
                if fan is not person:
                    self.act(e.Reaction, fan, at + pause_ms(rng, 200), target=event_id)
        if rng.random() < RECALLED:
            self._diary.write(e.Recall, at + rng.randrange(5_000, 110_000), target=event_id)

    def act(self, kind: type[e.MemberEvent], person: Person, at: int, **fields: object) -> bool:
        """Any other deed of a person; False if the day is over by then."""
        if not self._diary.has_room(at):
            return False
        person.last_at = max(person.last_at, at)
        self._diary.write(kind, at, member_id=person.member_id, role=person.role, **fields)
        return True
