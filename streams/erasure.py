"""`vitals forget`: the raw id and the name of a member erased wherever they were kept. The pseudonym stays on the log.

The order matters: first it is forbidden to write them again, then they are erased from Kafka, and when the sink has
passed that, from ClickHouse. Each step may be done again, so the whole command may.
"""

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from streams import keyed_topic, letter_box
from streams.dead_letters import DeadLetter
from streams.errors import VitalsError
from streams.identities import ForgottenMember, MemberIdentity
from streams.settings import Settings
from streams.stack.backlog import Backlog
from streams.ticker import append
from streams.topics import NoKafkaError, admin, configs
from streams.warehouse import Warehouse, WarehouseError

IDENTITIES, FORGOTTEN, LETTERS = "member-identities", "forgotten-members", "dead-letters"
ERASED = "erased: it named somebody who is forgotten"
LOOK_EVERY_S = 0.25

Say = Callable[[str], None]
Traces = Mapping[str, frozenset[str]]
"""Pseudonym → the raw ids and names that lead from or to it."""
_identity = msgspec.json.Decoder(MemberIdentity)


class Found(msgspec.Struct, frozen=True):
    """What there is to erase: who of the members leads to somebody, and the dead letters that name one."""

    traces: Traces
    letters: tuple[DeadLetter, ...]


def find(settings: Settings, members: Sequence[str]) -> Found:
    """Look for all that leads from these pseudonyms to somebody. Raises VitalsError."""
    traces: dict[str, set[str]] = {member: set() for member in members}
    for key, value in keyed_topic.records(settings, IDENTITIES):
        known = traces.get(key.decode("utf-8", "replace"))
        if known is not None and value:
            identity = _identity.decode(value)
            known |= {identity.raw_id, identity.name}
    for member_id, raw_id, name in _rows(settings, members):
        traces[member_id] |= {raw_id, name}
    frozen = {member: frozenset(words - {""}) for member, words in traces.items()}
    naming = _naming(word for words in frozen.values() for word in words)
    letters = letter_box.find(settings, lambda letter: naming(letter.original))
    return Found(frozen, tuple(kept.letter for kept in letters))


def forgotten(settings: Settings) -> list[str]:
    """All members that were ever to be forgotten."""
    return sorted({key.decode("utf-8", "replace") for key, _ in keyed_topic.records(settings, FORGOTTEN)})


def erase(settings: Settings, found: Found, say: Say, limit_s: float) -> None:
    """Erase it. Raises VitalsError, then the same command goes on."""
    members, deadline = sorted(found.traces), time.monotonic() + limit_s
    _forbid(settings, members)
    _overwrite(settings, members, found.letters)
    overwritten_at = time.monotonic()
    _await_sink(settings, deadline, say)
    say("erasing from ClickHouse")
    _mutate(settings, members, found.letters)
    _close_files(settings, members, found.letters, overwritten_at, say)


def _rows(settings: Settings, members: Sequence[str]) -> list[tuple[str, str, str]]:
    """All rows of ClickHouse, those too that newer ones hide."""
    sql = "SELECT DISTINCT member_id, raw_id, name FROM members_v1 WHERE member_id IN %(members)s AND NOT is_erased"
    warehouse = Warehouse(settings)
    try:
        rows = warehouse.query(sql, {"members": tuple(members)})
    finally:
        warehouse.close()
    return [(str(member), str(raw_id), str(name)) for member, raw_id, name in rows]


def _naming(words: Iterable[str]) -> Callable[[bytes], bool]:
    """Whether bytes hold one of the words, as a word of its own, in an encoding that dead letters come in."""
    forms = {form for word in words for form in _forms(word)}
    if not forms:
        return lambda _: False
    longest_first = sorted(forms, key=lambda form: (-len(form), form))
    pattern = re.compile(rb"(?<![A-Za-z0-9_])(?:%s)(?![A-Za-z0-9_])" % b"|".join(map(re.escape, longest_first)))
    return lambda raw: pattern.search(raw) is not None


def _forms(word: str) -> set[bytes]:
    """A word as it may stand in a file: plain in two encodings, and quoted in JSON in both ways."""
    quoted = {json.dumps(word, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False)}
    return {text.encode(encoding, "ignore") for text in {word, *quoted} for encoding in ("utf-8", "gb18030")} - {b""}


def _forbid(settings: Settings, members: Iterable[str]) -> None:
    at = time.time_ns() // 1_000_000
    made = [ForgottenMember(member_id=member, at=at) for member in members]
    append(settings, FORGOTTEN, [(one.member_id.encode(), msgspec.json.encode(one), None) for one in made])


def _overwrite(settings: Settings, members: Iterable[str], letters: Iterable[DeadLetter]) -> None:
    """Put a tombstone behind each identity, and an empty letter behind each that names somebody."""
    append(settings, IDENTITIES, [(member.encode(), None, None) for member in members])
    empty = [msgspec.structs.replace(letter, original=b"", key=None, detail=ERASED) for letter in letters]
    if letter_box.put(settings, empty):
        raise NoKafkaError(settings.kafka)


def _await_sink(settings: Settings, deadline: float, say: Say) -> None:
    """Until the sink has stored what was sent: what it stores later could only be hidden."""
    ends = Backlog(settings)
    while lag := ends.lag("vitals-sink", (IDENTITIES, FORGOTTEN, LETTERS)):
        say(f"waiting for the sink: {lag:,} records to go")
        if time.monotonic() > deadline:
            raise VitalsError(
                f"forbidden and erased from Kafka, but the sink still has {lag:,} records to go: see `vitals status`,"
                f" then run the same command again"
            )
        time.sleep(LOOK_EVERY_S)


def _mutate(settings: Settings, members: Sequence[str], letters: Sequence[DeadLetter]) -> None:
    """Write the parts of the tables anew without what is erased. Raises VitalsError."""
    places = [(letter.origin, letter.partition, letter.position, letter.sha256) for letter in letters]
    warehouse = Warehouse(settings)
    try:
        _delete(warehouse, "members_v1 DELETE WHERE member_id IN %(keys)s AND NOT is_erased", members)
        _delete(
            warehouse,
            "dead_letters_v1 DELETE WHERE (origin, partition, position, sha256) IN %(keys)s AND original != ''",
            places,
        )
    except WarehouseError as error:
        raise VitalsError(f"erased from Kafka, not from ClickHouse ({error}): run the same command again") from None
    finally:
        warehouse.close()


def _delete(warehouse: Warehouse, what: str, keys: Sequence[object]) -> None:
    if keys:
        warehouse.query(f"ALTER TABLE {what} SETTINGS mutations_sync = 2", {"keys": tuple(keys)})


def _close_files(
    settings: Settings, members: Sequence[str], letters: Sequence[DeadLetter], overwritten_at: float, say: Say
) -> None:
    """Make Kafka begin new files behind what was overwritten: it compacts only files that it has closed.

    It closes one when it is to append to it and the first record there is older than `segment.ms`.
    """
    with admin(settings) as client:
        by_topic = configs(client, [IDENTITIES, LETTERS])
    age_s = max(int(config["segment.ms"]) for config in by_topic.values()) / 1000
    while (left := overwritten_at + age_s + 1 - time.monotonic()) > 0:
        say(f"waiting {left:.0f} s, until Kafka closes its files")
        time.sleep(min(left, 1.0))
    _overwrite(settings, members, letters)
