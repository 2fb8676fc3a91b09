"""`vitals dashboards`: Grafana's pages and alert rules, checked, written as files, pushed."""

import time
from collections import Counter
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
    from streams.dashboards.pushing import Step

language_option = click.option(
    "--language", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Of titles and reasons."
)
address_option = click.option(
    "--clickhouse", "address", metavar="HOST:PORT", help="ClickHouse as Grafana reaches it.  [default: as we do]"
)


@click.group(epilog="\b\nExample:\n  vitals dashboards check\n  vitals dashboards push --dry-run")
def dashboards() -> None:
    """Grafana's pages and alert rules: check them, write them as files, push them."""


@dashboards.command(
    "push", epilog="\b\nExamples:\n  vitals dashboards push --dry-run\n  vitals dashboards push --language zh"
)
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@language_option
@address_option
def push_command(dry_run: bool, language: Language, address: str | None) -> None:
    """Bring Grafana to what is here: folders, data source, pages, alert rules, and whom they tell.

    Again changes nothing. What is not ours is never touched; what was ours and is here no more is taken away.
    """
    counts = Counter[str]()
    for step in _steps(settings_module.load(), language, address):
        if step.action != "keep":
            click.echo(f"{'would ' * dry_run}{step.action} {step.kind} {step.name}")
            if not dry_run:
                step.do()
        counts[step.action] += 1
    kept = counts.pop("keep", 0)
    said = ", ".join(f"{count} to {action}" if dry_run else f"{count} {action}d" for action, count in counts.items())
    click.echo(f"{said or 'nothing to do'}, {kept} as they should be")


@dashboards.command(
    "check",
    epilog="\b\nExamples:\n  vitals dashboards check\n  vitals dashboards check --queries-only --require-rows",
)
@click.option("--queries-only", is_flag=True, help="Ask ClickHouse only, not Grafana.")
@click.option("--require-rows", is_flag=True, help="An empty answer is bad where a healthy system has rows.")
@language_option
@address_option
def check_command(queries_only: bool, require_rows: bool, language: Language, address: str | None) -> None:
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
    times = sorted(one.ms for one in found)
    click.echo(f"{len(found)} queries, {bad} bad, p95 {times[int(0.95 * len(times))]:.0f} ms")
    drift = [] if queries_only else [step for step in _steps(settings, language, address) if step.action != "keep"]
    for step in drift:
        click.echo(f"DRIFT {step.kind} {step.name}: push would {step.action} it")
    if bad or drift:
        raise VitalsError(f"{bad} of {len(found)} queries are bad, {len(drift)} things differ in Grafana: see above")


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
    from streams.dashboards.files import rendered  # noqa: PLC0415
    from streams.resources import write  # noqa: PLC0415

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

    return Look(language, settings.dying_risk, (settings.grafana_url or "").rstrip("/"))


def _steps(settings: Settings, language: Language, address: str | None) -> "list[Step]":
    """What Grafana lacks. Raises VitalsError when it is not configured or refuses."""
    from streams.dashboards.pushing import plan, wanted  # noqa: PLC0415
    from streams.grafana import Grafana  # noqa: PLC0415

    if not settings.grafana_url or not settings.grafana_token:
        missing = "VITALS_GRAFANA_TOKEN" if settings.grafana_url else "VITALS_GRAFANA_URL"
        raise VitalsError(f"{missing} is not set: set it, or write files with `vitals dashboards render DIR`")
    grafana = Grafana(settings.grafana_url, settings.grafana_token)
    return list(plan(grafana, wanted(settings, look_of(settings, language), address=address)))


def _line(found: "Found", *, needs_rows: bool) -> str:
    place = f"{found.question.page} · {found.question.what}"
    if found.error:
        return f"FAIL  {place}: {found.error}"
    state = "ok" if found.is_good(needs_rows=needs_rows) else "EMPTY"
    return f"{state:5} {place}: {found.rows} rows, {found.ms:.0f} ms"
