"""Bytes of state per group and member, from the values in the changelog."""

import statistics

import msgspec

from streams import models, topics
from streams.agents import AGENTS
from streams.positions import load
from streams.vitals.partition import GroupLog
from streams.vitals.state import at_rest
from tests.bench.crowd import in_memory
from tests.bench.figures import Figure
from tests.bench.stage import Stage
from tests.replay import reader, records

_MODEL = models.load()
BANDS = ((0, 40), (40, 100), (100, 300), (300, 10_000))


def state(stage: Stage) -> list[Figure]:
    """Median bytes per group as stored, raw and as objects, by the number of members in the ledger."""
    stage.say("measuring the values of the groups")
    sizes = [_sizes(value) for value in _values(stage)]
    figures = []
    for low, high in BANDS:
        found = [size for size in sizes if low < size[0] <= high]
        if not found:
            continue
        members, raw, stored, objects = (statistics.median(column) for column in zip(*found, strict=True))
        smallest, largest = min(found)[0], max(found)[0]
        note = (
            f"{len(found)} groups of {smallest}-{largest} members ever; raw {raw:,.0f} bytes; per member"
            f" {stored / members:,.0f} stored, {raw / members:,.0f} raw,"
            f" {objects / members:,.0f} as objects of a worker"
        )
        figures.append(Figure(name=f"state per group, {low + 1}-{high} members", value=stored, unit="bytes", note=note))
    return figures


def _values(stage: Stage) -> list[bytes]:
    agent = AGENTS["groups"]
    stored: dict[int, dict[bytes, bytes]] = {}
    with reader(stage.settings) as consumer:
        for it in records(consumer, agent.changelog_topic, dict.fromkeys(stage.ends(agent.changelog_topic), 0)):
            of_partition = stored.setdefault(it.partition(), {})
            of_partition[it.key()] = it.value()
    with topics.admin(stage.settings) as client:
        topic_id = topics.found(client, [agent.topic])[agent.topic].topic_id
    live = [{key: value for key, value in part.items() if value is not None} for part in stored.values()]
    return [value for part in live for value in load(part, topic_id).values.values()]


def _sizes(value: bytes) -> tuple[int, int, int, int]:
    """Members, bytes of msgpack, bytes as stored, and of the objects in a worker that took it up."""
    log = GroupLog(0, "bench", _MODEL)
    log.restore(None, {"": value})
    (group,) = log.groups()
    return len(group.ledger), len(msgspec.msgpack.encode(at_rest(group))), len(value), in_memory(group)
