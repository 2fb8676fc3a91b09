"""Faults of our own processes, and of the clocks that they read."""

import contextlib
import time
from collections.abc import Sequence

from tests.faults import clock
from tests.faults.scene import Scene, SkippedError
from tests.faults.stage import GROUPS, GUEST, OTHERS, SINKS, STAFF, TICKER

JUMPS_S = (-7200.0, -60.0, 90.0, 1500.0)
"""Of a host's clock. A broker refuses records that are more than an hour ahead of its own."""


def kill_worker(scene: Scene) -> None:
    """kill -9, started again at once."""
    (name,) = scene.some(GROUPS)
    places = scene.places_of(name)
    scene.stage.crew.kill(name)
    scene.stage.crew.start(name)
    scene.await_moved("restart", places)


def lose_worker(scene: Scene) -> None:
    """kill -9, started again only when others have gone on with its partitions."""
    (name,) = scene.some(GROUPS)
    places = scene.places_of(name)
    scene.stage.crew.kill(name)
    scene.await_moved("fail-over", places)
    scene.stage.crew.start(name)


def stop_worker(scene: Scene) -> None:
    """A zombie: stopped around and past the session timeout, then it goes on writing."""
    scene.pause(scene.some(GROUPS))


def stop_two_workers(scene: Scene) -> None:
    """Two zombies at once: one may delete what the other has just written."""
    scene.pause(scene.some(GROUPS, 2))


def term_worker(scene: Scene) -> None:
    """A rolling restart, one worker after the other."""
    for name in GROUPS:
        scene.some([name])
        places = scene.places_of(name)
        scene.term([name])
        scene.await_moved("rolling restart", places)
        scene.let_go([name])


def scale_down(scene: Scene) -> None:
    """A worker ends in order and stays away for a while: what it had goes on elsewhere."""
    (name,) = scene.some(GROUPS)
    places = scene.places_of(name)
    scene.stage.crew.term(name)
    scene.await_moved("scale-down", places)
    scene.stage.crew.start(name)


def join_worker(scene: Scene) -> None:
    """A fourth worker comes, and leaves again."""
    crew, progress = scene.stage.crew, scene.stage.progress
    if crew.is_alive(GUEST):
        raise SkippedError("the guest is there already")
    crew.start(GUEST)
    with contextlib.suppress(TimeoutError):
        scene.stage.wait_for(lambda: bool(progress.owned("vitals-groups", GUEST)), 20, "the guest's partitions")
    time.sleep(scene.chance.uniform(0.0, 3.0))
    crew.term(GUEST)


def kill_agent(scene: Scene) -> None:
    """kill -9 of the worker of another agent."""
    scene.kill(scene.some(OTHERS))


def stop_agent(scene: Scene) -> None:
    """The only worker of another agent is thrown out of its group and comes back."""
    scene.pause(scene.some(OTHERS))


def term_agent(scene: Scene) -> None:
    """SIGTERM to the worker of another agent."""
    scene.term(scene.some(OTHERS))


# --- all others of ours, and the clock


def kill_sink(scene: Scene) -> None:
    """kill -9 of a sink, perhaps between its insert and its commit."""
    scene.kill(scene.some(SINKS))


def stop_sink(scene: Scene) -> None:
    """A sink that is a zombie: what it stored late replaces nothing that is newer."""
    scene.pause(scene.some(SINKS))


def term_sink(scene: Scene) -> None:
    """SIGTERM to both sinks, one after the other."""
    scene.term(scene.some(SINKS, 2))


def kill_ticker(scene: Scene) -> None:
    """kill -9 of the ticker, perhaps between two partitions."""
    (name,) = scene.some((TICKER,))
    time.sleep(scene.chance.uniform(0.0, 2.0))
    scene.stage.crew.kill(name)
    scene.stage.crew.start(name)


def kill_importer(scene: Scene) -> None:
    """kill -9 of an import that runs; the same import again goes on where it was."""
    if not scene.load.kill_importer(scene.chance.uniform(0.5, 2.0)):
        raise SkippedError("no import ran for long enough")


def jump_clocks(scene: Scene) -> None:
    """The host's clock jumps, and some seconds later it is set right."""
    _jump(scene, STAFF)


def jump_clock(scene: Scene) -> None:
    """The clock of one worker's host jumps."""
    _jump(scene, scene.some(GROUPS))


def _jump(scene: Scene, names: Sequence[str]) -> None:
    seconds = scene.chance.choice(JUMPS_S)
    for name in names:
        clock.turn(scene.stage.clock_of(name), seconds)
    time.sleep(scene.chance.uniform(3.0, 6.0))
    for name in names:
        clock.turn(scene.stage.clock_of(name), 0.0)
