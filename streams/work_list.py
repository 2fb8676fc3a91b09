"""The work list as text: what to do next, for which group first, and why; `vitals work-list`."""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from streams.columns import GAP, padded
from streams.fleet_rows import Work
from streams.ranking import folded, printable
from streams.words import Language, money, verdict_word
from streams.worth_words import STEP_MEANING, step_word

WIDEST_NAME, INDENT, WHY_LINES = 40, 4, 2
_HEADS = (
    ("DO", "建议"),
    ("WORTH", "价值"),
    ("RISK", "风险"),
    ("AT STAKE", "得失"),
    ("GROUP", "群"),
    ("STATE", "状态"),
    ("OWNER", "负责人"),
    ("BRAND", "品牌"),
)
_NUMBERS = (1, 2, 3)
_NAME = 4


def work_list(items: Sequence[Work], language: Language, width: int | None) -> list[Text]:
    """Lines of the list. With a `width` why stands below each group, without one (a pipe) at the end of its line."""
    rows = [_cells(item, language) for item in items]
    heads = [words[language == "zh"] for words in _HEADS]
    widths = [max(map(cell_len, column)) for column in zip(heads, *rows, strict=True)]
    widths[_NAME] = min(widths[_NAME], WIDEST_NAME) if width else widths[_NAME]
    lines = [_row(heads, widths, width)]
    lines[0].stylize("bold")
    for item, row in zip(items, rows, strict=True):
        line = _row(row, widths, width)
        why = [*item.advice_reasons[:2], *item.why[:1]]
        lines += [line, *_below(item, width)] if width else [line.append(" " * GAP + "; ".join(why))]
    return lines


def meanings(items: Sequence[Work], language: Language) -> list[str]:
    """What each step on the list means, in the order in which they first come."""
    which = language == "zh"
    steps = dict.fromkeys(item.advice for item in items if item.advice)
    return [f"{step_word(step, language)}: {STEP_MEANING[step][which]}" for step in steps if step in STEP_MEANING]


def _cells(item: Work, language: Language) -> list[str]:
    worth = "-" if item.worth is None else f"{item.worth:.0f}"
    is_sure = item.known is None or item.known >= 0.995
    return [
        step_word(item.advice, language) if item.advice else "-",
        worth if is_sure or item.worth is None else f"{worth}?",
        f"{item.risk:.0%}",
        money(round(item.at_stake), item.currency) if item.at_stake else "-",
        printable(item.name or item.group_id),
        f"{verdict_word(item.verdict, language)} {item.since:%m-%d}",
        printable(item.owner) or "-",
        printable(item.brand_id),
    ]


def _row(cells: Sequence[str], widths: Sequence[int], width: int | None) -> Text:
    """One line; what does not fit goes from the right."""
    line = Text(" " * GAP).join(
        padded(cell, widths[index], is_number=index in _NUMBERS) for index, cell in enumerate(cells)
    )
    if width is not None:
        line.truncate(width, overflow="ellipsis")
    return line


def _below(item: Work, width: int) -> list[Text]:
    """Why to do it, then why the group is ill."""
    return [*folded(item.advice_reasons, INDENT, width)[:WHY_LINES], *folded(item.why, INDENT, width)[:1]]
