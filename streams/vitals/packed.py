"""Counts by number that nobody changes for now, as the msgpack that is stored of them: a tenth of what a dict takes."""

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from typing import final

import msgspec

MANY = 512
"""Fewer stay as they are."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[int, int]).decode


@final
class Packed(Mapping[int, int]):
    """Whoever asks for more than their number decodes them; who asks more than once does so by `counts`."""

    __slots__ = ("_length", "stored")

    def __init__(self, counts: dict[int, int]) -> None:
        """They keep their order."""
        self._length = len(counts)
        self.stored = _encode(counts)

    def counts(self) -> dict[int, int]:
        """All of them."""
        return _decode(self.stored)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, number: int) -> int:
        return self.counts()[number]

    def __iter__(self) -> Iterator[int]:
        return iter(self.counts())

    def items(self) -> ItemsView[int, int]:
        """Decoded once, and not again for each."""
        return self.counts().items()

    def values(self) -> ValuesView[int]:
        """Decoded once, and not again for each."""
        return self.counts().values()


Counts = dict[int, int] | Packed


def packed(counts: Counts) -> Counts:
    """The same, at rest if they are many."""
    return counts if type(counts) is Packed or len(counts) <= MANY else Packed(counts)


def unpacked(counts: Counts) -> dict[int, int]:
    """The same, to be changed or asked again and again."""
    return counts.counts() if type(counts) is Packed else counts
