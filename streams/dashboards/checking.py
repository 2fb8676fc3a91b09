"""Every query of every page and rule, run on ClickHouse as the reading user, macros expanded as Grafana does it."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from streams.dashboards.builders import ALL
from streams.dashboards.files import pages
from streams.dashboards.macros import Chosen, Span, expand
from streams.dashboards.model import Look, Page, Variable
from streams.dashboards.rules import RULES
from streams.dashboards.thresholds import worded
from streams.settings import Settings
from streams.warehouse import Warehouse, WarehouseAwayError, WarehouseError

_POINTS = 1000
_UNIT_S = {"h": 3600, "d": 86_400}


class Question(msgspec.Struct, frozen=True):
    """A query with its place: the page or "alerts", what it is for, the SQL with macros."""

    page: str
    what: str
    sql: str
    since: str
    may_be_empty: bool = False


class Found(msgspec.Struct, frozen=True):
    """What became of a query: rows and milliseconds, or what ClickHouse said against it."""

    question: Question
    rows: int
    ms: float
    error: str | None = None

    def is_good(self, *, needs_rows: bool) -> bool:
        """Whether it ran and, if that is asked, gave rows where a healthy system has some."""
        return self.error is None and (self.rows > 0 or not needs_rows or self.question.may_be_empty)


def questions(look: Look) -> Iterator[Question]:
    """All that Grafana would ask, variables before the panels that need them."""
    for page in pages(look):
        for variable in page.variables:
            if variable.sql:
                yield Question(page.name, f"${variable.name}", variable.sql, page.since)
        for panel in page.panels:
            if panel.sql:
                what = look.word(panel.title)
                yield Question(page.name, what, panel.sql, page.since, panel.may_be_empty)
        for mark in page.marks:
            yield Question(page.name, f"marks: {look.word(mark.name)}", mark.sql, page.since, may_be_empty=True)
    for rule in RULES:
        yield Question("alerts", rule.name, rule.sql, "now-1h")


def check_queries(settings: Settings, look: Look, now_ms: int) -> Iterator[Found]:
    """Run them, each with its page's time range and what its variables are when the page is opened.

    Raises WarehouseAwayError when ClickHouse does not answer.
    """
    warehouse = Warehouse(settings, "bi")
    try:
        chosen = {page.name: defaults(page, look, warehouse) for page in pages(look)}
        for question in questions(look):
            yield _run(warehouse, question, look, chosen.get(question.page, {}), now_ms)
    finally:
        warehouse.close()


def defaults(page: Page, look: Look, warehouse: Warehouse) -> Chosen:
    """What is chosen when a page is opened: all, and of one that takes a single value its first."""
    chosen: dict[str, Sequence[str] | str] = {one.name: ALL for one in page.variables if one.is_many}
    for variable in page.variables:
        if not variable.is_many:
            chosen[variable.name] = _first(variable, look, chosen, warehouse)
    return chosen


def span(since: str, now_ms: int) -> Span:
    """Grafana's words for a time range that ends now, such as now-90d, as times."""
    found = re.fullmatch(r"now-(\d+)([hd])", since)
    if found is None:
        raise ValueError(f"{since} is no time range that is known here")
    seconds = int(found[1]) * _UNIT_S[found[2]]
    return Span(now_ms - seconds * 1000, now_ms, max(1, seconds // _POINTS))


def _first(variable: Variable, look: Look, chosen: Chosen, warehouse: Warehouse) -> list[str]:
    rows = warehouse.query(expand(worded(variable.sql, look), chosen, Span(0, 0, 1)))
    return [str(rows[0][0])] if rows else [""]


def _run(
    warehouse: Warehouse, question: Question, look: Look, chosen: Mapping[str, Sequence[str] | str], now_ms: int
) -> Found:
    sql = expand(worded(question.sql, look), chosen, span(question.since, now_ms))
    started = time.perf_counter()
    try:
        rows = len(warehouse.query(sql))
    except WarehouseAwayError:
        raise
    except WarehouseError as error:
        return Found(question, 0, 0.0, str(error))
    return Found(question, rows, 1000 * (time.perf_counter() - started))
