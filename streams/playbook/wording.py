"""Playbooks and what came of them, as lines for people. English and Chinese."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from rich.text import Text

from streams.columns import table
from streams.playbook.desk import Effect, Playbook
from streams.playbook.effect import Estimate
from streams.ranking import printable
from streams.words import Language, money, number

_TENFOLD = 9.0
"""Beyond it a factor says no more: as if groups like it had died."""
_STYLES = {"helped": "bold green", "likely helped": "green", "harmed": "bold red", "cannot tell": "bold"}
_CHINESE = {
    "helped": "有效", "likely helped": "可能有效", "harmed": "有害", "cannot tell": "无法判断", "open": "进行中",
    "ended": "已结束", "replaced": "被取代", "not started": "未启动", "messages": "成员消息", "speakers": "发言人数",
    "buyers": "购买人数", "revenue": "收入", "cleanup": "清理", "benefit": "福利", "prune": "精简", "points": "积分",
    "content": "内容", "games": "游戏", "STATE": "状态", "SINCE": "始于", "GROUP": "群", "NAME": "名称",
    "GOAL": "目标", "BUDGET": "预算", "STEPS": "步骤", "a day": "日均", "before": "之前", "after": "之后",
    "others before": "同类之前", "others after": "同类之后", "effect": "效果", "95 % interval": "95 % 区间",
    "answer": "结论", "budget": "预算", "steps": "步骤", "none yet": "暂无", "member messages": "成员消息",
}  # fmt: skip
_SENTENCES: dict[str, tuple[str, str]] = {
    "helped": ("it helped: {what} {effect} ({low} to {high})", "有效:{what} {effect}({low} 至 {high})"),
    "harmed": ("it did harm: {what} {effect} ({low} to {high})", "有害:{what} {effect}({low} 至 {high})"),
    "cannot tell": (
        "cannot tell: {what} {effect} may be chance ({low} to {high}); here it takes more than {least} to be seen",
        "无法判断:{what} {effect} 可能只是偶然({low} 至 {high});此群需超过 {least} 才能看出",
    ),
    "likely helped": (
        "it likely helped, but that may be chance: {what} {effect} ({low} to {high})",
        "可能有效,但也可能只是偶然:{what} {effect}({low} 至 {high})",
    ),
    "back": (
        "a day {usual} were usual, {ebb} in the three weeks before, {settled} since the second week: more than half is "
        "back; of {fell} groups of the brand that had fallen half as far or farther, {rose} came back so by themselves",
        "平时日均 {usual},启动前三周 {ebb},第二周起 {settled}:已恢复一半以上;品牌内跌幅达其一半以上的 {fell} 个群中,"
        "有 {rose} 个自行恢复至此",
    ),
    "few": (
        "cannot tell: {count} groups of the brand were left alone, 12 are needed",
        "无法判断:品牌内仅 {count} 个群未受干预,至少需要 12 个",
    ),
    "unlike": (
        "cannot tell: no groups of the brand were like it in {what}",
        "无法判断:品牌内没有{what}与之相近的群",
    ),
    "early": (
        "too early: {days} of at least 7 days have closed; ask on {at}",
        "为时过早:至少需要 7 天,目前 {days} 天;请于 {at} 再看",
    ),
    "young": (
        "cannot tell: the group was {before} days old, 28 are needed to know what was usual",
        "无法判断:启动时建群仅 {before} 天,需 28 天才知平时水平",
    ),
    "unseen": (
        "cannot tell: {unseen} of its days were not seen by any source",
        "无法判断:有 {unseen} 天没有数据源",
    ),
    "windows": (
        "{before} days before {at}, {after} after{rest}; against what changed in {count} groups of the brand that were "
        "left alone",
        "{at} 之前 {before} 天,之后 {after} 天{rest};与品牌内 {count} 个未受干预的群对照",
    ),
    "rest": (" of 28 so far: ask again on {at}", "(共 28 天,请于 {at} 再看)"),
    "alike": (
        "the goal's are the most like it in level and trend: {platform} on its platform, {band} of its size; "
        "--json names them",
        "目标对照群按水平与趋势最为相近:{platform} 个同平台,{band} 个同规模;--json 列出",
    ),
    "chosen": (
        "judged by {what}, as was said at its start; of the others each is 1 in 20 chance by itself",
        "按启动时选定的{what}判断;其余各项各有 1/20 的偶然可能",
    ),
    "likely": (
        '"likely" is less than "helped": simulated, 1 in 13 playbooks of which nothing came looked like this',
        "“可能有效”弱于“有效”:模拟中,每 13 个毫无作用的方案里约有 1 个看似如此",
    ),
    "line": (
        "playbook {name}, day {day}{steps}; what came of it: vitals playbook effect {group}",
        "复活方案 {name},第 {day} 天{steps};效果:vitals playbook effect {group}",
    ),
    "over": (
        "playbook {name}, {start} to {end}{steps}; what came of it: vitals playbook effect {group}",
        "复活方案 {name},{start} 至 {end}{steps};效果:vitals playbook effect {group}",
    ),
}


def said(key: str, language: Language, **slots: object) -> str:
    """A sentence of this module."""
    return _SENTENCES[key][language == "zh"].format(**slots)


def word(english: str, language: Language) -> str:
    """A word of this module; one without Chinese as it is."""
    return _CHINESE.get(english, english) if language == "zh" else english


def list_lines(playbooks: Sequence[Playbook], language: Language) -> list[Text]:
    """A heading and a line for each playbook."""
    heads = ("STATE", "SINCE", "NAME", "GROUP", "GOAL", "BUDGET", "STEPS")
    rows = [
        [
            word(one.state, language),
            f"{one.started_at:%Y-%m-%d}" if one.started_at else "-",
            printable(one.name) or "-",
            printable(one.group_name or one.group_id),
            word(one.goal, language),
            money(one.budget, one.currency) if one.budget else "-",
            ", ".join(word(step, language) for step in one.steps) or word("none yet", language),
        ]
        for one in playbooks
    ]
    lines = table([[word(head, language) for head in heads], *rows], numbers={5})
    lines[0].stylize("bold")
    return lines


def effect_lines(effect: Effect, language: Language) -> list[Text]:
    """What was done, the answer, the numbers of each measure, and what they are held against."""
    playbook = effect.playbook
    title = Text(printable(playbook.name), style="bold").append(f"  {printable(playbook.group_name)}", style="not bold")
    title.append(f"  {printable(playbook.group_id)}", style="not bold dim")
    lines = [title, Text(_done(playbook, language)), *(_answer(effect, language))]
    if not effect.estimates:
        return lines
    return [*lines, Text(), *_numbers(effect, language), Text(), *_ground(effect, language)]


def group_line(playbook: Playbook, as_of: datetime, language: Language) -> str:
    """The line of `vitals group` about a playbook: since when, its steps, where to ask what came of it."""
    taken = steps(playbook, language)
    slots = {"name": printable(playbook.name), "steps": f": {taken}" if taken else "", "group": playbook.group_id}
    if playbook.started_at is None or playbook.ended_at is None:
        day = 1 + (as_of - playbook.started_at).days if playbook.started_at else 0
        return said("line", language, day=day, **slots)
    return said("over", language, start=f"{playbook.started_at:%Y-%m-%d}", end=f"{playbook.ended_at:%Y-%m-%d}", **slots)


def _done(playbook: Playbook, language: Language) -> str:
    """When it began, what it may cost, and its steps."""
    parts = [f"{word(playbook.state, language)} {playbook.started_at:%Y-%m-%d}"]
    if playbook.ended_at:
        parts[0] += f" – {playbook.ended_at:%Y-%m-%d}"
    if playbook.budget:
        parts.append(f"{word('budget', language)} {money(playbook.budget, playbook.currency)}")
    parts.append(f"{word('steps', language)}: {steps(playbook, language) or word('none yet', language)}")
    return " · ".join(parts)


def steps(playbook: Playbook, language: Language) -> str:
    """The steps taken with their days: cleanup 09-22, benefit 09-24."""
    taken = zip(playbook.steps, playbook.step_at, strict=True)
    return ", ".join(f"{word(step, language)} {at:%m-%d}" for step, at in taken)


def _answer(effect: Effect, language: Language) -> list[Text]:
    """The answer by the goal, and over which days."""
    if effect.doubt:
        due = f"{effect.start_day + timedelta(days=8):%Y-%m-%d}"
        slots = {"days": effect.days_after, "at": due, "before": effect.days_before, "unseen": effect.unseen_days}
        return [Text(said(effect.doubt, language, **slots), style="bold")]
    goal = next(one for one in effect.estimates if one.measure == effect.playbook.goal)
    what = word("member messages" if goal.measure == "messages" else goal.measure, language)
    if goal.effect is None or goal.low is None or goal.high is None:
        return [Text(said(goal.doubt or "few", language, what=what, count=len(goal.controls)), style="bold")]
    show = _shown(goal, effect.currency)
    slots = {"what": what, "effect": show(goal.effect), "low": show(goal.low), "high": show(goal.high)}
    told = [Text(said(goal.answer, language, least=show(_least(goal)), **slots), style=_STYLES[goal.answer])]
    return [*told, *_comeback(goal, effect.currency, language)]


def _comeback(goal: Estimate, currency: str, language: Language) -> list[Text]:
    """How far it had fallen and came back, beside the others that had; where there is no other it says nothing."""
    back = goal.comeback
    if back is None or not back.fell:
        return []
    plain = _per_day(goal, currency)
    days = {"usual": plain(back.usual), "ebb": plain(back.ebb), "settled": plain(back.settled)}
    return [Text(said("back", language, fell=back.fell, rose=back.rose, **days))]


def _least(one: Estimate) -> float:
    """The smallest effect that would have been told from chance."""
    effect, low = one.effect or 0.0, one.low or 0.0
    return effect - low if one.measure == "revenue" else (1 + effect) / (1 + low) - 1


def _shown(one: Estimate, currency: str) -> Callable[[float], str]:
    """How an effect on a measure is written: +57 %, or +120.00 CNY in 28 days."""
    if one.measure == "revenue":
        return lambda value: f"{'+' if value >= 0 else ''}{money(round(value), currency)}"
    return lambda value: f"{100 * value:+,.0f} %" if value < _TENFOLD else "> +900 %"


def _numbers(effect: Effect, language: Language) -> list[Text]:
    heads = ("a day", "before", "after", "others before", "others after", "effect", "95 % interval", "answer")
    rows = [[word(head, language) for head in heads]]
    for one in effect.estimates:
        show, plain = _shown(one, effect.currency), _per_day(one, effect.currency)
        mark = "* " if one.measure == effect.playbook.goal else "  "
        row = [mark + word(one.measure, language), plain(one.before), plain(one.after)]
        row += [plain(value) if value is not None else "-" for value in (one.others_before, one.others_after)]
        if one.effect is None or one.low is None or one.high is None:
            row += ["-", "-", word("cannot tell", language)]
        else:
            row += [show(one.effect), f"{show(one.low)} … {show(one.high)}", word(one.answer, language)]
        rows.append(row)
    return table(rows, numbers={1, 2, 3, 4, 5, 6})


def _per_day(one: Estimate, currency: str) -> Callable[[float], str]:
    if one.measure == "revenue":
        return lambda value: money(round(value), currency)
    return lambda value: number(round(value, 1)) if value >= 1 or not value else f"{value:.2f}"


def _ground(effect: Effect, language: Language) -> list[Text]:
    """What the numbers rest on."""
    goal = next(one for one in effect.estimates if one.measure == effect.playbook.goal)
    rest = ""
    if effect.days_after < 28:
        rest = said("rest", language, at=f"{effect.start_day + timedelta(days=29):%Y-%m-%d}")
    at = f"{effect.start_day:%Y-%m-%d}"
    windows = said("windows", language, before=effect.days_before, at=at, after=effect.days_after, rest=rest,
                   count=len(goal.controls))  # fmt: skip
    what = word("member messages" if goal.measure == "messages" else goal.measure, language)
    doubt = [Text(said("likely", language), style="dim")] if goal.answer == "likely helped" else []
    return [
        *doubt,
        Text(windows, style="dim"),
        Text(said("alike", language, platform=effect.same_platform, band=effect.same_band), style="dim"),
        Text(f"* {said('chosen', language, what=what)}", style="dim"),
    ]
