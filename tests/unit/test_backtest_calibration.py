"""A backtest learns how much oftener groups of a brand die than the model expects, and judges later days by it."""

import json
from datetime import UTC, datetime

import pytest

from streams.vitals.calibration import CALIBRATE_DAYS, DELAY_DAYS
from streams.vitals.policy import DAY_MS
from tests.backtesting import START, backtest, bare, ours, rows, write

FIRST = START // DAY_MS


def community(days: int = 240) -> list[bytes]:
    """Six groups that talk every second day for half a year; then all but one die at once."""
    lines = [
        (day, bare(day + i / 100, f"den/{group}", "abc"[i % 3], day * 10 + i))
        for group in range(6)
        for day in range(0, days if group == 0 else 150, 2)
        for i in range(3)
    ]
    return [line for _, line in sorted(lines, key=lambda timed: json.loads(timed[1])["occurred_at"])]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write(tmp_path_factory.mktemp("community") / "in.jsonl", community())


@pytest.fixture(scope="module")
def told(path):
    return rows(backtest(path)[0])


@pytest.fixture(scope="module")
def plain(path):
    return rows(backtest(path, is_calibrated=False)[0])


def iso(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_MS / 1000, UTC).strftime("%Y-%m-%dT00:00:00Z")


def test_what_was_learnt_is_in_force_a_week_later_and_not_before(told, plain):
    changed = sorted({one["at"] for one, other in zip(told, plain, strict=True) if one["risk"] != other["risk"]})
    first_known = FIRST + 112 + 56
    asked = next(day for day in range(first_known, first_known + CALIBRATE_DAYS) if day % CALIBRATE_DAYS == 0)
    assert changed[0] == iso(asked + DELAY_DAYS)


def test_a_community_that_dies_more_than_expected_is_judged_higher(told, plain):
    last = max(row["at"] for row in told)
    pairs = [
        (float(one["risk"]), float(other["risk"])) for one, other in zip(told, plain, strict=True) if one["at"] == last
    ]
    assert len(pairs) == 6
    assert all(calibrated > alone for calibrated, alone in pairs)


def test_it_does_not_depend_on_the_number_of_processes(path, told, tmp_path):
    assert rows(backtest(path, jobs=3, out=tmp_path / "parted.csv")[0]) == told


def test_it_knows_nothing_of_what_a_cut_leaves_out(path, told, tmp_path):
    known = {(row["group_id"], row["at"]): row for row in told}
    cut = rows(backtest(path, out=tmp_path / "cut.csv", until=START + 230 * DAY_MS)[0])
    assert max(row["at"] for row in cut) == iso(FIRST + 230 - 1)
    assert [known[row["group_id"], row["at"]] for row in cut] == cut


def test_calibrations_of_the_file_stand_alone(path, told, plain, tmp_path):
    calibration = ours(
        1, type="calibration", group_id=None, member_id=None, source_seq=None, model=plain[0]["model"], intercept=0.0,
        effective_at=START,
    )  # fmt: skip
    lines = path.read_bytes().splitlines()
    assert rows(backtest(write(tmp_path / "in.jsonl", [calibration, *lines]))[0]) == plain
    assert told != plain


def test_outcomes_with_days_that_nobody_saw_and_planned_ends_teach_nothing(path, tmp_path):
    """As the view `calibration` has it: what was not seen is neither death nor life, and what was meant no death."""

    def raised(lines, **more):
        told = rows(backtest(write(tmp_path / "in.jsonl", lines), **more)[0])
        alone = rows(backtest(tmp_path / "in.jsonl", is_calibrated=False, **more)[0])
        return {float(one["risk"]) > float(other["risk"]) for one, other in zip(told, alone, strict=True)
                if one["risk"] != other["risk"]}  # fmt: skip

    lines = path.read_bytes().splitlines()
    assert True in raised(lines)
    assert raised(lines, exclusions={"den/*": ((FIRST + 153, 1 << 30),)}) == set()
    ends = [bare(150, f"den/{group}", type="group_ended", member_id=None, reason="planned") for group in range(1, 6)]
    assert raised(sorted([*lines, *ends], key=lambda line: json.loads(line)["occurred_at"])) == {False}
