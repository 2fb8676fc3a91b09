"""`vitals status` where something does not answer: the rest is told all the same, and soon."""

import socket
import tempfile
import threading
from pathlib import Path

import msgspec
import pytest

from streams.errors import VitalsError
from streams.settings import Settings
from streams.stack import doctor, probes, status, supervision
from streams.stack.backlog import GROUPS, NoAnswerError

ROWS = {"events_v1": 5}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Servers elsewhere, which answer whatever they are asked."""
    monkeypatch.setenv("VITALS_HOME", str(tmp_path))
    for module in (status, doctor):
        monkeypatch.setattr(module, "is_elsewhere", lambda *_: True)
    monkeypatch.setattr(probes, "kafka_error", lambda _: None)
    monkeypatch.setattr(probes, "clickhouse_error", lambda _: None)
    monkeypatch.setattr(probes, "room_left", lambda _: probes.LOW_BYTES)
    monkeypatch.setattr(probes, "rows", lambda *_, **__: ROWS.items())
    monkeypatch.setattr(status, "Backlog", Backlog)
    return Settings(home=tmp_path, cache=tmp_path)


class Backlog:
    """Three records behind, wherever one looks."""

    fault: str | None = None

    def __init__(self, settings: Settings, limit_s: float) -> None:
        assert limit_s < probes.ANSWER_LIMIT_S
        self.servers = settings.kafka

    def lag(self, group: str) -> int:
        if self.fault and group == "vitals-sink":
            raise NoAnswerError(self.servers, self.fault)
        return 3

    def records(self, _: str) -> int:
        return 1


def troubles(found: status.StackStatus) -> dict[str, str | None]:
    return {part.name: part.trouble for part in found.parts[:2]}


def test_the_servers_are_asked_side_by_side(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2, timeout=60)  # who is asked alone waits for the other, and breaks it
    monkeypatch.setattr(probes, "kafka_error", lambda _: both.wait() and None)
    monkeypatch.setattr(probes, "clickhouse_error", lambda _: both.wait() and None)
    found = status.stack_status(settings)
    assert troubles(found) == {"kafka": None, "clickhouse": None}
    assert (found.lag, found.dead_letters, found.rows) == (dict.fromkeys(GROUPS, 3), 1, ROWS)


def test_one_broker_of_several_that_does_not_answer_is_a_trouble(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backlog, "fault", "Local: Timed out")
    found = status.stack_status(settings)
    assert troubles(found) == {
        "kafka": f"{settings.kafka} does not answer all: Local: Timed out",
        "clickhouse": None,
    }
    assert (found.lag, found.dead_letters, found.rows) == (None, None, ROWS)
    assert not found.is_healthy


def test_of_a_broker_that_does_not_answer_no_more_is_asked(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "kafka_error", lambda _: "no answer from it")
    monkeypatch.setattr(status, "Backlog", None)
    found = status.stack_status(settings)
    assert troubles(found) == {"kafka": "no answer from it", "clickhouse": None}
    assert (found.lag, found.rows) == (None, ROWS)


def test_a_clickhouse_that_falls_silent_between_two_questions(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "rows", refuse)
    found = status.stack_status(settings)
    assert troubles(found) == {"kafka": None, "clickhouse": "no answer from it: timed out"}
    assert (found.lag, found.rows) == (dict.fromkeys(GROUPS, 3), None)


def refuse(*_: object, **__: object) -> None:
    raise VitalsError("no answer from it: timed out")


def test_doctor_asks_no_second_time_how_far_the_groups_are_behind(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.run.mkdir()
    monkeypatch.setattr(doctor, "_ON_CLICKHOUSE", ())
    monkeypatch.setattr(doctor, "_topics", lambda _: doctor.Finding("topics", "all there"))
    found = {finding.name: finding for finding in doctor.examine(settings)}
    assert found["lag"].what == "vitals-groups 3 records"
    assert found["dead letters"].advice == "look at them: vitals dead-letters list"
    monkeypatch.setattr(Backlog, "fault", "Local: Timed out")
    names = {finding.name for finding in doctor.examine(settings)}
    assert not names & {"topics", "lag", "dead letters"}


def test_a_supervisor_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as home, socket.socket(socket.AF_UNIX) as mute:
        path = Path(home) / "s"
        monkeypatch.setattr(supervision, "socket_file", lambda _: path)
        mute.bind(str(path))
        mute.listen()
        hung = Settings(home=Path(home), cache=Path(home))
        assert supervision.running(hung, 0.1) is None
        with pytest.raises(VitalsError, match="does not answer: run `vitals up` to mend it"):
            supervision.Supervisor(hung, 0.1).processes()


def test_a_file_that_a_setting_names_and_no_part_can_use_is_a_finding(tmp_path: Path) -> None:
    good = Settings(home=tmp_path, cache=tmp_path)
    assert doctor._files(good) == doctor.Finding("files of settings", "can be used")
    for name in ("model", "holidays", "rates"):
        finding = doctor._files(msgspec.structs.replace(good, **{name: tmp_path / f"no-{name}"}))
        assert f"no-{name}" in (finding.advice or "")
    (tmp_path / "notify.toml").write_text('[[notify]]\nname = "on-call"\nkind = "pigeon"\n')
    assert "notify.toml" in (doctor._files(good).advice or "")
