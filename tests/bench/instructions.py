"""What a record costs the fold, counted in instructions: exact whatever else the machine does (needs valgrind).

`python -m tests.bench.instructions --against ../clone-of-a-version-before` counts decode, fold, encoding of outputs and
values of the groups agent, for groups that talk all day and for a simulated fleet, in this tree and in the other.
"""

import compileall
import pickle
import re
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import click

ROOT = Path(__file__).parents[2]
CHUNK, FLUSH = 2_000, 10_000
BUSY, FLEET = 24_000, 40_000
FLEET_GROUPS, FLEET_DAYS, FLEET_END = 25, 180, date(2026, 1, 1)


class Read(NamedTuple):
    """A record as the fold sees it."""

    offset: int
    timestamp: int
    key: bytes
    value: bytes


def fold(path: Path, count: int) -> None:
    """Fold the first records of a file; this is what is counted."""
    import gc  # noqa: PLC0415

    from streams.agents import AGENTS, absorb  # noqa: PLC0415
    from streams.dead_letter_limit import Limit  # noqa: PLC0415
    from streams.events import encode  # noqa: PLC0415

    agent = AGENTS["groups"]
    records = [Read(place, at, key, value) for place, (at, key, value) in enumerate(pickle.loads(path.read_bytes()))]
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    log, limit = agent.new_log(0, agent.origin(0, bytes(16)), 1), Limit()
    log.restore(None, {})
    for start in range(0, count, CHUNK):
        outputs, _, _ = absorb(records[start : min(start + CHUNK, count)], agent, log, limit, partition=0, end=0)
        for output in outputs:
            encode(output.value)
            output.key.encode()
        if start % FLUSH == FLUSH - CHUNK:
            log.take_changed()


def records(events: Any, count: int) -> bytes:
    """The first of some events as records, with a tick at the end of each of their days for each of their sources."""
    from streams import events as e  # noqa: PLC0415
    from streams.vitals.policy import DAY_MS  # noqa: PLC0415

    made: list[tuple[int, bytes, bytes]] = []
    sources: dict[str, e.Event] = {}
    midnight = 0
    for event in events:
        midnight = midnight or event.occurred_at // DAY_MS * DAY_MS + DAY_MS
        while event.occurred_at >= midnight:
            for name, one in sources.items():
                tick = e.Tick(event_id=f"{name}/{midnight}", occurred_at=midnight, brand_id=one.brand_id,
                              platform=one.platform, source=name)  # fmt: skip
                made.append((midnight, b"", e.encode(tick)))
            midnight += DAY_MS
        if isinstance(event, e.GroupEvent):
            sources.setdefault(event.source or "", event)
            made.append((event.occurred_at, event.group_id.encode(), e.encode(event)))
        if len(made) >= count:
            break
    return pickle.dumps(made[:count])


def fleet_records(room: Path) -> bytes:
    """Those of a simulated fleet."""
    import gzip  # noqa: PLC0415

    import msgspec  # noqa: PLC0415

    from streams import events as e  # noqa: PLC0415
    from streams.simulate.fleet import EVENTS_FILE, Fleet, write_fleet  # noqa: PLC0415

    write_fleet(Fleet(FLEET_GROUPS, FLEET_DAYS, 1, FLEET_END), room, lambda: None)
    decode = msgspec.json.Decoder(e.ChatEvent | e.Purchase | e.Refund).decode
    with gzip.open(room / EVENTS_FILE) as lines:
        return records(map(decode, lines), FLEET)


def instructions(tree: Path, path: Path, count: int) -> int:
    """How many it takes to fold the first `count` records of a file with the code of a tree, compiled before."""
    compileall.compile_dir(tree / "streams", quiet=1)
    run = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", sys.executable]
    child = [*run, str(Path(__file__)), "--child", str(path), str(count)]
    try:
        done = subprocess.run(child, cwd=tree, env={"PYTHONHASHSEED": "0", "PYTHONPATH": str(tree), "PATH": "/usr/bin"},
                              capture_output=True, text=True, check=False)  # fmt: skip
    except FileNotFoundError:
        raise click.ClickException("valgrind is not installed") from None
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    if done.returncode or found is None:
        raise click.ClickException(f"the fold of {tree} failed: {done.stderr[-1500:]}")
    return int(found[1].replace(",", ""))


@click.command(epilog="\b\nExample:\n  python -m tests.bench.instructions --against /tmp/before")
@click.option("--against", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Another tree of ours.")
def main(against: Path | None) -> None:
    """Count instructions per record."""
    from tests.bench.throughput import busy_events  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="vitals-instructions-") as name:
        room = Path(name)
        loads = {"busy groups": records(busy_events(), BUSY), "simulated fleet": fleet_records(room)}
        for load, made in loads.items():
            path = room / "records"
            path.write_bytes(made)
            count = len(pickle.loads(made))
            each = [
                (instructions(tree, path, count) - instructions(tree, path, 0)) / count
                for tree in (ROOT, *([against.absolute()] if against else []))
            ]
            ratio = f", {each[0] / each[1]:.2f} × {each[1]:,.0f} of the other tree" if against else ""
            click.echo(f"{load}: {each[0]:,.0f} instructions per record{ratio}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        fold(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
