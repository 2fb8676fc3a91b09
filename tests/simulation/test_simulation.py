"""A slice of the simulation, and that it would notice: the same seeds find what is broken on purpose."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from streams import flush
from tests.simulation.__main__ import report, run, shrink, sweep


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_fifty_bad_nights_leave_what_a_quiet_one_would(first):
    assert [outcome.seed for outcome in sweep("small", range(first, first + 50))] == []


def test_a_few_bad_nights_of_the_real_folds_leave_what_a_quiet_one_would():
    assert [outcome.seed for outcome in sweep("whole", range(8))] == []


def test_the_night_that_lost_events_when_partitions_were_given_up_loses_none():
    """Without the guard (`tests/mutants/cut-off-flush-is-not-gone-on-with.patch`) it does."""
    assert run("small", 3400, [0, 5]).found is None


def test_outputs_that_are_not_awaited_are_missed_and_the_night_shrinks_to_what_it_takes(monkeypatch):
    async def hurried(self: flush.Holdings) -> None: ...

    monkeypatch.setattr("tests.simulation.worker.Wire.delivered", hurried)
    failed = next(outcome for seed in range(2000) if (outcome := run("small", seed)).found is not None)
    assert "missing" in str(failed.found)
    lines = report("small", failed)
    assert lines[-1].startswith(f"  replay: python -m tests.simulation --cast small --seed {failed.seed} --faults ")
    kept = [int(n) for n in lines[-1].split()[-1].split(",")]
    assert 1 <= len(kept) <= 3
    assert run("small", failed.seed, kept).found is not None


def test_shrinking_leaves_nothing_out_that_it_takes():
    assert shrink(lambda kept: {2, 5} <= set(kept), list(range(9))) == [2, 5]
    assert shrink(lambda kept: (3 in kept) == (4 in kept), [1, 3, 4]) == []


def test_a_seed_tells_the_same_story_whatever_the_order_of_sets():
    def told(hash_seed: str) -> str:
        command = [sys.executable, "-m", "tests.simulation", "--seed", "7"]
        env = os.environ | {"PYTHONHASHSEED": hash_seed}
        return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout

    assert told("1") == told("2")
    assert len(told("1")) > 1000
