"""The cause that is named, on a small simulated fleet; `python -m tests.causes` does it on large ones."""

from pathlib import Path

from tests.causes import ENOUGH, compare, share_named


def test_the_cause_named_is_the_one_planted_and_what_is_no_death_raises_no_alarm(tmp_path: Path) -> None:
    found = compare(5, tmp_path, 88)
    assert sum(outcome.detected for outcome in found.values()) >= 10
    assert share_named(found) >= ENOUGH
    assert {cause: outcome.early for cause, outcome in found.items() if outcome.early} == {}
