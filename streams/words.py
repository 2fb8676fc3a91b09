"""Reason codes and verdicts in words, English and Chinese. One table: to add a reason, add a line.

In a template `{now}` is a number, `{now:speaker}` a number with its noun, `{hours:span}` hours in what suits
them, `{share:%}` a share, `{at:time}` a time given as ms.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Literal

from streams.vitals.rows import Reason

Language = Literal["en", "zh"]

REASON_WORDS: dict[str, tuple[str, str]] = {
    "planned_end": ("ended as planned", "已按计划结束"),
    "dissolved": ("dissolved", "已解散"),
    "merged": ("merged into another group", "已并入其他群"),
    "blind": ("no data from its source for {hours:span}", "数据源已中断 {hours:span}"),
    "too_young": ("only {days:day} old", "建群仅 {days} 天"),
    "too_few_ever": ("{speakers:speaker} so far", "迄今仅 {speakers} 人发言"),
    "no_message": ("no member message in {days:day}", "{days} 天内无成员发言"),
    "volume_collapsed": (
        "{messages:member message} in 56 days, usually {base}",
        "近 56 天仅 {messages} 条成员消息,平时为 {base} 条",
    ),
    "off_rhythm": (
        "silent for {days:day}, never longer than {longest} in its last year",
        "已沉默 {days} 天,过去一年从未超过 {longest} 天",
    ),
    "held": (
        "better now, watched for {days:day} more",
        "已好转,继续观察 {days} 天",
    ),
    "monologue": (
        "staff wrote {staff_share:%} of the messages, {speakers:member} spoke in 7 days",
        "{staff_share:%} 的消息来自员工,7 天内仅 {speakers} 名成员发言",
    ),
    "core_left": ("{left} of {core:core member} left or fell silent", "{core} 名核心成员中有 {left} 名退群或沉默"),
    "leader_left": (
        "the member who carried {share:%} of the core's talk left or fell silent",
        "承担核心 {share:%} 发言的成员退群或沉默",
    ),
    "freebie_hunters": (
        "{leaves:member} left within {hours:span} of a benefit",
        "发福利后 {hours:span}内有 {leaves} 人退群",
    ),
    "ad_flood": (
        "{posts:ad} and {messages:member message} in 28 days",
        "近 28 天有 {posts} 条广告,成员消息仅 {messages} 条",
    ),
    "ad_only": (
        "{share:%} of the messages are ads, from {senders:sender}",
        "{share:%} 的消息是广告,来自 {senders} 人",
    ),
    "leaves": (
        "{leaves:member} left in {days:day}, {members} remain",
        "近 {days} 天有 {leaves} 人退群,现有 {members} 人",
    ),
    "unanswered_newcomers": (
        "{spoke_share:%} of {newcomers:newcomer} spoke",
        "{newcomers} 名新成员中 {spoke_share:%} 发言",
    ),
    "speakers_falling": (
        "daily speakers fell from {before} to {now} in two months",
        "两个月内日均发言人数从 {before} 降至 {now}",
    ),
    "level": (
        "{messages:member message} in 56 days, usually {usual}",
        "近 56 天 {messages} 条成员消息,平时为 {usual} 条",
    ),
    "bursts": (
        "{weeks} of {of:week} brought {share:%} of the messages",
        "近 {of} 周的消息有 {share:%} 集中在其中 {weeks} 周",
    ),
    "rhythm": (
        "somebody spoke on {active_days:day} of the last 28, silent for {silent:day}",
        "近 28 天中有 {active_days} 天有人发言,已沉默 {silent} 天",
    ),
    "breadth": ("{speakers:speaker} in 56 days", "近 56 天 {speakers} 人发言"),
    "people": (
        "{lost:%} fewer members in 28 days, {muted:%} muted",
        "近 28 天成员减少 {lost:%},{muted:%} 已免打扰",
    ),
    "community": ("the usual of its community", "所在社群的常态"),
    "recovering": (
        "back within {weeks:week} to {speakers:speaker} in 7 days",
        "{weeks} 周内恢复,7 天内 {speakers} 人发言",
    ),
    "broad": (
        "{speakers:speaker} in 28 days, on {active_days:day}",
        "近 28 天有 {speakers} 人发言,共 {active_days} 天",
    ),
    "drop": (
        "{seen:member message} in {days:day}, {share:%} of the usual {expected}",
        "{days} 天内 {seen} 条成员消息,仅为平时 {expected} 条的 {share:%}",
    ),
    "drop_over": (
        "back: {seen:member message} in {days:day}, usually {expected}",
        "已恢复:{days} 天内 {seen} 条成员消息,平时为 {expected} 条",
    ),
    "drop_settled": (
        "eight weeks later it stays so: {seen:member message} in {days:day}, before {expected}",
        "八周后仍是如此:{days} 天内 {seen} 条成员消息,此前为 {expected} 条",
    ),
    "common_cause": ("they fell ill within an hour: look for one cause", "一小时内同时告警,请查找共同原因"),
    "only_takers": (
        "nobody ever bought, {takers} of {doers:member} who did anything only took benefits",
        "从未有人购买,{doers} 名有过行动的成员中 {takers} 名只领福利",
    ),
    "made_for_ads": ("it is a group for ads or relaying", "广告群或转发群"),
    "only_ads": (
        "nothing but ads: {share:%} of its messages in 28 days, by {senders:sender}",
        "只剩广告:近 28 天 {share:%} 的消息为广告,来自 {senders} 人",
    ),
    "posts_are_ads": (
        "{ads} of {posts:planned post} in {days:day} were ads, members wrote {messages:message}",
        "近 {days} 天 {posts} 条计划内容中 {ads} 条为广告,成员消息 {messages} 条",
    ),
    "nobody_leaves": (
        "quiet, but {gone:member} left in 90 days and {members} stay",
        "虽安静,近 90 天仅 {gone} 人退群,仍有 {members} 人",
    ),
    "little_known": ("only {known:%} of its worth is known: ask the group", "价值仅 {known:%} 可知,先试探"),
    "conversion": ("what it sells", "转化"),
    "residue": ("those who once wrote", "昔日常客"),
    "network": ("who stays", "留存"),
    "reach": ("who would hear", "触达"),
    "care": ("how it was cared for", "关怀"),
    "freebie": ("who only takes benefits", "只领福利"),
}
"""Code → (English, Chinese)."""

FULLER_WORDS: tuple[tuple[str, str, str], ...] = (
    (
        "leader_left",
        "the member who carried {share:%} of the core's talk left {left_days:day} ago",
        "承担核心 {share:%} 发言的成员 {left_days} 天前退群",
    ),
    (
        "leader_left",
        "the member who carried {share:%} of the core's talk is here, silent for {silent_days:day}",
        "承担核心 {share:%} 发言的成员仍在群内,已沉默 {silent_days} 天",
    ),
    (
        "core_left",
        "{left} of {core:core member} are lost: {quit} left, the others fell silent",
        "{core} 名核心成员中流失 {left} 名:{quit} 名退群,其余沉默",
    ),
    ("core_left", "{gone} of {core:core member} left", "{core} 名核心成员中有 {gone} 名退群"),
    ("core_left", "{silent} of {core:core member} fell silent", "{core} 名核心成员中有 {silent} 名沉默"),
    ("conversion", "{payers} of {members:member} bought in a year", "{members} 名成员中 {payers} 名一年内购买"),
    (
        "residue",
        "{regulars_here} of {regulars:weekly speaker} still here",
        "{regulars} 名每周发言者中 {regulars_here} 名仍在",
    ),
    ("residue", "{core_here} of the {core} who once wrote most still here", "昔日 {core} 名核心中 {core_here} 名仍在"),
    ("network", "{gone:member} left in 90 days, {members} stay", "近 90 天 {gone} 人退群,仍有 {members} 人"),
    (
        "reach",
        "{claimers} of {exposed:member} claimed the last benefit",
        "{exposed} 人中 {claimers} 人领取最近一次福利",
    ),
    ("reach", "{muted} of {members:member} muted it", "{members} 人中 {muted} 人已免打扰"),
    ("care", "{answered:%} of messages were answered while it was well", "良好时期 {answered:%} 的消息获回复"),
    (
        "freebie",
        "{takers} of {doers:member} who did anything only took benefits",
        "{doers} 名有过行动的成员中 {takers} 名只领福利",
    ),
    (
        "blind",
        "not heard for {hours:span}, complete to {complete_at:time}",
        "已中断 {hours:span},数据完整至 {complete_at:time}",
    ),
)
"""(code, English, Chinese): told in place of the above where a reason has all their numbers, which older ones lack."""

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

ALERT_WORDS: dict[str, tuple[str, str]] = {
    "dying": ("group dying", "群濒死"),
    "drop": ("engagement drop", "活跃骤降"),
    "blind": ("source blind", "数据源中断"),
    "common_cause": ("many groups at once", "多群同时告警"),
}
"""Kind of alert → (English, Chinese)."""

STATE_WORDS: dict[str, tuple[str, str]] = {
    "opened": ("open", "未恢复"),
    "escalated": ("worse", "已加重"),
    "resumed": ("open again", "暂停结束"),
    "acknowledged": ("acknowledged", "已确认"),
    "snoozed": ("snoozed", "已暂停"),
    "recovered": ("recovered", "已恢复"),
    "ended": ("ended", "已结束"),
}
"""What was last said of an alert → (English, Chinese)."""

_COLUMN: dict[Language, int] = {"en": 0, "zh": 1}
_SLOT = re.compile(r"\{(\w+)(?::([^}]*))?\}")
_NUMBER = re.compile(r"\{(\w+)")
_DAYS_FROM_HOURS = 48
_PLACES = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
ODD_PLACES = {currency: count for count, currencies in _PLACES.items() for currency in currencies.split()}
"""Currency → its decimals by ISO 4217, where they are not two."""


def words(reason: Reason, language: Language, zone: tzinfo = UTC) -> str:
    """One reason in words. A code without words, or without its numbers, comes out as `code (name=number, …)`."""
    numbers = _sharper(reason.numbers) if reason.code == "core_left" else reason.numbers
    for templates in _templates(reason.code):
        if set(_NUMBER.findall(templates[0])) <= set(numbers):
            template = templates[_COLUMN[language]]
            return _SLOT.sub(lambda slot: _filled(numbers[slot[1]], slot[2] or "", language, zone), template)
    return _plain(reason)


def _sharper(numbers: Mapping[str, float]) -> Mapping[str, float]:
    """Of a core that is lost: nobody says of five who fell silent that none left and the others fell silent."""
    lost, quit_ = numbers.get("left"), numbers.get("quit")
    if lost and quit_ in {0, lost}:
        return {"core": numbers.get("core", lost), "gone" if quit_ else "silent": lost}
    return numbers


def verdict_word(verdict: str, language: Language) -> str:
    """A verdict in a word; one without words as it is."""
    return VERDICT_WORDS.get(verdict, (verdict, verdict))[_COLUMN[language]]


def alert_word(kind: str, language: Language) -> str:
    """A kind of alert in words; one without words as it is."""
    return ALERT_WORDS.get(kind, (kind, kind))[_COLUMN[language]]


def state_word(state: str, language: Language) -> str:
    """What was last said of an alert, in words; a state without words as it is."""
    return STATE_WORDS.get(state, (state, state))[_COLUMN[language]]


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


def measured(value: float, spec: str, language: Language) -> str:
    """A number as a slot of a template wants it: a share by `%`, hours by `span`, else the noun it is counted with."""
    if spec == "%":
        return f"{value:.0%}"
    if spec == "span":
        return span(value, language)
    return counted(value, spec) if spec else number(value)


def clock(at: float, zone: tzinfo) -> str:
    """A time, ms UTC, as a clock in that zone shows it: 2026-11-22 13:00 UTC."""
    local = datetime.fromtimestamp(at / 1000, UTC).astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M} {local.tzname()}"


def _templates(code: str) -> Iterator[tuple[str, str]]:
    """What can be said of a code, the fuller first."""
    yield from ((english, chinese) for one, english, chinese in FULLER_WORDS if one == code)
    if code in REASON_WORDS:
        yield REASON_WORDS[code]


def _filled(value: float, spec: str, language: Language, zone: tzinfo) -> str:
    return clock(value, zone) if spec == "time" else measured(value, spec, language)


def _plain(reason: Reason) -> str:
    numbers = ", ".join(f"{name}={number(value)}" for name, value in reason.numbers.items())
    return f"{reason.code} ({numbers})" if numbers else reason.code


def money(minor: int, currency: str) -> str:
    """An amount of minor units as people write it: 1,234.50 CNY."""
    if not currency:
        return number(minor)
    count = places(currency)
    return f"{minor / 10**count:,.{count}f} {currency}"


def places(currency: str) -> int:
    """How many decimals a currency has by ISO 4217: JPY 0, KWD 3, most 2."""
    return ODD_PLACES.get(currency, 2)
