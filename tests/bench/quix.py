"""Quix Streams counting events per key, state in RocksDB with a changelog. Runs in an environment of its own.

Prints [records, CPU seconds, wall seconds].

    python tests/bench/quix.py quixstreams SERVERS TOPIC RECORDS STATE_DIR
"""

import json
import sys
import time

from quixstreams import Application

MOST = 200_000
"""So many records are enough for a rate."""


def count(value: dict, state: object) -> dict:
    """One more of this key."""
    state.set("count", state.get("count", 0) + 1)
    if not began:
        began[:] = time.process_time(), time.monotonic()
    return value


began: list[float] = []


def main(servers: str, topic: str, records: int, state_dir: str) -> None:
    """Measure from the first record to the last."""
    app = Application(
        broker_address=servers, consumer_group="bench-quix", auto_offset_reset="earliest", state_dir=state_dir,
        loglevel="WARNING", commit_interval=1.0,
    )  # fmt: skip
    events = app.dataframe(app.topic(topic, key_deserializer="str", value_deserializer="json"))
    events.apply(count, stateful=True)
    most = min(records, MOST)
    app.run(count=most, timeout=60)
    sys.stdout.write(json.dumps([most, time.process_time() - began[0], time.monotonic() - began[1]]) + "\n")


if __name__ == "__main__":
    main(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
