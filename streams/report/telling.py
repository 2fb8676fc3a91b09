"""What goes where on the page, in one language: text and figures, not yet HTML and not yet escaped."""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from streams.dashboards.choices import ADVICE
from streams.report import charts, story
from streams.report.facts import Deed, Episode, Facts, Source, Standing
from streams.report.period import DAYS, Period, last_day_before
from streams.report.plots import Spark, spark
from streams.report.words import kind_word, long_day, pick, say, short_day, typeset
from streams.words import VERDICT_WORDS, Language, money, number, verdict_word

SHOWN = 20
"""Of a list that is not the ten; how many more there are is said."""
_ADVICE = dict(ADVICE)
_MOVES = ("ill", "fading", "better", "ended", "other")
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Tile(msgspec.Struct, frozen=True):
    """A figure of the week with what it is compared with. `tone`: a verdict, whose colour it has."""

    label: str
    figure: str
    note: str
    tone: str


class Entry(msgspec.Struct, frozen=True):
    """A group with what is said of it. `notes` are lines in the order of the columns that follow the group's name."""

    group: Standing
    notes: Sequence[Sequence[str]]
    spark: Spark | None = None
    about: str = ""


def clean(text: str) -> str:
    """Text from outside without what would reorder or break the text around it: controls, marks of direction."""
    kept = (" " if unicodedata.category(char) in {"Cc", "Zl", "Zp"} else char for char in text if char not in _BIDI)
    return " ".join("".join(kept).split())


class Telling:
    """The parts of one page in one language."""

    def __init__(self, facts: Facts, language: Language) -> None:
        """Nothing is asked of anybody: all is in the facts."""
        self._facts, self._language, self._period = facts, language, facts.period
        self._groups = {group.group_id: group for group in facts.groups}
        self._moves = story.moves_in(facts.changes, facts.period)
        self._now = Counter(group.verdict or "" for group in facts.groups)

    def head(self) -> Mapping[str, str]:
        """When the report is of."""
        period = self._period
        span = self._say("from_to", start=self._long(period.start), end=self._long(period.end))
        year, _, week = period.name.partition("-W")
        named = self._say("week_of", week=f"{int(week)}", year=year) if week else ""
        return {"named": named, "span": span, "end": self._long(period.end)}

    def lead(self) -> list[str]:
        """The week in a sentence or three."""
        count = Counter(move.kind for move in self._moves)
        moved = {"died": count["died"], "ill": count["ill"], "saved": count["saved"]}
        now = {"fading": self._now["fading"], "healthy": self._now["healthy"], "known": self._seen()}
        lines = [self._say("moved", **moved) if any(moved.values()) else self._say("quiet")]
        dying = self._now["dying"]
        if now["known"]:
            lines.append(self._say("now_ill", dying=dying, **now) if dying else self._say("now_well", **now))
        if self._now["stale"]:
            lines.append(self._say("now_unseen", unseen=self._now["stale"]))
        return lines

    def tiles(self) -> list[Tile]:
        """The figures that one looks for first, each beside that of the week before."""
        then = story.moves_in(
            (change for change in self._facts.changes if change.day < self._period.start),
            Period(self._period.start - timedelta(days=DAYS), self._period.start, ""),
        )
        moved, moved_then = (Counter[str](move.kind for move in moves) for moves in (self._moves, then))
        stood_then = Counter(group.verdict or "" for group in self._facts.before)
        figures = [
            ("died", moved["died"], moved_then["died"], "dead"),
            ("fell_ill", moved["ill"], moved_then["ill"], "dying"),
            ("came_back", moved["saved"], moved_then["saved"], "revived"),
            ("dying_now", self._now["dying"], stood_then["dying"], "dying"),
            ("not_seen", self._now["stale"], stood_then["stale"], "stale"),
        ]
        tiles = [
            Tile(self._say(label), number(now), self._say("week_before", count=before), tone)
            for label, now, before, tone in figures
        ]
        return [*tiles, self._revenue()]

    def ten(self) -> Mapping[str, Any]:
        """The groups to look after, and how many more need it."""
        all_of_them = story.worst(self._facts.groups)
        shown = [self._ten_entry(group) for group in all_of_them[: story.TOP]]
        return {"entries": shown, "more": len(all_of_them) - len(shown)}

    def died(self) -> Mapping[str, Any]:
        """Who died: whether it was foretold, why, what it was worth."""
        return self._entries("died", self._death)

    def saved(self) -> Mapping[str, Any]:
        """Who left the alarm and is well: how long it was ill, what lay before, how it is now."""
        return self._entries("saved", self._rescue)

    def moves(self) -> Mapping[str, Any]:
        """Every other change, the worse ones first."""
        found = sorted(
            (move for move in self._moves if move.kind in _MOVES),
            key=lambda move: (_MOVES.index(move.kind), move.day, move.group_id),
        )
        return self._cut([Entry(self._groups[move.group_id], self._change(move)) for move in found])

    def blind(self) -> Mapping[str, Any]:
        """What was not seen: groups, sources, days."""
        groups = story.unseen(self._facts)
        entries = [Entry(group, [self._last_seen(group)]) for group in groups]
        half = [
            Entry(self._groups[key], [[self._say("half_seen_days", days=days)]])
            for key, days in self._facts.half_seen.items()
            if key in self._groups and self._groups[key].verdict not in ("stale", "ended")
        ]
        sources = [self._source(source) for source in self._facts.sources if source.stale_groups and groups]
        unjudged = sum(group.verdict is None for group in self._facts.groups)
        return {"groups": self._cut(entries), "half": self._cut(half), "sources": sources, "unjudged": unjudged}

    def record(self) -> Mapping[str, Any]:
        """How well alarms and risk did."""
        found = story.record(self._facts)
        rows = {age: outcomes for age, outcomes in found.rows.items() if outcomes}
        return {"deaths": self._deaths(found), "rows": rows, "ten": self._last_ten(), "tested": self._tested()}

    def counts(self) -> list[tuple[str, Sequence[int]]]:
        """Verdict → groups now, a week ago, four weeks ago; verdicts that no group had are left out."""
        weeks = [self._facts.verdicts.get(back, {}) for back in (0, 1, 4)]
        rows = [(verdict, [week.get(verdict, 0) for week in weeks]) for verdict in VERDICT_WORDS]
        return [(verdict, figures) for verdict, figures in rows if any(figures)]

    def _say(self, key: str, **slots: float | str) -> str:
        return say(key, self._language, **slots)

    def _long(self, day: date) -> str:
        return long_day(day, self._language)

    def _short(self, day: date) -> str:
        return short_day(day, self._language)

    def _seen(self) -> int:
        return sum(group.verdict not in (None, "ended", "stale") for group in self._facts.groups)

    def _why(self, group: Standing) -> list[str]:
        reasons = group.reasons_zh if self._language == "zh" else group.reasons
        return [typeset(clean(reason), self._language) for reason in reasons]

    def _revenue(self) -> Tile:
        weeks = charts.money_weeks(self._facts)
        if weeks is None:
            return Tile(self._say("revenue"), "–", self._say("no_orders"), "")
        usual = [week.net for back, week in weeks.by_back.items() if 1 <= back <= 4]
        now = weeks.by_back.get(0)
        note = self._say("usual", amount=_bare(round(sum(usual) / len(usual)), weeks.currency)) if usual else ""
        label = self._say("revenue_in", currency=weeks.currency) if weeks.currency else self._say("revenue")
        return Tile(label, _bare(now.net if now else 0, weeks.currency), note, "")

    def _ten_entry(self, group: Standing) -> Entry:
        weeks = self._facts.talk.get(group.group_id, [])
        drawn = spark(weeks)
        about = self._say("spark", weeks=len(weeks), most=drawn.most, last=(weeks[-1] or 0) if weeks else 0)
        if blind := sum(week is None for week in weeks):
            about += " " + self._say("spark_unseen", weeks=blind)
        return Entry(group, [self._state(group), self._why(group), self._step(group)], drawn, about)

    def _state(self, group: Standing) -> list[str]:
        lines = []
        if group.verdict_since:
            lines.append(self._say("since", day=self._short(last_day_before(group.verdict_since))))
        if group.risk is not None:
            lines.append(self._say("risk", risk=group.risk))
        return lines + self._alert(group)

    def _alert(self, group: Standing) -> list[str]:
        """Whether somebody knows: the alert that was open at the end of the period."""
        running = [one for one in self._of(group.group_id) if _is_open(one, self._period)]
        if not running or not running[-1].is_told:
            return []
        alert = running[-1]
        known = "acknowledged" if alert.is_acknowledged else "snoozed" if alert.is_snoozed else "unanswered"
        return [self._say("told", day=self._short(alert.opened_at.date())), self._say(known)]

    def _of(self, group_id: str) -> list[Episode]:
        return [one for one in self._facts.episodes if one.group_id == group_id]

    def _step(self, group: Standing) -> list[str]:
        """The advice in a word (may be empty), what to do in a few, then worth and what is at stake, if known."""
        is_known = group.advice in _ADVICE
        facts = [] if group.worth is None else [self._say("worth", worth=round(group.worth))]
        if group.revenue_at_risk and group.currency:
            facts.append(self._say("at_risk", amount=money(round(group.revenue_at_risk), group.currency)))
        advice = pick(_ADVICE[group.advice or ""], self._language) if is_known else ""
        return [advice, self._say(f"step_{group.advice}" if is_known else "step_none"), *facts]

    def _entries(self, kind: story.Kind, notes: Any) -> Mapping[str, Any]:
        found = sorted((move for move in self._moves if move.kind == kind), key=lambda move: (move.day, move.group_id))
        return self._cut([Entry(self._groups[move.group_id], notes(move)) for move in found])

    def _death(self, move: story.Move) -> list[Sequence[str]]:
        since = move.ill_since or next((one.day for one in move.changes if one.verdict == "dying"), None)
        warning = self._say("unwarned")
        if since:
            warning = self._say("warned", day=self._short(since), days=(move.day - since).days)
        group = self._groups[move.group_id]
        return [[self._short(move.day)], [warning], self._why(group), self._step(group)]

    def _rescue(self, move: story.Move) -> list[Sequence[str]]:
        group = self._groups[move.group_id]
        since = move.ill_since or move.changes[0].day
        ill = self._say("ill_for", day=self._short(since), days=(move.day - since).days)
        now = [f"{self._path(move)} · {self._short(move.day)}", *self._why(group)]
        return [[ill], self._before(group.group_id), now]

    def _before(self, group_id: str) -> list[str]:
        told = [one for one in self._of(group_id) if one.is_told]
        lines = [
            self._say(
                "alert_told" if one.is_acknowledged else "alert_unanswered", day=self._short(one.opened_at.date())
            )
            for one in told[-1:]
        ]
        lines += [self._deed(deed) for deed in self._facts.deeds if deed.group_id == group_id]
        return lines or [self._say("before_none")]

    def _deed(self, deed: Deed) -> str:
        kind = kind_word(deed.detail, self._language)
        return self._say(f"deed_{deed.type}", count=deed.count, kind=kind, day=self._short(deed.last))

    def _path(self, move: story.Move) -> str:
        steps = [move.changes[0].was, *(change.verdict for change in move.changes)]
        return " → ".join(verdict_word(step, self._language) for step in steps)

    def _change(self, move: story.Move) -> list[Sequence[str]]:
        return [[self._path(move)], [self._short(move.day)], self._why(self._groups[move.group_id])]

    def _last_seen(self, group: Standing) -> list[str]:
        if group.day is None or group.last_verdict is None:
            return []
        then = verdict_word(group.last_verdict, self._language)
        return [self._say("last_seen", day=self._short(group.day), verdict=then)]

    def _source(self, source: Source) -> str:
        name, platform, count = clean(source.source), clean(source.platform or "?"), source.stale_groups
        if source.complete_at is None:
            return self._say("blind_source_silent", source=name, platform=platform, count=count)
        day = self._short(last_day_before(source.complete_at))
        return self._say("blind_source", source=name, platform=platform, count=count, day=day)

    def _deaths(self, found: story.Record) -> str:
        if not found.deaths:
            return self._say("record_no_deaths")
        if found.usual_lead is None:
            return self._say("record_unwarned", deaths=found.deaths)
        return self._say("record_deaths", deaths=found.deaths, warned=found.warned, lead=found.usual_lead)

    def _last_ten(self) -> str:
        found = story.last_ten(self._facts)
        if not found:
            return self._say("last_ten_none")
        now = Counter(verdict for _, verdict in found if verdict)
        words = [f"{now[verdict]} {verdict_word(verdict, self._language)}" for verdict in VERDICT_WORDS if now[verdict]]
        return self._say("last_ten", counts=("、" if self._language == "zh" else ", ").join(words))

    def _tested(self) -> str:
        if not self._facts.tested:
            return self._say("tested_none")
        tests = sum(one.tests for one in self._facts.tested)
        expected = sum(one.expected for one in self._facts.tested)
        died = sum(one.died for one in self._facts.tested)
        day = max(one.known_on for one in self._facts.tested)
        verdict = self._say(fit_of(expected, died))
        return self._say(
            "tested", expected=round(expected, 1), tests=tests, day=self._short(day), died=str(died), verdict=verdict
        )

    def _cut(self, entries: Sequence[Entry]) -> Mapping[str, Any]:
        return {"entries": entries[:SHOWN], "more": max(0, len(entries) - SHOWN)}


def fit_of(expected: float, died: int) -> str:
    """The phrase for deaths that came against those foretold; within two standard deviations of Poisson is chance."""
    deviation = (died - expected) / max(expected, 1.0) ** 0.5
    if abs(deviation) <= 2:
        return "tested_fits"
    return "tested_more" if deviation > 0 else "tested_fewer"


def _bare(minor: int, currency: str) -> str:
    """An amount without its currency, which stands beside it."""
    return money(minor, currency).removesuffix(f" {currency}")


def _is_open(episode: Episode, period: Period) -> bool:
    return episode.recovered_at is None or episode.recovered_at.date() > period.end
