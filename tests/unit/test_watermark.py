"""Time has passed where every partition upstream says so."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from streams.events import Tick
from streams.vitals.watermark import NOT_HEARD, Watermark


def tick(partition, at, seq, source="groups/chat-events/topic"):
    return Tick(
        event_id="t", occurred_at=at, brand_id="~", platform="~", origin_partition=partition, source=source,
        source_seq=seq,
    )  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 50), st.integers(0, 50))))
def test_it_is_the_least_of_the_last_that_each_told_first(ticks):
    mark, lasts = Watermark.of(3), {}
    for partition, at, seq in ticks:
        before = mark.low
        moved = mark.hear(tick(partition, at, seq))
        if seq > lasts.get(partition, (-1, NOT_HEARD))[0]:
            lasts[partition] = (seq, at)
        assert mark.low == min(lasts.get(one, (-1, NOT_HEARD))[1] for one in range(3))
        assert moved == (mark.low != before)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 50))))
def test_of_ticks_without_a_place_on_a_log_the_latest_counts(ticks):
    mark = Watermark.of(3)
    for place, (partition, at) in enumerate(ticks, 1):
        mark.hear(tick(partition, at, None, None))
        latest = [max((time for who, time in ticks[:place] if who == one), default=NOT_HEARD) for one in range(3)]
        assert mark.low == min(latest)


def test_what_was_stored_before_ticks_had_a_place_goes_on_when_time_does():
    mark = Watermark.of(1, msgspec.msgpack.encode([[100]]))
    assert not mark.hear(tick(0, 99, 5))
    assert mark.hear(tick(0, 101, 6))
    assert mark.hear(tick(0, 60, 7))
    assert mark.low == 60


def test_more_partitions_than_stored_have_not_spoken():
    stored = msgspec.msgpack.encode(Watermark([5, 7]))
    assert Watermark.of(2, stored).low == 5
    assert Watermark.of(3, stored).low == NOT_HEARD
