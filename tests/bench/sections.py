"""Where the fold's time goes: the records of the stage folded here, without Kafka, each section timed by itself."""

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

from streams.agents import AGENTS, absorb
from streams.dead_letter_limit import Limit
from streams.events import encode
from streams.vitals.rows import Output
from tests.bench.figures import Figure
from tests.bench.stage import Stage
from tests.replay import reader, records

AGENT = AGENTS["groups"]
CHUNK = 2_000
CHUNKS_PER_FLUSH = 5
SECTIONS = {
    "decode": "alone; it is part of the two below",
    "events": "of groups: decoded, checked, folded, touches made",
    "time": "ticks: days closed, rows made",
    "encode": "outputs to JSON",
    "pack": f"changed values, every {CHUNKS_PER_FLUSH * CHUNK:,} records of a partition",
}


class Read(NamedTuple):
    """A record as the fold sees it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes


class Watch:
    """Seconds of CPU by section."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(SECTIONS, 0.0)

    def time(self, section: str, work: Callable[..., Any], *given: Any) -> Any:
        """Do it, and add what it took."""
        began = time.process_time()
        done = work(*given)
        self.spent[section] += time.process_time() - began
        return done


def sections(stage: Stage) -> list[Figure]:
    """Microseconds of each section per record. The rest of the worker's is reading, Kafka's producer and Faust."""
    stage.say("folding without Kafka, by section")
    watch, count = Watch(), 0
    for partition in stage.ends("chat-events"):
        with reader(stage.settings) as consumer:
            read = [
                Read(it.offset(), it.timestamp()[1], it.key(), it.value())
                for it in records(consumer, "chat-events", {partition: 0})
            ]
        count += len(read)
        _fold(read, partition, watch)
    return [
        Figure(name=f"fold, {name}", value=watch.spent[name] / count * 1e6, unit="µs/record", note=note)
        for name, note in SECTIONS.items()
    ]


def _fold(read: list[Read], partition: int, watch: Watch) -> None:
    log, limit = AGENT.new_log(partition, AGENT.origin(partition, bytes(16)), 1), Limit()
    log.restore(None, {})
    for number, chunk in enumerate(_chunks(read)):
        watch.time("decode", _decoded, chunk)
        for has_key, run in groupby(chunk, lambda it: bool(it.key)):
            fold = partial(absorb, partition=partition, end=0)
            outputs, _, _ = watch.time("events" if has_key else "time", fold, list(run), AGENT, log, limit)
            watch.time("encode", _encoded, outputs)
        if number % CHUNKS_PER_FLUSH == CHUNKS_PER_FLUSH - 1:
            watch.time("pack", log.take_changed)


def _chunks(read: list[Read]) -> Iterator[list[Read]]:
    for start in range(0, len(read), CHUNK):
        yield read[start : start + CHUNK]


def _decoded(chunk: list[Read]) -> None:
    for read in chunk:
        AGENT.decode(read.value)


def _encoded(outputs: Iterable[Output]) -> None:
    for output in outputs:
        encode(output.value)
        output.key.encode()
