"""`vitals up`: from whatever state the home is in to a running stack."""

import importlib
import importlib.util
import time
from collections.abc import Collection, Iterable

from streams.errors import VitalsError
from streams.settings import Settings
from streams.stack import addresses, clickhouse, home, jars, java, kafka, probes, processes, supervision
from streams.stack.addresses import CLICKHOUSE, KAFKA
from streams.stack.parts import Part, agent_parts, environment, log_file, server_part, write_config
from streams.stack.steps import Steps, jar_progress

SERVER_LIMIT_S, AGENT_LIMIT_S, HUNG_AFTER_S = 90.0, 30.0, 10.0
_STARTS_BEFORE_FAILURE = 3
_LOG_LINES = 12
_TITLES = {KAFKA: f"Kafka {jars.VERSION}", CLICKHOUSE: "ClickHouse"}


def up(
    settings: Settings, *, agents: bool = True, parts: Collection[str] | None = None, steps: Steps | None = None
) -> Settings:
    """Start what does not run, mend what does not answer, leave the rest alone; the settings with real addresses.

    `parts`: only these (all by default). Raises VitalsError with one line, after showing the end of the right log.
    """
    home.prepare(settings)
    with home.locked(settings):
        return _Start(settings, steps or Steps(), parts).run(has_agents=agents)


class _Start:
    """One run of `up`."""

    def __init__(self, settings: Settings, steps: Steps, wanted: Collection[str] | None) -> None:
        self.settings = settings
        self.steps = steps
        self.wanted = wanted
        self.servers = [name for name in (CLICKHOUSE, KAFKA) if not addresses.is_elsewhere(settings, name)]
        self.java = java.find() if KAFKA in self.servers else None
        self.supervisor = self._supervise()

    def run(self, *, has_agents: bool) -> Settings:
        """All steps, in their order."""
        stopped = self._stopped_servers()
        self._choose_addresses(stopped)
        self._start_servers(stopped)
        self._await_servers(stopped)
        self._apply("streams.migrations", "migrate", CLICKHOUSE, "schema of ClickHouse")
        self._apply("streams.topics", "apply", KAFKA, "topics")
        if has_agents:
            self._start_agents()
        return self.settings

    def _supervise(self) -> supervision.Supervisor:
        """The supervisor with the parts that the settings ask for, none started yet."""
        found = supervision.running(self.settings)
        if found is None:
            supervision.end_left_overs(self.settings, self._tell_left_overs)
        write_config(self.settings, self._parts())
        if found is None:
            return supervision.begin(self.settings, environment(self.settings))
        found.reload()
        return found

    def _tell_left_overs(self, names: list[str]) -> None:
        self.steps.say(f"  ending what a killed stack left running: {', '.join(names)}")

    def _parts(self) -> list[Part]:
        servers = [server_part(CLICKHOUSE, clickhouse.command(self.settings))] if CLICKHOUSE in self.servers else []
        if self.java:
            servers.append(server_part(KAFKA, kafka.command(self.settings, self.java)))
        return [*servers, *agent_parts(self.settings)]

    def _wanted(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if self.wanted is None or name in self.wanted]

    def _stopped_servers(self) -> list[str]:
        """Servers of ours that do not run; one that runs and does not answer is stopped here."""
        known = self.supervisor.processes()
        stopped = [name for name in self._wanted(self.servers) if not known[name].is_up]
        for name in set(self._wanted(self.servers)) - set(stopped):
            if not processes.wait_until(lambda name=name: _error(self.settings, name) is None, HUNG_AFTER_S):  # type: ignore[misc]
                self.steps.say(f"  {_TITLES[name]} runs but does not answer: starting it anew")
                self.supervisor.stop([name])
                stopped.append(name)
        return stopped

    def _choose_addresses(self, stopped: list[str]) -> None:
        before = self.settings
        self.settings, remarks = addresses.choose(before, stopped)
        for remark in remarks:
            self.steps.say(f"  {remark}")
        addresses.record(self.settings, self.servers)
        if self.settings != before:  # agents that run hold the old addresses
            self.supervisor.stop([part.name for part in agent_parts(self.settings)])

    def _start_servers(self, stopped: list[str]) -> None:
        """ClickHouse first: it starts while Kafka's jars come and its storage is formatted."""
        if CLICKHOUSE in stopped:
            clickhouse.configure(self.settings)
            self.supervisor.start(CLICKHOUSE)
        if KAFKA in stopped and self.java:
            self._fetch_jars()
            with self.steps.step(f"Kafka configured, on Java {self.java.version} of {self.java.origin}"):
                kafka.configure(self.settings, self.java)
            self.supervisor.start(KAFKA)

    def _fetch_jars(self) -> None:
        missing = jars.missing(self.settings.cache)
        if not missing:
            return
        size = sum(jar.size_bytes for jar in missing)
        with self.steps.step(f"Kafka's jars: {len(missing)} fetched and checked, {size / 2**20:.0f} MiB"):
            jars.remove_stale_parts(self.settings.cache)
            with jar_progress(size, is_live=self.steps.is_live) as progress:
                jars.fetch(self.settings.cache, missing, progress)

    def _await_servers(self, stopped: list[str]) -> None:
        for name in stopped:
            with self.steps.step(f"{_TITLES[name]} answers at {_address(self.settings, name)}"):
                self._await_server(name)
        for name in {CLICKHOUSE, KAFKA} - set(self.servers):
            if error := _error(self.settings, name):
                raise VitalsError(f"{_TITLES[name]} elsewhere: {error}; start it, or mend its address")

    def _await_server(self, name: str) -> None:
        """Wait for a real answer; give up early if the process keeps ending."""
        deadline, pids = time.monotonic() + SERVER_LIMIT_S, set[int]()
        admin = probes.kafka_admin(self.settings) if name == KAFKA else None
        while error := _error(self.settings, name, admin):
            process = self.supervisor.processes()[name]
            pids.add(process.pid)
            is_hopeless = process.state == "FATAL" or len(pids - {0}) >= _STARTS_BEFORE_FAILURE
            if is_hopeless or time.monotonic() > deadline:
                self._fail(name, "keeps ending" if is_hopeless else error)
            time.sleep(0.05)

    def _fail(self, name: str, trouble: str) -> None:
        """Stop the part, show what it said last, and raise."""
        log = log_file(self.settings, name)
        self.supervisor.stop([name])
        self.steps.say(f"  the last lines of {log}:")
        for line in supervision.tail(log, _LOG_LINES).splitlines():
            self.steps.say(f"    {line}")
        raise VitalsError(f"{_TITLES.get(name, name)} did not start: {trouble}; mend what {log} says and run it again")

    def _apply(self, module: str, function: str, server: str, what: str) -> None:
        """Migrations and topics, which are safe to repeat."""
        if server in self._wanted((CLICKHOUSE, KAFKA)):
            with self.steps.step(f"{what} up to date"):
                if importlib.util.find_spec(module):
                    getattr(importlib.import_module(module), function)(self.settings)

    def _start_agents(self) -> None:
        known = self.supervisor.processes()
        names = self._wanted(part.name for part in agent_parts(self.settings))
        begun = [name for name in names if known[name].state != "RUNNING"]
        if not begun:
            return
        with self.steps.step(f"running: {', '.join(begun)}"):
            for name in begun:
                self.supervisor.start(name)
            for name in begun:
                self._await_agent(name)

    def _await_agent(self, name: str) -> None:
        """Until it has lived for the supervisor's `startsecs`."""
        if not processes.wait_until(lambda: self.supervisor.processes()[name].state == "RUNNING", AGENT_LIMIT_S):
            self._fail(name, "it keeps ending")


def _error(settings: Settings, name: str, admin: object = None) -> str | None:
    return probes.error_of(settings, name, limit_s=1.0, admin=admin)


def _address(settings: Settings, name: str) -> str:
    return settings.kafka if name == KAFKA else f"{settings.clickhouse_host}:{settings.clickhouse_port}"
