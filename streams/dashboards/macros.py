"""Variables and macros of Grafana's ClickHouse plugin 3.3, expanded as it does, to try queries without it."""

import re
from collections.abc import Callable, Mapping, Sequence

import msgspec

Chosen = Mapping[str, Sequence[str] | str]
"""Variable → the values chosen, or for "all" the text that stands for all, which goes in as it is."""
_VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}")
_MACRO = re.compile(r"\$__(\w+)(\(([^()]*)\))?")


class Span(msgspec.Struct, frozen=True):
    """A time range in ms UTC, and the seconds between two points of a panel."""

    since: int
    until: int
    interval_s: int


class UnknownMacroError(ValueError):
    """A macro or form that is not expanded here."""


def expand(sql: str, chosen: Chosen, span: Span) -> str:
    """The SQL that ClickHouse gets: variables first, as Grafana's page does, then macros, as the plugin's server does.

    Raises UnknownMacroError, and KeyError for a variable that is not chosen.
    """
    return _MACRO.sub(lambda found: _macro(found, span), _VARIABLE.sub(lambda found: _variable(found, chosen), sql))


def _variable(found: re.Match[str], chosen: Chosen) -> str:
    if found[2] != "sqlstring":
        raise UnknownMacroError(f"{found[0]}: only the form sqlstring is safe in SQL")
    values = chosen[found[1]]
    if isinstance(values, str):
        return values
    return ",".join("'" + value.replace("'", "''") + "'" for value in values)


def _macro(found: re.Match[str], span: Span) -> str:
    name, column = found[1], (found[3] or "").strip()
    if name not in _MACROS:
        raise UnknownMacroError(f"{found[0]} is no macro of the plugin")
    return _MACROS[name](column, span)


def _between(column: str, since: object, until: object) -> str:
    return f"{column} >= '{since}' AND {column} <= '{until}'"


def _dates(column: str, span: Span) -> str:
    since, until = (f"toDate({at // 1000})" for at in (span.since, span.until))
    return f"{column} >= {since} AND {column} <= {until}"


_MACROS: dict[str, Callable[[str, Span], str]] = {
    "timeFilter": lambda column, span: _between(column, span.since // 1000, span.until // 1000),
    "timeFilter_ms": lambda column, span: _between(column, span.since, span.until),
    "dateFilter": _dates,
    "fromTime": lambda _, span: f"toDateTime(intDiv({span.since},1000))",
    "toTime": lambda _, span: f"toDateTime(intDiv({span.until},1000))",
    "timeInterval": lambda column, span: f"toStartOfInterval(toDateTime({column}), INTERVAL {span.interval_s} second)",
    "timeInterval_ms": lambda column, span: (
        f"toStartOfInterval(toDateTime64({column}, 3), INTERVAL {span.interval_s * 1000} millisecond)"
    ),
    "interval_s": lambda _, span: str(span.interval_s),
}
