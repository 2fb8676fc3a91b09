"""The ledger of a group's members: all of them by pseudonym, most of them at rest.

A member as an object takes 600 bytes, as the msgpack that is stored of them 120. So in a ledger of more than AWAKE
members those rest as bytes who did nothing for an hour of the group's time: at each flush. One who is found is awake
again; who is only looked at goes on resting, and what is decoded for that is forgotten. What is stored does not tell
who was awake. A value of an older version, whose members have fewer fields, is made one of this when it is opened.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import msgspec

from streams.events import Role
from streams.vitals.members import GONE_DAYS, Glance, Member
from streams.vitals.policy import DAY_MS, HOUR_MS

AWAKE = 512
"""In a ledger of so few nobody rests: they take less than the days of the group, and are looked through all day."""
AWAKE_MS = HOUR_MS
G = TypeVar("G", bound=Glance)
People = dict[int, tuple[str, Member]]
"""Pseudonyms and members by member number."""


class _Seen(Member, frozen=True, array_like=True, gc=False):  # type: ignore[misc]  # nobody's type but the decoder's
    """A member decoded to be read: what is written into it would be lost, so nothing can be."""


class _Glanced(Glance, frozen=True, array_like=True, gc=False):  # type: ignore[misc]  # as above
    """The first fields of one: a third of the work of decoding all."""


class _Numbered(msgspec.Struct, array_like=True, gc=False):
    number: int


_encode = msgspec.msgpack.Encoder().encode
_wake = msgspec.msgpack.Decoder(Member).decode
_look = msgspec.msgpack.Decoder(_Seen).decode
_glance = msgspec.msgpack.Decoder(_Glanced).decode
_numbered = msgspec.msgpack.Decoder(_Numbered).decode
_FIELDS = _encode([0] * len(Member.__struct_fields__))[:3]
"""How the bytes of a member of this version begin."""

if TYPE_CHECKING:
    Kept = Member | bytes
else:
    Kept = msgspec.Raw  # as the decoder leaves them for `opened`


class Ledger(msgspec.Struct, array_like=True, gc=False):
    """All members of a group by pseudonym, with the counts of those present (bots and system are neither).

    In `by_id` numbers rise. `talkers` are the pseudonyms of those whose score once reached TALKER_SCORE.
    """

    by_id: dict[str, Kept] = {}
    next_number: int = 0
    members: int = 0
    staff: int = 0
    talkers: list[str] = []

    def opened(self) -> None:
        """Come from the decoder, which leaves members as views of the whole value."""
        by_id, few = self.by_id, len(self.by_id) <= AWAKE
        for member_id, raw in by_id.items():
            if type(raw) is not Member:
                by_id[member_id] = _wake(raw) if few else _copied(bytes(raw))

    def rest(self, since: int) -> None:
        """Let all rest who did nothing since a time."""
        by_id = self.by_id
        if len(by_id) > AWAKE:
            for member_id, kept in by_id.items():
                if type(kept) is Member and kept.last_action_at < since:
                    by_id[member_id] = _encode(kept)

    def stored(self) -> "Ledger":
        """What is to be encoded in place of this ledger: the bytes of those who rest are taken as they are."""
        if len(self.by_id) <= AWAKE:
            return self
        raw = msgspec.Raw
        members = {one: kept if type(kept) is Member else raw(kept) for one, kept in self.by_id.items()}
        return msgspec.structs.replace(self, by_id=members)

    def get(self, member_id: str, role: Role) -> Member:
        """The member, new to the ledger if need be. The latest role that an event gives is theirs."""
        member = self.find(member_id)
        if member is None:
            member = self.by_id[member_id] = Member(self.next_number, role)
            self.next_number += 1
        elif member.role != role:
            was_present = member.is_present
            self._count(member, is_present=False)
            member.role = role
            self._count(member, is_present=was_present)
        return member

    def __contains__(self, member_id: object) -> bool:
        return member_id in self.by_id

    def __len__(self) -> int:
        return len(self.by_id)

    def __getitem__(self, member_id: str) -> Member:
        """A member who is known, to be changed."""
        member = self.find(member_id)
        if member is None:
            raise KeyError(member_id)
        return member

    def find(self, member_id: str) -> Member | None:
        """The member, to be changed."""
        member = self.by_id.get(member_id)
        if member is None or type(member) is Member:
            return member
        woken = self.by_id[member_id] = _wake(member)
        return woken

    def look(self, member_id: str) -> Member | None:
        """The member, only to be read, and not to be kept."""
        member = self.by_id.get(member_id)
        return member if member is None or type(member) is Member else _look(member)

    def find_each(self) -> Iterable[tuple[str, Member]]:
        """All members by pseudonym, each to be changed before the next is asked for: who rested rests again then."""
        return self.by_id.items() if len(self.by_id) <= AWAKE else self._find_each()  # type: ignore[return-value]

    def _find_each(self) -> Iterator[tuple[str, Member]]:
        by_id = self.by_id
        for member_id, kept in by_id.items():
            if type(kept) is Member:
                yield member_id, kept
            else:
                member = by_id[member_id] = _wake(kept)
                yield member_id, member
                by_id[member_id] = _encode(member)

    def look_each(self) -> Iterable[tuple[str, Member]]:
        """All members by pseudonym, only to be read, and not to be kept."""
        return self._each(_look)

    def people(self) -> Iterable[Member]:
        """All who are neither staff nor bots, only to be read; to be walked over again and again."""
        people = _People(self)
        return list(people) if len(self.by_id) <= AWAKE else people

    def glance_each(self) -> Iterable[tuple[str, Glance]]:
        """The same, of which no more than the fields of a `Glance` are asked for."""
        return self._each(_glance)

    def _each(self, decode: Callable[[bytes], G]) -> Iterable[tuple[str, Member | G]]:
        if len(self.by_id) <= AWAKE:
            return self.by_id.items()  # type: ignore[return-value]  # all are awake
        return ((one, kept if type(kept) is Member else decode(kept)) for one, kept in self.by_id.items())

    def id_of(self, number: int) -> str:
        """The pseudonym of a member by their number; "" of one who is forgotten."""
        ids, by_id = list(self.by_id), self.by_id
        place = bisect_left(ids, number, key=lambda member_id: _number(by_id[member_id]))
        return ids[place] if place < len(ids) and _number(by_id[ids[place]]) == number else ""

    def set_present(self, member: Member, time: int, *, is_present: bool) -> bool:
        """Note that a member is here, or gone, at `time`; False if something later is known already."""
        if time < member.presence_at:
            return False
        member.presence_at = time
        self._count(member, is_present=is_present)
        return True

    def present(self) -> set[str]:
        """The pseudonyms of the members who are here, staff and bots left out."""
        return {key for key, member in self.glance_each() if member.is_present and member.role == "member"}

    def _count(self, member: Member, *, is_present: bool) -> None:
        step = int(is_present) - int(member.is_present)
        member.is_present = is_present
        if member.role == "member":
            self.members += step
        elif member.role == "staff":
            self.staff += step

    def learn(self, ids: list[str]) -> None:
        """Complete `ids`, pseudonyms by member number: "" of who was forgotten before they were learnt."""
        known = len(ids)
        if known == self.next_number:
            return
        ids += [""] * (self.next_number - known)
        if len(self.by_id) == self.next_number:
            ids[known:] = islice(self.by_id, known, None)
            return
        for member_id, kept in reversed(self.by_id.items()):
            number = _number(kept)
            if number < known:
                break
            ids[number] = member_id

    def reconcile(self, roster: dict[str, Role], time: int) -> list[str]:
        """Make presence what a full list says, unless something later is known of a member. Answers whom it changed."""
        changed = []
        for member_id, role in roster.items():
            known = self.find(member_id)
            was = None if known is None or known.role != role else known.is_present
            member = self.get(member_id, role)
            self.set_present(member, time, is_present=True)
            if member.is_present != was:
                changed.append(member_id)
        for member_id, member in self.find_each():
            if member.is_present and member_id not in roster and self.set_present(member, time, is_present=False):
                changed.append(member_id)
        return changed

    def forget_gone(self, at: int, talker_days: int) -> None:
        """Drop members who are not here and did nothing for GONE_DAYS before `at`, and talkers long silent."""
        limit = at - GONE_DAYS * DAY_MS
        gone = [k for k, m in self.glance_each() if not m.is_present and max(m.last_action_at, m.presence_at) < limit]
        for member_id in gone:
            del self.by_id[member_id]
        if gone and len(self.by_id) <= AWAKE:
            self.opened()
        self.talkers = [t for t in self.talkers if self._is_talking(self.find(t), at - talker_days * DAY_MS)]

    def _is_talking(self, member: Member | None, since: int) -> bool:
        if member is not None:
            member.is_talker = (member.last_message_at or 0) >= since
        return member is not None and member.is_talker

    def add_talker(self, member_id: str, member: Member) -> None:
        """The member's score has reached TALKER_SCORE."""
        member.is_talker = True
        self.talkers.append(member_id)


def _number(kept: Kept) -> int:
    return kept.number if type(kept) is Member else _numbered(kept).number


class _People:
    """They are decoded anew for each walk, one after the other: a list of them all is what is not to be held."""

    __slots__ = ("_ledger",)

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __iter__(self) -> Iterator[Member]:
        return (member for _, member in self._ledger.look_each() if member.role == "member")


def _copied(kept: bytes) -> bytes:
    return kept if kept.startswith(_FIELDS) else _encode(_wake(kept))
