"""`vitals dashboards`: Grafana's pages and alert rules, checked, written as files, pushed."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streams import settings as settings_module
from streams.errors import VitalsError
from streams.settings import Settings
from streams.words import Language

if TYPE_CHECKING:
    from streams.dashboards.checking import Found
    from streams.dashboards.model import Look

language_option = click.option(
    "--language", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Of titles and reasons."
)
address_option = click.option(
    "--clickhouse", "address", metavar="HOST:PORT", help="ClickHouse as Grafana reaches it.  [default: as we do]"
)


@click.group()
def dashboards() -> None:
    """Grafana's pages and alert rules: check them, write them as files, push them."""


@dashboards.command("check", epilog="\b\nExample:\n  vitals dashboards check --require-rows")
@click.option("--require-rows", is_flag=True, help="An empty answer is a failure where a healthy system has rows.")
@language_option
def check_command(require_rows: bool, language: Language) -> None:
    """Run every query of every page and rule as the reading user, and compare Grafana with what should be there.

    Macros are expanded as Grafana's plugin does it. Exits 1 when a query fails or Grafana differs.
    """
    from streams.dashboards.checking import check_queries  # noqa: PLC0415  `--help` needs no driver

    settings = settings_module.load()
    found: list[Found] = []
    for one in check_queries(settings, look_of(settings, language), time.time_ns() // 1_000_000):
        click.echo(_line(one, needs_rows=require_rows))
        found.append(one)
    bad = sum(not one.is_good(needs_rows=require_rows) for one in found)
    slowest = sorted(one.ms for one in found)
    click.echo(f"{len(found)} queries, {bad} bad, p95 {slowest[int(0.95 * len(slowest))]:.0f} ms")
    if bad:
        raise VitalsError(f"{bad} of {len(found)} queries are bad: see above")


@dashboards.command(
    "render", epilog="\b\nExample:\n  vitals dashboards render provisioning --clickhouse clickhouse:9000"
)
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@language_option
@address_option
@click.option(
    "--mounted-at", default="/etc/grafana/provisioning", show_default=True, help="DIRECTORY as Grafana sees it."
)
def render_command(directory: Path, language: Language, address: str | None, mounted_at: str) -> None:
    """Write pages, alert rules and data source as files for Grafana's provisioning.

    The password of the data source is not written: Grafana reads it from its own environment, VITALS_BI_PASSWORD.
    """
    from streams.dashboards.files import rendered, write  # noqa: PLC0415

    settings = settings_module.load()
    files = rendered(settings, look_of(settings, language), address=address, mounted_at=mounted_at)
    try:
        changed = write(directory, files)
    except OSError as error:
        raise VitalsError(f"cannot write to {directory}: {error.strerror}") from None
    click.echo(f"{len(files)} files in {directory}, {len(changed)} of them new or changed")


def look_of(settings: Settings, language: Language) -> "Look":
    """How pages are to look with these settings."""
    from streams.dashboards.model import Look  # noqa: PLC0415

    return Look(language, settings.dying_risk)


def _line(found: "Found", *, needs_rows: bool) -> str:
    place = f"{found.question.page} · {found.question.what}"
    if found.error:
        return f"FAIL  {place}: {found.error}"
    state = "ok  " if found.is_good(needs_rows=needs_rows) else "EMPTY"
    return f"{state:5} {place}: {found.rows} rows, {found.ms:.0f} ms"
