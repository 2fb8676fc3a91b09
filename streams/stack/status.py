"""`vitals status`: every part with a real answer of its own, how far the consumers are behind, what is stored."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, NamedTuple

import msgspec

from streams.errors import VitalsError
from streams.settings import Settings
from streams.stack import heartbeat, probes, processes, supervision
from streams.stack.addresses import CLICKHOUSE, KAFKA, shown
from streams.stack.backlog import DEAD_LETTERS, GROUPS, SHORT_S, Backlog, NoAnswerError
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


class _OfKafka(NamedTuple):
    """What the broker says. Lag and dead letters are None where something is the trouble."""

    trouble: str | None
    lag: dict[str, int] | None = None
    dead_letters: int | None = None


class _OfClickHouse(NamedTuple):
    trouble: str | None
    rows: dict[str, int] | None = None


def stack_status(settings: Settings) -> StackStatus:
    """Ask everything, the servers side by side; who does not answer is given up after about five seconds."""
    supervisor = supervision.running(settings, probes.ANSWER_LIMIT_S)
    known = supervisor.processes() if supervisor else {}
    left = {} if supervisor else supervision.live_parts(settings)
    states = {name: _state(settings, name, known.get(name), left.get(name)) for name in _names(settings, known)}
    with ThreadPoolExecutor(2) as asking:
        of_kafka = asking.submit(_ask_kafka, settings, states[KAFKA])
        of_clickhouse = asking.submit(_ask_clickhouse, settings, states[CLICKHOUSE])
    kafka, clickhouse = of_kafka.result(), of_clickhouse.result()
    troubles = {KAFKA: kafka.trouble, CLICKHOUSE: clickhouse.trouble}
    parts = [_part(settings, name, state, known.get(name), left.get(name), troubles) for name, state in states.items()]
    return StackStatus(
        home=str(settings.home),
        is_healthy=not any(part.trouble for part in parts),
        parts=parts,
        lag=kafka.lag,
        rows=clickhouse.rows,
        dead_letters=kafka.dead_letters,
    )


def _ask_kafka(settings: Settings, state: State) -> _OfKafka:
    """Lag and dead letters too, unless a broker that keeps some of it does not answer."""
    if trouble := _down(settings, state) or probes.kafka_error(settings):
        return _OfKafka(trouble)
    try:
        backlog = Backlog(settings, SHORT_S)
        return _OfKafka(None, {group: backlog.lag(group) for group in GROUPS}, backlog.records(DEAD_LETTERS))
    except NoAnswerError as error:
        return _OfKafka(f"{settings.kafka} does not answer all: {error.why}")


def _ask_clickhouse(settings: Settings, state: State) -> _OfClickHouse:
    if trouble := _down(settings, state) or probes.clickhouse_error(settings):
        return _OfClickHouse(trouble)
    try:
        return _OfClickHouse(_fullness(settings), _rows(settings))
    except VitalsError as error:
        return _OfClickHouse(str(error))


def _rows(settings: Settings) -> dict[str, int]:
    return dict(probes.rows(settings, _ROWS_QUERY, name=settings.clickhouse_database))


def _names(settings: Settings, known: Mapping[str, supervision.Process]) -> list[str]:
    names = [KAFKA, CLICKHOUSE, *(part.name for part in agent_parts(settings))]
    return names + [name for name in sorted(known) if name not in names]


def _part(
    settings: Settings,
    name: str,
    state: State,
    process: supervision.Process | None,
    left_pid: int | None,
    troubles: Mapping[str, str | None],
) -> PartStatus:
    """`troubles` are those of the servers."""
    pid = (process.pid if process else left_pid) or None
    return PartStatus(
        name=name,
        state=state,
        trouble=troubles[name] if name in troubles else _trouble(settings, name, state, process),
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
    """Why an agent, the sink or the like is not well."""
    if state == "running" and process:
        return heartbeat.trouble(settings, name, process.pid, process.uptime_s)
    return _down(settings, state) or f"not up yet: see its log in {settings.logs}"


def _down(settings: Settings, state: State) -> str | None:
    """Why a part need not be asked; servers that are about to run are."""
    if state == "left over":
        return "runs without a supervisor: run `vitals up`"
    if state == "restarting":
        return f"ended by itself: see its log in {settings.logs}"
    return f"{state}: run `vitals up`" if state in ("stopped", "failed") else None


def _fullness(settings: Settings) -> str | None:
    """Why its disk is a trouble, if it is. Raises VitalsError."""
    left = probes.room_left(settings)
    return f"its disk has room for {left >> 20} MiB more: make room" if left < probes.LOW_BYTES else None


def _address(settings: Settings, name: str, pid: int | None) -> str | None:
    if name in (KAFKA, CLICKHOUSE):
        return shown(settings, name)
    return heartbeat.metrics_url(settings, name, pid) if pid else None
