"""The member ledger of a group: who is in it, since when, and how much of the talk they carried."""

import msgspec

from streams.events import Role
from streams.vitals.policy import DAY_MS

GONE_DAYS = 400
"""Members gone for longer leave the ledger."""
HALF_LIFE_DAYS = 28
TALKER_SCORE = 8.0
"""Decayed messages that make a talker: two a week, held. Talkers are the candidates for a group's core."""
_DECAY = tuple(0.5 ** (days / HALF_LIFE_DAYS) for days in range(GONE_DAYS + 1))


class Member(msgspec.Struct, array_like=True, gc=False):
    """One member of one group. `number` stands for them in the panes and is never given to another.

    `score` is the number of messages, halved every HALF_LIFE_DAYS, as of `score_day`. `presence_at` is the time
    of the event that last said whether they are here: an older one that arrives later does not count. `arrived_day`
    is the day of their first join, -1 when it was not seen.
    """

    number: int
    role: Role = "member"
    is_present: bool = False
    presence_at: int = -1
    joined_at: int | None = None
    first_message_at: int | None = None
    last_message_at: int | None = None
    last_action_at: int = -1
    messages: int = 0
    score: float = 0.0
    score_day: int = 0
    arrived_day: int = -1
    touched_hour: int = -1
    is_muted: bool = False
    is_talker: bool = False


class Ledger(msgspec.Struct, array_like=True, gc=False):
    """All members of a group by pseudonym, with the counts of those present (bots and system are neither).

    `talkers` are the pseudonyms of those whose score once reached TALKER_SCORE.
    """

    by_id: dict[str, Member] = {}
    next_number: int = 0
    members: int = 0
    staff: int = 0
    talkers: list[str] = []

    def get(self, member_id: str, role: Role) -> Member:
        """The member, new to the ledger if need be. The latest role that an event gives is theirs."""
        member = self.by_id.get(member_id)
        if member is None:
            member = self.by_id[member_id] = Member(self.next_number, role)
            self.next_number += 1
        elif member.role != role:
            was_present = member.is_present
            self._count(member, is_present=False)
            member.role = role
            self._count(member, is_present=was_present)
        return member

    def set_present(self, member: Member, time: int, *, is_present: bool) -> bool:
        """Note that a member is here, or gone, at `time`; False if something later is known already."""
        if time < member.presence_at:
            return False
        member.presence_at = time
        self._count(member, is_present=is_present)
        return True

    def present(self) -> set[str]:
        """The pseudonyms of the members who are here, staff and bots left out."""
        return {key for key, member in self.by_id.items() if member.is_present and member.role == "member"}

    def _count(self, member: Member, *, is_present: bool) -> None:
        step = int(is_present) - int(member.is_present)
        member.is_present = is_present
        if member.role == "member":
            self.members += step
        elif member.role == "staff":
            self.staff += step

    def reconcile(self, roster: dict[str, Role], time: int) -> None:
        """Make presence what a full list says, unless something later is known of a member."""
        for member_id, role in roster.items():
            self.set_present(self.get(member_id, role), time, is_present=True)
        for member_id, member in self.by_id.items():
            if member.is_present and member_id not in roster:
                self.set_present(member, time, is_present=False)

    def forget_gone(self, at: int, talker_days: int) -> None:
        """Drop members who are not here and did nothing for GONE_DAYS before `at`, and talkers long silent."""
        limit = at - GONE_DAYS * DAY_MS
        gone = [k for k, m in self.by_id.items() if not m.is_present and max(m.last_action_at, m.presence_at) < limit]
        for member_id in gone:
            del self.by_id[member_id]
        self.talkers = [t for t in self.talkers if self._is_talking(self.by_id.get(t), at - talker_days * DAY_MS)]

    def _is_talking(self, member: Member | None, since: int) -> bool:
        if member is not None:
            member.is_talker = (member.last_message_at or 0) >= since
        return member is not None and member.is_talker

    def add_score(self, member_id: str, member: Member, day: int) -> None:
        """Count one message of the day in the member's score."""
        score = member.score
        if day > member.score_day:
            score *= _DECAY[min(day - member.score_day, GONE_DAYS)]
            member.score_day = day
        member.score = score = score + 1.0
        if score >= TALKER_SCORE and not member.is_talker:
            member.is_talker = True
            self.talkers.append(member_id)
