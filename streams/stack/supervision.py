"""The supervisor of a home: started, asked, told. It restarts parts and rotates their logs."""

import http.client
import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from streams.errors import VitalsError
from streams.settings import Settings
from streams.stack import processes
from streams.stack.parts import config_file, log_file, pid_file, socket_file

_START_LIMIT_S, _HUNG_GRACE_S = 60.0, 5.0
_ANSWER_LIMIT_S = 30.0
"""A supervisor answers within milliseconds. Who is taken for dead is ended, and all its parts with it."""
_ALIVE = {"STARTING", "RUNNING", "STOPPING", "BACKOFF"}


class Process(msgspec.Struct, frozen=True):
    """A part as the supervisor sees it. `state` is one of its own: RUNNING, BACKOFF, FATAL, STOPPED and so on."""

    name: str
    state: str
    pid: int
    uptime_s: int
    trouble: str

    @property
    def is_up(self) -> bool:
        """It has a process, or is about to have one again."""
        return self.state in _ALIVE


class _Line(http.client.HTTPConnection):
    """HTTP over the supervisor's socket."""

    def __init__(self, path: Path, limit_s: float) -> None:
        super().__init__("127.0.0.1", timeout=limit_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class _Transport(xmlrpc.client.Transport):
    """Supervisor's own has no limit to the time that a call may take."""

    def __init__(self, path: Path, limit_s: float) -> None:
        super().__init__()
        self._line = _Line(path, limit_s)

    def make_connection(self, _host: object) -> http.client.HTTPConnection:
        return self._line


class Supervisor:
    """A running supervisord, spoken to over its socket. Every call may raise VitalsError if it went away, or hangs."""

    def __init__(self, settings: Settings, limit_s: float = _ANSWER_LIMIT_S) -> None:
        self.settings = settings
        transport = _Transport(socket_file(settings), limit_s)
        self._rpc = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)

    def _call(self, method: str, *arguments: Any) -> Any:
        try:
            return getattr(self._rpc, f"supervisor.{method}")(*arguments)
        except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError):
            raise VitalsError(
                f"the supervisor of {self.settings.home} does not answer: run `vitals up` to mend it"
            ) from None

    def processes(self) -> dict[str, Process]:
        """All parts that it knows."""
        return {info["name"]: _process(info) for info in self._call("getAllProcessInfo")}

    def reload(self) -> None:
        """Take a changed configuration over: parts that left it or changed are stopped, changed ones forgotten."""
        added, changed, removed = self._call("reloadConfig")[0]
        self.stop([*changed, *removed])
        for name in (*changed, *removed):
            self._call("removeProcessGroup", name)
        for name in (*added, *changed):
            self._call("addProcessGroup", name)

    def start(self, name: str) -> None:
        """Start a part, without waiting for it."""
        self._tolerant("startProcess", name, False)

    def stop(self, names: Sequence[str], *, limit_s: float = 45.0) -> None:
        """Stop parts and wait for it; the supervisor kills what outlives its own limit."""
        for name in names:
            self._tolerant("stopProcess", name, False)
        processes.wait_until(lambda: not any(self.processes()[name].pid for name in names), limit_s)

    def stop_hung(self, name: str) -> None:
        """Stop a part that does not answer, so that it may not hear a signal either."""
        pid = self.processes()[name].pid
        self.stop([name], limit_s=_HUNG_GRACE_S)
        if self.processes()[name].pid == pid:
            processes.end([pid], lambda number: processes.is_ours(number, self.settings.home), grace_s=0)
            self.stop([name])

    def shut_down(self) -> None:
        """End the supervisor itself, and what may still run with it."""
        pid = self._call("getPID")
        self._call("shutdown")
        processes.wait_until(lambda: not _is_supervisor(pid, self.settings), 60)

    def _tolerant(self, method: str, *arguments: Any) -> None:
        """A start of what runs, or a stop of what does not, is no failure; that it runs is seen elsewhere."""
        try:
            self._call(method, *arguments)
        except xmlrpc.client.Fault:
            return


def _process(info: dict[str, Any]) -> Process:
    uptime = int(info["now"] - info["start"]) if info["pid"] else 0
    return Process(info["name"], info["statename"], info["pid"], uptime, info["spawnerr"])


def running(settings: Settings, limit_s: float = _ANSWER_LIMIT_S) -> Supervisor | None:
    """The supervisor of this home, None if none answers."""
    try:
        supervisor = Supervisor(settings, limit_s)
        supervisor.processes()
    except VitalsError:
        return None
    return supervisor


def begin(settings: Settings, environment: dict[str, str]) -> Supervisor:
    """Start the supervisor in the background. Raises VitalsError if it does not answer."""
    command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(config_file(settings))]
    try:
        done = subprocess.run(  # noqa: S603  our own configuration
            command, env=environment, capture_output=True, text=True, timeout=_START_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise VitalsError(f"the supervisor did not start within {_START_LIMIT_S:.0f} s: is the machine busy?") from None
    deadline = time.monotonic() + _START_LIMIT_S
    while done.returncode == 0 and time.monotonic() < deadline:
        if found := running(settings):
            return found
        time.sleep(0.05)
    said = [*done.stderr.strip().splitlines()[:1], *tail(log_file(settings, "supervisord"), 1).splitlines()]
    raise VitalsError(f"the supervisor did not start: {said[0] if said else 'no word from it'}")


def end_left_overs(settings: Settings, tell: Callable[[list[str]], None]) -> None:
    """End parts whose supervisor is gone, agents first; told of their names before. Others' pids are left alone."""
    supervisor = _noted_pid(pid_file(settings, "supervisord"))
    if supervisor and _is_supervisor(supervisor, settings):
        processes.end([supervisor], lambda pid: _is_supervisor(pid, settings), grace_s=60)
    left = live_parts(settings)
    if left:
        tell(sorted(left))
    servers = {"kafka", "clickhouse"}
    for batch in (left.keys() - servers, left.keys() & {"clickhouse"}, left.keys() & {"kafka"}):
        processes.end([left[name] for name in batch], lambda pid: processes.is_ours(pid, settings.home), grace_s=15)


def live_parts(settings: Settings) -> dict[str, int]:
    """Name → pid of the parts that run, by their pid files: also those whose supervisor is gone."""
    noted = {path.stem: _noted_pid(path) for path in settings.run.glob("*.pid") if path.stem != "supervisord"}
    return {name: pid for name, pid in noted.items() if pid and processes.is_ours(pid, settings.home)}


def tail(path: Path, lines: int) -> str:
    """The last lines of a log, "" if there is none."""
    try:
        return "\n".join(path.read_text("utf-8", "replace").splitlines()[-lines:])
    except OSError:
        return ""


def _noted_pid(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _is_supervisor(pid: int, settings: Settings) -> bool:
    """The configuration's path on its command line says whose supervisor it is."""
    command = " ".join(processes.command_of(pid))
    return "supervisord" in command and str(config_file(settings)) in command
