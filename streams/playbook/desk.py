"""The playbooks as the warehouse knows them, and the numbers by which they are judged."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

import msgspec

from streams.errors import VitalsError
from streams.playbook.effect import LEAST_DAYS, MEASURES, WINDOW_DAYS, Days, Estimate, Measure, Subject, estimate
from streams.settings import Settings
from streams.warehouse import Warehouse, structs

S = TypeVar("S", bound=msgspec.Struct)


class Playbook(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the view `playbooks`. Times are UTC, `budget` is in minor units of `currency`, 0 where none is."""

    playbook_id: str
    group_id: str
    brand_id: str
    group_name: str
    name: str
    goal: str
    budget: int
    currency: str
    started_at: datetime | None
    ended_at: datetime | None
    state: str
    end_note: str
    steps: list[str]
    step_at: list[datetime]
    step_notes: list[str]


class Group(msgspec.Struct, frozen=True):
    """What a playbook's command must know of a group. Times are UTC."""

    group_id: str
    name: str
    brand_id: str
    platform: str
    currency: str
    created_at: datetime
    ended_at: datetime | None


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the view `playbook_windows`: a group beside a playbook. The lists are in the order of MEASURES."""

    group_id: str
    platform: str
    is_own: bool
    start_day: date
    days_after: int
    is_seen: bool
    is_comparable: bool
    days_before: int
    unseen_days: int
    verdict: str
    band: int
    currency: str
    earlier: list[float]
    before: list[float]
    lately: list[float]
    after: list[float]
    usual: list[float] = []
    ebb: list[float] = []
    settled: list[float] = []

    def subject(self) -> Subject:
        """Its numbers, as they are compared."""
        unknown: Sequence[float | None] = [None] * len(MEASURES)
        late = [known or unknown for known in (self.usual, self.ebb, self.settled)]
        rows = zip(self.earlier or unknown, self.before, self.lately, self.after, *late, strict=True)
        days = {measure: Days(*means) for measure, means in zip(MEASURES, rows, strict=True)}
        return Subject(self.group_id, self.platform, self.band, self.verdict, days)


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a playbook. `estimates` is empty where `doubt` says why nothing can be said at all.

    `early`: fewer than seven days after it have closed; `young`: the group is younger than its window before;
    `unseen`: nobody watched on so many of its days. Of the `likeness` of the goal's controls: how many are there, on
    its platform and in its size band.
    """

    playbook: Playbook
    start_day: date
    days_before: int
    days_after: int
    currency: str
    comparable: int
    doubt: str | None = None
    unseen_days: int = 0
    estimates: list[Estimate] = []
    same_platform: int = 0
    same_band: int = 0


class Desk:
    """Asks the views as the readonly user. A question that ClickHouse does not answer is a WarehouseError."""

    def __init__(self, settings: Settings) -> None:
        """Connect when first asked."""
        self._warehouse = Warehouse(settings, "bi")

    def playbooks(self, brands: Sequence[str] = (), group_id: str | None = None) -> list[Playbook]:
        """Those of the brands (none: of all) or of one group, the open ones first, then the latest."""
        return self._structs(
            Playbook,
            "playbooks WHERE (empty(%(brands)s) OR has(%(brands)s, brand_id)) "
            "AND (empty(%(group)s) OR group_id = %(group)s) "
            "ORDER BY state = 'open' DESC, started_at DESC NULLS LAST, playbook_id",
            {"brands": list(brands), "group": group_id or ""},
        )

    def groups(self) -> dict[str, Group]:
        """Every known group by id."""
        return {group.group_id: group for group in self._structs(Group, "groups ORDER BY group_id")}

    def effect(self, playbook: Playbook) -> Effect:
        """What came of a playbook, worked out now."""
        windows = self._structs(
            Window, "playbook_windows WHERE playbook_id = %(id)s ORDER BY group_id", {"id": playbook.playbook_id}
        )
        return judge(playbook, windows)

    def _structs(self, kind: type[S], what: str, parameters: Mapping[str, Any] | None = None) -> list[S]:
        columns = ", ".join(kind.__struct_fields__)
        rows = self._warehouse.query(f"SELECT {columns} FROM {what}", parameters)  # noqa: S608
        return structs(kind, rows)


def judge(playbook: Playbook, windows: Sequence[Window]) -> Effect:
    """The effect of a playbook from the windows of its brand's groups. Raises VitalsError if its group has none yet."""
    own = next((window for window in windows if window.is_own), None)
    if own is None:
        raise VitalsError(f"{playbook.group_id} has no closed day around the start yet: `vitals wait`, or ask tomorrow")
    others = [one for one in windows if one.is_comparable]
    known = Effect(
        playbook=playbook,
        start_day=own.start_day,
        days_before=own.days_before,
        days_after=own.days_after,
        currency=own.currency,
        comparable=len(others),
    )
    if doubt := _doubt(own):
        return msgspec.structs.replace(known, doubt=doubt, unseen_days=own.unseen_days)
    estimates = [
        estimate(measure, own.subject(), _in_its_money(measure, own, others), is_goal=measure == playbook.goal)
        for measure in MEASURES
    ]
    goal = set(next(one.controls for one in estimates if one.measure == playbook.goal))
    alike = [one for one in others if one.group_id in goal]
    return msgspec.structs.replace(
        known,
        estimates=estimates,
        same_platform=sum(one.platform == own.platform for one in alike),
        same_band=sum(one.band == own.band for one in alike),
    )


def _doubt(own: Window) -> str | None:
    if own.days_before < WINDOW_DAYS:
        return "young"
    if own.days_after < LEAST_DAYS:
        return "early"
    return None if own.is_seen else "unseen"


def _in_its_money(measure: Measure, own: Window, others: Sequence[Window]) -> list[Subject]:
    """Those to hold it against; for money those whose money is the same, or who never had any."""
    return [
        one.subject()
        for one in others
        if measure != "revenue" or own.currency == one.currency or "" in (own.currency, one.currency)
    ]
