"""What a week came to, out of the facts: who fell ill, who died, who was saved, and how well the alarms did."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from statistics import median_low
from typing import Literal

import msgspec

from streams.report.facts import Change, Facts, Standing
from streams.report.period import Period

Kind = Literal["died", "ill", "fading", "saved", "better", "ended", "other"]

TOP = 10
"""Groups to look after in a week, as on the dashboards."""
LOOK_AFTER = ("dying", "fading", "dead")
"""In the order of `vitals groups` and the dashboards: who can still be saved comes first."""
ALARM = frozenset({"dying", "dead"})
WELL = frozenset({"healthy", "revived", "fading", "forming"})
RECORD_DAYS = 84
"""How far back the record of alarms goes: long enough that most of them have come to an end."""
RECENT_DAYS = 28


class Move(msgspec.Struct, frozen=True):
    """How a group's verdict moved within the period: at least one change, in order."""

    group_id: str
    changes: Sequence[Change]
    ill_since: date | None
    """Since when it was in alarm before the first of these changes, if it was."""

    @property
    def kind(self) -> Kind:
        """What the period came to for this group."""
        return kind_of(self.changes[0].was, self.changes[-1].verdict)

    @property
    def day(self) -> date:
        """When it came to be what it is now."""
        return self.changes[-1].day


class Alarm(msgspec.Struct, frozen=True):
    """One time in alarm: from dying or dead until the verdict left both. `outcome` as of the end of the period."""

    group_id: str
    since: date
    died_on: date | None
    outcome: Literal["died", "back", "open", "ended"]
    is_first: bool
    """False where it began with dead: nobody was warned."""


class Record(msgspec.Struct, frozen=True):
    """How the alarms of `RECORD_DAYS` did. `rows`: outcomes by the age of the alarm; lead in days."""

    rows: Mapping[str, Mapping[str, int]]
    deaths: int
    warned: int
    usual_lead: int | None


def kind_of(was: str, now: str) -> Kind:  # noqa: PLR0911  one line per kind
    """What it means that a verdict went from `was` to `now`."""
    if was == now:
        return "other"
    if now == "ended":
        return "ended"
    if now == "dead":
        return "died"
    if now == "dying":
        return "other" if was == "dead" else "ill"
    if was in ALARM and now in WELL:
        return "saved"
    if now == "fading":
        return "fading"
    return "better" if was == "fading" and now in WELL else "other"


def worst(groups: Iterable[Standing]) -> list[Standing]:
    """The groups to look after, in the order of the dashboards."""
    return sorted((group for group in groups if group.verdict in LOOK_AFTER), key=_badness)


def moves_in(changes: Iterable[Change], period: Period) -> list[Move]:
    """One move for each group whose verdict changed in the period; the changes may begin long before it."""
    ill_since: dict[str, date] = {}
    within: dict[str, list[Change]] = defaultdict(list)
    began: dict[str, date | None] = {}
    for change in changes:
        if change.day >= period.start:
            began.setdefault(change.group_id, ill_since.get(change.group_id))
            within[change.group_id].append(change)
        if change.verdict not in ALARM:
            ill_since.pop(change.group_id, None)
        elif change.was not in ALARM:
            ill_since[change.group_id] = change.day
    return [Move(group, tuple(steps), began[group]) for group, steps in within.items()]


def saved_in(changes: Iterable[Change], period: Period) -> list[str]:
    """The groups that left the alarm in the period and are well."""
    return [move.group_id for move in moves_in(changes, period) if move.kind == "saved"]


def unseen(facts: Facts) -> list[Standing]:
    """The groups whose last day of the period nobody saw: nothing may be said of them."""
    return [group for group in facts.groups if group.verdict == "stale"]


def alarms(changes: Iterable[Change]) -> list[Alarm]:
    """Every time in alarm that the changes tell of, in the order in which they began."""
    found: list[Alarm] = []
    running: dict[str, int] = {}
    for change in changes:
        if change.verdict in ALARM and change.was not in ALARM:
            running[change.group_id] = len(found)
            found.append(Alarm(change.group_id, change.day, None, "open", change.verdict == "dying"))
        at = running.get(change.group_id)
        if at is None:
            continue
        if change.verdict == "dead":
            found[at] = msgspec.structs.replace(found[at], died_on=found[at].died_on or change.day, outcome="died")
        elif change.verdict not in ALARM:
            outcome: Literal["ended", "back"] = "ended" if change.verdict == "ended" else "back"
            found[at] = msgspec.structs.replace(found[at], outcome=outcome)
            del running[change.group_id]
    return found


def record(facts: Facts) -> Record:
    """How the alarms did that were opened within RECORD_DAYS of the end of the period."""
    end, all_alarms = facts.period.end, alarms(facts.changes)
    rows: dict[str, Counter[str]] = {"week": Counter(), "recent": Counter(), "older": Counter()}
    for alarm in all_alarms:
        if alarm.is_first and (end - alarm.since).days < RECORD_DAYS:
            rows[_age(alarm.since, facts.period)][alarm.outcome] += 1
    deaths = [alarm for alarm in all_alarms if alarm.died_on and alarm.died_on > end - timedelta(days=RECORD_DAYS)]
    leads = [(alarm.died_on - alarm.since).days for alarm in deaths if alarm.is_first and alarm.died_on]
    return Record(rows, len(deaths), len(leads), median_low(leads) if leads else None)


def last_ten(facts: Facts) -> list[tuple[Standing, str | None]]:
    """The ten of a week earlier, each with the verdict that it has now."""
    now = {group.group_id: group.verdict for group in facts.groups}
    return [(group, now.get(group.group_id)) for group in worst(facts.before)[:TOP]]


def _age(since: date, period: Period) -> str:
    if since >= period.start:
        return "week"
    return "recent" if (period.start - since).days <= RECENT_DAYS else "older"


def _badness(group: Standing) -> tuple[int, float, int, int, float, str]:
    return (
        LOOK_AFTER.index(group.verdict or ""),
        -(group.risk or 0),
        group.active_days_28d or 0,
        group.speakers_28d or 0,
        -(group.silent_hours or 0),
        group.group_id,
    )
