"""Findings as lines of a terminal."""

from collections.abc import Iterator, Mapping

import click

from streams.stack.doctor import Finding
from streams.stack.status import PartStatus, StackStatus

_WELL, _ILL = click.style("ok", fg="green"), click.style("problem", fg="red")


def status_lines(found: StackStatus) -> Iterator[str]:
    """Parts, lag, rows, dead letters, and the home: without its VITALS_HOME a stack looks as if it were stopped."""
    yield f"{'PART':<13}{'STATE':<12}{'PID':>8}{'UP':>8}{'MEMORY':>9}  HEALTH"
    for part in found.parts:
        yield _part_line(part)
    yield ""
    yield from _counts("LAG", found.lag, "records to read")
    yield from _counts("ROWS", found.rows, "")
    yield f"{'DEAD LETTERS':<34}{_number(found.dead_letters):>14}"
    yield f"HOME  {found.home}"


def _part_line(part: PartStatus) -> str:
    health = click.style(part.trouble, fg="red") if part.trouble else _WELL
    where = f" at {part.address}" if part.address and not part.trouble else ""
    numbers = f"{part.pid or '':>8}{duration(part.uptime_s):>8}{_mib(part.memory_bytes):>9}"
    return f"{part.name:<13}{part.state:<12}{numbers}  {health}{where}"


def _counts(title: str, counts: Mapping[str, int] | None, unit: str) -> Iterator[str]:
    if counts is None:
        yield f"{title:<34}{'unknown':>14}"
    for number, (name, count) in enumerate((counts or {}).items()):
        yield f"{title if number == 0 else '':<6}{name:<28}{count:>14,} {unit}".rstrip()


def finding_line(finding: Finding) -> str:
    """`ok` or `problem`, what was seen, and what to do."""
    advice = f" → {finding.advice}" if finding.advice else ""
    mark = _ILL if finding.advice else _WELL
    padding = " " * (8 - len(click.unstyle(mark)))
    return f"{mark}{padding}{finding.name}: {finding.what}{advice}"


def duration(seconds: int | None) -> str:
    """As 45s, 12m, 7h or 3d; "" for None."""
    if seconds is None:
        return ""
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _mib(count: int | None) -> str:
    return "" if count is None else f"{count / 2**20:.0f} MiB"


def _number(count: int | None) -> str:
    return "unknown" if count is None else f"{count:,}"
