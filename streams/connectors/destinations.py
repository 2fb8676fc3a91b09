"""Where events go, and the two places that need no Kafka: a file of JSON lines, and nowhere."""

import gzip
import lzma
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Protocol, cast

import msgspec
import zstandard

from streams.dead_letters import DeadLetter
from streams.errors import VitalsError
from streams.identities import MemberIdentity


class Destination(Protocol):
    """Takes what an import makes, in order. Raises VitalsError when it cannot."""

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        """Take one event for the partition of its key."""

    def send_everywhere(self, topic: str, value: bytes) -> None:
        """Take one event of no group: a copy for each partition, behind all that was sent there before."""

    def refuse(self, letter: DeadLetter) -> None:
        """Take what was no event."""

    def identify(self, identity: MemberIdentity) -> bool:
        """Take who a pseudonym is; False, and nothing is taken, if the member is to be forgotten."""

    def settle(self) -> None:
        """Wait until all that was taken is safe."""

    def close(self) -> None:
        """Let go, whether or not all is safe."""


class Nowhere:
    """Takes everything and keeps nothing: `--dry-run`."""

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        """As Destination says."""

    def send_everywhere(self, topic: str, value: bytes) -> None:
        """As Destination says."""

    def refuse(self, letter: DeadLetter) -> None:
        """As Destination says."""

    def identify(self, identity: MemberIdentity) -> bool:  # noqa: ARG002  who it is, is kept nowhere
        """As Destination says."""
        return True

    def settle(self) -> None:
        """As Destination says."""

    def close(self) -> None:
        """As Destination says."""


class JsonLines:
    """Events as JSON lines, compressed by the file's ending; refused lines beside it in `FILE.rejected.jsonl`.

    No ticks and no closing are written, who reads the file makes them anew, and no names.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rejected = path.with_name(path.name + ".rejected.jsonl")
        self._draft = path.with_name(f".{path.name}.part")
        self._rejects: IO[bytes] | None = None
        with writable(path):
            self._rejected.unlink(missing_ok=True)
            self._stream = compressed(self._draft, path.suffix.lower())

    def send(self, topic: str, key: bytes, value: bytes) -> None:  # noqa: ARG002  a line names neither
        """As Destination says."""
        try:
            self._stream.write(value + b"\n")
        except OSError as error:
            raise _cannot_write(self._path, error) from None

    def send_everywhere(self, topic: str, value: bytes) -> None:
        """As Destination says."""

    def refuse(self, letter: DeadLetter) -> None:
        """As Destination says."""
        with writable(self._rejected):
            if self._rejects is None:
                self._rejects = self._rejected.open("wb")
            self._rejects.write(msgspec.json.encode(letter) + b"\n")

    def identify(self, identity: MemberIdentity) -> bool:  # noqa: ARG002  who it is, is kept nowhere
        """As Destination says."""
        return True

    def settle(self) -> None:
        """As Destination says."""

    def finish(self) -> None:
        """All is written: give the file its name. Before that, a file of this name is what it was."""
        with writable(self._path):
            self._stream.close()
            self._draft.replace(self._path)

    def close(self) -> None:
        """As Destination says."""
        with suppress(OSError):  # a full disk was said before
            self._stream.close()
        self._draft.unlink(missing_ok=True)
        if self._rejects is not None:
            self._rejects.close()


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Turn what hinders writing to a path into one line. Raises VitalsError."""
    try:
        yield
    except OSError as error:
        raise _cannot_write(path, error) from None


def check_folder(path: Path) -> None:
    """Raise VitalsError if the folder of a file is not there: said before hours of work, not after them."""
    folder = path.absolute().parent
    if not folder.is_dir():
        raise VitalsError(f"cannot write {path}: there is no folder {folder}")


def _cannot_write(path: Path, error: OSError) -> VitalsError:
    return VitalsError(f"cannot write {path}: {error.strerror or error}")


def compressed(path: Path, ending: str) -> IO[bytes]:
    """A file to write to, packed as an ending says: .gz, .xz, .zst, or not at all. The same content, the same bytes."""
    if ending == ".gz":
        return cast(IO[bytes], gzip.GzipFile(path, "wb", compresslevel=5, mtime=0))
    if ending == ".xz":
        return cast(IO[bytes], lzma.LZMAFile(path, "wb", preset=2))
    if ending == ".zst":
        return cast(IO[bytes], zstandard.ZstdCompressor(level=3).stream_writer(path.open("wb")))
    return path.open("wb")
