"""`vitals up`: from whatever state the home is in to a running stack."""

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress

from streams import conversions, holidays, models
from streams.errors import VitalsError
from streams.settings import Settings
from streams.stack import addresses, clickhouse, heartbeat, home, jars, java, kafka, processes, servers, supervision
from streams.stack.addresses import CLICKHOUSE, KAFKA
from streams.stack.awaiting import TITLES, answer_error, await_agent, await_server
from streams.stack.parts import Part, agent_parts, environment, server_part, write_config
from streams.stack.steps import Steps, jar_progress

HUNG_AFTER_S = 10.0
LOADED_BY_WORKERS = (holidays.load, models.judging, conversions.load)
"""What reads the files that settings name; each raises VitalsError for one that cannot be used."""


def up(
    settings: Settings, *, agents: bool = True, parts: Collection[str] | None = None, steps: Steps | None = None
) -> Settings:
    """Start what does not run, mend what does not answer, leave the rest alone; the settings with real addresses.

    `parts`: only these (all by default). Raises VitalsError with one line, after showing the end of the right log; for
    a file of a setting that cannot be used, before anything begins.
    """
    if agents:  # else the workers begin and end for ever
        for load in LOADED_BY_WORKERS:
            load(settings)
    home.prepare(settings)
    with home.locked(settings):
        start = _Start(settings, steps or Steps(), parts)
        try:
            return start.run(has_agents=agents)
        except VitalsError:
            start.leave()
            raise


class _Start:
    """One run of `up`."""

    def __init__(self, settings: Settings, steps: Steps, wanted: Collection[str] | None) -> None:
        self.settings = settings
        self.steps = steps
        self.wanted = wanted
        self.begun: list[str] = []
        found = supervision.running(settings)
        if found is None:
            supervision.end_left_overs(settings, self._tell_left_overs)
        self.servers = servers.own(settings)
        self.java = java.find() if KAFKA in self.servers else None
        self._check_names()
        self.supervisor = self._supervise(found)
        self._is_new = found is None

    def _tell_left_overs(self, names: list[str]) -> None:
        self.steps.say(f"  ending what a killed stack left running: {', '.join(names)}")

    def _check_names(self) -> None:
        known = [part.name for part in self._parts()]
        for name in self.wanted or ():
            if name not in known:
                raise VitalsError(f"no part {name!r} to start here: name some of {', '.join(known)}")

    def _parts(self) -> list[Part]:
        parts = agent_parts(self.settings)
        if CLICKHOUSE in self.servers:
            parts.append(server_part(CLICKHOUSE, clickhouse.command(self.settings)))
        if self.java:
            parts.append(server_part(KAFKA, kafka.command(self.settings, self.java)))
        return parts

    def _supervise(self, found: supervision.Supervisor | None) -> supervision.Supervisor:
        """The supervisor, knowing the parts that the settings ask for; what runs goes on."""
        write_config(self.settings, self._parts())
        if found is None:
            return supervision.begin(self.settings, environment(self.settings))
        found.reload()
        return found

    def run(self, *, has_agents: bool) -> Settings:
        """All steps, in their order."""
        stopped = self._stopped_servers()
        self._choose_addresses(stopped)
        self._start_servers(stopped)
        self._await_servers(stopped)
        self._bring_up_to_date()
        if has_agents:
            self._start_agents()
        if self.begun:
            self.steps.say(f"  up after {self.steps.seconds:.1f} s, in {self.settings.home}")
        else:
            self.steps.say(f"  already up and well, in {self.settings.home}")
        return self.settings

    def leave(self) -> None:
        """After a failure before any part began: a supervisor that we started for nothing goes too."""
        if self._is_new and not self.begun:
            with suppress(VitalsError):
                self.supervisor.shut_down()

    def _wanted(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if self.wanted is None or name in self.wanted]

    def _begin(self, name: str) -> None:
        self.supervisor.start(name)
        self.begun.append(name)

    def _stopped_servers(self) -> list[str]:
        """Servers of ours that do not run; one that runs and does not answer is stopped here."""
        known = self.supervisor.processes()
        stopped = []
        for name in self._wanted(self.servers):
            if known[name].is_up and not self._is_answering(name):
                self.steps.say(f"  {TITLES[name]} runs but does not answer: starting it anew")
                self.supervisor.stop_hung(name)
                stopped.append(name)
            elif not known[name].is_up:
                stopped.append(name)
        return stopped

    def _is_answering(self, name: str) -> bool:
        return processes.wait_until(lambda: answer_error(self.settings, name) is None, HUNG_AFTER_S)

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
            self._begin(CLICKHOUSE)
        if KAFKA in stopped and self.java:
            self._fetch_jars()
            if not kafka.is_formatted(self.settings):
                with self.steps.step(f"Kafka's storage is formatted (Java {self.java.version} of {self.java.origin})"):
                    kafka.configure(self.settings, self.java)
            else:
                kafka.configure(self.settings, self.java)
            self._begin(KAFKA)

    def _fetch_jars(self) -> None:
        missing = jars.missing(self.settings.cache)
        if not missing:
            return
        size = sum(jar.size_bytes for jar in missing)
        what = f"{len(missing)} jars of Kafka are fetched and checked, {size / 2**20:.0f} MiB"
        with self.steps.step(what), jar_progress(size, is_live=self.steps.is_live) as progress:
            jars.fetch(self.settings.cache, missing, self.settings.maven_mirror, progress)

    def _await_servers(self, stopped: list[str]) -> None:
        for name in stopped:
            with self.steps.step(f"{TITLES[name]} answers at {addresses.shown(self.settings, name)}"):
                await_server(self.settings, self.supervisor, name, self.steps.say)
        for name in {CLICKHOUSE, KAFKA} - set(self.servers):
            if error := answer_error(self.settings, name):
                raise VitalsError(f"{TITLES[name].split()[0]} elsewhere: {error}; start it, or mend its address")

    def _bring_up_to_date(self) -> None:
        """Schema and topics, which are safe to repeat."""
        from streams.migrations import migrate  # noqa: PLC0415  these two import slow clients
        from streams.topics import apply  # noqa: PLC0415

        steps: list[tuple[str, str, Callable[[Settings], object]]] = [
            (CLICKHOUSE, "the schema is up to date", migrate),
            (KAFKA, "the topics are up to date", apply),
        ]
        for server, what, do in steps:
            if server in self._wanted((CLICKHOUSE, KAFKA)):
                with self.steps.step(what):
                    do(self.settings)

    def _start_agents(self) -> None:
        begun = self._wanted(part.name for part in agent_parts(self.settings))
        begun = [name for name in begun if not self._is_alive(name)]
        if not begun:
            return
        with self.steps.step(f"{', '.join(begun)}: running"):
            for name in begun:
                self._begin(name)
            for name in begun:
                await_agent(self.settings, self.supervisor, name, self.steps.say)

    def _is_alive(self, name: str) -> bool:
        """One that runs and has gone silent is stopped here."""
        process = self.supervisor.processes()[name]
        if process.state == "RUNNING" and heartbeat.is_silent(self.settings, name, process.pid, process.uptime_s):
            self.steps.say(f"  {name} runs but says nothing: starting it anew")
            self.supervisor.stop_hung(name)
            return False
        return process.state == "RUNNING"
