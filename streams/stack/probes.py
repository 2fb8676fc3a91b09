"""Real answers of the servers, and how long to wait for them."""

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from streams.errors import VitalsError
from streams.kafka_access import librdkafka
from streams.settings import Settings

ANSWER_LIMIT_S = 5.0
LOW_BYTES = 1 << 30
"""Less room on ClickHouse's disk than this is told before it runs out."""
_ROOM = "SELECT unreserved_space FROM system.disks WHERE name = 'default'"


def kafka_admin(settings: Settings) -> Any:
    """A confluent-kafka admin client that writes no errors of its own to the terminal."""
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415  20 ms that `--help` need not pay

    return AdminClient(kafka_config(settings))


def kafka_config(settings: Settings) -> dict[str, Any]:
    """Of a confluent-kafka client that asks a short question."""
    return {
        **librdkafka(settings),
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 250,
        "socket.timeout.ms": 5000,
        "log_level": 0,  # not by callbacks: a client that is collected while it has any may crash the process
    }


def kafka_error(settings: Settings, *, limit_s: float = ANSWER_LIMIT_S, admin: Any = None) -> str | None:
    """None if the broker answers with its metadata, else why not."""
    from confluent_kafka import KafkaException  # noqa: PLC0415

    try:
        metadata = (admin or kafka_admin(settings)).list_topics(timeout=limit_s)
    except KafkaException as error:
        return f"no answer from {settings.kafka}: {error.args[0].str()}"
    return None if metadata.brokers else f"{settings.kafka} knows of no broker"


def clickhouse_error(settings: Settings, *, limit_s: float = ANSWER_LIMIT_S) -> str | None:
    """None if both servers of ClickHouse answer and the vitals user can ask, else why not."""
    try:
        if rows(settings, "SELECT 1", limit_s=limit_s) != [[1]]:
            return "ClickHouse gave a wrong answer to SELECT 1"
        socket.create_connection((settings.clickhouse_host, settings.clickhouse_port), limit_s).close()
    except VitalsError as error:
        return str(error)
    except OSError as error:
        return f"no answer from {settings.clickhouse_host}:{settings.clickhouse_port}: {error.strerror or error}"
    return None


def room_left(settings: Settings) -> int:
    """Bytes that ClickHouse may still take on its disk, beyond what it keeps free. Raises VitalsError."""
    return int(rows(settings, _ROOM)[0][0])


def rows(settings: Settings, query: str, *, limit_s: float = ANSWER_LIMIT_S, **values: str) -> list[list[Any]]:
    """The rows of a query, asked over HTTP as the vitals user. Raises VitalsError.

    `values` stand for the query's `{name:Type}`.
    """
    found: list[list[Any]] = json.loads(execute(settings, query, limit_s=limit_s, **values))["data"]
    return found


def execute(settings: Settings, statement: str, *, limit_s: float = ANSWER_LIMIT_S, **values: str) -> bytes:
    """Run a statement; what it answers, JSON if it gives rows. Raises VitalsError, as when the user may not."""
    at = f"{settings.clickhouse_host}:{settings.clickhouse_http_port}"
    headers = {
        "X-ClickHouse-User": settings.clickhouse_user,
        "X-ClickHouse-Key": settings.password_of("clickhouse"),
        "X-ClickHouse-Format": "JSONCompact",
    }
    connection = _connection(settings, at, limit_s)
    try:
        connection.request("POST", f"/?{_parameters(values)}", statement.encode(), headers)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise VitalsError(f"no answer from {at}: {getattr(error, 'strerror', None) or error}") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise VitalsError(f"{at} refused: {' '.join(body.decode('utf-8', 'replace').split())[:200]}")
    return body


def _connection(settings: Settings, at: str, limit_s: float) -> http.client.HTTPConnection:
    if not settings.clickhouse_secure:
        return http.client.HTTPConnection(at, timeout=limit_s)
    ca = str(settings.clickhouse_ca) if settings.clickhouse_ca else None
    return http.client.HTTPSConnection(at, timeout=limit_s, context=ssl.create_default_context(cafile=ca))


def _parameters(values: Mapping[str, str]) -> str:
    bound = {f"param_{name}": value for name, value in values.items()}
    return urlencode(bound | {"output_format_json_quote_64bit_integers": "0"})


def error_of(settings: Settings, server: str, *, limit_s: float = ANSWER_LIMIT_S, admin: Any = None) -> str | None:
    """None if `kafka` or `clickhouse` answers as it should, else why not."""
    if server == "kafka":
        return kafka_error(settings, limit_s=limit_s, admin=admin)
    return clickhouse_error(settings, limit_s=limit_s)
