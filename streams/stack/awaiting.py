"""Waiting for parts that were just started: for a real answer, and not longer than there is hope."""

import time
from collections.abc import Callable
from typing import NoReturn

from streams.errors import VitalsError
from streams.settings import Settings
from streams.stack import jars, probes, supervision
from streams.stack.parts import log_file
from streams.stack.steps import Say

TITLES = {"kafka": f"Kafka {jars.VERSION}", "clickhouse": "ClickHouse 26.9"}
SERVER_LIMIT_S, AGENT_LIMIT_S = 180.0, 90.0
_STARTS_BEFORE_FAILURE = 3
_LOG_LINES = 12
_POLL_S = 0.05


def await_server(settings: Settings, supervisor: supervision.Supervisor, name: str, say: Say) -> None:
    """Until it answers as it should. Raises VitalsError, after showing the end of its log."""
    admin = probes.kafka_admin(settings) if name == "kafka" else None
    _await(settings, supervisor, name, say, lambda: answer_error(settings, name, admin), SERVER_LIMIT_S)


def await_agent(settings: Settings, supervisor: supervision.Supervisor, name: str, say: Say) -> None:
    """Until it has lived for the supervisor's `startsecs`. Raises VitalsError, after showing the end of its log."""

    def error() -> str | None:
        return None if (state := supervisor.processes()[name].state) == "RUNNING" else f"it is {state.lower()}"

    _await(settings, supervisor, name, say, error, AGENT_LIMIT_S)


def answer_error(settings: Settings, name: str, admin: object = None) -> str | None:
    """None if the server answers, within a second."""
    return probes.error_of(settings, name, limit_s=1.0, admin=admin)


def _await(
    settings: Settings,
    supervisor: supervision.Supervisor,
    name: str,
    say: Say,
    error_of: Callable[[], str | None],
    limit_s: float,
) -> None:
    """Poll, but give up at once on what keeps ending."""
    deadline, pids = time.monotonic() + limit_s, set[int]()
    while error := error_of():
        process = supervisor.processes()[name]
        pids.add(process.pid)
        if process.state == "FATAL" or len(pids - {0}) >= _STARTS_BEFORE_FAILURE:
            _fail(settings, supervisor, name, say, "it keeps ending")
        if time.monotonic() > deadline:
            _fail(settings, supervisor, name, say, error)
        time.sleep(_POLL_S)


def _fail(settings: Settings, supervisor: supervision.Supervisor, name: str, say: Say, trouble: str) -> NoReturn:
    """Stop the part, show what it said last, and raise."""
    log = log_file(settings, name)
    supervisor.stop([name])
    say(f"  the last lines of {log}:")
    for line in supervision.tail(log, _LOG_LINES).splitlines():
        say(f"    {line}")
    raise VitalsError(
        f"{TITLES.get(name, name)} did not start: {trouble}; mend what {log} says, then `vitals up` again"
    )
