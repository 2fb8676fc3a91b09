import base64
import json
import re
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from click.testing import CliRunner

from streams import letter_box
from streams.dead_letter_commands import dead_letters, masked
from streams.dead_letters import KEPT_BYTES, Acceptance, DeadLetter, Replay, dead_letter
from streams.letter_box import Kept
from streams.settings import Settings

AT = 1_700_000_000_000


def letter(raw=b"\x1b[2Jnoise \xff" + b"x" * 100, **changed) -> DeadLetter:
    told = {"origin": "chat-events", "partition": 3, "position": 41, "reason": "malformed_json", "detail": "byte 0",
            "at": AT, "key": b"acme/irc/raku"}  # fmt: skip
    return dead_letter(raw, **(told | changed))


LETTER = letter()
SENT = Replay(letter_id=LETTER.letter_id, topic="chat-events", partition=3, offset=99, at=AT + 60_000)


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setenv("VITALS_HOME", str(tmp_path))
    return lambda *args: CliRunner().invoke(dead_letters, args)


@pytest.fixture
def box(monkeypatch):
    """A box of letters, and what was sent again out of it."""
    kept: list[Kept] = []
    sent: list[DeadLetter] = []
    monkeypatch.setattr(
        letter_box, "find", lambda _, wanted, limit=None: [one for one in kept if wanted(one.letter)][-(limit or 0) :]
    )
    monkeypatch.setattr(letter_box, "send_again", lambda _settings, letters, advance: sent.extend(letters))
    return kept, sent


def test_a_line_says_when_where_why_and_cannot_write_to_the_terminal(run, box):
    box[0].append(Kept(LETTER))
    first, second = run("list", "--raw").output.splitlines()
    assert first.startswith(LETTER.letter_id[:8] + "  2023-11-14 22:13:20  chat-events/3@41  malformed_json (byte 0)  ")
    assert "\\x1b[2Jnoise �xxx" in first
    assert first.endswith("x…")
    assert second == "1 malformed_json"


def test_no_name_and_no_text_is_shown_unless_it_is_asked_for(run, box):
    raw = b'{"type":"message","member_id":"larry","text":"call 555","name":"\xe6\x9d\x8e"}'
    box[0].append(Kept(letter(raw)))
    shown = run("list").output
    assert '{"type":"message","member_id":"xxxxx","text":"xxxx 999","name":"x"}' in shown
    as_json = json.loads(run("list", "--json").output)
    assert not {"original", "key"} & as_json.keys()
    assert "larry" in run("list", "--raw").output
    assert json.loads(run("list", "--json", "--raw").output)["original"] == base64.b64encode(raw).decode()


def test_the_mask_keeps_the_contracts_words_alone():
    assert masked('{"type":"join","scene":"qr_code7"}') == '{"type":"join","scene":"xx_xxxx9"}'


def test_a_letter_says_that_it_was_sent_again_and_whose_bytes_it_has(run, box):
    box[0].append(Kept(LETTER, SENT, "f00d" * 8))
    (line, _) = run("list").output.splitlines()
    assert line.endswith("[again f00df00d]  [sent again 2023-11-14 22:14]")
    told = json.loads(run("list", "--json").output)
    assert (told["replayed_at"], told["again_of"]) == (SENT.at, "f00d" * 8)


def test_none_is_said_too(run, box):
    assert run("list").output == "no dead letters\n"


MIXED = [
    LETTER,
    letter(position=42, reason="bad_shape", at=AT + 1000),
    letter(origin="purchases", at=AT + 2000),
    letter(origin="jsonl/acme:events.jsonl", partition=-1, at=AT + 3000),
]


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        (("--reason", "bad_shape"), [1]),
        (("--reason", "bad_shape", "--reason", "malformed_json", "--topic", "chat-events"), [0, 1]),
        (("--topic", "purchases"), [2]),
        (("--topic", "events.jsonl"), [3]),
        (("--since", "2023-11-14T22:13:22"), [2, 3]),
        (("--until", "2023-11-15T06:13:21+08:00"), [0]),
        (("--id", MIXED[0].letter_id[:6]), [0]),
        (("--id", MIXED[0].letter_id, "--id", MIXED[3].letter_id[:9]), [0, 3]),
        ((), [0, 1, 2, 3]),
    ],
)
def test_what_is_listed_is_what_was_asked_for(run, box, options, chosen):
    box[0].extend(map(Kept, MIXED))
    told = [json.loads(line)["letter_id"] for line in run("list", "--json", *options).output.splitlines()]
    assert told == [MIXED[index].letter_id for index in chosen]


def test_replay_sends_what_can_be_sent_and_says_why_not_the_rest(run, box):
    kept, sent = box
    kept += [
        Kept(MIXED[1]), Kept(MIXED[2]), Kept(LETTER, SENT), Kept(MIXED[3]), Kept(letter(b"x" * (KEPT_BYTES + 1))),
        Kept(letter(reason="undeliverable", origin="group-alerts")), Kept(letter(origin="gone")),
        Kept(letter(partition=8)),
    ]  # fmt: skip
    said = run("replay", "--all").output
    assert sent == [MIXED[1], MIXED[2]]
    assert "sent 2 again, 1 to chat-events, 1 to purchases" in said
    for why in (
        "left 1: sent again before",
        "left 1: came from a file: mend it and import it with --again",
        "left 1: their bytes were not kept whole",
        "left 1: alerts that a channel did not take",
        "left 2: their topic is not here",
    ):
        assert why in said


def test_replay_again_sends_what_was_sent_before(run, box):
    kept, sent = box
    kept.append(Kept(LETTER, SENT))
    run("replay", "--all", "--again")
    assert sent == [LETTER]


def test_a_dry_run_sends_nothing(run, box):
    kept, sent = box
    kept.append(Kept(LETTER))
    assert run("replay", "--reason", "malformed_json", "--dry-run").output.startswith("would send 1 again")
    assert sent == []


def test_replay_wants_to_be_told_which(run, box):
    told = run("replay")
    assert told.exit_code == 2
    assert "say which" in told.output


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


def test_acceptances_for_different_partitions_have_different_keys_as_compaction_keeps_one_of_each():
    keys = [
        Acceptance().key,
        Acceptance("purchases").key,
        Acceptance("purchases", 2).key,
        Acceptance("purchases", 0).key,
    ]
    assert keys == [b"accept", b"accept/purchases", b"accept/purchases/2", b"accept/purchases/0"]


@pytest.mark.parametrize(
    "changed", [{"position": 42}, {"partition": 4}, {"origin": "purchases"}, {"at": AT + 1}, {"raw": b"y"}]
)
def test_the_id_of_a_letter_is_of_its_place_and_its_bytes(changed):
    assert letter().letter_id == LETTER.letter_id == letter(detail="said otherwise", reason="bad_shape").letter_id
    assert letter(**changed).letter_id != LETTER.letter_id
    assert re.fullmatch("[0-9a-f]{32}", LETTER.letter_id)


def test_an_alert_that_two_channels_did_not_take_is_two_letters():
    first, second = (letter(reason="undeliverable", detail=f"channel {name}: 500") for name in "ab")
    assert first.letter_id != second.letter_id


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


@pytest.fixture
def topic(monkeypatch):
    """Makes the topic hold some records."""

    def hold(*records: Foreign) -> Settings:
        monkeypatch.setattr(letter_box, "messages", lambda _settings, _topic, **_: iter(records))
        return Settings(home=Path(), cache=Path(), partitions=1)

    return hold


@pytest.mark.parametrize("strange", [None, b"", b"yes", b"[]", b"\xff", b'{"partition": "three"}'])
def test_what_others_wrote_into_the_topic_stops_neither_worker_nor_list(topic, strange):
    settings = topic(
        Foreign(b"accept", strange), Foreign(b"accept", msgspec.json.encode(Acceptance("purchases"))),
        Foreign(None, strange), Foreign(LETTER.letter_id.encode(), msgspec.json.encode(LETTER)),
        Foreign(b"replayed/x", strange),
    )  # fmt: skip
    assert letter_box.accepted_since(settings, 0) == [(1000, Acceptance("purchases"))]
    assert letter_box.find(settings, lambda _: True, 10) == [Kept(LETTER)]


def test_a_letter_from_before_letters_had_ids_gets_one(topic):
    old = msgspec.structs.replace(LETTER, letter_id="", key=None)
    (kept,) = letter_box.find(topic(Foreign(None, msgspec.json.encode(old))), lambda _: True)
    assert kept.letter.letter_id == LETTER.letter_id


def test_marks_join_a_letter_with_the_one_that_it_became_when_it_was_refused_again(topic):
    again = letter(position=SENT.offset, at=AT + 61_000)
    records = [Foreign(b"k", msgspec.json.encode(one)) for one in (LETTER, LETTER, again)]
    records.append(Foreign(b"replayed/" + LETTER.letter_id.encode(), msgspec.json.encode(SENT)))
    found = letter_box.find(topic(*records), lambda _: True)
    assert found == [Kept(LETTER, SENT), Kept(again, None, LETTER.letter_id)]


def test_the_latest_are_listed(topic):
    records = [Foreign(b"k", msgspec.json.encode(one)) for one in reversed(MIXED)]
    assert [kept.letter for kept in letter_box.find(topic(*records), lambda _: True, 2)] == MIXED[2:]
