"""`vitals forget`: the raw id and the name of a member erased wherever they were kept. The pseudonym stays on the log.

The order matters: first it is forbidden to write them again, then they are erased from Kafka, and when the sink has
passed that, from ClickHouse. Each step may be done again, so the whole command may.
"""

import contextlib
import json
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import msgspec

from streams import letter_box, topic_reader
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
ASKED_TOGETHER = 5000
"""Members in one query: ClickHouse reads up to 256 KiB of it."""
HIDDEN = (
    "members_v1 DELETE WHERE NOT is_erased AND member_id IN (SELECT member_id FROM members_v1 WHERE is_erased)",
    "dead_letters_v1 DELETE WHERE original != '' AND (origin, partition, position, at, sha256) IN"  # noqa: S608  all is ours
    " (SELECT origin, partition, position, at, sha256 FROM dead_letters_v1"
    f" WHERE original = '' AND detail = '{ERASED}')",
)
"""The rows that newer ones hide for good."""

Say = Callable[[str], None]
Traces = Mapping[str, frozenset[str]]
"""Pseudonym → the raw ids and names that lead from or to it."""
_identity = msgspec.json.Decoder(MemberIdentity)


class Found(msgspec.Struct, frozen=True):
    """What there is to erase: who of the members leads to somebody, and the dead letters that name one.

    `emptied` are those that were emptied before: a run that was cut off may have left their bytes in files and rows.
    """

    traces: Traces
    letters: tuple[DeadLetter, ...]
    emptied: tuple[DeadLetter, ...] = ()


def find(settings: Settings, members: Mapping[str, Collection[str]]) -> Found:
    """Look for all that leads from these pseudonyms to somebody. Raises VitalsError.

    With each comes what it was called when it was asked for: after an erasure nothing else may know that.
    """
    traces: dict[str, set[str]] = {member: set() for member in members}
    for key, value in topic_reader.records(settings, IDENTITIES):
        known = traces.get(key.decode("utf-8", "replace"))
        if known is not None and value:
            with contextlib.suppress(msgspec.DecodeError):  # what is no identity: the sink refuses it
                identity = _identity.decode(value)
                known |= {identity.raw_id, identity.name}
    for member_id, raw_id, name in _rows(settings, list(members)):
        traces[member_id] |= {raw_id, name}
    frozen = {member: frozenset(words - {""}) for member, words in traces.items()}
    naming = _naming(word for member, words in frozen.items() for word in (*words, *members[member]))
    found = letter_box.find(settings, lambda letter: letter.detail == ERASED or naming(letter.original))
    letters = [kept.letter for kept in found]
    return Found(
        frozen,
        tuple(letter for letter in letters if letter.detail != ERASED),
        tuple(letter for letter in letters if letter.detail == ERASED),
    )


def forgotten(settings: Settings) -> list[str]:
    """All members that were ever to be forgotten."""
    return sorted({key.decode("utf-8", "replace") for key, _ in topic_reader.records(settings, FORGOTTEN)})


def erase(settings: Settings, found: Found, say: Say, limit_s: float) -> None:
    """Erase it. Raises VitalsError, then the same command goes on."""
    members, deadline = sorted(found.traces), time.monotonic() + limit_s
    letters = (*found.letters, *found.emptied)
    _forbid(settings, members)
    _overwrite(settings, members, letters)
    overwritten_at = time.monotonic()
    _await_sink(settings, deadline, say)
    say("erasing from ClickHouse")
    _mutate(settings)
    _close_files(settings, members, letters, overwritten_at, say)


def _rows(settings: Settings, members: Sequence[str]) -> list[tuple[str, str, str]]:
    """All rows of ClickHouse, those too that newer ones hide."""
    sql = "SELECT DISTINCT member_id, raw_id, name FROM members_v1 WHERE member_id IN %(members)s AND NOT is_erased"
    warehouse = Warehouse(settings)
    try:
        return [
            (str(member), str(raw_id), str(name))
            for start in range(0, len(members), ASKED_TOGETHER)
            for member, raw_id, name in warehouse.query(sql, {"members": members[start : start + ASKED_TOGETHER]})
        ]
    finally:
        warehouse.close()


def _naming(words: Iterable[str]) -> Callable[[bytes], bool]:
    """Whether bytes hold one of the words, as a word of its own, in an encoding that dead letters come in.

    Large and small letters count as the same, and so does a tail of _ and `: to IRC, Ann_ and ann are one.
    """
    patterns = {form: _alone(form) for word in words for form in _forms(word)}

    def is_naming(raw: bytes) -> bool:
        small = raw.lower()
        return any(form in small and pattern.search(small) for form, pattern in patterns.items())

    return is_naming


def _alone(form: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"(?<![a-z0-9_])%s[_`]*(?![a-z0-9_])" % re.escape(form))


def _forms(word: str) -> set[bytes]:
    """A word as it may stand in a file: plain in two encodings, and quoted in JSON in both ways; in small letters."""
    cases = {word, word.lower(), word.upper(), word.title()}
    quoted = {json.dumps(text, ensure_ascii=is_ascii)[1:-1] for text in cases for is_ascii in (True, False)}
    forms = {text.encode(encoding, "ignore") for text in cases | quoted for encoding in ("utf-8", "gb18030")}
    return {form.lower() for form in forms} - {b""}


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
    for lag in Backlog(settings).lags("vitals-sink", (IDENTITIES, FORGOTTEN, LETTERS)):
        say(f"waiting for the sink: {lag:,} records to go")
        if time.monotonic() > deadline:
            raise VitalsError(
                f"forbidden and erased from Kafka, but the sink still has {lag:,} records to go: see `vitals status`,"
                f" then run the same command again"
            )


def _mutate(settings: Settings) -> None:
    """Write the parts of the tables anew without what is erased. Raises VitalsError.

    ClickHouse itself knows what that is, since the sink has stored it: so what a run that was cut off left goes too.
    """
    warehouse = Warehouse(settings)
    try:
        for what in HIDDEN:
            warehouse.run(f"ALTER TABLE {what} SETTINGS mutations_sync = 2")
    except WarehouseError as error:
        raise VitalsError(f"erased from Kafka, not from ClickHouse ({error}): run the same command again") from None
    finally:
        warehouse.close()


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
