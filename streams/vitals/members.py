"""The member ledger of a group: who is in it, since when, and how much of the talk they carried."""

import msgspec

from streams.events import Role
from streams.vitals.panes import day_of
from streams.vitals.policy import DAY_MS

GONE_DAYS = 400
"""Members gone for longer leave the ledger."""
HALF_LIFE_DAYS = 28
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


class Ledger(msgspec.Struct, array_like=True, gc=False):
    """All members of a group by pseudonym, with the counts of those present (bots and system are neither)."""

    by_id: dict[str, Member] = {}
    next_number: int = 0
    members: int = 0
    staff: int = 0

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

    def forget_gone(self, at: int) -> None:
        """Drop members who are not here and did nothing for GONE_DAYS before `at`."""
        limit = at - GONE_DAYS * DAY_MS
        gone = [k for k, m in self.by_id.items() if not m.is_present and max(m.last_action_at, m.presence_at) < limit]
        for member_id in gone:
            del self.by_id[member_id]


def add_score(member: Member, time: int) -> None:
    """Count one message in the member's score."""
    day = day_of(time)
    if day > member.score_day:
        member.score *= _DECAY[min(day - member.score_day, GONE_DAYS)]
        member.score_day = day
    member.score += 1.0
