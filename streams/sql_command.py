"""`vitals sql`: one query as the readonly user, as a table, JSON or CSV."""

import csv
import itertools
import json
import math
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TextIO

import click

from streams import settings as settings_module
from streams.errors import VitalsError
from streams.warehouse import Answer, Warehouse

SHOWN_ROWS = 1000
_EXAMPLES = """\b
Examples:
  vitals sql "SELECT name, verdict, risk FROM dying_groups LIMIT 10"
  vitals sql --csv "SELECT * FROM group_history WHERE name = 'raku'" > raku.csv
  echo "SELECT count() FROM events_v1 FINAL" | vitals sql -"""


@click.command(epilog=_EXAMPLES)
@click.argument("query")
@click.option("--json", "form", flag_value="json", help="One JSON array of objects.")
@click.option("--csv", "form", flag_value="csv", help="CSV with a header.")
def sql_command(query: str, form: str | None) -> None:
    """Ask ClickHouse as the readonly user. QUERY - is read from stdin.

    Among the views are groups, group_health, dying_groups, group_history, group_silence, group_moments,
    member_activity, member_stages, conversion_funnel, group_worth, work_list, revenue, unattributed, fleet_history,
    verdict_changes, alerts, calibration, sources, pipeline, arrivals and dead_letters. SHOW TABLES lists all of them,
    schemas/views/README.md says what stands in each column.
    """
    text = sys.stdin.read() if query == "-" else query
    if not text.strip():
        raise VitalsError('there is no query: give one, like `vitals sql "SELECT * FROM groups"`')
    warehouse = Warehouse(settings_module.load(), "bi")
    try:
        {"json": write_json, "csv": write_csv, None: write_table}[form](warehouse.answer(text), sys.stdout)
    finally:
        warehouse.close()


def write_json(answer: Answer, out: TextIO) -> None:
    """One array of objects, a row per line. Times are ISO 8601 in UTC, bytes and odd types their text."""
    names = [name for name, _ in answer.columns]
    between = "[\n"
    for row in answer.rows:
        named = {name: _json(value) for name, value in zip(names, row, strict=True)}
        out.write(between + json.dumps(named, ensure_ascii=False, default=_plain))
        between = ",\n"
    out.write("[]\n" if between == "[\n" else "\n]\n")


def write_csv(answer: Answer, out: TextIO) -> None:
    """RFC 4180 with a header; NULL is an empty field, an array is JSON."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(name for name, _ in answer.columns)
    for row in answer.rows:
        writer.writerow([_cell(value, null="") for value in row])


def write_table(answer: Answer, out: TextIO) -> None:
    """A table as wide as the terminal, in a pipe as wide as its rows; at most SHOWN_ROWS of them."""
    from rich.console import Console  # noqa: PLC0415  as slow to import as the query
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    rows = [[_shown(value) for value in row] for row in itertools.islice(answer.rows, SHOWN_ROWS)]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, kind in answer.columns:
        is_number = _is_number(kind)
        table.add_column(name, justify="right" if is_number else "left", no_wrap=is_number, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console(file=out, width=None if out.isatty() else 100_000, highlight=False)
    console.print(table)
    if next(answer.rows, None) is not None:
        click.echo(f"these are the first {len(rows)} rows; --csv and --json give all", err=True)


def _is_number(kind: str) -> bool:
    inner = kind.removeprefix("LowCardinality(").removeprefix("Nullable(")
    return inner.startswith(("Int", "UInt", "Float", "Decimal"))


def _shown(value: Any) -> str:
    """A cell for eyes: six significant digits, no line breaks, nothing that moves the cursor."""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = _cell(value, null="-")
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)


def _cell(value: Any, null: str) -> str:
    if value is None:
        return null
    if isinstance(value, Sequence | dict) and not isinstance(value, str | bytes):
        return json.dumps(value, ensure_ascii=False, default=_plain)
    return str(value) if isinstance(value, str | int | float) else _plain(value)


def _json(value: Any) -> Any:
    """JSON knows no NaN and no infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> str:
    """What JSON lacks: a time in ISO 8601 to the millisecond, bytes as UTF-8 where they are, else its own text."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds" if value.microsecond else "seconds")
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
