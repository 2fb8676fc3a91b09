"""`vitals backtest`: the command line of a backtest."""

import os
import time
from collections.abc import Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams.connectors.telling import shown
from streams.errors import VitalsError

if TYPE_CHECKING:
    from streams.backtest.driving import Closings, Counts
    from streams.backtest.share import Recipe
    from streams.backtest.verdicts import Row
    from streams.notify.routes import Route
    from streams.settings import Settings

ENDINGS = (".csv", ".csv.gz", ".csv.zst")


def _out(_ctx: click.Context, _param: click.Parameter, value: Path | None) -> Path | None:
    if value is not None and not value.name.lower().endswith(ENDINGS):
        raise click.BadParameter(f"{value} must end with one of {', '.join(ENDINGS)}")
    return value


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@click.command(
    "backtest",
    short_help="Replay a file of events and write what would have been said each day.",
    epilog="\b\nExample:\n  vitals import irc --out events.jsonl.gz channels.tar.xz\n"
    "  vitals backtest events.jsonl.gz --out verdicts.csv --report report.md\n"
    "  VITALS_DYING_RISK=0.6 vitals backtest events.jsonl.gz --alerts alerts.csv",
)
@click.argument("events", nargs=-1, required=True, type=click.Path(exists=True, allow_dash=True, path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), callback=_out, metavar="CSV",
    help="Where to write the verdicts; .csv.gz and .csv.zst are compressed.",
)  # fmt: skip
@click.option(
    "--alerts", type=click.Path(path_type=Path), callback=_out, metavar="CSV",
    help="Where to write each alert, told or withheld; and say how often you would have been paged.",
)  # fmt: skip
@click.option("--jobs", type=click.IntRange(1, 256), default=cores, metavar="N", help="Processes.  [all processors]")
@click.option("--features", is_flag=True, help="Add a column for each input of the risk.")
@click.option(
    "--exclusions", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="CSV",
    help="Days that nobody saw: group_id (or BRAND/*), from, to, reason; days inclusive, empty is open.",
)  # fmt: skip
@click.option(
    "--report", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path), metavar="FILE",
    help="Also tell in words what would have been alerted, and what died; - prints it.",
)  # fmt: skip
@click.option("--worth", is_flag=True, help="Attribute the orders too, and add columns for money and worth.")
@click.option("--uncalibrated", is_flag=True, help="As a stack in which `vitals calibrate` is never run.")
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help="Leave out what happened on this UTC day and later.",
)
def backtest_command(events: tuple[Path, ...], jobs: int, **said: Any) -> None:
    """Replay files of events and write what would have been said of each group at the end of each UTC day.

    No server is needed. EVENTS are JSON lines (.jsonl, .gz, .zst, or - for standard input), as `vitals import --out`
    and `vitals simulate` write them; several files are merged by time. Lines may lack brand_id, source and
    source_seq: then the brand is the part of group_id before "/", and the number at the end of event_id is the order.

    A brand's days are closed by its own events: its log is complete up to its last one. So a row at a midnight is made
    of what happened before it and of nothing else, and a file that is cut gives the same rows up to the cut.

    What a brand's own past says of its risk is learnt on the way and in force a week later. The settings VITALS_MODEL,
    VITALS_HOLIDAYS, VITALS_DYING_RISK and VITALS_ALARMS_PER_YEAR hold as for the workers, so another threshold is tried
    with `VITALS_DYING_RISK=0.6 vitals backtest ...`.

    --worth has the orders, refunds and links of the files attributed as by a stack that listened all the time, and adds
    the columns orders_28d, buyers_28d, revenue_28d, currency, worth, worth_known, advice and revenue_at_risk, money in
    minor units. Orders may be in a file of their own, ordered by time. VITALS_CONVERSION, VITALS_RATES and VITALS_WORTH
    hold. One process then takes all groups of a brand.

    The CSV has the columns group_id, at, risk, verdict, model, reasons (codes and numbers), messages_1d,
    speakers_28d; its bytes do not depend on --jobs. Lines that are no events are counted and the first of them shown.

    --alerts asks the alert agent what it would have told of it and when, had it listened all the time: each opening,
    worsening and end of an alert is a row, with the reason in `withheld` if nobody was to be told, and what came of it
    in `outcome` (true: before a death; late, false, unjudged). notify.toml says who is told and who is asleep, if it is
    there; its addresses and secrets are not read, and nobody is told anything.
    """
    from streams import settings as settings_module  # noqa: PLC0415
    from streams.backtest.driving import Counts, closings  # noqa: PLC0415
    from streams.backtest.reading import Files  # noqa: PLC0415
    from streams.backtest.report import write_report  # noqa: PLC0415
    from streams.backtest.verdicts import Row, write_verdicts  # noqa: PLC0415
    from streams.connectors.destinations import check_folder  # noqa: PLC0415

    out, alerts, report = said["out"], said["alerts"], said["report"]
    if out is None and (alerts is None or report is not None):
        raise click.UsageError("give --out, which --report reads" if report is not None else "give --out or --alerts")
    for path in (report, alerts) if out is not None else (report,):  # of the first the spools' folder tells
        if path is not None:
            check_folder(path)
    began = time.monotonic()
    settings = settings_module.load()
    row, routes = Row(said["features"], said["worth"]), _routes(settings) if alerts is not None else None
    recipe = _recipe(settings, row, said)
    files, counts, told, rows = Files(events), Counts(), list[str](), 0
    until = None if said["until"] is None else int(said["until"].replace(tzinfo=UTC).timestamp()) * 1000
    with shown(files.total_bytes, counts) as advance, closings(
        files, recipe, directory=(out or alerts).absolute().parent, jobs=jobs, until=until, counts=counts,
        advance=advance,
    ) as closed:  # fmt: skip
        if not counts.events:
            raise VitalsError(f"no line of {files.title(0).partition(',')[0]} is an event{_why(counts)}")
        if out is not None:
            rows = write_verdicts(closed, row, out)
        if alerts is not None:
            told = _alerts(closed, row, recipe, settings, routes, alerts)
    for line in [*_closing(counts, rows, out, time.monotonic() - began), *told]:
        click.echo(line)
    if report is not None:
        write_report(out, recipe.exclusions, report)


def _recipe(settings: "Settings", row: "Row", said: Mapping[str, Any]) -> "Recipe":
    from streams import conversions, holidays, models  # noqa: PLC0415
    from streams.backtest.exclusions import read_exclusions  # noqa: PLC0415
    from streams.backtest.share import Recipe  # noqa: PLC0415
    from streams.events import FUTURE_TOLERANCE_MS  # noqa: PLC0415

    model, policy = models.judging(settings)
    return Recipe(
        record=row,
        model=model,
        policy=policy,
        latest=time.time_ns() // 1_000_000 + FUTURE_TOLERANCE_MS,
        exclusions=read_exclusions(said["exclusions"]) if said["exclusions"] else {},
        is_calibrated=not said["uncalibrated"],
        days_off=holidays.load(settings),
        has_signals=said["alerts"] is not None,
        has_orders=said["worth"],
        conversion=conversions.load(settings),
    )


def _routes(settings: "Settings") -> "Sequence[Route] | None":
    """Whom notify.toml tells; None where there is none."""
    from streams.notify.channels import path_of, routes_of  # noqa: PLC0415

    return routes_of(settings) if path_of(settings).exists() else None


def _alerts(
    closed: "Closings",
    row: "Row",
    recipe: "Recipe",
    settings: "Settings",
    routes: "Sequence[Route] | None",
    path: Path,
) -> list[str]:
    """Write the alerts; what is to be said of them."""
    from streams.backtest.alerts import told, write_alerts  # noqa: PLC0415
    from streams.backtest.paging import circumstances, outcome_of, summary  # noqa: PLC0415
    from streams.backtest.report import stories_of  # noqa: PLC0415
    from streams.backtest.verdicts import verdict_lines  # noqa: PLC0415

    alerts = told(closed.signals)
    stories = list(stories_of(verdict_lines(closed, row), recipe.exclusions))
    by_group = {one.group_id: one for one in stories}
    write_alerts(alerts, lambda alert: outcome_of(alert, by_group), path)
    return [
        f"wrote {len(alerts):,} transitions of alerts to {path}",
        *summary(alerts, routes, stories),
        *circumstances(settings, recipe.model, routes),
    ]


def _why(counts: "Counts") -> str:
    return f": {counts.refused[0]}" if counts.refused else ""


def _closing(counts: "Counts", rows: int, out: Path | None, seconds: float) -> list[str]:
    skipped = ", ".join(f"{reason} {count:,}" for reason, count in counts.skipped.most_common())
    rejected = ", ".join(f"{reason} {count:,}" for reason, count in counts.rejected.most_common())
    lines = [
        f"read {counts.read:,} lines, folded {counts.events:,} events of {counts.groups:,} groups, "
        f"skipped {counts.skipped.total():,}{f' ({skipped})' if skipped else ''}, "
        f"rejected {counts.rejected.total():,}{f' ({rejected})' if rejected else ''} "
        f"({seconds:.1f} s, {counts.events / max(seconds, 1e-3):,.0f}/s)",
    ]
    if out is not None:
        lines.append(f"wrote {rows:,} verdicts to {out}")
    if counts.late:
        lines.append(f"{counts.late:,} events stood behind a day that was closed already: they count as late")
    return lines + [f"rejected {refused}" for refused in counts.refused]
