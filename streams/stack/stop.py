"""`vitals down`: the parts in the reverse order of their start, each within its time."""

import itertools
import shutil
from pathlib import Path

from streams.settings import Settings
from streams.stack import home, servers, supervision
from streams.stack.parts import socket_file
from streams.stack.steps import Steps

_ORDER = (("ticker",), ("sink",), ("",), ("clickhouse",), ("kafka",))
"""The sink before the workers, or it would wait for what they still flush; "" are the workers."""


def down(settings: Settings, *, steps: Steps | None = None) -> None:
    """Stop all parts and the supervisor. Nothing running is no failure. Raises VitalsError if the home is locked."""
    steps = steps or Steps()
    if not settings.run.is_dir():
        return steps.say("nothing was running")
    with home.locked(settings):
        supervisor = supervision.running(settings)
        if supervisor:
            _stop_in_order(supervisor, steps)
        _end_rest(settings, steps)
    return None if steps.taken else steps.say("nothing was running")


def _stop_in_order(supervisor: supervision.Supervisor, steps: Steps) -> None:
    alive = [name for name, process in supervisor.processes().items() if process.is_up]
    named = set(itertools.chain.from_iterable(_ORDER))
    for batch in _ORDER:
        names = [name for name in alive if name in batch or (batch == ("",) and name not in named)]
        if names:
            with steps.step(f"stopped: {', '.join(sorted(names))}"):
                supervisor.stop(names)
    with steps.step("stopped: supervisor"):
        supervisor.shut_down()


def _end_rest(settings: Settings, steps: Steps) -> None:
    """What a killed supervisor left running, and the files that say so."""
    left = supervision.live_parts(settings)
    supervision.end_left_overs(settings, lambda _names: None)
    if left:
        steps.done(f"ended what a killed stack left running: {', '.join(sorted(left))}", 0.0)
    for path in (*settings.run.glob("*.pid"), socket_file(settings)):
        path.unlink(missing_ok=True)


def data_of(settings: Settings) -> list[Path]:
    """What `down --wipe` removes: all data, logs and progress of imports of the home. Not the cache, not vitals.toml.

    Secrets go too, unless a server is elsewhere: what is stored there is under the pseudonyms that they make.
    """
    names = ["kafka", "clickhouse", "imports", "notify", "logs", "run"]
    if len(servers.own(settings)) == 2:
        names.append("secrets")
    return [path for name in names if (path := settings.home / name).exists()]


def wipe(settings: Settings) -> None:
    """Remove all data of a stopped stack."""
    for path in data_of(settings):
        shutil.rmtree(path, ignore_errors=True)
