"""Which address each server takes: configured, taken before, default, or a free port."""

import os
import random
import socket
import tomllib
from collections.abc import Collection

import msgspec

from streams.errors import VitalsError
from streams.settings import Settings
from streams.stack.home import write_private

KAFKA, CLICKHOUSE = "kafka", "clickhouse"
FIELDS = {KAFKA: ("kafka",), CLICKHOUSE: ("clickhouse_host", "clickhouse_port", "clickhouse_http_port")}
ADDRESS_FIELDS = frozenset(field for fields in FIELDS.values() for field in fields)
_BELOW_EPHEMERAL = range(20_000, 32_000)
"""Ports that no outgoing connection takes by chance, on Linux as on macOS."""


def port_of(address: str) -> int:
    """The port of a `host:port`. Raises VitalsError."""
    _, _, port = address.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise VitalsError(f"{address!r} is no address: write host:port, as in VITALS_KAFKA=127.0.0.1:19092")
    return int(port)


def shown(settings: Settings, server: str) -> str:
    """Where `kafka` or `clickhouse` is, for people."""
    return settings.kafka if server == KAFKA else f"{settings.clickhouse_host}:{settings.clickhouse_port}"


def is_free(port: int) -> bool:
    """Whether a server could listen on that port of 127.0.0.1."""
    with socket.socket() as caller:
        caller.settimeout(0.5)
        if caller.connect_ex(("127.0.0.1", port)) == 0:
            return False
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do: TIME_WAIT is no hindrance
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(avoid: Collection[int] = ()) -> int:
    """A port that nothing listens on now."""
    for port in random.SystemRandom().sample(_BELOW_EPHEMERAL, 200):
        if port not in avoid and is_free(port):
            return port
    raise VitalsError("200 ports in a row are taken: end some servers, or set VITALS_KAFKA and VITALS_CLICKHOUSE_PORT")


def is_configured(settings: Settings, field: str) -> bool:
    """Whether the user chose this address, so that no other may be taken in its place."""
    if os.environ.get(f"VITALS_{field.upper()}") or field in _read(settings, "vitals.toml"):
        return True
    taken_before = _read(settings, "run/stack.toml").get(field)
    default = next(f.default for f in msgspec.structs.fields(Settings) if f.name == field)
    return getattr(settings, field) not in (default, taken_before)


def choose(settings: Settings, stopped: Collection[str]) -> tuple[Settings, list[str]]:
    """Settings with an address for each server, and what to say about ports that were taken.

    `stopped`: the servers of ours that do not run now, whose ports must thus be free. Raises VitalsError if a
    configured port is taken by another program.
    """
    remarks: list[str] = []
    if KAFKA in stopped:
        port = _port(settings, "kafka", port_of(settings.kafka), remarks)
        settings = msgspec.structs.replace(settings, kafka=f"127.0.0.1:{port}")
    if CLICKHOUSE in stopped:
        tcp = _port(settings, "clickhouse_port", settings.clickhouse_port, remarks)
        http = _port(settings, "clickhouse_http_port", settings.clickhouse_http_port, remarks, avoid={tcp})
        settings = msgspec.structs.replace(
            settings, clickhouse_host="127.0.0.1", clickhouse_port=tcp, clickhouse_http_port=http
        )
    return settings, remarks


def _port(
    settings: Settings, field: str, wanted: int, remarks: list[str], *, avoid: Collection[int] = frozenset()
) -> int:
    if wanted not in avoid and is_free(wanted):
        return wanted
    if is_configured(settings, field):
        raise VitalsError(f"port {wanted} is taken by another program: end that, or change VITALS_{field.upper()}")
    port = free_port({*avoid, wanted})
    remarks.append(f"port {wanted} is taken, using {port} for {field}")
    return port


def record(settings: Settings, servers: Collection[str]) -> None:
    """Write the addresses that our servers took to `<home>/run/stack.toml`, where every command finds them."""
    lines = [
        f"{field} = {_literal(getattr(settings, field))}\n" for server in sorted(servers) for field in FIELDS[server]
    ]
    write_private(settings.run / "stack.toml", "".join(lines))


def _literal(value: str | int) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _read(settings: Settings, name: str) -> dict[str, object]:
    path = settings.home / name
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
