"""`vitals import FORMAT PATH…`: the command line of the connectors."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from streams import settings
from streams.connectors.telling import Options, closing, shown

if TYPE_CHECKING:
    from streams.connectors.batches import Reader, Recipe
    from streams.connectors.destinations import Destination
    from streams.connectors.importing import Counts, Progress

INTERRUPTED = 130
LARGE_BYTES = 64 << 20


@click.group("import")
def import_command() -> None:
    """Read chat logs or orders and send them as events.

    Everything is read in a stream and sent in the order of event time. An import that was stopped goes on where it
    was when it is run again; what was sent before is known again and counts once, however the exports are cut.
    Lines that are no events of the format are counted; lines that cannot be read go to the topic dead-letters
    with their bytes and a reason.
    """


def _zone(_ctx: click.Context, _param: click.Parameter, value: str) -> tzinfo:
    try:
        return UTC if value.upper() == "UTC" else ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise click.BadParameter(f"there is no time zone {value!r}; say it as Europe/Berlin or Asia/Shanghai") from None


def _time(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no time; say it as 2026-01-31 or 2026-01-31T12:00+08:00") from None
    ms = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    if not 0 < ms <= time.time_ns() // 1_000_000:  # ticks from the future would be refused until partitions stop
        raise click.BadParameter(f"{value} lies in the future or before 1970: an export is complete up to now at most")
    return ms


Command = Callable[..., Any]


def common_options(command: Command) -> Command:
    """The options of every format; they reach the command as `options`."""

    def with_options(**given: Any) -> Any:
        mine = {name: given.pop(name) for name in Options.__struct_fields__}
        return command(options=Options(**mine), **given)

    with_options.__name__, with_options.__doc__ = command.__name__, command.__doc__
    for option in (
        click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write JSON lines to this file "
                     "(.gz, .xz, .zst compress) instead of sending; refused lines to FILE.rejected.jsonl."),
        click.option("--dry-run", is_flag=True, help="Read everything, send nothing, print the count."),
        click.option("--again", is_flag=True, help="Send also what an earlier run has delivered; it counts once."),
        click.option("--complete-until", callback=_time, metavar="TIME", help="Up to when the export is complete "
                     "[default: the end of its last day]."),
    ):  # fmt: skip
        with_options = option(with_options)
    return with_options


def brand_options(command: Command) -> Command:
    """The options of formats that name no brand."""
    brand = click.option("--brand", help="The brand of the groups [default: from the file's name].")
    return brand(click.option("--source", help="Name of this connector [default: FORMAT/BRAND].")(command))


def chat_options(command: Command) -> Command:
    """The options of formats that bring no ids of their own."""
    for option in (
        click.option("--bot", "bots", multiple=True, metavar="NAME", help="Is a bot; may be repeated."),
        click.option("--bots-file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
                     help="Names of bots, one a line."),
        click.option("--staff", multiple=True, metavar="NAME", help="Is staff; may be repeated."),
        click.option("--keep-text", is_flag=True, help="Keep what was written. Without it only its length is kept."),
    ):  # fmt: skip
        command = option(command)
    return brand_options(command)


_paths = click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
_timezone = click.option("--timezone", "zone", default="UTC", show_default=True, callback=_zone, help="Of the log.")


@import_command.command(
    "irc",
    short_help="IRC logs: channel/year/YYYY-MM-DD.",
    epilog="\b\nExample:\n  vitals import irc --brand acme --bot logbot logs.tar.xz",
)
@_paths
@_timezone
@chat_options
@common_options
def irc_command(paths: tuple[Path, ...], zone: tzinfo, options: Options, **who: Any) -> None:
    """Read IRC logs: files channel/year/YYYY-MM-DD in a directory, a tar or a zip."""
    from streams.connectors.irc import IrcReader  # noqa: PLC0415  `--help` needs none of it

    recipe = _recipe("irc", paths, zone, **who)
    home = settings.load()
    pseudonyms = _pseudonyms(recipe.brand_id, home)
    _say_unpacking(paths)
    _import(lambda: IrcReader(paths, recipe, pseudonyms, home.home / "imports"), recipe, options, home)


@import_command.command(
    "slack",
    short_help="The export of a Slack workspace.",
    epilog="\b\nExample:\n  vitals import slack --brand acme 'acme Slack export.zip'",
)
@_paths
@chat_options
@common_options
def slack_command(paths: tuple[Path, ...], options: Options, **who: Any) -> None:
    """Read the export of a Slack workspace: the zip, or the directory that it was unpacked to.

    --bot and --staff take user ids or user names.
    """
    from streams.connectors.slack import SlackReader  # noqa: PLC0415
    from streams.connectors.slack_people import People  # noqa: PLC0415

    recipe = _recipe("slack", paths, UTC, **who)
    home = settings.load()
    people = People(recipe, _pseudonyms(recipe.brand_id, home))
    _say_unpacking(paths)
    _import(lambda: SlackReader(paths, recipe, people, home.home / "imports"), recipe, options, home)


@import_command.command(
    "jsonl", short_help="Events as JSON lines.", epilog="\b\nExample:\n  vitals import jsonl fleet/events.jsonl.gz"
)
@_paths
@click.option("--source", help="Name of this import, for its progress [default: jsonl/FILE].")
@common_options
def jsonl_command(paths: tuple[Path, ...], source: str | None, options: Options) -> None:
    """Read events as JSON lines (- is standard input; .gz, .xz, .zst, .bz2 are unpacked).

    The events keep their ids. Files are merged by time; a file out of order is taken as it is, and what stands
    behind a day already closed is counted as late.
    """
    from streams.connectors.batches import Recipe  # noqa: PLC0415
    from streams.connectors.jsonl import JsonlReader  # noqa: PLC0415

    name = source or f"jsonl/{brand_of(paths[0])}"
    recipe = Recipe(brand_id="", platform="", source=name, now=time.time_ns() // 1_000_000)
    _import(lambda: JsonlReader(paths, recipe), recipe, options, settings.load())


@import_command.command(
    "orders-csv",
    short_help="Orders and refunds.",
    epilog="\b\nExample:\n  vitals import orders-csv --brand acme orders.csv",
)
@_paths
@_timezone
@click.option("--column", "columns", multiple=True, metavar="NAME=HEADER", help="Where a column is; may be repeated.")
@click.option("--currency", help="Of all amounts, when no column says it.")
@click.option("--platform", help="Whose ids stand in the columns member_id and group, as irc or slack.")
@click.option("--encoding", help="[default: UTF-8, or GB18030 where the first lines are no UTF-8]")
@click.option("--decimal-comma", is_flag=True, help="Amounts are written 1.234,50.")
@brand_options
@common_options
def orders_command(
    paths: tuple[Path, ...], zone: tzinfo, columns: tuple[str, ...], options: Options, **said: Any
) -> None:
    """Read orders and refunds from CSV files with a header.

    Columns: order_id, customer_id (or member_id), paid_at, amount, currency, and if there are any refund_id, code,
    group. A row with a refund_id is a refund. Amounts are positive and in decimals: 1234.50.
    """
    from streams.connectors.orders_csv import ALIASES, Form, OrdersReader  # noqa: PLC0415

    named = dict(column.partition("=")[::2] for column in columns)
    for name, header in named.items():
        if name not in ALIASES or not header:
            raise click.BadParameter(f"--column {name}={header}: NAME is one of {', '.join(ALIASES)}")
    form = Form(
        columns=named,
        currency=said["currency"],
        encoding=said["encoding"],
        chat_platform=said["platform"],
        has_decimal_comma=said["decimal_comma"],
    )
    recipe = _recipe("orders", paths, zone, brand=said["brand"], source=said["source"])
    home = settings.load()
    pseudonyms = _pseudonyms(recipe.brand_id, home)
    _import(lambda: OrdersReader(paths, recipe, form, pseudonyms), recipe, options, home)


def _say_unpacking(paths: tuple[Path, ...]) -> None:
    """Explain the quiet minutes before the first event of a large archive."""
    from streams.connectors.files import TAR_ENDINGS  # noqa: PLC0415

    for path in paths:
        if path.name.lower().endswith(TAR_ENDINGS[1:]) and path.is_file() and path.stat().st_size > LARGE_BYTES:
            click.echo(f"unpacking {path.name} first, to read its channels side by side", err=True)


def _recipe(platform: str, paths: tuple[Path, ...], zone: tzinfo, **who: Any) -> "Recipe":
    """What the user said, with what was left out derived and said."""
    from streams.connectors.batches import Recipe  # noqa: PLC0415
    from streams.pseudonyms import checked_brand  # noqa: PLC0415

    brand = who["brand"] or brand_of(paths[0])
    if not who["brand"]:
        click.echo(f"brand {brand}, from the file's name (--brand sets another)", err=True)
    bots = set(who.get("bots", ()))
    if who.get("bots_file"):
        bots.update(
            line.strip() for line in who["bots_file"].read_text("utf-8", "replace").splitlines() if line.strip()
        )
    return Recipe(
        brand_id=checked_brand(brand),
        platform=platform,
        source=who["source"] or f"{platform}/{brand}",
        now=time.time_ns() // 1_000_000,
        zone=zone,
        bots=frozenset(bots),
        staff=frozenset(who.get("staff", ())),
        keep_text=who.get("keep_text", False),
    )


def brand_of(path: Path) -> str:
    """A brand out of a path's name: letters and digits of any script, the rest turned to `-`."""
    name = re.sub(r"(\.(tar|tgz|txz|tzst|zip|gz|xz|zst|bz2|jsonl|json|csv|txt))+$", "", path.absolute().name.lower())
    return re.sub(r"[\W_]+", "-", name).strip("-")[:64] or "brand"


def _pseudonyms(brand: str, home: settings.Settings) -> Any:
    from streams.pseudonyms import Pseudonyms, brand_secret  # noqa: PLC0415

    return Pseudonyms(brand_secret(home.secrets, brand))


def _import(open_reader: "Callable[[], Reader]", recipe: "Recipe", options: Options, home: settings.Settings) -> None:
    """Run an import and tell what became of it."""
    from streams.connectors.destinations import JsonLines  # noqa: PLC0415
    from streams.connectors.importing import Import  # noqa: PLC0415

    began = time.monotonic()
    reader = open_reader()
    destination, progress = _destination(recipe, options, home)
    run = Import(reader, recipe, destination, progress)
    try:
        with shown(reader.total_bytes, run.counts) as advance:
            counts = run.run(advance, options.complete_until)
        if isinstance(destination, JsonLines):
            destination.finish()
    except KeyboardInterrupt:
        click.echo(f"stopped after {run.counts.sent:,} events; the same command goes on where it was", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    finally:
        destination.close()
    for line in closing(counts, reader.unit, options, time.monotonic() - began):
        click.echo(line)
    if others := getattr(reader, "skipped_files", 0):
        click.echo(f"{others:,} other files are no day of a channel by their names and were not read")
    if not (options.dry_run or options.out):
        _measure(counts, home, time.monotonic() - began)


def _measure(counts: "Counts", home: settings.Settings, seconds: float) -> None:
    """The closing count into the metrics, where the parts' are. Nobody waits long for it."""
    from streams import metrics  # noqa: PLC0415
    from streams.pulse import Pulse  # noqa: PLC0415
    from streams.sampling import Sampler  # noqa: PLC0415

    if home.metrics_seconds <= 0:
        return
    pulse = Pulse("import", "import", "import")
    done = {"sent": counts.sent, "rejected": counts.rejected.total(), "skipped": counts.skipped.total()}
    for outcome, count in (done | {"late": counts.late}).items():
        pulse.add(metrics.IMPORTED, count, outcome=outcome)
    Sampler(home, pulse, started_at=time.time() - seconds).send(limit_s=5.0)


def _destination(recipe: "Recipe", options: Options, home: settings.Settings) -> "tuple[Destination, Progress]":
    from streams.connectors.delivered import DeliveredFile, NothingDelivered  # noqa: PLC0415
    from streams.connectors.destinations import JsonLines, Nowhere  # noqa: PLC0415

    if options.dry_run:
        return Nowhere(), NothingDelivered()
    if options.out:
        return JsonLines(options.out), NothingDelivered()
    from streams.connectors.sending import Kafka  # noqa: PLC0415

    kafka = Kafka(home, lambda line: click.echo(line, err=True))
    kept = DeliveredFile(home.home / "imports", recipe.source, kafka.incarnation)
    return kafka, NothingDelivered(kept) if options.again else kept
