"""`vitals import FORMAT PATH…`: the command line of the connectors."""

import time
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

import click

from streams import settings
from streams.connectors.csv_commands import identities_command, orders_command, shopify_command
from streams.connectors.options import (
    brand_of,
    chat_options,
    common_options,
    paths_argument,
    pseudonyms_of,
    recipe_of,
    run_import,
    timezone_option,
)
from streams.connectors.telling import Options

LARGE_BYTES = 64 << 20


@click.group(
    "import",
    epilog="\b\nExample:\n  vitals import irc --brand acme logs.tar.xz\n"
    "  vitals import orders-csv --brand acme --dry-run orders.csv",
)
def import_command() -> None:
    """Read chat logs or orders and send them as events.

    Everything is read in a stream and sent in the order of event time. An import that was stopped goes on where it
    was when it is run again; what was sent before is known again and counts once, however the exports are cut.
    Lines that are no events of the format are counted; lines that cannot be read go to the topic dead-letters
    with their bytes and a reason.
    """


@import_command.command(
    "irc",
    short_help="IRC logs: channel/year/YYYY-MM-DD.",
    epilog="\b\nExample:\n  vitals import irc --brand acme --bot logbot logs.tar.xz",
)
@paths_argument
@timezone_option
@chat_options
@common_options
def irc_command(paths: tuple[Path, ...], zone: tzinfo, options: Options, **who: Any) -> None:
    """Read IRC logs: files channel/year/YYYY-MM-DD in a directory, a tar or a zip."""
    from streams.connectors.irc import IrcReader  # noqa: PLC0415  `--help` needs none of it

    recipe = recipe_of("irc", paths, zone, **who)
    home = settings.load()
    pseudonyms = pseudonyms_of(recipe.brand_id, home)
    _say_unpacking(paths)
    run_import(lambda: IrcReader(paths, recipe, pseudonyms, home.home / "imports"), recipe, options, home)


@import_command.command(
    "slack",
    short_help="The export of a Slack workspace.",
    epilog="\b\nExample:\n  vitals import slack --brand acme 'acme Slack export.zip'",
)
@paths_argument
@chat_options
@common_options
def slack_command(paths: tuple[Path, ...], options: Options, **who: Any) -> None:
    """Read the export of a Slack workspace: the zip, or the directory that it was unpacked to.

    --bot and --staff take user ids or user names.
    """
    from streams.connectors.slack import SlackReader  # noqa: PLC0415
    from streams.connectors.slack_people import People  # noqa: PLC0415

    recipe = recipe_of("slack", paths, UTC, **who)
    home = settings.load()
    people = People(recipe, pseudonyms_of(recipe.brand_id, home))
    _say_unpacking(paths)
    run_import(lambda: SlackReader(paths, recipe, people, home.home / "imports"), recipe, options, home)


@import_command.command(
    "jsonl",
    short_help="Events as JSON lines.",
    epilog="\b\nExample:\n  vitals import jsonl fleet/events.jsonl.gz\n\n\b\nA line:\n"
    '  {"type": "message", "event_id": "acme/wecom/wr42/1001",\n   "occurred_at": 1767261600000, "brand_id": "acme",\n'
    '   "platform": "wecom", "group_id": "acme/wecom/wr42",\n   "member_id": "m_17"}',
)
@paths_argument
@click.option("--source", help="Name of this import, for its progress [default: jsonl/FILE].")
@common_options
def jsonl_command(paths: tuple[Path, ...], source: str | None, options: Options) -> None:
    """Read events as JSON lines (- is standard input; .gz, .xz, .zst, .bz2 are unpacked).

    The events keep their ids. Files are merged by time; a file out of order is taken as it is, and what stands
    behind a day already closed is counted as late. Times are milliseconds since 1970, UTC. The other types and their
    fields stand in schemas/examples and schemas/events.
    """
    from streams.connectors.batches import Recipe  # noqa: PLC0415
    from streams.connectors.jsonl import JsonlReader  # noqa: PLC0415

    name = source or f"jsonl/{brand_of(paths[0])}"
    recipe = Recipe(brand_id="", platform="", source=name, now=time.time_ns() // 1_000_000)
    run_import(lambda: JsonlReader(paths, recipe), recipe, options, settings.load())


def _say_unpacking(paths: tuple[Path, ...]) -> None:
    """Explain the quiet minutes before the first event of a large archive."""
    from streams.connectors.files import TAR_ENDINGS  # noqa: PLC0415

    for path in paths:
        if path.name.lower().endswith(TAR_ENDINGS[1:]) and path.is_file() and path.stat().st_size > LARGE_BYTES:
            click.echo(f"unpacking {path.name} first, to read its channels side by side", err=True)


for command in (orders_command, shopify_command, identities_command):
    import_command.add_command(command)
