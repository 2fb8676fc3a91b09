"""The sink without its servers."""

from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from confluent_kafka import KafkaError, TopicPartition
from faust.types import TP

from streams import sink as sink_module
from streams import stall
from streams.errors import VitalsError
from streams.kafka_access import is_group_kept
from streams.settings import Settings
from tests.simulation.broker import Kept
from tests.simulation.client import SimMessage
from tests.toy_log import tick


def test_a_sink_that_kafka_gives_no_partition_ends_to_begin_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(stall, "IDLE_SECONDS", 0.0)
    monkeypatch.setattr(sink_module, "Consumer", PutOut)
    monkeypatch.setattr(PutOut, "stop", lambda _: None)
    with pytest.raises(VitalsError, match="no partition for 0 s: the supervisor starts it anew"):
        sink_module.Sink(Settings(home=tmp_path, cache=tmp_path, kafka="127.0.0.1:1"), "lonely").run()


def test_a_sink_waits_as_long_as_nobody_keeps_its_group(tmp_path, monkeypatch):
    """Started again and again it would be started ever more seldom, and come back long after Kafka did."""
    monkeypatch.setattr(stall, "IDLE_SECONDS", 0.0)
    monkeypatch.setattr(stall, "ASK_SECONDS", 0.2)
    said: list[str] = []
    sink = sink_module.Sink(Settings(home=tmp_path, cache=tmp_path, kafka="127.0.0.1:1"), "lonely")
    kept = iter((False, False, True))

    def ask(*consumer_and_topic: Any) -> bool:
        assert not is_group_kept(*consumer_and_topic)  # there is no Kafka
        return next(kept)

    monkeypatch.setattr(stall, "is_group_kept", ask)
    sink._idleness = stall.IdleWatch(sink._consumer, "chat-events", said.append)
    with pytest.raises(VitalsError, match="no partition"):
        sink.run()
    assert said == ["Kafka gives no partitions: too few brokers are up; nothing is lost; waiting"]


def test_what_was_taken_in_refused_and_skipped_is_counted(tmp_path):
    sink = sink_module.Sink(Settings(home=tmp_path, cache=tmp_path, kafka="127.0.0.1:1"), "counting")
    letters = [SimpleNamespace(reason="bad_shape"), SimpleNamespace(reason="null_byte")]
    for _ in range(2):
        sink._count(SimpleNamespace(records=7, skipped={"chat-events from_the_future": 2}, letters=letters))
    sink._close()
    value, agent = sink.pulse.registry.get_sample_value, {"agent": "sink"}
    assert value("vitals_records_total", agent) == 14
    assert value("vitals_dead_letters_total", agent | {"reason": "null_byte"}) == 2
    labels = {"topic": "chat-events", "reason": "from_the_future"}
    assert value("vitals_skipped_records_total", agent | labels) == 4


@pytest.mark.parametrize(
    ("waits", "is_kafka_away", "partitions", "told"),
    [
        ("", False, 8, ""),
        ("", False, 0, "waits for partitions"),
        ("", True, 8, "waits for Kafka"),
        ("waiting for ClickHouse", False, 8, "waits for ClickHouse"),
        ("waiting for ClickHouse", True, 8, "waits for ClickHouse and Kafka"),
        ("waiting for Kafka", False, 8, "waits for Kafka"),
    ],
)
def test_it_is_ready_with_partitions_and_nobody_to_wait_for(tmp_path, waits, is_kafka_away, partitions, told):
    sink = sink_module.Sink(Settings(home=tmp_path, cache=tmp_path, kafka="127.0.0.1:1"), "waiting")
    sink._is_waiting, sink._broker_away_since = bool(waits), float(is_kafka_away)
    sink._status.update(state=waits or "running")
    sink._say_ready(partitions)
    sink._close()
    assert sink.pulse.idles == told
    for server in ("Kafka", "ClickHouse"):
        away = sink.pulse.registry.get_sample_value("vitals_waiting", {"agent": "sink", "server": server.lower()})
        assert away == (server in told)


@pytest.mark.parametrize(("comes_later", "wanted"), [(False, []), (True, [10])])
def test_what_was_read_before_an_assignment_is_not_committed_after_it(tmp_path, monkeypatch, comes_later, wanted):
    """Another may have committed more meanwhile, and the client takes an older offset without a word."""
    stored: list[int] = []
    place = TP("chat-events", 0)
    early, late = (SimMessage(place, Kept(offset, 0, b"", tick(offset))) for offset in (5, 9))

    class Client:
        def __init__(self, *_: object, **__: object) -> None:
            self.answers = [[early], "assigned", [late]]
            self.assign = self.pause = lambda _: None

        def consume(self, *_: object) -> list[SimMessage]:
            if not self.answers:
                sink.stop()
                return []
            answer = self.answers.pop(0)
            if answer == "assigned":
                sink._assigned(self, [])
                return []
            return answer if answer != [late] or comes_later else []

        def store_offsets(self, offsets: list[TopicPartition]) -> None:
            stored.extend(offset.offset for offset in offsets)

    monkeypatch.setattr(sink_module, "Consumer", Client)
    sink = sink_module.Sink(Settings(home=tmp_path, cache=tmp_path, kafka="127.0.0.1:1"), "one")
    sink._commit(sink._gather())
    sink._status.close()
    assert stored == wanted


class PutOut:
    """A consumer of Kafka's that is put out at its first word, as long as `fatal` has some."""

    fatal: ClassVar[list[str]] = []
    made: ClassVar[list["PutOut"]] = []
    closed = False

    def __init__(self, config: dict[str, Any], **_: object) -> None:
        self.told = config["error_cb"]
        self.made.append(self)

    def subscribe(self, topics: list[str], **_: object) -> None:
        assert topics

    def consume(self, *_: object) -> list[SimMessage]:
        if self.fatal:
            self.told(KafkaError(KafkaError._FATAL, self.fatal.pop()))
            return []
        if len(self.made) > 1:
            self.made[0].told(KafkaError(KafkaError._FATAL, "said late by the one that is closed"))
        self.stop()
        return []

    def stop(self) -> None:
        raise NotImplementedError

    def position(self, *_: object, **__: object) -> list[object]:
        return []

    assignment = committed = position

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("times", [1, 3])
def test_a_sink_that_kafka_put_out_after_a_broker_failed_joins_anew(tmp_path, monkeypatch, times):
    """When the group's coordinator moves, its own commit of before puts it out."""
    sink = put_out(tmp_path, monkeypatch, times)
    sink._broker_error(KafkaError(KafkaError._TRANSPORT, "Connection refused"))
    sink.run()
    assert [one.closed for one in PutOut.made] == [True] * (times + 1)


def test_a_sink_that_kafka_put_out_while_all_brokers_are_well_shares_its_name_with_another(tmp_path, monkeypatch):
    sink = put_out(tmp_path, monkeypatch, 1)
    with pytest.raises(VitalsError, match=r"put this sink out \(Static consumer fenced\): give each sink a --name"):
        sink.run()
    assert [one.closed for one in PutOut.made] == [True]


def put_out(tmp_path, monkeypatch, times: int) -> sink_module.Sink:
    monkeypatch.setattr(sink_module, "Consumer", PutOut)
    monkeypatch.setattr(PutOut, "fatal", ["Static consumer fenced"] * times)
    monkeypatch.setattr(PutOut, "made", [])
    sink = sink_module.Sink(Settings(home=tmp_path, cache=tmp_path, kafka="127.0.0.1:1"), "one")
    monkeypatch.setattr(PutOut, "stop", lambda _: sink.stop())
    return sink


def test_what_a_sink_holds_does_not_grow_with_what_waits_for_it(tmp_path):
    """Read ahead, in one answer and in a batch. The measure itself: `make faults FAULT=clickhouse-away MINUTES=10`."""
    config = sink_module._consumer_config(Settings(home=tmp_path, cache=tmp_path), "bounded")
    held = config["queued.max.messages.kbytes"] * 1024 + config["fetch.max.bytes"] + sink_module.BATCH_BYTES
    assert held <= 10 << 20
    assert config["fetch.message.max.bytes"] * 50 <= 1 << 20
