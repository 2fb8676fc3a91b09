"""The real stack, shared by the test session: Kafka and ClickHouse on ports of their own in a temporary home."""

import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import hypothesis
import pytest

from streams import settings as settings_module
from streams.settings import Settings
from streams.stack import addresses
from streams.stack.processes import wait_until
from streams.stack.start import up
from streams.stack.steps import Steps
from streams.stack.stop import down

Vitals = Callable[..., str]

# Other work on the machine is no fault of the code. With CI=1 the same examples are tried each time.
UNTIMED = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("untimed", **UNTIMED)
hypothesis.settings.load_profile("untimed")

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
SLICE = len(addresses._BELOW_EPHEMERAL) // 8
# Each process of a run looks for free ports of its own: one that a stack gave up for a moment is nobody else's.
addresses._BELOW_EPHEMERAL = addresses._BELOW_EPHEMERAL[WORKER % 8 * SLICE :][:SLICE]

if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As of whoever runs in the background of a shell. The tests' children would ignore Ctrl-C too.
    signal.signal(signal.SIGINT, signal.default_int_handler)


KEPT = {"cache", "maven_mirror"}
"""What the variables of whoever runs us may say of a stack of ours: where Kafka is fetched."""


def make_settings(home: pathlib.Path, **changed: object) -> Settings:
    """Settings of a stack on free ports. What the environment says of another is forgotten, for our children too."""
    ports: set[int] = set()
    while len(ports) < 3:
        ports.add(addresses.free_port(ports))
    kafka, tcp, http = ports
    taken = {"kafka": f"127.0.0.1:{kafka}", "clickhouse_port": tcp, "clickhouse_http_port": http}
    cache = settings_module.load().cache
    for name in set(Settings.__struct_fields__) - KEPT:
        os.environ.pop(f"VITALS_{name.upper()}", None)
    return Settings(**{"home": home, "cache": cache, **taken, **changed})


def steady_now(minutes: int = 4) -> datetime:
    """Now, to the second, waited for if the day of UTC would end under a test that takes so long."""
    day_s = 86_400
    assert wait_until(lambda: time.time() % day_s < day_s - 60 * minutes, 70 * minutes)
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A running stack without agents: topics applied, ClickHouse migrated. Use brands and groups of your own."""
    said: list[str] = []
    settings = make_settings(tmp_path_factory.mktemp("stack"))
    quiet = Steps(said.append, is_live=False)
    try:
        yield up(settings, agents=False, steps=quiet)
    finally:
        down(settings, steps=quiet)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A whole running stack of the module's own, with agents and a quick tick, whose parts say how they are."""
    quick = {"tick_seconds": 2.0, "metrics_seconds": 2.0, "metrics": "127.0.0.1:0"}
    settings = make_settings(tmp_path_factory.mktemp("whole"), **quick)
    quiet = Steps(lambda _: None, is_live=False)
    try:
        yield up(settings, steps=quiet)
    finally:
        down(settings, steps=quiet)


@pytest.fixture(scope="module")
def vitals(home: Settings, request: pytest.FixtureRequest) -> Vitals:
    """Runs a command against `home` and answers what it prints. A module may set COMMAND_LIMIT_S for long ones."""
    limit_s = getattr(request.module, "COMMAND_LIMIT_S", 240)
    env = os.environ | {"VITALS_HOME": str(home.home), "COLUMNS": "200"}

    def run(*arguments: object) -> str:
        command = [sys.executable, "-m", "streams", *map(str, arguments)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=limit_s)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
