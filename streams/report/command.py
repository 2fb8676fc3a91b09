"""`vitals report`: the command line of the weekly review."""

import contextlib
import difflib
import os
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click
import xxhash

from streams import settings
from streams.errors import VitalsError
from streams.words import Language

if TYPE_CHECKING:
    from streams.report.archive import Archive
    from streams.report.period import Period

LONGEST_NAME = 150
"""Bytes of a brand in a file name; file systems take 255 for all of it."""
BRANDS_NAMED = 8
_NOBODY = "no brand is known yet: `vitals import` reads chat logs, `vitals simulate` makes a fleet to look at"


@click.command(
    "report",
    short_help="Write a brand's week as one page of HTML.",
    epilog="\b\nExample:\n  vitals report --brand acme --out reports\n"
    "  vitals report --all-brands --week 2026-W47 --language both --out reports",
)
@click.option("--brand", "brands", multiple=True, help="Of this brand; may be repeated.")
@click.option("--all-brands", is_flag=True, help="One page for every brand that has data.")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="The folder to write to.")
@click.option("--week", metavar="YYYY-Www", help="An ISO week.  [default: the last whole one with data]")
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="The seven days that end with this one."
)
@click.option("--language", type=click.Choice(["en", "zh", "both"]), default="en", show_default=True)
def report_command(
    brands: tuple[str, ...], all_brands: bool, out: Path, week: str | None, until: datetime | None, language: str
) -> None:
    """Write a brand's week as one page of HTML: what died, what came back, what to do.

    A page has all that it needs in itself. The same data give the same bytes.
    """
    if bool(brands) == all_brands:
        raise click.UsageError("give either --brand or --all-brands")
    if week and until:
        raise click.UsageError("give either --week or --until")
    from streams.report.archive import Archive  # noqa: PLC0415  `--help` needs no driver

    archive = Archive(settings.load())
    known = archive.brands()
    languages: Sequence[Language] = ("en", "zh") if language == "both" else ("zh",) if language == "zh" else ("en",)
    written = 0
    for brand in _chosen(brands, known, is_all=all_brands):
        try:
            asked = _period(archive, brand, known[brand], week, until.date() if until else None)
            paths = _write(archive, brand, asked, languages, out)
        except NoDataError as error:
            if not all_brands:
                raise
            click.echo(f"left out: {error}")
        else:
            written += len(paths)
            for path in paths:
                click.echo(f"{path}")
    if not written:
        raise VitalsError("no page was written: no brand has data of that time")


class NoDataError(VitalsError):
    """A brand, or its week, has nothing to report."""


def file_name(brand: str, period: "Period", language: Language) -> str:
    """Where a page lies in the folder: letters of any script stay, what a file system may refuse is %-encoded."""
    safe = "".join(char if char.isalnum() else quote(char, safe="-_.") for char in brand)
    safe = f"%2E{safe[1:]}" if safe.startswith(".") else safe
    if len(safe.encode()) > LONGEST_NAME:
        cut = safe.encode()[: LONGEST_NAME - 17].decode(errors="ignore")
        safe = f"{cut}-{xxhash.xxh64_hexdigest(brand.encode())}"
    return f"{safe}-{period.name}.{language}.html"


def _chosen(brands: Sequence[str], known: Mapping[str, object], *, is_all: bool) -> Sequence[str]:
    """The brands asked for, each once. Raises VitalsError for one that nobody knows."""
    if not known:
        raise VitalsError(_NOBODY)
    if is_all:
        return [brand for brand in known if brand]
    for brand in brands:
        if brand not in known:
            near = difflib.get_close_matches(brand, known, n=1)
            named = ", ".join([*near, *(one for one in known if one not in near)][:BRANDS_NAMED])
            more = f" and {len(known) - BRANDS_NAMED} more" if len(known) > BRANDS_NAMED else ""
            raise VitalsError(f"no brand {brand!r}: known are {named}{more}")
    return list(dict.fromkeys(brands))


def _period(archive: "Archive", brand: str, at: datetime | None, week: str | None, until: date | None) -> "Period":
    """The days to report of, no further than the brand's groups were judged. Raises NoDataError."""
    from streams.report.period import last_day_before, last_whole_week, week_named, week_until  # noqa: PLC0415

    asked = week_named(week) if week else week_until(until) if until else None
    if at is None:
        raise NoDataError(f"{brand} has groups, but none was judged yet: `vitals wait` until the agents have caught up")
    seen_to = last_day_before(at)
    first, last = archive.days(brand)
    if first is None:
        raise NoDataError(f"{brand} has no whole day yet: come back when a UTC day is over")
    if asked is None:
        whole = last_whole_week(seen_to)
        asked = whole if whole.end >= first else week_until(seen_to)
    if asked.end < first or asked.start > seen_to:
        raise NoDataError(f"no data of {brand} for {asked.start} to {asked.end}: it has days from {first} to {last}")
    return asked.until(seen_to)


def _write(archive: "Archive", brand: str, asked: "Period", languages: Sequence[Language], out: Path) -> list[Path]:
    from streams.report.page import page  # noqa: PLC0415

    facts = archive.facts(brand, asked)
    paths = []
    for language in languages:
        path = out / file_name(brand, asked, language)
        _put(path, page(facts, language).encode())
        paths.append(path)
    return paths


def _put(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    part = path.with_name(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise VitalsError(f"cannot write {path}: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
