"""The fleet of `make drops`, and a small part of it through the fold."""

from statistics import mean, pvariance

import pytest
from click.testing import CliRunner

from tests import drops
from tests.drops import DAY, FIRST_DAY, LEARN_DAYS, Found, Group, main, run


def test_a_few_groups_are_told_of_as_planted():
    found, false, _ = run(seed=4, dispersion=drops.CALM, clean=6, planted=4, jobs=1)
    assert (found >= 3, false) == (True, 0)


def test_a_plan_is_the_same_again_and_another_for_another_seed():
    def times(seed):
        return [event.occurred_at for event in Group(1, seed, 50.0, is_planted=True).events()]

    assert times(1) == times(1) != times(2)
    assert times(1) == sorted(times(1))


def test_three_fifths_of_the_messages_are_gone_from_the_hour_that_is_planted_on():
    before = after = 0
    for number in range(60):
        group = Group(number, 9, 1e6, is_planted=True)
        assert group.planted_at >= FIRST_DAY + LEARN_DAYS * DAY
        group.usual = lambda _: 100.0
        day = (group.planted_at - FIRST_DAY) // DAY
        at = [one for near in range(day - 2, day + 4) for one in group.day(near)]
        before += sum(group.planted_at - DAY <= one < group.planted_at for one in at)
        after += sum(group.planted_at <= one < group.planted_at + DAY for one in at)
    assert after / before == pytest.approx(0.4, abs=0.03)


@pytest.mark.parametrize("dispersion", [2.0, 20.0])
def test_the_dispersion_of_a_day_is_the_one_asked_for(dispersion):
    group = Group(0, 3, dispersion, is_planted=False)
    group.usual = lambda _: 80.0
    counts = [len(group.day(day)) for day in range(2_000) if not group._is_off(day)]
    assert mean(counts) == pytest.approx(80, rel=0.06)
    assert (pvariance(counts) - 80) / 80**2 == pytest.approx(1 / dispersion, rel=0.15)


PLANTED = FIRST_DAY + 60 * DAY + 5


@pytest.mark.parametrize(
    ("begun", "is_in_time"),
    [((), False), ((PLANTED,), False), ((PLANTED + 1,), True), ((FIRST_DAY + 64 * DAY,), True),
     ((FIRST_DAY + 64 * DAY + 1,), False), ((PLANTED - DAY, FIRST_DAY + 63 * DAY), True)],
)  # fmt: skip
def test_in_time_is_up_to_a_day_after_the_second_full_day(begun, is_in_time):
    assert Found(begun, PLANTED).is_in_time == is_in_time
    assert not Found(begun, None).is_in_time


@pytest.mark.parametrize(("found", "false", "code"), [(95, 2, 0), (94, 2, 1), (95, 3, 1), (100, 0, 0)])
def test_the_closing_line_and_the_bar(found, false, code, monkeypatch):
    monkeypatch.setattr(drops, "run", lambda *_: (found, false, {"late": 1, "before the drop": 0}))
    result = CliRunner().invoke(main, ["--seed", "7"])
    assert result.exit_code == code
    assert result.output.splitlines()[-1] == f"drops: {found} of 100 found in time, {false} false"
