"""How a partition's values and position lie in its changelog, and which of several writers' records count.

A table key is `key + topic id (16 bytes) + term (12 bytes)`. The term names one writer for one time of ownership, so
that a late record of an older writer lies beside the newer one's instead of hiding it from compaction. The position
record has an empty key: it says which offset is next and holds the partition's own value as of then.
"""

import struct
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from streams.dead_letter_limit import Limit
from streams.vitals.log import absorbed_offset

_TAIL = struct.Struct(">16sIQ")
_OFFSET = struct.Struct(">q")


class Term(NamedTuple):
    """One writer of one partition: the consumer group's generation, then when it took over (ns). Later is greater."""

    generation: int
    started: int


class Position(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where to go on, and what is known of the partition itself as of exactly there."""

    next_offset: int
    partition_value: bytes
    limit: Limit


class Loaded(NamedTuple):
    """What a changelog partition says about one topic: the best value of each key and the latest position.

    `written` has every table key per key ("" for the position): those of older terms can go once the key is
    written anew. `foreign` are the table keys of another topic of the same name, deleted since, `losing` those of this
    one that a better record of the same key stands beside: what a writer that woke late left.
    """

    position: Position | None
    values: dict[str, bytes]
    written: dict[str, list[bytes]]
    latest: Term
    foreign: list[bytes]
    losing: list[bytes]


_pack = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Position)


def table_key(key: str, topic_id: bytes, term: Term) -> bytes:
    """The changelog key under which this term writes `key`; "" is the position."""
    return key.encode() + _TAIL.pack(topic_id, *term)


def pack_position(position: Position) -> bytes:
    """A position as stored: the next offset (8 bytes, big endian), then the whole in msgpack."""
    return _OFFSET.pack(position.next_offset) + _pack(position)


def unpack_position(value: bytes) -> Position:
    """The position of a stored record."""
    return _decoder.decode(memoryview(value)[_OFFSET.size :])


def term_after(latest: Term, generation: int, now_ns: int) -> Term:
    """A term later than any seen, also when the group's generations began anew or a clock went back."""
    if generation > latest.generation:
        return Term(generation, now_ns)
    return Term(latest.generation, max(now_ns, latest.started + 1))


def load(records: Mapping[bytes, bytes], topic_id: bytes) -> Loaded:
    """Choose among all writers' records: of a key the highest absorbed offset, of positions the latest term.

    A value is the same whoever folded it, so the furthest one is the best. A position is only as good as the
    values of its own writer, and each writer began with the best of those before it, so the latest one counts.
    """
    written: dict[str, list[bytes]] = {}
    best: dict[str, tuple[tuple[int, Term], bytes]] = {}
    foreign: list[bytes] = []
    latest = Term(0, 0)
    for stored, value in records.items():
        key, owner, term = split(stored)
        latest = max(latest, term)
        if owner != topic_id:
            foreign.append(stored)
            continue
        written.setdefault(key, []).append(stored)
        standing = rank(stored, value)
        if key not in best or standing > best[key][0]:
            best[key] = standing, stored
    values = {key: records[stored] for key, (_, stored) in best.items() if key}
    position = unpack_position(records[best[""][1]]) if "" in best else None
    losing = [stored for key, keys in written.items() for stored in keys if stored != best[key][1]]
    return Loaded(position, values, written, latest, foreign, losing)


def rank(stored: bytes, value: bytes) -> tuple[int, Term]:
    """Of a key's records the one with the highest counts: the absorbed offset (0 for a position), then the term."""
    key, _, term = split(stored)
    return (absorbed_offset(value) if key else 0), term


def split(stored: bytes) -> tuple[str, bytes, Term]:
    """The key, the topic's id and the term in a table key."""
    owner, generation, started = _TAIL.unpack_from(stored, len(stored) - _TAIL.size)
    return stored[: -_TAIL.size].decode(), owner, Term(generation, started)
