"""A fleet, day by day: all groups, the shops and the connectors' word, merged by time; and the truth beside it."""

import csv
import gzip
from collections import Counter
from collections.abc import Callable, Container, Iterator
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from random import Random
from typing import TextIO

from streams import events as e
from streams.simulate.life import Life
from streams.simulate.names import pseudonym
from streams.simulate.plan import GroupPlan, plan_fleet
from streams.simulate.trade import Till
from streams.vitals.policy import DAY_MS

EVENTS_FILE = "events.jsonl.gz"
TRUTH_FILE = "truth.csv"
TRUTH_COLUMNS = ("group_id", "name", "cause", "is_death", "decline_at", "dead_at", "notes")
IN_SEVERAL_GROUPS = 0.08
"""The share of people who are known from another group of the brand."""


class Crowd:
    """Everybody of one brand and platform: gives out pseudonyms, some of them to a second group."""

    def __init__(self, seed: int, brand_id: str, platform: str) -> None:
        self._of = seed, brand_id, platform
        self._ids: list[str] = []

    def new_id(self, rng: Random, present: Container[str]) -> str:
        """Somebody who is not among `present`."""
        if self._ids and rng.random() < IN_SEVERAL_GROUPS:
            known = rng.choice(self._ids)
            if known not in present:
                return known
        self._ids.append(pseudonym(*self._of, len(self._ids)))
        return self._ids[-1]


class Fleet:
    """A planned fleet that ends with the day `end` (inclusive, UTC)."""

    def __init__(self, groups: int, days: int, seed: int, end: date) -> None:
        first = end - timedelta(days=days - 1)
        self.days = days
        self.plans = plan_fleet(groups, days, seed)
        self._first_day = round(datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp()) * 1000
        self._first_date = first
        self._till = Till()
        crowds: dict[tuple[str, str], Crowd] = {}
        self._lives = []
        for index, plan in enumerate(self.plans):
            of = plan.brand.brand_id, plan.platform
            crowd = crowds.setdefault(of, Crowd(seed, *of))
            self._lives.append(Life(plan, index, seed, crowd.new_id, self._first_day))

    def days_of_events(self) -> Iterator[list[e.Event]]:
        """Each day's events in order of time. To be run through once."""
        for day in range(self.days):
            written: list[e.Event] = []
            for life, plan in zip(self._lives, self.plans, strict=True):
                events, orders = life.live(day)
                written += events
                self._till.ring_up(plan, orders)
            written += self._till.close(self._first_day + day * DAY_MS)
            written.sort(key=attrgetter("occurred_at"))
            yield written + list(self._reports(day))

    def _reports(self, day: int) -> Iterator[e.SourceComplete]:
        """What each connector says at the end of the day; with the last one the export ends, so it is not live."""
        midnight = self._first_day + (day + 1) * DAY_MS
        seeing = {plan.source: plan for plan in self.plans if not self._is_blind(plan, day)}
        for source, plan in sorted(seeing.items()):
            yield e.SourceComplete(
                event_id=f"complete/{source}/{midnight}",
                occurred_at=midnight - 1,
                brand_id=plan.brand.brand_id,
                platform=plan.platform,
                source=source,
                complete_until=midnight,
                is_live=day < self.days - 1,
            )

    def _is_blind(self, plan: GroupPlan, day: int) -> bool:
        return plan.cause.name == "blind_source" and plan.has_turned(day)

    def truth(self) -> Iterator[dict[str, str]]:
        """A row for each group: what was planted, and since when. A death after the last day has no `dead_at`."""
        for plan in sorted(self.plans, key=attrgetter("group_id")):
            dead = plan.dead_from
            yield {
                "group_id": plan.group_id,
                "name": plan.name,
                "cause": plan.cause.name,
                "is_death": str(plan.cause.is_death).lower(),
                "decline_at": self._date(plan.turn),
                "dead_at": self._date(dead) if dead is not None and dead < self.days else "",
                "notes": plan.cause.notes,
            }

    def _date(self, day: int | None) -> str:
        return "" if day is None else (self._first_date + timedelta(days=day)).isoformat()


def write_fleet(fleet: Fleet, out: Path, advance: Callable[[], None]) -> Counter[str]:
    """Write the events and the truth into the directory `out`; answers how many events of each type there are.

    `advance` is called after each day. Equal fleets give equal bytes: no name and no time is in the gzip header.
    """
    out.mkdir(parents=True, exist_ok=True)
    counts: Counter[str] = Counter()
    unfinished = out / f"{EVENTS_FILE}.part"
    with unfinished.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
        for events in fleet.days_of_events():
            counts.update(str(event.__struct_config__.tag) for event in events)
            packed.write(b"".join(e.encode(event) + b"\n" for event in events))
            advance()
    with (out / TRUTH_FILE).open("w", encoding="utf-8", newline="") as truth:
        _write_truth(fleet, truth)
    unfinished.replace(out / EVENTS_FILE)
    return counts


def _write_truth(fleet: Fleet, file: TextIO) -> None:
    rows = csv.DictWriter(file, TRUTH_COLUMNS, lineterminator="\n")
    rows.writeheader()
    rows.writerows(fleet.truth())
