"""The replay: one log of the groups folded with other chunk sizes and worker counts must give the same bytes.

`python -m tests.replay` takes the `chat-events` of the running Kafka as they are, folds them anew from offset 0 for
each configuration (changelog and position deleted before), and hashes all values and all rows of group-vitals,
member-vitals and group-insights. No worker of the stack may be running: `vitals up kafka clickhouse`. Exits 1 if a
hash differs.
"""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

import click
import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from streams import topics
from streams.agents import AGENTS
from streams.positions import load as load_values
from streams.settings import Settings, load

GROUPS = AGENTS["groups"]
ROWS = ("group-vitals", "member-vitals", "group-insights")
STALL_S = 120


class Config(NamedTuple):
    """How one replay is run."""

    chunk_records: int
    workers: int
    flush_events: int = 20_000


class Digest(NamedTuple):
    """What came out: how many values and rows, and the hash of each."""

    values: int
    rows: int
    values_hash: str
    rows_hash: str


CONFIGS = (Config(200, 1, 3_000), Config(2_000, 2), Config(5_000, 3, 50_000), Config(2_000, 1))


@contextmanager
def reader(settings: Settings) -> Iterator[Consumer]:
    """A consumer that belongs to no group of ours and commits nothing."""
    config = {"bootstrap.servers": settings.kafka, "group.id": "vitals-replay-reader", "enable.auto.commit": False,
              "enable.partition.eof": True}  # fmt: skip
    with closing(Consumer(config)) as consumer:
        yield consumer


def ends(consumer: Consumer, topic: str) -> dict[int, int]:
    """The end offset of each partition."""
    partitions = consumer.list_topics(topic, 10).topics[topic].partitions
    return {p: consumer.get_watermark_offsets(TopicPartition(topic, p), 10, cached=False)[1] for p in partitions}


def records(consumer: Consumer, topic: str, start: dict[int, int]) -> Iterator[Any]:
    """All records of a topic from the given offsets to the ends as of now."""
    consumer.assign([TopicPartition(topic, p, offset) for p, offset in start.items()])
    open_partitions = set(start)
    while open_partitions:
        for message in consumer.consume(10_000, 0.2):
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                open_partitions.discard(message.partition())
            elif not error.retriable():
                raise SystemExit(f"{topic}: {error.str()}")


def forget(settings: Settings) -> None:
    """Delete the fold of the groups: its changelog and its committed offsets."""
    with topics.admin(settings) as client:
        client.delete_topics([GROUPS.changelog_topic])
        while GROUPS.changelog_topic in client.list_topics():
            time.sleep(0.1)
        while GROUPS.app_id in {group["group_id"] for group in client.list_groups()}:
            client.delete_groups([GROUPS.app_id])  # refused until the last worker has left it
            time.sleep(0.1)
    topics.apply(settings)


def start_worker(settings: Settings, config: Config, name: str) -> subprocess.Popen[bytes]:
    """A worker of the groups with this configuration; its log goes to the home's logs."""
    env = os.environ | {
        "VITALS_HOME": str(settings.home),
        "VITALS_CHUNK_RECORDS": str(config.chunk_records),
        "VITALS_FLUSH_EVENTS": str(config.flush_events),
    }
    settings.logs.mkdir(parents=True, exist_ok=True)
    with (settings.logs / f"{name}.log").open("ab") as out:
        command = [sys.executable, "-m", "streams", "worker", GROUPS.name, "--name", name]
        return subprocess.Popen(command, env=env, stdout=out, stderr=out)


def await_folded(settings: Settings, until: dict[int, int]) -> None:
    """Wait until the committed offsets have reached `until`; fail when nothing moves for STALL_S."""
    done, moved_at = -1, time.monotonic()
    with (
        reader(settings) as _,
        closing(Consumer({"bootstrap.servers": settings.kafka, "group.id": GROUPS.app_id})) as own,
    ):
        while True:
            wanted = [TopicPartition(GROUPS.topic, p) for p in until]
            committed = {tp.partition: max(tp.offset, 0) for tp in own.committed(wanted, 10)}
            if all(committed[p] >= end for p, end in until.items()):
                return
            if (total := sum(committed.values())) != done:
                done, moved_at = total, time.monotonic()
            if time.monotonic() - moved_at > STALL_S:
                raise SystemExit(f"stalled at {total} of {sum(until.values())} events")
            time.sleep(0.2)


def digest(settings: Settings, rows_from: dict[str, dict[int, int]]) -> Digest:
    """Hash all values of the changelog and the rows written since; of a row sent twice the last counts."""
    with reader(settings) as consumer:
        stored: dict[int, dict[bytes, bytes]] = {}
        for message in records(
            consumer, GROUPS.changelog_topic, dict.fromkeys(ends(consumer, GROUPS.changelog_topic), OFFSET_BEGINNING)
        ):
            of_partition = stored.setdefault(message.partition(), {})
            if message.value() is None:
                of_partition.pop(message.key(), None)
            else:
                of_partition[message.key()] = message.value()
        with topics.admin(settings) as client:
            topic_id = topics.found(client, [GROUPS.topic])[GROUPS.topic].topic_id
        values = {key: value for part in stored.values() for key, value in load_values(part, topic_id).values.items()}
        rows: dict[tuple[Any, ...], bytes] = {}
        for topic in ROWS:
            for message in records(consumer, topic, rows_from[topic]):
                row = msgspec.json.decode(message.value())
                rows[topic, row["group_id"], row.get("member_id"), row.get("at", row.get("day"))] = message.value()
    return Digest(
        len(values), len(rows), _hash(sorted(values.items())), _hash(sorted((repr(k), v) for k, v in rows.items()))
    )


def _hash(pairs: list[tuple[Any, bytes]]) -> str:
    total = hashlib.sha256()
    for key, value in pairs:
        total.update(repr(key).encode() + b"\0" + value + b"\n")
    return total.hexdigest()[:16]


def replay(settings: Settings, config: Config) -> Digest:
    """Fold the whole log anew with this configuration."""
    forget(settings)
    with reader(settings) as consumer:
        until = ends(consumer, GROUPS.topic)
        rows_from = {topic: ends(consumer, topic) for topic in ROWS}
    workers = [start_worker(settings, config, f"replay-{n}") for n in range(config.workers)]
    try:
        await_folded(settings, until)
    finally:
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        for worker in workers:
            worker.wait(120)
    return digest(settings, rows_from)


@click.command()
def main() -> None:
    """Replay the running Kafka's chat-events with each configuration."""
    settings = load()
    digests = []
    for config in CONFIGS:
        started = time.monotonic()
        digests.append(replay(settings, config))
        click.echo(f"{config}: {digests[-1]} in {time.monotonic() - started:.0f} s")
    is_same = len(set(digests)) == 1 and digests[0].values > 0 and digests[0].rows > 0
    click.echo(f"replay: {len(CONFIGS)} configurations, {len(set(digests))} different results")
    sys.exit(not is_same)


if __name__ == "__main__":
    main()
