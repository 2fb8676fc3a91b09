"""A whole stack under hostile input: each has one fate, nothing restarts, letters go back in once."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from confluent_kafka import KafkaError, Message, Producer

from streams import letter_box
from streams.dead_letters import REASONS, DeadLetter, dead_letter
from streams.events import Message as Said
from streams.settings import Settings
from streams.stack.backlog import GROUPS, Backlog
from streams.stack.parts import agent_parts, pid_file
from streams.stack.start import up
from streams.stack.steps import Steps
from streams.stack.stop import down
from streams.warehouse import Warehouse
from tests.conftest import Vitals, make_settings
from tests.poison import fates
from tests.poison.case import ACCEPTED, Case
from tests.poison.corpus import fuzzed, made

pytestmark = pytest.mark.integration

SECRETS = {"clickhouse_password": "known-clickhouse-Zq81vXw", "bi_password": "known-bi-Ty27rLk"}
LARGE = 100_000
KNOWN = {ACCEPTED, *REASONS}
Place = tuple[str, int, int]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """As in conftest, with secrets that are known, and all that the libraries beneath have to say in the logs."""
    settings = make_settings(tmp_path_factory.mktemp("hostile"), tick_seconds=2.0, **SECRETS)
    quiet = Steps(lambda _: None, is_live=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VITALS_DEBUG", "1")
        try:
            yield up(settings, steps=quiet)
        finally:
            down(settings, steps=quiet)


def until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """What `condition` gives once it gives something true; fails after some seconds."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)
    return found


def settled(home: Settings) -> bool:
    """Whether every consumer has committed all that stood in its topics when this was asked, ticks of now apart."""
    look = Backlog(home)
    return all(look.lag(group) <= 2 * home.partitions for group in GROUPS)


def cases(now: int) -> list[Case]:
    """All by hand, and one of each field: all small ones, and of the large ones those by the limit."""
    whole = [*made(now, fates.BRAND), *fuzzed(now, fates.BRAND, each=1)]
    return [case for case in whole if len(case.value or b"") < LARGE or "1 MiB" in case.name or "roster" in case.name]


def send(home: Settings, some: list[Case]) -> dict[str, Place | None]:
    """Where each case came to lie, by name; None where Kafka itself refused it. Half are packed, some have headers."""
    config = {"bootstrap.servers": home.kafka, "partitioner": "murmur2_random", "message.max.bytes": 4 << 20}
    producers = [Producer(config), Producer(config | {"compression.type": "gzip"})]
    places: dict[str, Place | None] = {}

    def report(name: str) -> Callable[[KafkaError | None, Message], None]:
        return lambda error, it: places.update({name: None if error else (it.topic(), it.partition(), it.offset())})

    for number, case in enumerate(some):
        headers = [("traceparent", b"\xff\x00"), ("", None)] if number % 3 == 0 else None
        where = {"partition": number % home.partitions} if case.topic in {"chat-events", "purchases"} else {}
        producers[number % 2].produce(
            case.topic, case.value, case.key, headers=headers, on_delivery=report(case.name), **where
        )
        producers[number % 2].poll(0)
    assert [producer.flush(60) for producer in producers] == [0, 0]
    return places


def pids(home: Settings) -> dict[str, int]:
    return {part.name: int(pid_file(home, part.name).read_text()) for part in agent_parts(home)}


def test_every_hostile_input_has_the_fate_in_kafka_that_it_has_without(home: Settings) -> None:
    before = pids(home)
    some = cases(time.time_ns() // 1_000_000)
    places = send(home, some)
    tasting = fates.Tasting()
    wanted = {one.name: one.wanted if one.wanted in KNOWN else tasting.fate(one) for one in cases(fates.NOW)}
    by_place = {place: name for name, place in places.items() if place is not None}
    until(lambda: settled(home))
    refused = until(lambda: letters_at(home, by_place, sum(wanted[name] != ACCEPTED for name in by_place.values())))
    found = {name: refused.get(name, ACCEPTED) for name in by_place.values()}
    assert {name: fate for name, fate in found.items() if fate != wanted[name]} == {}
    assert all("1 MiB" in name for name, place in places.items() if place is None), "Kafka refused another"
    assert len(found) > 2000
    assert rows_of_accepted(home, some, found) == []
    assert pids(home) == before, "a part ended"
    logs = b"".join(path.read_bytes() for path in home.logs.glob("*.log"))
    assert b"Traceback" not in logs


def letters_at(home: Settings, by_place: dict[Place, str], wanted: int) -> dict[str, str]:
    """Reason by name of what was refused, once there are as many letters as there should be; one row of each."""
    letters = [kept.letter for kept in letter_box.find(home, lambda letter: place_of(letter) in by_place)]
    counted = Counter(by_place[place_of(letter)] for letter in letters)
    assert set(counted.values()) <= {1}
    in_rows = Warehouse(home).query(
        "SELECT origin, partition, position, count() FROM dead_letters_v1 FINAL GROUP BY ALL"
    )
    stored = {by_place.get((origin, partition, at)): count for origin, partition, at, count in in_rows}
    if len(letters) < wanted or not counted.keys() <= stored.keys():
        return {}
    assert {name: stored[name] for name in counted} == counted
    return {by_place[place_of(letter)]: letter.reason for letter in letters}


def place_of(letter: DeadLetter) -> Place:
    return letter.origin, letter.partition, letter.position


class Head(msgspec.Struct):
    type: str
    event_id: str


def rows_of_accepted(home: Settings, some: list[Case], found: dict[str, str]) -> list[str]:
    """The names of accepted events of chat-events and purchases that are not in their table."""
    stored = {
        row[0]
        for row in Warehouse(home).query("SELECT event_id FROM events_v1 UNION ALL SELECT event_id FROM purchases_v1")
    }
    missing = []
    for case in some:
        if case.topic in ("chat-events", "purchases") and found.get(case.name) == ACCEPTED:
            head = msgspec.json.decode(case.value or b"", type=Head)
            if head.type not in ("tick", "calibration", "touch") and head.event_id not in stored:
                missing.append(case.name)
    return missing


# --- replay -----------------------------------------------------------------------------------------------------------


def test_after_a_fix_a_letter_comes_in_once_however_often_it_is_told(home: Settings, vitals: Vitals) -> None:
    group = "mended/irc/g"
    ids = [f"mended:{number}" for number in range(20)]
    now = time.time_ns() // 1_000_000
    letters = []
    for number, event_id in enumerate(ids):
        said = Said(event_id=event_id, occurred_at=now, brand_id="mended", platform="irc", group_id=group,
                    member_id="m", source="irc/mended", source_seq=number + 1, source_prev=number)  # fmt: skip
        letters.append(
            dead_letter(msgspec.json.encode(said), origin="chat-events", partition=3, position=10**9 + number,
                        reason="unknown_type", detail="as an older version said", at=now, key=group.encode())
        )  # fmt: skip
    bad = msgspec.structs.replace(letters[0], letter_id="bad0" * 8, original=b"{", size=1)
    assert letter_box.put(home, [*letters, bad]) == []
    chosen = ["--reason", "unknown_type", "--since", time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 1000))]
    mine = [part for letter in [*letters, bad] for part in ("--id", letter.letter_id)]
    assert "would send 21 again, 21 to chat-events" in vitals("dead-letters", "replay", *chosen, *mine, "--dry-run")
    _sent_without_a_mark(home, letters[:7])  # killed between the two
    assert "sent 21 again" in vitals("dead-letters", "replay", *chosen, *mine)
    assert "sent 0 again" in vitals("dead-letters", "replay", *mine)
    assert "sent 21 again" in vitals("dead-letters", "replay", *mine, "--again")
    count = "SELECT count(), uniqExact(event_id) FROM events_v1 FINAL WHERE brand_id = 'mended'"
    until(lambda: Warehouse(home).query(count) == [(20, 20)])
    messages = "SELECT messages_7d FROM group_health WHERE group_id = 'mended/irc/g'"
    until(lambda: Warehouse(home).query(messages) == [(20,)])
    again = until(lambda: [kept for kept in letter_box.find(home, lambda it: it.original == b"{" and it.partition == 3)
                           if kept.again_of == bad.letter_id])  # fmt: skip
    assert {kept.letter.reason for kept in again} == {"malformed_json"}
    told = vitals("dead-letters", "list", "--id", again[-1].letter.letter_id)
    assert f"[again {bad.letter_id[:8]}]" in told


def _sent_without_a_mark(home: Settings, letters: list[DeadLetter]) -> None:
    producer = Producer({"bootstrap.servers": home.kafka})
    for letter in letters:
        producer.produce(letter.origin, letter.original, letter.key, letter.partition)
    assert producer.flush(10) == 0
