"""What a backtest would have told a user: which alerts, which of those groups then died, which deaths had no alert."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from datetime import date
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import click
import msgspec

from streams.backtest.exclusions import Days, Exclusions, days_of
from streams.connectors.destinations import writable
from streams.connectors.files import opened, readable
from streams.vitals.calibration import HORIZON_DAYS, MIN_AGE_DAYS, ORIGIN_DAYS, has_died, is_origin
from streams.vitals.rows import Reason
from streams.vitals.year import YEAR_DAYS
from streams.words import words

ALARM = frozenset({"dying", "dead"})
FORESIGHT_DAYS = 84
"""So long before its first sign an alert still counts as one of this death."""
EPISODE_GAP_DAYS = 28
_MOST_EXCLUDED = 0.2
_EPOCH = date(1970, 1, 1).toordinal()
_reasons = msgspec.json.Decoder(list[Reason]).decode


class Alert(msgspec.Struct):
    """A group entered dying or dead at the end of `day`. `outcome` is true, late, false or unjudged, as scored."""

    group_id: str
    day: int
    verdict: str
    risk: float
    reasons: str
    outcome: str = "unjudged"
    silent_from: int | None = None


class Death(msgspec.Struct):
    """56 days or more of near-silence; `day` is the last one with a message, `alert` that of the first alert for it.

    An alert is for it from the day `foretold_from` on and before `over`.
    """

    group_id: str
    day: int
    usual_56d: float
    risk: float
    alert: int | None
    foretold_from: int
    over: int


class Story(msgspec.Struct):
    """One group: its alerts, its deaths, how many days it has rows for, and which weeks could be judged, by their day.

    `dead` are those of the weeks at whose end it was dead.
    """

    group_id: str
    alerts: list[Alert]
    deaths: list[Death]
    days: int
    weeks: tuple[int, ...]
    dead: frozenset[int]

    def outcome_of(self, day: int) -> str:
        """What came of an alert at the end of a day: true, late, false or unjudged."""
        return _outcome(day, self.weeks, self.dead)


def write_report(verdicts: Path, exclusions: Exclusions, to: Path) -> None:
    """Tell of a file of verdicts in `to`, or on standard output for `-`. Raises VitalsError."""
    told = text(stories(verdicts, exclusions), f"What {verdicts.name} would have told")
    if str(to) == "-":
        click.echo(told)
        return
    draft = to.with_name(f".{to.name}.part")
    with writable(to):
        draft.write_text(told, "utf-8")
        draft.replace(to)
    click.echo(f"wrote {to}")


def stories(path: Path, exclusions: Exclusions) -> Iterator[Story]:
    """Read a file of verdicts, group by group. Raises VitalsError."""
    with readable(path):
        stream, below = opened(path)
        with below, stream:
            yield from stories_of(io.TextIOWrapper(stream, "utf-8", newline=""), exclusions)


def stories_of(lines: Iterable[str], exclusions: Exclusions) -> Iterator[Story]:
    """The same from the lines of such a file, its header and the lines' ends included."""
    for group_id, of_group in groupby(csv.DictReader(lines), itemgetter("group_id")):
        yield story(group_id, list(of_group), days_of(exclusions, group_id))


def story(group_id: str, rows: Sequence[Mapping[str, Any]], excluded: Sequence[Days] = ()) -> Story:
    """What happened in one group, from its rows, which are of one day each and in order of time.

    A week is judged as the risk is put to the test: from day 112 of talk on, if there is talk, and 56 days later.
    """
    first = _day(rows[0]["at"])
    messages = [int(row["messages_1d"]) for row in rows]
    tests = dict(_tests(rows, messages, {day - first for span in excluded for day in _days(span, first, len(rows))}))
    told = Story(
        group_id, [], [], len(rows), tuple(first + place for place in tests),
        frozenset(first + place for place, usual in tests.items() if usual >= 0),
    )  # fmt: skip
    alerts = [_alert(group_id, rows, place) for place in range(len(rows)) if _begins(rows, place)]
    places = [alert.day - first for alert in alerts]
    for a, b in _episodes(tests):
        last = max(place for place in range(min(b + ORIGIN_DAYS, len(rows))) if messages[place])
        begin, end = a - FORESIGHT_DAYS, b + ORIGIN_DAYS
        near = [place for place in places if begin <= place < end]
        alert = first + near[0] if near else None
        risk = float(rows[a]["risk"])
        told.deaths.append(Death(group_id, first + last, tests[a], risk, alert, first + begin, first + end))
        for one, place in zip(alerts, places, strict=True):
            if place in near:
                one.silent_from = first + last
    for one in alerts:
        one.outcome = told.outcome_of(one.day)
    told.alerts = alerts
    return told


def _tests(
    rows: Sequence[Mapping[str, Any]], messages: Sequence[int], excluded: set[int]
) -> Iterator[tuple[int, float]]:
    """Place of each judged week → messages that were usual in 56 days if the group died then, else -1."""
    begin = next((place for place, count in enumerate(messages) if count), len(messages))
    sums = [0]
    for count in messages:
        sums.append(sums[-1] + count)
    for place in range(begin + MIN_AGE_DAYS - 1, len(rows) - HORIZON_DAYS, ORIGIN_DAYS):
        age, end = place - begin + 1, place + 1
        if not is_origin(age, sums[end] - sums[end - 28], int(rows[place]["speakers_28d"])):
            continue
        lost = sum(day in excluded for day in range(end - 28, end)) > _MOST_EXCLUDED * 28
        if lost or sum(day in excluded for day in range(end, end + HORIZON_DAYS)) > _MOST_EXCLUDED * HORIZON_DAYS:
            continue
        if "ended" in (rows[place]["verdict"], rows[place + HORIZON_DAYS]["verdict"]):
            continue
        year = min(age, YEAR_DAYS)
        usual = HORIZON_DAYS * (sums[end] - sums[end - year]) / year
        yield place, usual if has_died(sums[end + HORIZON_DAYS] - sums[end], usual) else -1.0


def _episodes(tests: Mapping[int, float]) -> Iterator[tuple[int, int]]:
    """First and last of the weeks of each death: they follow one another, at most EPISODE_GAP_DAYS apart."""
    run: list[int] = []
    for place, usual in tests.items():
        if run and (usual < 0 or place - run[-1] > EPISODE_GAP_DAYS):
            yield run[0], run[-1]
            run = []
        if usual >= 0:
            run.append(place)
    if run:
        yield run[0], run[-1]


def _outcome(place: int, tests: Sequence[int], dead: Set[int]) -> str:
    if any(place - ORIGIN_DAYS < test <= place + FORESIGHT_DAYS for test in dead):
        return "true"
    before = [test for test in tests if test <= place]
    if before and before[-1] in dead:
        return "late"
    return "false" if before and place - before[-1] < ORIGIN_DAYS else "unjudged"


def _begins(rows: Sequence[Mapping[str, Any]], place: int) -> bool:
    return rows[place]["verdict"] in ALARM and (place == 0 or rows[place - 1]["verdict"] not in ALARM)


def _alert(group_id: str, rows: Sequence[Mapping[str, Any]], place: int) -> Alert:
    row = rows[place]
    told = "; ".join(words(reason, "en") for reason in _reasons(row["reasons"]))
    return Alert(group_id, _day(row["at"]), row["verdict"], float(row["risk"]), told)


def _day(at: str) -> int:
    """The day that ends at a midnight."""
    return date.fromisoformat(at[:10]).toordinal() - _EPOCH - 1


def _days(span: Days, first: int, count: int) -> range:
    return range(max(span[0], first), min(span[1], first + count - 1) + 1)


def text(told: Iterable[Story], title: str) -> str:
    """The report, as Markdown that can be read as it is."""
    known = list(told)
    alerts = sorted((alert for one in known for alert in one.alerts), key=lambda alert: (alert.day, alert.group_id))
    deaths = sorted((death for one in known for death in one.deaths), key=lambda death: (death.day, death.group_id))
    return "\n".join([f"# {title}", "", *_summary(known, alerts, deaths), *_alerts(alerts), *_unseen(deaths), ""])


def _summary(known: Sequence[Story], alerts: Sequence[Alert], deaths: Sequence[Death]) -> Iterator[str]:
    years, judged = sum(one.days for one in known) / 365, sum(len(one.weeks) for one in known) * ORIGIN_DAYS / 365
    found = [death for death in deaths if death.alert is not None]
    leads = sorted(death.day - death.alert for death in found if death.alert is not None)
    outcomes = Counter(alert.outcome for alert in alerts)
    yield f"- {len(known):,} groups over {years:,.1f} group-years, {judged:,.1f} of them with enough talk to be judged"
    if years:
        yield f"- {len(alerts):,} alerts, {len(alerts) / years:.2f} a group-year"
    if judged:
        yield (
            f"- of these {outcomes['true']:,} came before a death, {outcomes['late']:,} after it, "
            f"{outcomes['false']:,} were false ({outcomes['false'] / judged:.2f} a judged group-year); "
            f"{outcomes['unjudged']:,} cannot be judged: too young, too quiet, or too near the log's end"
        )
    if deaths:
        yield f"- {len(deaths):,} deaths, {len(found):,} of them with an alert ({len(found) / len(deaths):.0%})"
    if leads:
        yield f"- half of these alerts came {leads[len(leads) // 2]} days or more before the last message"
    yield ""
    yield "A death: 56 days with less than 5 % of the messages that were usual in the year before. A group may revive."


def _alerts(alerts: Sequence[Alert]) -> Iterator[str]:
    yield "\n## What would have been alerted, the latest first\n"
    for alert in reversed(alerts):
        yield f"- {_iso(alert.day)} **{alert.group_id}** {alert.verdict}, risk {alert.risk:.0%}: {alert.reasons}"
        yield f"  → {_after(alert)}"
    if not alerts:
        yield "Nothing."


def _after(alert: Alert) -> str:
    if alert.silent_from is None:
        told = {"late": "it was dead already", "false": "it went on", "unjudged": "not known"}
        return told.get(alert.outcome, "it died")
    days = alert.silent_from - alert.day
    when = f"{days} days later" if days > 0 else f"{-days} days before" if days else "that day"
    return f"it died: last message {_iso(alert.silent_from)}, {when}"


def _unseen(deaths: Sequence[Death]) -> Iterator[str]:
    missed = [death for death in deaths if death.alert is None]
    yield f"\n## Deaths without an alert: {len(missed):,}\n"
    for death in reversed(missed):
        yield (
            f"- {_iso(death.day)} **{death.group_id}**: usually {death.usual_56d:,.0f} messages in 56 days; "
            f"the risk was {death.risk:.0%}"
        )


def _iso(day: int) -> str:
    return date.fromordinal(day + _EPOCH).isoformat()
