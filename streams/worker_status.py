"""What a part says of itself each second, for `vitals status` and the benches: one small JSON file per part."""

import contextlib
import os
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from streams.settings import Settings

if TYPE_CHECKING:
    from streams.pulse import Pulse

_SUFFIX = ".status.json"
_TWIN_S, _LOOK_S = 3.0, 0.1
"""For so long a process that lives has to write nothing until it is held for one that hangs."""


class PartitionStatus(msgspec.Struct, frozen=True):
    """How far one partition is folded, and how far that is durable; offsets are the next ones."""

    next: int
    flushed: int
    is_paused: bool


class WorkerStatus(msgspec.Struct, frozen=True):
    """A worker at `at` (seconds, Unix). Totals and `cpu_seconds` are since the process started, at `started_at`.

    `metrics` is where it answers `/metrics`, "" if nowhere.
    """

    name: str
    agent: str
    topic: str
    pid: int
    at: float
    partitions: dict[int, PartitionStatus]
    events_total: int
    flushes_total: int
    dead_letters_total: int
    holes_total: int
    cpu_seconds: float
    is_waiting_for_kafka: bool
    metrics: str = ""
    started_at: float = 0.0


def path_of(settings: Settings, name: str) -> Path:
    """Where the part of that name writes."""
    return settings.run / f"{name}{_SUFFIX}"


def write(settings: Settings, status: WorkerStatus) -> None:
    """Replace the worker's file at once, so that a reader sees a whole one; on a full disk the old one stays."""
    path = path_of(settings, status.name)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
    _replace(path, status)


def _replace(path: Path, said: object) -> None:
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    with contextlib.suppress(OSError):  # a full disk must not end whoever writes: the next writing may succeed
        draft.write_bytes(msgspec.json.encode(said))
        draft.replace(path)


def read_all(settings: Settings) -> list[WorkerStatus]:
    """Every worker that has written one, also those that stopped since (see `at`); unreadable files are left out."""
    names = sorted(path.name.removesuffix(_SUFFIX) for path in settings.run.glob(f"*{_SUFFIX}"))
    return [said for name in names if (said := _said(settings, name)) is not None]


def twin_of(settings: Settings, name: str) -> int | None:
    """The pid of another process of this home that works under a worker's name; None if nobody does.

    Who is gone is known at once; of who lives and says nothing, as one that hangs, after _TWIN_S.
    """
    before = _said(settings, name)
    if before is None or before.pid == os.getpid() or not _lives(before.pid):
        return None
    until = time.monotonic() + _TWIN_S
    while time.monotonic() < until:
        now = _said(settings, name)
        if now is not None and now.at != before.at:
            return now.pid
        time.sleep(_LOOK_S)
    return None


def elder_of(settings: Settings, name: str, started_at: float) -> int | None:
    """The pid of a process that worked under the name before us, who started then, and still does; None if none does.

    Two that start at the same moment know nothing of each other: the younger is to go.
    """
    said = _said(settings, name)
    if said is None or said.pid == os.getpid() or not said.started_at < started_at < said.at:
        return None
    return said.pid if _lives(said.pid) else None


def _said(settings: Settings, name: str) -> WorkerStatus | None:
    try:
        return msgspec.json.decode(path_of(settings, name).read_bytes(), type=WorkerStatus)
    except (OSError, msgspec.DecodeError):
        return None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        pass
    return True


class Status:
    """The same of a sink, a ticker or notify, by a thread. A part whose main loop hangs falls silent."""

    def __init__(self, settings: Settings, pulse: "Pulse", **said: Any) -> None:
        self.rows: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self._pulse = pulse
        self._path = path_of(settings, pulse.part)
        self._said: dict[str, Any] = {"name": pulse.part, "pid": os.getpid(), "state": "running"} | said
        self._stop = threading.Event()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._thread = threading.Thread(target=self._write_each_second, daemon=True)
        self._thread.start()

    @property
    def state(self) -> str:
        """`running`, or what it waits for."""
        return str(self._said["state"])

    def update(self, **said: Any) -> None:
        """Change what the next writing says."""
        self._said |= said

    def close(self) -> None:
        """Say that it stopped, and write no more."""
        self.update(state="stopped")
        self._stop.set()
        self._thread.join()

    def _write_each_second(self) -> None:
        while not self._stop.wait(1.0):
            self.write_if_alive()
        self._write()

    def write_if_alive(self) -> None:
        """Write it now, unless the main loop hangs: silence is how `vitals status` learns of that."""
        if not self._pulse.hangs:
            self._write()

    def _write(self) -> None:
        said = self._said | {
            "at": int(time.time() * 1000),
            "rows": dict(self.rows),
            "skipped": dict(self.skipped),
            "cpu_seconds": round(time.process_time(), 3),
            "metrics": self._pulse.address,
        }
        _replace(self._path, said)
