from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from streams.settings import Settings
from streams.stack import heartbeat

NOW = 1_770_000_000.0


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(heartbeat, "time", SimpleNamespace(time=lambda: NOW))
    made = Settings(home=tmp_path, cache=tmp_path)
    made.run.mkdir()
    return made


def say(settings: Settings, **said: object) -> None:
    (settings.run / "sink.status.json").write_bytes(msgspec.json.encode({"pid": 7, "at": NOW} | said))


def trouble(settings: Settings, *, pid: int = 7, uptime_s: int = 100, name: str = "sink") -> str | None:
    return heartbeat.trouble(settings, name, pid, uptime_s)


def test_a_part_that_writes_is_well_whatever_unit_its_time_has(settings: Settings) -> None:
    say(settings, partitions={"0": {"next": 5, "is_paused": False}})
    assert trouble(settings) is None
    say(settings, at=int(NOW * 1000), partitions=48)
    assert trouble(settings) is None


@pytest.mark.parametrize(("age_s", "is_well"), [(13, True), (17, False)])
def test_a_part_is_silent_after_15_seconds(settings: Settings, age_s: float, is_well: bool) -> None:
    say(settings, at=NOW - age_s)
    assert (trouble(settings) is None) is is_well


@pytest.mark.parametrize(("uptime_s", "is_well"), [(14, True), (16, False)])
def test_a_part_that_just_started_may_be_silent(settings: Settings, uptime_s: int, is_well: bool) -> None:
    assert (trouble(settings, uptime_s=uptime_s) is None) is is_well


def test_the_word_of_the_process_before_does_not_count(settings: Settings) -> None:
    say(settings, state="stopped")
    assert trouble(settings, pid=8, uptime_s=1) is None
    assert "said nothing" in (trouble(settings, pid=8) or "")


def test_a_ticker_reads_no_partition_and_is_not_blamed_for_it(settings: Settings) -> None:
    say(settings)
    assert trouble(settings) is None
    assert "said nothing" in (trouble(settings, name="ticker") or "")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"state": "waiting for ClickHouse"}, "waiting for ClickHouse"),
        ({"is_waiting_for_kafka": True}, "waits for Kafka"),
        ({"partitions": {"3": {"is_paused": True}, "4": {"is_paused": False}}}, "partition 3 is paused"),
    ],
)
def test_what_a_part_waits_for_is_told(settings: Settings, said: dict[str, object], told: str) -> None:
    say(settings, **said)
    assert told in (trouble(settings) or "")


def test_a_half_written_file_is_as_none(settings: Settings) -> None:
    (settings.run / "sink.status.json").write_text('{"pid": 7')
    assert "said nothing" in (trouble(settings) or "")


@pytest.mark.parametrize(
    ("said", "uptime_s", "told"),
    [
        ({"partitions": 0}, 61, "reads no partition"),
        ({"partitions": 0}, 59, ""),
        ({"partitions": 48}, 61, ""),
        ({"partitions": 0, "state": "waiting for ClickHouse"}, 61, "waiting for ClickHouse"),
    ],
)
def test_a_sink_that_reads_nothing_is_started_anew(
    settings: Settings, said: dict[str, object], uptime_s: int, told: str
) -> None:
    say(settings, **said)
    assert told in (trouble(settings, uptime_s=uptime_s) or "")
    assert heartbeat.is_silent(settings, "sink", 7, uptime_s) is (told == "reads no partition")
