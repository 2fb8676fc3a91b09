"""The edge between a Kafka record and an event: what may come in, and why the rest may not."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from streams.dead_letters import DeadLetter, DeadLetterReason, dead_letter
from streams.events import (
    FUTURE_TOLERANCE_MS,
    MAX_EVENT_BYTES,
    NOBODY,
    Event,
    GroupEvent,
    LinkChanged,
    MemberSeen,
    Message,
    OrderAttributed,
    SourceBlind,
    SourceComplete,
    SourceSeen,
    Tick,
    Touch,
    VerdictChanged,
)

T = TypeVar("T")
KeyOf = Mapping[type[Event], Callable[[Any], str | None]]
"""Which key the record of an event must have, by type; a type that is not in it, or None, may have any."""

LOOKED_INTO = frozenset({OrderAttributed, SourceComplete, Touch})
"""Types of which `take_in` checks more than shape, time and key, as of whatever has a key that ends in NOBODY."""

DERIVED_TOLERANCE_MS = 86_400_000
"""How far the clock of an agent's host may be behind. Without a limit a forged tick would end all waiting for time."""
_DERIVED = (LinkChanged, MemberSeen, OrderAttributed, SourceBlind, SourceSeen, Touch, VerdictChanged)
_quoted_value = re.compile(r"""\s(?:'.*'|".*")""", re.DOTALL)


class Record(Protocol):
    """What is needed of a Kafka record."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class RefusedError(Exception):
    """A record that is no event. `detail` says where in it, never what stands there."""

    def __init__(self, reason: DeadLetterReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: DeadLetterReason = reason
        self.detail = detail


def take_in(record: Record, decode: Callable[[bytes], Event], key_of: KeyOf) -> tuple[Event, str]:
    """The event of a record and its key. Raises RefusedError.

    `occurred_at` may be at most FUTURE_TOLERANCE_MS ahead of the record's own time, whatever the type: a tick from
    the future would move every group's clock. What an agent made of another event was judged when that came in, so it
    may be DERIVED_TOLERANCE_MS ahead. An empty `key_of` is that of a file: nobody but its writer made what is in it.
    """
    raw = record.value or b""
    if len(raw) > MAX_EVENT_BYTES:
        raise RefusedError("too_large", f"{len(raw)} bytes, the limit is {MAX_EVENT_BYTES}")
    if b"\0" in raw or (b"u0000" in raw and _has_null(raw)):
        raise RefusedError("null_byte", "a null character")
    event = read(raw, decode)
    _check(event, record.timestamp + (DERIVED_TOLERANCE_MS if _is_derived(event, key_of) else FUTURE_TOLERANCE_MS))
    key = _key(record)
    wanted = key_of[type(event)](event) if type(event) in key_of else None
    if wanted is not None and wanted != key:
        raise RefusedError("wrong_key", f"the record's key is not the event's own ({type(event).__name__})")
    return event, key


def _check(event: Event, latest: int) -> None:
    """Refuse what has the right shape and cannot be so."""
    if event.occurred_at > latest:
        raise RefusedError("from_the_future", "occurred_at is more than 10 minutes ahead of the record's time")
    if isinstance(event, SourceComplete) and event.complete_until > latest:  # it would never be blind again
        raise RefusedError("from_the_future", "complete_until is more than 10 minutes ahead of the record's time")
    if isinstance(event, Touch) and event.member_id is None and event.kind != "post":
        raise RefusedError("bad_shape", "only a post is nobody's - at `$.member_id`")
    if isinstance(event, GroupEvent):
        is_nobodys = isinstance(event, OrderAttributed) and event.rule == "unattributed"
        if event.group_id.endswith(NOBODY) and not is_nobodys:
            raise RefusedError("bad_shape", "only orders that no group can claim are of no group - at `$.group_id`")


def _is_derived(event: Event, key_of: KeyOf) -> bool:
    """Whether an agent made it, by a clock that may be behind that of the host where its cause came from.

    No tick of chat-events, whose messages have a key, was forwarded by one.
    """
    is_forwarded = isinstance(event, Tick) and event.origin_partition is not None and Message not in key_of
    return bool(key_of) and (is_forwarded or isinstance(event, _DERIVED))


def refuse(record: Record, origin: str, partition: int, error: RefusedError) -> DeadLetter:
    """The dead letter of a record. Its time is the record's, so that refusing it again gives the same letter."""
    return dead_letter(
        record.value or b"", origin=origin, partition=partition, position=record.offset,
        reason=error.reason, detail=error.detail, at=record.timestamp, key=record.key,
    )  # fmt: skip


def _key(record: Record) -> str:
    try:
        return (record.key or b"").decode()
    except UnicodeDecodeError:
        raise RefusedError("wrong_key", "the record's key is not UTF-8") from None


def read(raw: bytes, decode: Callable[[bytes], T]) -> T:
    """What the bytes hold. Raises RefusedError."""
    try:
        return decode(raw)
    except UnicodeDecodeError as error:
        raise RefusedError("invalid_utf8", f"at byte {error.start} of a string") from None
    except msgspec.ValidationError as error:
        raise RefusedError(*_misfit(str(error))) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise RefusedError(*_no_json(raw, str(error))) from None


def _misfit(message: str) -> tuple[DeadLetterReason, str]:
    detail = _quoted_value.sub("", message)
    return ("unknown_type" if message.startswith("Invalid value") and "$.type" in message else "bad_shape"), detail


def _no_json(raw: bytes, message: str) -> tuple[DeadLetterReason, str]:
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return "invalid_utf8", f"at byte {error.start}"
    return "malformed_json", message.removeprefix("JSON is malformed: ")


def _has_null(raw: bytes) -> bool:
    """Whether a string or key of the JSON holds U+0000. After a second backslash the same characters are harmless."""
    try:
        return _holds_null(msgspec.json.decode(raw))
    except (ValueError, RecursionError):
        return False


def _holds_null(value: Any) -> bool:
    """Without recursion: what was nested as deep as the decoder goes would hide a null behind it."""
    left = [value]
    while left:
        part = left.pop()
        if isinstance(part, str) and "\0" in part:
            return True
        if isinstance(part, dict):
            left += part.keys()
            left += part.values()
        elif isinstance(part, list):
            left += part
    return False
