"""Where a customer was when, against a naive list of touches."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.vitals.presence import Presence

KINDS = ["join", "leave", "message", "claim"]
TOUCHES = st.lists(st.tuples(st.integers(0, 50), st.sampled_from(KINDS)), max_size=20, unique_by=lambda touch: touch[0])
EVER = 10**6


def presence(touches, kept_ms=EVER, most=EVER):
    one = Presence("acme", "irc")
    for at, kind in touches:
        one.note(at, kind, kept_ms, most)
    return one


@given(TOUCHES, st.integers(0, 60))
def test_it_answers_as_a_list_of_touches_would(touches, at):
    one = presence(touches)
    before = sorted(touch for touch in touches if touch[0] <= at)
    assert one.is_in(at) == bool(before and before[-1][1] != "leave")
    assert one.last_talk(at) == max((time for time, kind in before if kind in {"message", "claim"}), default=None)
    assert one.last_touch(at) == max((time for time, kind in before if kind != "leave"), default=None)


@given(TOUCHES, st.integers(1, 30), st.integers(1, 6), st.data())
def test_the_order_of_arrival_and_repeats_do_not_matter(touches, kept_ms, most, data):
    again = data.draw(st.permutations(touches + touches[: len(touches) // 2]))
    in_time, shuffled = (presence(one, kept_ms, most) for one in (sorted(touches), again))
    assert msgspec.msgpack.encode(in_time) == msgspec.msgpack.encode(shuffled)


@given(TOUCHES, st.integers(1, 30), st.integers(0, 60))
def test_what_is_forgotten_does_not_change_the_time_kept(touches, kept_ms, back):
    newest = max((at for at, _ in touches), default=0)
    at = max(newest - kept_ms, 0) + back
    assert presence(touches, kept_ms).is_in(at) == presence(touches).is_in(at)


def test_touches_are_bounded_and_the_first_is_remembered():
    one = presence([(at, "message") for at in range(100)], most=10)
    assert len(one.seen) == 10
    assert one.first_at == 0
    assert one.is_in(50)
    assert one.last_touch(50) == 0
    assert one.last_talk(50) is None


@pytest.mark.parametrize(("kinds", "is_in"), [(("leave", "join"), True), (("join", "leave"), False)])
def test_at_one_millisecond_the_log_of_the_group_decides(kinds, is_in):
    assert presence([(5, kind) for kind in kinds]).is_in(5) is is_in
