"""What the commands of `vitals import` share: their options, and a run that tells what became of it."""

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
    from streams.connectors.first_buyers import FirstBuyers
    from streams.connectors.importing import Counts, Progress
    from streams.pseudonyms import Pseudonyms

INTERRUPTED = 130


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


paths_argument = click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
timezone_option = click.option(
    "--timezone", "zone", default="UTC", show_default=True, callback=_zone, help="Of the log."
)


def recipe_of(platform: str, paths: tuple[Path, ...], zone: tzinfo, **who: Any) -> "Recipe":
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


def pseudonyms_of(brand: str, home: settings.Settings) -> "Pseudonyms":
    """The pseudonyms of a brand, by its secret."""
    from streams.pseudonyms import Pseudonyms, brand_secret  # noqa: PLC0415

    return Pseudonyms(brand_secret(home.secrets, brand))


def run_import(
    open_reader: "Callable[[], Reader]",
    recipe: "Recipe",
    options: Options,
    home: settings.Settings,
    *,
    is_of_orders: bool = False,
) -> None:
    """Run an import and tell what became of it. Of orders that are sent it is kept whose they are."""
    from streams.connectors.destinations import JsonLines  # noqa: PLC0415
    from streams.connectors.importing import Import  # noqa: PLC0415

    began = time.monotonic()
    reader = open_reader()
    destination, progress, buyers = _destination(recipe, options, home)
    run = Import(reader, recipe, destination, progress, buyers if is_of_orders else None)
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


def _destination(
    recipe: "Recipe", options: Options, home: settings.Settings
) -> "tuple[Destination, Progress, FirstBuyers | None]":
    from streams.connectors.delivered import DeliveredFile, NothingDelivered  # noqa: PLC0415
    from streams.connectors.destinations import JsonLines, Nowhere  # noqa: PLC0415

    if options.dry_run:
        return Nowhere(), NothingDelivered(), None
    if options.out:
        return JsonLines(options.out), NothingDelivered(), None
    from streams.connectors.first_buyers import FirstBuyers  # noqa: PLC0415
    from streams.connectors.sending import Kafka  # noqa: PLC0415

    kafka = Kafka(home, lambda line: click.echo(line, err=True))
    kept = DeliveredFile(home.home / "imports", recipe.source, kafka.incarnation)
    buyers = FirstBuyers(home.home / "imports", recipe.source, kafka.incarnation)
    return kafka, NothingDelivered(kept) if options.again else kept, buyers
