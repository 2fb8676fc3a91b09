"""One group as text: what `vitals group` shows."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

import msgspec
from rich.cells import cell_len
from rich.text import Text

from streams import carried
from streams.columns import padded, table
from streams.fleet_rows import Page, Regular, Talker
from streams.playbook.wording import group_line
from streams.ranking import STYLES, printable, silence
from streams.talk_page import facts_of, probe_table
from streams.vitals.rows import Reason
from streams.words import Language, money, number, verdict_word, words
from streams.worth_words import PART_WORDS, STEP_MEANING, UNKNOWN_WORDS, evidence, step_word

BARS = "▁▂▃▄▅▆▇█"
NARROWEST_CHART, DAYS_A_LINE = 10, 14
FEW_SPEAKERS, YOUNG_DAYS = 5, 364
"""Below these the risk orders groups, but hardly the weeks of one group (MODEL.md, When not to trust it)."""
FEW_MESSAGES = 10
"""Of fewer in 28 days who writes half says nothing."""
_CHINESE = {
    "since": "始于",
    "risk": "风险",
    "the usual risk": "一般风险",
    "points": "百分点",
    "few people speak here: the risk is that of groups like this, and says little of the moment": (
        "发言人数少:风险反映同类群的水平,难以判断具体时间"
    ),
    "a young group: the risk is that of groups like this, and says little of the moment": (
        "新群:风险反映同类群的水平,难以判断具体时间"
    ),
    "as of": "截至",
    "messages": "消息",
    "speakers": "发言人数",
    "most": "最高",
    "a week": "每周",
    "from": "自",
    "1 day": "1 天",
    "7 days": "7 天",
    "28 days": "28 天",
    "messages by staff": "员工消息",
    "active days": "活跃天数",
    "joined": "入群",
    "left": "退群",
    "of them kicked": "其中被移出",
    "buyers": "购买人数",
    "orders": "订单",
    "revenue": "收入",
    "members": "成员",
    "staff": "员工",
    "silent for": "沉默",
    "engagement": "参与度",
    "answered within an hour": "一小时内获回复",
    "newcomers who spoke": "新成员发言率",
    "owner": "负责人",
    "purpose": "用途",
    "customer": "客户",
    "industry": "行业",
    "alliance": "联盟",
    "ads": "广告",
    "relay": "转发",
    "other": "其他",
    "planned end": "计划结束",
    "top members": "活跃成员",
    "messages 28d": "28 天消息",
    "messages 90d": "90 天消息",
    "days 90d": "90 天活跃",
    "last message": "最后发言",
    "still here, wrote on most days": "仍在群内、发言天数最多",
    "days": "天数",
    "(gone)": "(已退群)",
    "(left {at})": "({at} 退群)",
    "no member spoke in 90 days": "90 天内无成员发言",
    "source complete to": "数据完整至",
    "its source has not said to when it is complete": "数据源未报告完整时间",
    "worth": "价值",
    "known": "可知",
    "at risk in 28 days": "28 天风险收入",
}
"""Every word of the page that is neither number nor name."""

Say = Callable[[str], str]


def group_page(page: Page, language: Language, width: int | None) -> list[Text]:
    """The page, line by line. With a `width` (a terminal), no chart is wider."""

    def say(text: str) -> str:
        return _CHINESE[text] if language == "zh" else text

    blocks = [
        _head(page, language, say),
        _risk(page, language, say),
        _worth(page, language, say),
        _playbook(page, language),
        _charts(page, say, width),
        _counts(page, say),
        _facts(page, language, say),
        _attention(page, language),
        _carriers(page, language),
        _regulars(page.regulars, say),
        _members(page.members, say),
        [_source(page, say)],
    ]
    return [line for block in blocks if block for line in [*block, Text("")]][:-1]


def bars(values: Sequence[int]) -> str:
    """One character per value; only zero is at the lowest."""
    top = max(values, default=0)
    return "".join(BARS[-(-value * (len(BARS) - 1) // top)] if top else BARS[0] for value in values)


def _head(page: Page, language: Language, say: Say) -> list[Text]:
    health = page.health
    title = Text(printable(health.name), style="bold").append(f"  {printable(health.group_id)}", style="not bold dim")
    state = Text(verdict_word(health.verdict, language), style=STYLES.get(health.verdict, ""))
    since = f" {say('since')} {health.verdict_since:%Y-%m-%d} · {say('risk')} {health.risk:.0%} ({page.details.model})"
    state.append(f"{since} · {say('as of')} {_minute(health.at)}", style="default not bold")
    return [title, state, *(Text(f"  {reason}") for reason in health.reasons)]


def _risk(page: Page, language: Language, say: Say) -> list[Text]:
    """What the risk is made of: lines whose percentage points add up to it."""
    details = page.details
    if not details.driver_codes:
        return []
    lines = [(details.usual_risk, say("the usual risk"))]
    for code, points, numbers in zip(details.driver_codes, details.driver_points, details.driver_numbers, strict=True):
        lines.append((points, words(Reason(code, msgspec.json.decode(numbers)), language)))
    shown = [(f"{100 * points:+.1f}", told) for points, told in lines]
    widest = max(len(points) for points, _ in shown)
    head = f"{say('risk')} {page.health.risk:.1%} ({say('points')}):"
    return [Text(head), *(Text(f"  {points:>{widest}}  {told}") for points, told in shown), *_doubt(page, say)]


def _worth(page: Page, language: Language, say: Say) -> list[Text]:
    """What to do and why; what the worth is made of, in points that add up to it; and what is not known."""
    found = page.worth
    if found is None or (found.worth is None and not found.advice):
        return []
    which = int(language == "zh")
    lines = []
    if found.advice:
        lines.append(Text(f"{step_word(found.advice, language)}: {STEP_MEANING[found.advice][which]}", style="bold"))
        lines += [Text(f"  {reason}") for reason in found.advice_reasons]
    if found.revenue_at_risk:
        lines.append(Text(f"{say('at risk in 28 days')}: {money(found.revenue_at_risk, page.health.currency)}"))
    worth = "-" if found.worth is None else f"{found.worth:.0f}/100"
    lines.append(Text(f"{say('worth')} {worth} ({say('points')}, {say('known')} {found.known or 0:.0%}):"))
    known = dict(zip(found.codes, map(msgspec.json.decode, found.numbers), strict=True))
    return lines + [_part(code, known.get(code), page.health.currency, language) for code in PART_WORDS]


def _part(code: str, numbers: dict[str, float] | None, currency: str, language: Language) -> Text:
    which = int(language == "zh")
    name = PART_WORDS[code][which]
    if numbers is None:
        return Text(f"      ?  {name}: {UNKNOWN_WORDS[code][which]}", style="dim")
    return Text(
        f"  {numbers['points']:>+5.1f}  {name}: {' · '.join(evidence(Reason(code, numbers), language, currency))}"
    )


def _doubt(page: Page, say: Say) -> list[Text]:
    """Where the risk was measured to order groups, but not one group's weeks (MODEL.md)."""
    kind = "few people speak here" if page.health.speakers_28d < FEW_SPEAKERS else "a young group"
    if kind == "a young group" and page.details.age_days >= YOUNG_DAYS:
        return []
    return [Text(say(f"{kind}: the risk is that of groups like this, and says little of the moment"), style="dim")]


def _playbook(page: Page, language: Language) -> list[Text]:
    """What was last done to revive the group."""
    return [] if page.playbook is None else [Text(group_line(page.playbook, page.health.at, language))]


def _charts(page: Page, say: Say, width: int | None) -> list[Text]:
    labels = [say("speakers"), say("messages")]
    indent = max(map(cell_len, labels)) + 2
    notes = max(cell_len(_most(page, field, say)) for field in ("speakers", "messages"))
    weeks = page.weeks if width is None else page.weeks[-max(NARROWEST_CHART, width - indent - notes) :]
    if not weeks:
        return []
    lines = [
        padded(label, indent).append(bars([getattr(week, field) for week in weeks]) + _most(page, field, say))
        for label, field in zip(labels, ("speakers", "messages"), strict=True)
    ]
    first, last = f"{weeks[0].start}", f"{weeks[-1].start + timedelta(days=6)}"
    lines.append(Text(f"{' ' * indent}{first}{last:>{max(len(weeks) - len(first), len(last) + 1)}}", style="dim"))
    return [*lines, *_days(page, weeks[-1].start + timedelta(days=6), say)]


def _days(page: Page, last: date, say: Say) -> list[Text]:
    """The latest days in numbers: a bend of two days is no bar of a week."""
    count = len(page.days)
    told = []
    for begin in range(0, count, DAYS_A_LINE):
        start = last - timedelta(days=count - 1 - begin)
        days = " ".join(map(number, page.days[begin : begin + DAYS_A_LINE]))
        told.append(Text(f"{say('messages')} {say('from')} {start}: {days}"))
    return told


def _most(page: Page, field: str, say: Say) -> str:
    return f" {say('most')} {number(max((getattr(week, field) for week in page.weeks), default=0))} {say('a week')}"


def _counts(page: Page, say: Say) -> list[Text]:
    health, details = page.health, page.details
    rows: list[tuple[str, int | None, int | None, int]] = [
        ("messages", details.messages_1d, health.messages_7d, health.messages_28d),
        ("speakers", details.speakers_1d, health.speakers_7d, health.speakers_28d),
        ("active days", None, None, health.active_days_28d),
        ("messages by staff", None, details.staff_messages_7d, details.staff_messages_28d),
        ("joined", None, None, health.joins_28d),
        ("left", None, None, health.leaves_28d),
        ("of them kicked", None, None, details.kicked_28d),
        ("buyers", None, None, health.buyers_28d),
        ("orders", None, None, health.orders_28d),
    ]
    cells = [["", say("1 day"), say("7 days"), say("28 days")]]
    cells += [[say(label), *("" if value is None else number(value) for value in values)] for label, *values in rows]
    cells.append([say("revenue"), "", "", money(health.revenue_28d, health.currency)])
    return table(cells, numbers={1, 2, 3})


def _facts(page: Page, language: Language, say: Say) -> list[Text]:
    """What there is to say of the group as a whole; what is unknown is left out."""
    health, details = page.health, page.details
    facts = {
        "members": number(health.members) + (f" + {number(details.staff)} {say('staff')}" if details.staff else ""),
        "silent for": silence(health, language),
        "engagement": None if health.engagement is None else f"{health.engagement:.0f}/100",
        "answered within an hour": _share(details.answered_share_28d),
        "newcomers who spoke": _share(details.newcomer_spoke_share),
        "owner": printable(details.owner),
        "purpose": say(details.purpose) if details.purpose in _CHINESE else printable(details.purpose),
        "planned end": f"{details.planned_end_at:%Y-%m-%d}" if details.planned_end_at else None,
    }
    return table([[say(label), value] for label, value in facts.items() if value], numbers=set())


def _attention(page: Page, language: Language) -> list[Text]:
    """How it is looked after, and what its last benefits brought."""
    if page.attention is None:
        return []
    facts = [list(fact) for fact in facts_of(page.attention, language)]
    probes = probe_table(page.attention, language)
    return [
        *(table(facts, numbers=set()) if facts else []),
        *(table(probes, numbers={2, 3, 4, 5, 6, 7}) if probes else []),
    ]


def _carriers(page: Page, language: Language) -> list[Text]:
    """Who carries it, by pseudonym, and what to worry about."""
    known = page.carriers
    if known is not None and page.health.messages_28d < FEW_MESSAGES:
        known = msgspec.structs.replace(known, bus_factor=0)  # half of a handful, and of the last week with any talk
    facts = [] if known is None else carried.facts_of(known, language)
    lines = table([[label, told] for label, told, _ in facts], numbers=set()) if facts else []
    for line, (_, _, is_warning) in zip(lines, facts, strict=True):
        line.stylize("yellow" if is_warning else "")
    return lines


def _regulars(regulars: Sequence[Regular], say: Say) -> list[Text]:
    """Whom to write to, where that is the step."""
    heads = ("still here, wrote on most days", "messages", "days", "orders", "last message")
    rows = [
        [
            one.member_id,
            number(one.messages_all),
            number(one.active_days_all),
            number(one.orders or 0),
            f"{one.last_message_at:%Y-%m-%d}" if one.last_message_at else "-",
        ]
        for one in regulars
    ]
    return table([[say(head) for head in heads], *rows], numbers={1, 2, 3}) if rows else []


def _members(members: Sequence[Talker], say: Say) -> list[Text]:
    if not members:
        return [Text(say("no member spoke in 90 days"))]
    heads = ("top members", "messages 28d", "messages 90d", "days 90d", "orders", "last message")
    rows = [
        [
            member.member_id + ("" if member.role == "member" else f" [{member.role}]"),
            number(member.messages_28d),
            number(member.messages_90d),
            number(member.active_days_90d),
            number(member.orders or 0),
            (f"{member.last_message_at:%Y-%m-%d}" if member.last_message_at else "-") + _gone(member, say),
        ]
        for member in members
    ]
    return table([[say(head) for head in heads], *rows], numbers={1, 2, 3, 4})


def _gone(member: Talker, say: Say) -> str:
    if member.is_present:
        return ""
    return " " + (say("(left {at})").format(at=f"{member.left_at:%Y-%m-%d}") if member.left_at else say("(gone)"))


def _source(page: Page, say: Say) -> Text:
    at = page.health.source_complete_at
    known = (
        f"{say('source complete to')} {_minute(at)}" if at else say("its source has not said to when it is complete")
    )
    return Text(known, style="dim")


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value:.0%}"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
