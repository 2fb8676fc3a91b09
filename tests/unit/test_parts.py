import os
import shlex
import subprocess
import sys
import tempfile
from configparser import RawConfigParser
from pathlib import Path

import pytest

from streams.errors import VitalsError
from streams.settings import Settings
from streams.stack import clickhouse, home, launch, parts, processes


def make(path: Path, **changed: object) -> Settings:
    return Settings(**{"home": path, "cache": path / "cache", **changed})


def test_parts_start_in_the_order_in_which_they_need_each_other(tmp_path: Path) -> None:
    settings = make(tmp_path, workers=2)
    all_parts = [*parts.agent_parts(settings), *(parts.server_part(name, ("x",)) for name in ("clickhouse", "kafka"))]
    ranks: dict[int, set[str]] = {}
    for part in all_parts:
        ranks.setdefault(part.priority, set()).add(part.name)
    workers = {"groups-1", "groups-2", "identity", "attribution", "alerts"}
    assert [ranks[rank] for rank in sorted(ranks)] == [{"kafka"}, {"clickhouse"}, workers, {"sink"}, {"ticker"}]


def test_every_part_carries_the_mark_of_its_home(tmp_path: Path) -> None:
    settings = make(tmp_path)
    for part in parts.agent_parts(settings):
        assert processes.marker(tmp_path) in part.command
    assert processes.marker(tmp_path) in clickhouse.command(settings)


def test_the_socket_moves_when_its_path_is_too_long_for_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert parts.socket_file(make(Path("/short"))) == Path("/short/run/supervisor.sock")
    long, other = make(tmp_path / ("x" * 90)), make(tmp_path / ("y" * 90))
    assert len(os.fsencode(parts.socket_file(long))) <= 92
    assert parts.socket_file(long) == parts.socket_file(make(tmp_path / ("x" * 90)))
    assert parts.socket_file(long) != parts.socket_file(other)
    monkeypatch.setattr("tempfile.tempdir", f"/{'t' * 90}")
    assert parts.socket_file(long).parent == Path(f"/tmp/vitals-{os.getuid()}")
    assert parts.socket_file(make(Path("/short"))) == Path("/short/run/supervisor.sock")


def test_the_configuration_survives_a_strange_path(tmp_path: Path) -> None:
    settings = make(tmp_path / "a 100 % home's")
    home.prepare(settings)
    parts.write_config(settings, parts.agent_parts(settings))
    written = RawConfigParser(inline_comment_prefixes=(";",))
    written.read(parts.config_file(settings))
    command = shlex.split(written["program:sink"]["command"] % {})
    assert command[:4] == [sys.executable, "-m", "streams.stack.launch", str(settings.run / "sink.pid")]
    assert command[4:] == list(parts.agent_parts(settings)[-2].command)
    assert parts.config_file(settings).stat().st_mode & 0o077 == 0


def programs(settings: Settings, all_parts: list[parts.Part]) -> dict[str, str]:
    """Part → its own environment in the supervisor's configuration."""
    home.prepare(settings)
    parts.write_config(settings, all_parts)
    written = RawConfigParser(inline_comment_prefixes=(";",))
    written.read(parts.config_file(settings))
    return {part.name: written[f"program:{part.name}"]["environment"] for part in all_parts}


def test_each_part_has_a_port_of_its_own_for_its_metrics(tmp_path: Path) -> None:
    settings = make(tmp_path, metrics="[::1]:9464")
    own = programs(settings, [parts.server_part("kafka", ("x",)), *parts.agent_parts(settings)])
    assert own.pop("kafka") == ""
    wanted = ["groups-1", "identity", "attribution", "alerts", "sink", "ticker"]
    assert own == {name: f'VITALS_METRICS="[::1]:{9464 + place}"' for place, name in enumerate(wanted)}


def test_any_free_port_stays_any_free_port_and_no_metrics_are_none(tmp_path: Path) -> None:
    settings = make(tmp_path, metrics="127.0.0.1:0")
    assert set(programs(settings, parts.agent_parts(settings)).values()) == {'VITALS_METRICS="127.0.0.1:0"'}
    settings = make(tmp_path)
    assert set(programs(settings, parts.agent_parts(settings)).values()) == {""}


def test_the_environment_of_parts_holds_what_differs_but_no_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        if name.startswith("VITALS_"):
            monkeypatch.delenv(name)
    environ = parts.environment(make(tmp_path, workers=3, kafka="127.0.0.1:1", clickhouse_user="me"))
    ours = {name: value for name, value in environ.items() if name.startswith("VITALS_")}
    assert ours == {
        "VITALS_HOME": str(tmp_path),
        "VITALS_CACHE": str(tmp_path / "cache"),
        "VITALS_WORKERS": "3",
        "VITALS_CLICKHOUSE_USER": "me",
    }


def test_launch_notes_the_pid_that_the_command_keeps(tmp_path: Path) -> None:
    note = tmp_path / "part.pid"
    child = subprocess.Popen([sys.executable, "-m", launch.__name__, str(note), "/bin/sh", "-c", "exit 7"])
    assert child.wait(10) == 7
    assert int(note.read_text()) == child.pid


@pytest.mark.parametrize("field", ["clickhouse_database", "clickhouse_user", "bi_user"])
def test_a_name_that_would_break_the_grants_is_refused(tmp_path: Path, field: str) -> None:
    settings = make(tmp_path, **{field: "v*.* TO x; --"})
    home.prepare(settings)
    with pytest.raises(VitalsError, match="use letters, digits and _"):
        clickhouse.configure(settings)


def test_a_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    settings = make(tmp_path)
    home.prepare(settings)
    made = home.ensure_secret(settings, "clickhouse")
    assert len(made) >= 32
    assert home.ensure_secret(settings, "clickhouse") == made == settings.password_of("clickhouse")
    assert (settings.secrets / "clickhouse").stat().st_mode & 0o777 == 0o600
    assert home.ensure_secret(make(tmp_path, clickhouse_password="mine"), "clickhouse") == "mine"


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(VitalsError, match="set VITALS_HOME elsewhere"):
        home.prepare(make(tmp_path / "file" / "home"))


def test_a_socket_directory_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = make(tmp_path / ("x" * 90))
    home.prepare(settings)
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        monkeypatch.setattr("tempfile.tempdir", short)
        shared = parts.socket_file(settings).parent
        assert shared.parent == Path(short)
        shared.mkdir()
        shared.chmod(0o777)
        with pytest.raises(VitalsError, match="is not yours alone"):
            parts.write_config(settings, [])


def test_only_one_holds_a_home(tmp_path: Path) -> None:
    settings = make(tmp_path)
    home.prepare(settings)
    assert not home.is_locked(settings)
    with home.locked(settings):
        assert home.is_locked(settings)
        with pytest.raises(VitalsError, match="another `vitals up` or `down`"), home.locked(settings):
            pass
    assert not home.is_locked(settings)
