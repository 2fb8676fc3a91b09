"""How much slower than by itself a process is on this machine now, for limits of time that hold on a busy one too."""

import os
import sys
import threading
import time
from types import TracebackType

_WORK = "sum(number * number for number in range(2_000_000))"
_PAUSE_S = 2.0


def sample() -> float:
    """The seconds that some work takes, by those of a CPU that it got: 1 where nothing else runs."""
    began = time.monotonic()
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", _WORK], os.environ)
    used = os.wait4(pid, 0)[2]
    return max(1.0, (time.monotonic() - began) / (used.ru_utime + used.ru_stime))


class Strain(threading.Thread):
    """Looks every few seconds while it is entered; `most` is the worst of it. It takes a twentieth of a CPU itself."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most = sample()
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(_PAUSE_S):
            self.most = max(self.most, sample())

    def __enter__(self) -> "Strain":
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self.join()
