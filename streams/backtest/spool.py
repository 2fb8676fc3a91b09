"""Bytes by group, written as they come and read back group by group, in little memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

BUFFER_BYTES = 16 << 20


class Segments(msgspec.Struct):
    """Where each group's bytes lie in the file `path`: (offset, length), in the order in which they were added."""

    path: str
    places: dict[str, list[tuple[int, int]]] = {}


class Spool:
    """Takes bytes for groups. Not more than BUFFER_BYTES of them stay in memory."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._segments = Segments(str(path))
        self._waiting: dict[str, list[bytes]] = {}
        self._size = 0
        self._written = 0

    def add(self, group_id: str, record: bytes) -> None:
        """Keep one record behind the others of its group."""
        waiting = self._waiting.get(group_id)
        if waiting is None:
            waiting = self._waiting[group_id] = []
        waiting.append(record)
        self._size += len(record)
        if self._size > BUFFER_BYTES:
            self._write()

    def finish(self) -> Segments:
        """Write what waits; afterwards the file is whole."""
        self._write()
        self._file.close()
        return self._segments

    def _write(self) -> None:
        for group_id, records in self._waiting.items():
            length = self._file.write(b"".join(records))
            self._segments.places.setdefault(group_id, []).append((self._written, length))
            self._written += length
        self._waiting, self._size = {}, 0


def by_group(spools: list[Segments]) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Each group's bytes, in pieces, in the order of group ids; a group is in one spool only."""
    files = [Path(spool.path).open("rb") for spool in spools]  # noqa: SIM115  closed below
    try:
        owners = {group_id: number for number, spool in enumerate(spools) for group_id in spool.places}
        for group_id in sorted(owners):
            number = owners[group_id]
            yield group_id, _pieces(files[number], spools[number].places[group_id])
    finally:
        for file in files:
            file.close()


def _pieces(file: BinaryIO, places: list[tuple[int, int]]) -> Iterator[bytes]:
    for offset, length in places:
        file.seek(offset)
        yield file.read(length)
