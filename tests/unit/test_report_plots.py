import re

import pytest

from streams.report.plots import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    SPARK_HEIGHT,
    SPARK_WIDTH,
    TOP,
    WIDTH,
    Column,
    Part,
    columns,
    nice,
    spark,
)
from streams.words import number

FLOOR = HEIGHT - BOTTOM


def week(*values, unseen=""):
    return Column("1 Jan", [Part(f"k{place}", value, f"{value}") for place, value in enumerate(values)], unseen)


def drawn(*weeks):
    return columns(weeks, number)


@pytest.mark.parametrize(
    ("value", "top"),
    [(0, 1), (-3, 1), (1, 1), (1.01, 1.5), (10, 10), (10.1, 15), (2700, 3000), (0.3, 0.3), (99, 100), (1e9, 1e9)],
)
def test_a_scale_ends_with_the_least_round_number_that_holds_all(value, top):
    assert nice(value) == pytest.approx(top)


def test_the_highest_bar_reaches_as_far_as_its_share_of_the_scale():
    plot = drawn(week(50), week(100))
    half, full = plot.boxes
    assert (full.y, full.y + full.height) == (TOP, FLOOR)
    assert half.height == pytest.approx(full.height / 2)
    assert [line.text for line in plot.lines] == ["0", "50", "100"]
    assert plot.zero == FLOOR


def test_pieces_stack_without_a_gap_and_nothing_takes_no_room():
    plot = drawn(week(30, 0, 70))
    lower, upper = plot.boxes
    assert (lower.kind, upper.kind) == ("k0", "k2")
    assert lower.y == pytest.approx(upper.y + upper.height)
    assert upper.y == TOP


def test_negative_pieces_hang_from_zero():
    plot = drawn(week(60, -20))
    up, down = plot.boxes
    assert up.y + up.height == pytest.approx(plot.zero) == pytest.approx(down.y)
    assert down.y + down.height == pytest.approx(FLOOR)
    assert [line.text for line in plot.lines] == ["-20", "0", "60"]


@pytest.mark.parametrize(("low", "texts"), [(-5, ["0", "100"]), (-8, ["-8", "0", "100"])])
def test_numbers_of_the_scale_do_not_stand_on_each_other(low, texts):
    assert [line.text for line in drawn(week(100, low)).lines] == texts


def test_pieces_of_either_sign_stack_on_their_own_kind():
    first, below, second = drawn(week(60, -20, 40)).boxes
    assert second.y + second.height == pytest.approx(first.y)
    assert below.y == pytest.approx(first.y + first.height)


def test_only_negative_ones_hang_from_the_top():
    plot = drawn(week(-5))
    assert plot.zero == TOP
    assert plot.boxes[0].height == FLOOR - TOP


@pytest.mark.parametrize("weeks", [[], [week()], [week(0)], [week(0, 0), week(0)]])
def test_nothing_at_all_is_an_empty_plot_with_a_scale(weeks):
    plot = drawn(*weeks)
    assert plot.boxes == []
    assert [line.text for line in plot.lines] == ["0", "0.5", "1"]


def test_a_week_that_nobody_saw_is_hatched_from_top_to_bottom():
    [box] = drawn(week(unseen="not seen")).boxes
    assert (box.kind, box.y, box.height, box.title) == ("stale", TOP, FLOOR - TOP, "not seen")


@pytest.mark.parametrize("count", [1, 2, 3, 26, 53])
def test_bars_and_dates_stay_within_the_drawing(count):
    plot = drawn(*[week(3, -1)] * count)
    assert all(box.x >= LEFT and box.x + box.width <= WIDTH - RIGHT + 0.01 for box in plot.boxes)
    assert all(left.x + left.width < right.x for left, right in zip(plot.boxes[::2], plot.boxes[2::2], strict=False))
    assert len(plot.dates) <= 5
    assert plot.dates[-1].is_last
    assert [date.is_last for date in plot.dates].count(True) == 1


def numbers(path):
    return [tuple(map(float, found)) for found in re.findall(r"M([\d.]+) 30v-([\d.]+)h([\d.]+)", path)]


def test_a_year_ends_at_the_right_edge_and_its_highest_week_fills_the_height():
    line = spark([10, 5, 1])
    bars = numbers(line.bars)
    assert [height for _, height, _ in bars] == [SPARK_HEIGHT, SPARK_HEIGHT / 2, SPARK_HEIGHT / 10]
    assert bars[-1][0] == pytest.approx(SPARK_WIDTH - SPARK_WIDTH / 52, abs=0.01)
    assert line.most == 10


def test_silence_draws_nothing_and_blindness_is_hatched():
    line = spark([5, 0, None, 1000])
    assert len(numbers(line.bars)) == 2
    assert [height for _, height, _ in numbers(line.unseen)] == [SPARK_HEIGHT]
    assert numbers(line.bars)[0][1] == 1, "one message beside a thousand is still seen"


def test_only_the_last_52_weeks_are_drawn():
    line = spark([999] * 10 + [1] * 52)
    assert (len(numbers(line.bars)), line.most, numbers(line.bars)[0][0]) == (52, 1, 0)


@pytest.mark.parametrize("weeks", [[], [0], [None], [0, None]])
def test_a_year_without_a_message_has_no_bar(weeks):
    assert (spark(weeks).bars, spark(weeks).most) == ("", 0)
