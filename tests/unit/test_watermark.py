"""Time has passed where every partition upstream says so."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from streams.events import Tick
from streams.vitals.watermark import NOT_HEARD, Watermark


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 50))))
def test_it_is_the_least_of_the_latest(ticks):
    mark = Watermark.of(3)
    for place, (partition, at) in enumerate(ticks, 1):
        before = mark.low
        rose = mark.hear(Tick(event_id="t", occurred_at=at, brand_id="~", platform="~", origin_partition=partition))
        latest = [max((time for who, time in ticks[:place] if who == one), default=NOT_HEARD) for one in range(3)]
        assert mark.low == min(latest)
        assert rose == (mark.low > before)


def test_more_partitions_than_stored_have_not_spoken():
    stored = msgspec.msgpack.encode(Watermark([5, 7]))
    assert Watermark.of(2, stored).low == 5
    assert Watermark.of(3, stored).low == NOT_HEARD
