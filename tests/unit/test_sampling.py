"""Samples for ClickHouse: growth since the last one that Kafka took, nothing that stood still."""

import threading
import time

import msgspec
import pytest
from confluent_kafka import KafkaError

from streams import metrics, sampling
from streams.metrics import PartMetrics
from streams.pulse import Pulse
from streams.sampling import Sampler
from streams.settings import load


class Producer:
    """Takes records, or refuses as many as it is told to; a silent one never answers."""

    refusals, is_silent = 0, False
    told: list[PartMetrics] = []  # noqa: RUF012  one for all, as there is one Kafka

    def __init__(self, config):
        assert config["bootstrap.servers"] == "127.0.0.1:1"
        self.answers = []

    def produce(self, topic, value, key, on_delivery):
        one = msgspec.json.decode(value, type=PartMetrics)
        assert (topic, key) == ("part-metrics", one.part)
        if not self.is_silent:
            self.answers.append((on_delivery, one))

    def poll(self, _):
        for on_delivery, one in self.answers:
            is_refused = type(self).refusals > 0
            type(self).refusals -= is_refused
            if not is_refused:
                self.told.append(one)
            on_delivery(KafkaError(KafkaError._MSG_TIMED_OUT) if is_refused else None, None)
        self.answers = []


@pytest.fixture
def told(monkeypatch):
    """What Kafka has."""
    monkeypatch.setattr(Producer, "told", [])
    monkeypatch.setattr(Producer, "refusals", 0)
    monkeypatch.setattr(sampling, "Producer", Producer)
    return Producer.told


@pytest.fixture
def pulse():
    return Pulse("worker", "groups", "groups-1")


@pytest.fixture
def make(tmp_path, pulse, told):
    def sampler(seconds="60", **more):
        env = {"VITALS_HOME": str(tmp_path), "VITALS_KAFKA": "127.0.0.1:1", "VITALS_METRICS_SECONDS": seconds}
        return Sampler(load(env), pulse, **more)

    return sampler


def values(one: PartMetrics, name: str):
    """Labels → value of a metric in a sample."""
    return {tuple(sample.labels.values()): sample.value for sample in one.samples if sample.name == name}


def test_a_counter_is_told_by_its_growth_and_a_gauge_as_it_stands(make, pulse, told):
    sampler = make()
    pulse.add(metrics.RECORDS_IN, 3)
    pulse.set(metrics.PARTITIONS, 8)
    assert sampler.send()
    pulse.add(metrics.RECORDS_IN, 4)
    assert sampler.send()
    assert sampler.send()
    assert [values(one, "vitals_records_total") for one in told] == [{(): 3}, {(): 4}, {}]
    assert [values(one, "vitals_partitions") for one in told] == [{(): 8}] * 3
    assert [one.since for one in told[1:]] == [one.at for one in told[:-1]]
    assert {one.started_at for one in told} == {told[0].since}


def test_each_label_and_bucket_grows_by_itself(make, pulse, told):
    sampler = make()
    pulse.add(metrics.DEAD_LETTERS, 1, reason="bad_shape")
    pulse.observe(metrics.FLUSH_SECONDS, 0.04)
    assert sampler.send()
    pulse.add(metrics.DEAD_LETTERS, 2, reason="null_byte")
    pulse.observe(metrics.FLUSH_SECONDS, 20.0)
    assert sampler.send()
    assert values(told[1], "vitals_dead_letters_total") == {("null_byte",): 2}
    assert values(told[0], "vitals_flush_seconds_bucket")[("0.05",)] == 1
    assert values(told[1], "vitals_flush_seconds_bucket") == {("30.0",): 1, ("60.0",): 1, ("+Inf",): 1}


def test_what_kafka_did_not_take_is_in_the_next_sample(make, pulse, told, monkeypatch):
    sampler = make()
    pulse.add(metrics.RECORDS_IN, 3)
    monkeypatch.setattr(Producer, "refusals", 1)
    assert not sampler.send()
    time.time()  # what a KafkaError leaves behind that was compared with None, the next call raises
    pulse.add(metrics.RECORDS_IN, 4)
    assert sampler.send()
    (one,) = told
    assert values(one, "vitals_records_total") == {(): 7}
    assert one.since == one.started_at


def test_an_unknown_value_is_not_told(make, told, tmp_path):
    ticker = Pulse("ticker", "ticker", "ticker")
    ticker.set(metrics.LAG, float("nan"), agent="groups")
    ticker.set(metrics.LAG, 0, agent="sink")
    sampler = Sampler(load({"VITALS_HOME": str(tmp_path), "VITALS_KAFKA": "127.0.0.1:1"}), ticker)
    assert sampler.send()
    assert [(one.agent, one.value) for one in told[0].samples if one.name == "vitals_lag_records"] == [("sink", 0)]


def test_whom_it_speaks_of_is_the_part_where_nobody_else_is_named(make, told):
    assert make().send()
    assert {one.agent for one in told[0].samples} == {"groups"}
    assert any(one.name == "process_cpu_seconds_total" for one in told[0].samples)


def test_a_silent_kafka_is_not_waited_for_for_ever(make, monkeypatch):
    monkeypatch.setattr(Producer, "is_silent", True)
    began = time.monotonic()
    assert not make().send(limit_s=0.05)
    assert time.monotonic() - began < sampling.DELIVERY_S


def test_it_looks_then_sends_at_each_interval_until_closed(make, pulse, told):
    looked = threading.Semaphore(0)

    def look():
        pulse.add(metrics.RECORDS_IN, 1)
        looked.release()

    sampler = make("0.05", look=look)
    sampler.start()
    assert all(looked.acquire(timeout=60) for _ in range(3))
    sampler.close()
    count = len(told)
    assert count >= 2
    assert all(values(one, "vitals_records_total") == {(): 1} for one in told)
    assert not sampler._thread.is_alive()


def test_who_is_told_to_send_nothing_sends_nothing_but_looks(make, told):
    looked = threading.Event()
    silent = make("0")
    silent.start()
    assert not silent._thread.is_alive()
    sampler = make("0", look=looked.set)
    sampler._every_s = 0.01
    sampler.start()
    assert looked.wait(60)
    sampler.close()
    assert told == []
