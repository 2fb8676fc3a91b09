import json
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple
from unittest.mock import Mock

import msgspec
import pytest
from click.testing import CliRunner

from streams import letter_box
from streams.dead_letter_commands import dead_letters
from streams.dead_letters import dead_letter
from streams.letter_box import Acceptance
from streams.settings import Settings

LETTER = dead_letter(
    b"\x1b[2Jnoise \xff" + b"x" * 100, origin="chat-events", partition=3, position=41, reason="malformed_json",
    detail="byte 0", at=1_700_000_000_000,
)  # fmt: skip


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setenv("VITALS_HOME", str(tmp_path))
    return lambda *args: CliRunner().invoke(dead_letters, args)


def test_a_line_says_when_where_why_and_cannot_write_to_the_terminal(run, monkeypatch):
    monkeypatch.setattr(letter_box, "latest", lambda _settings, _limit: [LETTER])
    first, second = run("list").output.splitlines()
    assert first.startswith("2023-11-14 22:13:20  chat-events/3@41  malformed_json (byte 0)  \\x1b[2Jnoise �xxx")
    assert first.endswith("x…")
    assert second == "1 malformed_json"


def test_json_has_the_original_bytes(run, monkeypatch):
    monkeypatch.setattr(letter_box, "latest", lambda _settings, _limit: [LETTER])
    assert json.loads(run("list", "--json").output)["original"] == LETTER.original


def test_none_is_said_too(run, monkeypatch):
    monkeypatch.setattr(letter_box, "latest", lambda _settings, _limit: [])
    assert run("list").output == "no dead letters\n"


@pytest.mark.parametrize(
    ("options", "sent"),
    [((), Acceptance()), (("--topic", "purchases", "--partition", "2"), Acceptance("purchases", 2))],
)
def test_accept_sends_what_it_was_told(run, monkeypatch, options, sent):
    seen = []
    monkeypatch.setattr(letter_box, "accept", lambda _settings, acceptance: seen.append(acceptance))
    assert run("accept", *options).exit_code == 0
    assert seen == [sent]


def test_an_acceptance_is_for_what_it_names():
    assert Acceptance().is_for("chat-events", 3)
    assert Acceptance("chat-events").is_for("chat-events", 3)
    assert not Acceptance("purchases").is_for("chat-events", 3)
    assert not Acceptance("chat-events", 2).is_for("chat-events", 3)


class Foreign(NamedTuple):
    """A record of the topic as Kafka's client shows it."""

    the_key: bytes | None
    the_value: bytes | None

    def key(self):
        return self.the_key

    def value(self):
        return self.the_value

    def timestamp(self):
        return (1, 1000)


@pytest.mark.parametrize("strange", [None, b"", b"yes", b"[]", b"\xff", b'{"partition": "three"}'])
def test_what_others_wrote_into_the_topic_stops_neither_worker_nor_list(monkeypatch, strange):
    box = [
        Foreign(b"accept", strange), Foreign(b"accept", msgspec.json.encode(Acceptance("purchases"))),
        Foreign(None, strange), Foreign(None, msgspec.json.encode(LETTER)),
    ]  # fmt: skip
    monkeypatch.setattr(letter_box, "_range", lambda _consumer, _partition: (0, 4))
    monkeypatch.setattr(letter_box, "_read", lambda _consumer, _ranges: iter(box))
    kafka = Mock(offsets_for_times=lambda places, timeout: places)
    monkeypatch.setattr(letter_box, "_consumer", lambda _settings: nullcontext(kafka))
    settings = Settings(home=Path(), cache=Path(), partitions=1)
    assert letter_box.accepted_since(settings, 0) == [(1000, Acceptance("purchases"))]
    assert letter_box.latest(settings, 10) == [LETTER]
