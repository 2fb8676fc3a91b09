"""Take each guard of the design away in turn and see that the tests notice: `python -m tests.mutants`.

A guard is removed by a patch (`tests/mutants/*.patch`, whose first line says which) in a copy of the code. Exits 1 if
a mutant survives, or if a patch no longer fits the code.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import click

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
COPIED = ("streams", "tests", "schemas", "dashboards", "deploy", "pyproject.toml")
SUITE = (
    "tests/unit/test_flush.py",
    "tests/unit/test_positions.py",
    "tests/unit/test_changelog.py",
    "tests/unit/test_absorbed.py",
    "tests/unit/test_skipped_values.py",
    "tests/unit/test_dead_letter_limit.py",
    "tests/unit/test_group_fold.py",
    "tests/unit/test_unseen.py",
    "tests/unit/test_sink_rows.py",
    "tests/unit/test_sink.py",
    "tests/unit/test_failed_writes.py",
    "tests/simulation/test_simulation.py",
)
"""What is quick and about these guards; the first that fails ends a mutant."""
LIMIT_S = 600


class Verdict(NamedTuple):
    """What became of a mutant; `caught_by` is a test, or empty."""

    name: str
    caught_by: str
    problem: str = ""


def patches() -> dict[str, Path]:
    """The patches by name."""
    return {path.stem: path for path in sorted(HERE.glob("*.patch"))}


def guard_of(patch: Path) -> str:
    """What the guard is that a patch removes."""
    return patch.read_text(encoding="utf-8").partition("\n")[0]


def applied(patch: Path, to: Path, *options: str) -> str:
    """Apply a patch in a directory; why it does not fit, or nothing."""
    command = ["git", "apply", *options, str(patch)]
    done = subprocess.run(command, cwd=to, capture_output=True, text=True, check=False)
    return done.stderr.strip().partition("\n")[0]


def copy(source: Path, to: Path) -> None:
    """Copy all that the tests need, out of any repository."""
    for name in COPIED:
        if (source / name).is_dir():
            shutil.copytree(source / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source / name, to / name)


def first_failure(directory: Path) -> tuple[str, str]:
    """Run the suite there: the first test that fails, and fails again alone; and the end of what pytest said."""
    failed, said = _failure(directory, SUITE)
    if failed and not _failure(directory, (failed,))[0]:
        return "", f"{failed} fails now and then"
    return failed, said


def _failure(directory: Path, tests: tuple[str, ...]) -> tuple[str, str]:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--no-header", "--tb=line", *tests]
    env = os.environ | {"CI": "1"}  # hypothesis then tries the same each time, and minds no clock
    try:
        done = subprocess.run(
            command, cwd=directory, env=env, capture_output=True, text=True, check=False, timeout=LIMIT_S
        )
    except subprocess.TimeoutExpired:
        return "", f"more than {LIMIT_S} s"
    failed = re.search(r"^FAILED (.+?)(?: - |$)", done.stdout, re.MULTILINE)
    return failed[1] if failed else "", (done.stdout.strip() or done.stderr.strip()).rpartition("\n")[2]


def judge(name: str, patch: Path | None, source: Path = ROOT) -> Verdict:
    """What the suite says of a mutant (None: of the code as it is)."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as directory:
        copy(source, Path(directory))
        if patch is not None and (why := applied(patch, Path(directory))):
            return Verdict(name, "", f"the patch no longer fits: {why}")
        failed, said = first_failure(Path(directory))
    return Verdict(name, failed, "" if failed or " passed" in said else f"no verdict: {said}")


def _told(verdict: Verdict, seconds: float) -> str:
    if verdict.problem:
        return f"{verdict.name}: {verdict.problem}"
    test = verdict.caught_by.rpartition("/")[2]
    return f"{verdict.name}: {f'caught by {test}' if test else 'SURVIVED'} ({seconds:.0f} s)"


@click.command(epilog="\b\nExample:\n  python -m tests.mutants terms-in-keys")
@click.argument("names", nargs=-1)
@click.option("--list", "is_list", is_flag=True, help="Only say which guards there are.")
@click.option("--jobs", default=2, show_default=True, help="How many at once.")
def main(names: tuple[str, ...], *, is_list: bool, jobs: int) -> None:
    """Take each guard away in turn, or only those that are named."""
    known = patches()
    if unknown := sorted(set(names) - known.keys()):
        raise click.BadParameter(f"no patch {unknown[0]}: see --list", param_hint="names")
    chosen = {name: patch for name, patch in known.items() if not names or name in names}
    if is_list:
        for name, patch in chosen.items():
            click.echo(f"{name}: {guard_of(patch)}")
        return
    with tempfile.TemporaryDirectory(prefix="mutants-") as directory:
        copy(ROOT, Path(directory))  # the code may change meanwhile
        sound = judge("the code as it is", None, Path(directory))
        if sound.caught_by or sound.problem:
            raise click.ClickException(f"mend this first: {sound.problem or sound.caught_by} fails without any mutant")
        is_well = _all_caught(chosen, Path(directory), jobs)
    sys.exit(not is_well)


def _all_caught(chosen: dict[str, Path], source: Path, jobs: int) -> bool:
    def timed(name: str) -> bool:
        began = time.monotonic()
        verdict = judge(name, chosen[name], source)
        click.echo(_told(verdict, time.monotonic() - began))
        return bool(verdict.caught_by)

    with ThreadPoolExecutor(jobs) as pool:
        caught = sum(pool.map(timed, chosen))
    click.echo(f"mutants: {caught} caught of {len(chosen)}")
    return caught == len(chosen)


if __name__ == "__main__":
    main()
