"""Grafana's classic dashboard JSON out of pages. Plain dictionaries: what Grafana reads stands here as it is.

The forms are those that Grafana 9.3 with the ClickHouse plugin 3.3 accepted; later ones read them too.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from streams.dashboards.model import Column, Look, Mark, Page, Panel, Variable
from streams.dashboards.thresholds import worded
from streams.words import VERDICT_WORDS

Json = dict[str, Any]

DATASOURCE: Json = {"type": "grafana-clickhouse-datasource", "uid": "vitals-clickhouse"}
TAG = "group-vitals"
"""On everything of ours that can carry a tag."""
ALL = "'*'"
"""What a variable is when all is chosen: queries test for it, so that no list of a thousand groups is sent."""
SCHEMA_VERSION = 37
TABLE, TIME_SERIES = 1, 0
VERDICT_COLORS = {
    "dead": "dark-red",
    "dying": "red",
    "fading": "orange",
    "stale": "purple",
    "revived": "blue",
    "forming": "light-blue",
    "healthy": "green",
    "ended": "#808080",
}
_GRID = 24


def dashboard(page: Page, look: Look) -> Json:
    """One page as Grafana stores it, without id and version, which are Grafana's."""
    return {
        "uid": page.uid,
        "title": look.word(page.title),
        "tags": [TAG],
        "schemaVersion": SCHEMA_VERSION,
        "editable": True,
        "timezone": "utc",
        "refresh": "5m",
        "graphTooltip": 1,
        "time": {"from": page.since, "to": "now"},
        "links": [_links(look)],
        "templating": {"list": [_variable(variable, look) for variable in page.variables]},
        "annotations": {"list": [_mark(mark, look) for mark in page.marks]},
        "panels": [_panel(panel, look, place) for panel, place in zip(page.panels, _places(page.panels), strict=True)],
    }


def target(sql: str, look: Look, form: int) -> Json:
    """A query as a panel or a rule carries it."""
    return {"refId": "A", "datasource": DATASOURCE, "queryType": "sql", "format": form, "rawSql": worded(sql, look)}


def _links(look: Look) -> Json:
    """The way to the other pages, with what is chosen here."""
    return {
        "type": "dashboards",
        "tags": [TAG],
        "title": look.word(("Pages", "页面")),
        "asDropdown": False,
        "includeVars": True,
        "keepTime": False,
        "icon": "external link",
        "targetBlank": False,
    }


def _places(panels: Sequence[Panel]) -> Iterator[Json]:
    """Left to right, then below the highest panel of the row."""
    x = y = row_height = 0
    for panel in panels:
        if x + panel.width > _GRID:
            x, y, row_height = 0, y + row_height, 0
        yield {"x": x, "y": y, "w": panel.width, "h": panel.height}
        x, row_height = x + panel.width, max(row_height, panel.height)


def _variable(variable: Variable, look: Look) -> Json:
    label = look.word(variable.title)
    shared: Json = {
        "name": variable.name,
        "label": label,
        "hide": 0,
        "multi": variable.is_many,
        "includeAll": variable.is_many,
        "skipUrlSync": False,
    }
    if variable.is_many:
        everything = {"selected": True, "text": ["All"], "value": ["$__all"]}
        shared |= {"allValue": ALL, "current": everything}
    if variable.choices:
        named = [(value, look.word(words)) for value, words in variable.choices]
        options = [{"selected": False, "text": words, "value": value} for value, words in named]
        query = ", ".join(f"{words} : {value}" for value, words in named)
        return shared | {"type": "custom", "query": query, "options": options}
    sql = worded(variable.sql, look)
    asked = {"type": "query", "datasource": DATASOURCE, "query": sql, "definition": sql, "refresh": 1}
    return shared | asked | {"regex": "", "sort": 0, "options": []}


def _mark(mark: Mark, look: Look) -> Json:
    return {
        "name": look.word(mark.name),
        "enable": mark.is_shown,
        "iconColor": mark.color,
        "datasource": DATASOURCE,
        "target": target(mark.sql, look, TABLE) | {"refId": "Anno"},
    }


def _panel(panel: Panel, look: Look, place: Json) -> Json:
    shared = {
        "id": panel.id,
        "type": panel.kind,
        "title": look.word(panel.title),
        "description": look.word(panel.about),
        "gridPos": place,
    }
    if panel.kind == "text":
        return shared | {"options": {"mode": "markdown", "content": look.word(panel.text)}}
    form = TIME_SERIES if panel.kind == "timeseries" else TABLE
    return shared | {
        "datasource": DATASOURCE,
        "targets": [target(panel.sql, look, form)],
        "options": _options(panel),
        "fieldConfig": {"defaults": _defaults(panel, look), "overrides": [_column(one, look) for one in panel.columns]},
    }


def _options(panel: Panel) -> Json:
    reduced = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "/.*/", "values": False}}
    legend = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
    options: dict[str, Json] = {
        "stat": {**reduced, "colorMode": "value", "graphMode": "none", "textMode": "auto", "justifyMode": "center"},
        "bargauge": {
            "reduceOptions": {"calcs": [], "fields": "", "values": True},
            "orientation": "horizontal",
            "displayMode": "basic",
            "showUnfilled": False,
        },
        "table": {"showHeader": True, "cellHeight": "sm", "footer": {"show": False}},
        "timeseries": {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}},
        "state-timeline": {"showValue": "auto", "mergeValues": True, "rowHeight": 0.9, "legend": legend},
    }
    return options[panel.kind]


def _defaults(panel: Panel, look: Look) -> Json:
    steps = [(None, "green"), *panel.steps] if panel.steps else [(None, "text")]
    low, high = panel.limit
    custom: Json = {}
    if panel.kind == "timeseries":
        custom = {
            "drawStyle": "bars" if panel.is_bars else "line",
            "lineWidth": 1,
            "fillOpacity": 60 if panel.is_stacked or panel.is_bars else 0,
            "stacking": {"mode": "normal" if panel.is_stacked else "none", "group": "A"},
            "showPoints": "auto",
            "spanNulls": True,
            "thresholdsStyle": {"mode": "area" if panel.has_bands else "off"},
        }
    shown: Json = {
        "unit": panel.unit,
        "noValue": look.word(panel.nothing),
        "color": {"mode": "thresholds" if panel.kind in ("stat", "bargauge", "table") else "palette-classic"},
        "thresholds": {
            "mode": "absolute",
            "steps": [{"value": value, "color": color} for value, color in steps],
        },
        "mappings": _verdicts(look) if panel.kind == "state-timeline" else [],
        "custom": custom,
    }
    return shown | {name: value for name, value in (("min", low), ("max", high)) if value is not None}


def _column(column: Column, look: Look) -> Json:
    """An override of Grafana's: every property that the column asks for."""
    asked: Json = {
        "displayName": look.word(column.title),
        "noValue": "–",
        "unit": "percentunit" if column.is_bar else column.unit,
        "decimals": column.decimals if column.decimals >= 0 else None,
        "color": _fixed("blue" if column.is_bar else column.color),
        "links": [{"title": look.word(("Open", "打开")), "url": column.link}] if column.link else None,
        "mappings": _verdicts(look) if column.is_verdict else _named(column, look),
        "min": 0 if column.is_bar else None,
        "max": 1 if column.is_bar else None,
        "custom.displayMode": "color-text" if column.is_verdict else "basic" if column.is_bar else None,
        "custom.width": column.width or None,
        "custom.hidden": column.is_hidden or None,
        "custom.inspect": column.is_long or None,
        "custom.axisPlacement": "right" if column.is_right else None,
    }
    shown = {name: value for name, value in asked.items() if value not in (None, "")}
    return {
        "matcher": {"id": "byName", "options": column.name},
        "properties": [{"id": name, "value": value} for name, value in shown.items()],
    }


def _fixed(color: str) -> Json | None:
    return {"mode": "fixed", "fixedColor": color} if color else None


def _named(column: Column, look: Look) -> list[Json] | None:
    options = {value: {"index": index, "text": look.word(words)} for index, (value, words) in enumerate(column.words)}
    return [{"type": "value", "options": options}] if options else None


def _verdicts(look: Look) -> list[Json]:
    """Verdicts in words and colours."""
    options = {
        verdict: {"index": index, "text": look.word(words), "color": VERDICT_COLORS[verdict]}
        for index, (verdict, words) in enumerate(VERDICT_WORDS.items())
    }
    return [{"type": "value", "options": options}]


def verdict_columns() -> tuple[Column, ...]:
    """A column for each verdict, in its words and colour."""
    return tuple(Column(name, words, color=VERDICT_COLORS[name]) for name, words in VERDICT_WORDS.items())


def link(page: str, **variables: str) -> str:
    """The URL of a page with variables taken from columns of the clicked row: variable → column."""
    chosen = "&".join(f"var-{name}=${{__data.fields.{column}:percentencode}}" for name, column in variables.items())
    return f"/d/vitals-{page}?{chosen}"
