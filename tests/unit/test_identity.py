"""Touches go on to customers, time once every partition of the chat has passed it."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.events import Tick, Touch
from streams.vitals.identity import TouchLog
from streams.vitals.log import SEQS_PER_OFFSET
from streams.vitals.rows import EVERY_PARTITION

ORIGIN = "identity/member-touches/1/topic"


def log():
    return TouchLog(1, ORIGIN, 3)


SEQS = count()


def tick(at, partition=None, source="groups/chat-events/0/t", seq=None):
    """A tick of a partition; each made is behind those made before it on its log."""
    return Tick(
        event_id="t",
        occurred_at=at,
        brand_id="~",
        platform="~",
        source=source,
        source_seq=next(SEQS) if seq is None else seq,
        origin_partition=partition,
    )


def touch(kind="message", member_id: str | None = "m1", **more):
    return Touch(
        event_id="touch/1", occurred_at=5, brand_id="acme", platform="irc", group_id="g", source="groups", source_seq=1,
        kind=kind, member_id=member_id, **more,
    )  # fmt: skip


def test_a_touch_goes_to_its_customer_as_an_event_of_this_log():
    (output,) = log().fold(touch(), "m1", 7, 0)
    assert (output.topic, output.key, output.partition) == ("purchases", "m1", None)
    assert (output.value.source, output.value.source_seq, output.value.source_prev) == (ORIGIN, 7 * SEQS_PER_OFFSET, 0)
    assert (output.value.event_id, output.value.occurred_at, output.value.kind) == ("touch/1", 5, "message")


def test_a_post_goes_to_every_partition():
    (output,) = log().fold(touch("post", None, code="c1"), "g", 7, 0)
    assert (output.key, output.partition, output.value.code) == ("", EVERY_PARTITION, "c1")


def test_time_goes_on_when_the_slowest_partition_moved():
    one = log()
    assert not one.fold(tick(100, 0), "", 0, 0)
    assert not one.fold(tick(200, 1), "", 1, 0)
    (first,) = one.fold(tick(150, 2), "", 2, 0)
    assert (first.value.occurred_at, first.value.origin_partition, first.partition) == (100, 1, EVERY_PARTITION)
    assert not one.fold(tick(300, 2), "", 3, 0)
    (second,) = one.fold(tick(250, 0), "", 4, 0)
    assert second.value.occurred_at == 200
    assert second.value.event_id != first.value.event_id


def test_a_clock_that_was_set_right_is_followed_at_once():
    one = TouchLog(1, ORIGIN, 2)
    told = [one.fold(tick(at, partition), "", offset, 0) for offset, (at, partition) in enumerate(
        [(100, 0), (100, 1), (1600, 0), (1600, 1), (105, 0), (105, 1), (110, 0), (110, 1)]
    )]  # fmt: skip
    assert [output.value.occurred_at for outputs in told for output in outputs] == [100, 1600, 105, 110]


@pytest.mark.parametrize("at", [90, 100, 1600])
def test_a_tick_told_again_says_nothing_whatever_its_time(at):
    one = TouchLog(1, ORIGIN, 1)
    assert one.fold(tick(100, 0, seq=7), "", 0, 0)
    assert not one.fold(tick(at, 0, seq=7), "", 1, 0)
    assert not one.fold(tick(at, 0, seq=6), "", 2, 0)
    assert one.fold(tick(101, 0, seq=8), "", 3, 0)


def test_a_topic_made_anew_counts_from_the_start_and_time_goes_on():
    one = TouchLog(1, ORIGIN, 1)
    assert one.fold(tick(100, 0, "groups/chat-events/0/old", seq=70), "", 0, 0)
    assert not one.fold(tick(99, 0, "groups/chat-events/0/new", seq=0), "", 1, 0)
    assert one.fold(tick(101, 0, "groups/chat-events/0/new", seq=1), "", 2, 0)
    assert one.fold(tick(80, 0, "groups/chat-events/0/new", seq=2), "", 3, 0)


def test_a_tick_that_speaks_for_no_partition_says_nothing():
    one = log()
    for partition in (0, 1):
        one.fold(tick(100, partition), "", 0, 0)
    assert not one.fold(tick(500), "", 1, 0)
    assert not one.fold(tick(500, 3), "", 2, 0)
    assert one.fold(tick(500, 2), "", 3, 0)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 50)), max_size=30), st.integers(0, 30))
def test_a_restart_anywhere_forwards_the_same(ticks, cut):
    whole, log_a, log_b = log(), log(), log()
    records = [tick(at, p, seq=offset) for offset, (p, at) in enumerate(ticks)]
    expected = [whole.fold(one, "", offset, 0) for offset, one in enumerate(records)]
    got = [log_a.fold(one, "", offset, 0) for offset, one in enumerate(records[:cut])]
    assert log_a.take_changed() == {}
    log_b.restore(log_a.partition_value(), {})
    got += [log_b.fold(one, "", offset, 0) for offset, one in enumerate(records) if offset >= cut]
    assert [list(one) for one in got] == [list(one) for one in expected]
    assert log_b.partition_value() == whole.partition_value()
