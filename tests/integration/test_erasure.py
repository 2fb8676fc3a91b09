"""A member forgotten on the real stack: nothing on the disks of broker and database leads to them any more."""

import base64
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from streams import erasure
from streams.errors import VitalsError
from streams.forget_command import pseudonyms
from streams.settings import Settings
from streams.topics import admin
from streams.warehouse import Warehouse

pytestmark = pytest.mark.integration
LIMIT_S = 300
QUICK = {"segment.ms": "1000", "max.compaction.lag.ms": "1000", "file.delete.delay.ms": "0", "segment.bytes": "1048576"}
"""What takes a minute and an hour otherwise."""
CLEANED_EACH_SECOND = ", ".join(
    f"{setting} = 1"
    for setting in (
        "old_parts_lifetime",
        "cleanup_delay_period",
        "cleanup_delay_period_random_add",
        "max_cleanup_delay_period",
    )
)
"""What a server of its own does after 8 minutes and up to 5 more. The engine ends itself if it may add 0 at random."""


@pytest.fixture
def quick(stack: Settings) -> Iterator[Settings]:
    """The stack, with files that are closed and cleaned at once."""
    with admin(stack) as client:
        for topic in ("member-identities", "dead-letters"):
            client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, QUICK)])
        _clean_every(client, 500)
    warehouse = Warehouse(stack)
    for table in ("members_v1", "dead_letters_v1"):
        warehouse.run(f"ALTER TABLE {table} MODIFY SETTING {CLEANED_EACH_SECOND}")
        warehouse.run(f"DETACH TABLE {table}")  # what cleans up sleeps for up to five minutes: begin anew
        warehouse.run(f"ATTACH TABLE {table}")
    warehouse.run(
        "ALTER TABLE dead_letters_v1 MODIFY COLUMN original CODEC(NONE)"
    )  # so that a search finds what is there
    warehouse.close()
    yield stack
    with admin(stack) as client:
        _clean_every(client, 15_000)


def _clean_every(client: Any, backoff_ms: int) -> None:
    """How long the broker's cleaner rests; 15 s of its own accord."""
    backoff = {"log.cleaner.backoff.ms": str(backoff_ms)}
    client.alter_configs([ConfigResource(ConfigResourceType.BROKER, "1", backoff)])


def vitals(settings: Settings, *arguments: object) -> str:
    known = {"VITALS_HOME": settings.home, "VITALS_KAFKA": settings.kafka}
    known |= {"VITALS_CLICKHOUSE_PORT": settings.clickhouse_port}
    env = os.environ | {name: str(value) for name, value in known.items()}
    command = [sys.executable, "-m", "streams", *map(str, arguments)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def sink(quick: Settings) -> Iterator[None]:
    known = {"VITALS_HOME": str(quick.home), "VITALS_KAFKA": quick.kafka}
    known |= {"VITALS_CLICKHOUSE_PORT": str(quick.clickhouse_port)}
    process = subprocess.Popen([sys.executable, "-m", "streams", "sink", "--name", "forget"], env=os.environ | known,
                               stderr=subprocess.DEVNULL)  # fmt: skip
    yield
    process.terminate()
    assert process.wait(60) == 0


def whole_word() -> str:
    """A name that LZ4 leaves in one piece: it shortens any four characters that came before. No id ends with a ^."""
    chance = secrets.SystemRandom()
    pairs = zip(chance.sample("0123456789", 9), chance.sample("ghjklmnopqrstuvwyz", 9), strict=True)
    return f"x{''.join(digit + letter for digit, letter in pairs)}^"


def holding(root: Path, *needles: str) -> list[str]:
    """Which files below a folder hold one of the words, which compression must have left whole."""
    found = []
    # Not by `rglob`: it fails at a folder that was deleted meanwhile, as Kafka does with a topic's.
    for path in (Path(folder, name) for folder, _, names in os.walk(root) for name in names):
        try:
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        except OSError:  # a file that was deleted meanwhile, or a pipe
            continue
        found += [str(path) for needle in needles if needle.encode() in content]
    return found


def until(is_so: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)


def erase_up_to_clickhouse(settings: Settings, members: dict[str, tuple[str, ...]], patch: pytest.MonkeyPatch) -> None:
    """An erasure that ClickHouse cuts off: what is left of it the next one does, which finds the letter emptied."""

    def is_away(_: Settings) -> None:
        raise VitalsError("ClickHouse is away")

    with patch.context() as away:
        away.setattr(erasure, "_mutate", is_away)
        with pytest.raises(VitalsError, match="is away"):
            erasure.erase(settings, erasure.find(settings, members), lambda _: None, LIMIT_S)


def test_nothing_on_disk_leads_to_a_forgotten_member(
    quick: Settings, sink: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nick, other = whole_word(), whole_word()
    day = tmp_path / "acme-forget" / "den" / "2024"
    day.mkdir(parents=True)
    called = f"{nick.upper()}_"
    lines = [f"[10:0{n}] <{who}> hello" for n, who in enumerate((nick, other, called))]
    refused = f"not a line of {called}"
    letter = base64.b64encode(refused.encode()).decode()[20:-4]  # the nick's part of it
    (day / "2024-05-06").write_text("\n".join([*lines, refused, ""]))
    arguments = ("import", "irc", "--brand", "forgetting", tmp_path / "acme-forget")
    vitals(quick, *arguments)
    warehouse = Warehouse(quick)

    def rows() -> list[tuple[object, ...]]:
        asked = f"SELECT raw_id FROM members_v1 FINAL WHERE raw_id IN ('{nick}', '{other}') ORDER BY raw_id"
        return warehouse.query(asked)

    counted = (
        "SELECT count(), uniqExact(member_id) FROM events_v1 FINAL WHERE brand_id = 'forgetting' AND type = 'message'"
    )
    until(lambda: len(rows()) == 2 and warehouse.query(counted) == [(3, 2)], "the sink stored the import")
    kafka, clickhouse = quick.home / "kafka", quick.home / "clickhouse"
    until(lambda: holding(clickhouse, letter), "the sink stored the dead letter, and the search finds it")
    until(lambda: holding(kafka, nick), "the search finds what is there, in Kafka")
    until(lambda: holding(kafka, letter), "and dead letters there")
    until(lambda: holding(clickhouse, nick), "and in ClickHouse")  # not while a merge puts a part in another's place

    who = ("--brand", "forgetting", "--platform", "irc", called)
    said = vitals(quick, "forget", "--dry-run", *who)
    assert said == "1 member, of whom 1 can be led back to an id or a name; one of them is named in 1 dead letter\n"
    assert len(rows()) == 2, "a dry run erases nothing"
    erase_up_to_clickhouse(quick, pseudonyms(quick, [called], "forgetting", "irc"), monkeypatch)
    said = vitals(quick, "forget", "--yes", *who)
    assert said.endswith("ClickHouse's within a quarter of an hour\n")
    assert nick not in said.lower()

    assert rows() == [(other,)]
    assert warehouse.query(counted) == [(3, 2)], "no count changed"

    said = vitals(quick, *arguments, "--again")
    assert "left out the id and name of 1 member who is to be forgotten" in said
    until(lambda: not holding(kafka, nick, letter), "Kafka's files, after a second import too")

    until(lambda: not holding(clickhouse, nick, letter), "ClickHouse's files")
    assert not holding(quick.home, nick, called, letter)
    until(lambda: holding(quick.home, other), "who is not forgotten stays")
    assert (rows(), warehouse.query(counted)) == ([(other,)], [(3, 2)])
    warehouse.close()
