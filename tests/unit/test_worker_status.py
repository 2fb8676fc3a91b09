import os
import subprocess
import sys

import msgspec
import pytest

from streams import app, worker_status
from streams.errors import VitalsError
from streams.pulse import Pulse
from streams.settings import load
from streams.worker_status import PartitionStatus, Status, WorkerStatus

STATUS = WorkerStatus(
    name="groups-1", agent="groups", topic="chat-events", pid=7, at=1.5, partitions={3: PartitionStatus(9, 8, False)},
    events_total=9, flushes_total=2, dead_letters_total=1, holes_total=0, cpu_seconds=0.5, is_waiting_for_kafka=False,
)  # fmt: skip


def test_what_was_written_is_read_and_a_broken_file_left_out(tmp_path):
    settings = load({"VITALS_HOME": str(tmp_path)})
    assert worker_status.read_all(settings) == []
    worker_status.write(settings, STATUS)
    worker_status.write(settings, msgspec.structs.replace(STATUS, name="groups-2"))
    worker_status.path_of(settings, "broken").write_text("{")
    assert [status.name for status in worker_status.read_all(settings)] == ["groups-1", "groups-2"]
    assert worker_status.read_all(settings)[0] == STATUS


def test_a_worker_goes_on_where_its_status_cannot_be_written(tmp_path):
    settings = load({"VITALS_HOME": str(tmp_path)})
    settings.run.parent.mkdir(parents=True, exist_ok=True)
    settings.run.write_text("no directory")
    worker_status.write(settings, STATUS)
    assert settings.run.read_text() == "no directory"


def test_a_part_that_hangs_falls_silent_and_one_that_ends_says_so(tmp_path):
    settings = load({"VITALS_HOME": str(tmp_path)})
    clock = [0.0]
    pulse = Pulse("sink", "sink", "sink-2", live_s=60, clock=lambda: clock[0])
    pulse.address = "127.0.0.1:9464"
    path = worker_status.path_of(settings, "sink-2")
    status = Status(settings, pulse, lag=0, partitions=0)
    status.write_if_alive()
    said = msgspec.json.decode(path.read_bytes())
    assert (said["name"], said["state"], said["lag"]) == ("sink-2", "running", 0)
    assert said["metrics"] == "127.0.0.1:9464"
    path.unlink()
    clock[0] = 61
    status.write_if_alive()
    assert not path.exists()
    status.close()
    assert msgspec.json.decode(path.read_bytes())["state"] == "stopped"


@pytest.fixture
def other():
    """Another process, which lives."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_who_works_under_a_name_is_known_by_what_it_goes_on_saying(tmp_path, monkeypatch, other):
    settings = load({"VITALS_HOME": str(tmp_path)})
    moments = iter(range(100))

    def sleep(_):
        said(at=next(moments))

    def said(**changed):
        worker_status.write(settings, msgspec.structs.replace(STATUS, **{"pid": other.pid} | changed))

    monkeypatch.setattr(worker_status.time, "sleep", sleep)
    assert worker_status.twin_of(settings, "groups-1") is None  # nobody ever did
    said()
    assert worker_status.twin_of(settings, "groups-1") == other.pid
    assert worker_status.twin_of(settings, "groups-2") is None
    said(pid=os.getpid())
    assert worker_status.twin_of(settings, "groups-1") is None  # as of a container's only process
    monkeypatch.setattr(worker_status.time, "sleep", lambda _: None)
    monkeypatch.setattr(worker_status, "_TWIN_S", 0.05)
    said()
    assert worker_status.twin_of(settings, "groups-1") is None  # it hangs, or is somebody else
    monkeypatch.setattr(worker_status.time, "sleep", sleep)
    other.kill()
    other.wait()
    assert worker_status.twin_of(settings, "groups-1") is None


def test_a_second_worker_of_a_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("VITALS_HOME", str(tmp_path))
    begun = []
    monkeypatch.setattr(app, "run", lambda _, agent, instance: begun.append((agent.name, instance)))
    monkeypatch.setattr(worker_status, "twin_of", lambda _, name: 7 if name == "groups-1" else None)
    with pytest.raises(VitalsError, match="worker groups-1 runs already, as process 7: give this one a --name of its"):
        app.worker_command.main([], standalone_mode=False)
    app.worker_command.main(["groups", "--name", "groups-9"], standalone_mode=False)
    assert begun == [("groups", "groups-9")]


def test_of_two_that_start_at_the_same_moment_the_younger_goes(tmp_path, other):
    settings = load({"VITALS_HOME": str(tmp_path)})

    def elder(*, started_at, at, pid=other.pid):
        worker_status.write(settings, msgspec.structs.replace(STATUS, pid=pid, started_at=started_at, at=at))
        return worker_status.elder_of(settings, "groups-1", 100.0)

    assert worker_status.elder_of(settings, "groups-1", 100.0) is None
    assert elder(started_at=99.0, at=101.0) == other.pid
    assert elder(started_at=101.0, at=102.0) is None  # that one goes
    assert elder(started_at=50.0, at=99.0) is None  # it wrote nothing since: one that was before us
    assert elder(started_at=99.0, at=101.0, pid=os.getpid()) is None
    other.kill()
    other.wait()
    assert elder(started_at=99.0, at=101.0) is None
