"""Reading the facts of a report out of the views, as the readonly user."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

import msgspec

from streams.report import queries
from streams.report.facts import (
    BrandWeek,
    Change,
    Deed,
    Episode,
    Facts,
    Money,
    Source,
    Standing,
    Tested,
)
from streams.report.period import Period
from streams.report.story import TOP, saved_in, worst
from streams.settings import Settings
from streams.warehouse import Warehouse, structs

S = TypeVar("S", bound=msgspec.Struct)

WEEKS_SHOWN = 26
"""How far back the charts of a brand go; those of a group go back a year."""
DEEDS_BEFORE_DAYS = 28
"""What was done to a group longer ago than this lay before anything, and says nothing."""


class Archive:
    """The views. A question that ClickHouse does not answer is a WarehouseError."""

    def __init__(self, settings: Settings) -> None:
        """Connect when first asked."""
        self._warehouse = Warehouse(settings, "bi")

    def brands(self) -> dict[str, datetime | None]:
        """Every known brand with the time of its latest vital signs; None where no group was judged yet."""
        return dict(self._warehouse.query(queries.BRANDS))

    def days(self, brand: str) -> tuple[date, date]:
        """The first and the last closed day of a brand that has one."""
        first, last = self._warehouse.query(queries.DAYS, {"brand": brand})[0]
        return first, last

    def facts(self, brand: str, period: Period) -> Facts:
        """All that a report of the brand says of the period."""
        shared = {"brand": brand, "end": period.end, "start": period.start, "days": 7 * WEEKS_SHOWN}
        groups = self._standings(brand, period.end)
        changes = self._all(Change, queries.CHANGES, shared)
        return Facts(
            brand=brand,
            period=period,
            groups=groups,
            before=self._standings(brand, period.start - timedelta(days=1)),
            talk=self._talk([group.group_id for group in worst(groups)[:TOP]], period.end),
            changes=changes,
            episodes=self._all(Episode, queries.EPISODES, shared),
            deeds=self._deeds(brand, saved_in(changes, period), period),
            weeks=self._all(BrandWeek, queries.WEEKS, shared),
            verdicts=self._verdicts(shared),
            money=self._all(Money, queries.MONEY, shared),
            sources=self._all(Source, queries.SOURCES, shared),
            half_seen=dict(self._warehouse.query(queries.HALF_SEEN, shared)),
            tested=self._all(Tested, queries.TESTED, shared),
        )

    def _standings(self, brand: str, end: date) -> list[Standing]:
        rows = self._warehouse.query(queries.STANDINGS, {"brand": brand, "end": end})
        return structs(Standing, ((*row, *self._worths.get(row[0], (None, None, None))) for row in rows))

    @cached_property
    def _worths(self) -> dict[str, tuple[float | None, str | None, float | None]]:
        """Worth, advice and revenue at risk of every group, asked once for all brands."""
        return {
            group: (worth, advice, revenue) for group, worth, advice, revenue in self._warehouse.query(queries.WORTHS)
        }

    def _deeds(self, brand: str, groups: Sequence[str], period: Period) -> list[Deed]:
        since = period.start - timedelta(days=DEEDS_BEFORE_DAYS)
        asked = {"brand": brand, "groups": list(groups), "since": since, "end": period.end}
        return self._all(Deed, queries.DEEDS, asked) if groups else []

    def _talk(self, groups: Sequence[str], end: date) -> dict[str, list[int | None]]:
        if not groups:
            return {}
        rows = self._warehouse.query(queries.TALK, {"groups": list(groups), "end": end})
        found = {(group, back): messages for group, back, messages in rows}
        oldest = {group: max(back for known, back in found if known == group) for group in groups}
        return {group: [found.get((group, back)) for back in range(oldest[group], -1, -1)] for group in groups}

    def _verdicts(self, shared: Mapping[str, Any]) -> dict[int, dict[str, int]]:
        known = dict(self._warehouse.query(queries.KNOWN, shared))
        return verdicts_by_week(known, self._warehouse.query(queries.SEEN, shared))

    def _all(self, kind: type[S], sql: str, parameters: Mapping[str, Any]) -> list[S]:
        return structs(kind, self._warehouse.query(sql, parameters))


def verdicts_by_week(known: Mapping[int, int], seen: Sequence[tuple[int, str, int]]) -> dict[int, dict[str, int]]:
    """Groups by verdict at the end of each week, by weeks back; who was known and got no verdict is `stale`.

    A week without any row (every source was blind) has as many groups as the one before it.
    """
    weeks: dict[int, dict[str, int]] = {}
    total = 0
    for back in range(max(known, default=-1), -1, -1):
        total = known.get(back, total)
        counts = {verdict: count for week, verdict, count in seen if week == back}
        blind = total - sum(counts.values())
        weeks[back] = counts | ({"stale": blind} if blind > 0 else {})
    return weeks
