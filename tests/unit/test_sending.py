import pytest

from streams import patience
from streams.connectors import sending
from streams.connectors.batches import NO_PARTITION
from streams.dead_letters import DeadLetter, dead_letter
from streams.errors import VitalsError
from streams.letter_box import Kept
from streams.settings import Settings
from streams.topics import NoKafkaError


class Connected(sending.Kafka):
    """Without a broker: counts how often it waited for one, and keeps what it would send."""

    def __init__(self) -> None:
        self.waits = 0
        self._settings, self._lines = None, None
        self.sent = []

    def _connect(self) -> dict[str, int]:
        self.waits += 1
        return {}

    def _miss(self) -> None:
        self.waits += 1

    def _answered(self) -> None:
        pass

    def _produce(self, topic, key, value, partition) -> None:
        self.sent.append((topic, key))


def line(number: int, at: int, raw: bytes = b"{") -> DeadLetter:
    return dead_letter(
        raw, origin="a:b.jsonl", partition=NO_PARTITION, position=number, reason="malformed_json", detail="", at=at
    )


def test_a_line_is_one_dead_letter_however_often_its_import_is_killed(monkeypatch):
    known, asked = line(7, at=1), []

    def find(_, is_wanted):
        asked.append(1)
        if len(asked) == 1:
            raise NoKafkaError("k:1")
        return [Kept(letter, None, "") for letter in (known, line(8, at=1, raw=b"[")) if is_wanted(letter)]

    monkeypatch.setattr(sending.letter_box, "find", find)
    monkeypatch.setattr(patience, "RETRY_S", 0.0)
    kafka = Connected()
    for letter in (line(7, at=2), line(8, at=2), line(9, at=2), line(9, at=3)):
        kafka.refuse(letter)
    assert kafka.sent == [("dead-letters", line(number, at=2).letter_id.encode()) for number in (8, 9)]
    assert (len(asked), kafka.waits) == (2, 1)


def test_brokers_that_go_away_while_an_import_begins_are_waited_for(monkeypatch, tmp_path):
    """One of them may answer all the while, and know of nobody who has the records."""
    settings = Settings(home=tmp_path, cache=tmp_path)
    away = NoKafkaError("k:1")
    answers = [away, away, away, [(b"m_1", b"{}")], VitalsError("no such topic"), away]

    def records(*_):
        answer = answers.pop(0)
        if isinstance(answer, VitalsError):
            raise answer
        return answer

    monkeypatch.setattr(sending, "records", records)
    monkeypatch.setattr(patience, "RETRY_S", 0.0)
    kafka = Connected()
    assert kafka._read_forgotten(settings) == {b"m_1"}
    assert kafka.waits == 3
    with pytest.raises(VitalsError, match="no such topic"):
        kafka._read_forgotten(settings)
    monkeypatch.setattr(sending, "CONNECT_SECONDS", -1.0)
    with pytest.raises(NoKafkaError):
        kafka._read_forgotten(settings)
