"""One day of one IRC channel, and who is who on it: see `irc.py` for the format and the rules."""

import re
from typing import Any

from streams.connectors.batches import Batch, Recipe
from streams.connectors.exports import DayFile, minutes_of
from streams.dead_letters import DeadLetterReason
from streams.errors import VitalsError
from streams.events import MAX_EVENT_BYTES, Event, Join, Leave, Message, Role
from streams.identities import MemberIdentity
from streams.pseudonyms import Pseudonyms
from streams.text_prints import TextPrints, links

PLATFORM = "irc"
LINES_A_DAY = 1_000_000
MAX_NICK_BYTES = 500
_GUEST = re.compile(r"guest\d+")
_WITH_SECONDS = re.compile(rb"\[(\d\d:\d\d):([0-5]\d)\] ")

Refusal = tuple[DeadLetterReason, str]
_BAD_NICK: Refusal = ("bad_shape", f"the nick is missing or longer than {MAX_NICK_BYTES} bytes")


def canonical_nick(nick: str) -> str:
    """What a nick is compared by: `Ann_` and `ann` are one member."""
    lower = nick.lower()
    return lower.rstrip("_`") or lower


class Nicks:
    """Nicks as members: canonical form, pseudonym and role, each found once."""

    def __init__(self, recipe: Recipe, pseudonyms: Pseudonyms) -> None:
        self._recipe = recipe
        self._pseudonyms = pseudonyms
        self._bots = {canonical_nick(nick) for nick in recipe.bots}
        self._staff = {canonical_nick(nick) for nick in recipe.staff}
        self._canonical: dict[bytes, str] = {}
        self._members: dict[str, tuple[str, Role]] = {}
        self._new: list[tuple[str, str, str]] = []

    def canonical(self, nick: bytes) -> str:
        """What a nick is compared by. Bytes that are no UTF-8 stay apart from each other."""
        known = self._canonical.get(nick)
        if known is None:
            known = self._canonical[nick] = canonical_nick(nick.decode("utf-8", "backslashreplace"))
        return known

    def member(self, canonical: str) -> tuple[str, Role]:
        """Pseudonym and role of a canonical nick."""
        known = self._members.get(canonical)
        if known is None:
            role: Role = "bot" if canonical in self._bots else "staff" if canonical in self._staff else "member"
            known = self._members[canonical] = (self._pseudonyms.of(PLATFORM, canonical), role)
            self._new.append((known[0], canonical, canonical))
        return known

    def take_new(self, at: int) -> list[MemberIdentity]:
        """The members met since the last call."""
        new, self._new = self._new, []
        brand = self._recipe.brand_id
        return [
            MemberIdentity(member_id=m, brand_id=brand, platform=PLATFORM, raw_id=raw, name=name, at=at)
            for m, raw, name in new
        ]


class IrcDay:
    """One day's file on its way to events."""

    def __init__(self, file: DayFile, recipe: Recipe, nicks: Nicks, prints: TextPrints, batch: Batch) -> None:
        self._file = file
        self._recipe = recipe
        self._nicks = nicks
        self._prints = prints
        self._batch = batch
        self._group = f"{recipe.brand_id}/{PLATFORM}/{file.channel}"
        self._start, self._minutes = minutes_of(file.day, recipe.zone)
        self._limit = MAX_EVENT_BYTES // (8 if recipe.keep_text else 1)  # a text grows when it is quoted in JSON
        self._heard: dict[str, str] = {}
        """Canonical nick → pseudonym of who wrote or joined, so far."""
        self._owners: dict[str, str] = {}
        """Canonical nick → canonical nick of the member that goes by it since a change of nick."""

    def read(self, data: bytes, prev: int | None) -> int | None:
        """Read the file's lines; what goes in and comes out is as DayParser says."""
        base = int(self._file.date.strftime("%Y%m%d")) * LINES_A_DAY
        batch, events = self._batch, self._batch.events
        lines = data.split(b"\n")
        if not lines[-1]:
            lines.pop()
        if len(lines) >= LINES_A_DAY:
            raise VitalsError(f"{self._file.name} has {len(lines):,} lines, a day may have {LINES_A_DAY - 1:,}")
        batch.lines += len(lines)
        for seq, line in enumerate(lines, base + 1):
            what = self._event(line, seq, prev)
            if isinstance(what, Event):
                events.append(what)
                prev = seq
            elif isinstance(what, tuple):
                batch.refuse(line, f"{self._recipe.source}:{self._file.name}", seq - base, *what, self._recipe.now)
                prev = seq
            else:
                batch.skipped[what] += 1
        return prev if data.endswith(b"\n") else None

    def _event(self, line: bytes, seq: int, prev: int | None) -> Event | str | Refusal:
        """A line's event, or the name of what is skipped, or why it is refused."""
        at = self._minutes.get(line[1:6])
        body = line[8:]
        if at is None or line[:1] != b"[" or line[6:8] != b"] ":
            if not line.strip():
                return "blank"
            timed = _WITH_SECONDS.match(line)
            at = self._minutes.get(timed[1]) if timed else None
            if timed is None or at is None:
                return "unparsable_line", "it does not begin with [HH:MM]"
            at, body = at + int(timed[2]) * 1000, line[11:]
        at += self._start
        if len(line) > self._limit:
            return "too_large", f"a line may have {self._limit:,} bytes"
        if b"\0" in line:
            return "null_byte", "a null byte in the line"
        if at > self._recipe.latest:
            return "from_the_future", "its time is over 10 minutes ahead of now"
        return self._said(body, at, seq, prev)

    def _said(self, body: bytes, at: int, seq: int, prev: int | None) -> Event | str | Refusal:
        """What stands behind the time."""
        if body.startswith(b"<"):
            nick, _, text = body[1:].partition(b">")
            return self._message(at, seq, prev, nick, text[1:])
        if body.startswith(b"* "):
            nick, _, text = body[2:].partition(b" ")
            return self._message(at, seq, prev, nick, text)
        if body.startswith(b"*** "):
            return self._notice(at, seq, prev, body[4:].rstrip(b"\r"))
        return "unparsable_line", "after the time stands neither <nick> nor *"

    def _message(self, at: int, seq: int, prev: int | None, nick: bytes, text: bytes) -> Message | Refusal:
        if not 0 < len(nick) <= MAX_NICK_BYTES:
            return _BAD_NICK
        words = text.rstrip(b"\r").decode("utf-8", "replace")
        return Message(
            **self._common(at, seq, prev, nick),
            text_len=len(words),
            mentions=self._addressed(text),
            text=words if self._recipe.keep_text else None,
            links=links(words),
            text_hash=self._prints.of(words),
        )

    def _addressed(self, text: bytes) -> tuple[str, ...]:
        """Whom a message is for: `ann: yes` is for ann, if ann wrote or joined above in the same file."""
        word = text.split(b" ", 1)[0]
        if word[-1:] not in {b":", b","} or not 1 < len(word) <= MAX_NICK_BYTES:
            return ()
        canonical = self._nicks.canonical(word[:-1])
        return tuple(one for one in [self._heard.get(self._owners.get(canonical, canonical))] if one)

    def _notice(self, at: int, seq: int, prev: int | None, text: bytes) -> Join | Leave | str | Refusal:
        nick, _, what = text.partition(b" ")
        if what.startswith(b"is now known as "):
            self._rename(self._nicks.canonical(nick), self._nicks.canonical(what[16:]))
            return "nick change"
        is_kick = what.startswith(b"was kicked")
        if what not in {b"joined", b"left"} and not is_kick:
            return "notice"
        if not 0 < len(nick) <= MAX_NICK_BYTES:
            return _BAD_NICK
        if what == b"joined":
            self._owners.pop(self._nicks.canonical(nick), None)
            return Join(**self._common(at, seq, prev, nick))
        left = Leave(**self._common(at, seq, prev, nick), reason="kicked" if is_kick else "left")
        self._owners.pop(self._nicks.canonical(nick), None)
        return left

    def _common(self, at: int, seq: int, prev: int | None, nick: bytes) -> dict[str, Any]:
        """The fields of every event of a member."""
        canonical = self._nicks.canonical(nick)
        owner = self._owners.get(canonical, canonical)
        member, role = self._nicks.member(owner)
        self._heard[owner] = member
        return {
            "event_id": f"{self._group}/{seq}",
            "occurred_at": at,
            "brand_id": self._recipe.brand_id,
            "platform": PLATFORM,
            "source": self._recipe.source,
            "source_seq": seq,
            "source_prev": prev,
            "group_id": self._group,
            "member_id": member,
            "role": role,
        }

    def _rename(self, old: str, new: str) -> None:
        """Go on as the same member under a new nick, by the rule at the top of this module."""
        owner = self._owners.pop(old, old)
        if new in old or _GUEST.fullmatch(old):
            owner = new
        self._owners.pop(new, None)
        if owner != new:
            self._owners[new] = owner
