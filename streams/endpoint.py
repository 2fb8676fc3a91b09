"""`/metrics`, `/live` and `/ready` of a part over HTTP, where the setting `metrics` asks for it."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client.exposition import choose_encoder

from streams.errors import VitalsError
from streams.logs import log_of
from streams.pulse import Pulse

log = log_of(__name__)
_PLAIN = "text/plain; charset=utf-8"
_SLOW_S = 5.0


def parsed(address: str) -> tuple[str, int]:
    """Host and port of host:port or [v6]:port; port 0 is any free one. Raises VitalsError."""
    host, _, port = address.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        host = ""
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise VitalsError(f"VITALS_METRICS is {address!r}: write host:port, as in 127.0.0.1:9464 or [::1]:9464")
    return host, int(port)


def serve(address: str | None, pulse: Pulse) -> "ThreadingHTTPServer | None":
    """Answer at `address` in a thread until the process ends; nowhere if it is None.

    An address that cannot be had costs a line in the log, not the part's work. Raises VitalsError for what is none.
    """
    if not address:
        return None
    host, port = parsed(address)
    try:
        server = _server(host, port, pulse)
    except OSError as error:
        why = error.strerror or str(error)
        log.error("no metrics at %s (%s): set VITALS_METRICS to a free address of this machine", address, why)
        return None
    shown = f"[{host}]" if ":" in host else host
    pulse.address = f"{shown}:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True, name="metrics").start()
    log.info("metrics at http://%s/metrics", pulse.address)
    return server


def _server(host: str, port: int, pulse: Pulse) -> ThreadingHTTPServer:
    family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]

    class Server(ThreadingHTTPServer):
        address_family = family
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A caller that went away is not worth a word."""

    return Server(where[:2], _handler(pulse))  # type: ignore[arg-type]


def _handler(pulse: Pulse) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version = "vitals", ""
        timeout = _SLOW_S

        def do_GET(self) -> None:
            status, kind, body = _answer(pulse, self.path.partition("?")[0], self.headers.get("Accept", ""))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815  as the server calls it

        def log_message(self, *_: Any) -> None:
            """Nothing: a line for each scrape would drown the rest."""

    return Handler


def _answer(pulse: Pulse, path: str, accept: str) -> tuple[int, str, bytes]:
    if path == "/metrics":
        encode, kind = choose_encoder(accept)
        return 200, kind, encode(pulse.registry)
    if path not in ("/live", "/ready"):
        return 404, _PLAIN, b"there are /metrics, /live and /ready\n"
    trouble = pulse.hangs if path == "/live" else pulse.idles
    return (503 if trouble else 200), _PLAIN, f"{trouble or 'ok'}\n".encode()
