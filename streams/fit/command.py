"""`vitals fit`: the command line of a fit."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from streams.backtest.command import ENDINGS, cores
from streams.errors import VitalsError

if TYPE_CHECKING:
    from streams.fit.running import Fitted, Source

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(
    "fit",
    short_help="Fit the risk to the deaths in a file of events.",
    epilog="\b\nExample:\n  vitals fit events.jsonl.gz --out my-model.json\n"
    "  vitals fit events.jsonl.gz --crossval community --out verdicts.csv",
)
@click.argument("events", nargs=-1, required=True, type=_FILE)
@click.option(
    "--exclusions", type=_FILE, metavar="CSV",
    help="Days that cannot be judged: group_id (or BRAND/*), from, to, reason; days inclusive, empty is open.",
)  # fmt: skip
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Where to write the model, or the CSV.")
@click.option("--name", help="What to call the model.  [fitted- and the last day of the data]")
@click.option("--force", is_flag=True, help="Write the model though it is worse than the current one.")
@click.option(
    "--crossval", type=click.Choice(["community", "group"]),
    help="Write no model, but verdicts by models that have not seen the community, or the group.",
)  # fmt: skip
@click.option("--jobs", type=click.IntRange(1, 256), default=cores, metavar="N", help="Processes.  [all processors]")
def fit_command(
    events: tuple[Path, ...],
    exclusions: Path | None,
    out: Path | None,
    name: str | None,
    force: bool,
    crossval: Literal["community", "group"] | None,
    jobs: int,
) -> None:
    """Fit the risk to what happened in files of events, and print how good it is on groups that it has not seen.

    EVENTS are files as `vitals backtest` reads them, a year or more of them. A group counts as dead when 56 days bring
    less than 5 % of what 56 days of its year usually bring. The model appears at --out, unless it is worse than the
    one that is there, or else than the shipped one. Equal files give equal bytes.

    With --crossval the CSV is that of `vitals backtest`, but each community, or each fifth of the groups, is judged by
    a model and a threshold that were chosen on the others.
    """
    source = _source(events, exclusions, jobs)
    from streams.connectors.destinations import check_folder, writable  # noqa: PLC0415

    if out is not None:
        check_folder(out)
    if crossval is not None:
        _crossvalidate(source, crossval, out)
        return
    from streams import models  # noqa: PLC0415
    from streams.fit.running import fit  # noqa: PLC0415

    current = models.load(out) if out is not None and out.exists() and not force else models.load()
    fitted = fit(source, name, current, _told)
    _show(fitted)
    if out is None:
        click.echo("not written: name a file with --out")
        return
    if fitted.comparison.is_worse and not force:
        raise VitalsError(
            f"not written: on these events the new model is behind {current.name} ({fitted.comparison}); "
            "--force writes it all the same"
        )
    with writable(out):
        models.save(fitted.model, out)
    click.echo(f"wrote {out}; against {current.name}: {fitted.comparison}")


def _source(events: tuple[Path, ...], exclusions: Path | None, jobs: int) -> "Source":
    """What to read. Raises VitalsError where the extra is not installed."""
    try:
        import numpy  # noqa: F401, PLC0415
    except ImportError:
        raise VitalsError("`vitals fit` needs numpy: pip install 'group-vitals[fit]'") from None
    from streams.fit.running import Source  # noqa: PLC0415

    return Source(files=events, exclusions=exclusions, jobs=jobs)


def _crossvalidate(source: "Source", unit: Literal["community", "group"], out: Path | None) -> None:
    from streams.fit.running import crossvalidate  # noqa: PLC0415

    if out is None or not out.name.lower().endswith(ENDINGS):
        raise click.UsageError(f"--crossval needs an --out that ends with one of {', '.join(ENDINGS)}")
    rows = crossvalidate(source, unit, out, _told)
    click.echo(f"wrote {rows:,} verdicts to {out}")


def _show(fitted: "Fitted") -> None:
    from rich.console import Console  # noqa: PLC0415

    from streams.fit.report import show  # noqa: PLC0415

    console = Console(highlight=False)
    console.width = max(console.width, 110)
    show(console, fitted.model, fitted.card, fitted.sample, fitted.unseen.logit)


def _told(line: str) -> None:
    click.echo(line, err=True)
