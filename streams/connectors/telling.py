"""What an import says while it runs and when it is done."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click
import msgspec

from streams.words import counted

if TYPE_CHECKING:
    from streams.connectors.importing import Counts

SPEAK_EVERY_SECONDS = 10.0


class Sent(Protocol):
    """What a bar shows besides its share."""

    @property
    def sent(self) -> int:
        """Events so far."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What every format is asked."""

    out: Path | None
    dry_run: bool
    again: bool
    complete_until: int | None


@contextmanager
def shown(total: int | None, counts: Sent) -> Iterator[Callable[[int], None]]:
    """Show progress while it runs: a bar on a terminal, otherwise a line now and then."""
    if not sys.stderr.isatty():
        yield _Lines(total, counts).advance
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn as Bar  # noqa: PLC0415
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (SpinnerColumn(), Bar(), TextColumn("{task.percentage:>3.0f}%"), TimeRemainingColumn(),
               TextColumn("{task.fields[sent]:,} events"))  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total, sent=0)
        yield lambda size: progress.update(task, advance=size, sent=counts.sent)


class _Lines:
    """Progress in lines, for logs."""

    def __init__(self, total: int | None, counts: Sent) -> None:
        self._total = total
        self._counts = counts
        self._read = 0
        self._spoke_at = time.monotonic()

    def advance(self, size: int) -> None:
        self._read += size
        if time.monotonic() - self._spoke_at >= SPEAK_EVERY_SECONDS:
            self._spoke_at = time.monotonic()
            share = f"{self._read / self._total:.0%}, " if self._total else ""
            click.echo(f"{share}{self._counts.sent:,} events", err=True)


def closing(counts: "Counts", unit: str, options: Options, seconds: float) -> list[str]:
    """The closing count: read, sent, skipped and rejected with reasons, and where the rejected are."""
    verb = "would send" if options.dry_run else "wrote" if options.out else "sent"
    groups = f" of {counts.groups:,} groups" if counts.groups else ""
    lines = [
        f"read {counts.read:,} {unit}, {verb} {counts.sent:,} events{groups}, "
        f"skipped {_sum(counts.skipped)}, rejected {_sum(counts.rejected)} "
        f"({seconds:.1f} s, {counts.sent / max(seconds, 1e-3):,.0f}/s)"
    ]
    if counts.delivered:
        lines.append(f"{counts.delivered:,} pieces were delivered before and not sent again (--again sends them)")
    if counts.late:
        lines.append(f"{counts.late:,} events stood behind a day that was closed already: they count as late")
    if counts.forgotten:
        who = "1 member who is" if counts.forgotten == 1 else f"{counts.forgotten:,} members who are"
        lines.append(f"left out the id and name of {who} to be forgotten")
    if counts.rebought:
        came = counted(counts.rebought, "event")
        lines.append(f"{came} came with another buyer of an order than before: it stays the first one's")
    if counts.rejected and not options.dry_run:
        where = f"in {options.out}.rejected.jsonl" if options.out else "in the topic dead-letters"
        how = "" if options.out else ": vitals dead-letters list"
        lines.append(f"the rejected lie {where}, each with its line and reason{how}")
    elif counts.rejected:
        lines.append(f"the first rejected: {counts.first_rejected}; --out FILE keeps each with its reason")
    return lines


def _sum(counted: Counter[str]) -> str:
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in counted.most_common())
    return f"{counted.total():,}" + (f" ({reasons})" if reasons else "")
