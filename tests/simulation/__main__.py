"""Thousands of bad nights, each drawn from a seed: `python -m tests.simulation --seeds 10000`.

A seed that fails is shrunk to the fewest faults with which it still does, and replayed by the line that is printed.
Exits 1 if one failed, 2 for a command that makes no sense.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Sequence

import click

from tests.simulation.small import small
from tests.simulation.story import Outcome, faults_of, play
from tests.simulation.verdict import check
from tests.simulation.whole import whole
from tests.simulation.world import Fault

CASTS = {"small": small, "whole": whole}
SHOWN_FAILURES = 5


def run(cast: str, seed: int, kept: Sequence[int] | None = None, *, is_traced: bool = False) -> Outcome:
    """Play a seed with all its faults, or with those of these numbers."""
    faults = faults_of(seed)
    return play(
        CASTS[cast], check, seed, [faults[n] for n in kept] if kept is not None else faults, is_traced=is_traced
    )


def shrink(fails: Callable[[list[int]], bool], kept: list[int]) -> list[int]:
    """The fewest of these faults with which it still fails: each, and each pair, left out if it can be."""
    was: list[int] = []
    while was != kept:
        was = kept
        for some in [[n] for n in kept] + [[a, b] for a in kept for b in kept if a < b]:
            fewer = [n for n in kept if n not in some]
            if len(fewer) < len(kept) and set(some) <= set(kept) and fails(fewer):
                kept = fewer
    return kept


def report(cast: str, outcome: Outcome) -> list[str]:
    """The lines about a seed that failed."""
    faults = faults_of(outcome.seed)
    kind = type(outcome.found)
    kept = shrink(
        lambda fewer: type(run(cast, outcome.seed, fewer).found) is kind,
        [n for n, fault in enumerate(faults) if fault in outcome.faults],
    )
    found = run(cast, outcome.seed, kept).found or outcome.found
    numbers = ",".join(map(str, kept)) or "none"
    return [
        f"seed {outcome.seed}: {type(found).__name__}: {str(found)[:400]}",
        *(f"  fault {n}: {faults[n]}" for n in kept),
        f"  replay: python -m tests.simulation --cast {cast} --seed {outcome.seed} --faults {numbers}",
    ]


def sweep(cast: str, seeds: Sequence[int], *, every: int = 1000) -> list[Outcome]:
    """Play many seeds; those that failed. A line per `every` seeds."""
    failed: list[Outcome] = []
    faults, began = 0, time.process_time()
    for done, seed in enumerate(seeds, 1):
        outcome = run(cast, seed)
        faults += len(outcome.faults)
        if outcome.found is not None:
            failed.append(outcome)
            for line in report(cast, outcome):
                click.echo(line)
            if len(failed) == SHOWN_FAILURES:
                break
        if done % every == 0 or done == len(seeds):
            cpu_s = time.process_time() - began
            click.echo(f"{cast}: {done} seeds, {faults} faults, {len(failed)} failed, {cpu_s:.0f} CPU s", err=True)
    return failed


@click.command(epilog="\b\nExample:\n  python -m tests.simulation --seed 1454")
@click.option("--seeds", default=1000, show_default=True, help="How many.")
@click.option("--start", default=0, show_default=True, help="The first of them.")
@click.option("--cast", type=click.Choice(list(CASTS)), default="small", show_default=True)
@click.option("--seed", type=int, help="Replay this one, with its trace.")
@click.option("--faults", help="Of that seed only the faults of these numbers: 2,5. `none` for none.")
def main(*, seeds: int, start: int, cast: str, seed: int | None, faults: str | None) -> None:
    """Simulate."""
    logging.disable(logging.CRITICAL)
    if seed is None:
        failed = sweep(cast, range(start, start + seeds))
        click.echo(f"simulation: {seeds} seeds, {len(failed)} failed")
        sys.exit(bool(failed))
    outcome = run(cast, seed, _chosen(seed, faults), is_traced=True)
    for line in outcome.trace:
        click.echo(line)
    for n, fault in enumerate(faults_of(seed)):
        click.echo(f"fault {n}: {fault}{'' if _struck(fault, outcome) else ', which hit nothing'}")
    click.echo(f"seed {seed}: {outcome.found!r}" if outcome.found else f"seed {seed}: all is as if nothing had been")
    sys.exit(outcome.found is not None)


def _chosen(seed: int, faults: str | None) -> list[int] | None:
    if faults is None:
        return None
    known = [str(n) for n in range(len(faults_of(seed)))]
    numbers = [] if faults == "none" else faults.split(",")
    if not set(numbers) <= set(known):
        raise click.BadParameter(f"seed {seed} has the faults 0 to {known[-1]}", param_hint="--faults")
    return [int(n) for n in numbers]


def _struck(fault: Fault, outcome: Outcome) -> bool:
    return fault in outcome.faults


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") is None:  # sets of strings are walked in another order each time
        command = [sys.executable, "-m", "tests.simulation", *sys.argv[1:]]
        os.execve(sys.executable, command, os.environ | {"PYTHONHASHSEED": "0"})
    main()
