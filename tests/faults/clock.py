"""`python -m tests.faults.clock FILE ARGUMENT…`: `vitals ARGUMENT…` under a wall clock that a test can turn.

What Python reads as the time of day is shifted by the seconds that stand in FILE, from one moment to the next, also
backwards. The clock of C libraries stays: librdkafka's timestamps are those of a host whose clock is right.
"""

import mmap
import pathlib
import runpy
import struct
import sys
import time

_SECONDS = struct.Struct("<d")


def turn(path: pathlib.Path, seconds: float) -> None:
    """Shift the clock of who runs under this file. The file is made if there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_SECONDS.pack(0.0))
    with path.open("r+b") as file:
        file.write(_SECONDS.pack(seconds))


def shift(path: pathlib.Path) -> None:
    """Put this process under the clock."""
    with path.open("rb") as file:
        shared = mmap.mmap(file.fileno(), _SECONDS.size, access=mmap.ACCESS_READ)
    seconds, seconds_ns = time.time, time.time_ns
    time.time = lambda: seconds() + _SECONDS.unpack_from(shared)[0]
    time.time_ns = lambda: seconds_ns() + int(_SECONDS.unpack_from(shared)[0] * 1e9)


if __name__ == "__main__":
    shift(pathlib.Path(sys.argv[1]))
    sys.argv = ["vitals", *sys.argv[2:]]
    runpy.run_module("streams", run_name="__main__", alter_sys=True)
