"""How often one would have been paged, and for what: the alerts of a backtest against the deaths that came."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median_low

import msgspec

from streams.backtest.report import Story
from streams.notify.channels import FILE
from streams.notify.routes import Route, Waiting, due
from streams.settings import Settings
from streams.vitals.calibration import DEATH_SHARE, HORIZON_DAYS, ORIGIN_DAYS
from streams.vitals.episodes import AlertPolicy
from streams.vitals.policy import DAY_MS
from streams.vitals.risk import Model
from streams.vitals.rows import AlertKind, AlertState, GroupAlert
from streams.words import counted

RINGS: tuple[AlertState, ...] = ("opened", "escalated", "resumed")
"""What asks somebody to look. That an alert is over is told too, but pages nobody."""
OUTCOMES = {
    "true": "before a death", "late": "after it", "false": "for nothing", "unjudged": "that cannot be judged",
}  # fmt: skip
_OTHERS: Mapping[AlertKind, str] = {
    "drop": "of a drop", "blind": "of a blind source", "common_cause": "of a common cause",
}  # fmt: skip


class Heard(msgspec.Struct, frozen=True):
    """What one route would have told: alert ids, of these those after quiet hours, and how many it spared people."""

    route: Route
    ids: frozenset[str]
    after_quiet: int
    spared: int


def heard(route: Route, alerts: Iterable[GroupAlert]) -> Heard:
    """Send alerts, in the order of `told_at`, down a route that delivers at once when it may."""
    mine = [Waiting(alert, alert.told_at) for alert in alerts if route.takes(alert)]
    waiting: list[Waiting] = []
    told: dict[str, int] = {}
    spared: set[str] = set()
    loud_at = 0

    def was_told(alert: GroupAlert) -> bool:
        return any(f"{alert.episode_id}/{number}" in told for number in range(1, alert.number))

    def tell(now: int) -> None:
        nonlocal waiting
        found = due(route, waiting, now, was_told)
        told.update(dict.fromkeys(found.tell, now))
        spared.update(found.spare)
        waiting = [one for one in waiting if one.alert.alert_id not in told and one.alert.alert_id not in spared]

    for one in mine:
        if waiting and loud_at <= one.came_at:
            tell(loud_at)
        waiting.append(one)
        tell(one.came_at)
        if waiting and loud_at <= one.came_at:
            loud_at = route.loud_from(one.came_at)
    if waiting:
        tell(loud_at)
    came_at = {one.alert.alert_id: one.came_at for one in mine}
    return Heard(route, frozenset(told), sum(at > came_at[one] for one, at in told.items()), len(spared))


class Page(msgspec.Struct, frozen=True):
    """An alert that rang. `is_first`: nothing of its episode and kind rang before; a drop may become a death.

    `day` is the last that it knows of.
    """

    alert: GroupAlert
    is_first: bool
    outcome: str

    @property
    def day(self) -> int:
        """Counted from 1970-01-01."""
        return day_of(self.alert)


def day_of(alert: GroupAlert) -> int:
    """The day at whose end, or in which, an alert came about."""
    return (alert.at - 1) // DAY_MS


def outcome_of(alert: GroupAlert, stories: Mapping[str, Story]) -> str:
    """What came of what an alert was told for: true, late, false, unjudged; "" where no death is spoken of.

    A common cause was told for the best that came of the groups it lists: true, then late, then false. A drop says
    that talk fell, which is so whether or not the group dies of it: none is false.
    """
    if alert.state not in RINGS or alert.kind == "blind":
        return ""
    found = {stories[one].outcome_of(day_of(alert)) for one in alert.groups or (alert.group_id,) if one in stories}
    outcome = next((one for one in OUTCOMES if one in found), "unjudged")
    return "" if alert.kind == "drop" and outcome in ("false", "unjudged") else outcome


def pages(alerts: Iterable[GroupAlert], ids: frozenset[str] | None, stories: Mapping[str, Story]) -> list[Page]:
    """The alerts that rang: of those with these ids, or of all that were to be told."""
    rung: set[tuple[str, AlertKind]] = set()
    found = []
    for alert in alerts:
        if alert.state in RINGS and (not alert.withheld if ids is None else alert.alert_id in ids):
            what = alert.episode_id, alert.kind
            found.append(Page(alert, what not in rung, outcome_of(alert, stories)))
            rung.add(what)
    return found


def summary(alerts: Sequence[GroupAlert], routes: Sequence[Route] | None, told: Sequence[Story]) -> Iterator[str]:
    """In words. `routes` None: nobody wrote down whom to tell, so all is told at once."""
    stories = {one.group_id: one for one in told}
    channels = [heard(route, alerts) for route in routes or ()]
    ids = None if routes is None else frozenset().union(*(one.ids for one in channels))
    rung = pages(alerts, ids, stories)
    of_death = Counter(page.outcome for page in rung if page.is_first)
    before = of_death["true"]
    times = counted(len(rung), "time")
    yield f"with these settings you would have been paged {times}, {before:,} of them before a death"
    yield f"  {_what(rung)}"
    yield from (f"  {line}" for line in _worth(rung, told))
    yield from (f"  {line}" for line in _unheard(alerts, ids))
    brands = sorted({alert.brand_id for alert in alerts})
    if len(brands) > 1:
        yield from (f"  brand {brand}: {_of_brand([p for p in rung if p.alert.brand_id == brand])}" for brand in brands)
    yield from (f"  channel {_of_channel(one, alerts)}" for one in channels)


def _what(rung: Sequence[Page]) -> str:
    """What the pages were."""
    first = [page for page in rung if page.is_first]
    kinds = Counter(page.alert.kind for page in first)
    came = Counter(page.outcome for page in first if page.alert.kind == "dying")
    how = ", ".join(f"{came[one]:,} {words}" for one, words in OUTCOMES.items())
    more = [f"{kinds[kind]:,} {words}" for kind, words in _OTHERS.items() if kinds[kind]]
    again = len(rung) - len(first)
    more += [f"{again:,} of what had grown worse"] if again else []
    return ", ".join([f"{kinds['dying']:,} of a dying group ({how})", *more])


def _worth(rung: Sequence[Page], told: Sequence[Story]) -> Iterator[str]:
    """What they were good for, and what they cost."""
    by_group: dict[str, list[int]] = {}
    for page in rung:
        for group_id in page.alert.groups or (page.alert.group_id,):
            by_group.setdefault(group_id, []).append(page.day)
    deaths = [death for one in told for death in one.deaths]
    leads = []
    for death in deaths:
        near = [day for day in by_group.get(death.group_id, ()) if death.foretold_from <= day < death.over]
        leads += [death.day - min(near)] if near else []
    if deaths:
        half = f", half of these {_lead(median_low(leads))}" if leads else ""
        what = f"{HORIZON_DAYS} days with under {DEATH_SHARE:.0%} of the usual"
        died = counted(len(deaths), "death")
        yield f"of {died} ({what}) {len(leads):,} had a page ({len(leads) / len(deaths):.0%}){half}"
    years, judged = sum(one.days for one in told) / 365, sum(len(one.weeks) for one in told) * ORIGIN_DAYS / 365
    false = sum(page.is_first and page.outcome == "false" for page in rung)
    if years:
        rate = f"{false / judged:.2f} false pages a judged group-year ({false:,} in {judged:,.1f})" if judged else ""
        yield ", ".join(filter(None, [rate, f"{len(rung) / years:.2f} pages a group-year in all"]))


def _lead(days: int) -> str:
    return (
        f"{days} days or more before the last message" if days >= 0 else f"within {-days} days after the last message"
    )


def _unheard(alerts: Sequence[GroupAlert], ids: frozenset[str] | None) -> Iterator[str]:
    """What the agent told nobody, and what no channel took."""
    why = Counter(alert.withheld for alert in alerts if alert.withheld)
    if why:
        yield f"withheld: {', '.join(f'{reason} {count:,}' for reason, count in why.most_common())}"
    if ids is not None:
        lost = sum(alert.state in RINGS and not alert.withheld and alert.alert_id not in ids for alert in alerts)
        if lost:
            yield f"{lost:,} more would have paged, but no channel took them or quiet hours made them needless"


def _of_brand(rung: Sequence[Page]) -> str:
    came = Counter(page.outcome for page in rung if page.is_first)
    return f"{counted(len(rung), 'page')}, {came['true']:,} before a death, {came['false']:,} for nothing"


def _of_channel(one: Heard, alerts: Sequence[GroupAlert]) -> str:
    rings = sum(alert.alert_id in one.ids and alert.state in RINGS for alert in alerts)
    quiet = f", {one.after_quiet:,} after its quiet hours, {one.spared:,} spared by them" if one.route.quiet else ""
    return f"{one.route.name}: {counted(len(one.ids), 'alert')}, {counted(rings, 'page')} among them{quiet}"


def circumstances(settings: Settings, model: Model, routes: Sequence[Route] | None) -> Iterator[str]:
    """The settings behind a summary, and where each comes from."""
    alerts, shipped = AlertPolicy(), "shipped" if settings.model is None else str(settings.model)
    cap = f"{settings.alarms_per_year} alarms a year at most" if settings.alarms_per_year else "no cap a year"
    yield (
        f"  settings: alarm at a risk of {settings.dying_risk:g} ({_whence('dying_risk', settings)}), "
        f"{cap} ({_whence('alarms_per_year', settings)}), model {model.name} ({shipped})"
    )
    yield (
        f"  alerts (streams/vitals/episodes.py): wait {alerts.gather_minutes} minutes for others; more than "
        f"{alerts.common_share:.0%} of a brand's groups and {alerts.common_min_groups} at least within "
        f"{alerts.common_minutes} minutes are one; older than {alerts.news_days} days when learnt is history"
    )
    own = "the shipped calendars" if settings.holidays is None else str(settings.holidays)
    yield f"  days off, on which no talk is no drop: {own} (VITALS_HOLIDAYS)"
    path = settings.home / FILE
    what = "everybody is told everything at once" if routes is None else counted(len(routes), "channel")
    yield f"  {'no ' if routes is None else ''}{path}: {what}"


def _whence(name: str, settings: Settings) -> str:
    variable = f"VITALS_{name.upper()}"
    if os.environ.get(variable):
        return f"{variable} in the environment"
    defaults = dict(zip(reversed(Settings.__struct_fields__), reversed(Settings.__struct_defaults__), strict=False))
    is_default = getattr(settings, name) == defaults[name]
    return f"{variable}, the default" if is_default else f"{name} in {settings.home / 'vitals.toml'}"
