"""What a worker says of itself each second, for `vitals status` and the benches: one small JSON file per worker."""

import contextlib
from pathlib import Path

import msgspec

from streams.settings import Settings

_SUFFIX = ".status.json"


class PartitionStatus(msgspec.Struct, frozen=True):
    """How far one partition is folded, and how far that is durable; offsets are the next ones."""

    next: int
    flushed: int
    is_paused: bool


class WorkerStatus(msgspec.Struct, frozen=True):
    """A worker at `at` (seconds, Unix). Totals and `cpu_seconds` are since the process started."""

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


def path_of(settings: Settings, name: str) -> Path:
    """Where the worker of that name writes."""
    return settings.run / f"{name}{_SUFFIX}"


def write(settings: Settings, status: WorkerStatus) -> None:
    """Replace the worker's file at once, so that a reader sees a whole one; on a full disk the old one stays."""
    path = path_of(settings, status.name)
    fresh = path.with_suffix(".new")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(msgspec.json.encode(status))
        fresh.replace(path)


def read_all(settings: Settings) -> list[WorkerStatus]:
    """Every worker that has written one, also those that stopped since (see `at`); unreadable files are left out."""
    statuses = []
    for path in sorted(settings.run.glob(f"*{_SUFFIX}")):
        with contextlib.suppress(OSError, msgspec.DecodeError):
            statuses.append(msgspec.json.decode(path.read_bytes(), type=WorkerStatus))
    return statuses
