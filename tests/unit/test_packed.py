"""Counts at rest: the same to whoever asks, changed by whoever counts on, and stored as the dict that they were."""

from unittest.mock import patch

import msgspec
import pytest

from streams.vitals import packed as module
from streams.vitals.month import Month
from streams.vitals.packed import MANY, Packed, packed, unpacked
from streams.vitals.panes import DayPane, add_message, remove_message, rest, seal, speakers, stored

COUNTS = {700_000 - n: n % 3 + 1 for n in range(MANY + 1)}


def test_counts_at_rest_are_the_same_in_the_same_order() -> None:
    resting = packed(COUNTS)
    assert isinstance(resting, Packed)
    assert (len(resting), list(resting), list(resting.items())) == (len(COUNTS), list(COUNTS), list(COUNTS.items()))
    assert (resting[700_000], resting.get(5), 5 in resting, sum(resting.values())) == (1, None, False, 1_026)
    assert unpacked(resting) == COUNTS
    assert packed(resting) is resting
    assert unpacked(COUNTS) is COUNTS


def test_few_counts_do_not_rest() -> None:
    few = dict.fromkeys(range(MANY), 1)
    assert packed(few) is few


@pytest.mark.parametrize("late", [True, False])
def test_a_message_that_comes_late_or_is_recalled_wakes_its_day(late: bool) -> None:
    awake, panes = DayPane(spoke=COUNTS.copy(), hours={3: 5}), {7: DayPane(spoke=COUNTS.copy(), hours={3: 5})}
    rest(panes, 7)
    assert type(panes[7].spoke) is Packed
    for pane in (awake, panes[7]):
        if late:
            add_message(pane, 700_000, 3, 2)
        else:
            remove_message(pane, 700_000, 3 * 3_600_000, 2)
    assert panes[7] == awake


def test_days_at_rest_are_stored_as_if_they_were_awake() -> None:
    panes = {day: DayPane(messages=day, spoke=COUNTS.copy()) for day in (5, 6, 7)}
    before = msgspec.msgpack.encode(panes)
    rest(panes, 6)
    assert [type(pane.spoke) for pane in panes.values()] == [Packed, Packed, dict]
    assert msgspec.msgpack.encode(stored(panes)) == before
    assert speakers(panes.values()) == len(COUNTS)
    seal(panes, 65, 5)
    assert [len(pane.spoke) for pane in panes.values()] == [0, 0, 0]


def test_sums_that_rest_move_on_as_others_do() -> None:
    panes = {day: DayPane(spoke={day % 5: 2, 9: 1}) for day in range(100, 150)}
    with patch.object(module, "MANY", 0):
        month = Month(panes, 130)
        for day in range(131, 140):
            month.rest()
            assert type(month.talk) is type(month.spoke_7d) is Packed
            ahead = month.copy()
            ahead.advance(panes)
            month.advance(panes)
            anew = Month(panes, day)
            for one in (month, ahead):
                assert (one.talk, one.spoke_7d) == (anew.talk, anew.spoke_7d)
