"""What a fault may touch, and what most of them do."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from tests.faults.load import Load
from tests.faults.progress import Place
from tests.faults.stage import Stage

FAIL_OVER_LIMIT_S = 40.0
AWAY_S = (4.0, 10.0)
HANG_S = (2.0, 5.0)


class SkippedError(Exception):
    """This fault cannot be had here; says why."""


@dataclass(frozen=True)
class Scene:
    """What a fault may touch, and its own chance. `is_alone`: no other fault of the round is under way."""

    stage: Stage
    load: Load
    chance: Random
    is_alone: Callable[[], bool]

    def some(self, names: Sequence[str], count: int = 1) -> list[str]:
        """Some that live and that no other fault has in its hands."""
        crew = self.stage.crew
        free = [name for name in names if name not in crew.busy and crew.is_alive(name)]
        if len(free) < count:
            raise SkippedError("all of them are in the hands of other faults")
        return self.chance.sample(free, count)

    @contextlib.contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Note how long it took; apart, if another fault was under way."""
        before, started = self.is_alone(), time.monotonic()
        yield
        is_alone = before and self.is_alone()
        self.stage.figures[what if is_alone else f"{what}, in company"].append(time.monotonic() - started)

    def await_moved(self, what: str, places: set[Place]) -> None:
        """Note how long it takes until the workers of groups have committed all these partitions further."""
        before = self.is_alone()
        seconds = self.stage.progress.moved_after("vitals-groups", places, FAIL_OVER_LIMIT_S)
        what = what if before and self.is_alone() else f"{what}, in company"
        self.stage.figures[what].append(FAIL_OVER_LIMIT_S if seconds is None else seconds)

    def pause(self, names: Sequence[str]) -> None:
        """Stop processes, each for around the session timeout: what wakes later than that is a zombie."""
        crew, timeout_s = self.stage.crew, self.stage.settings.session_timeout
        with crew.taken(names):
            for name in names:
                crew.pause(name)
            wakes = sorted((self.chance.uniform(0.7, 1.6) * timeout_s, name) for name in names)
            started = time.monotonic()
            for at, name in wakes:
                time.sleep(max(0.0, started + at - time.monotonic()))
                crew.wake(name)

    def term(self, names: Sequence[str]) -> None:
        """SIGTERM, and a new start, one after the other."""
        with self.stage.crew.taken(names):
            for name in names:
                self.stage.crew.term(name)
                self.stage.crew.start(name)

    def kill(self, names: Sequence[str]) -> None:
        """kill -9, and a new start at once."""
        with self.stage.crew.taken(names):
            for name in names:
                self.stage.crew.kill(name)
                self.stage.crew.start(name)
