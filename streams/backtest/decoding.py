"""A line as an event of our own: it may be one already, or lack what only we write (brand, source and its order)."""

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from streams import events as e
from streams.connectors.lines import Line
from streams.dead_letters import DeadLetterReason
from streams.edge import RefusedError, take_in

NO_BRAND = "all"
_SEQ_DIGITS = 18

_decode: Callable[[bytes], e.Event] = msgspec.json.Decoder(
    e.ChatEvent | e.Purchase | e.Refund | e.Touch | e.IdentityLinked | e.IdentityUnlinked
).decode


class _Bare(msgspec.Struct, kw_only=True, gc=False, forbid_unknown_fields=True):
    """What nearly all lines without a brand are. Anything else is refused here and takes the slow way."""

    event_id: e.Id
    type: Literal["message", "join", "leave"]
    occurred_at: e.Time
    platform: e.Id
    group_id: e.Id
    member_id: e.Id
    role: e.Role = "member"
    text_len: e.Count = 0


_NO_EVENT = (ValueError, TypeError, AttributeError, RecursionError)
_decode_bare = msgspec.json.Decoder(_Bare).decode


class Refusal(msgspec.Struct, frozen=True, order=True):
    """A line that is no event: its place (see `reading.Lines`), and why, as a dead letter says it."""

    place: int
    reason: DeadLetterReason
    detail: str


class Decoder:
    """Lines to events. `latest` (ms UTC) is the end of what is not the future.

    A line with a `brand_id` is one of ours and read as `vitals import jsonl` reads it. To one without are added
    the brand (the part of group_id before "/", else "all"), the brand's own source, and as `source_seq` the number
    at the end of event_id, if all before it is the group_id; without an order an event is known by its id.
    """

    def __init__(self, latest: int) -> None:
        self.latest = latest
        self._known: dict[str, tuple[str, str, str, int]] = {}
        self._likely, self._unlikely = self._bare, _own

    def decode(self, line: bytes, place: int) -> e.Event | Refusal:
        """The event of a line, or why it is none. Lines of one kind in a row are read faster."""
        try:
            event = self._likely(line)
        except _NO_EVENT:
            self._likely, self._unlikely = self._unlikely, self._likely
            try:
                event = self._likely(line)
            except _NO_EVENT:
                return self.decode_carefully(line, place)
        return event if event.occurred_at <= self.latest else self.decode_carefully(line, place)

    def decode_carefully(self, line: bytes, place: int) -> e.Event | Refusal:
        """The same for any line; one with a backslash may hide a null character, which `decode` does not see."""
        record = Line(line, place, self.latest - e.FUTURE_TOLERANCE_MS)
        try:
            return take_in(record, self._any, {})[0]
        except RefusedError as error:
            return Refusal(place, error.reason, error.detail)

    def _any(self, line: bytes) -> e.Event:
        fields = msgspec.json.decode(line)
        if not isinstance(fields, dict) or "brand_id" in fields or not isinstance(fields.get("group_id"), str):
            return _own(line)
        brand, source, _, _ = self._names(fields["group_id"])
        added: dict[str, Any] = {"brand_id": brand, "source": source}
        event_id = fields.get("event_id")
        if isinstance(event_id, str):
            added["source_seq"] = self._seq(event_id, fields["group_id"])
        return _decode(msgspec.json.encode(added | fields))

    def _bare(self, line: bytes) -> e.Event:
        bare = _decode_bare(line)
        brand, source, prefix, length = self._known.get(bare.group_id) or self._names(bare.group_id)
        event_id = bare.event_id
        tail = event_id[length:]
        is_ordered = tail.isdecimal() and event_id.startswith(prefix) and len(tail) <= _SEQ_DIGITS
        kind = bare.type
        if kind == "message":
            return e.Message(
                event_id=event_id,
                occurred_at=bare.occurred_at,
                brand_id=brand,
                platform=bare.platform,
                source=source,
                source_seq=int(tail) if is_ordered else None,
                group_id=bare.group_id,
                member_id=bare.member_id,
                role=bare.role,
                text_len=bare.text_len,
            )
        return (e.Join if kind == "join" else e.Leave)(
            event_id=event_id,
            occurred_at=bare.occurred_at,
            brand_id=brand,
            platform=bare.platform,
            source=source,
            source_seq=int(tail) if is_ordered else None,
            group_id=bare.group_id,
            member_id=bare.member_id,
            role=bare.role,
        )

    def _names(self, group_id: str) -> tuple[str, str, str, int]:
        """Brand, source, and what stands before the number in an event_id, with its length."""
        head, slash, _ = group_id.partition("/")
        brand = head if slash and head else NO_BRAND
        known = self._known[group_id] = (brand, source_of(brand), f"{group_id}/", len(group_id) + 1)
        return known

    def _seq(self, event_id: str, group_id: str) -> int | None:
        tail = event_id.removeprefix(f"{group_id}/")
        is_ordered = tail != event_id and tail.isdecimal() and len(tail) <= _SEQ_DIGITS
        return int(tail) if is_ordered else None


def source_of(brand: str) -> str:
    """The source of a brand's events that name none."""
    return f"jsonl/{brand}"


def _own(line: bytes) -> e.Event:
    event = _decode(line)
    if event.source is not None or isinstance(event, (*e.OF_CUSTOMERS, e.Touch, e.Tick)):
        return event
    return msgspec.structs.replace(event, source=source_of(event.brand_id))
