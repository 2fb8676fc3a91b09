"""`vitals status`: every part with a real answer of its own, how far the consumers are behind, what is stored."""

from typing import Literal

import msgspec

from streams.errors import VitalsError
from streams.settings import Settings
from streams.stack import heartbeat, probes, processes, supervision
from streams.stack.addresses import CLICKHOUSE, KAFKA
from streams.stack.backlog import DEAD_LETTERS, GROUPS, Backlog
from streams.stack.parts import agent_parts
from streams.stack.servers import is_elsewhere

State = Literal["running", "starting", "restarting", "failed", "stopped", "left over", "elsewhere"]
_STATES: dict[str, State] = {
    "RUNNING": "running",
    "STARTING": "starting",
    "BACKOFF": "restarting",
    "FATAL": "failed",
    "EXITED": "restarting",
}
_ROWS_QUERY = """
SELECT name, assumeNotNull(total_rows)
FROM system.tables
WHERE database = {name:String} AND engine LIKE '%MergeTree'
ORDER BY name
"""


class PartStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One part. `trouble` is None if it answers as it should; without a process `pid` and what follows are None."""

    name: str
    state: State
    trouble: str | None
    address: str | None = None
    pid: int | None = None
    uptime_s: int | None = None
    memory_bytes: int | None = None


class StackStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The whole stack. What could not be learnt because a server does not answer is None."""

    home: str
    is_healthy: bool
    parts: list[PartStatus]
    lag: dict[str, int] | None
    """Consumer group → records yet to be read."""
    rows: dict[str, int] | None
    """Table → rows stored, before those that replace each other are merged."""
    dead_letters: int | None


def stack_status(settings: Settings) -> StackStatus:
    """Ask everything; takes as long as the slowest answer, at most half a minute."""
    parts = _parts(settings)
    troubled = {part.name for part in parts if part.trouble}
    lag, dead_letters = (None, None) if KAFKA in troubled else _backlog(settings)
    return StackStatus(
        home=str(settings.home),
        is_healthy=not troubled,
        parts=parts,
        lag=lag,
        rows=None if CLICKHOUSE in troubled else _rows(settings),
        dead_letters=dead_letters,
    )


def _backlog(settings: Settings) -> tuple[dict[str, int] | None, int | None]:
    """Lag and dead letters."""
    try:
        backlog = Backlog(settings)
        return {group: backlog.lag(group) for group in GROUPS}, backlog.records(DEAD_LETTERS)
    except VitalsError:
        return None, None


def _rows(settings: Settings) -> dict[str, int] | None:
    try:
        return dict(probes.rows(settings, _ROWS_QUERY, name=settings.clickhouse_database))
    except VitalsError:
        return None


def _parts(settings: Settings) -> list[PartStatus]:
    supervisor = supervision.running(settings)
    known = supervisor.processes() if supervisor else {}
    left = {} if supervisor else supervision.live_parts(settings)
    names = [KAFKA, CLICKHOUSE, *(part.name for part in agent_parts(settings))]
    names += [name for name in sorted(known) if name not in names]
    return [_part(settings, name, known.get(name), left.get(name)) for name in names]


def _part(settings: Settings, name: str, process: supervision.Process | None, left_pid: int | None) -> PartStatus:
    state = _state(settings, name, process, left_pid)
    pid = (process.pid if process else left_pid) or None
    return PartStatus(
        name=name,
        state=state,
        trouble=_trouble(settings, name, state, process),
        address=_address(settings, name, pid),
        pid=pid,
        uptime_s=process.uptime_s if process and pid else None,
        memory_bytes=processes.resident_bytes(pid) if pid else None,
    )


def _state(settings: Settings, name: str, process: supervision.Process | None, left_pid: int | None) -> State:
    if left_pid:
        return "left over"
    if process:
        return _STATES.get(process.state, "stopped")
    is_server = name in (KAFKA, CLICKHOUSE)
    return "elsewhere" if is_server and is_elsewhere(settings, name) else "stopped"


def _trouble(settings: Settings, name: str, state: State, process: supervision.Process | None) -> str | None:
    """Why the part is not well. Servers are asked whatever their process looks like."""
    if name in (KAFKA, CLICKHOUSE) and state in ("running", "starting", "elsewhere"):
        return probes.error_of(settings, name) or (_fullness(settings) if name == CLICKHOUSE else None)
    if state == "running" and process:
        return heartbeat.trouble(settings, name, process.pid, process.uptime_s)
    if state == "left over":
        return "runs without a supervisor: run `vitals up`"
    return f"{state}: run `vitals up`" if state in ("stopped", "failed") else f"{state}: see its log in {settings.logs}"


def _fullness(settings: Settings) -> str | None:
    """Why its disk is a trouble, if it is."""
    try:
        left = probes.room_left(settings)
    except VitalsError as error:
        return str(error)
    return f"its disk has room for {left >> 20} MiB more: make room" if left < probes.LOW_BYTES else None


def _address(settings: Settings, name: str, pid: int | None) -> str | None:
    if name == KAFKA:
        return settings.kafka
    if name == CLICKHOUSE:
        return f"{settings.clickhouse_host}:{settings.clickhouse_port}"
    return heartbeat.metrics_url(settings, name, pid) if pid else None
