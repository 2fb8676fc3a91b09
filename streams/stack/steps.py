"""What a user sees while a stack starts or stops: one line per step, with its time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

Say = Callable[[str], None]


class Steps:
    """Tells a user of steps as they end. `say` takes one line; `is_live` shows progress bars in between."""

    def __init__(self, say: Say = click.echo, *, is_live: bool = True) -> None:
        self.say = say
        self.is_live = is_live
        self.taken = 0
        self._start = time.monotonic()

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Do something and say that it is done; says nothing of what failed, the error does."""
        start = time.monotonic()
        yield
        self.done(what, time.monotonic() - start)

    def done(self, what: str, seconds: float) -> None:
        """Say that something is done."""
        self.taken += 1
        self.say(f"  {what:<64} {seconds:6.1f} s")

    @property
    def seconds(self) -> float:
        """Since the first."""
        return time.monotonic() - self._start


@contextmanager
def jar_progress(total_bytes: int, *, is_live: bool) -> Iterator[Callable[[int], None]]:
    """A bar for bytes that arrive, on a terminal; gone when done."""
    from rich.console import Console  # noqa: PLC0415  not needed by `--help`
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    console = Console(stderr=True)
    columns = (TextColumn("  Kafka's jars"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not (is_live and console.is_terminal)) as bar:
        task = bar.add_task("jars", total=total_bytes)
        yield lambda count: bar.advance(task, count)
