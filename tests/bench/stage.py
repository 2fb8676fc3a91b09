"""Where it is measured: a stack of its own in a temporary home, and the processes under test, started on it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
from confluent_kafka import KafkaException, Producer

from streams import worker_status
from streams.events import Event, GroupEvent, encode
from streams.settings import Settings
from streams.stack import supervision
from streams.stack.parts import environment
from streams.stack.start import up
from streams.stack.steps import Steps
from streams.stack.stop import down
from tests.conftest import make_settings
from tests.replay import ends, reader

LOOK_S = 0.05
STALL_S = 60.0


class Spent(NamedTuple):
    """What some work took."""

    count: int
    cpu_s: float
    wall_s: float

    @property
    def per_cpu_s(self) -> float:
        """Per second of the process's CPU, user and system."""
        return self.count / self.cpu_s

    @property
    def per_s(self) -> float:
        """Per second of wall time."""
        return self.count / self.wall_s


class Stage:
    """A running stack without agents, and what is run on it."""

    def __init__(self, settings: Settings, room: Path) -> None:
        """`room` is a directory for samples."""
        self.settings, self.room = settings, room
        self.started = time.monotonic()

    def say(self, what: str) -> None:
        """One line of progress."""
        click.echo(f"[{time.monotonic() - self.started:5.0f} s] {what}")

    def ends(self, topic: str) -> dict[int, int]:
        """The end offset of each partition, once Kafka knows its leader."""
        until = time.monotonic() + STALL_S
        while True:
            try:
                with reader(self.settings) as consumer:
                    return ends(consumer, topic)
            except KafkaException:
                if time.monotonic() > until:
                    raise
                time.sleep(LOOK_S)

    def vitals(self, *arguments: str) -> Spent:
        """Run a command to its end; `count` is what came onto chat-events meanwhile."""
        before, began = sum(self.ends("chat-events").values()), time.monotonic()
        process = self._start(arguments, arguments[0])
        _, status, usage = os.wait4(process.pid, 0)
        took = time.monotonic() - began
        if process.returncode or status:
            raise SystemExit(f"`vitals {' '.join(arguments)}` failed, {self._last_word(arguments[0])}")
        count = sum(self.ends("chat-events").values()) - before
        return Spent(count, usage.ru_utime + usage.ru_stime, took)

    def send(self, events: Iterable[Event]) -> int:
        """Produce to chat-events; an event of no group goes to every partition. How many records."""
        config = {"partitioner": "murmur2_random", "linger.ms": 50, "compression.type": "lz4", "log_level": 0,
                  "bootstrap.servers": self.settings.kafka, "queue.buffering.max.messages": 1_000_000}  # fmt: skip
        producer, count = Producer(config), 0
        for event in events:
            value = encode(event)
            if isinstance(event, GroupEvent):
                producer.produce("chat-events", value, event.group_id.encode())
                count += 1
                if not count % 100_000:
                    producer.flush()
                continue
            for partition in range(self.settings.partitions):
                producer.produce("chat-events", value, b"", partition)
                count += 1
        producer.flush()
        return count

    def _log(self, name: str) -> Path:
        return self.settings.logs / f"bench-{name}.log"

    def _last_word(self, name: str) -> str:
        """Of a process's log, which goes with the home when the bench ends."""
        return f"its last word: {supervision.tail(self._log(name), 1) or 'none'}"

    def _start(self, arguments: Sequence[str], name: str) -> subprocess.Popen[bytes]:
        self.settings.logs.mkdir(parents=True, exist_ok=True)
        with self._log(name).open("ab") as log:
            command = [sys.executable, "-m", "streams", *arguments]
            return subprocess.Popen(command, env=environment(self.settings), stdout=log, stderr=log)

    @contextmanager
    def running(
        self, *arguments: str, name: str, stop: Callable[[subprocess.Popen[bytes]], None] = subprocess.Popen.terminate
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A worker or sink while the block runs, then stopped; its end is awaited."""
        self.status_path(name).unlink(missing_ok=True)
        process = self._start([*arguments, "--name", name], name)
        try:
            yield process
        finally:
            stop(process)
            process.wait(20)

    def status_path(self, name: str) -> Path:
        """The file in which a part says each second how it does."""
        return worker_status.path_of(self.settings, name)

    def statuses(self, name: str, process: subprocess.Popen[bytes]) -> Iterator[dict]:
        """Each new status of a running part, as it is written. Ends the bench if the part ends or says nothing."""
        last_at, heard = None, time.monotonic()
        path = self.status_path(name)
        while True:
            if process.poll() is not None or time.monotonic() - heard > STALL_S:
                raise SystemExit(f"{name} ended or stalled, {self._last_word(name)}")
            if path.exists():
                status = msgspec.json.decode(path.read_bytes())
                if status["at"] != last_at:
                    last_at, heard = status["at"], time.monotonic()
                    yield status
            time.sleep(LOOK_S)

    def fold(self, name: str, stop: Callable[[subprocess.Popen[bytes]], None] = subprocess.Popen.terminate) -> Spent:
        """Fold all of chat-events in one worker, from its first status with events in it to the last one's."""
        until = self.ends("chat-events")
        with self.running("worker", "groups", name=name, stop=stop) as process:
            first = None
            for status in self.statuses(name, process):
                if first is None and status["events_total"]:
                    first = status
                flushed = {int(p): it["flushed"] for p, it in status["partitions"].items()}
                if first is not None and all(flushed.get(p, 0) >= end for p, end in until.items()):
                    break
        return Spent(
            status["events_total"] - first["events_total"],
            status["cpu_seconds"] - first["cpu_seconds"],
            status["at"] - first["at"],
        )


@contextmanager
def stage(home: Path) -> Iterator[Stage]:
    """A stack on free ports in `home`, stopped afterwards."""
    quiet = Steps(lambda _: None, is_live=False)
    settings = make_settings(home / "home", tick_seconds=1.0)
    try:
        yield Stage(up(settings, agents=False, steps=quiet), home)
    finally:
        down(settings, steps=quiet)
