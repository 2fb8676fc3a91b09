import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.agents import AGENTS
from streams.dead_letters import REASONS
from streams.edge import RefusedError, refuse, take_in
from streams.events import FUTURE_TOLERANCE_MS, MAX_EVENT_BYTES, Message

ARRIVED = 1_700_000_000_000
GROUP = "brand/irc/raku"
GOOD = {
    "type": "message", "event_id": "e1", "occurred_at": ARRIVED, "brand_id": "brand", "platform": "irc",
    "group_id": GROUP, "member_id": "m_1",
}  # fmt: skip
TICK = {"type": "tick", "event_id": "t1", "occurred_at": ARRIVED, "brand_id": "*", "platform": "*"}
PURCHASE = {
    "type": "purchase", "event_id": "p1", "occurred_at": ARRIVED, "brand_id": "brand", "platform": "shop",
    "order_id": "o1", "customer_id": "c1", "amount": 5, "currency": "EUR",
}  # fmt: skip


@dataclass
class Record:
    value: bytes | None
    key: bytes | None = GROUP.encode()
    offset: int = 7
    timestamp: int = ARRIVED


def raw(**changed: object) -> bytes:
    return json.dumps(GOOD | changed, ensure_ascii=False).encode()


def taken(record: Record, agent: str = "groups"):
    return take_in(record, AGENTS[agent].decode, AGENTS[agent].key_of)


def reason(record: Record, agent: str = "groups") -> str:
    with pytest.raises(RefusedError) as refused:
        taken(record, agent)
    return refused.value.reason


REFUSED = {
    "malformed_json": [b"not json", b"", b'{"type":"message"', raw() + b"x", None, b'{"a":' + b"[" * 100_000],
    "invalid_utf8": [raw().replace(b"m_1", b"m\xff1"), b"\xff\xfe", b'{"a": "\xc3("'],
    "null_byte": [raw(text="a\0b"), raw().replace(b"m_1", b"m\x001"), raw(unknown={"x": ["\0"]}), b"\0"],
    "unknown_type": [raw(type="handshake"), raw(type="purchase"), raw(type="")],
    "bad_shape": [
        raw(member_id=5), raw(event_id=""), raw(occurred_at=-1), raw(occurred_at="now"), raw(role="boss"),
        raw(text_len=-1), raw(group_id="g" * 513), b"[]", b"5", b"{}", b'{"type": 5}', b'{"type": "message"}',
    ],
    "from_the_future": [raw(occurred_at=ARRIVED + FUTURE_TOLERANCE_MS + 1)],
    "too_large": [raw(text="x" * MAX_EVENT_BYTES)],
    "wrong_key": [raw(group_id="brand/irc/perl")],
}  # fmt: skip
CASES = [(name, value) for name, values in REFUSED.items() for value in values]


def test_every_reason_that_is_not_a_files_own_has_a_case():
    assert set(REFUSED) == set(REASONS) - {"unparsable_line", "undeliverable"}


@pytest.mark.parametrize(("name", "value"), CASES, ids=lambda case: case if isinstance(case, str) else "")
def test_it_is_refused_for_its_reason(name, value):
    assert reason(Record(value)) == name


@pytest.mark.parametrize("kind", ["purchase", "refund"])
def test_a_negative_amount_is_a_bad_shape(kind):
    value = json.dumps(PURCHASE | {"type": kind, "refund_id": "r1", "amount": -5}).encode()
    assert reason(Record(value, b"c1"), "attribution") == "bad_shape"


def test_a_future_tick_is_refused_too_since_it_would_move_every_clock():
    late = json.dumps(TICK | {"occurred_at": ARRIVED + FUTURE_TOLERANCE_MS + 1}).encode()
    assert reason(Record(late, b"")) == "from_the_future"


@pytest.mark.parametrize("key", [b"brand/irc/\xff", None, b""])
def test_a_key_that_is_not_the_groups_is_wrong(key):
    assert reason(Record(raw(), key)) == "wrong_key"


@pytest.mark.parametrize(
    ("agent", "value", "key"),
    [
        ("groups", raw(), GROUP.encode()),
        ("groups", raw(occurred_at=ARRIVED + FUTURE_TOLERANCE_MS), GROUP.encode()),
        ("groups", raw(not_known_here=[1, 2]), GROUP.encode()),
        ("groups", raw(text=r"C:\u0000"), GROUP.encode()),
        ("groups", raw(text="群😀"), GROUP.encode()),
        ("groups", json.dumps(TICK).encode(), b""),
        ("groups", json.dumps(TICK).encode(), None),
        ("attribution", json.dumps(PURCHASE).encode(), b"c1"),
        ("attribution", json.dumps(GOOD | {"type": "touch", "kind": "join"}).encode(), b"another customer"),
        ("identity", json.dumps(GOOD | {"type": "touch", "kind": "join"}).encode(), b"m_1"),
        ("identity", json.dumps(GOOD | {"type": "touch", "kind": "post", "member_id": None}).encode(), b""),
    ],
)
def test_it_is_taken_in(agent, value, key):
    event, taken_key = taken(Record(value, key), agent)
    assert event.occurred_at >= ARRIVED
    assert taken_key == (key or b"").decode()


def test_a_dead_letter_has_the_original_bytes_and_where_they_stood():
    value = raw(role="secret-value")
    with pytest.raises(RefusedError) as refused:
        taken(Record(value))
    letter = refuse(Record(value), "chat-events", 3, refused.value)
    assert (letter.origin, letter.partition, letter.position, letter.at) == ("chat-events", 3, 7, ARRIVED)
    assert letter.original == value
    assert letter.key == GROUP.encode()
    assert "$.role" in letter.detail
    assert "secret" not in letter.detail


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_be_refused(noise):
    assert reason(Record(noise)) in REASONS


@given(st.text(max_size=50))
def test_any_text_without_a_null_comes_through(text):
    record = Record(raw(text=text))
    if "\0" in text:
        assert reason(record) == "null_byte"
    else:
        event, _ = taken(record)
        assert isinstance(event, Message)
        assert event.text == text


AHEAD = {"occurred_at": ARRIVED + FUTURE_TOLERANCE_MS + 1}
FORWARDED = json.dumps(TICK | AHEAD | {"origin_partition": 3}).encode()
TOUCH = json.dumps(GOOD | AHEAD | {"type": "touch", "kind": "message"}).encode()


@pytest.mark.parametrize("value", [FORWARDED, TOUCH], ids=["tick", "touch"])
def test_what_an_agent_made_is_not_judged_by_its_own_clock(value):
    """Else a ticker's host whose clock was ahead for a while would let the partitions of other agents stand still."""
    event, _ = taken(Record(value, b"m_1"), "identity")
    assert event.occurred_at == AHEAD["occurred_at"]


@pytest.mark.parametrize("value", [FORWARDED, json.dumps(TICK | AHEAD).encode()], ids=["file", "ticker"])
def test_nobody_else_may_be_ahead(value):
    with pytest.raises(RefusedError, match="from_the_future"):
        take_in(Record(value, b""), AGENTS["groups"].decode, {} if value is FORWARDED else AGENTS["groups"].key_of)
