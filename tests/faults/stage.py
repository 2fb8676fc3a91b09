"""What the faults befall: Kafka, ClickHouse and every part of ours, as `vitals up` runs them, but in our hands."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator

from streams import topics
from streams.agents import AGENTS
from streams.settings import Settings
from streams.stack import parts, processes, supervision
from streams.stack.addresses import free_port
from streams.stack.probes import error_of
from streams.stack.start import up
from streams.stack.steps import Steps
from streams.stack.stop import down
from tests.conftest import make_settings
from tests.faults import clock
from tests.faults.brokers import Brokers
from tests.faults.crew import ROOT, Crew, Role
from tests.faults.progress import Progress
from tests.faults.proxy import Door

GROUPS = ("groups-1", "groups-2", "groups-3")
GUEST = "groups-4"
OTHERS = ("identity", "attribution", "alerts")
SINKS = ("sink-1", "sink-2")
TICKER = "ticker"
STAFF = (*GROUPS, *OTHERS, *SINKS, TICKER)
TICK_S = 2.0
SMALL_DISK_BYTES = 2 << 30
START_LIMIT_S = 240.0
ORPHAN_S = 10.0


def settings_of(home: pathlib.Path) -> Settings:
    """Settings of a stage: three group workers, a quick tick."""
    return make_settings(home, workers=len(GROUPS), tick_seconds=TICK_S)


class Stage:
    """A running stack. `figures` has the seconds that things took, by what was done."""

    def __init__(self, settings: Settings, brokers: Brokers | None = None) -> None:
        """`brokers` that run are used in place of a broker of the stack's own."""
        self.settings, self.brokers = brokers.settings if brokers else settings, brokers
        self.figures: defaultdict[str, list[float]] = defaultdict(list)
        self.kafka_lock, self.clickhouse_lock = threading.Lock(), threading.Lock()
        self.importers: list[subprocess.Popen[bytes]] = []
        self.has_small_disk = False

    @contextlib.contextmanager
    def running(self) -> Iterator["Stage"]:
        """Start everything; at the end stop it in order, and see that nothing is left of it."""
        quiet = Steps(lambda _: None, is_live=False)
        self.has_small_disk = self._mount_small_disk()
        try:
            self.settings = up(self.settings, agents=False, steps=quiet)
            self._compact_eagerly()
            self.door = Door(self._free_port(), self.settings.clickhouse_port)
            self.crew = Crew(self.settings.logs, self._role_of, STAFF)
            self.progress = Progress(self.settings)
            for name in STAFF:
                self.crew.start(name)
            self.await_answers()
            with self._guarded():
                yield self
        finally:
            if hasattr(self, "crew"):
                self.crew.stop_all([TICKER])
                self.crew.stop_all()
                self.door.close()
            down(self.settings, steps=quiet)
            if self.has_small_disk:
                subprocess.run(["umount", "--lazy", self.clickhouse_home], check=False)

    @property
    def clickhouse_home(self) -> pathlib.Path:
        return self.settings.home / "clickhouse"

    def _mount_small_disk(self) -> bool:
        """A disk of ClickHouse's own that can be filled; only root may have one."""
        self.clickhouse_home.mkdir(parents=True, exist_ok=True)
        size = f"size={SMALL_DISK_BYTES},mode=0700"
        mount = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(self.clickhouse_home)]
        with contextlib.suppress(OSError):
            return subprocess.run(mount, capture_output=True, check=False).returncode == 0
        return False

    def _compact_eagerly(self) -> None:
        """Let the broker compact as soon as it can, so that a record that compaction must not drop is missed."""
        eager = {"segment.ms": "10000", "segment.bytes": "1048576", "min.cleanable.dirty.ratio": "0.01"}
        changes = [
            topics.Change("set", agent.changelog_topic, "", key, value)
            for agent in AGENTS.values()
            for key, value in eager.items()
        ]
        with topics.admin(self.settings) as client:
            topics._set(client, changes)

    def _free_port(self) -> int:
        return free_port({self.settings.clickhouse_port, self.settings.clickhouse_http_port})

    def clock_of(self, name: str) -> pathlib.Path:
        return self.settings.home / "faults" / "clocks" / name

    def _role_of(self, name: str) -> Role:
        arguments = {
            **{group: ("worker", "groups", "--name", group) for group in (*GROUPS, GUEST)},
            **{other: ("worker", other, "--name", other) for other in OTHERS},
            **{sink: ("sink", "--name", sink) for sink in SINKS},
            TICKER: (TICKER,),
        }[name]
        clock.turn(self.clock_of(name), 0.0)
        mark = processes.marker(self.settings.home)
        wrapped = (sys.executable, "-X", mark, "-m", "tests.faults.clock", str(self.clock_of(name)), *arguments)
        return Role(wrapped, self.environment(name))

    def environment(self, name: str = "") -> dict[str, str]:
        own = {"PYTHONPATH": str(ROOT)}
        if self.brokers:  # `up` notes only the addresses of servers that it started
            own["VITALS_KAFKA"] = self.settings.kafka
        if name in SINKS:
            own["VITALS_CLICKHOUSE_PORT"] = str(self.door.port)
        return parts.environment(self.settings) | own

    # --- the two servers

    @property
    def supervisor(self) -> supervision.Supervisor:
        """One that nobody else has: two faults that speak over one connection spoil each other's answers."""
        return supervision.Supervisor(self.settings)

    def pid_of(self, server: str) -> int | None:
        return supervision.live_parts(self.settings).get(server)

    def signal_server(self, server: str, number: signal.Signals) -> None:
        if pid := self.pid_of(server):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def await_answers(self, limit_s: float = START_LIMIT_S) -> float:
        """Until both servers answer and every worker has partitions; the seconds it took."""
        return self.wait_for(self._all_answer, limit_s, "the stack")

    def _all_answer(self) -> bool:
        if any(error_of(self.settings, server, limit_s=1.0) for server in ("kafka", "clickhouse")):
            return False
        return self.progress.members() >= {"vitals-groups", "vitals-sink", *(f"vitals-{name}" for name in OTHERS)}

    def wait_for(self, condition: Callable[[], bool], limit_s: float, what: str) -> float:
        """The seconds until it holds. Raises TimeoutError."""
        started = time.monotonic()
        while not condition():
            if time.monotonic() > started + limit_s:
                raise TimeoutError(f"{what}: not within {limit_s:.0f} s")
            time.sleep(0.1)
        return time.monotonic() - started

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Start again what ends by itself, as the supervisor would."""
        over = threading.Event()

        def guard() -> None:
            while not over.wait(0.2):
                self.crew.restart_dead()

        thread = threading.Thread(target=guard, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def orphans(self) -> list[int]:
        """Processes of this home that nobody here knows of, for longer than it takes to be started or to end."""
        processes.wait_until(lambda: not self._unknown(), ORPHAN_S)
        return self._unknown()

    def _unknown(self) -> list[int]:
        known = {process.pid for process in self.crew.processes.values()}
        known |= {process.pid for process in self.importers}
        known |= set(supervision.live_parts(self.settings).values()) | (self.brokers.pids if self.brokers else set())
        pids = (int(path.name) for path in pathlib.Path("/proc").glob("[0-9]*"))
        return [pid for pid in pids if pid not in known and processes.is_ours(pid, self.settings.home)]
