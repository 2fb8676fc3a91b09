"""Flows between stages and the funnel of newcomers, counted again: `python -m tests.lifecycle_oracle`.

Who went from stage to stage in the groups of the running stack, and who was welcomed, is worked out anew from the log
of the groups, by the rules as MEASURES.md and the documents have them: no fold, no view, no number of ours. Of what was
told it takes which days were closed, and behind which record of the log. Exits 1 on any difference.

A member is looked at when a day closes and something was learnt of them; when time alone, had they done nothing more
since, has moved them to another stage or onto the cleanup list; and on one weekday of their group if they wrote in the
week (once in four weeks is no habit of who is stalled). Which weekday that is no rule says: the one that fits is taken.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median_high
from typing import Any

import click
import msgspec
from rich.progress import track

from streams import events as e
from streams.settings import Settings, load
from streams.topic_reader import messages
from streams.warehouse import Warehouse

DAY, MINUTE = 86_400_000, 60_000
YEAR, MONTH, WEEK = 365, 28, 7
BLIND = DAY // 2
"""A live source that says nothing for longer is blind."""
NEVER = float("inf")
Flow = tuple[str, str, str]
"""Monday, the stage left, the stage entered."""
Flows = dict[Flow, tuple[int, int | None]]
"""→ members, and the median of the days that they had been where they came from."""
Funnel = dict[str, tuple[int, int, float | None]]
"""Monday → members whose last join was in that week, those welcomed since, the median of the hours until then."""
_decode = msgspec.json.Decoder(e.ChatEvent).decode


def end_of(day: int) -> int:
    """When a day since 1970 is over, in ms."""
    return (day + 1) * DAY


def day_by(at: int) -> int:
    """The first day that is over at a time, or after it."""
    return -(-at // DAY) - 1


@dataclass
class Person:
    """What is known of one member of one group."""

    role: str
    here: bool = False
    told_at: int = -1
    joined: int | None = None
    seen_from: int | None = None
    first_word: int | None = None
    last_word: int = -1
    days: Counter[int] = field(default_factory=Counter)
    last_claim: int = -1
    mute: bool = False
    orders: dict[str, int] = field(default_factory=dict)
    kept: int = 0
    is_foreign: bool = False
    stage: str = ""
    since: int = 0
    is_listed: bool = False
    due: float = NEVER
    welcomed: int | None = None

    def begins(self) -> int:
        """When their tenure begins."""
        if self.joined is not None:
            return self.joined
        return min(at for at in (self.seen_from, self.first_word) if at is not None)

    def has_written(self, day: int) -> bool:
        """Whether they wrote in the week, and, if they are stalled, more than a single message in four weeks."""
        recent = sum(count for one, count in self.days.items() if day - MONTH < one <= day)
        is_once = self.stage == "stalled" and recent < 2 and len(self.orders) < 3
        return not is_once and any(day - WEEK < one <= day for one in self.days)

    def is_lost(self) -> bool:
        """Whether any word of theirs is looked at on the day."""
        return self.is_listed or self.stage == "churned"

    def ages(self, day: int) -> tuple[float, float, float, float]:
        """Tenure, and since the last word, purchase and claim, in whole days; of what never was, for ever."""
        begins, paid = self.begins(), max(self.orders.values(), default=-1)
        last = begins, max(begins, self.last_word), paid, self.last_claim
        tenure, silent, unpaid, unclaimed = ((end_of(day) - at) // DAY if at >= 0 else NEVER for at in last)
        return tenure, silent, unpaid, unclaimed

    def stage_at(self, day: int) -> str:
        """By the first rule that holds at the end of a day."""
        if self.role != "member":
            return self.role
        if not self.here:
            return "left"
        tenure, silent, unpaid, unclaimed = self.ages(day)
        orders = sum((end_of(day) - at) // DAY < YEAR for at in self.orders.values())
        active = sum(day - MONTH < one <= day for one in self.days)
        rules = {
            "churned": tenure >= 180 and (self.mute or min(silent, unpaid, unclaimed) >= 60),
            "early_churned": tenure >= 14 and silent >= 30 and unpaid >= 60,
            "mature": tenure >= 90 and orders >= 3 and active >= 4,
            "growing": tenure >= 30 and (orders >= 2 or active >= 2),
            "newcomer": tenure < 30,
            "stalled": True,
        }
        return next(stage for stage, holds in rules.items() if holds)

    def is_listed_at(self, day: int, ignored_from: int | None) -> bool:
        """Whether the cleanup list has them. `ignored_from`: when the group's last benefit but one was given."""
        if self.role != "member" or not self.here or self.kept > 0 or self.is_foreign:
            return False
        tenure, silent, unpaid, unclaimed = self.ages(day)
        has_claimed = unclaimed < 60 if ignored_from is None else self.last_claim >= ignored_from
        return tenure >= 60 and silent >= 60 and unpaid >= 180 and not has_claimed

    def moves_on(self, day: int, ignored_from: int | None) -> float:
        """The next day at whose end time alone has moved them."""
        if self.role != "member" or not self.here:
            return NEVER
        begins, paid = self.begins(), max(self.orders.values(), default=0)
        edges = [begins + age * DAY for age in (14, 30, 60, 90, 180)]
        edges += [max(begins, self.last_word) + age * DAY for age in (30, 60)]
        edges += [self.last_claim + 60 * DAY, paid + 60 * DAY, paid + 180 * DAY]
        edges += [at + YEAR * DAY for at in self.orders.values()]
        edges += [end_of(one + MONTH) for one in self.days if one > day - MONTH]
        now = self.stage_at(day), self.is_listed_at(day, ignored_from)
        ahead = sorted({day_by(edge) for edge in edges if edge > end_of(day)})
        moved = (one for one in ahead if (self.stage_at(one), self.is_listed_at(one, ignored_from)) != now)
        return next(moved, NEVER)


class People:
    """The people of one group, event by event and day by day. `weekday` is when it looks at those who wrote."""

    def __init__(self, weekday: int) -> None:
        self.weekday = weekday
        self.by_id: dict[str, Person] = {}
        self.moves: dict[tuple[str, int], tuple[str, int, str]] = {}
        self._currency = ""
        self._benefits: list[int] = []
        self._ignored_from: int | None = None
        self._learnt: set[str] = set()
        self._said: dict[str, tuple[str, int]] = {}
        self._day = -1

    def take(self, event: e.Event) -> None:
        """Learn of one event."""
        if isinstance(event, e.GroupCreated):
            self._currency = event.currency or self._currency
        elif isinstance(event, e.Benefit):
            self._benefits.append(event.occurred_at)
        elif isinstance(event, e.Recall):
            self._take_back(event.target)
        elif isinstance(event, e.Roster):
            self._call_roll(event)
        elif isinstance(event, e.OrderAttributed):
            self._sell(event)
        elif isinstance(event, e.MemberEvent):
            self._see(event)

    def _person(self, who: str, role: str) -> Person:
        person = self.by_id.get(who)
        if person is None or person.role != role:
            self._learnt.add(who)
            person = self.by_id.setdefault(who, Person(role))
            person.role = role
        return person

    def _place(self, who: str, at: int, *, here: bool) -> None:
        person = self.by_id[who]
        if at >= person.told_at and (here or person.here or person.told_at < 0):
            self._learnt.add(who)
            person.here, person.told_at = here, at

    def _see(self, event: e.MemberEvent) -> None:
        who, at = event.member_id, event.occurred_at
        person = self._person(who, event.role)
        if isinstance(event, e.Join | e.Leave | e.Mute | e.Unmute):
            self._learnt.add(who)
        if isinstance(event, e.Join):
            self._place(who, at, here=True)
            person.joined = max(at, person.joined or 0)
        elif isinstance(event, e.Leave):
            self._place(who, at, here=False)
            person.mute = False
        elif not person.here:
            self._place(who, at, here=True)
        if isinstance(event, e.Mute | e.Unmute):
            person.mute = isinstance(event, e.Mute)
        elif isinstance(event, e.Claim):
            if person.last_claim < (person.joined or 0) or person.is_lost():
                self._learnt.add(who)
            person.last_claim = max(person.last_claim, at)
        elif isinstance(event, e.Message) and event.role == "member":
            self._hear(event, person)

    def _hear(self, event: e.Message, person: Person) -> None:
        who, at = event.member_id, event.occurred_at
        if person.first_word is None:
            person.first_word = at
            if person.stage in {"", "newcomer"}:
                self._learnt.add(who)
        if person.is_lost():
            self._learnt.add(who)
        person.last_word = max(person.last_word, at)
        person.days[at // DAY] += 1
        self._said[event.event_id] = who, at

    def _take_back(self, target: str) -> None:
        who, at = self._said.pop(target, ("", 0))
        if who:
            self._learnt.add(who)
            person = self.by_id[who]
            person.days[at // DAY] -= 1
            person.days += Counter()  # without days of no message
            person.last_word = max((at for one, at in self._said.values() if one == who), default=-1)

    def _call_roll(self, event: e.Roster) -> None:
        roles = dict.fromkeys(event.members, "member")
        roles |= dict.fromkeys(event.staff, "staff") | dict.fromkeys(event.bots, "bot")
        for who, role in roles.items():
            if not self._person(who, role).here:
                self._place(who, event.occurred_at, here=True)
        for who, person in self.by_id.items():
            if person.here and who not in roles:
                self._place(who, event.occurred_at, here=False)
            person.mute = person.mute and person.here

    def _sell(self, event: e.OrderAttributed) -> None:
        self._currency = self._currency or event.currency
        who = event.member_id or event.customer_id
        if not event.weight or who not in self.by_id:
            return
        person = self.by_id[who]
        self._learnt.add(who)
        if event.refund_id is None and event.reverses is None:
            person.orders[event.order_id] = event.occurred_at
        elif event.refund_id is None:
            person.orders.pop(event.order_id, None)
        person.is_foreign |= event.currency != self._currency
        person.kept += event.amount if event.currency == self._currency else 0

    def close(self, day: int) -> None:
        """Look at whoever is to be looked at when a day is over."""
        before, latest = self._ignored_from, sorted(self._benefits)[-2:]
        self._day, self._ignored_from = day, latest[0] if latest else None
        for who, person in self.by_id.items():
            has_written = day % WEEK == self.weekday and person.has_written(day)
            is_late = before is not None and before <= person.last_claim < (self._ignored_from or 0)
            if person.due <= day or has_written or is_late:
                self._learnt.add(who)
        self.look()

    def look(self) -> None:
        """Judge, as of the last day that was closed, those of whom something was learnt.

        Who moves twice at the end of one day went from the first stage to the last.
        """
        day = self._day
        for who in self._learnt:
            person = self.by_id[who]
            if person.joined is None and person.seen_from is None:
                person.seen_from = day * DAY
            stage = person.stage_at(day)
            if stage != person.stage:
                was, since, _ = self.moves.get((who, day), (person.stage, person.since, ""))
                self.moves[who, day] = was, since, stage
                person.stage, person.since = stage, day
            person.is_listed = person.is_listed_at(day, self._ignored_from)
            person.due = person.moves_on(day, self._ignored_from)
        self._learnt.clear()

    def flows(self) -> Flows:
        """What the moves come to by week."""
        found: dict[Flow, list[tuple[str, int | None]]] = defaultdict(list)
        for (who, day), (was, since, stage) in self.moves.items():
            if was != stage:
                found[monday_of(day), was, stage].append((who, day - since if was else None))
        return {flow: (len({who for who, _ in some}), middle(days for _, days in some)) for flow, some in found.items()}


class Door:
    """Who came to a group for the first time, and who of staff had a word for them.

    That is one that names them; that answers what they said, by a reply, or as the next to speak within the hour; or
    the first of staff within a quarter of an hour after they came. It counts for a week. 256 wait at most, the latest.
    """

    def __init__(self) -> None:
        self.joined: dict[str, int] = {}
        self.welcomed: dict[str, int] = {}
        self._seen: set[str] = set()
        self._waiting: dict[str, int] = {}
        self._authors: dict[str, str] = {}
        self._last: tuple[str, int] | None = None

    def take(self, event: e.Event) -> None:
        """Learn of one event."""
        if isinstance(event, e.Join) and event.role == "member":
            self.joined[event.member_id] = max(event.occurred_at, self.joined.get(event.member_id, 0))
            if event.member_id not in self._seen:
                self._waiting[event.member_id] = event.occurred_at
                self._waiting = dict(list(self._waiting.items())[-256:])
        elif isinstance(event, e.Message) and event.role in {"staff", "bot"}:
            self._greet(event)
        elif isinstance(event, e.Message) and event.role == "member":
            self._authors[event.event_id] = event.member_id
            self._last = event.member_id, event.occurred_at
        if isinstance(event, e.MemberEvent):
            self._seen.add(event.member_id)
        elif isinstance(event, e.Roster):
            self._seen.update(event.members, event.staff, event.bots)

    def _greet(self, event: e.Message) -> None:
        at = event.occurred_at
        meant = {*event.mentions, self._authors.get(event.reply_to or "", "")}
        if event.role == "staff":
            if event.reply_to is None and self._last is not None and at - self._last[1] <= 60 * MINUTE:
                meant.add(self._last[0])
            self._last = None
            meant |= {who for who, joined in self._waiting.items() if at - joined <= 15 * MINUTE}
        for who in meant & self._waiting.keys():
            if at - self._waiting.pop(who) <= WEEK * DAY:
                self.welcomed.setdefault(who, at)

    def funnel(self) -> Funnel:
        """What it comes to by the week of the last join."""
        found: dict[str, list[float | None]] = defaultdict(list)
        for who, joined in self.joined.items():
            greeted = self.welcomed.get(who, -1)
            hours = (greeted // 1000 - joined // 1000) / 3600 if greeted >= joined else None
            found[monday_of(joined // DAY)].append(hours)
        return {
            monday: (len(some), sum(one is not None for one in some), middle(some)) for monday, some in found.items()
        }


def monday_of(day: int) -> str:
    """The Monday of a day's week."""
    found = datetime.fromtimestamp(day * DAY / 1000, UTC).date()
    return str(found - timedelta(days=found.weekday()))


def middle(values: Iterable[Any]) -> Any:
    """The median of what is known, the upper of two."""
    known = [one for one in values if one is not None]
    return median_high(known) if known else None


@dataclass
class Log:
    """One group's log: offsets and events, each event once. `goes_on`: its source is live and not blind."""

    events: list[tuple[int, e.Event]] = field(default_factory=list)
    goes_on: bool = False

    def flows(self, closes: list[tuple[int, int]], weekday: int) -> Flows:
        """The flows, where days were closed behind these offsets. What came after the last day has yet to be judged
        where more will come, and else as of that day."""
        people, at = People(weekday), 0
        for behind, day in closes:
            while at < len(self.events) and self.events[at][0] < behind:
                people.take(self.events[at][1])
                at += 1
            people.close(day)
        for _, event in self.events[at:] if not self.goes_on else ():
            people.take(event)
        people.look()
        return people.flows()

    def funnel(self) -> Funnel:
        """The funnel of newcomers."""
        door = Door()
        for _, event in self.events:
            door.take(event)
        return door.funnel()


def logs_of(settings: Settings) -> dict[str, Log]:
    """Each group's log as it stands in Kafka."""
    logs: dict[str, Log] = defaultdict(Log)
    seen: set[str] = set()
    goes_on: dict[str | None, bool] = {}
    blind_at: dict[str | None, int] = {}
    for record in messages(settings, "chat-events"):
        event = _decode(record.value())
        if isinstance(event, e.SourceComplete):
            goes_on[event.source], blind_at[event.source] = event.is_live, event.complete_until + BLIND
        elif (
            isinstance(event, e.Tick) and event.source is not None and event.occurred_at > blind_at.get(event.source, 0)
        ):
            goes_on[event.source] = False  # the import went on for so long without a word of it
        elif isinstance(event, e.GroupEvent) and not event.group_id.endswith(e.NOBODY) and event.event_id not in seen:
            seen.add(event.event_id)
            logs[event.group_id].events.append((record.offset(), event))
    for log in logs.values():
        log.goes_on = any(goes_on.get(event.source, False) for _, event in log.events)
    return logs


def differences(told: Mapping[Any, Any], counted: Mapping[Any, Any]) -> list[str]:
    """Each key of which two tables say something else."""
    keys = sorted(told.keys() | counted.keys())
    return [f"{key}: {told.get(key)}, counted {counted.get(key)}" for key in keys if told.get(key) != counted.get(key)]


def unlike(told: Flows, log: Log, closes: list[tuple[int, int]]) -> list[str]:
    """The differences on the weekday that fits best."""
    fewest: list[str] | None = None
    for weekday in range(WEEK):
        found = differences(told, log.flows(closes, weekday))
        if fewest is None or len(found) < len(fewest):
            fewest = found
        if not found:
            break
    return fewest or []


def compare(settings: Settings) -> tuple[int, int, int, list[str]]:
    """Groups, rows of flows, rows of the funnel, and the differences."""
    warehouse = Warehouse(settings)
    closes: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for group_id, offset, at in warehouse.query(
        "SELECT group_id, source_offset, toUnixTimestamp64Milli(at) FROM group_vitals_v1 FINAL WHERE is_day_close "
        "ORDER BY group_id, source_offset, at"
    ):
        closes[group_id].append((offset, at // DAY - 1))
    flows: dict[str, Flows] = defaultdict(dict)
    for group_id, week, was, stage, members, days in warehouse.query(
        "SELECT group_id, toString(week), was, stage, members, days_before FROM lifecycle_flows WHERE week IS NOT NULL"
    ):
        flows[group_id][week, was, stage] = members, days
    funnels: dict[str, Funnel] = defaultdict(dict)
    for group_id, week, joined, welcomed, hours in warehouse.query(
        "SELECT group_id, toString(cohort_week), joined, welcomed, hours_to_welcome FROM newcomer_funnel "
        "WHERE cohort_week IS NOT NULL"
    ):
        funnels[group_id][week] = joined, welcomed, hours
    found = []
    logs = logs_of(settings)
    for group_id, log in track(sorted(logs.items()), transient=True):
        found += [f"{group_id} flow {line}" for line in unlike(flows[group_id], log, closes[group_id])]
        found += [f"{group_id} funnel {line}" for line in differences(funnels[group_id], log.funnel())]
    return len(logs), sum(map(len, flows.values())), sum(map(len, funnels.values())), found


@click.command()
def main() -> None:
    """Compare the flows and the funnel of every group with what its log comes to."""
    groups, flows, weeks, found = compare(load())
    for line in found[:40]:
        click.echo(line)
    click.echo(f"lifecycle oracle: {groups} groups, {flows} flows, {weeks} cohorts, {len(found)} differences")
    sys.exit(bool(found) or not flows)


if __name__ == "__main__":
    main()
