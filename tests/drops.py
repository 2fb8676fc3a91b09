"""The drops: 100 planted ones of 60 % to be found, and 200 groups in which nothing happens that is one.

`python -m tests.drops --seed N` makes a fleet of its own, group by group, drives it through the fold and the alert
agent as a backtest does, and compares what was told with what was planted. It shares neither code nor thresholds with
the detector: days off are written out here. Exits 1 below the bar.
"""

import os
import random
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from itertools import accumulate, pairwise
from math import exp, log, pi, sin
from typing import NamedTuple

import click

from streams import events as e
from streams import holidays, models
from streams.backtest.alerts import told
from streams.vitals.partition import GroupLog
from streams.vitals.rows import GroupAlert

FOUND_BAR, FALSE_BAR = 95, 2
CLEAN, PLANTED = 200, 100
HOUR = 3_600_000
DAY = 24 * HOUR
FIRST_DAY = round(datetime(2026, 3, 2, tzinfo=UTC).timestamp()) * 1000
LEARN_DAYS, JUDGED_DAYS = 56, 56
DAYS = LEARN_DAYS + JUDGED_DAYS
DROP = 0.6
CALM = 100.0
"""Of the negative binomial that a day's messages are drawn from: their variance is mean + mean² ÷ dispersion."""
BUSY_SHARE = 0.17
BUSY = ((0, 20), (0.1, 26), (0.25, 38), (0.5, 63), (0.75, 189), (0.9, 400), (1, 600))
"""Quantiles of member messages a day of the groups with 20 or more, and their share, in archives of 12 communities."""
ZONES = {
    "Asia/Shanghai": (8, 0.35, "04-04 04-05 04-06 05-01 05-02 05-03 05-04 05-05 06-19 06-20 06-21"),
    "Europe/Berlin": (2, 0.35, "04-03 04-04 04-05 04-06 05-01 05-14 05-25"),
    "America/New_York": (-4, 0.5, "05-25 06-19"),
}
"""Hours east of UTC, what is left of a day off, and the days off of spring 2026."""
HOURS = (1, 1, 0, 0, 0, 1, 2, 4, 6, 8, 9, 9, 8, 7, 8, 8, 8, 9, 10, 12, 13, 12, 8, 4)


class Found(NamedTuple):
    """What came of one group: when a drop was told to have begun, and when one was planted, if any (ms UTC)."""

    begun: tuple[int, ...]
    planted_at: int | None

    @property
    def is_in_time(self) -> bool:
        """Whether it was told from its first hour on, and no later than 24 h after its second full UTC day."""
        if self.planted_at is None:
            return False
        deadline = -(-self.planted_at // DAY) * DAY + 3 * DAY
        return any(self.planted_at < at <= deadline for at in self.begun)


class Group:
    """One group's plan: how many messages each local day brings, drawn by `chance`."""

    def __init__(self, number: int, seed: int, dispersion: float, *, is_planted: bool) -> None:
        self.chance = chance = random.Random(f"{seed}/{number}/{is_planted}")
        self.group_id = f"fleet/{'drop' if is_planted else 'calm'}-{number:03}"
        self.zone = chance.choice(sorted(ZONES))
        self.dispersion = dispersion
        self.born = chance.randrange(80) if not is_planted and chance.random() < 0.1 else 0
        self.planted_at: int | None = None
        while True:
            self._draw(is_busy=is_planted or chance.random() < BUSY_SHARE)
            if not is_planted:
                return
            day = chance.randrange(LEARN_DAYS + 4, DAYS - 4)
            is_usual = not any(self._is_off(one) for one in range(day - 1, day + 4))
            if is_usual and sum(self.usual(one) for one in range(day - 7, day)) >= 7 * BUSY[0][1]:
                self.planted_at = FIRST_DAY + day * DAY + chance.randrange(24) * HOUR
                return

    def _draw(self, *, is_busy: bool) -> None:
        chance = self.chance
        self.level = _busy(chance.random()) if is_busy else min(19.9, exp(chance.gauss(0.3, 1.6)))
        self.weekend = chance.uniform(0.5, 1.3)
        self.swell = chance.uniform(0, 0.2), chance.uniform(120, 365), chance.random()
        self.lull = (chance.randrange(50, 90), chance.randrange(14, 42), chance.uniform(0.15, 0.3))
        if chance.random() < 0.7:
            self.lull = (0, 0, 0.0)

    def usual(self, day: int) -> float:
        """What a local day without a day off brings: the weekday, the season, a lull of some weeks."""
        height, period, phase = self.swell
        begin, length, depth = self.lull
        lull = depth * max(0.0, min(1.0, (day - begin) / 10, (begin + length - day) / 10))
        weekday = self.weekend if day % 7 >= 5 else 1.0
        return (
            self.level
            * weekday
            * 7
            / (5 + 2 * self.weekend)
            * exp(height * sin(2 * pi * (day / period + phase)))
            * (1 - lull)
        )

    def _is_off(self, day: int) -> bool:
        date = datetime.fromtimestamp((FIRST_DAY + day * DAY) / 1000, UTC)
        return f"{date:%m-%d}" in ZONES[self.zone][2].split()

    def day(self, day: int) -> list[int]:
        """The times of a local day's messages, in order."""
        east, left, _ = ZONES[self.zone]
        start = FIRST_DAY + day * DAY - east * HOUR
        mean = self.usual(day) * (left if self._is_off(day) else 1.0)
        mean *= self.chance.gammavariate(self.dispersion, 1 / self.dispersion)
        hours = self.chance.choices(range(24), HOURS, k=_poisson(self.chance, mean))
        times = sorted(start + hour * HOUR + self.chance.randrange(HOUR) for hour in hours)
        if self.planted_at is None:
            return times
        return [at for at in times if at < self.planted_at or self.chance.random() >= DROP]

    def events(self) -> Iterator[e.GroupEvent | e.Tick]:
        """All its events, with a tick at the end of each UTC day."""
        crowd = max(12, round(self.level))
        weights = list(accumulate(1 / (place + 3) ** 0.5 for place in range(crowd)))
        common = {"brand_id": "fleet", "platform": "chat", "source": "fleet"}
        times = [at for day in range(self.born, DAYS + 1) for at in self.day(day) if at >= FIRST_DAY]
        yield e.GroupCreated(
            event_id=self.group_id,
            occurred_at=times[0] if times else FIRST_DAY,
            group_id=self.group_id,
            timezone=self.zone,
            source_seq=1,
            **common,
        )
        midnight = FIRST_DAY + DAY
        for place, at in enumerate(times, 2):
            while midnight <= at:
                yield e.Tick(event_id=f"tick/{midnight}", occurred_at=midnight, **common)
                midnight += DAY
            if at >= FIRST_DAY + DAYS * DAY:
                return
            who = self.chance.choices(range(crowd), cum_weights=weights)[0]
            yield e.Message(
                event_id=f"{self.group_id}/{place}", occurred_at=at, group_id=self.group_id, member_id=f"m{who}",
                source_seq=place, **common,
            )  # fmt: skip


def _busy(place: float) -> float:
    """The quantile of BUSY, straight between its points on a logarithmic scale."""
    for (low, least), (high, most) in pairwise(BUSY):
        if place <= high:
            return exp(log(least) + (place - low) / (high - low) * (log(most) - log(least)))
    return BUSY[-1][1]


def _poisson(chance: random.Random, mean: float) -> int:
    """Arrivals within `mean` of a clock that ticks once on average."""
    count, at = 0, chance.expovariate(1.0)
    while at < mean:
        count, at = count + 1, at + chance.expovariate(1.0)
    return count


def watch(job: tuple[int, bool], seed: int, dispersion: float) -> Found:
    """One group through the fold and the alert agent, told of from the end of the weeks to learn by."""
    group = Group(job[0], seed, dispersion, is_planted=job[1])
    log = GroupLog(0, "drops", models.load(), days_off=holidays.read())
    signals = []
    for offset, event in enumerate(group.events()):
        key = event.group_id if isinstance(event, e.GroupEvent) else ""
        outputs = log.fold(event, key, offset, event.occurred_at)
        signals += [(event.occurred_at, one.value) for one in outputs if one.topic == "alert-signals"]
    alerts = told(signals)
    return Found(tuple(one.at for one in alerts if _tells(one)), group.planted_at)


def _tells(alert: GroupAlert) -> bool:
    is_judged = alert.at > FIRST_DAY + LEARN_DAYS * DAY
    return alert.kind == "drop" and alert.state == "opened" and not alert.withheld and is_judged


def run(seed: int, dispersion: float, clean: int, planted: int, jobs: int) -> tuple[int, int, Counter[str]]:
    """How many planted drops were found in time, how many alerts were false, and what else there was."""
    work = [(number, False) for number in range(clean)] + [(number, True) for number in range(planted)]
    found, rest = [], Counter[str]()
    with ProcessPoolExecutor(jobs) as pool:
        for one in pool.map(partial(watch, seed=seed, dispersion=dispersion), work, chunksize=4):
            found.append(one)
            if len(found) % 50 == 0:
                click.echo(f"{len(found)} of {len(work)} groups", err=True)
    with_drop = [one for one in found if one.planted_at is not None]
    rest["before the drop"] = sum(at <= one.planted_at for one in with_drop for at in one.begun if one.planted_at)
    rest["late"] = sum(not one.is_in_time and any(at > (one.planted_at or 0) for at in one.begun) for one in with_drop)
    false = sum(len(one.begun) for one in found if one.planted_at is None)
    return sum(one.is_in_time for one in found), false, rest


@click.command(epilog="\b\nExample:\n  make drops SEED=7\n  make drops ARGS='--dispersion 20'")
@click.option("--seed", type=int, default=1, show_default=True, help="Another fleet.")
@click.option("--dispersion", type=click.FloatRange(min=0.1), default=CALM, show_default=True, metavar="K",
              help="How regular a day's messages are: variance = mean + mean² ÷ K.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1, 64), default=os.cpu_count(), help="Processes.")
def main(seed: int, dispersion: float, jobs: int) -> None:
    """Plant 100 drops of 60 %, leave 200 groups alone, and say what the detector makes of it."""
    found, false, rest = run(seed, dispersion, CLEAN, PLANTED, jobs)
    click.echo(
        f"beside: {rest['late']} found late, {rest['before the drop']} false before the drop in a group with one"
    )
    click.echo(f"drops: {found} of {PLANTED} found in time, {false} false")
    sys.exit(0 if found >= FOUND_BAR and false <= FALSE_BAR else 1)


if __name__ == "__main__":
    main()
