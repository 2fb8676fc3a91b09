"""The embedded Kafka's configuration."""

from pathlib import Path

import msgspec
import pytest

from streams.errors import VitalsError
from streams.settings import Settings
from streams.stack import addresses, kafka
from streams.stack.java import Java


def with_a_java_that(tmp_path: Path, does: str) -> Java:
    path = tmp_path / "java"
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o700)
    return Java(path, 17, "test")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a stack whose ports are chosen and not listened on yet."""
    port = addresses.free_port()
    return Settings(
        home=tmp_path,
        cache=tmp_path,
        kafka=f"127.0.0.1:{port}",
        clickhouse_port=port + 1,
        clickhouse_http_port=port + 2,
    )


def controller_port(settings: Settings) -> int:
    text = (kafka.folder(settings) / "server.properties").read_text()
    return int(text.partition("CONTROLLER://127.0.0.1:")[2].split()[0].split(",")[0])


def test_the_controller_takes_no_port_that_another_server_was_given(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = addresses.port_of(settings.kafka)
    monkeypatch.setattr(addresses, "_BELOW_EPHEMERAL", [*range(first, first + 8)] * 25)
    java = with_a_java_that(tmp_path, "exit 0")
    for _ in range(20):
        kafka.configure(settings, java)
        assert controller_port(settings) not in range(first, first + 3)
        (kafka.folder(settings) / "server.properties").unlink()


def test_the_controller_keeps_its_port_unless_another_server_was_given_it(settings: Settings, tmp_path: Path) -> None:
    java = with_a_java_that(tmp_path, "exit 0")
    kafka.configure(settings, java)
    port = controller_port(settings)
    kafka.configure(settings, java)
    assert controller_port(settings) == port
    kafka.configure(msgspec.structs.replace(settings, clickhouse_port=port), java)
    assert controller_port(settings) != port


def test_a_failed_format_tells_the_innermost_cause(settings: Settings, tmp_path: Path) -> None:
    trace = 'Exception in thread "main" a.B: outer\\n\\tat a.C(D.java:1)\\nCaused by: a.E: same port\\n\\t... 8 more\\n'
    with pytest.raises(VitalsError, match=r"could not be formatted: Caused by: a\.E: same port$"):
        kafka.configure(settings, with_a_java_that(tmp_path, f"printf '{trace}' >&2; exit 1"))
