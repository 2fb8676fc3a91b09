"""What becomes of the embedded ClickHouse when its disk did not take something: it ends, and is started anew.

The engine of chdb-core passes over a write(2) that failed: the check is commented out in its copy of ClickHouse's
`WriteBufferFromFileDescriptor::nextImpl`. So a part may be put in place whose files are cut off; every query of its
table then fails. At its start ClickHouse finds such parts by their checksums, sets them aside, and takes what they were
merged from, which it is told to keep for KEEP_MERGED_S. Of an insert there is nothing to take: `Warehouse.insert` looks
itself.
"""

import os
import shutil
import sys
import time
from pathlib import Path

from streams.errors import VitalsError
from streams.settings import Settings
from streams.stack import probes
from streams.stack.clickhouse import KEEP_FREE_BYTES

QUERY = "SELECT sum(value) FROM system.events WHERE event = 'WriteBufferFromFileDescriptorWriteFailed'"
LOOK_S, LONGEST_S = 1.0, 240.0
"""Half of the time for which ClickHouse keeps what it has merged: it ends then though the disk be full."""


def count(settings: Settings) -> int:
    """How many writes have failed since ClickHouse began. Raises VitalsError."""
    return int(probes.rows(settings, QUERY)[0][0])


def watch(settings: Settings, home: Path) -> None:
    """End this process once writes have failed and there is room again, or after LONGEST_S. Never returns."""
    while not _have_failed(settings):
        time.sleep(LOOK_S)
    _say(f"ClickHouse could not write to {home}: it is started anew once there is room, and sets broken parts aside")
    until = time.monotonic() + LONGEST_S
    while shutil.disk_usage(home).free < KEEP_FREE_BYTES and time.monotonic() < until:
        time.sleep(LOOK_S)
    os._exit(1)  # as by kill -9: what is written stands in files, and an orderly end might begin to write


def _have_failed(settings: Settings) -> bool:
    try:
        return count(settings) > 0
    except VitalsError:  # not started yet, or busy
        return False


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201  this is the log
