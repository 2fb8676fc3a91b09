"""Files as they come: compressed or not, alone, in a directory or in an archive, and never trusted."""

import bz2
import gzip
import io
import lzma
import os
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, Protocol, cast

import zstandard

from streams.errors import VitalsError

MAX_FILE_BYTES = 256 << 20
"""One file inside an export. A day of a channel is a few megabytes at most."""
MAX_RATIO = 1000
"""Chats compress to a tenth or a twentieth; what claims a thousandth is a bomb."""
TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.zst", ".tzst", ".tar.bz2")
_DAMAGE = (
    EOFError,
    zlib.error,
    gzip.BadGzipFile,
    lzma.LZMAError,
    zstandard.ZstdError,
    tarfile.TarError,
    zipfile.BadZipFile,
)


@contextmanager
def readable(path: Path | str) -> Iterator[None]:
    """Turn every way in which a file cannot be read into one line. Raises VitalsError."""
    try:
        yield
    except _DAMAGE as error:
        what = " ".join(str(error).split()) or type(error).__name__
        raise VitalsError(f"{path} is damaged or not what its name says ({what}): get the file again") from None
    except OSError as error:
        raise VitalsError(f"cannot read {path}: {error.strerror or error}") from None


def opened(path: Path) -> tuple[BinaryIO, IO[bytes]]:
    """A file's content, decompressed by its ending, and the file below it, whose `tell` says how far it is read."""
    if str(path) == "-":
        return sys.stdin.buffer, sys.stdin.buffer
    below = path.open("rb")
    ending = path.suffix.lower()
    if ending in {".gz", ".tgz"}:
        return cast(BinaryIO, gzip.GzipFile(fileobj=below)), below
    if ending in {".xz", ".txz"}:
        return cast(BinaryIO, lzma.LZMAFile(below)), below
    if ending in {".zst", ".tzst"}:
        return cast(BinaryIO, io.BufferedReader(_Zstd(below), 1 << 17)), below
    if ending == ".bz2":
        return cast(BinaryIO, bz2.BZ2File(below)), below
    return below, below


class _Zstd(io.RawIOBase):
    """Zstandard frames, unpacked. The library's own reader takes a file that was cut short for a whole one."""

    def __init__(self, below: IO[bytes]) -> None:
        self._below = below
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._is_inside = False
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        while not self._ready:
            packed = self._frame.unused_data if self._frame.eof else b""
            if self._frame.eof:
                self._frame, self._is_inside = zstandard.ZstdDecompressor().decompressobj(), False
            packed = packed or self._below.read(1 << 13)  # a bomb unpacks to a thousandfold of this
            if not packed:
                if self._is_inside:
                    raise EOFError("it ends in the middle")
                return 0
            self._ready, self._is_inside = self._frame.decompress(packed), True
        size = min(len(into), len(self._ready))
        into[:size], self._ready = self._ready[:size], self._ready[size:]
        return size


class Tree(Protocol):
    """The files of an export, read one at a time in any order."""

    title: str
    """What to call it in an error."""

    def sizes(self) -> dict[str, int]:
        """Path inside the export, with "/" between its parts, → bytes when unpacked."""

    def read(self, name: str) -> bytes:
        """The content of one file. Raises VitalsError."""

    def close(self) -> None:
        """Let go of the files."""


def open_tree(path: Path, spool_dir: Path) -> Tree:
    """A directory, a tar (.gz, .xz, .zst, .bz2), a zip or a single file. Raises VitalsError.

    A compressed tar can only be read from front to back, channel after channel, while events are wanted day after
    day: it is unpacked once into one unnamed file in `spool_dir`, which vanishes with the process.
    """
    with readable(path):
        if path.is_dir():
            return Directory(path)
        if path.name.lower().endswith(TAR_ENDINGS):
            return Tar(path, spool_dir)
        if path.suffix.lower() == ".zip":
            return Zip(path)
        if path.is_file():
            return Directory(path.parent, only=path.name)
    raise VitalsError(f"there is no {path}: give a directory, a tar or a zip")


class Directory:
    """An export as it lies on disk; `only` one file of it, if given."""

    def __init__(self, root: Path, only: str | None = None) -> None:
        self.title = str(root)
        self._root = root
        self._only = only

    def sizes(self) -> dict[str, int]:
        """As Tree says. Links to directories are not followed."""
        if self._only is not None:
            return {self._only: (self._root / self._only).stat().st_size}
        found: dict[str, int] = {}
        with readable(self._root):
            for folder, _, names in os.walk(self._root, onerror=_raise):
                for name in names:
                    path = Path(folder, name)
                    if path.is_file():
                        found[path.relative_to(self._root).as_posix()] = path.stat().st_size
        return found

    def read(self, name: str) -> bytes:
        """As Tree says."""
        path = self._root / name
        with readable(path):
            _check_size(name, path.stat().st_size, self.title)
            return path.read_bytes()

    def close(self) -> None:
        """Nothing is held open."""


class Tar:
    """A tar, its members found once and read by their place. Nothing is ever unpacked under a name of its own."""

    def __init__(self, path: Path, spool_dir: Path) -> None:
        self.title = str(path)
        self._file = path.open("rb") if path.suffix.lower() == ".tar" else _spooled(path, spool_dir)
        self._places: dict[str, tuple[int, int]] = {}
        with tarfile.open(fileobj=self._file, mode="r:") as tar:
            for member in tar:
                if member.isreg():
                    self._places[_checked_name(member.name, self.title)] = (member.offset_data, member.size)

    def sizes(self) -> dict[str, int]:
        """As Tree says."""
        return {name: size for name, (_, size) in self._places.items()}

    def read(self, name: str) -> bytes:
        """As Tree says."""
        offset, size = self._places[name]
        _check_size(name, size, self.title)
        self._file.seek(offset)
        data = self._file.read(size)
        if len(data) != size:
            raise VitalsError(f"{self.title} ends in the middle of {name}: get the file again")
        return data

    def close(self) -> None:
        """Close the tar; a spool vanishes."""
        self._file.close()


class Zip:
    """A zip, read in place. Refused as a whole when a name or a size in it is hostile."""

    def __init__(self, path: Path) -> None:
        self.title = str(path)
        self._zip = zipfile.ZipFile(path)
        self._infos = {_checked_name(i.filename, self.title): i for i in self._zip.infolist() if not i.is_dir()}
        for name, info in self._infos.items():
            _check_size(name, info.file_size, self.title)
            if info.file_size > 1 << 20 and info.file_size > MAX_RATIO * max(info.compress_size, 1):
                raise VitalsError(f"{self.title} refused: {name} claims to unpack to over {MAX_RATIO} times its size")

    def sizes(self) -> dict[str, int]:
        """As Tree says."""
        return {name: info.file_size for name, info in self._infos.items()}

    def read(self, name: str) -> bytes:
        """As Tree says."""
        with readable(f"{name} in {self.title}"):
            try:
                return self._zip.read(self._infos[name])
            except (RuntimeError, NotImplementedError) as error:  # encrypted, or an unknown compression
                raise VitalsError(f"cannot read {name} in {self.title}: {error}") from None

    def close(self) -> None:
        """Close the zip."""
        self._zip.close()


def _spooled(path: Path, spool_dir: Path) -> IO[bytes]:
    spool_dir.mkdir(parents=True, exist_ok=True)
    stream, below = opened(path)
    spool = tempfile.TemporaryFile(dir=spool_dir)  # noqa: SIM115  lives as long as the Tar
    with below, stream:
        for piece in iter(partial(stream.read, 1 << 20), b""):
            try:
                spool.write(piece)
            except OSError as error:
                what = f"cannot unpack {path.name} in {spool_dir}: {error.strerror}"
                raise VitalsError(f"{what}; make room, or unpack it yourself and import the directory") from None
    spool.seek(0)
    return spool


def _checked_name(name: str, title: str) -> str:
    """A member's name, if it stays inside the export. Raises VitalsError."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or (path.parts and path.parts[0].endswith(":")):
        raise VitalsError(f"{title} refused: it names a file outside of itself ({name!r})")
    return str(path)


def _check_size(name: str, size: int, title: str) -> None:
    if size > MAX_FILE_BYTES:
        raise VitalsError(f"{title} refused: {name} has {size:,} bytes, more than {MAX_FILE_BYTES:,} in one file")


def _raise(error: OSError) -> None:
    raise error
