"""The topic `dead-letters` read and written: letters, what lets a paused partition go on, and what was sent again."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import Any, NamedTuple, TypeVar

import msgspec

from streams.dead_letters import ACCEPT, REPLAYED, Acceptance, DeadLetter, Replay, is_letter, with_id
from streams.errors import VitalsError
from streams.kafka_access import librdkafka
from streams.settings import Settings
from streams.topics import NoKafkaError

TOPIC = "dead-letters"
TOGETHER = 500
"""So many letters are sent again before they are marked: so many may come twice after a kill, and count once."""
T = TypeVar("T")
_ANSWER_S = 10.0


class Kept(NamedTuple):
    """A letter as it lies in the box, and how its bytes were sent again last.

    `again_of` is the id of the letter whose bytes these are, sent again and refused again; "" if there is none.
    """

    letter: DeadLetter
    replay: Replay | None = None
    again_of: str = ""


_letters = msgspec.json.Decoder(DeadLetter)
_acceptances = msgspec.json.Decoder(Acceptance)
_replays = msgspec.json.Decoder(Replay)


def put(settings: Settings, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
    """Put letters into the box; those that Kafka does not take now."""
    records = [(TOPIC, letter.letter_id.encode(), msgspec.json.encode(letter), -1) for letter in letters]
    return [letter for letter, place in zip(letters, _send(settings, records), strict=True) if place is None]


def accept(settings: Settings, acceptance: Acceptance) -> None:
    """Send an acceptance; durable on return. Raises NoKafkaError."""
    (place,) = _send(settings, [(TOPIC, acceptance.key, msgspec.json.encode(acceptance), 0)])
    if place is None:
        raise NoKafkaError(settings.kafka)


def accepted_since(settings: Settings, at: int) -> list[tuple[int, Acceptance]]:
    """Acceptances sent at `at` (ms) or later, each with its time. Raises NoKafkaError."""
    from confluent_kafka import TopicPartition  # noqa: PLC0415  slow to import

    with _consumer(settings) as consumer:
        _, end = _range(consumer, 0)
        (start,) = consumer.offsets_for_times([TopicPartition(TOPIC, 0, at)], timeout=_ANSWER_S)
        return [
            (record.timestamp()[1], acceptance)
            for record in _read(consumer, {0: (start.offset, end)})
            if not is_letter(record.key())
            and record.key().startswith(ACCEPT)
            and (acceptance := _decoded(_acceptances, record)) is not None
        ]


def find(settings: Settings, is_wanted: Callable[[DeadLetter], bool], limit: int | None = None) -> list[Kept]:
    """The latest letters that are wanted, oldest first. Raises NoKafkaError."""
    letters: dict[str, DeadLetter] = {}
    replays: dict[str, Replay] = {}
    with _consumer(settings) as consumer:
        for record in _read(consumer, {number: _range(consumer, number) for number in range(settings.partitions)}):
            key = record.key()
            if is_letter(key):
                letter = _decoded(_letters, record)
                if letter is None:
                    continue
                letter = letter if letter.letter_id else with_id(letter)
                letters.pop(letter.letter_id, None)  # a later record of a letter stands for the earlier
                if is_wanted(letter):
                    letters[letter.letter_id] = letter
            elif key.startswith(REPLAYED) and (replay := _decoded(_replays, record)) is not None:
                replays[replay.letter_id] = replay
    sent_to = {(one.topic, one.partition, one.offset): one.letter_id for one in replays.values()}
    latest = sorted(letters.values(), key=lambda letter: (letter.at, letter.origin, letter.partition, letter.position))
    return [
        Kept(letter, replays.get(letter.letter_id), sent_to.get((letter.origin, letter.partition, letter.position), ""))
        for letter in latest[-limit if limit else None :]
    ]


def send_again(settings: Settings, letters: Sequence[DeadLetter], advance: Callable[[int], None]) -> None:
    """Send the bytes of letters to the partitions that they came from, under their keys, and mark each as sent.

    Killed between the two, it sends up to TOGETHER of them twice if it is told again; what reads them knows an event
    by its order in its source or by its id, and a row by its key. Raises VitalsError.
    """
    in_order = sorted(letters, key=lambda letter: (letter.origin, letter.partition, letter.position, letter.at))
    for start in range(0, len(in_order), TOGETHER):
        some = in_order[start : start + TOGETHER]
        records = [(letter.origin, letter.key, letter.original, letter.partition) for letter in some]
        places = _send(settings, records)
        marks = [_mark(letter, place) for letter, place in zip(some, places, strict=True) if place is not None]
        if None in places or None in _send(settings, marks):
            raise VitalsError("Kafka did not take all of it: tell it again, what was sent counts once")
        advance(len(some))


Place = tuple[int, int]
"""Partition and offset."""
_Outgoing = tuple[str, bytes | None, bytes | None, int]
"""Topic, key, value and partition (-1: by key)."""


def _mark(letter: DeadLetter, place: Place) -> _Outgoing:
    partition, offset = place
    at = time.time_ns() // 1_000_000
    mark = Replay(letter_id=letter.letter_id, topic=letter.origin, partition=partition, offset=offset, at=at)
    return TOPIC, REPLAYED + letter.letter_id.encode(), msgspec.json.encode(mark), -1


def _send(settings: Settings, records: Sequence[_Outgoing]) -> list[Place | None]:
    """Send records and wait; where each lies, None for one that Kafka did not take in time."""
    from confluent_kafka import KafkaException, Producer  # noqa: PLC0415

    producer = Producer(
        {
            **librdkafka(settings),
            "partitioner": "murmur2_random",
            "message.max.bytes": 8 << 20,
            "message.timeout.ms": int(_ANSWER_S * 800),
            "log_level": 0,
        }
    )
    places: list[Place | None] = [None] * len(records)
    try:
        for index, (topic, key, value, partition) in enumerate(records):
            producer.produce(topic, value, key, partition, on_delivery=partial(_note, places, index))
    except (BufferError, KafkaException):  # the rest is left; a topic of another machine may take less
        pass
    producer.flush(_ANSWER_S)
    return places


def _note(places: list[Place | None], index: int, error: Any, message: Any) -> None:
    if error is None:
        places[index] = message.partition(), message.offset()


def _decoded(decoder: "msgspec.json.Decoder[T]", record: Any) -> T | None:
    """What a record holds; None for one that somebody else wrote here: it must stop no worker."""
    try:
        return decoder.decode(record.value() or b"")
    except ValueError:
        return None


@contextmanager
def _consumer(settings: Settings) -> Iterator[Any]:
    from confluent_kafka import Consumer, KafkaException  # noqa: PLC0415

    consumer = Consumer(
        {
            **librdkafka(settings),
            "group.id": "vitals-letter-box",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )
    with closing(consumer):
        try:
            yield consumer
        except KafkaException:
            raise NoKafkaError(settings.kafka) from None


def _range(consumer: Any, partition: int) -> tuple[int, int]:
    from confluent_kafka import TopicPartition  # noqa: PLC0415

    first, end = consumer.get_watermark_offsets(TopicPartition(TOPIC, partition), timeout=_ANSWER_S)
    return first, end


def _read(consumer: Any, ranges: dict[int, tuple[int, int]]) -> Iterator[Any]:
    """Records of each partition from its start (-1: none) up to its end. Raises NoKafkaError when no more come."""
    from confluent_kafka import KafkaError, KafkaException, TopicPartition  # noqa: PLC0415

    missing = {partition: span for partition, span in ranges.items() if 0 <= span[0] < span[1]}
    consumer.assign([TopicPartition(TOPIC, partition, start) for partition, (start, _) in missing.items()])
    deadline = time.monotonic() + _ANSWER_S
    while missing:
        for record in consumer.consume(500, 0.1):
            deadline = time.monotonic() + _ANSWER_S
            at_end = record.error() is not None and record.error().code() == KafkaError._PARTITION_EOF  # noqa: SLF001
            if at_end:  # compaction may have taken the last one
                missing.pop(record.partition(), None)
            if record.error() is not None or record.partition() not in missing:
                continue
            end = missing[record.partition()][1]
            if record.offset() + 1 >= end:
                del missing[record.partition()]
            if record.offset() < end:
                yield record
        if time.monotonic() > deadline:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001
