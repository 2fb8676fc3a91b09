"""What a bench found, and how it is told."""

import platform
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured number. `bar` is what it must reach: at least, or with `is_limit` at most; None is no bar."""

    name: str
    value: float
    unit: str
    bar: float | None = None
    is_limit: bool = False
    note: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the bar, if there is one, is reached."""
        return self.bar is None or (self.value <= self.bar if self.is_limit else self.value >= self.bar)


def number(value: float) -> str:
    """Three significant digits for what is small, no digits behind the point for what is not."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(figures: Sequence[Figure]) -> str:
    """All figures as one Markdown table, and below it the bars that were missed."""
    lines = ["| measure | figure | unit | bar | remark |", "|---|--:|---|--:|---|"]
    for it in figures:
        bar = "" if it.bar is None else f"{'≤' if it.is_limit else '≥'} {number(it.bar)}"
        value = number(it.value) if it.is_met else f"**{number(it.value)}**"
        lines.append(f"| {it.name} | {value} | {it.unit} | {bar} | {it.note} |")
    missed = [it.name for it in figures if not it.is_met]
    bars = sum(it.bar is not None for it in figures)
    lines += ["", f"{bars - len(missed)} of {bars} bars reached" + (f"; missed: {', '.join(missed)}" if missed else "")]
    return "\n".join(lines)


def write_json(figures: Sequence[Figure], path: Path) -> None:
    """Write the figures for programs, with when and where they were measured."""
    head = {"at": int(time.time() * 1000), "python": platform.python_version(), "machine": platform.machine()}
    body = [msgspec.structs.asdict(it) | {"is_met": it.is_met} for it in figures]
    path.write_bytes(msgspec.json.format(msgspec.json.encode(head | {"figures": body})))
