"""What somebody hears who waits for a ClickHouse that has connections taken and says nothing."""

import pathlib
import socket
from collections.abc import Iterator

import pytest

from streams import hung_server
from streams.hung_server import NOTICE_S, Heard
from streams.patience import Patience
from streams.settings import Settings
from streams.warehouse import Warehouse, WarehouseAwayError


class Line:
    """A socket that does as its script says, a piece of silence or a byte at a time, by a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, script: str, limit_s: float = 60.0) -> None:
        self.now, self.limit_s = 0.0, limit_s
        self.left = list(script)
        monkeypatch.setattr(hung_server.time, "monotonic", lambda: self.now)

    def gettimeout(self) -> float:
        return self.limit_s

    def settimeout(self, limit_s: float) -> None:
        self.limit_s = limit_s

    def fileno(self) -> int:
        return 3

    def recv_into(self, _: bytearray) -> int:
        if not self.left or self.left.pop(0) == "-":
            self.now += self.limit_s
            raise TimeoutError("timed out")
        self.now += 0.1
        return 1


def listen(line: Line, said: list[str]) -> Heard:
    return Heard(line, Patience(lambda: line.now, said.append), "ClickHouse at h:1")  # type: ignore[arg-type]


def test_who_hangs_and_comes_back_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    line, said = Line(monkeypatch, "---x"), []
    assert listen(line, said).recv_into(bytearray(1)) == 1
    assert said == [
        "ClickHouse at h:1 does not answer (given up in 55 s, Ctrl-C stops); waiting",
        "ClickHouse at h:1 does not answer (given up in 50 s, Ctrl-C stops); waiting for 5 s",
        "ClickHouse at h:1 does not answer (given up in 45 s, Ctrl-C stops); waiting for 10 s",
        "ClickHouse at h:1 answers again after 10 s",
    ]
    assert line.limit_s == 60.0  # for what is sent


def test_who_says_nothing_is_given_up_when_it_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    line, said = Line(monkeypatch, ""), []
    with pytest.raises(TimeoutError, match="no word for 60 s"):
        listen(line, said).recv_into(bytearray(1))
    assert line.now == line.limit_s == 60.0


def test_of_a_long_answer_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    line, said = Line(monkeypatch, "x" * 1000), []
    heard = listen(line, said)
    for _ in range(1000):
        heard.recv_into(bytearray(1))
    assert line.now > 60
    assert said == []


def test_who_waits_shortly_anyway_hears_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    line, said = Line(monkeypatch, "-", limit_s=NOTICE_S), []
    with pytest.raises(TimeoutError):
        listen(line, said).recv_into(bytearray(1))
    assert (said, line.now) == ([], NOTICE_S)


@pytest.fixture
def mute() -> Iterator[Settings]:
    """A ClickHouse that takes connections, as one that hangs does, and says nothing."""
    home = pathlib.Path("nowhere")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        yield Settings(home=home, cache=home, clickhouse_host="127.0.0.1", clickhouse_port=port)


def test_a_command_that_asks_a_clickhouse_that_hangs(
    mute: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(hung_server, "NOTICE_S", 0.05)
    with pytest.raises(WarehouseAwayError) as error:
        Warehouse(mute, "bi", silence_s=1.0).query("SELECT 1")
    at = f"ClickHouse at 127.0.0.1:{mute.clickhouse_port}"
    assert str(error.value) == f"{at} does not answer (no word for 1 s), see `vitals status`"
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"{at} does not answer (given up in 1 s, Ctrl-C stops); waiting\n"


def test_a_part_that_asks_it_says_nothing(mute: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(WarehouseAwayError):
        Warehouse(mute, say=None, silence_s=0.1).query("SELECT 1")
    assert capsys.readouterr() == ("", "")
