import msgspec

from streams import worker_status
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
