"""Columns that line up in the cells of a terminal, where a Chinese letter takes two."""

from collections.abc import Collection, Sequence

from rich.cells import cell_len
from rich.text import Text

GAP = 2
"""Cells between two columns."""


def padded(cell: str, width: int, *, is_number: bool = False) -> Text:
    """A cell of exactly so many terminal cells, cut if need be; a number stands on the right."""
    text = Text(cell)
    text.truncate(width, overflow="ellipsis")
    room = " " * (width - text.cell_len)
    return Text(room).append_text(text) if is_number else text.append(room)


def table(rows: Sequence[Sequence[str]], numbers: Collection[int]) -> list[Text]:
    """A line a row, each column as wide as its widest cell; the cells of `numbers` stand on the right."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [padded(cell, widths[at], is_number=at in numbers) for at, cell in enumerate(row)]
        lines.append(Text(" " * GAP).join(cells))
        lines[-1].rstrip()
    return lines
