"""The bench: starts its own stack, measures, stops it, and closes with one table in Markdown."""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click

from tests.bench import throughput
from tests.bench.crowd import crowd
from tests.bench.figures import Figure, table, write_json
from tests.bench.latency import latency
from tests.bench.quix_venv import PIN, python_with_quix
from tests.bench.restart import restart
from tests.bench.sections import sections
from tests.bench.stage import Stage, stage
from tests.bench.state import state

NAMES = ("import", "worker", "sink", "beside", "latency", "state", "restart", "crowd")
CROWD_MEMBERS, CROWD_MESSAGES = 100_000, 1_000_000
"""Ten times as many messages with `python -m tests.bench.crowd`."""


def measure(on: Stage, only: frozenset[str], events: int, *, with_quix: bool) -> list[Figure]:
    """What was asked for, in an order in which each finds what it needs."""
    found = throughput.load_fleet(on, events)
    if "import" not in only:
        found = []
    worker = throughput.Worker(on)
    records, ticks = sum(on.ends("chat-events").values()), throughput.ticks_in(on)
    if only - {"import", "restart", "crowd"}:
        worker.fold()
    if "sink" in only:
        found += throughput.sink(on)
    readers = _beside(on, with_quix=with_quix) if "beside" in only else []
    if "worker" in only:
        for _ in range(throughput.ROUNDS - 1):
            worker.fold()
        found += worker.figures(ticks, records)
    for name, spent in readers:
        ratio = worker.per_cpu_s / spent.per_cpu_s
        found.append(Figure(name=name, value=spent.per_cpu_s, unit="events/cpu-s", note=f"the worker is {ratio:.2f} ×"))
    return found + _after(on, only, worker)


def _after(on: Stage, only: frozenset[str], worker: throughput.Worker) -> list[Figure]:
    """What needs the folded fleet, or adds to it."""
    steps: list[tuple[str, Callable[[], list[Figure]]]] = [
        ("state", lambda: state(on)),
        ("worker", lambda: sections(on)),
        ("worker", lambda: throughput.busy(on)),
        ("import", lambda: throughput.import_irc(on)),
        ("latency", lambda: latency(on, worker.per_s)),
        ("restart", lambda: restart(on)),
        ("crowd", lambda: crowd(CROWD_MEMBERS, CROWD_MESSAGES, 2)),
    ]
    return [figure for name, step in steps if name in only for figure in step()]


def _beside(on: Stage, *, with_quix: bool) -> list[tuple[str, throughput.Spent]]:
    found = [
        ("bare aiokafka getmany(2000) + msgspec", throughput.beside(on, "aiokafka")),
        ("bare confluent consume(2000) + msgspec", throughput.beside(on, "confluent")),
    ]
    if not with_quix:
        return found
    on.say(f"installing {PIN} into an environment of its own")
    python = python_with_quix(on.room / "quix-venv")
    if python is None:
        on.say(f"SKIPPED: {PIN} could not be installed, so nothing is compared with it")
        return found
    return [*found, (f"{PIN}, a count per key", throughput.beside(on, "quixstreams", python))]


@click.command()
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="Measure this; may be repeated. [all]")
@click.option("--events", default=520_000, show_default=True, help="About so many events of a simulated fleet.")
@click.option("--with-quix", is_flag=True, help="Compare with Quix Streams too, in an environment of its own.")
@click.option("--json", "path", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures there too.")
def main(only: tuple[str, ...], events: int, path: Path | None, *, with_quix: bool) -> None:
    """Measure on a stack of its own; exits 1 when a bar is missed."""
    with tempfile.TemporaryDirectory(prefix="vitals-bench-") as room, stage(Path(room)) as on:
        found = measure(on, frozenset(only or NAMES), events, with_quix=with_quix)
    click.echo("\n" + table(found))
    if path is not None:
        write_json(found, path)
    sys.exit(not all(it.is_met for it in found))


if __name__ == "__main__":
    main()
