import pytest

from streams.connectors import sending
from streams.errors import VitalsError
from streams.settings import Settings


class Connected(sending.Kafka):
    """Without a broker: counts how often it waited for one."""

    def __init__(self) -> None:
        self.waits = 0

    def _connect(self) -> dict[str, int]:
        self.waits += 1
        return {}


def test_a_broker_that_goes_away_while_an_import_begins_is_waited_for(monkeypatch, tmp_path):
    answers = [VitalsError("Kafka does not answer"), [(b"m_1", b"{}")], VitalsError("away"), VitalsError("for good")]

    def records(*_):
        answer = answers.pop(0)
        if isinstance(answer, VitalsError):
            raise answer
        return answer

    monkeypatch.setattr(sending, "records", records)
    kafka = Connected()
    assert kafka._read_forgotten(Settings(home=tmp_path, cache=tmp_path)) == {b"m_1"}
    assert kafka.waits == 1
    with pytest.raises(VitalsError, match="for good"):
        kafka._read_forgotten(Settings(home=tmp_path, cache=tmp_path))
