"""Files of lines for a backtest: read by the megabyte, several of them merged by the time in their lines."""

import heapq
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from streams.connectors.files import opened, readable
from streams.events import MAX_EVENT_BYTES

PIECE_BYTES = 1 << 20
MERGED_LINES = 4096
_LONGEST = MAX_EVENT_BYTES + 2
"""A longer line is cut here: then it is no JSON, and its length tells why."""
_time = re.compile(rb'"occurred_at"\s*:\s*(\d+)')

Lines = tuple[Sequence[int], list[bytes]]
"""Where each line stands (file number << 40 | line from 1), and the lines without their ends."""


class Files:
    """The lines of some files, decompressed by their endings, in the order of the file, or merged by time.

    Raises VitalsError where a file cannot be read.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._titles = ["standard input" if str(path) == "-" else path.name for path in paths]
        self._read = [0] * len(paths)
        self._told = 0
        self.total_bytes: int | None = 0
        for path in paths:
            with readable(path):
                size = None if str(path) == "-" else path.stat().st_size
            self.total_bytes = None if size is None or self.total_bytes is None else self.total_bytes + size

    def title(self, place: int) -> str:
        """What to call the place of a line: `chat.jsonl, line 12`."""
        return f"{self._titles[place >> 40]}, line {place & (1 << 40) - 1:,}"

    def read_since(self) -> int:
        """Bytes of the files, as they lie on disk, that were read since this was last asked."""
        since, self._told = sum(self._read) - self._told, sum(self._read)
        return since

    def blocks(self) -> Iterator[Lines]:
        """All lines, some thousand at a time."""
        if len(self._paths) == 1:
            yield from self._blocks(0)
            return
        merged = heapq.merge(*(self._timed(number) for number in range(len(self._paths))), key=lambda line: line[0])
        places: list[int] = []
        lines: list[bytes] = []
        for _, place, line in merged:
            places.append(place)
            lines.append(line)
            if len(lines) >= MERGED_LINES:
                yield places, lines
                places, lines = [], []
        yield places, lines

    def _timed(self, number: int) -> Iterator[tuple[int, int, bytes]]:
        """Each line behind its time; one that tells none stays with the one before it."""
        at = 0
        for places, lines in self._blocks(number):
            for place, line in zip(places, lines, strict=True):
                found = _time.search(line)
                if found is not None and len(found[1]) < 16:
                    at = int(found[1])
                yield at, place, line

    def _blocks(self, number: int) -> Iterator[Lines]:
        first = (number << 40) + 1
        for lines in self._pieces(number):
            yield range(first, first + len(lines)), lines
            first += len(lines)

    def _pieces(self, number: int) -> Iterator[list[bytes]]:
        path = self._paths[number]
        with readable(self._titles[number]):
            stream, below = opened(path)
            rest, is_first = b"", True
            with below, stream:
                while piece := stream.read(PIECE_BYTES):
                    if str(path) != "-":
                        self._read[number] = below.tell()
                    lines = (rest + piece).split(b"\n")
                    rest = lines.pop()[:_LONGEST]
                    if is_first and lines:
                        lines[0], is_first = lines[0].removeprefix(b"\xef\xbb\xbf"), False
                    if max(map(len, lines), default=0) > _LONGEST:
                        lines = [line[:_LONGEST] for line in lines]
                    yield lines
            if rest:
                yield [rest.removeprefix(b"\xef\xbb\xbf") if is_first else rest]
