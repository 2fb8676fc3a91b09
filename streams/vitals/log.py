"""A log folded: what an agent does with one partition of its topic, and how its values are stored."""

import struct
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec
import zstandard

from streams.events import Event
from streams.vitals.rows import Output

S = TypeVar("S", bound=msgspec.Struct)

COMPRESS_ABOVE_BYTES = 4096
SEQS_PER_OFFSET = 1 << 20
"""A derived event's source_seq is offset × SEQS_PER_OFFSET + index: one event may cause a million others."""

_HEAD = struct.Struct(">qB")
_RAW, _ZSTD = 0, 1
_pack = msgspec.msgpack.Encoder().encode
_compress = zstandard.ZstdCompressor(level=1).compress
_decompress = zstandard.ZstdDecompressor().decompress


class Log(Protocol):
    """All values of one partition of one topic, folded in the order of offsets. Pure.

    Each value carries the offset of the last event that it absorbed, and skips an event at or below it, but
    counts as changed, so that it is written again. The partition's own value has no such guard: it is stored
    in one record with the partition's next offset and so is always exactly as old as that.
    """

    def restore(self, partition_value: bytes | None, values: Mapping[str, bytes]) -> None:
        """Start from stored bytes: the partition's own value (None: a new partition) and one per key."""

    def fold(self, event: Event, key: str, offset: int, arrived_at: int) -> Sequence[Output]:
        """Absorb one event; `key` is its record's key, `arrived_at` the record's timestamp in ms."""

    def take_changed(self) -> dict[str, bytes]:
        """Every changed value, encoded as of now; afterwards nothing counts as changed."""

    def partition_value(self) -> bytes:
        """The partition's own value, encoded as of now."""


def pack(offset: int, state: msgspec.Struct) -> bytes:
    """A value as stored: absorbed offset (8 bytes, big endian, so bytes compare as offsets), codec, msgpack."""
    body = _pack(state)
    if len(body) > COMPRESS_ABOVE_BYTES:
        return _HEAD.pack(offset, _ZSTD) + _compress(body)
    return _HEAD.pack(offset, _RAW) + body


def unpack(value: bytes, decoder: "msgspec.msgpack.Decoder[S]") -> S:
    """The state of a stored value."""
    codec = value[8]
    body = value[_HEAD.size :]
    return decoder.decode(_decompress(body) if codec == _ZSTD else body)


def absorbed_offset(value: bytes) -> int:
    """The offset of the last event that a stored value absorbed."""
    return int(_HEAD.unpack_from(value)[0])
