"""Reason codes and verdicts in words, English and Chinese. One table: to add a reason, add a line.

In a template `{now}` is a number, `{now:speaker}` a number with its noun, `{hours:span}` hours in what suits
them, `{share:%}` a share; a part in brackets is left out when one of its numbers is missing.
"""

import re
from typing import Literal

from streams.vitals.rows import Reason

Language = Literal["en", "zh"]

REASON_WORDS: dict[str, tuple[str, str]] = {
    "few_speakers": (
        "{now:speaker}[ among {of_members:member}] in 28 days[, {usual} are usual]",
        "近 28 天[ {of_members} 名成员中]仅 {now} 人发言[,通常为 {usual} 人]",
    ),
    "few_active_days": (
        "somebody spoke on {now:day} of the last {window}",
        "近 {window} 天中仅 {now} 天有人发言",
    ),
    "silent": ("no member message for {hours:span}", "已 {hours:span}无成员发言"),
    "no_message": ("no member message in {days:day}", "{days} 天内无成员发言"),
    "volume_collapsed": (
        "{messages:message} in 56 days, {base} are usual",
        "近 56 天仅 {messages} 条消息,通常为 {base} 条",
    ),
    "speakers_falling": (
        "speakers in 28 days fell from {before} to {now}",
        "28 天发言人数从 {before} 人降至 {now} 人",
    ),
    "monologue": (
        "staff wrote {staff_share:%} of 7 days' messages, {speakers:member} spoke",
        "近 7 天 {staff_share:%} 的消息来自员工,仅 {speakers} 名成员发言",
    ),
    "core_left": ("{left} of {core:core member} left", "{core} 名核心成员中有 {left} 名退群"),
    "leaves": (
        "{leaves:member} left in {days:day}, {members} remain",
        "近 {days} 天有 {leaves} 人退群,现有 {members} 人",
    ),
    "leader_silent": ("its leading voice is silent for {days:day}", "核心发言人已 {days} 天未发言"),
    "planned_end": ("ended as planned", "已按计划结束"),
    "merged": ("merged into another group", "已并入其他群"),
    "dissolved": ("dissolved", "已解散"),
    "blind": ("no data from its source for {hours:span}", "数据源已中断 {hours:span}"),
    "too_young": ("only {days:day} old", "建群仅 {days} 天"),
    "too_few_ever": ("{speakers:speaker} so far", "迄今仅 {speakers} 人发言"),
    "broad": (
        "{speakers:speaker} in 28 days, on {active_days:day}",
        "近 28 天有 {speakers} 人发言,共 {active_days} 天",
    ),
    "recovering": (
        "{speakers:speaker} a week again, for {weeks:week}",
        "已恢复 {weeks} 周,每周 {speakers} 人发言",
    ),
}
"""Code → (English, Chinese)."""

VERDICT_WORDS: dict[str, tuple[str, str]] = {
    "dead": ("dead", "死群"),
    "dying": ("dying", "濒死"),
    "fading": ("fading", "衰退"),
    "stale": ("stale", "数据中断"),
    "revived": ("revived", "复活"),
    "forming": ("forming", "新群"),
    "healthy": ("healthy", "健康"),
    "ended": ("ended", "已结束"),
}
"""Verdict → (English, Chinese)."""

_COLUMN: dict[Language, int] = {"en": 0, "zh": 1}
_OPTIONAL = re.compile(r"\[([^\]]*)\]")
_NUMBER = re.compile(r"\{(\w+)(?::([^}]*))?\}")
_DAYS_FROM_HOURS = 48


def words(reason: Reason, language: Language) -> str:
    """One reason in words. A code without words, or without its numbers, comes out as `code (name=number, …)`."""
    templates = REASON_WORDS.get(reason.code)
    if templates is None:
        return _plain(reason)
    template = _OPTIONAL.sub(lambda part: _optional(part[1], reason), templates[_COLUMN[language]])
    if not _has_numbers(template, reason):
        return _plain(reason)
    return _NUMBER.sub(lambda slot: _format(reason.numbers[slot[1]], slot[2] or "", language), template)


def verdict_word(verdict: str, language: Language) -> str:
    """A verdict in a word; one without words as it is."""
    return VERDICT_WORDS.get(verdict, (verdict, verdict))[_COLUMN[language]]


def number(value: float) -> str:
    """A number for people: 1,234 or 2.5."""
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:,.1f}"


def counted(value: float, noun: str) -> str:
    """A number with its English noun: 1 day, 2 days."""
    return f"{number(value)} {noun}{'' if value == 1 else 's'}"


def span(hours: float, language: Language) -> str:
    """A length of time: hours up to two days, days beyond."""
    unit, count = ("hour", hours // 1) if hours < _DAYS_FROM_HOURS else ("day", hours // 24)
    if language == "zh":
        return f"{number(count)} {'小时' if unit == 'hour' else '天'}"
    return counted(count, unit)


def _format(value: float, spec: str, language: Language) -> str:
    if spec == "%":
        return f"{value:.0%}"
    if spec == "span":
        return span(value, language)
    return counted(value, spec) if spec else number(value)


def _optional(part: str, reason: Reason) -> str:
    return part if _has_numbers(part, reason) else ""


def _has_numbers(template: str, reason: Reason) -> bool:
    return all(slot[1] in reason.numbers for slot in _NUMBER.finditer(template))


def _plain(reason: Reason) -> str:
    numbers = ", ".join(f"{name}={number(value)}" for name, value in reason.numbers.items())
    return f"{reason.code} ({numbers})" if numbers else reason.code
