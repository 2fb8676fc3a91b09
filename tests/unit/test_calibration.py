"""A community's intercept: what it learns, how much, and how fast it forgets."""

from math import log

import pytest

from streams.events import Calibration
from streams.vitals.calibration import CALIBRATE_DAYS, MILLION, has_died, intercept, is_origin
from streams.vitals.policy import DAY_MS
from streams.vitals.sources import CALIBRATIONS_KEPT, PartitionState


def test_a_community_that_dies_as_expected_is_left_alone() -> None:
    assert intercept([(40 * MILLION, 40)] * 30) == pytest.approx(0.0)
    assert intercept([]) == 0.0


def test_little_evidence_moves_little_and_much_evidence_all_the_way() -> None:
    few, many = intercept([(8 * MILLION, 16)]), intercept([(8000 * MILLION, 16_000)])
    assert few == pytest.approx(log((2 + 1 / 0.09) / (1 + 1 / 0.09)))
    assert many == pytest.approx(log(2), abs=0.02)
    assert intercept([(8 * MILLION, 0)]) < 0 < few


def test_what_lies_two_years_back_counts_half() -> None:
    fresh = intercept([(0, 0), (80 * MILLION, 160)])
    old = intercept([(160 * MILLION, 320), *[(0, 0)] * 26])
    assert old == pytest.approx(fresh)


def test_no_community_moves_beyond_the_limit() -> None:
    assert intercept([(0, 10**9)]) == -intercept([(10**15, 0)]) == 1.5


def test_a_test_is_weekly_and_needs_a_group_that_talks() -> None:
    assert [age for age in range(130) if is_origin(age, 5, 2)] == [112, 119, 126]
    assert not is_origin(112, 4, 2)
    assert not is_origin(112, 5, 1)


def test_death_is_silence_or_less_than_a_twentieth_of_the_usual() -> None:
    assert has_died(0, 0.0)
    assert has_died(4, 81.0)
    assert not has_died(4, 80.0)


def test_of_a_brand_the_latest_intercept_for_the_model_that_is_in_force_counts() -> None:
    partition = PartitionState()
    for week, model, value in [(1, "old", 0.1), (2, "new", 0.2), (3, "old", 0.3), (4, "new", 0.4)]:
        partition.calibrate(
            Calibration(event_id=f"{week}", occurred_at=0, brand_id="acme", platform="*", model=model, intercept=value,
                        effective_at=week * 7 * DAY_MS)
        )  # fmt: skip
    at = [(week, model, partition.community("acme", model, week * 7 * DAY_MS)) for week in (0, 2, 3, 5)
          for model in ("old", "new")]  # fmt: skip
    assert at == [(0, "old", 0.0), (0, "new", 0.0), (2, "old", 0.1), (2, "new", 0.2), (3, "old", 0.3), (3, "new", 0.2),
                  (5, "old", 0.3), (5, "new", 0.4)]  # fmt: skip
    assert partition.community("other", "new", 5 * 7 * DAY_MS) == 0.0


def test_an_intercept_is_kept_for_more_than_a_year() -> None:
    partition = PartitionState()
    for step in range(40):
        partition.calibrate(
            Calibration(event_id=f"{step}", occurred_at=0, brand_id="acme", platform="*", model="m",
                        intercept=float(step), effective_at=step * CALIBRATE_DAYS * DAY_MS)
        )  # fmt: skip
    assert len(partition.calibrations["acme"]) == CALIBRATIONS_KEPT
    assert partition.community("acme", "m", (39 * CALIBRATE_DAYS - 364) * DAY_MS) == 26.0
    assert partition.community("acme", "m", 39 * CALIBRATE_DAYS * DAY_MS) == 39.0
