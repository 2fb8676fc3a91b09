"""The one directory in which everything lives, and the lock on it."""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from streams.errors import VitalsError
from streams.settings import Settings


def prepare(settings: Settings) -> None:
    """Make the directories, readable by their owner only. Raises VitalsError."""
    if " ;" in str(settings.home):
        raise VitalsError(f"{settings.home} holds ' ;', which starts a comment for the supervisor: set VITALS_HOME")
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in (settings.run, settings.logs, settings.secrets):
            path.mkdir(mode=0o700, exist_ok=True)
            path.chmod(0o700)
    except OSError as error:
        raise VitalsError(f"cannot write to {settings.home} ({error.strerror}): set VITALS_HOME elsewhere") from None


@contextlib.contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """Hold the home against another `up` or `down`; the kernel lets go when the holder dies. Raises VitalsError."""
    with (settings.run / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise VitalsError(
                f"another `vitals up` or `down` is working on {settings.home}: wait for it, or set VITALS_HOME"
            ) from None
        yield


def is_locked(settings: Settings) -> bool:
    """Whether an `up` or `down` is working on the home right now."""
    try:
        with locked(settings):
            return False
    except VitalsError:
        return True


def ensure_secret(settings: Settings, name: str) -> str:
    """The password in `<home>/secrets/<name>` (mode 0600), made at first use; a configured one wins."""
    known = settings.password_of(name)
    if known:
        return known
    made = secrets.token_urlsafe(24)
    write_private(settings.secrets / name, made + "\n")
    return made


def make_private(path: Path) -> None:
    """A directory of the user's own, also where others may have made one before. Raises VitalsError."""
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise VitalsError(f"{path} is not yours alone: remove it, or set VITALS_HOME to a shorter path")


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600, whole or not at all."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    part.replace(path)
