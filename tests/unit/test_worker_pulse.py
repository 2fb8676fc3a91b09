"""What a worker says of itself: counts of its holdings, and ready only with all of its partitions recovered."""

from collections import Counter
from types import SimpleNamespace

import pytest

from streams.pulse import Pulse
from streams.worker_pulse import WorkerPulse


class Consumer:
    """Owns or waits for partitions 0 and 1."""

    epoch, owned = 1, True

    def is_ours(self):
        return self.owned

    def assignment(self):
        return {Place(topic="t", partition=number) for number in (0, 1)}


class Place(SimpleNamespace):
    """A partition that can be in a set."""

    def __hash__(self):
        return hash((self.topic, self.partition))


@pytest.fixture
def app():
    held = {number: SimpleNamespace(next=10 + number, flushed=4) for number in (0, 1)}
    holdings = SimpleNamespace(
        held={Place(topic="t", partition=number): one for number, one in held.items()},
        events_total=21, outputs_total=5, refused=Counter(bad_shape=2), paused=lambda: {1}, on_flush=None,
    )  # fmt: skip
    store = SimpleNamespace(records={0: {b"k": b"12345"}, 1: {b"a": b"1", b"b": b"22"}})
    return SimpleNamespace(consumer=Consumer(), holdings=holdings, store=store)


@pytest.fixture
def pulse():
    return Pulse("worker", "groups", "groups-1")


@pytest.fixture
def worker(app, pulse):
    return WorkerPulse(app, pulse)


def value(pulse, name, **labels):
    return pulse.registry.get_sample_value(name, {"agent": "groups"} | labels)


def test_the_numbers_are_those_of_the_holdings(app, pulse, worker):
    worker.turn(is_kafka_away=False)
    app.holdings.events_total, app.holdings.refused["null_byte"] = 30, 1
    worker.turn(is_kafka_away=False)
    found = {
        name: value(pulse, f"vitals_{name}")
        for name in ("records_total", "outputs_total", "rebalances_total", "partitions", "paused_partitions",
                     "unflushed_records", "state_bytes")
    }  # fmt: skip
    assert found == {
        "records_total": 30, "outputs_total": 5, "rebalances_total": 1, "partitions": 2, "paused_partitions": 1,
        "unflushed_records": 13, "state_bytes": 8,
    }  # fmt: skip
    assert value(pulse, "vitals_dead_letters_total", reason="bad_shape") == 2
    assert value(pulse, "vitals_dead_letters_total", reason="null_byte") == 1
    assert value(pulse, "vitals_waiting", server="kafka") == 0


def test_each_flush_is_heard_of(app, pulse, worker):
    app.holdings.on_flush(0.3, 500)
    assert value(pulse, "vitals_flush_seconds_sum") == 0.3
    assert value(pulse, "vitals_flush_records_bucket", le="1000.0") == 1
    assert value(pulse, "vitals_flush_records_bucket", le="100.0") == 0


def test_ready_is_who_has_recovered_all_that_it_was_given(app, pulse, worker):
    worker.turn(is_kafka_away=False)
    assert pulse.idles == ""
    taken_up = app.holdings.held
    app.holdings.held = dict(list(taken_up.items())[:1])
    worker.turn(is_kafka_away=False)
    assert pulse.idles == "recovers its partitions"
    app.holdings.held = taken_up
    worker.turn(is_kafka_away=True)
    assert pulse.idles == "waits for Kafka"
    assert value(pulse, "vitals_waiting", server="kafka") == 1
    app.consumer.owned = False
    worker.turn(is_kafka_away=False)
    assert pulse.idles == "waits for its partitions"


def test_a_worker_too_many_has_nothing_to_do_and_is_ready(app, pulse, worker):
    app.consumer.assignment, app.holdings.held = set, {}
    worker.turn(is_kafka_away=False)
    assert pulse.idles == ""
    assert value(pulse, "vitals_partitions") == 0
