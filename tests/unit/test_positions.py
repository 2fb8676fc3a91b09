import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.dead_letter_limit import Limit
from streams.positions import Position, Term, load, pack_position, table_key, term_after, unpack_position

TOPIC, OTHER = b"t" * 16, b"o" * 16
OLD, NEW = Term(3, 10), Term(4, 5)
terms = st.builds(Term, st.integers(0, 2**32 - 2), st.integers(0, 2**63))


def value(offset: int, body: bytes = b"") -> bytes:
    return offset.to_bytes(8, "big") + b"\0" + body


def position(next_offset: int) -> bytes:
    return pack_position(Position(next_offset, b"own", Limit()))


def test_a_position_comes_back_as_it_was_stored():
    stored = Position(41, b"\x00own", Limit(7, [9, 12], 2, 13))
    assert unpack_position(pack_position(stored)) == stored
    assert pack_position(stored)[:8] == (41).to_bytes(8, "big")


def test_of_a_key_the_furthest_value_counts_whoever_wrote_it():
    loaded = load({table_key("g", TOPIC, OLD): value(9), table_key("g", TOPIC, NEW): value(8)}, TOPIC)
    assert loaded.values == {"g": value(9)}
    assert sorted(loaded.written["g"]) == sorted([table_key("g", TOPIC, OLD), table_key("g", TOPIC, NEW)])


def test_of_positions_the_latest_writer_counts_not_the_furthest():
    loaded = load({table_key("", TOPIC, NEW): position(5), table_key("", TOPIC, OLD): position(9)}, TOPIC)
    assert loaded.position is not None
    assert loaded.position.next_offset == 5
    assert loaded.latest == NEW


def test_what_another_topic_of_the_same_name_left_is_set_aside():
    old = {table_key("g", OTHER, NEW): value(900), table_key("", OTHER, NEW): position(901)}
    loaded = load(old | {table_key("h", TOPIC, OLD): value(3)}, TOPIC)
    assert loaded.position is None
    assert loaded.values == {"h": value(3)}
    assert sorted(loaded.foreign) == sorted(old)


@pytest.mark.parametrize("key", ["", "brand/平台/群", "g" * 512])
def test_a_table_key_gives_its_key_back(key):
    record = position(1) if not key else value(1)
    assert list(load({table_key(key, TOPIC, OLD): record}, TOPIC).written) == [key]


@given(terms, st.integers(0, 2**32 - 1), st.integers(0, 2**63))
def test_a_new_term_is_later_than_any_seen_whatever_clock_and_generation_say(latest, generation, now):
    assert term_after(latest, generation, now) > latest


@given(terms, terms)
def test_terms_compare_as_their_table_keys_do(one, other):
    assert (one < other) == (table_key("g", TOPIC, one) < table_key("g", TOPIC, other))


def test_what_a_writer_that_woke_late_left_beside_a_better_record_may_go():
    better, late = table_key("g", TOPIC, NEW), table_key("g", TOPIC, OLD)
    last, first = table_key("", TOPIC, NEW), table_key("", TOPIC, OLD)
    kept = {better: value(9), last: position(5)}
    assert load(kept, TOPIC).losing == []
    loaded = load(kept | {late: value(7), first: position(6)}, TOPIC)
    assert (loaded.values, sorted(loaded.losing)) == ({"g": value(9)}, sorted([late, first]))
