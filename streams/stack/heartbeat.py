"""What a part says of itself: the status file that each writes anew every second while it works."""

import time

import msgspec

from streams.settings import Settings
from streams.worker_status import path_of

SILENT_AFTER_S = 15.0
"""A worker in a rebalance or a long recovery still writes each second; one that is stopped or hangs does not."""
IDLE_AFTER_S = 60.0
"""Kafka's client may come out of an outage outside its group, and stay there: then it reads nothing, without a word."""


class _Partition(msgspec.Struct, frozen=True):
    is_paused: bool = False


class _Status(msgspec.Struct, frozen=True):
    """What all of them have in common, each field optional. `at` is in seconds or milliseconds."""

    pid: int = 0
    at: float = 0.0
    state: str = "running"
    is_waiting_for_kafka: bool = False
    partitions: dict[str, _Partition] | int = -1
    metrics: str = ""

    @property
    def age_s(self) -> float:
        return time.time() - (self.at / 1000 if self.at > 1e11 else self.at)

    @property
    def paused(self) -> list[str]:
        if isinstance(self.partitions, int):
            return []
        return [number for number, partition in self.partitions.items() if partition.is_paused]


def trouble(settings: Settings, name: str, pid: int, uptime_s: int) -> str | None:
    """What is wrong with a running part by its own word; None if nothing is."""
    said = _read(settings, name)
    if is_silent(settings, name, pid, uptime_s):
        what = "reads no partition" if said.pid == pid and _is_idle(said, uptime_s) else "has said nothing for a while"
        return f"{what}: `vitals up` starts it anew"
    if said.pid != pid:
        return None
    if said.paused:
        numbers = ", ".join(said.paused)
        return f"partition {numbers} is paused by too many refused records: see `vitals dead-letters list`"
    if said.is_waiting_for_kafka:
        return "waits for Kafka"
    return None if said.state == "running" else said.state


def is_silent(settings: Settings, name: str, pid: int, uptime_s: int) -> bool:
    """Whether a part that has run for that long has not written its status of late, or reads nothing."""
    said = _read(settings, name)
    if (said.age_s if said.pid == pid else uptime_s) > SILENT_AFTER_S:
        return True
    return said.pid == pid and _is_idle(said, uptime_s)


def metrics_url(settings: Settings, name: str, pid: int) -> str | None:
    """Where a running part answers `/metrics`, by its own word."""
    said = _read(settings, name)
    return f"http://{said.metrics}/metrics" if said.pid == pid and said.metrics else None


def _is_idle(said: _Status, uptime_s: int) -> bool:
    return said.partitions == 0 and said.state == "running" and uptime_s > IDLE_AFTER_S


def _read(settings: Settings, name: str) -> _Status:
    """The last status written, also by a process before this one; an empty one if there is none."""
    try:
        return msgspec.json.decode(path_of(settings, name).read_bytes(), type=_Status)
    except (OSError, msgspec.DecodeError):
        return _Status()
