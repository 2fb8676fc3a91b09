"""What runs: the parts of the stack, in the order of their start, and the supervisor's configuration for them."""

import os
import shlex
import sys
import tempfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import msgspec

from streams.settings import Settings
from streams.stack.addresses import ADDRESS_FIELDS
from streams.stack.home import make_private, write_private
from streams.stack.processes import marker

AGENT, SINK, TICKER = 30, 40, 50
SERVER_PRIORITY = {"kafka": 10, "clickhouse": 20}
_LONGEST_SOCKET_PATH = 100
"""The kernel takes 103 bytes on macOS, 107 on Linux; the supervisor binds to a temporary name that is longer."""


class Part(msgspec.Struct, frozen=True):
    """A supervised process. It stops before all parts of a lower priority, and within `stop_s` or is killed."""

    name: str
    command: tuple[str, ...]
    priority: int
    stop_s: int

    @property
    def is_server(self) -> bool:
        """Kafka or ClickHouse, which the agents need."""
        return self.priority < AGENT


def server_part(name: str, command: tuple[str, ...]) -> Part:
    """Kafka or ClickHouse, given the command that serves."""
    return Part(name, command, SERVER_PRIORITY[name], stop_s=30)


def agent_parts(settings: Settings) -> list[Part]:
    """Workers, sink and ticker; `vitals notify` where somebody wrote down whom to tell."""
    groups = [f"groups-{number}" for number in range(1, settings.workers + 1)]
    workers = [(name, ("worker", "groups", "--name", name)) for name in groups]
    workers += [(name, ("worker", name, "--name", name)) for name in ("identity", "attribution", "alerts")]
    vitals = (sys.executable, "-X", marker(settings.home), "-m", "streams")
    return [
        *(Part(name, (*vitals, *arguments), AGENT, stop_s=15) for name, arguments in workers),
        Part("sink", (*vitals, "sink", "--name", "sink"), SINK, stop_s=20),
        Part("ticker", (*vitals, "ticker"), TICKER, stop_s=8),
        *([Part("notify", (*vitals, "notify"), SINK, stop_s=15)] if (settings.home / "notify.toml").exists() else []),
    ]


def pid_file(settings: Settings, name: str) -> Path:
    """Where `launch` notes the pid of a part."""
    return settings.run / f"{name}.pid"


def log_file(settings: Settings, name: str) -> Path:
    """The output of a part, or of the supervisor itself (`supervisord`)."""
    return settings.logs / f"{name}.log"


def config_file(settings: Settings) -> Path:
    """The supervisor's configuration, made anew by each `up`."""
    return settings.run / "supervisord.conf"


def socket_file(settings: Settings) -> Path:
    """The supervisor's control socket: in the home, or where a path is short enough for the kernel."""
    name = f"vitals-{os.getuid()}/{sha256(os.fsencode(settings.home.resolve())).hexdigest()[:16]}.sock"
    paths = (settings.run.resolve() / "supervisor.sock", Path(tempfile.gettempdir()) / name)
    longest = _LONGEST_SOCKET_PATH - len(f".{2**22}")
    short = (path for path in paths if len(os.fsencode(path)) <= longest)
    return next(short, Path("/tmp") / name)  # noqa: S108  in a folder of the user's own; TMPDIR may be long too


def environment(settings: Settings) -> dict[str, str]:
    """What the parts find in their environment: the settings that differ from the defaults, addresses apart.

    Addresses are read from `stack.toml` or as the user configured them.
    """
    own = {"VITALS_HOME": str(settings.home), "VITALS_CACHE": str(settings.cache), "PYTHONUNBUFFERED": "1"}
    for field in msgspec.structs.fields(Settings):
        value = getattr(settings, field.name)
        if not field.required and value != field.default and field.name not in ADDRESS_FIELDS:
            own[f"VITALS_{field.name.upper()}"] = str(value)
    return os.environ | own


_SUPERVISORD = """\
[supervisord]
logfile={log}
logfile_maxbytes=10MB
logfile_backups=3
pidfile={pid_file}
directory={home}
umask=077
{user}
[unix_http_server]
file={socket}
chmod=0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
# A part that ends within startsecs is tried again after 1, 2, 3 … s; later ends are made good at once.
_PROGRAM = """
[program:{name}]
command={command}
environment={environment}
autostart=false
autorestart=true
startsecs=2
startretries=30
priority={priority}
stopwaitsecs={stop_s}
stopasgroup=false
killasgroup=true
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
"""


def write_config(settings: Settings, parts: Sequence[Part]) -> None:
    """Write the supervisor's configuration, and make a place for its socket."""
    metrics = _metrics(settings, parts)
    make_private(socket_file(settings).parent)
    head = _SUPERVISORD.format(
        log=_plain(log_file(settings, "supervisord")),
        pid_file=_plain(pid_file(settings, "supervisord")),
        home=_plain(settings.home),
        socket=_plain(socket_file(settings)),
        user="user=root\n" if os.getuid() == 0 else "",
    )
    write_private(config_file(settings), head + "".join(_program(settings, part, metrics[part.name]) for part in parts))


def _metrics(settings: Settings, parts: Sequence[Part]) -> dict[str, str]:
    """Where each part answers `/metrics`: the port of the setting, then those after it. Raises VitalsError."""
    from streams.endpoint import parsed  # noqa: PLC0415  only where metrics are asked for

    places = dict.fromkeys((part.name for part in parts), "")
    if settings.metrics:
        host, port = parsed(settings.metrics)
        shown = f"[{host}]" if ":" in host else host
        for number, part in enumerate(part for part in parts if not part.is_server):
            places[part.name] = f"{shown}:{min(port + number, 65_535) if port else 0}"
    return places


def _program(settings: Settings, part: Part, metrics: str) -> str:
    launch = (sys.executable, "-m", "streams.stack.launch", str(pid_file(settings, part.name)), *part.command)
    return _PROGRAM.format(
        name=part.name,
        environment=f'VITALS_METRICS="{_plain(metrics)}"' if metrics else "",
        command=_plain(shlex.join(launch)),
        priority=part.priority,
        stop_s=part.stop_s,
        log=_plain(_plain(log_file(settings, part.name))),  # the supervisor expands this one twice
    )


def _plain(value: str | Path) -> str:
    """A value that the supervisor takes as it stands: % would start an expansion."""
    return str(value).replace("%", "%%")
