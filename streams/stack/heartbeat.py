"""What a part says of itself: the status file that each writes anew every second while it works."""

import time
from typing import Any

import msgspec

from streams.settings import Settings

SILENT_AFTER_S = 15.0
"""A worker in a rebalance or a long recovery still writes each second; one that is stopped or hangs does not."""
WITHOUT_HEARTBEAT = frozenset({"ticker"})


def trouble(settings: Settings, name: str, pid: int, uptime_s: int) -> str | None:
    """What is wrong with a running part by its own word; None if nothing is."""
    if is_silent(settings, name, pid, uptime_s):
        return "has said nothing for a while: `vitals up` starts it anew"
    said = _read(settings, name)
    if said.get("pid") != pid:
        return None
    paused = [number for number, partition in said.get("partitions", {}).items() if partition.get("is_paused")]
    if paused:
        return f"partition {', '.join(paused)} is paused by too many refused records: see `vitals dead-letters list`"
    if said.get("is_waiting_for_kafka"):
        return "waits for Kafka"
    state = str(said.get("state", "running"))
    return None if state == "running" else state


def is_silent(settings: Settings, name: str, pid: int, uptime_s: int) -> bool:
    """Whether a part that has run for that long has not written its status of late."""
    if name in WITHOUT_HEARTBEAT:
        return False
    said = _read(settings, name)
    age_s = time.time() - _seconds(said["at"]) if said.get("pid") == pid else uptime_s
    return age_s > SILENT_AFTER_S


def _read(settings: Settings, name: str) -> dict[str, Any]:
    """The last status written, {} if there is none: also one of a process before this one."""
    try:
        found: dict[str, Any] = msgspec.json.decode((settings.run / f"{name}.status.json").read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}
    return found


def _seconds(at: float) -> float:
    """Some write seconds, some milliseconds."""
    return at / 1000 if at > 1e11 else at
