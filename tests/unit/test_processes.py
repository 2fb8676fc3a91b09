import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.stack import processes

SLEEP = "import sys, time; print('ready', flush=True); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEP


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    children: list[subprocess.Popen[bytes]] = []
    yield children
    for child in children:
        child.kill()
        child.wait()


def start(started: list[subprocess.Popen[bytes]], home: Path, code: str = SLEEP) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-X", processes.marker(home), "-c", code]
    started.append(child := subprocess.Popen(command, stdout=subprocess.PIPE))
    assert child.stdout
    assert child.stdout.readline() == b"ready\n"
    return child


def test_a_part_is_known_by_its_home(tmp_path: Path, started: list[subprocess.Popen[bytes]]) -> None:
    child = start(started, tmp_path / "one")
    assert processes.is_ours(child.pid, tmp_path / "one")
    assert not processes.is_ours(child.pid, tmp_path / "on")
    assert not processes.is_ours(child.pid, tmp_path / "one more")
    assert not processes.is_ours(os.getpid(), tmp_path / "one")


def test_a_part_is_known_by_a_link_to_its_home(tmp_path: Path, started: list[subprocess.Popen[bytes]]) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    child = start(started, tmp_path / "link")
    assert processes.is_ours(child.pid, tmp_path / "real")


def test_a_zombie_is_no_process(tmp_path: Path, started: list[subprocess.Popen[bytes]]) -> None:
    child = start(started, tmp_path)
    child.kill()
    assert processes.wait_until(lambda: not processes.command_of(child.pid), 60)
    assert not processes.is_ours(child.pid, tmp_path)


def test_ends_what_hears_and_kills_what_does_not(tmp_path: Path, started: list[subprocess.Popen[bytes]]) -> None:
    heeding, stubborn = start(started, tmp_path), start(started, tmp_path, STUBBORN)
    processes.end([heeding.pid], lambda pid: processes.is_ours(pid, tmp_path), grace_s=60)
    assert heeding.wait(60) == -signal.SIGTERM
    processes.end([heeding.pid, stubborn.pid], lambda pid: processes.is_ours(pid, tmp_path), grace_s=0.3)
    assert stubborn.wait(60) == -signal.SIGKILL


def test_leaves_alone_what_is_not_ours(tmp_path: Path, started: list[subprocess.Popen[bytes]]) -> None:
    child = start(started, tmp_path / "other")
    processes.end([child.pid], lambda pid: processes.is_ours(pid, tmp_path), grace_s=0.1)
    assert child.poll() is None


def test_memory_of_a_process() -> None:
    assert (processes.resident_bytes(os.getpid()) or 0) > 1 << 20
    assert processes.resident_bytes(2**22 + 1) is None


@pytest.mark.skipif(not Path("/bin/ps").exists(), reason="needs ps")
def test_macos_tells_the_same(
    tmp_path: Path, started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    child = start(started, tmp_path / "a home")
    monkeypatch.setattr(processes, "_IS_LINUX", False)
    assert processes.is_ours(child.pid, tmp_path / "a home")
    assert not processes.is_ours(child.pid, tmp_path / "a ho")
    assert (processes.resident_bytes(child.pid) or 0) > 1 << 20
