"""The charts of a brand, by week: titles, bars and the same figures as a table."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

import msgspec

from streams.report.facts import Facts, Money
from streams.report.plots import Column, Part, Plot, columns
from streams.report.words import axis_day, say, short_day
from streams.words import Language, money, number, places, verdict_word

STACK = ("dying", "fading", "dead", "stale", "forming", "revived", "healthy", "ended")
"""From the bottom: what needs a look stands on the line, where heights compare best."""
MONEY = ("attributed", "unattributed", "pending")
"""What becomes of an order, from the bottom."""

Amounts = Sequence[int] | None
"""One number per kind of a chart, those drawn downwards negative; None for a week that nobody saw."""


class Chart(msgspec.Struct, frozen=True):
    """One chart. `legend` is (kind, words); `heads` and `rows` say in numbers what the bars show, latest week first."""

    key: str
    title: str
    about: str
    plot: Plot
    legend: Sequence[tuple[str, str]]
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


class MoneyWeeks(msgspec.Struct, frozen=True):
    """A brand's weeks in the currency that most of its orders are in."""

    currency: str
    by_back: Mapping[int, Money]


class Drawing(msgspec.Struct, frozen=True):
    """What a chart is to show: kinds with their words, their amounts by weeks back, and how amounts are written."""

    key: str
    title: str
    kinds: Sequence[tuple[str, str]]
    by_back: Mapping[int, Amounts]
    cell: Callable[[int], str] = number
    scale: Callable[[float], str] = number


def charts(facts: Facts, language: Language) -> list[Chart]:
    """Those that there is something to draw for, the verdicts first."""
    drawings = (_verdicts(facts, language), _talk(facts, language), _people(facts, language), _money(facts, language))
    return [_chart(one, facts.period.end, language) for one in drawings if one and one.by_back]


def money_weeks(facts: Facts) -> MoneyWeeks | None:
    """The weeks of the brand's main currency; None without orders."""
    orders: dict[str, int] = {}
    for week in facts.money:
        orders[week.currency] = orders.get(week.currency, 0) + week.orders
    if not orders:
        return None
    main = max(sorted(orders), key=lambda currency: orders[currency])
    return MoneyWeeks(main, {week.back: week for week in facts.money if week.currency == main})


def _verdicts(facts: Facts, language: Language) -> Drawing:
    kinds = [kind for kind in STACK if any(counts.get(kind) for counts in facts.verdicts.values())]
    amounts = {back: [counts.get(kind, 0) for kind in kinds] for back, counts in facts.verdicts.items()}
    words = [(kind, verdict_word(kind, language)) for kind in kinds]
    return Drawing("by_verdict", say("by_verdict", language), words, amounts)


def _talk(facts: Facts, language: Language) -> Drawing:
    amounts = {week.back: [week.messages] for week in facts.weeks}
    return Drawing("talk", say("talk", language), [("talk", say("messages", language))], _whole(facts, amounts))


def _people(facts: Facts, language: Language) -> Drawing:
    amounts = {week.back: [week.joins, -week.leaves] for week in facts.weeks}
    kinds = [(kind, say(kind, language)) for kind in ("joined", "left")]
    return Drawing(
        "people",
        say("people", language),
        kinds,
        _whole(facts, amounts),
        lambda amount: number(abs(amount)),
        lambda amount: number(abs(amount)),
    )


def _money(facts: Facts, language: Language) -> Drawing | None:
    found = money_weeks(facts)
    if found is None:
        return None
    names = [name for name in MONEY if any(getattr(week, name) for week in found.by_back.values())]
    amounts: dict[int, Amounts] = {back: [0] * len(names) for back in range(max(found.by_back) + 1)}
    amounts |= {back: [getattr(week, name) for name in names] for back, week in found.by_back.items()}
    kinds = [(name, say(name, language)) for name in names]
    title = say("money", language, currency=found.currency)
    unit = 10 ** places(found.currency)
    return Drawing(
        "money",
        title,
        kinds,
        amounts,
        lambda amount: money(amount, found.currency),
        lambda amount: number(amount / unit),
    )


def _chart(drawing: Drawing, end: date, language: Language) -> Chart:
    weeks = range(max(drawing.by_back), -1, -1)
    days = {back: end - timedelta(days=7 * back) for back in weeks}
    bars = [_column(drawing, back, days[back], language) for back in weeks]
    rows = [[short_day(days[back], language), *_cells(drawing, drawing.by_back.get(back))] for back in reversed(weeks)]
    about = say(
        "plot_desc",
        language,
        weeks=len(weeks),
        now=_told(drawing, drawing.by_back.get(0), language),
        before=_told(drawing, drawing.by_back.get(1), language),
    )
    heads = [say("week", language), *(words for _, words in drawing.kinds)]
    return Chart(drawing.key, drawing.title, about, columns(bars, drawing.scale), drawing.kinds, heads, rows)


def _column(drawing: Drawing, back: int, day: date, language: Language) -> Column:
    amounts, label = drawing.by_back.get(back), axis_day(day, language)
    if amounts is None:
        return Column(label, [], f"{short_day(day, language)}: {say('not_seen', language)}")
    parts = [
        Part(kind, amount, f"{short_day(day, language)}: {words} {drawing.cell(amount)}")
        for (kind, words), amount in zip(drawing.kinds, amounts, strict=True)
    ]
    return Column(label, parts)


def _cells(drawing: Drawing, amounts: Amounts) -> list[str]:
    return ["–" for _ in drawing.kinds] if amounts is None else [drawing.cell(amount) for amount in amounts]


def _told(drawing: Drawing, amounts: Amounts, language: Language) -> str:
    """A week in words: messages 1,234; joined 12, left 3."""
    if amounts is None:
        return say("not_seen", language)
    pairs = zip(drawing.kinds, amounts, strict=True)
    told = [f"{words} {drawing.cell(amount)}" for (_, words), amount in pairs if amount or len(amounts) == 1]
    return ("、" if language == "zh" else ", ").join(told) or number(0)


def _whole(facts: Facts, amounts: Mapping[int, Amounts]) -> Mapping[int, Amounts]:
    """Without a first week of which the brand was not yet there for some days."""
    oldest = max(facts.weeks, key=lambda week: week.back, default=None)
    if oldest is None:
        return {}
    is_whole = oldest.first_day == facts.period.end - timedelta(days=7 * oldest.back + 6)
    return {back: value for back, value in amounts.items() if is_whole or back < oldest.back}
