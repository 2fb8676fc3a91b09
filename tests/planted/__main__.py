"""`make planted SEEDS="11 12 13"`: make fleets in which it is known who is who, and say how much of it is found."""

import gc
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click

from tests.planted import chain, fleet, stack
from tests.planted.judge import Score, claims, misses, scores

BAR = 0.9


class Result(NamedTuple):
    """What one seed came to."""

    seed: int
    events: int
    seconds: float
    scores: list[Score]
    misses: dict[str, tuple[list[str], list[str]]]


def play(seed: int, room: Path, groups: int, days: int, *, with_stack: bool) -> Result:
    """Make a seed's fleet, fold it, compare."""
    began = time.process_time()
    gc.freeze()
    folder = room / str(seed)
    events, truth = fleet.write(seed, folder, groups, days)
    if with_stack:
        said = stack.claims(folder / fleet.EVENTS, folder, truth)
    else:
        said = claims(chain.run(folder / fleet.EVENTS), truth)
    return Result(seed, events, time.process_time() - began, scores(said, truth), misses(said, truth))


@click.command(epilog='\b\nExample:\n  make planted SEEDS="11 12 13"\n  python -m tests.planted --seed 1 --misses')
@click.option("--seed", "seeds", type=int, multiple=True, default=(1,), show_default=True, help="A fleet; repeat it.")
@click.option("--groups", type=click.IntRange(min=16), default=200, show_default=True, help="So many in a fleet.")
@click.option("--days", type=click.IntRange(min=180), default=180, show_default=True, help="Of each fleet.")
@click.option("--misses", "with_misses", is_flag=True, help="Name what was overlooked and what was said wrongly.")
@click.option("--jobs", type=click.IntRange(1, 16), default=min(3, os.cpu_count() or 1), help="Seeds at a time.")
@click.option("--stack", "with_stack", is_flag=True, help="Through a real stack, by its views; one seed at a time.")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Leave events and truth there.")
def main(
    seeds: tuple[int, ...], groups: int, days: int, jobs: int, keep: Path | None, *, with_misses: bool, with_stack: bool
) -> None:
    """Plant ten kinds of things in fleets of groups, and say how many the product finds. Exits 1 below .9."""
    with (
        tempfile.TemporaryDirectory(prefix="vitals-planted-") as room,
        ProcessPoolExecutor(1 if with_stack else jobs) as pool,
    ):
        work = partial(play, room=keep or Path(room), groups=groups, days=days, with_stack=with_stack)
        results = []
        for result in pool.map(work, seeds):
            results.append(result)
            click.echo(f"seed {result.seed}: {result.events:,} events, {result.seconds:.0f} s of CPU", err=True)
    for line in table(results):
        click.echo(line)
    if with_misses:
        _tell_misses(results)
    found = [score for result in results for score in result.scores]
    recall, precision = min(one.recall for one in found), min(one.precision for one in found)
    click.echo(f"planted: {len(results[0].scores)} kinds, min recall {recall:.2f}, min precision {precision:.2f}")
    sys.exit(0 if min(recall, precision) >= BAR else 1)


def table(results: list[Result]) -> list[str]:
    """Recall and precision by kind and seed, each with its counts."""
    lines = [f"{'':16}" + "".join(f"{f'seed {result.seed}':>32}" for result in results)]
    lines.append(f"{'kind':16}" + f"{'planted  said   recall precision':>32}" * len(results))
    for place, score in enumerate(results[0].scores):
        cells = [result.scores[place] for result in results]
        lines.append(f"{score.kind:16}" + "".join(_cell(one) for one in cells))
    return lines


def _cell(one: Score) -> str:
    recall, precision = (f"{x:.2f}{' ' if x >= BAR else '*'}" for x in (one.recall, one.precision))
    return f"{one.planted:>8}{one.claimed:>6}{recall:>9}{precision:>9}"


def _tell_misses(results: list[Result]) -> None:
    for result in results:
        for kind, (overlooked, wrong) in result.misses.items():
            for word, keys in (("overlooked", overlooked), ("wrong", wrong)):
                for key in keys:
                    click.echo(f"seed {result.seed}: {kind} {word}: {key}")


if __name__ == "__main__":
    main()
