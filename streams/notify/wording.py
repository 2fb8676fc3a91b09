"""An alert in words: what, where, why, what to do, with links. Never who: no member, and nobody who acknowledged."""

import shlex
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import quote
from zoneinfo import ZoneInfo

import msgspec

from streams.dashboards.model import Look
from streams.dashboards.rules import RUNBOOK_OF, runbook_url
from streams.ranking import printable
from streams.vitals.rows import AlertKind, GroupAlert
from streams.words import Language, alert_word, clock, number, state_word, verdict_word, words

Names = Callable[[Iterable[str]], Mapping[str, str]]
"""Group ids → the names of those that have one."""
OVER = ("recovered", "ended")
_NAME_CHARS, _NAMES_LISTED = 80, 10
_ALL_DROP = ("all say far less than usual", "均为活跃骤降")
_UNSEEN = ("its groups are not seen, which is not dying", "其下各群情况不明,并非濒死")
_SOME_DIE = ("some are dying or dead", "其中有群濒死或已死")
_CAME_BY = {
    "off_rhythm": ("by its silence", "因沉默"),
    "no_message": ("by its silence", "因沉默"),
    "volume_collapsed": ("by how little is said", "因消息过少"),
}
"""Reason → by what the verdict came where the risk had no say in it: English, Chinese."""
_SEVERITIES = {"critical": ("critical", "严重"), "warning": ("warning", "警告")}


class Said(msgspec.Struct, frozen=True):
    """One alert for people. `head` is one line; `links` are (title, URL). `alert_id` tells it from all others."""

    alert_id: str
    head: str
    lines: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()


class Wording(msgspec.Struct, frozen=True):
    """In which language and time zone, and where Grafana is, "" if nowhere."""

    language: Language = "en"
    zone: ZoneInfo = ZoneInfo("UTC")
    grafana_url: str = ""

    def word(self, english: str, chinese: str) -> str:
        """One of two."""
        return chinese if self.language == "zh" else english

    def said(self, alert: GroupAlert, names: Mapping[str, str]) -> Said:
        """The alert in words. `names` holds those of its groups that have one."""
        language = self.language
        parts = (
            self.word(*_SEVERITIES[alert.severity]),
            state_word(alert.state, language),
            alert_word(alert.kind, language),
            f"{self._where(alert, names)} ({clean(alert.brand_id)})",
        )
        return Said(alert.alert_id, " · ".join(parts), tuple(self._lines(alert, names)), self._links(alert))

    def several(self, count: int) -> str:
        """The heading of a message of more than one alert."""
        return self.word(f"{count} alerts", f"{count} 条告警")

    def _where(self, alert: GroupAlert, names: Mapping[str, str]) -> str:
        if alert.kind == "common_cause":
            count, known = number(alert.group_count), number(alert.known_groups)
            return self.word(f"{count} of {known} groups", f"{known} 个群中的 {count} 个")
        return _name(alert.group_id, names) if alert.group_id else clean(alert.source_name)

    def _lines(self, alert: GroupAlert, names: Mapping[str, str]) -> Iterable[str]:
        yield " · ".join(self._facts(alert))
        yield from (words(reason, self.language, self.zone) for reason in alert.reasons)
        if alert.groups:
            listed = ", ".join(_name(group_id, names) for group_id in alert.groups[:_NAMES_LISTED])
            more = alert.group_count - min(len(alert.groups), _NAMES_LISTED)
            yield listed + (self.word(f" and {number(more)} more", f" 等,另有 {number(more)} 个") if more > 0 else "")
        if alert.state in ("opened", "escalated", "resumed"):
            yield self.word("look after it", "认领") + f": vitals alerts ack {alert.episode_id}"
        if not self.grafana_url:
            if alert.group_id and alert.state not in OVER and clean(alert.group_id) == alert.group_id:
                yield self.word("look at it", "查看") + f": vitals group {shlex.quote(alert.group_id)}"
            if alert.state not in OVER:
                yield self.word("what to do", "处理手册") + f": {runbook_file(alert.kind)}"

    def _facts(self, alert: GroupAlert) -> Iterable[str]:
        if alert.verdict:
            verdict, was = verdict_word(alert.verdict, self.language), verdict_word(alert.was, self.language)
            is_change = alert.was not in ("", alert.verdict)  # a drop comes and goes without a verdict
            yield self.word(f"{verdict}, was {was}", f"{verdict},此前{was}") if is_change else verdict
        if alert.kind == "common_cause" and alert.state not in OVER:
            yield self.word(*(_SOME_DIE if alert.severity == "critical" else _ALL_DROP))
        if alert.kind == "blind" and alert.state not in OVER:
            yield self.word(*_UNSEEN)
        if alert.risk is not None and alert.state not in OVER:
            yield self._by(alert) + self.word(f"risk {alert.risk:.0%}", f"风险 {alert.risk:.0%}")
        # what is of a source, or of many groups, began before it was noticed
        begun = self.word("alert since ", "告警始于 ") if alert.group_id else self.word("noticed ", "发现于 ")
        yield begun + self._time(alert.opened_at)
        if alert.state == "escalated":
            verdict = verdict_word(alert.verdict, self.language)
            worse = (
                self.word(f"{verdict} since ", f"{verdict}始于 ") if verdict else self.word("worse since ", "加重于 ")
            )
            yield worse + self._time(alert.at)
        if alert.state in OVER:
            yield self.word("over ", "结束于 ") + self._time(alert.at)
        if alert.until is not None:
            yield self.word("until ", "至 ") + self._time(alert.until)

    def _by(self, alert: GroupAlert) -> str:
        """By what a verdict came, if not by the risk, which is then low and would seem to contradict it."""
        codes = (reason.code for reason in alert.reasons)
        by = next((_CAME_BY[code] for code in codes if code in _CAME_BY), None)
        return self.word(f"{by[0]}, ", f"{by[1]},") if by else ""

    def _time(self, at: int) -> str:
        return clock(at, self.zone)

    def _links(self, alert: GroupAlert) -> tuple[tuple[str, str], ...]:
        if not self.grafana_url:
            return ()
        url, slug = self.grafana_url.rstrip("/"), RUNBOOK_OF[alert.kind]
        page = f"{url}/d/vitals-fleet?var-brand={quote(alert.brand_id, safe='')}"
        if alert.group_id:
            page = f"{url}/d/vitals-group?var-group={quote(alert.group_id, safe='')}"
        links = ((self.word("what to do", "处理手册"), runbook_url(slug, Look(grafana_url=url))),)
        return (links if alert.state not in OVER else ()) + ((self.word("dashboard", "看板"), page),)


def runbook_file(kind: AlertKind) -> str:
    """Where the runbook lies in the repository."""
    return f"deploy/runbooks/{RUNBOOK_OF[kind]}.md"


def clean(text: str) -> str:
    """A name from outside: one line, not too long, and nothing in it that chat programs make a link of."""
    shown = " ".join(printable(text).split()).replace("://", ": //")
    return shown if len(shown) <= _NAME_CHARS else shown[: _NAME_CHARS - 1] + "…"


def _name(group_id: str, names: Mapping[str, str]) -> str:
    return clean(names.get(group_id) or group_id)
