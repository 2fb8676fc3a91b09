"""Waiting for something that is down: one clear line, said again at growing intervals, and one when it is back."""

import time
from collections.abc import Callable
from typing import TypeVar

from streams.logs import log_of

log = log_of(__name__)

FIRST_INTERVAL_S, LONGEST_INTERVAL_S = 2.0, 60.0
RETRY_S = 1.0
T = TypeVar("T")


def answered(
    question: Callable[[], T], away: type[Exception], limit_s: float, miss: Callable[[], None] = lambda: None
) -> T:
    """The answer to a question, asked again while it raises `away`; after `limit_s` that is raised. `miss` hears each.

    A broker that just started answers some things before others, and one that is gone is asked until others know.
    """
    deadline = time.monotonic() + limit_s
    while True:
        try:
            return question()
        except away:
            miss()
            if time.monotonic() > deadline:
                raise
        time.sleep(RETRY_S)


class Patience:
    """Says why we wait, but not each time that we try."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, say: Callable[[str], None] = log.warning) -> None:
        self._clock, self._say = clock, say
        self._since: float | None = None
        self._next = 0.0
        self._interval = FIRST_INTERVAL_S

    @property
    def is_waiting(self) -> bool:
        """Whether something was down when last heard of."""
        return self._since is not None

    def down(self, line: str) -> None:
        """It is (still) down; say so if it is time to."""
        now = self._clock()
        if self._since is None:
            self._since, self._next, self._interval = now, now, FIRST_INTERVAL_S
        if now >= self._next:
            waited = now - self._since
            self._say(f"{line}; waiting" + (f" for {waited:.0f} s" if waited >= 1 else ""))
            self._next, self._interval = now + self._interval, min(2 * self._interval, LONGEST_INTERVAL_S)

    def up(self, line: str) -> None:
        """It answers; say so if it was down."""
        if self._since is not None:
            self._say(f"{line} after {self._clock() - self._since:.0f} s")
            self._since = None
