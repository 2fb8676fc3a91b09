"""The command `vitals`: one table of commands, each imported when it is called, and one way to fail.

Exit codes: 0 done, 1 something the user can mend (one line on stderr; nothing if the reader of a pipe went away),
2 wrong usage, 70 a bug (one line and a log), 130 interrupted.
"""

import difflib
import importlib
import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from streams import __version__
from streams.errors import VitalsError

COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("streams.stack.commands:up", "Start Kafka, ClickHouse, agents and sink on this machine."),
    "down": ("streams.stack.commands:down", "Stop what `up` started, in order."),
    "status": (
        "streams.stack.commands:status",
        "Show each part with its health, the lag of the consumers and the rows stored.",
    ),
    "doctor": (
        "streams.stack.commands:doctor",
        "Look for what is wrong on this machine and in the stack, and say what to do.",
    ),
    "groups": ("streams.reading:groups", "Rank the groups, worst first."),
    "group": ("streams.reading:group", "Show one group: vitals, reasons, worth, members, money."),
    "cleanup": ("streams.cleanup_command:cleanup_command", "List whom a group might part with, and what to do first."),
    "work-list": ("streams.reading:work_list", "List what to do next, first where there is most to lose."),
    "report": ("streams.report.command:report_command", "Write a brand's week as one page of HTML."),
    "alerts": ("streams.alert_commands:alerts_commands", "List alerts, acknowledge them, have a group snoozed."),
    "notify": ("streams.notify.command:notify_command", "Tell people and programs of alerts."),
    "playbook": (
        "streams.playbook_commands:playbook_commands",
        "Note what is done to revive a group, and learn whether it helped.",
    ),
    "points": ("streams.points_command:points_command", "Show who earned most points in a group, and what is left."),
    "import": ("streams.connectors.commands:import_command", "Read chat logs or orders and send them as events."),
    "backtest": (
        "streams.backtest.command:backtest_command",
        "Replay a file of events and write what would have been said each day.",
    ),
    "calibrate": (
        "streams.calibrate:calibrate_command",
        "Learn from each brand's past how often its groups died, and tell the agents.",
    ),
    "fit": ("streams.fit.command:fit_command", "Fit the risk to the deaths in a file of events."),
    "simulate": ("streams.simulate.command:simulate_command", "Make a fleet of groups with planted deaths."),
    "wait": ("streams.waiting:wait_command", "Wait until all that was sent has reached ClickHouse."),
    "sql": ("streams.sql_command:sql_command", "Ask ClickHouse as the readonly user."),
    "dashboards": (
        "streams.dashboards.command:dashboards",
        "Grafana's pages and alert rules: check them, write them as files, push them.",
    ),
    "forget": (
        "streams.forget_command:forget_command",
        "Erase who members are: their raw ids and names, everywhere, for good.",
    ),
    "access": ("streams.stack.access_command:access_commands", "Let people read the tables of some brands."),
    "dead-letters": ("streams.dead_letter_commands:dead_letters", "Look at refused records."),
    "topics": ("streams.topics:topics_commands", "Create and check the Kafka topics."),
    "migrate": ("streams.migrations:migrate_command", "Bring the ClickHouse schema up to date."),
    "worker": ("streams.app:worker_command", "Run one agent in the foreground."),
    "sink": ("streams.sink:sink_command", "Run the sink from Kafka to ClickHouse in the foreground."),
    "ticker": ("streams.ticker:ticker_command", "Append a tick to every partition of chat-events, each minute."),
}
"""Name → where the click command lives, and its line in `vitals --help`, in the order shown there."""

BUG, INTERRUPTED = 70, 130
CRASH_LOG_BYTES = 1 << 20
"""Beyond this the log of crashes begins anew: a part that fails at every start must not fill the disk."""


class LazyGroup(click.Group):
    """A click group that imports a command's module when that command is asked for, and no other."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Every name of the table, in its order."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; None for a name that is not in the table."""
        return load_command(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands out of the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a guess at what a misspelt name meant."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            near = difflib.get_close_matches(name, COMMANDS, n=1)
            ctx.fail(f"no command {name!r}" + (f", did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)


def load_command(name: str) -> click.Command:
    """The click command of that name. Raises VitalsError when something that it imports is not installed."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    try:
        command: click.Command = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise VitalsError(f"`vitals {name}` cannot start: {error}; install what is missing and try again") from error
    return command


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExample:\n  vitals up\n  vitals import irc channels.tar.xz\n  vitals groups",
)
@click.version_option(__version__, prog_name="vitals")
def cli() -> None:
    """Vital signs for chat groups: which group is dying, why, and is it worth saving."""


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit. No input of a user's makes a traceback; VITALS_DEBUG=1 shows them all."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without Unicode shows ? for a Chinese name
    sys.exit(run(args))


def run(args: Sequence[str] | None = None) -> int:
    """Run the command line and give the exit code."""
    try:
        result: Any = cli.main(args, prog_name="vitals", standalone_mode=False)
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:
        return _fail(error)
    return result if isinstance(result, int) else 0


def _fail(error: BaseException) -> int:
    """Say what went wrong in one line, and give the exit code for it."""
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python complains when it flushes at its exit
        return 1
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return error.exit_code
    if _is_debug():
        traceback.print_exception(error)
    line, code = _line_of(error)
    click.echo(f"vitals: {line}", err=True)
    return code


def _line_of(error: BaseException) -> tuple[str, int]:
    if isinstance(error, VitalsError):
        return str(error), 1
    if isinstance(error, click.ClickException):
        return _usage(error), error.exit_code
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return "interrupted", INTERRUPTED
    what = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
    return f"this is a bug: {what} (details: {_log_bug(error) or 'run it again with VITALS_DEBUG=1'})", BUG


def _usage(error: click.ClickException) -> str:
    message = " ".join(error.format_message().split())
    if isinstance(error, click.UsageError) and error.ctx:
        return f"{message.rstrip('.')} (see `{error.ctx.command_path} --help`)"
    return message


def _log_bug(error: BaseException) -> str | None:
    """Keep the traceback in `<home>/logs/crash.log`; None where that cannot be written."""
    from streams import settings  # noqa: PLC0415  not needed by `--help`

    try:
        path = settings.load().logs / "crash.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        is_full = path.exists() and path.stat().st_size > CRASH_LOG_BYTES
        with path.open("w" if is_full else "a", encoding="utf-8") as log:
            traceback.print_exception(error, file=log)
    except (OSError, VitalsError):
        return None
    return str(path)


def _is_debug() -> bool:
    return os.environ.get("VITALS_DEBUG", "") not in ("", "0")
