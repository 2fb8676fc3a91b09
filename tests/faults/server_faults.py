"""Faults of Kafka and ClickHouse."""

import contextlib
import os
import signal
import threading
import time

from streams.errors import VitalsError
from streams.stack import failed_writes
from tests.faults.scene import AWAY_S, HANG_S, Scene, SkippedError
from tests.faults.stage import GROUPS, OTHERS, SINKS, START_LIMIT_S, TICKER, Stage


def kill_broker(scene: Scene) -> None:
    """kill -9 of the broker; the supervisor starts it again."""
    with scene.stage.kafka_lock, scene.timed("broker back"):
        pid = scene.stage.pid_of("kafka")
        scene.stage.signal_server("kafka", signal.SIGKILL)
        scene.stage.wait_for(lambda: scene.stage.pid_of("kafka") not in (None, pid), START_LIMIT_S, "a new broker")
        scene.stage.await_answers()


def hang_broker(scene: Scene) -> None:
    """The broker stands still, its connections open."""
    with scene.stage.kafka_lock, scene.timed("broker back"):
        scene.stage.signal_server("kafka", signal.SIGSTOP)
        time.sleep(scene.chance.uniform(*HANG_S) + scene.chance.choice((0.0, scene.stage.settings.session_timeout)))
        scene.stage.signal_server("kafka", signal.SIGCONT)
        scene.stage.await_answers()


def term_without_broker(scene: Scene) -> None:
    """SIGTERM to a worker of each kind while the broker is down or hangs: they must end in time all the same."""
    stage = scene.stage
    is_down = scene.chance.random() < 0.5
    with stage.kafka_lock:
        names = [name for kind in (GROUPS, OTHERS, SINKS, (TICKER,)) for name in scene.some(kind)]
        if is_down:
            stage.supervisor.stop(["kafka"])
        else:
            stage.signal_server("kafka", signal.SIGSTOP)
        time.sleep(scene.chance.uniform(0.0, 2.0))
        before = len(stage.crew.sigterm_seconds)
        threads = [threading.Thread(target=stage.crew.term, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        what = f"SIGTERM while the broker {'is down' if is_down else 'hangs'}"
        stage.figures[what] += stage.crew.sigterm_seconds[before:]
        if is_down:
            stage.supervisor.start("kafka")
        else:
            stage.signal_server("kafka", signal.SIGCONT)
        for name in names:
            stage.crew.start(name)
        stage.await_answers()


# --- ClickHouse


def kill_clickhouse(scene: Scene) -> None:
    """kill -9 of ClickHouse; the supervisor starts it again."""
    with scene.stage.clickhouse_lock:
        pid = scene.stage.pid_of("clickhouse")
        scene.stage.signal_server("clickhouse", signal.SIGKILL)
        scene.stage.wait_for(
            lambda: scene.stage.pid_of("clickhouse") not in (None, pid), START_LIMIT_S, "a new ClickHouse"
        )
        scene.stage.await_answers()


def clickhouse_away(scene: Scene) -> None:
    """ClickHouse is stopped for a while."""
    with scene.stage.clickhouse_lock:
        scene.stage.supervisor.stop(["clickhouse"])
        time.sleep(scene.chance.uniform(*AWAY_S))
        scene.stage.supervisor.start("clickhouse")
        scene.stage.await_answers()


def hang_clickhouse(scene: Scene) -> None:
    """ClickHouse stands still, its connections open."""
    with scene.stage.clickhouse_lock:
        scene.stage.signal_server("clickhouse", signal.SIGSTOP)
        time.sleep(scene.chance.uniform(*HANG_S))
        scene.stage.signal_server("clickhouse", signal.SIGCONT)


def kill_sinks_waiting(scene: Scene) -> None:
    """Sinks with rows in hand that ClickHouse does not take are killed, or told to end."""
    stage = scene.stage
    with stage.clickhouse_lock:
        names = scene.some(SINKS, 2)
        stage.signal_server("clickhouse", signal.SIGSTOP)
        try:
            time.sleep(scene.chance.uniform(2.5, 4.0))  # a batch of one second, and a commit a second later
            for name in names:
                (stage.crew.kill if scene.chance.random() < 0.7 else stage.crew.term)(name)
        finally:
            stage.signal_server("clickhouse", signal.SIGCONT)
        for name in names:
            stage.crew.start(name)


def cut_insert(scene: Scene) -> None:
    """The connection is cut when ClickHouse has taken the rows and before the sink hears of it; three times."""
    door = scene.stage.door
    with scene.stage.clickhouse_lock:
        for _ in range(3):
            before = door.cuts
            door.cut_next_insert()
            try:
                scene.stage.wait_for(lambda before=before: door.cuts > before, START_LIMIT_S, "an insert to cut")
            finally:
                door.disarm()


def fill_disk(scene: Scene) -> None:
    """Another program fills ClickHouse's disk at once, in the middle of whatever is being written, for some seconds.

    The server ends by itself if it could not write, and the supervisor starts it anew.
    """
    stage = scene.stage
    if not stage.has_small_disk:
        raise SkippedError("no small disk can be mounted here: that takes root")
    ballast = stage.clickhouse_home / "ballast"
    with stage.clickhouse_lock:
        try:
            until = time.monotonic() + scene.chance.uniform(*AWAY_S)
            while time.monotonic() < until:
                _fill(stage.clickhouse_home, ballast)
                time.sleep(0.2)  # merges and drops make room again
        finally:
            ballast.unlink(missing_ok=True)
        stage.wait_for(lambda: _writes_all(stage), START_LIMIT_S, "a ClickHouse that could write all it had to")
        stage.await_answers()


def _writes_all(stage: Stage) -> bool:
    try:
        return failed_writes.count(stage.settings) == 0
    except VitalsError:
        return False


def _fill(folder: os.PathLike[str], ballast: os.PathLike[str]) -> None:
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    file = os.open(ballast, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        with contextlib.suppress(OSError):
            if free:
                os.posix_fallocate(file, os.fstat(file).st_size, free)
    finally:
        os.close(file)
