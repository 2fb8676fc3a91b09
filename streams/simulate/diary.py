"""What one group's events of a day become: ordered by time, numbered as a connector would."""

from typing import Any

from streams.events import GroupEvent
from streams.simulate.plan import GroupPlan
from streams.vitals.policy import DAY_MS

LAST_SECOND_MS = 1_000
"""Kept free at the end of each day, for what the connector says then."""


class Diary:
    """Takes a group's events in any order within a day, gives them out in order of time.

    `source_seq` counts 1, 2, 3, … over the group's whole life. An event of after midnight is not written: a talk
    ends with its day.
    """

    def __init__(self, plan: GroupPlan) -> None:
        self._plan = plan
        self._written = 0
        self._seq = 0
        self._midnight = 0
        self._page: list[tuple[int, int, type[GroupEvent], dict[str, Any]]] = []

    def open(self, day_start: int) -> None:
        """Begin the day that starts at `day_start` (ms UTC)."""
        self._midnight = day_start + DAY_MS

    def has_room(self, at: int) -> bool:
        """Whether a time still belongs to the day."""
        return at < self._midnight - LAST_SECOND_MS

    def write(self, kind: type[GroupEvent], at: int, /, **fields: Any) -> str:
        """Note one event and answer its event_id."""
        self._written += 1
        event_id = f"{self._plan.group_id}/{self._written}"
        if self.has_room(at):
            self._page.append((at, self._written, kind, {"event_id": event_id} | fields))
        return event_id

    def close(self) -> list[GroupEvent]:
        """End the day: its events in order."""
        page, self._page = sorted(self._page, key=lambda line: line[:2]), []
        return [self._number(at, kind, fields) for at, _, kind, fields in page]

    def _number(self, at: int, kind: type[GroupEvent], fields: dict[str, Any]) -> GroupEvent:
        self._seq += 1
        plan = self._plan
        return kind(
            occurred_at=at,
            brand_id=plan.brand.brand_id,
            platform=plan.platform,
            group_id=plan.group_id,
            source=plan.source,
            source_seq=self._seq,
            source_prev=self._seq - 1,
            **fields,
        )
