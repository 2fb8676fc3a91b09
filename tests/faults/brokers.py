"""Three real Kafka nodes, as somebody's cluster: each record lies on all of them, and two must have it.

Brokers and voters in one, on loopback, with Kafka's own timeouts: what is measured here is what a cluster of one's own
shows. Only the sizes are those of the embedded node.
"""

import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from streams import topics
from streams.errors import VitalsError
from streams.settings import Settings
from streams.stack import jars, java, kafka, probes, processes
from streams.stack.addresses import free_port

COUNT = 3
START_LIMIT_S = 180.0
_OFFSETS, _OFFSETS_PARTITIONS = "__consumer_offsets", 4
_OWN = """\
node.id={node}
controller.quorum.voters={voters}
default.replication.factor=3
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
broker.session.timeout.ms=9000
broker.heartbeat.interval.ms=2000
leader.imbalance.check.interval.seconds=5
"""
"""Of two lines with one name the later counts. Leaders go home after seconds, not minutes: they shall move often."""


class Brokers:
    """The nodes 1, 2 and 3. Who kills one starts it again."""

    def __init__(self, settings: Settings) -> None:
        taken: list[int] = []
        while len(taken) < 2 * COUNT:
            taken.append(free_port({*taken, settings.clickhouse_port, settings.clickhouse_http_port}))
        self._ports = dict(zip(self.nodes, zip(taken[:COUNT], taken[COUNT:], strict=True), strict=True))
        addresses = ",".join(f"127.0.0.1:{port}" for port, _ in self._ports.values())
        self.settings = msgspec.structs.replace(settings, kafka=addresses, replication=COUNT)
        """Those of a stack on this cluster."""
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    nodes = tuple(range(1, COUNT + 1))

    @contextmanager
    def running(self) -> Iterator["Brokers"]:
        """All nodes, until the end."""
        if missing := jars.missing(self.settings.cache):
            raise VitalsError(f"{len(missing)} jars of Kafka are missing: run `vitals up` once")
        self._configure()
        try:
            for node in self.nodes:
                self.start(node)
            self.await_whole()
            yield self
        finally:
            for process in self._processes.values():
                process.kill()
                process.wait()

    def folder(self, node: int) -> pathlib.Path:
        return self.settings.home / "brokers" / str(node)

    def _configure(self) -> None:
        found, cluster = java.find(), kafka._cluster_id()
        voters = ",".join(f"{node}@127.0.0.1:{port}" for node, (_, port) in self._ports.items())
        self._java = found.path
        for node, (port, controller_port) in self._ports.items():
            home = self.folder(node)
            home.mkdir(parents=True, exist_ok=True)
            places = {"port": port, "controller_port": controller_port, "data": home / "data"}
            own = _OWN.format(node=node, voters=voters)
            (home / "server.properties").write_text(kafka._PROPERTIES.format(**places) + own)
            (home / "java.args").write_text(kafka._java_args(self.settings))
            tool = (*self._run(home), "kafka.tools.StorageTool", "format", "-t", cluster)
            subprocess.run([*tool, "-c", str(home / "server.properties")], check=True, capture_output=True)

    def _run(self, home: pathlib.Path) -> tuple[str, ...]:
        return (str(self._java), f"@{home / 'java.args'}")

    def start(self, node: int) -> None:
        home, mark = self.folder(node), f"-D{processes.marker(self.settings.home)}"
        command = (*self._run(home), mark, "kafka.Kafka", str(home / "server.properties"))
        self.settings.logs.mkdir(parents=True, exist_ok=True)
        with (self.settings.logs / f"broker-{node}.log").open("ab") as log:
            self._processes[node] = subprocess.Popen(command, cwd=home, stdout=log, stderr=log)

    def signal(self, node: int, number: signal.Signals) -> None:
        os.kill(self._processes[node].pid, number)

    def kill(self, node: int) -> None:
        self._processes[node].kill()
        self._processes[node].wait()

    def term(self, node: int) -> None:
        """In order: it hands over what it leads. A node that has no quorum to tell may not end by that."""
        self.signal(node, signal.SIGTERM)
        self._processes[node].wait(START_LIMIT_S)

    @property
    def pids(self) -> set[int]:
        return {process.pid for process in self._processes.values()}

    # --- who leads what

    def await_whole(self, limit_s: float = START_LIMIT_S) -> float:
        """Until every partition has all its replicas in sync; the seconds it took. Raises TimeoutError."""
        started = time.monotonic()
        while not self._is_whole():
            if time.monotonic() > started + limit_s:
                raise TimeoutError(f"the brokers: not whole within {limit_s:.0f} s")
            time.sleep(0.2)
        return time.monotonic() - started

    def _is_whole(self) -> bool:
        if probes.kafka_error(self.settings, limit_s=1.0):
            return False
        try:
            with topics.admin(self.settings) as client:
                nodes = client.describe_cluster()["brokers"]
                found = [part for topic in client.describe_topics() for part in topic["partitions"]]
        except VitalsError:
            return False
        return len(nodes) == COUNT and all(part["leader_id"] >= 0 and len(part["isr_nodes"]) == COUNT for part in found)

    def leaders(self, topic: str) -> dict[int, int]:
        """The node that leads each partition. Raises VitalsError when nobody answers."""
        with topics.admin(self.settings) as client:
            (found,) = client.describe_topics([topic])
        return {part["partition_index"]: part["leader_id"] for part in found["partitions"]}

    def coordinator(self, group: str) -> int:
        """The node that keeps a consumer group: it leads the partition of the group's offsets."""
        return self.leaders(_OFFSETS)[abs(_java_hash(group)) % _OFFSETS_PARTITIONS]

    def controller(self) -> int:
        with topics.admin(self.settings) as client:
            said: Any = client.describe_cluster()
        return int(said["controller_id"])


def _java_hash(text: str) -> int:
    """Java's `String.hashCode`, which chooses a group's partition."""
    number = 0
    for letter in text:
        number = (31 * number + ord(letter)) & 0xFFFFFFFF
    return number - (1 << 32) if number >> 31 else number
