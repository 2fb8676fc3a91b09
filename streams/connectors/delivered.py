"""What an import has brought to Kafka already, so that a killed one goes on where it stopped."""

from array import array
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from streams.errors import VitalsError

_MARK_BYTES = 8


class DeliveredFile:
    """The digests of the pieces of one source that Kafka has acknowledged: 8 bytes each, appended.

    `incarnation` names the topics that they went to: topics created anew have nothing. A mark that a kill cut
    short is ignored, its piece is sent again and absorbed.
    """

    def __init__(self, imports_dir: Path, source: str, incarnation: str) -> None:
        self._path = imports_dir / f"{quote(source, safe='')}-{incarnation}.delivered"
        self._marks: set[object] = set()
        try:
            imports_dir.mkdir(parents=True, exist_ok=True)
            stored = self._path.read_bytes() if self._path.exists() else b""
        except OSError as error:
            raise VitalsError(f"cannot keep the progress of an import in {imports_dir}: {error.strerror}") from None
        whole = len(stored) - len(stored) % _MARK_BYTES
        if whole < len(stored):
            with self._path.open("r+b") as file:
                file.truncate(whole)
        marks = array("Q")
        marks.frombytes(stored[:whole])
        self._marks.update(marks)

    def __contains__(self, mark: object, /) -> bool:
        """Whether the piece was delivered."""
        return mark in self._marks

    def add(self, marks: Iterable[int]) -> None:
        """Remember pieces whose every event has been acknowledged."""
        new = array("Q", marks)
        try:
            with self._path.open("ab") as file:
                file.write(new.tobytes())
        except OSError as error:
            raise VitalsError(f"cannot keep the progress of an import in {self._path}: {error.strerror}") from None
        self._marks.update(new)


class NothingDelivered:
    """For a destination that keeps no progress, and for `--again`, which then begins to keep it."""

    def __init__(self, kept: DeliveredFile | None = None) -> None:
        self._kept = kept

    def __contains__(self, mark: object, /) -> bool:
        """Nothing was."""
        return False

    def add(self, marks: Iterable[int]) -> None:
        """Remember for later runs, if anywhere."""
        if self._kept is not None:
            self._kept.add(marks)
