"""Which alerts a channel gets, and when: its brands, its quiet hours, and what of the night is still worth telling."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from streams.vitals.episodes import MINUTE_MS
from streams.vitals.policy import DAY_MS
from streams.vitals.rows import AlertKind, AlertState, GroupAlert, Severity

OVER: tuple[AlertState, ...] = ("recovered", "ended")
ThroughQuiet = Literal[Severity, AlertKind]
"""What rings in quiet hours: alerts of a severity, or of a kind."""
ONLY_BLIND: tuple[ThroughQuiet, ...] = ("blind",)
"""What rings unless told otherwise. All else is of whole days, and nobody mends a group at night."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel is told. `brands` are patterns, one that begins with ! takes out; the order is of no matter.

    `quiet` are minutes of the local day in `zone`, from and until, as a clock on the wall shows them: the night in
    which that clock is put forward is an hour shorter, and an hour that comes twice is quiet twice. What does not
    ring `through_quiet` waits until they are over.
    """

    name: str
    brands: tuple[str, ...] = ("*",)
    min_severity: Severity = "warning"
    quiet: tuple[int, int] | None = None
    zone: ZoneInfo = ZoneInfo("UTC")
    through_quiet: tuple[ThroughQuiet, ...] = ONLY_BLIND

    def takes(self, alert: GroupAlert) -> bool:
        """Whether it is to get this alert, sooner or later."""
        is_severe = alert.severity == "critical" or self.min_severity == "warning"
        return not alert.withheld and is_severe and self.takes_brand(alert.brand_id)

    def takes_brand(self, brand_id: str) -> bool:
        """Whether alerts of this brand come here."""
        is_out = any(fnmatchcase(brand_id, one[1:]) for one in self.brands if one.startswith("!"))
        return not is_out and any(fnmatchcase(brand_id, one) for one in self.brands if not one.startswith("!"))

    def rings_at_night(self, alert: GroupAlert) -> bool:
        """Whether it is told in quiet hours too."""
        return alert.severity in self.through_quiet or alert.kind in self.through_quiet

    def is_quiet_at(self, at: int) -> bool:
        """Whether a time (ms UTC) lies in its quiet hours, which may reach over midnight."""
        if self.quiet is None:
            return False
        local = datetime.fromtimestamp(at // 1000, UTC).astimezone(self.zone)
        minute, (begin, end) = local.hour * 60 + local.minute, self.quiet
        return begin <= minute < end if begin <= end else minute >= begin or minute < end

    def loud_from(self, at: int) -> int:
        """The first time from `at` on that is not quiet, ms UTC; `at` itself, or a full minute."""
        if not self.is_quiet_at(at):
            return at
        first = at // MINUTE_MS * MINUTE_MS
        minutes = range(first + MINUTE_MS, first + 2 * DAY_MS, MINUTE_MS)
        return next(minute for minute in minutes if not self.is_quiet_at(minute))


class Waiting(msgspec.Struct, frozen=True):
    """An alert that waits for a route, and when it came there: ms UTC, -1 where nobody knows."""

    alert: GroupAlert
    came_at: int = -1


class Due(msgspec.Struct, frozen=True):
    """Ids of alerts: those to `tell` now, in order, and those to `spare` people, who need not hear of them any more."""

    tell: tuple[str, ...]
    spare: tuple[str, ...] = ()


def due(route: Route, waiting: Sequence[Waiting], now: int, was_told: Callable[[GroupAlert], bool]) -> Due:
    """What of all that waits is told at `now` (ms UTC).

    In quiet hours only that of which something waits that rings, in its own order. Afterwards an episode that was
    held back is told once, as it stands; and not at all if it is over and nobody was told of it: `was_told` says
    whether the route told an earlier transition of an alert's episode.
    """
    loud = {_subject(one.alert) for one in waiting if route.rings_at_night(one.alert)}
    if route.is_quiet_at(now):
        return Due(tuple(one.alert.alert_id for one in waiting if _subject(one.alert) in loud))
    held: dict[str, list[GroupAlert]] = {}
    for one in waiting:
        if one.came_at >= 0 and _subject(one.alert) not in loud and route.is_quiet_at(one.came_at):
            held.setdefault(one.alert.episode_id, []).append(one.alert)
    spare = {alert.alert_id for alerts in held.values() for alert in _needless(alerts, was_told)}
    ids = [one.alert.alert_id for one in waiting]
    return Due(tuple(one for one in ids if one not in spare), tuple(one for one in ids if one in spare))


def _needless(alerts: Sequence[GroupAlert], was_told: Callable[[GroupAlert], bool]) -> Sequence[GroupAlert]:
    """Of the transitions of one episode that were held back, those that need no telling."""
    is_unheard = alerts[-1].state in OVER and not was_told(alerts[0])
    return alerts if is_unheard else alerts[:-1]


def _subject(alert: GroupAlert) -> str:
    """Whose order counts: the group's, or of a brand's own alert the episode's."""
    return alert.group_id or alert.episode_id
