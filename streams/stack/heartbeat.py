"""What a part says of itself: the status file that each writes anew every second while it works."""

import time
from typing import Any

import msgspec

from streams.settings import Settings

SILENT_AFTER_S = 15.0
"""A worker in a rebalance or a long recovery still writes each second; one that is stopped or hangs does not."""
SILENT_PARTS = frozenset({"ticker"})
"""Parts that write no status file."""


def trouble(settings: Settings, name: str, pid: int, uptime_s: int, now_s: float | None = None) -> str | None:
    """What is wrong with a running part by its own word; None if nothing is. A part that just started may be silent."""
    said = _read(settings, name)
    if said is None or said.get("pid") != pid:
        is_early = uptime_s < SILENT_AFTER_S or name in SILENT_PARTS
        return None if is_early else f"has said nothing in {uptime_s} s"
    age_s = (time.time() if now_s is None else now_s) - _seconds(said["at"])
    if age_s > SILENT_AFTER_S:
        return f"has said nothing for {age_s:.0f} s"
    paused = [number for number, partition in said.get("partitions", {}).items() if partition.get("is_paused")]
    if paused:
        return f"partition {', '.join(paused)} is paused by too many refused records: vitals dead-letters list"
    if said.get("is_waiting_for_kafka"):
        return "waits for Kafka"
    return None if (state := said.get("state", "running")) == "running" else str(state)


def _read(settings: Settings, name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = msgspec.json.decode((settings.run / f"{name}.status.json").read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
    return found


def _seconds(at: float) -> float:
    """Some write seconds, some milliseconds."""
    return at / 1000 if at > 1e11 else at
