"""What a fault may touch, and what most of them do."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from tests.faults.load import Load
from tests.faults.progress import Place
from tests.faults.stage import Stage

FAIL_OVER_LIMIT_S = 40.0
TAKE_LIMIT_S = 20.0
AWAY_S = (4.0, 10.0)
HANG_S = (2.0, 5.0)


class SkippedError(Exception):
    """This fault cannot be had here; says why."""


@dataclass(frozen=True)
class Scene:
    """What a fault may touch, and its own chance.

    `alone` is -1 while another fault of the round is under way, else a number that grows with each that begins.
    """

    stage: Stage
    load: Load
    chance: Random
    alone: Callable[[], int]
    held: list[str] = field(default_factory=list)
    """The processes that this fault has for itself, until its end."""

    def some(self, names: Sequence[str], count: int = 1) -> list[str]:
        """Some that live and that no other fault has, waited for; they are this one's from now on.

        Raises SkippedError.
        """
        deadline = time.monotonic() + TAKE_LIMIT_S
        while not (taken := self.stage.crew.take(names, count, self.chance)):
            if time.monotonic() > deadline:
                raise SkippedError(f"other faults have {', '.join(names)}")
            time.sleep(0.1)
        self.held.extend(taken)
        return taken

    def let_go(self, names: Sequence[str]) -> None:
        """Give processes back before the end."""
        self.held[:] = [name for name in self.held if name not in names]
        self.stage.crew.let_go(names)

    @contextlib.contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Note how long it took; apart, if another fault was under way."""
        before, started = self.alone(), time.monotonic()
        yield
        self._note(what, before, time.monotonic() - started)

    def _note(self, what: str, before: int, seconds: float) -> None:
        was_alone = before == self.alone() != -1
        self.stage.figures[what if was_alone else f"{what}, in company"].append(seconds)

    def places_of(self, name: str) -> set[Place]:
        """The partitions of a worker of groups, once it has some."""
        with contextlib.suppress(TimeoutError):
            self.stage.wait_for(lambda: bool(self._owned(name)), FAIL_OVER_LIMIT_S, f"partitions of {name}")
        return self._owned(name)

    def _owned(self, name: str) -> set[Place]:
        return self.stage.progress.owned("vitals-groups", name)

    def await_moved(self, what: str, places: set[Place], limit_s: float = FAIL_OVER_LIMIT_S) -> None:
        """Note how long it takes until workers of groups have folded all these partitions further, and committed."""
        before = self.alone()
        folded, committed = self.stage.progress.moved_after("vitals-groups", places, limit_s)
        self._note(what, before, folded)
        self._note(f"{what} until committed", before, committed)

    def pause(self, names: Sequence[str]) -> None:
        """Stop processes, each for around the session timeout: what wakes later than that is a zombie."""
        crew, timeout_s = self.stage.crew, self.stage.settings.session_timeout
        for name in names:
            crew.pause(name)
        wakes = sorted((self.chance.uniform(0.7, 1.6) * timeout_s, name) for name in names)
        started = time.monotonic()
        for at, name in wakes:
            time.sleep(max(0.0, started + at - time.monotonic()))
            crew.wake(name)

    def term(self, names: Sequence[str]) -> None:
        """SIGTERM, and a new start, one after the other."""
        for name in names:
            self.stage.crew.term(name)
            self.stage.crew.start(name)

    def kill(self, names: Sequence[str]) -> None:
        """kill -9, and a new start at once."""
        for name in names:
            self.stage.crew.kill(name)
            self.stage.crew.start(name)
