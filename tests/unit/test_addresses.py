import socket
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from streams import settings as settings_module
from streams.errors import VitalsError
from streams.settings import Settings
from streams.stack import addresses, home


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in addresses.ADDRESS_FIELDS:
        monkeypatch.delenv(f"VITALS_{name.upper()}", raising=False)
    made = Settings(home=tmp_path, cache=tmp_path)
    home.prepare(made)
    return made


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", addresses.free_port())) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    "address", ["localhost", "localhost:", "localhost:kafka", "localhost:0", "localhost:65536", "a:²"]
)
def test_an_address_without_a_port_that_can_be_is_none(address: str) -> None:
    assert addresses.port_of("[::1]:65535") == 65535
    with pytest.raises(VitalsError, match=f"^'{address}' is no address: write host:port"):
        addresses.port_of(address)


def test_a_port_is_free_until_somebody_listens(taken: int) -> None:
    assert not addresses.is_free(taken)
    assert addresses.is_free(addresses.free_port({taken}))


def test_a_port_that_was_just_given_up_is_free() -> None:
    server = socket.create_server(("127.0.0.1", port := addresses.free_port()))
    with server, socket.create_connection(("127.0.0.1", port)):
        server.accept()[0].close()  # leaves a TIME_WAIT behind
    assert addresses.is_free(port)


def test_a_default_that_is_taken_gives_way(settings: Settings, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "is_configured", lambda *_: False)
    wanted = msgspec.structs.replace(settings, kafka=f"127.0.0.1:{taken}")
    chosen, remarks = addresses.choose(wanted, ["kafka"])
    assert addresses.port_of(chosen.kafka) != taken
    assert remarks == [f"port {taken} is taken, using {addresses.port_of(chosen.kafka)} for kafka"]


def test_servers_that_run_keep_their_address(settings: Settings, taken: int) -> None:
    wanted = msgspec.structs.replace(settings, kafka=f"127.0.0.1:{taken}")
    assert addresses.choose(wanted, []) == (wanted, [])


@pytest.mark.parametrize("where", ["environment", "toml", "argument"])
def test_a_configured_address_never_gives_way(
    settings: Settings, taken: int, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if where == "environment":
        monkeypatch.setenv("VITALS_CLICKHOUSE_PORT", str(taken))
    if where == "toml":
        (settings.home / "vitals.toml").write_text(f"clickhouse_port = {taken}\n")
    wanted = msgspec.structs.replace(settings, clickhouse_port=taken)
    with pytest.raises(VitalsError, match=f"port {taken} is taken .* VITALS_CLICKHOUSE_PORT"):
        addresses.choose(wanted, ["clickhouse"])


def test_one_port_is_not_given_to_two_servers(settings: Settings) -> None:
    port = addresses.free_port()
    wanted = msgspec.structs.replace(settings, clickhouse_port=port, clickhouse_http_port=port)
    with pytest.raises(VitalsError, match="VITALS_CLICKHOUSE_HTTP_PORT"):
        addresses.choose(wanted, ["clickhouse"])


def test_what_was_taken_is_read_by_every_command(settings: Settings) -> None:
    moved = msgspec.structs.replace(
        settings, kafka="127.0.0.1:20001", clickhouse_port=20002, clickhouse_http_port=20003
    )
    addresses.record(moved, ["kafka", "clickhouse"])
    assert settings_module.load({"VITALS_HOME": str(settings.home)}).kafka == "127.0.0.1:20001"
    assert tomllib.loads((settings.run / "stack.toml").read_text())["clickhouse_http_port"] == 20003
    assert not addresses.is_configured(moved, "kafka")


@pytest.mark.parametrize("address", ["localhost", "localhost:", "localhost:http"])
def test_an_address_without_a_port_is_an_error(address: str) -> None:
    with pytest.raises(VitalsError, match="write host:port"):
        addresses.port_of(address)
