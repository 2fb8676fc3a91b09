"""`vitals simulate`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from streams.errors import VitalsError

MIN_DAYS = 28


def _yesterday() -> datetime:
    return datetime.now(UTC) - timedelta(days=1)


@click.command(
    "simulate",
    epilog="\b\nExample:\n  vitals simulate --out fleet --groups 50\n  vitals import jsonl fleet/events.jsonl.gz",
)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Directory to write to.")
@click.option("--groups", type=click.IntRange(1, 100_000), default=200, show_default=True, help="How many groups.")
@click.option("--days", type=click.IntRange(MIN_DAYS, 3_650), default=180, show_default=True, help="How many days.")
@click.option("--seed", type=int, default=1, show_default=True, help="Equal seeds give equal fleets.")
@click.option("--end", type=click.DateTime(["%Y-%m-%d"]), default=_yesterday, help="The last day, UTC.  [yesterday]")
def simulate_command(out: Path, groups: int, days: int, seed: int, end: datetime) -> None:
    """Make a fleet of groups with planted deaths.

    Writes events.jsonl.gz, to be read with `vitals import jsonl`, and truth.csv, which says what was planted in
    which group and since when. The same options with the same --end give the same bytes.
    """
    from rich.progress import Progress  # noqa: PLC0415 - `--help` shall be fast

    from streams.simulate.fleet import Fleet, write_fleet  # noqa: PLC0415

    if end.date() > datetime.now(UTC).date():
        raise VitalsError(
            f"--end {end.date()} lies ahead: choose a day that has come, events of the future are refused"
        )
    fleet = Fleet(groups, days, seed, end.date())
    try:
        with Progress(transient=True) as progress:
            task = progress.add_task(f"{groups} groups", total=days)
            counts = write_fleet(fleet, out, lambda: progress.advance(task))
    except OSError as error:
        raise VitalsError(f"cannot write to {out}: {error.strerror}; choose another --out") from None
    most = ", ".join(f"{count:,} {kind}" for kind, count in counts.most_common(6))
    click.echo(f"{counts.total():,} events of {groups} groups and {days} days in {out}: {most}, …")
