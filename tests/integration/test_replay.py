"""The same log gives the same bytes, whatever the chunks, the workers and the flushes; and again from offset 0."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from streams.connectors.commands import import_command
from streams.settings import Settings
from streams.simulate.command import simulate_command
from streams.stack.start import up
from streams.stack.steps import Steps
from streams.stack.stop import down
from tests.conftest import make_settings
from tests.replay import Config, replay

pytestmark = pytest.mark.integration

GROUPS = 12
CONFIGS = (Config(50, 1, 500), Config(500, 2, 2_000), Config(5_000, 3), Config(500, 1))


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A stack without agents whose chat-events holds a small fleet."""
    settings = make_settings(tmp_path / "home")
    quiet = Steps(lambda _: None, is_live=False)
    try:
        settings = up(settings, agents=False, steps=quiet)
        monkeypatch.setenv("VITALS_HOME", str(settings.home))
        fleet = tmp_path / "fleet"
        asked = ["--out", str(fleet), "--groups", str(GROUPS), "--days", "60", "--seed", "3"]
        for command, arguments in ((simulate_command, asked), (import_command, ["jsonl", f"{fleet}/events.jsonl.gz"])):
            done = CliRunner().invoke(command, arguments, catch_exceptions=False)
            assert done.exit_code == 0, done.output
        yield settings
    finally:
        down(settings, steps=quiet)


def test_one_log_one_result(log: Settings) -> None:
    digests = [replay(log, config) for config in CONFIGS]
    assert digests[0].values == GROUPS
    assert digests[0].rows > 40 * GROUPS
    assert set(digests) == {digests[0]}
