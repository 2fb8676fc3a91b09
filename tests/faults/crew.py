"""Processes by name: started, killed, stopped, woken, ended in time, and started again when they end by themselves."""

import os
import pathlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from typing import NamedTuple

ROOT = pathlib.Path(__file__).parent.parent.parent
SIGTERM_LIMIT_S = 60.0
LAST_BYTES = 4096


class Role(NamedTuple):
    """How a process is started."""

    command: tuple[str, ...]
    env: Mapping[str, str]


class Ending(NamedTuple):
    """A process that ended by itself: its exit code (a signal is negative) and the last line of its log."""

    name: str
    code: int
    said: str


class Crew:
    """Those of `staff` are started again when they end, as a supervisor would; who is `busy` is in a fault's hands."""

    def __init__(self, logs: pathlib.Path, role_of: Callable[[str], Role], staff: Iterable[str]) -> None:
        self.logs, self.role_of, self.staff = logs, role_of, set(staff)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.busy: set[str] = set()
        self.sigterm_seconds: list[float] = []
        self.hung: list[str] = []
        self.died: list[Ending] = []
        self._lock = threading.Lock()
        logs.mkdir(parents=True, exist_ok=True)

    def start(self, name: str) -> None:
        role = self.role_of(name)
        with self.log_of(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(role.command, env=dict(role.env), cwd=ROOT, stdout=log, stderr=log)

    def log_of(self, name: str) -> pathlib.Path:
        return self.logs / f"{name}.log"

    def is_alive(self, name: str) -> bool:
        return name in self.processes and self.processes[name].poll() is None

    def alive(self) -> list[str]:
        return [name for name in self.processes if self.is_alive(name)]

    def kill(self, name: str) -> None:
        self.processes[name].kill()
        self.processes[name].wait()

    def pause(self, name: str) -> None:
        self.processes[name].send_signal(signal.SIGSTOP)

    def wake(self, name: str) -> None:
        self.processes[name].send_signal(signal.SIGCONT)

    def term(self, name: str, limit_s: float = SIGTERM_LIMIT_S) -> float:
        """End a process in order, by force after the limit; how long it took."""
        process, started = self.processes[name], time.monotonic()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.hung.append(name)
            self.kill(name)
        taken = round(time.monotonic() - started, 1)
        self.sigterm_seconds.append(taken)
        return taken

    def take(self, names: Sequence[str], count: int, chance: Random) -> list[str]:
        """Some that live and that nobody has; they are busy until they are let go, and nobody starts them again."""
        with self._lock:
            free = [name for name in names if name not in self.busy and self.is_alive(name)]
            taken = chance.sample(free, count) if len(free) >= count else []
            self.busy |= set(taken)
        return taken

    def let_go(self, names: Iterable[str]) -> None:
        """They are nobody's any more."""
        with self._lock:
            self.busy -= set(names)

    def restart_dead(self) -> None:
        """Start again what ended by itself."""
        with self._lock:
            for name in self.staff - self.busy:
                process = self.processes.get(name)
                if process is not None and process.poll() is not None:
                    self.died.append(Ending(name, process.returncode, self._last_line(name)))
                    self.start(name)

    def _last_line(self, name: str) -> str:
        with self.log_of(name).open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LAST_BYTES))
            return log.read().decode(errors="replace").strip().rpartition("\n")[2]

    def stop_all(self, names: Iterable[str] | None = None) -> None:
        """End these for good and at the same time; all by default."""
        ending = [name for name in (self.alive() if names is None else names) if self.is_alive(name)]
        self.busy |= set(ending)
        threads = [threading.Thread(target=self.term, args=(name,)) for name in ending]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
