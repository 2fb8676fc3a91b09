"""What must have come of it all: byte for byte what a fold of the same logs in one piece leaves."""

from typing import Any, NamedTuple

import msgspec
from faust.types import TP

from streams.agents import DEAD_LETTERS, Agent
from streams.edge import RefusedError, refuse, take_in
from streams.positions import load
from streams.vitals.rows import EVERY_PARTITION
from tests.simulation.rules import IN_A_ROW
from tests.simulation.story import Story
from tests.simulation.tables import engines, undisturbed_rows

Sent = tuple[str, int | None, bytes, bytes]
"""Topic, partition (None if the key chose it), key and value of an output."""


class MismatchError(Exception):
    """The disturbed run did not leave what an undisturbed one would have."""


class Undisturbed(NamedTuple):
    """A partition folded in one piece."""

    values: dict[str, bytes]
    position: tuple[int, bytes]
    outputs: set[Sent]
    refused: list[int]


def check(story: Story) -> None:
    """Compare everything. Raises MismatchError."""
    wanted: set[Sent] = set()
    for agent in story.cast.agents.values():
        for tp in story.broker.partitions([agent.topic]):
            alone = undisturbed(story, agent, tp)
            _check_partition(story, agent, tp, alone)
            wanted |= alone.outputs
    every = {sent[:1] + sent[2:] for sent in wanted if sent[1] is not None}
    for topic in sorted({sent[0] for sent in wanted} | {DEAD_LETTERS}):
        found = {
            (topic, tp.partition if (topic, record.key or b"", record.value) in every else None, record.key or b"",
             record.value or b"")
            for tp in story.broker.partitions([topic])
            for record in story.broker.log(tp).records
            if record.value not in story.external
        }  # fmt: skip
        of_topic = {sent for sent in wanted if sent[0] == topic}
        _same(topic, of_topic, found & of_topic if story.is_anew else found)  # what the topic before it said stands too
    _same("records beside better ones before the last restart", [], story.strays)
    if story.cast.sinks:
        for table, rows in undisturbed_rows(story.broker).items():
            _same(table, _told(table, rows), _told(table, story.tables.rows[table]))


def undisturbed(story: Story, agent: Agent, tp: TP) -> Undisturbed:
    """Fold a partition's log, without the loop, the flush and the store that are under test."""
    topic, broker = story.broker.topics[tp.topic], story.broker
    log = agent.new_log(tp.partition, agent.origin(tp.partition, topic.topic_id), len(topic.logs))
    log.restore(None, {})
    outputs: set[Sent] = set()
    refused = []
    for record in broker.log(tp).records:
        try:
            event, key = take_in(record, agent.decode, agent.key_of)
        except RefusedError as error:
            letter = refuse(record, tp.topic, tp.partition, error)
            outputs.add((DEAD_LETTERS, None, letter.letter_id.encode(), msgspec.json.encode(letter)))
            refused.append(record.offset)
            continue
        for output in log.fold(event, key, record.offset, record.timestamp):
            where: list[int | None] = [output.partition]
            if output.partition == EVERY_PARTITION:
                where = list(range(len(broker.topics[output.topic].logs)))
            value = msgspec.json.encode(output.value)
            outputs |= {(output.topic, partition, output.key.encode(), value) for partition in where}
    return Undisturbed(log.take_changed(), (broker.log(tp).end, log.partition_value()), outputs, refused)


def _check_partition(story: Story, agent: Agent, tp: TP, alone: Undisturbed) -> None:
    live = story.broker.log(TP(agent.changelog_topic, tp.partition)).live()
    found = load(live, story.broker.topics[tp.topic].topic_id)
    where = f"{tp.topic}/{tp.partition}"
    _same(f"values of {where}", alone.values, found.values)
    position = (found.position.next_offset, found.position.partition_value) if found.position else None
    _same(f"position of {where}", alone.position, position)
    left = {key: them for key, them in found.written.items() if len(them) > 1 and key in story.renewed}
    _same(f"records of older terms in {where}", {}, left)
    _same(f"foreign records in {where}", [], found.foreign)
    refused = set(alone.refused)
    in_a_row = any(refused.issuperset(range(at, at + IN_A_ROW)) for at in refused)
    if in_a_row and not story.accepts[tp]:
        raise MismatchError(f"{where} went on though {IN_A_ROW} records in a row were refused")


def _told(table: str, rows: dict[Any, dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    """The rows without when they came: of a row that was sent twice, alike, either may stand."""
    if engines()[table].version == "ingested_at":
        return rows
    return {key: {name: value for name, value in row.items() if name != "ingested_at"} for key, row in rows.items()}


def _same(what: str, wanted: Any, found: Any) -> None:
    if wanted == found:
        return
    if isinstance(wanted, set):
        missing, strange = sorted(wanted - found, key=str), sorted(found - wanted, key=str)
        raise MismatchError(f"{what}: {len(missing)} missing {missing[:3]}, {len(strange)} strange {strange[:3]}")
    if isinstance(wanted, dict):
        keys = sorted((key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key)), key=str)
        shown = [(key, wanted.get(key), found.get(key)) for key in keys[:3]]
        raise MismatchError(f"{what}: {len(keys)} differ; key, wanted, found: {shown}")
    raise MismatchError(f"{what}: wanted {wanted}, found {found}")
