"""Before and after against groups left alone: by hand, by another way of counting, and how often it holds the truth."""

import math
import random

import pytest

from streams.playbook.effect import (
    CONTROLS,
    LEAST_CONTROLS,
    MEASURES,
    Comeback,
    Days,
    Subject,
    comeback,
    distance,
    estimate,
    interval,
    noise,
)
from tests.playbook import play, share_held


def subject(group_id="g", platform="irc", band=1, verdict="fading", **days):
    """A group of ten messages a day, unless said otherwise; each measure is (earlier, before, lately, after)."""
    known = dict.fromkeys(MEASURES, (10.0, 10.0, 10.0, 10.0)) | days
    return Subject(group_id, platform, band, verdict, {name: Days(*means) for name, means in known.items()})


def alone(count, **days):
    """Groups that changed a little by themselves, each by another share."""
    return [
        subject(f"o{number:02d}", messages=(10.0, 10.0, 10.0, 10.0 * (1 + (number - count // 2) / 100)), **days)
        for number in range(count)
    ]


def test_it_helped_if_it_rose_beyond_the_farthest():
    found = estimate("messages", subject(messages=(10.0, 10.0, 10.0, 20.0)), alone(CONTROLS))
    assert found.answer == "helped"
    assert found.effect == pytest.approx(560 / 280 - 1, abs=0.01)
    assert 0.5 < found.low < found.effect < found.high
    assert (found.before, found.after, found.others_before, found.others_after) == (10, 20, 10, 10)


@pytest.mark.parametrize(
    ("after", "answer"), [(20.0, "helped"), (11.0, "cannot tell"), (9.0, "cannot tell"), (2.0, "harmed")]
)
def test_the_claim_can_fail(after, answer):
    found = estimate("messages", subject(messages=(10.0, 10.0, 10.0, after)), alone(CONTROLS))
    assert found.answer == answer
    assert (found.low > 0) == (answer == "helped")
    assert (found.high < 0) == (answer == "harmed")


# --- coming back ------------------------------------------------------------------------------------------

FELL = (16.0, 8.0, 8.0, 11.0)


def fallen(group_id="g", measure="messages", usual=16.0, ebb=8.0, settled=14.0, means=FELL):
    """A group that had fallen from 16 a day to 8: sqrt(16 x 8) = 11.3 is half of the way back, in logarithms."""
    one = subject(group_id, **{measure: means})
    days = dict(one.days) | {measure: Days(*means, usual, ebb, settled)}
    return Subject(group_id, one.platform, one.band, one.verdict, days)


def brand(rose, fell, **changed):
    """Groups of which so many fell as far, and so many of those came back by themselves; others wander as far."""
    others = [fallen(f"b{n:02d}", settled=14.0 if n < rose else 8.0, **changed) for n in range(fell)]
    wild = [(16.0, 8.0, 8.0, 8.0 * 1.5 ** ((n - 18) / 12)) for n in range(CONTROLS - fell)]
    return [*others, *(fallen(f"w{n:02d}", usual=8.0, settled=8.0, means=means) for n, means in enumerate(wild))]


def told(mine, others, measure="messages"):
    return estimate(measure, mine, others, is_goal=True)


def test_what_came_back_while_most_stayed_down_likely_helped():
    found = told(fallen(), brand(rose=1, fell=6))
    assert (found.answer, found.low < 0 < found.high) == ("likely helped", True)
    assert found.comeback == Comeback(usual=16.0, ebb=8.0, settled=14.0, fell=6, rose=1)
    alone = estimate("messages", fallen(), brand(rose=1, fell=6))
    assert (alone.answer, alone.comeback) == ("cannot tell", None), (
        "only the goal, which was said before, is asked twice"
    )


@pytest.mark.parametrize(
    ("rose", "fell", "is_likely"),
    [(1, 3, True), (1, 2, False), (2, 6, True), (2, 5, False), (0, 1, True), (0, 0, False)],
)
def test_where_more_than_a_third_came_back_by_themselves_nobody_can_tell(rose, fell, is_likely):
    found = told(fallen(), brand(rose, fell))
    assert found.answer == ("likely helped" if is_likely else "cannot tell")
    assert (found.comeback.fell, found.comeback.rose) == (fell, rose)


@pytest.mark.parametrize(
    ("own", "has_come_back"),
    [
        ({"settled": 11.5}, True),
        ({"settled": 11.2}, False),  # less than half of the way
        ({"usual": 13.5, "settled": 13.0}, True),  # half of the loss is 0.26, and 0.75 x noise 0.16
        ({"usual": 11.2, "settled": 12.0}, True),  # half of the loss 0.168, and 0.75 x noise 0.166
        ({"usual": 11.1, "settled": 12.0}, False),
        ({"usual": None}, False),
        ({"settled": None}, False),  # 28 days are not over
    ],
)
def test_a_comeback_is_of_a_fall(own, has_come_back):
    assert (told(fallen(**own), brand(0, 6)).comeback is not None) == has_come_back


@pytest.mark.parametrize(("factor", "is_fall"), [(1.0, True), (0.04, False)])
def test_a_fall_of_a_few_messages_is_chance(factor, is_fall):
    mine = fallen(
        usual=13.0 * factor, ebb=8.0 * factor, settled=13.0 * factor, means=tuple(one * factor for one in FELL)
    )
    alike = brand(0, 6, means=tuple(one * factor for one in FELL))
    assert (comeback("messages", mine, alike) is not None) == is_fall


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({}, (1, 1)),
        ({"settled": 11.5}, (1, 1)),
        ({"settled": 11.2}, (1, 0)),
        ({"usual": 11.5}, (1, 1)),  # half of the loss, in logarithms: sqrt(2) x 8 = 11.3
        ({"usual": 11.2}, (0, 0)),
        ({"means": (16.0, 8.0 * 3.1, 8.0, 8.0)}, (0, 0)),
        ({"means": (16.0, 8.0 / 3.1, 8.0, 8.0)}, (0, 0)),
        ({"means": (16.0, 8.0 * 2.9, 8.0, 8.0)}, (1, 1)),
        ({"settled": None}, (0, 0)),
    ],
)
def test_who_is_asked_whether_it_comes_back_by_itself(other, expected):
    found = comeback("messages", fallen(), [fallen("o", **other)])
    assert (found.fell, found.rose) == expected


@pytest.mark.parametrize(("before", "counts"), [(20 / 28, 1), (19 / 28, 0)])
def test_of_groups_that_hardly_talk_nobody_knows_whether_they_came_back(before, counts):
    mine = fallen(usual=8.0, ebb=1.0, settled=8.0, means=(8.0, 1.0, 1.0, 6.0))
    other = fallen("o", usual=8.0, ebb=before, settled=before, means=(8.0, before, before, before))
    assert comeback("messages", mine, [other]).fell == counts


@pytest.mark.parametrize(
    ("measure", "is_asked"), [("messages", True), ("speakers", True), ("buyers", False), ("revenue", False)]
)
def test_orders_are_too_few_to_come_back(measure, is_asked):
    others = [fallen(f"b{n}", measure, settled=8.0) for n in range(6)]
    assert (comeback(measure, fallen(measure=measure), others) is not None) == is_asked


def test_what_befell_all_is_no_effect():
    """Everybody doubled: a season."""
    others = [subject(f"o{number}", messages=(10.0, 10.0, 10.0, 20.0 + number / 10)) for number in range(CONTROLS)]
    found = estimate("messages", subject(messages=(10.0, 10.0, 10.0, 21.0)), others)
    assert found.answer == "cannot tell"
    assert found.effect == pytest.approx(0, abs=0.05)


def test_a_group_at_its_low_is_held_against_others_at_their_low():
    """Half of the others are at their usual and stay; the other half had fallen as it had, and came back as it did."""
    fell = [subject(f"f{n:02d}", messages=(20.0, 5.0, 5.0, 15.0 + n / 10)) for n in range(CONTROLS)]
    usual = [subject(f"u{n:02d}", messages=(20.0, 20.0, 20.0, 20.0 + n / 10)) for n in range(CONTROLS)]
    found = estimate("messages", subject(messages=(20.0, 5.0, 5.0, 16.0)), usual + fell)
    assert set(found.controls) == {one.group_id for one in fell}
    assert found.answer == "cannot tell"


def test_a_dead_one_among_the_others_widens_downwards_only():
    quiet = alone(CONTROLS)
    died = [*quiet[:-1], subject("o99", messages=(10.0, 10.0, 10.0, 0.0))]
    mine = subject(messages=(10.0, 10.0, 10.0, 20.0))
    before, after = estimate("messages", mine, quiet), estimate("messages", mine, died)
    assert after.answer == "helped"
    assert after.low == pytest.approx(before.low, rel=0.1)
    assert after.high > 10 * before.high


def test_money_changes_by_amounts():
    others = [subject(f"o{n:02d}", revenue=(100.0, 100.0, 100.0, 100.0 + n - CONTROLS // 2)) for n in range(CONTROLS)]
    found = estimate("revenue", subject(revenue=(100.0, 100.0, 100.0, 200.0)), others)
    assert found.effect == pytest.approx(28 * 100)
    assert found.answer == "helped"


def test_too_few_or_too_different_others_are_a_doubt():
    mine = subject(messages=(10.0, 10.0, 10.0, 99.0))
    few = estimate("messages", mine, alone(LEAST_CONTROLS - 1))
    assert (few.doubt, few.answer, few.effect, few.low) == ("few", "cannot tell", None, None)
    assert estimate("messages", mine, alone(LEAST_CONTROLS)).doubt is None
    busy = [subject(f"b{n}", messages=(99.0, 99.0, 99.0, 99.0)) for n in range(CONTROLS)]
    unlike = estimate("messages", mine, busy)
    assert (unlike.doubt, unlike.answer, unlike.effect) == ("unlike", "cannot tell", None)


def test_likeness_is_level_trend_last_week_and_kind():
    mine = subject()
    level = distance("messages", mine, subject(messages=(20.0, 20.0, 20.0, 0.0)))
    assert level == pytest.approx(math.log(561 / 281) + math.log(141 / 71))
    assert distance("messages", mine, subject(messages=(5.0, 10.0, 10.0, 0.0))) == pytest.approx(math.log(281 / 141))
    assert distance("messages", mine, subject(messages=(None, 10.0, 10.0, 0.0))) == 0
    assert distance("messages", mine, subject(platform="qq")) == 0.5
    assert distance("messages", mine, subject(band=3)) == 0.5
    assert distance("messages", mine, subject(verdict="dying")) == 0.5
    assert distance("messages", mine, subject(verdict="healthy")) == 0.5


def test_ties_are_broken_by_id_whatever_the_order():
    others = [subject(f"o{number:03d}") for number in range(3 * CONTROLS)]
    random.Random(3).shuffle(others)
    assert estimate("messages", subject(), others).controls == tuple(f"o{number:03d}" for number in range(CONTROLS))


def test_more_others_reach_less_far_beyond_what_was_seen():
    few, many = interval(0.0, [-1.0, 1.0] * 6), interval(0.0, [-1.0, 1.0] * 14)
    assert few[0] < many[0] < -1 < 1 < many[2] < few[2]
    assert interval(0.3, [0.0] * 20) == (0.3, 0.3, 0.3)


def test_one_that_rose_by_itself_does_not_decide():
    """Of the others one had a sale: what it takes to be told moves little."""
    quiet = alone(CONTROLS)
    odd = [*quiet[:-1], subject("o99", messages=(10.0, 10.0, 10.0, 60.0))]
    mine = subject(messages=(10.0, 10.0, 10.0, 20.0))
    before, after = estimate("messages", mine, quiet), estimate("messages", mine, odd)
    assert after.answer == "helped"
    assert after.low == pytest.approx(before.low, rel=0.05)


def test_quiet_ones_stray_farther_by_the_laws_of_counting():
    """How far a quieter one strayed counts for less against a busier one."""
    rises = [number / 40 for number in range(-20, 20)]
    alike, quieter = interval(0.5, rises), interval(0.5, rises, [0.5] * len(rises))
    assert quieter[0] - 0.5 == pytest.approx((alike[0] - 0.5) / 2, abs=0.03)
    assert alike[2] - 0.5 > 1.9 * (quieter[2] - 0.5)
    busy, quiet = Days(30.0, 30.0, 30.0, 30.0), Days(0.3, 0.3, 0.3, 0.3)
    assert noise("messages", busy) == pytest.approx(math.sqrt(0.04 + 2 / 841))
    assert noise("messages", quiet) > 2 * noise("messages", busy)
    assert noise("revenue", quiet) == noise("revenue", busy)


def test_those_who_are_nearest_say_whether_any_are_like_it():
    mine = subject(messages=(10.0, 10.0, 10.0, 40.0))
    busy = [subject(f"b{n:02d}", messages=(99.0, 99.0, 99.0, 99.0)) for n in range(CONTROLS)]
    assert estimate("messages", mine, [*alone(LEAST_CONTROLS), *busy]).doubt is None
    assert estimate("messages", mine, [*alone(LEAST_CONTROLS // 2 - 1), *busy]).doubt == "unlike"


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """A small round of `python -m tests.playbook`; 160 cases of four measures, so 95 % within 3 points."""
    null, some = play(160, 5, 60, "both")
    held = sum(share_held(null + some, measure) for measure in MEASURES) / len(MEASURES)
    assert 0.92 <= held <= 0.98
    false = sum(one.found["messages"].answer == "helped" for one in null) / len(null)
    assert false <= 0.05, "of those in which nothing came of it"
    likely = sum(one.found["messages"].answer == "likely helped" for one in null) / len(null)
    assert 0 < likely <= 0.15, "about one in 13 of those"
    tripled = [one.found["speakers"].answer for one in some if one.factor == 3]
    assert tripled.count("helped") > 5 * tripled.count("harmed")
