"""The topic `dead-letters` read and written: letters, what lets a paused partition go on, and what was sent again."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

import msgspec

from streams.dead_letters import ACCEPT, REPLAYED, Acceptance, DeadLetter, Replay, is_letter, with_id
from streams.errors import VitalsError
from streams.kafka_access import librdkafka
from streams.settings import Settings
from streams.topic_reader import messages
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
    return [
        (record.timestamp()[1], acceptance)
        for record in messages(settings, TOPIC, partition=0, since=at)
        if not is_letter(record.key())
        and record.key().startswith(ACCEPT)
        and (acceptance := _decoded(_acceptances, record)) is not None
    ]


def find(settings: Settings, is_wanted: Callable[[DeadLetter], bool], limit: int | None = None) -> list[Kept]:
    """The latest letters that are wanted, oldest first. Raises NoKafkaError."""
    letters: dict[str, DeadLetter] = {}
    replays: dict[str, Replay] = {}
    for record in messages(settings, TOPIC):
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
