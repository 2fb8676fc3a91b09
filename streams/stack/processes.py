"""Processes by number: what they are, whether they are ours, and ending them. Works without psutil."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

_IS_LINUX = sys.platform == "linux"
_POLL_S = 0.05


def marker(home: Path) -> str:
    """The argument that each part of a home's stack carries on its command line, by which it is known again."""
    return f"vitals_home={home.resolve()}"


def command_of(pid: int) -> list[str]:
    """The arguments of a process; empty if there is none, or only its zombie. On macOS one joined string."""
    if _IS_LINUX:
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
        except OSError:
            return []
    return [line] if (line := _ps(pid, "command")) and not line.startswith("(") else []


def is_ours(pid: int, home: Path) -> bool:
    """Whether a live process is a part of this home's stack: pids are reused, command lines tell."""
    mark, command = marker(home), command_of(pid)
    if _IS_LINUX:
        return any(argument.removeprefix("-D") == mark for argument in command)
    return f"{mark} " in f"{' '.join(command)} "


def resident_bytes(pid: int) -> int | None:
    """Memory of a process, None if it is gone."""
    if _IS_LINUX:
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except (OSError, IndexError):
            return None
        return pages * os.sysconf("SC_PAGE_SIZE")
    kib = _ps(pid, "rss").strip()
    return int(kib) * 1024 if kib.isdigit() else None


def _ps(pid: int, column: str) -> str:
    done = subprocess.run(  # noqa: S603  a number and a constant
        ["/bin/ps", "-ww", "-o", f"{column}=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def end(pids: Iterable[int], is_mine: Callable[[int], bool], *, grace_s: float) -> None:
    """SIGTERM to each, and SIGKILL to what is left after the grace; a pid that is not `is_mine` is left alone."""
    for number, wait_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 5.0)):
        alive = [pid for pid in pids if is_mine(pid)]
        for pid in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        wait_until(lambda alive=alive: not any(map(is_mine, alive)), wait_s)  # type: ignore[misc]


def wait_until(is_done: Callable[[], bool], limit_s: float) -> bool:
    """Poll a condition of another process, which nothing announces. False when the limit passed first."""
    deadline = time.monotonic() + limit_s
    while not is_done():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True
