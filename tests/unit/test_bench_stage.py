"""The stage of the bench, and of all stacks of tests: its own environment, whatever that of its caller is."""

import pathlib

import pytest

from streams import settings as settings_module
from streams.stack.parts import environment
from tests.bench.stage import Stage
from tests.conftest import make_settings


def test_what_the_caller_set_for_a_stack_of_his_own_reaches_none_of_ours(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = {"HOME": "/nowhere", "KAFKA": "127.0.0.1:1", "CLICKHOUSE_PORT": "1", "WORKERS": "7", "BI_PASSWORD": "x"}
    for name, value in others.items():
        monkeypatch.setenv(f"VITALS_{name}", value)
    monkeypatch.setenv("VITALS_CACHE", str(tmp_path / "cache"))
    made = make_settings(tmp_path, tick_seconds=1.0)
    found = {name: value for name, value in environment(made).items() if name.startswith("VITALS_")}
    assert found == {
        "VITALS_HOME": str(tmp_path),
        "VITALS_CACHE": str(tmp_path / "cache"),
        "VITALS_TICK_SECONDS": "1.0",
    }
    assert settings_module.load(environment(made)).kafka == "127.0.0.1:19092"


def test_who_fails_on_the_stage_has_the_last_word(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on = Stage(make_settings(tmp_path), tmp_path)
    monkeypatch.setattr(Stage, "ends", lambda *_: {})
    with pytest.raises(SystemExit) as failed:
        on.vitals("groups", "--limit", "none")
    assert "`vitals groups --limit none` failed, its last word: vitals: Invalid value for '--limit'" in str(
        failed.value
    )
