"""One day of one Slack channel: what each entry of the file is, see `slack.py`."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from streams.connectors.batches import Batch, Recipe
from streams.connectors.exports import DayFile
from streams.connectors.slack_people import People
from streams.dead_letters import DeadLetterReason
from streams.events import MAX_EVENT_BYTES, Event, GroupEnded, GroupRenamed, Join, Leave, Message, Reaction, Recall
from streams.text_prints import links

PLATFORM = "slack"
MESSAGES = {None: "text", "me_message": "text", "thread_broadcast": "text", "bot_message": "text", "file_share": "file"}
_TS = re.compile(r"(\d{1,11})\.(\d{6})")


class Reacted(msgspec.Struct):
    """Who reacted to a message with one emoji."""

    name: str
    users: list[str] = []


class Said(msgspec.Struct):
    """An entry of a day's file, as far as we read it."""

    ts: str
    subtype: str | None = None
    user: str | None = None
    bot_id: str | None = None
    username: str | None = None
    inviter: str | None = None
    text: str | None = None
    name: str | None = None
    thread_ts: str | None = None
    deleted_ts: str | None = None
    reactions: list[Reacted] = []


_entries = msgspec.json.Decoder(list[msgspec.Raw]).decode
_said = msgspec.json.Decoder(Said).decode


def micros(ts: str | None) -> int | None:
    """A Slack `ts` ("1433558319.000003") in microseconds, or None."""
    found = _TS.fullmatch(ts or "")
    return int(found[1] + found[2]) if found else None


Refusal = tuple[DeadLetterReason, str]


class SlackDay:
    """One day of one channel on its way to events."""

    def __init__(self, file: DayFile, recipe: Recipe, people: People, batch: Batch) -> None:
        self._file = file
        self._recipe = recipe
        self._people = people
        self._batch = batch
        self._group = f"{recipe.brand_id}/{PLATFORM}/{file.channel}"
        self._origin = f"{recipe.source}:{file.name}"

    def read(self, data: bytes, prev: int | None) -> int | None:
        """Read the file's entries; what goes in and comes out is as DayParser says."""
        try:
            entries = _entries(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._batch.lines += 1
            self._refuse(data, 0, ("malformed_json", "the file is no list of entries"))
            return None
        self._batch.lines += len(entries)
        ordered = self._ordered([bytes(raw) for raw in entries])
        is_whole = all(seq is not None for seq, *_ in ordered)
        prev = prev if is_whole else None
        for seq, number, raw, entry in ordered:
            what = entry if isinstance(entry, tuple) else self._events(entry, seq or 0, prev)
            if isinstance(what, tuple):
                self._refuse(raw, number, what)
            elif isinstance(what, str):
                self._batch.skipped[what] += 1
                continue
            else:
                self._batch.events += what
            prev = seq if is_whole else None
        return prev

    def _ordered(self, entries: list[bytes]) -> list[tuple[int | None, int, bytes, Said | Refusal]]:
        """Each entry with its seq and its number, read or refused, in the order of seq."""
        read = [(*self._entry(raw), number, raw) for number, raw in enumerate(entries, 1)]
        return sorted(((seq, number, raw, entry) for seq, entry, number, raw in read), key=lambda one: one[0] or 0)

    def _entry(self, raw: bytes) -> tuple[int | None, Said | Refusal]:
        if len(raw) > MAX_EVENT_BYTES:
            return None, ("too_large", f"an entry may have {MAX_EVENT_BYTES:,} bytes")
        try:
            said = _said(raw)
        except UnicodeDecodeError:
            return None, ("invalid_utf8", "in a string")
        except msgspec.DecodeError as error:
            return None, ("bad_shape", re.sub(r"\s'.*'", "", str(error)))
        seq = micros(said.ts)
        if seq is None:
            return None, ("bad_shape", "ts is no time of Slack's")
        if seq // 1000 > self._recipe.latest:
            return seq, ("from_the_future", "ts is over 10 minutes ahead of now")
        return seq, said

    def _refuse(self, raw: bytes, number: int, why: Refusal) -> None:
        self._batch.refuse(raw, self._origin, number, *why, self._recipe.now)

    def _events(self, said: Said, seq: int, prev: int | None) -> list[Event] | str | Refusal:
        """An entry's events, or the name of what is skipped, or why it is refused."""
        common: dict[str, Any] = {
            "event_id": f"{self._group}/{seq}",
            "occurred_at": seq // 1000,
            "brand_id": self._recipe.brand_id,
            "platform": PLATFORM,
            "source": self._recipe.source,
            "group_id": self._group,
        }
        ordered = common | {"source_seq": seq, "source_prev": prev}
        kind = said.subtype.replace("group_", "channel_") if said.subtype else None
        if kind in MESSAGES or kind in {"channel_join", "channel_leave"}:
            return self._of_member(said, kind, common, ordered)
        if kind == "channel_archive":
            return [GroupEnded(**ordered, reason="dissolved")]
        target = micros(said.deleted_ts)
        if kind == "message_deleted":
            return [Recall(**ordered, target=f"{self._group}/{target}")] if target else _NO_TARGET
        if kind == "channel_name":
            return [GroupRenamed(**ordered, name=said.name)] if said.name else _NO_NAME
        return said.subtype or "entry"

    def _of_member(
        self, said: Said, kind: str | None, common: dict[str, Any], ordered: dict[str, Any]
    ) -> list[Event] | Refusal:
        who = said.user or said.bot_id or said.username
        if not who or len(who) > 500:
            return "bad_shape", "neither user nor bot_id nor username"
        member, role = self._people.member(who, is_bot=kind == "bot_message" or said.user is None)
        acting = ordered | {"member_id": member, "role": role}
        if kind == "channel_join":
            inviter = self._people.member(said.inviter)[0] if said.inviter else None
            return [Join(**acting, inviter_id=inviter)]
        if kind == "channel_leave":
            return [Leave(**acting, reason="left")]
        thread, text = micros(said.thread_ts), said.text or ""
        message = Message(
            **acting,
            text_len=len(text),
            content_type=MESSAGES[kind],
            reply_to=f"{self._group}/{thread}" if thread and thread != ordered["source_seq"] else None,
            mentions=self._people.mentioned(text),
            text=said.text if self._recipe.keep_text else None,
            links=links(text),
            text_hash=self._people.prints.of(text),
        )
        return [message, *self._reactions(said, message.event_id, common)]

    def _reactions(self, said: Said, message_id: str, common: dict[str, Any]) -> Iterator[Reaction]:
        for reacted in said.reactions:
            for user in reacted.users:
                member, role = self._people.member(user)
                one = common | {"event_id": f"{message_id}/{reacted.name[:64]}/{member}", "target": message_id}
                yield Reaction(**one, member_id=member, role=role)


_NO_TARGET: Refusal = ("bad_shape", "message_deleted without deleted_ts")
_NO_NAME: Refusal = ("bad_shape", "channel_name without a name")
