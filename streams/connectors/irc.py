"""IRC logs in the layout `channel/year/YYYY-MM-DD`, one file a day, a line each.

    [HH:MM] <nick> text                 message
    [HH:MM] * nick text                 message
    [HH:MM] *** nick joined             join
    [HH:MM] *** nick left               leave, reason left
    [HH:MM] *** nick was kicked by …    leave, reason kicked
    [HH:MM] *** nick is now known as …  no event: the same member goes on
    [HH:MM] *** anything else           no event: modes, topics

`source_seq` is yyyymmdd × 10^6 + the line's number in its day's file. A line that is no event lies inside what the
next event covers; a line that was refused does not, so that its replay counts: the event after it names the
refused line as its `source_prev`, not the event before.

**Who is who.** A nick is compared in lower case without trailing `_` and `` ` ``. After a change of nick the member
stays the one of the old nick, until the new nick leaves, joins or changes again, or the day's file ends; but where
the old nick contains the new one (`bob|away` to `bob`) or is a server's `Guest123`, the member is the new nick's.
So who a line belongs to depends on nothing but the lines above it in the same file, however the export is cut.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from streams.connectors.batches import Batch, Delivered, Recipe
from streams.connectors.exports import EPOCH, DayFile, Registry, created, day_batches, minutes_of
from streams.connectors.files import Tree, open_tree
from streams.dead_letters import DeadLetterReason
from streams.errors import VitalsError
from streams.events import MAX_EVENT_BYTES, Event, Join, Leave, Message, Role
from streams.identities import MemberIdentity
from streams.pseudonyms import Pseudonyms

PLATFORM = "irc"
LINES_A_DAY = 1_000_000
MAX_NICK_BYTES = 500
_FILE = re.compile(r"(?:^|/)(?:(?P<channel>[^/]+)/)?(?:\d{4}/)?(?P<day>\d{4}-\d{2}-\d{2})(?:\.(?:txt|log))?$")
_GUEST = re.compile(r"guest\d+")
_WITH_SECONDS = re.compile(rb"\[(\d\d:\d\d):([0-5]\d)\] ")

Refusal = tuple[DeadLetterReason, str]
_BAD_NICK: Refusal = ("bad_shape", f"the nick is missing or longer than {MAX_NICK_BYTES} bytes")


class IrcReader:
    """Reads exports of one network. `skipped_files` counts what is no day's log."""

    unit = "lines"

    def __init__(self, paths: Sequence[Path], recipe: Recipe, pseudonyms: Pseudonyms, spool_dir: Path) -> None:
        self._recipe = recipe
        self._nicks = Nicks(recipe, pseudonyms)
        self._files: list[DayFile] = []
        self._registry = Registry(recipe, frozenset())
        self.skipped_files = 0
        for path in paths:
            self._add(open_tree(path, spool_dir), path)
        if not self._files:
            raise VitalsError(f"no IRC log in {paths[0]}: the files must lie as channel/year/YYYY-MM-DD")
        self.total_bytes = sum(file.size for file in self._files)

    def _add(self, tree: Tree, path: Path) -> None:
        for name, size in sorted(tree.sizes().items()):
            found = _place(name, path)
            if found is None:
                self.skipped_files += 1
            else:
                self._files.append(DayFile(channel=found[0], day=found[1], tree=tree, name=name, size=size))

    def batches(self, delivered: Delivered) -> Iterator[Batch]:
        """As Reader says: one batch a day."""
        self._registry = Registry(self._recipe, delivered)
        for batch in day_batches(self._files, self._parse, self._recipe, delivered):
            batch.identities = self._nicks.take_new(batch.begins_at or 0)
            yield batch

    def _parse(self, file: DayFile, data: bytes, prev: int | None, batch: Batch) -> int | None:
        first = len(batch.events)
        last = DayLog(file, self._recipe, self._nicks, batch).read(data, prev)
        if len(batch.events) > first and self._registry.is_new(file.channel, batch):
            at = batch.events[first].occurred_at
            batch.events.insert(first, created(self._recipe, file.channel, file.channel, at))
        return last


def _place(name: str, root: Path) -> tuple[str, int] | None:
    """Channel and day of a file; the channel of an export of one channel is the name of what was given."""
    found = _FILE.search(name)
    if found is None:
        return None
    try:
        day = date.fromisoformat(found["day"]).toordinal() - EPOCH
    except ValueError:
        return None
    channel = found["channel"]
    if channel is None or re.fullmatch(r"\d{4}", channel):
        channel = _channel_of(root.absolute())
    return channel.encode("utf-8", "surrogateescape").decode("utf-8", "replace"), day


def _channel_of(root: Path) -> str:
    """`cro/`, `cro/2017/`, `cro/2017/2017-11-20` and `cro.tar.xz` are all of channel cro."""
    while (root.is_file() and _FILE.search(root.name)) or re.fullmatch(r"\d{4}", root.name):
        root = root.parent
    return root.name.split(".tar")[0].removesuffix(".zip")


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


class DayLog:
    """One day's file on its way to events."""

    def __init__(self, file: DayFile, recipe: Recipe, nicks: Nicks, batch: Batch) -> None:
        self._file = file
        self._recipe = recipe
        self._nicks = nicks
        self._batch = batch
        self._group = f"{recipe.brand_id}/{PLATFORM}/{file.channel}"
        self._minutes = minutes_of(file.day, recipe.zone)
        self._limit = MAX_EVENT_BYTES // (8 if recipe.keep_text else 1)  # a text grows when it is quoted in JSON
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
        kept = words if self._recipe.keep_text else None
        return Message(**self._common(at, seq, prev, nick), text_len=len(words), text=kept)

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
        member, role = self._nicks.member(self._owners.get(canonical, canonical))
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
