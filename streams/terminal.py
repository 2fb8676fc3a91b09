"""What a command prints: JSON, or lines that keep their length whatever the terminal's is."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text


def print_json(what: Any) -> None:
    """A struct, or a list of such, indented."""
    import msgspec  # noqa: PLC0415  `--help` needs neither this nor rich

    click.echo(msgspec.json.format(msgspec.json.encode(what), indent=2))


def plain_console(no_color: bool = False, *, width: int | None = None) -> "Console":
    """A console that shows text as it is: no markup, no emoji codes, nothing highlighted."""
    from rich.console import Console  # noqa: PLC0415

    return Console(highlight=False, markup=False, emoji=False, color_system=None if no_color else "auto", width=width)


def print_lines(console: "Console", lines: Iterable["Text"]) -> None:
    """Each on a line of its own, without the blanks at its end."""
    for line in lines:
        line.rstrip()
        console.print(line, soft_wrap=True)
