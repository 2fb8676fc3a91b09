"""The jars of a Kafka broker, fetched once, checked by sha256 at every start."""

import contextlib
import hashlib
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from streams.errors import VitalsError
from streams.stack.maven import SETTING, Repository, repository

LOCK_FILE = Path(__file__).parent / "kafka-4.4.0.lock"
VERSION = "4.4.0"
THREADS, TRIES, TIMEOUT_S, BACK_OFF_S = 8, 4, 30, 0.5
_BLOCK_BYTES = 1 << 16
_STALE_AFTER_S = 3600

Progress = Callable[[int], None]
"""Told of bytes as they arrive; negative when a try is thrown away."""


class Jar(msgspec.Struct, frozen=True):
    """A line of the lock file. `path` is that within a Maven repository."""

    path: str
    sha256: str
    size_bytes: int

    @property
    def name(self) -> str:
        """The file name, unique in the lock."""
        return self.path.rpartition("/")[2]


def locked_jars(lock_file: Path = LOCK_FILE) -> list[Jar]:
    """All jars, in the order of the class path."""
    rows = (line.split() for line in lock_file.read_text(encoding="ascii").splitlines() if line)
    return [Jar(path, digest, int(size)) for path, digest, size in rows]


def directory(cache: Path) -> Path:
    """Where the jars lie, shared by all homes."""
    return cache / f"kafka-{VERSION}"


def missing(cache: Path) -> list[Jar]:
    """The jars that are not there, or not as locked: 0.1 s for all 42 MiB."""
    folder = directory(cache)
    with ThreadPoolExecutor(THREADS) as threads:
        present = threads.map(lambda jar: _is_whole(folder / jar.name, jar), jars := locked_jars())
        return [jar for jar, is_whole in zip(jars, present, strict=True) if not is_whole]


def _is_whole(path: Path, jar: Jar) -> bool:
    try:
        return path.stat().st_size == jar.size_bytes and hashlib.sha256(path.read_bytes()).hexdigest() == jar.sha256
    except OSError:
        return False


def fetch(cache: Path, jars: list[Jar], mirror: str | None, progress: Progress) -> None:
    """Fetch jars; each appears whole or not at all, so an interrupted fetch goes on where it was.

    Raises VitalsError with one line if any cannot be had.
    """
    folder, source, stop = directory(cache), repository(mirror), threading.Event()
    folder.mkdir(parents=True, exist_ok=True)
    _remove_stale_parts(folder)
    with ThreadPoolExecutor(THREADS) as threads:
        tasks = [threads.submit(_fetch_one, folder, jar, source, progress, stop) for jar in jars]
        try:
            for task in tasks:
                task.result()
        except BaseException:
            stop.set()
            threads.shutdown(cancel_futures=True)
            raise


def _fetch_one(folder: Path, jar: Jar, source: Repository, progress: Progress, stop: threading.Event) -> None:
    """Try a few times, with back-off; the error of the last try is the one to tell."""
    for attempt in range(1, TRIES + 1):
        try:
            return _download(folder, jar, source, progress, stop)
        except (OSError, ValueError) as error:
            is_final = isinstance(error, urllib.error.HTTPError) and 400 <= error.code < 500 and error.code != 429
            if is_final or attempt == TRIES or stop.wait(BACK_OFF_S * 2**attempt):
                raise VitalsError(_advice(jar, source, error)) from None
    raise AssertionError("unreachable")


def _advice(jar: Jar, source: Repository, error: Exception) -> str:
    reason = error if isinstance(error, urllib.error.HTTPError) else getattr(error, "reason", error)
    where = source.url if source.origin == "default" else f"{source.url} (of {source.origin})"
    return (
        f"cannot fetch {jar.name} from {where}: {reason}. Kafka needs its jars once: go online and run `vitals up` "
        f"again, it goes on where it was; or name a Maven mirror in {SETTING}"
    )


def _download(folder: Path, jar: Jar, source: Repository, progress: Progress, stop: threading.Event) -> None:
    part = folder / f"{jar.name}.{os.getpid()}.part"
    try:
        _save(part, jar, source, progress, stop)
        part.replace(folder / jar.name)
    finally:
        part.unlink(missing_ok=True)


def _save(part: Path, jar: Jar, source: Repository, progress: Progress, stop: threading.Event) -> None:
    """Stream to a file and compare its digest; on any failure the progress is taken back."""
    digest, got = hashlib.sha256(), 0
    try:
        opener = urllib.request.build_opener()  # with the proxies of the environment as it is now
        with opener.open(_request(jar, source), timeout=TIMEOUT_S) as answer, part.open("wb") as file:
            while block := answer.read(_BLOCK_BYTES):
                if stop.is_set():
                    raise OSError("interrupted")
                digest.update(block)
                got += file.write(block)
                progress(len(block))
        if digest.hexdigest() != jar.sha256:
            raise ValueError(f"its content is not the locked one (sha256 differs, {got} bytes)")
    except BaseException:
        progress(-got)
        raise


def _request(jar: Jar, source: Repository) -> urllib.request.Request:
    headers = {"User-Agent": "group-vitals"} | ({"Authorization": source.authorization} if source.authorization else {})
    return urllib.request.Request(f"{source.url}/{jar.path}", headers=headers)  # noqa: S310


def _remove_stale_parts(folder: Path) -> None:
    """Delete what a killed fetch left behind, but not what another one is writing."""
    for part in folder.glob("*.part"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > _STALE_AFTER_S:
                part.unlink()
