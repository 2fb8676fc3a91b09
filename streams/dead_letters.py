"""What could not be taken in: kept with its original bytes, its coordinates and a reason."""

import hashlib
from typing import Annotated, Literal, get_args

import msgspec
import xxhash
from msgspec import Meta

from streams.events import MAX_TIME, Int64

DeadLetterReason = Literal[
    "malformed_json",
    "invalid_utf8",
    "null_byte",
    "unknown_type",
    "bad_shape",
    "from_the_future",
    "too_large",
    "wrong_key",
    "unparsable_line",
    "undeliverable",
]
REASONS: tuple[str, ...] = get_args(DeadLetterReason)
ACCEPT = b"accept"
"""How the key of an acceptance begins, which stands on the same topic and lets a paused partition go on."""
REPLAYED = b"replayed/"
"""How the key of a mark begins: the letter whose id follows was sent again."""
KEPT_BYTES = 1 << 20
KEPT_KEY_BYTES = 4096
"""Twice what the longest id takes: no event has such a key."""


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One refused record. `origin` is a topic (then `position` is the offset) or a file (then its line, partition -1).

    `letter_id`, the key of its own record, is made of where and when it stood and of its bytes: refused again, the same
    record makes the same letter. `original` is base64 of the bytes as they came, at most KEPT_BYTES of them, `key` that
    of the record's key (None: it had none); `size` and `sha256` are of all bytes. `at` is ms UTC.
    """

    letter_id: str = ""
    origin: str
    partition: Annotated[int, Meta(ge=-1, le=2**31 - 1)]
    position: Int64
    reason: DeadLetterReason
    detail: str
    size: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
    original: bytes
    at: Annotated[int, Meta(ge=0, le=MAX_TIME)]
    key: bytes | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all bytes were kept."""
        return len(self.original) == self.size


class Acceptance(msgspec.Struct, frozen=True):
    """Somebody has looked at the dead letters of a topic (None: of any) and its partition (None: each): go on."""

    topic: str | None = None
    partition: int | None = None

    @property
    def key(self) -> bytes:
        """Of its record: of all acceptances for the same, compaction keeps the last."""
        return b"/".join([ACCEPT, *(str(part).encode() for part in (self.topic, self.partition) if part is not None)])

    def is_for(self, topic: str, partition: int) -> bool:
        """Whether it lets this partition go on."""
        return self.topic in (None, topic) and self.partition in (None, partition)


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """A letter's bytes were sent again, at `at` (ms UTC), and lie at `offset` now: refused again, they are from there.

    The key of its record is REPLAYED and the letter's id.
    """

    letter_id: str
    topic: str
    partition: int
    offset: int
    at: int


def is_letter(key: bytes | None) -> bool:
    """Whether a record of the topic is a letter, by its key. Letters from before they had an id have no key."""
    return key is None or not (key == ACCEPT or key.startswith((ACCEPT + b"/", REPLAYED)))


def dead_letter(  # noqa: PLR0913  all that there is to say of it
    raw: bytes,
    *,
    origin: str,
    partition: int,
    position: int,
    reason: DeadLetterReason,
    detail: str,
    at: int,
    key: bytes | None = None,
) -> DeadLetter:
    """Wrap refused bytes. `detail` says which field, never its value; `at` is ms UTC, 0 where a record has no time."""
    return with_id(
        DeadLetter(
            origin=origin,
            partition=partition,
            position=position,
            reason=reason,
            detail=detail,
            size=len(raw),
            sha256=hashlib.sha256(raw).hexdigest(),
            original=raw[:KEPT_BYTES],
            at=max(0, at),
            key=None if key is None else key[:KEPT_KEY_BYTES],
        )
    )


def of_beginning(letter: DeadLetter, size: int, sha256: str) -> DeadLetter:
    """The letter of bytes of which only the beginning was read, and of all of which `size` and `sha256` are."""
    return with_id(msgspec.structs.replace(letter, size=size, sha256=sha256))


def with_id(letter: DeadLetter) -> DeadLetter:
    """The letter with its id. An alert that several channels did not take is a letter of each."""
    apart = letter.detail if letter.reason == "undeliverable" else ""
    place = f"{letter.origin}\0{letter.partition}\0{letter.position}\0{letter.at}\0{letter.sha256}\0{apart}"
    return msgspec.structs.replace(letter, letter_id=xxhash.xxh3_128_hexdigest(place.encode()))
