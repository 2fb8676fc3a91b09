"""The alerts as the warehouse knows them, and as lines for people."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from rich.cells import cell_len
from rich.text import Text

from streams.columns import GAP, padded
from streams.ranking import printable
from streams.settings import Settings
from streams.warehouse import Warehouse, structs
from streams.words import Language, alert_word, number, state_word, verdict_word

_HEADS = {
    "en": ("STATE", "SINCE", "ALERT", "VERDICT", "WHERE", "BRAND", "ID"),
    "zh": ("状态", "始于", "告警", "判定", "对象", "品牌", "编号"),
}
_STYLES = {"critical": "bold red", "warning": "yellow"}


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One episode of the view `alerts`, its reasons in the language asked for. Times are UTC.

    `is_told`: somebody was told of it. Of a common cause `group_ids` are the first of its `group_count` groups.
    """

    episode_id: str
    brand_id: str
    alert: str
    state: str
    is_open: bool
    is_told: bool
    is_history: bool
    severity: str
    group_id: str
    name: str | None
    owner: str | None
    source_name: str
    cause_id: str
    verdict: str
    risk: float | None
    opened_at: datetime
    changed_at: datetime
    recovered_at: datetime | None
    acknowledged_by: str
    snoozed_until: datetime | None
    reasons: list[str]
    reason_codes: list[str]
    group_ids: list[str]
    group_count: int
    known_groups: int


class AlertDesk:
    """What was told. A question that ClickHouse does not answer is a WarehouseError."""

    def __init__(self, settings: Settings, language: Language = "en") -> None:
        """Connect when first asked."""
        self._warehouse = Warehouse(settings, "bi")
        self._language = language

    def alerts(self, brands: Sequence[str] = ()) -> list[Alert]:
        """Every episode of the brands (none: of all): the open ones first, the worst of them first, then the latest."""
        columns = ", ".join(
            "reasons_zh AS reasons" if name == "reasons" and self._language == "zh" else name
            for name in Alert.__struct_fields__
        )
        rows = self._warehouse.query(
            f"SELECT {columns} FROM alerts WHERE empty(%(brands)s) OR has(%(brands)s, brand_id) "  # noqa: S608
            "ORDER BY is_open DESC, is_open AND severity = 'critical' DESC, opened_at DESC, episode_id",
            {"brands": list(brands)},
        )
        return structs(Alert, rows)

    def groups(self) -> dict[str, tuple[str, str, str]]:
        """Every known group: name, brand and platform by id."""
        rows = self._warehouse.query("SELECT group_id, name, brand_id, platform FROM groups ORDER BY group_id")
        return {group_id: (name or "", brand_id, platform) for group_id, name, brand_id, platform in rows}


def alert_lines(alerts: Sequence[Alert], language: Language, *, is_terminal: bool) -> list[Text]:
    """A heading and a line for each; its reasons stand below on a terminal, in a pipe at its end."""
    rows = [_HEADS[language], *(_cells(alert, language) for alert in alerts)]
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    lines = [Text(" " * GAP).join(map(padded, row, widths)) for row in rows]
    lines[0].stylize("bold")
    shown = lines[:1]
    for alert, line in zip(alerts, lines[1:], strict=True):
        if alert.is_open:
            line.stylize(_STYLES.get(alert.severity, ""), 0, widths[0])
        reasons = ("; ", " · ")[is_terminal].join(alert.reasons)
        if reasons and not is_terminal:
            line.append(" " * GAP + reasons)
        shown += [line, Text(" " * (widths[0] + GAP) + reasons, "dim")] if reasons and is_terminal else [line]
    return shown


def where(alert: Alert, language: Language) -> str:
    """What an alert is of: a group, a source, or so many groups of a brand."""
    if alert.alert == "common_cause":
        count, known = number(alert.group_count), number(alert.known_groups)
        return f"{known} 个群中的 {count} 个" if language == "zh" else f"{count} of {known} groups"
    return printable(alert.name or alert.group_id or alert.source_name)


def _cells(alert: Alert, language: Language) -> tuple[str, ...]:
    verdict = verdict_word(alert.verdict, language) if alert.verdict else "-"
    return (
        _state(alert, language),
        f"{alert.opened_at:%Y-%m-%d %H:%M}",
        alert_word(alert.alert, language),
        verdict,
        where(alert, language),
        printable(alert.brand_id),
        alert.episode_id,
    )


def _state(alert: Alert, language: Language) -> str:
    word = state_word(alert.state, language)
    if alert.state == "acknowledged" and alert.acknowledged_by:
        by: Any = printable(alert.acknowledged_by)
        return f"{word} ({by})"
    if alert.state == "snoozed" and alert.snoozed_until:
        return f"{word} → {alert.snoozed_until:%m-%d %H:%M}"
    return word
