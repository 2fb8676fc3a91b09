"""Values by key that rest as bytes and are decoded while they are needed: from one flush to the next."""

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

import msgspec

from streams.vitals.log import absorbed_offset, pack, unpack


class Shelved(msgspec.Struct, array_like=True):
    """A value that a shelf keeps; `offset` is that of the last event which it absorbed."""

    offset: int = -1


V = TypeVar("V", bound=Shelved)


class Shelf(Generic[V]):
    """The values of one kind. Hundreds of thousands cost their bytes; objects are only those in use."""

    def __init__(self, kind: type[V]) -> None:
        self._kind = kind
        self._decoder = msgspec.msgpack.Decoder(kind)
        self._resting: dict[str, bytes] = {}
        self._read: dict[str, V] = {}
        self._changed: dict[str, V] = {}

    def restore(self, values: Mapping[str, bytes]) -> None:
        """Take over stored bytes."""
        self._resting, self._read, self._changed = dict(values), {}, {}

    def resting(self) -> Iterator[tuple[str, bytes]]:
        """The values at rest, as stored."""
        return iter(self._resting.items())

    def read(self, key: str) -> V | None:
        """A value to look at, not to change."""
        value = self._changed.get(key) or self._read.get(key)
        if value is None and key in self._resting:
            value = self._read[key] = unpack(self._resting[key], self._decoder)
        return value

    def change(self, key: str) -> V:
        """A value to change, a new one if the key is unknown; it will be written at the next flush."""
        value = self._changed.get(key)
        if value is None:
            value = self._changed[key] = self.read(key) or self._kind()
        return value

    def rewrite_from(self, offset: int) -> None:
        """Count as changed what has absorbed this offset already: it was written ahead of the position."""
        for key in [key for key, value in self._resting.items() if absorbed_offset(value) >= offset]:
            self.change(key)

    def take_changed(self) -> dict[str, bytes]:
        """What was changed, as bytes, by key in order; all values rest again."""
        changed = {key: pack(self._changed[key].offset, self._changed[key]) for key in sorted(self._changed)}
        self._resting |= changed
        self._read, self._changed = {}, {}
        return changed
