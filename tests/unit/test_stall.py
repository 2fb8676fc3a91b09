"""A consumer that holds partitions and brings no records of them."""

import threading
from concurrent.futures import Future

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from streams import stall
from streams.errors import VitalsError

PLACES = [("chat-events", 0), ("chat-events", 1)]


class Held:
    """Partitions with ends, positions of what was read (none: -1001) and commits."""

    def __init__(self) -> None:
        self.ends = dict.fromkeys(PLACES, 10)
        self.read = dict.fromkeys(PLACES, 10)
        self.commits: dict[tuple[str, int], int] = {}
        self.is_away = False

    def assignment(self):
        return [TopicPartition(*place) for place in PLACES]

    def position(self, places):
        return [TopicPartition(at.topic, at.partition, self.read.get((at.topic, at.partition), -1001)) for at in places]

    def committed(self, places, timeout):
        return [
            TopicPartition(at.topic, at.partition, self.commits.get((at.topic, at.partition), -1001)) for at in places
        ]

    def get_watermark_offsets(self, place, timeout):
        if self.is_away:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        return 0, self.ends[place.topic, place.partition]


@pytest.fixture
def held():
    return Held()


@pytest.fixture
def pass_time(held):
    """Lets so much time and so many batches pass that a look is due."""
    now = [0.0]
    watch = stall.StallWatch(held, lambda: now[0])

    def pass_time(batches=stall.EVERY_BATCHES, seconds=stall.EVERY_SECONDS, records=0):
        for _ in range(batches):
            now[0] += seconds / batches
            watch.batch(records // batches)

    pass_time.watch = watch
    return pass_time


@pytest.mark.parametrize("is_read", [True, False], ids=["read before", "never read"])
def test_records_that_wait_from_one_look_to_the_next_end_the_sink(held, pass_time, is_read):
    held.ends[PLACES[1]] = 11
    if not is_read:
        held.read, held.commits = {PLACES[0]: 10}, {PLACES[1]: 10}
    pass_time()
    with pytest.raises(VitalsError, match="1 partitions, such as chat-events/1, have records"):
        pass_time()


def test_who_moves_on_or_has_nothing_to_read_goes_on(held, pass_time):
    for turn in range(4):
        pass_time()
        held.read[PLACES[0]] += turn
        held.ends[PLACES[0]] += 100


def catch_up(held, pass_time, records):
    """One partition is read on from look to look and never done; the other waits."""
    held.read[PLACES[0]] += records
    held.ends[PLACES[0]] = held.read[PLACES[0]] + 1
    pass_time(records=records)


def test_who_catches_up_brings_partitions_in_turn(held, pass_time):
    held.ends[PLACES[1]] = 11
    turn = stall.TURN_RECORDS * len(PLACES)
    for _ in range(4):
        catch_up(held, pass_time, turn // 4)
    held.read[PLACES[1]] = 11
    catch_up(held, pass_time, turn)


def test_a_partition_whose_turn_never_comes_ends_the_sink(held, pass_time):
    held.ends[PLACES[1]] = 11
    turn = stall.TURN_RECORDS * len(PLACES)
    for _ in range(4):
        catch_up(held, pass_time, turn // 4)
    with pytest.raises(VitalsError, match="1 partitions, such as chat-events/1, have records"):
        catch_up(held, pass_time, turn // 4)


def test_what_waits_alone_when_the_others_are_done_has_time_to_come(held, pass_time):
    held.ends = {PLACES[0]: 20, PLACES[1]: 11}
    pass_time()
    held.read[PLACES[0]] = 20
    pass_time()
    with pytest.raises(VitalsError, match="1 partitions, such as chat-events/1, have records"):
        pass_time()


def test_a_partition_that_nobody_ever_read_and_that_is_empty_does_not_stall(held, pass_time):
    held.read, held.ends = {}, dict.fromkeys(PLACES, 0)
    for _ in range(3):
        pass_time()


@pytest.mark.parametrize("happens", ["away", "waiting", "slow"])
def test_time_in_which_nobody_could_read_does_not_count(held, pass_time, happens):
    held.ends[PLACES[1]] = 11
    pass_time()
    if happens == "away":
        held.is_away = True
        pass_time()
        held.is_away = False
    elif happens == "waiting":
        pass_time.watch.forget()
    else:
        pass_time(batches=2, seconds=120.0)
        held.read[PLACES[1]] = 11
    pass_time()


def test_who_has_partitions_or_had_some_of_late_is_not_idle(monkeypatch):
    now, said = [0.0], []
    monkeypatch.setattr(stall, "is_group_kept", lambda *_: True)
    watch = stall.IdleWatch(None, "chat-events", said.append, lambda: now[0])
    for owned, seconds in ((1, 100.0), (0, 100.0 + stall.IDLE_SECONDS), (1, 140.0), (0, 140.0 + stall.IDLE_SECONDS)):
        now[0] = seconds
        watch.owns(owned)
    assert said == []
    now[0] += 0.1
    with pytest.raises(VitalsError, match="no partition for 30 s: the supervisor starts it anew"):
        watch.owns(0)


def test_who_waits_for_brokers_says_so_and_says_when_it_has_partitions(monkeypatch):
    now, said = [0.0], []
    monkeypatch.setattr(stall, "is_group_kept", lambda *_: False)
    watch = stall.IdleWatch(None, "chat-events", said.append, lambda: now[0])
    for owned, seconds in ((0, 31.0), (0, 61.0), (0, 62.0), (4, 70.0)):
        now[0] = seconds
        watch.owns(owned)
    assert said == [
        "Kafka gives no partitions: too few brokers are up; nothing is lost; waiting",
        "Kafka gives no partitions: too few brokers are up; nothing is lost; waiting for 31 s",
        "there are partitions again after 39 s",
    ]


def at_once(question):
    answer = Future()
    answer.set_result(question())
    return answer


@pytest.fixture
def cut_off():
    """A watch, and who is answered at each time: others, and the client itself."""
    now, answered = [0.0], {"others": True, "own": False}
    watch = stall.CutOffWatch(lambda: answered["others"], lambda: answered["own"], lambda: now[0], at_once)

    def look(seconds, *, is_cut_off=True, **who):
        answered.update(who)
        for _ in range(seconds):
            now[0] += 1.0
            watch.look(is_cut_off=is_cut_off)

    return look


LONG = int(stall.IDLE_SECONDS + stall.ASK_AGAIN_SECONDS)


def test_a_client_that_finds_no_way_back_to_a_broker_which_answers_others_ends(cut_off):
    cut_off(3 * LONG, others=False)
    cut_off(int(stall.IDLE_SECONDS), others=True)
    with pytest.raises(VitalsError, match="Kafka answers others, but this client finds no way back"):
        cut_off(LONG)


def test_a_client_that_is_answered_again_or_has_a_broker_for_too_short_a_time_goes_on(cut_off):
    for _ in range(3):
        cut_off(25, others=True)
        cut_off(25, others=False)
    cut_off(25, others=True)
    cut_off(1, is_cut_off=False)
    cut_off(25)
    cut_off(3 * LONG, own=True)


def test_nobody_waits_for_what_others_are_asked():
    asked = threading.Event()
    watch = stall.CutOffWatch(lambda: asked.wait(60), lambda: False)
    watch.look(is_cut_off=True)
    watch.look(is_cut_off=True)
    asked.set()
