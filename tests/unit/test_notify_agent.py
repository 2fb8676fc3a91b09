"""The consumer: an offset is marked as done only when every channel's spool has the alert."""

import errno
import time

import confluent_kafka
import msgspec
import pytest
from confluent_kafka import KafkaError, KafkaException

from streams import stall
from streams.dead_letters import dead_letter
from streams.errors import VitalsError
from streams.notify import agent
from streams.notify.agent import NEWS_DAYS, Notifier
from streams.notify.spool import Spool
from streams.notify.transport import Outcome
from streams.settings import load
from streams.vitals.policy import DAY_MS
from tests import notifying
from tests.notifying import channel


def alert(*what, age_ms=0, **more):
    """One that the agents told just now, or so long ago."""
    return notifying.alert(*what, told_at=int(time.time() * 1000) - age_ms, **more)


class Record:
    def __init__(self, value, offset, partition=0, age_ms=0):
        self._value, self._offset, self._partition = value, offset, partition
        self._at = int(time.time() * 1000) - age_ms

    def error(self):
        return None

    def value(self):
        return self._value

    def offset(self):
        return self._offset

    def partition(self):
        return self._partition

    def timestamp(self):
        return 1, self._at


class Kafka:
    """Gives batches of records, then stops the notifier. At each marked offset it looks what the spools hold."""

    def __init__(self, home, *batches):
        self.home, self.batches, self.marked, self.in_spools = home, list(batches), {}, []
        self.notifier = None

    def subscribe(self, topics):
        assert topics == ["group-alerts"]

    def consume(self, count, timeout):
        if self.batches:
            return self.batches.pop(0)
        self.notifier.stop()
        return []

    def assignment(self):
        return [0]

    def list_topics(self, topic, timeout):
        return {topic}

    def store_offsets(self, offsets):
        self.marked |= {one.partition: one.offset for one in offsets}
        paths = sorted((self.home / "notify").glob("*.jsonl"))
        self.in_spools.append([one.alert.alert_id for path in paths for one in Spool(path).waiting])

    def close(self):
        pass


@pytest.fixture
def notifier_of(tmp_path, monkeypatch):
    """Two channels that take nothing, so that all stays in their spools."""
    monkeypatch.setattr(agent, "send", lambda channel, message: Outcome("HTTP 500"))
    monkeypatch.setattr(agent, "RETRY_S", 0.0)
    settings = load({"VITALS_HOME": str(tmp_path), "VITALS_KAFKA": "127.0.0.1:1"})

    def make(*batches):
        made, kafka = Notifier(settings, [channel("slack"), channel("wecom")]), Kafka(tmp_path, *batches)
        made._consumer.close()
        made._consumer, kafka.notifier = kafka, made
        return made, kafka

    return make


def record(one, offset, **more):
    return Record(msgspec.json.encode(one), offset, **more)


def test_an_offset_is_done_when_all_spools_have_the_alert(notifier_of):
    one, two = alert("1" * 16), alert("2" * 16)
    notifier, kafka = notifier_of([record(one, 4), Record(b"{", 5)], [record(two, 9, partition=3)])
    notifier.run()
    assert kafka.marked == {0: 6, 3: 10}
    assert kafka.in_spools == [[one.alert_id] * 2, [one.alert_id, two.alert_id] * 2]


def test_while_the_disk_is_full_nothing_is_done(notifier_of, monkeypatch):
    notifier, kafka = notifier_of([record(alert(), 4)])
    put, failures = notifier.outboxes[1].put, [1, 2, 3]

    def full(entries):
        assert kafka.marked == {}
        if failures:
            failures.pop()
            raise OSError(errno.ENOSPC, "No space left on device")
        put(entries)

    monkeypatch.setattr(notifier.outboxes[1], "put", full)
    notifier.run()
    assert (failures, kafka.marked, kafka.in_spools) == ([], {0: 5}, [[alert().alert_id] * 2])


@pytest.mark.parametrize(("age_ms", "is_told"), [(NEWS_DAYS * DAY_MS - 60_000, True), (NEWS_DAYS * DAY_MS + 1, False)])
def test_what_stands_on_the_topic_for_days_is_told_to_nobody(notifier_of, age_ms, is_told):
    notifier, kafka = notifier_of([record(alert(), 4, age_ms=age_ms)])
    notifier.run()
    assert (kafka.marked, len(notifier.outboxes[0])) == ({0: 5}, int(is_told))


@pytest.mark.parametrize(
    ("age_ms", "state", "is_told"),
    [(NEWS_DAYS * DAY_MS - 60_000, "opened", True), (NEWS_DAYS * DAY_MS + 1, "opened", False),
     (NEWS_DAYS * DAY_MS + 1, "escalated", False), (NEWS_DAYS * DAY_MS + 1, "recovered", True)],
)  # fmt: skip
def test_what_was_found_out_days_late_pages_nobody_and_what_is_over_is_told(notifier_of, age_ms, state, is_told):
    notifier, kafka = notifier_of([record(alert(age_ms=age_ms, state=state), 4)])
    notifier.run()
    assert (kafka.marked, len(notifier.outboxes[0])) == ({0: 5}, int(is_told))


def test_a_bug_in_one_channel_ends_all_of_it_so_that_it_is_seen(notifier_of, monkeypatch):
    notifier, kafka = notifier_of()
    kafka.consume = lambda count, timeout: []

    def bug():
        raise ZeroDivisionError

    monkeypatch.setattr(notifier.outboxes[0], "step", bug)
    with pytest.raises(ZeroDivisionError):
        notifier.run()


def test_a_second_one_on_the_same_home_is_refused_until_the_first_ended(notifier_of):
    first, _ = notifier_of()
    with pytest.raises(VitalsError, match="another `vitals notify` works on"):
        notifier_of()
    first.run()
    second, _ = notifier_of()
    second.run()


def test_it_counts_alerts_by_channel_and_is_ready_while_it_reads(notifier_of, tmp_path):
    notifier, _ = notifier_of()
    value = notifier.pulse.registry.get_sample_value
    mine = {"agent": "notify", "channel": notifier.outboxes[0].channel.name}
    notifier.outboxes[0].counts.update(delivered=3, dead_letters=1, taken=2, failed=7)
    assert notifier.pulse.idles == "starts"
    notifier._take([record(alert("1" * 16), 4), record(alert("2" * 16), 5)])
    notifier._tell()
    notifier._status.close()
    assert notifier.pulse.idles == ""
    assert value("vitals_records_total", {"agent": "notify"}) == 2
    assert value("vitals_partitions", {"agent": "notify"}) == 1
    assert value("vitals_outbox_waiting", mine) == 2
    assert value("vitals_notifications_total", mine | {"outcome": "delivered"}) == 3
    assert value("vitals_notifications_total", mine | {"outcome": "given_up"}) == 1
    assert value("vitals_notification_tries_total", mine | {"outcome": "taken"}) == 2
    assert value("vitals_notification_tries_total", mine | {"outcome": "failed"}) == 7


def test_while_kafka_is_away_it_is_not_ready_and_asks_until_it_is_back(notifier_of):
    notifier, kafka = notifier_of()
    answers = [KafkaException(), None]

    def list_topics(topic, timeout):
        if answer := answers.pop(0):
            raise answer

    kafka.list_topics = list_topics
    notifier._kafka.down("Kafka is down")
    notifier._tell()
    assert notifier.pulse.idles == "waits for Kafka"
    notifier._tell()
    assert notifier.pulse.idles == ""
    notifier._status.close()


def test_without_partitions_it_waits_while_nobody_keeps_its_group_and_then_ends_to_begin_anew(notifier_of, monkeypatch):
    notifier, kafka = notifier_of()
    answers = [KafkaException(), []]

    def committed(places, timeout):
        if answer := answers.pop(0):
            raise answer

    kafka.assignment, kafka.committed = list, committed
    kafka.list_topics = lambda topic, timeout: {topic}
    monkeypatch.setattr(stall, "IDLE_SECONDS", 0.0)
    said = []
    notifier._idleness = stall.IdleWatch(kafka, agent.TOPIC, said.append)
    notifier._tell()
    assert said == ["Kafka gives no partitions: too few brokers are up; nothing is lost; waiting"]
    with pytest.raises(VitalsError, match="no partition for 0 s: the supervisor starts it anew"):
        notifier._tell()
    notifier._status.close()


@pytest.mark.parametrize(("error", "is_taken"), [(None, True), (KafkaError(KafkaError._MSG_TIMED_OUT), False)])
def test_a_letter_is_taken_or_it_is_not(notifier_of, monkeypatch, error, is_taken):
    class Producer:
        def __init__(self, config):
            assert config["message.timeout.ms"] < 10_000

        def produce(self, topic, value, key, partition, on_delivery):
            assert (topic, key) == ("dead-letters", letter.letter_id.encode())
            self.answer = lambda: on_delivery(error, Place())

        def flush(self, limit_s):
            self.answer()

    class Place:
        def partition(self):
            return 0

        offset = partition

    monkeypatch.setattr(confluent_kafka, "Producer", Producer)
    letter = dead_letter(b"", origin="slack", partition=-1, position=0, reason="undeliverable", detail="", at=1)
    notifier, _ = notifier_of()
    assert notifier._put_letter(letter) is is_taken
    notifier._status.close()
