"""What could not be taken in: kept with its original bytes, its coordinates and a reason."""

import base64
import hashlib
from typing import Literal, get_args

import msgspec

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
"""The key of an acceptance on the same topic, which lets a paused partition go on; a letter has none."""
KEPT_BYTES = 1 << 20


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One refused record. `origin` is a topic (then `position` is the offset) or a file (then its line).

    `original` is base64 of the bytes as they came, at most KEPT_BYTES of them; `size` and `sha256` are of all.
    """

    origin: str
    partition: int
    position: int
    reason: DeadLetterReason
    detail: str
    size: int
    sha256: str
    original: str
    at: int


def dead_letter(
    raw: bytes, *, origin: str, partition: int, position: int, reason: DeadLetterReason, detail: str, at: int
) -> DeadLetter:
    """Wrap refused bytes. `detail` says which field, never its value; `at` is ms UTC."""
    return DeadLetter(
        origin=origin,
        partition=partition,
        position=position,
        reason=reason,
        detail=detail,
        size=len(raw),
        sha256=hashlib.sha256(raw).hexdigest(),
        original=base64.b64encode(raw[:KEPT_BYTES]).decode(),
        at=at,
    )
