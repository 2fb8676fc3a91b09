"""Files of lines, read line by line in bounded memory, however long a line is."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from streams.connectors.batches import NO_PARTITION
from streams.connectors.files import opened, readable
from streams.dead_letters import DeadLetter, dead_letter, of_beginning
from streams.events import MAX_EVENT_BYTES

_PIECE = 1 << 20


class Line(msgspec.Struct):
    """One line of a file as it came, without its end; the coordinates are those of `streams.edge.Record`.

    `size` and `sha256` are set where the line was too long to keep and `value` is only its beginning.
    """

    value: bytes | None
    offset: int
    timestamp: int
    size: int = 0
    sha256: str = ""
    key: bytes | None = None


class LineFile:
    """The lines of a file, decompressed by its ending, or of standard input (`-`)."""

    def __init__(self, path: Path) -> None:
        self.title = "standard input" if str(path) == "-" else path.name
        self._path = path
        self._is_plain = str(path) != "-"
        with readable(self.title):
            self._stream, self._below = opened(path)
        self._told = 0

    def lines(self, now: int) -> Iterator[Line]:
        """Every line, counted from 1; `now` (ms UTC) is their time of arrival. A byte order mark is dropped."""
        readline = self._stream.readline
        number = 0
        with readable(self.title):
            while line := readline(MAX_EVENT_BYTES + 2):
                number += 1
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                if line.endswith(b"\n") or len(line) <= MAX_EVENT_BYTES:
                    yield Line(line.rstrip(b"\r\n"), number, now)
                else:
                    yield self._long(line, number, now)

    def _long(self, line: bytes, number: int, now: int) -> Line:
        """Read a long line to its end and keep its beginning."""
        digest, size, piece = hashlib.sha256(), 0, line
        while piece:
            digest.update(piece)
            size += len(piece)
            piece = b"" if piece.endswith(b"\n") else self._stream.readline(_PIECE)
        return Line(line, number, now, size, digest.hexdigest())

    def read_since(self) -> int:
        """Bytes of the file, as it lies on disk, that were read since this was last asked."""
        if not self._is_plain or self._below.closed:
            return 0
        place = self._below.tell()
        since, self._told = place - self._told, place
        return since

    @property
    def size(self) -> int | None:
        """Bytes on disk; None for standard input."""
        return self._path.stat().st_size if self._is_plain else None

    def close(self) -> None:
        """Let go of the file."""
        self._stream.close()
        self._below.close()


def total_size(files: list[LineFile]) -> int | None:
    """Bytes of all the files; None when one of them is standard input."""
    sizes = [file.size for file in files]
    return None if None in sizes else sum(size or 0 for size in sizes)


def too_long(line: Line, origin: str) -> DeadLetter:
    """The dead letter of a line of which only the beginning was kept."""
    letter = dead_letter(
        line.value or b"", origin=origin, partition=NO_PARTITION, position=line.offset, reason="too_large",
        detail=f"{line.size} bytes, the limit is {MAX_EVENT_BYTES}", at=line.timestamp,
    )  # fmt: skip
    return of_beginning(letter, line.size, line.sha256)
