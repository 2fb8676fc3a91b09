"""The ranking as text: columns that fit the terminal, cell widths right for Chinese, one line per group in a pipe."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text

from streams.columns import GAP, padded
from streams.fleet_rows import Health
from streams.words import Language, number, span, verdict_word

STYLES = {
    "dead": "red",
    "dying": "bold red",
    "fading": "yellow",
    "stale": "magenta",
    "revived": "cyan",
    "forming": "blue",
    "healthy": "green",
    "ended": "dim",
}
"""Verdict → rich style."""

NARROWEST_NAME, READABLE_NAME, WIDEST_NAME = 16, 28, 40
REASON_LINES = 2
"""The strongest reasons come first; `vitals group` shows all."""


def silence(group: Health, language: Language) -> str:
    """How long no member has spoken; a dash where none ever did."""
    return "-" if group.silent_hours is None else span(group.silent_hours, language)


def printable(text: str) -> str:
    """A name from outside without line breaks, escape sequences and other characters that move the cursor."""
    return "".join(char if char.isprintable() else " " for char in text)


class Column(NamedTuple):
    """One column: headings in English and Chinese, what stands in it, and how soon it goes when space is short."""

    english: str
    chinese: str
    cell: Callable[[Health, Language], str]
    is_number: bool = False
    goes: int = 0
    """0: stays; else the highest goes first."""


COLUMNS = (
    Column("VERDICT", "状态", lambda group, language: verdict_word(group.verdict, language)),
    Column("RISK", "风险", lambda group, _: f"{group.risk:.0%}", is_number=True),
    Column("GROUP", "群", lambda group, _: printable(group.name or group.group_id)),
    Column("BRAND", "品牌", lambda group, _: printable(group.brand_id), goes=4),
    Column("PLATFORM", "平台", lambda group, _: printable(group.platform), goes=5),
    Column("MEMBERS", "成员", lambda group, _: number(group.members), is_number=True, goes=2),
    Column("SPEAKERS 28D", "28 天发言", lambda group, _: number(group.speakers_28d), is_number=True),
    Column("DAYS 28D", "活跃天数", lambda group, _: number(group.active_days_28d), is_number=True, goes=1),
    Column("SILENT", "沉默", silence, is_number=True),
    Column("SINCE", "始于", lambda group, _: f"{group.verdict_since:%Y-%m-%d}", goes=3),
    Column("ID", "群 ID", lambda group, _: printable(group.group_id), goes=6),
)
NAME = 2
CONTEXT = 3
"""Columns that go as soon or sooner only tell where a group belongs."""


def ranking(groups: Sequence[Health], language: Language, width: int | None) -> list[Text]:
    """Lines of the ranking.

    With a `width`, no line is wider and the reasons stand below each group; without one (a pipe), each group is
    one line with its reasons at the end, and nothing is cut.
    """
    cells = [[column.cell(group, language) for column in COLUMNS] for group in groups]
    heads = [column.chinese if language == "zh" else column.english for column in COLUMNS]
    widths = [max(map(cell_len, column)) for column in zip(heads, *cells, strict=True)]
    shown = list(range(len(COLUMNS))) if width is None else _fit(widths, width)
    lines = [_row(heads, widths, shown)]
    lines[0].stylize("bold")
    indent = sum(widths[index] + GAP for index in shown[: shown.index(NAME)])
    for group, row in zip(groups, cells, strict=True):
        line = _row(row, widths, shown)
        line.stylize(STYLES.get(group.verdict, ""), 0, len(row[0]))
        lines += [line, *_below(group, indent, width)] if width else [_beside(line, group)]
    return lines


def _fit(widths: list[int], width: int) -> list[int]:
    """Choose the columns that fit, and set the name's width to what they leave."""
    shown = sorted(range(len(COLUMNS)), key=lambda index: COLUMNS[index].goes)
    while (left := width - _fixed(widths, shown)) < _wanted(widths, COLUMNS[shown[-1]]):
        shown.pop()
    widths[NAME] = min(widths[NAME], WIDEST_NAME, max(left, NARROWEST_NAME))
    return sorted(shown)


def _wanted(widths: list[int], last: Column) -> int:
    """Cells that the name should have before `last` may stay: to be read is worth more than brand and date."""
    if not last.goes:
        return 0
    return min(widths[NAME], READABLE_NAME if last.goes >= CONTEXT else NARROWEST_NAME)


def _fixed(widths: list[int], shown: list[int]) -> int:
    """Cells that all but the name take, with the gaps between them."""
    return sum(widths[index] + GAP for index in shown if index != NAME)


def _row(cells: list[str], widths: list[int], shown: list[int]) -> Text:
    return Text(" " * GAP).join(
        padded(cells[index], widths[index], is_number=COLUMNS[index].is_number) for index in shown
    )


def _beside(line: Text, group: Health) -> Text:
    return line.append(" " * GAP + "; ".join(group.reasons)) if group.reasons else line


def _below(group: Health, indent: int, width: int) -> list[Text]:
    """The reasons, folded between the start of a group's name and the right edge."""
    return folded(group.reasons, indent, width)[:REASON_LINES]


def folded(reasons: Iterable[str], indent: int, width: int) -> list[Text]:
    """Reasons side by side in lines of a width; only one that is longer than a line is cut."""
    lines: list[Text] = []
    for reason in reasons:
        if lines and lines[-1].cell_len + 3 + cell_len(reason) <= width:
            lines[-1].append(" · " + reason)
        else:
            text = Text(reason)
            text.truncate(width - indent, overflow="ellipsis")
            lines.append(Text(" " * indent).append_text(text))
    for line in lines:
        line.stylize("dim")
    return lines
