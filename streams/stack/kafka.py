"""One Kafka node, broker and controller in one, on loopback, sized for a laptop."""

import base64
import re
import subprocess
import uuid
from pathlib import Path

from streams.errors import VitalsError
from streams.settings import Settings
from streams.stack import jars
from streams.stack.addresses import free_port, is_free, port_of
from streams.stack.home import write_private
from streams.stack.java import Java
from streams.stack.processes import marker

HEAP = ("-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError")
_FORMAT_LIMIT_S = 120

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
# One node: no second copy of anything.
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# Small: few internal partitions, small buffers and indexes, few threads.
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
share.coordinator.state.topic.num.partitions=4
log.cleaner.dedupe.buffer.size=16777216
log.index.size.max.bytes=1048576
num.network.threads=2
num.io.threads=4
background.threads=2
# After a kill the node waits until its old session is over: 9 s by default.
broker.session.timeout.ms=5000
broker.heartbeat.interval.ms=1000
# A worker that starts is served at once, and a laptop that slept for weeks finds its offsets again.
group.initial.rebalance.delay.ms=0
offsets.retention.minutes=5256000
"""


def folder(settings: Settings) -> Path:
    """Configuration and log of records of the node."""
    return settings.home / "kafka"


def is_formatted(settings: Settings) -> bool:
    """Whether the storage has been given its cluster id."""
    return (folder(settings) / "data" / "meta.properties").exists()


def command(settings: Settings, java: Java) -> tuple[str, ...]:
    """The command that serves; it does not depend on addresses."""
    home = folder(settings)
    properties = str(home / "server.properties")
    return (str(java.path), f"@{home / 'java.args'}", f"-D{marker(settings.home)}", "kafka.Kafka", properties)


def configure(settings: Settings, java: Java) -> None:
    """Write the configuration for the address in the settings, and format the storage once. Not while it runs."""
    home = folder(settings)
    home.mkdir(mode=0o700, exist_ok=True)
    properties = home / "server.properties"
    text = _PROPERTIES.format(
        port=port_of(settings.kafka), controller_port=_controller_port(settings, properties), data=home / "data"
    )
    write_private(properties, text)
    write_private(home / "java.args", _java_args(settings))
    if not is_formatted(settings):
        _format(java, home)


def _controller_port(settings: Settings, properties: Path) -> int:
    """The one of the last start if it is still free: no client needs to know it.

    Never a port that a server of ours has been given and does not listen on yet.
    """
    given = {port_of(settings.kafka), settings.clickhouse_port, settings.clickhouse_http_port}
    found = re.search(r"CONTROLLER://127\.0\.0\.1:(\d+)", properties.read_text()) if properties.exists() else None
    last = int(found[1]) if found else None
    return last if last is not None and last not in given and is_free(last) else free_port(avoid=given)


def _java_args(settings: Settings) -> str:
    """An argument file: the class path of 45 jars is too long to be read in a list of processes."""
    lib = jars.directory(settings.cache)
    class_path = ":".join(str(lib / jar.name) for jar in jars.locked_jars())
    log = Path(__file__).parent / "log4j2.properties"
    options = (*HEAP, f"-Dlog4j2.configurationFile={log}", "-Dlog4j2.disableJmx=true", "-cp", class_path)
    return "".join(f'"{option}"\n' for option in (value.replace("\\", "\\\\") for value in options))


def _format(java: Java, home: Path) -> None:
    """Give the storage a cluster id. Safe to repeat."""
    tool = [str(java.path), f"@{home / 'java.args'}", "kafka.tools.StorageTool"]
    command = [*tool, "format", "--ignore-formatted", "-t", _cluster_id(), "-c", str(home / "server.properties")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_FORMAT_LIMIT_S, check=False)  # noqa: S603
    if done.returncode != 0:
        raise VitalsError(f"Kafka's storage in {home} could not be formatted: {_said(done.stderr or done.stdout)}")


def _said(output: str) -> str:
    """The line that tells what went wrong: of a Java stack trace its innermost cause."""
    lines = [line for line in output.splitlines() if line.strip()]
    causes = [line for line in lines if line.startswith(("Exception in", "Caused by:"))]
    return (causes or lines or ["no output"])[-1]


def _cluster_id() -> str:
    """A UUID in Kafka's writing. Ours starts with a V: a leading dash would be read as an option."""
    return "V" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
