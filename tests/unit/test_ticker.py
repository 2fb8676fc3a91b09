import functools
import math
import threading
from types import SimpleNamespace

import msgspec
import pytest
from kafka.errors import KafkaTimeoutError

from streams import ticker
from streams.events import ChatEvent, Tick
from streams.pulse import Pulse
from streams.settings import load
from streams.stack import backlog
from streams.ticker import Ticker, measure_lag, tick_at


class Producer:
    """Takes ticks, or fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.sent: list[tuple[int, Tick]] = []
        self.is_closed = False

    def send(self, topic: str, *, value: bytes, key: bytes, partition: int):
        assert (topic, key) == ("chat-events", b"")
        self.sent.append((partition, msgspec.json.decode(value, type=ChatEvent)))
        return self

    def get(self, timeout: float) -> None:
        if self.failures:
            self.failures -= 1
            raise KafkaTimeoutError

    def close(self, timeout: float) -> None:
        self.is_closed = True


def ticked(tmp_path, producer: Producer, turns: int, now: float = 1_700_000_012.5) -> list[float]:
    """Run for so many turns; the pauses that it made."""
    settings = load({"VITALS_HOME": str(tmp_path), "VITALS_PARTITIONS": "2", "VITALS_TICK_SECONDS": "60"})
    pauses: list[float] = []

    def wait(pause: float) -> bool:
        pauses.append(pause)
        return len(pauses) > turns

    Ticker(settings, lambda _: producer, wait, lambda: now).run()
    return pauses


def test_a_tick_is_live_and_of_nobody():
    tick = msgspec.json.decode(tick_at(1_700_000_000_123), type=ChatEvent)
    assert tick == Tick(event_id="tick/1700000000123", occurred_at=1_700_000_000_123, brand_id="*", platform="*")
    assert tick.source is None


def test_it_goes_to_every_partition_at_every_full_minute(tmp_path):
    producer = Producer()
    assert ticked(tmp_path, producer, 2) == [0.0, pytest.approx(27.5), pytest.approx(27.5)]
    assert [partition for partition, _ in producer.sent] == [0, 1, 0, 1]
    assert producer.is_closed


def test_what_failed_is_tried_again_soon_and_said_once(tmp_path, caplog):
    producer = Producer(failures=2)
    assert ticked(tmp_path, producer, 3) == [0.0, 1.0, 1.0, pytest.approx(27.5)]
    first, last = (record.message for record in caplog.records)
    assert first == "Kafka at 127.0.0.1:19092 takes no tick (KafkaTimeoutError); waiting"
    assert last.startswith("Kafka at 127.0.0.1:19092 takes ticks again after")


def test_a_producer_that_failed_is_left_for_a_new_one(tmp_path):
    stuck, fresh = Producer(failures=1_000_000), Producer()
    producers, pauses = [stuck, fresh], []
    settings = load({"VITALS_HOME": str(tmp_path), "VITALS_PARTITIONS": "2"})

    def wait(pause: float) -> bool:
        pauses.append(pause)
        return len(pauses) > 2

    Ticker(settings, lambda _: producers.pop(0), wait).run()
    assert stuck.is_closed
    assert [partition for partition, _ in fresh.sent] == [0, 1]


def test_it_counts_its_ticks_and_is_ready_while_they_are_taken(tmp_path):
    clock = [1000.5]
    pauses: list[float] = []

    def wait(pause: float) -> bool:
        pauses.append(pause)
        clock[0] += pause
        return len(pauses) > 4

    class Slow(Producer):
        """Takes a tick within two seconds."""

        def get(self, timeout: float) -> None:
            clock[0] += 1
            super().get(timeout)

    settings = load({"VITALS_HOME": str(tmp_path), "VITALS_PARTITIONS": "2", "VITALS_TICK_SECONDS": "60"})
    slow = Slow(failures=1)
    ticker = Ticker(settings, lambda _: slow, wait, lambda: clock[0])
    assert ticker.pulse.idles == "starts"
    ticker.run()
    value = ticker.pulse.registry.get_sample_value
    assert value("vitals_ticks_total", {"agent": "ticker"}) == 3
    assert value("vitals_tick_failures_total", {"agent": "ticker"}) == 1
    assert value("vitals_tick_delay_seconds", {"agent": "ticker"}) == pytest.approx(2)
    assert value("vitals_waiting", {"agent": "ticker", "server": "kafka"}) == 0
    assert ticker.pulse.idles == ""


def test_a_clock_that_went_back_is_said_until_it_has_caught_up(tmp_path, caplog):
    times, pauses, states = [40.0, 100.0, 1600.0, 160.0, 220.0, 1600.0, 1660.0], [], []

    def wait(pause: float) -> bool:
        pauses.append(pause)
        return len(pauses) > len(times)

    producer = Producer()
    settings = load({"VITALS_HOME": str(tmp_path), "VITALS_PARTITIONS": "1"})
    ticker = Ticker(settings, lambda _: producer, wait, lambda: times[min(len(pauses), len(times)) - 1])
    ticker.on_state = lambda state: states.append((len(pauses), state))
    ticker.run()
    assert [tick.occurred_at / 1000 for _, tick in producer.sent] == times
    what = "its clock went back by 1440 s: groups and alerts wait until 1970-01-01 00:26 UTC"
    assert [record.message for record in caplog.records] == [what]
    assert states == [(4, what), (6, "running")]


def test_a_ticker_that_hangs_in_a_tick_is_ended_by_force(monkeypatch):
    codes: list[int] = []
    is_ended, over = threading.Event(), threading.Event()

    def end(code: int) -> None:
        codes.append(code)
        is_ended.set()

    monkeypatch.setattr(ticker, "END_SECONDS", 0.01)
    monkeypatch.setattr(ticker, "os", SimpleNamespace(_exit=end))
    ticker._end(over)
    assert over.is_set()
    assert is_ended.wait(60)
    assert codes == [0]


def test_a_lag_that_kafka_does_not_tell_is_unknown_not_old(tmp_path, monkeypatch):
    pulse = Pulse("ticker", "ticker", "ticker")
    monkeypatch.setattr(backlog, "Backlog", functools.partial(backlog.Backlog, limit_s=0.1))
    measure_lag(load({"VITALS_HOME": str(tmp_path), "VITALS_KAFKA": "127.0.0.1:1"}), pulse)
    for agent in ("groups", "identity", "attribution", "alerts", "sink"):
        assert math.isnan(pulse.registry.get_sample_value("vitals_lag_records", {"agent": agent}))
