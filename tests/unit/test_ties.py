"""Who turns to whom, gathered: the same in any order, faded by the week, and bounded whatever comes."""

import random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import events as e
from streams.vitals.policy import DAY_MS, HOUR_MS
from streams.vitals.ties import EDGES, LEAST_WEIGHT, NUMBER_BITS, SPARKS, UNIT, Edges, Sparks, Ties, fade
from tests.unit.test_group_fold import START, message, run, state_of, tick

MINUTE = 60_000


def edge(source: int, target: int) -> int:
    return source << NUMBER_BITS | target


def answers(log_edges: Edges) -> dict[tuple[int, int], int]:
    return {(key >> NUMBER_BITS, key & (1 << NUMBER_BITS) - 1): count for key, count in log_edges.week.items()}


# --- what counts as an answer -----------------------------------------------------------------------------


def reply(n: int, to: int | None, member: str, minutes: float, **more: Any) -> e.Message:
    return message(n, START + round(minutes * MINUTE), member, reply_to=None if to is None else f"m/{to}", **more)


def test_replies_and_names_are_answers_to_their_member_once_each() -> None:
    log, _ = run(
        [
            reply(1, None, "m_a", 0),
            reply(2, None, "m_b", 1),
            reply(3, 1, "m_c", 2),
            reply(4, 1, "m_c", 3, mentions=("m_a", "m_b", "m_b")),
            reply(5, 1, "m_a", 4),  # oneself
            reply(6, None, "m_b", 5, mentions=("m_b", "m_nobody")),
        ]
    )
    assert answers(state_of(log).ties.replies) == {(2, 0): 2, (2, 1): 1}


def test_whoever_names_all_answers_nobody() -> None:
    people = [reply(n, None, f"m_{n}", n) for n in range(1, 8)]
    log, _ = run([*people, reply(8, None, "m_9", 9, mentions=tuple(f"m_{n}" for n in range(1, 7)))])
    assert not state_of(log).ties.replies.week


def test_staff_neither_answers_nor_is_answered_here() -> None:
    log, _ = run(
        [
            reply(1, None, "m_a", 0),
            reply(2, None, "s_1", 1, role="staff"),
            reply(3, 2, "m_b", 2),
            reply(4, 1, "s_1", 3, role="staff"),
            reply(5, None, "m_b", 4, mentions=("s_1",)),
        ]
    )
    ties = state_of(log).ties
    assert not ties.replies.week
    assert not ties.follows.week, "between two members staff spoke"


def test_a_million_replies_to_nothing_leave_nothing_behind() -> None:
    before, _ = run([reply(n, None, "m_a", n) for n in range(1, 3)])
    after, _ = run([reply(n, 10**9 + n, "m_a", n) for n in range(1, 20_000)])
    assert state_of(after).ties.replies == state_of(before).ties.replies == Edges()


def test_what_follows_within_five_minutes_is_kept_until_replies_are_told() -> None:
    events = [
        reply(1, None, "m_a", 0),
        reply(2, None, "m_b", 4.9),
        reply(3, None, "m_a", 9.9),
        reply(4, None, "m_b", 10),
    ]
    log, _ = run(events)
    assert answers(state_of(log).ties.follows) == {(1, 0): 2}
    week = [reply(n, n - 1, f"m_{n % 3}", 10 * n) for n in range(5, 60)]
    log, _ = run([*events, *week, *(tick(START + day * DAY_MS) for day in range(1, 10))])
    assert not state_of(log).ties.is_timed
    log, _ = run([reply(100, None, "m_a", 15_000), reply(101, None, "m_b", 15_001)], log, start=1000)
    assert not state_of(log).ties.follows.week


# --- edges ------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=4000), st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_the_order_of_a_week_does_not_tell(pairs: list[tuple[int, int]], rng: random.Random) -> None:
    one, other = Edges(), Edges()
    shuffled = rng.sample(pairs, len(pairs))
    for edges, said in ((one, pairs), (other, shuffled)):
        for source, target in said:
            edges.add(source, target)
    assert one.level == other.level
    assert one.week == other.week
    assert one.end_week(1) == other.end_week(1)
    assert one == other


def test_few_edges_are_all_kept_and_counted() -> None:
    edges = Edges()
    for n in range(3 * EDGES):
        edges.add(n % EDGES, 7)
    assert edges.level == 0
    assert edges.week == {edge(n, 7): 3 for n in range(EDGES)}


def test_of_many_edges_a_fair_sample_is_kept_and_what_is_kept_is_counted_in_full() -> None:
    edges = Edges()
    for _ in range(2):
        for source in range(20_000):
            edges.add(source, source % 4)
    assert EDGES / 4 < len(edges.week) <= EDGES
    assert set(edges.week.values()) == {2}
    share = [sum(key & 3 == target for key in edges.week) / len(edges.week) for target in range(4)]
    assert all(0.2 < one < 0.3 for one in share)
    assert 0.8 < len(edges.week) * 2**edges.level / 20_000 < 1.2


def test_weights_fade_and_are_gone_after_thirteen_weeks() -> None:
    edges = Edges({edge(1, 2): 1})
    assert edges.end_week(1) == {edge(1, 2): UNIT}
    seen = [edges.end_week(1).get(edge(1, 2), 0) for _ in range(14)]
    assert abs(seen[3] / UNIT - 0.5) < 0.01, "half is left after 28 days"
    assert seen.index(0) == 12
    assert not edges.past
    assert fade(UNIT, 4) == seen[3]
    assert fade(UNIT, 13) < LEAST_WEIGHT <= fade(UNIT, 12)


def test_weeks_in_one_go_are_as_weeks_one_by_one() -> None:
    slow, fast = (Edges({edge(n, 2): n for n in range(1, 50)}) for _ in range(2))
    slow.end_week(1)
    fast.end_week(1)
    for _ in range(6):
        slow.end_week(1)
    fast.end_week(6)
    assert slow == fast


def test_a_pair_that_never_stops_saturates() -> None:
    edges = Edges({edge(1, 2): 2**40})
    assert edges.end_week(1) == {edge(1, 2): 2**24 - 1}


def test_a_member_beyond_all_numbers_is_left_out() -> None:
    edges = Edges()
    edges.add(1 << NUMBER_BITS, 2)
    edges.add(2, 1 << NUMBER_BITS)
    assert not edges.week


def test_the_sample_grows_again_when_a_group_calms_down() -> None:
    edges = Edges()
    for source in range(20_000):
        edges.add(source, 0)
    edges.end_week(1)
    was = edges.level
    for _ in range(16):
        edges.end_week(1)
    assert edges.level < was
    assert not edges.past


# --- sparks -----------------------------------------------------------------------------------------------


def test_whoever_sets_off_more_than_the_hour_usually_brings_is_above_it() -> None:
    sparks = Sparks()
    for day in range(30):
        for number, heard in ((1, 9), (2, 1)):
            sparks.open(number, day * DAY_MS + number * HOUR_MS // 4)
            sparks.heard = heard
    assert sparks.above[1] > 60 * UNIT
    assert sparks.above[2] < -60 * UNIT


def test_an_hour_is_compared_with_itself() -> None:
    sparks = Sparks()
    for day in range(60):
        for number, hour, heard in ((1, 9, 20), (2, 3, 0)):  # all mornings are busy, all nights are not
            sparks.open(number, day * DAY_MS + hour * HOUR_MS)
            sparks.heard = heard
    assert abs(sparks.above[1]) < 100 * UNIT, "of 600 that they brought beyond the mean of the day"
    assert abs(sparks.above[2]) < 100 * UNIT


def test_messages_of_a_window_are_counted_but_ones_own_and_late_ones() -> None:
    log, _ = run(
        [
            message(1, START, "m_a"),
            message(2, START + MINUTE, "m_b"),
            message(3, START + 2 * MINUTE, "m_a"),
            message(4, START + 14 * MINUTE, "m_b"),
            message(5, START - HOUR_MS, "m_b"),
        ]
    )
    sparks = state_of(log).ties.sparks
    assert (sparks.by, sparks.at, sparks.heard) == (0, START, 2)
    log, _ = run([message(6, START + 15 * MINUTE, "m_b")], log, start=10)
    assert (sparks.by, sparks.heard) == (1, 0)


def test_sparks_are_bounded() -> None:
    sparks = Sparks()
    for n in range(20 * SPARKS):
        sparks.open(n, n * HOUR_MS)
        sparks.heard = n % 7
        assert len(sparks.above) <= 2 * SPARKS
    sparks.end_week(1)
    assert len(sparks.above) <= SPARKS
    sparks.end_week(60)
    assert not sparks.above


# --- the bound --------------------------------------------------------------------------------------------


def test_a_hundred_thousand_talkers_take_no_more_room_than_a_thousand() -> None:
    """Ten million messages are as many more weeks of the same: after each, what is kept is as large as before."""
    rng, sizes = random.Random(1), []
    ties = Ties()
    for _ in range(4):
        for n in range(60_000):
            source, target = rng.randrange(100_000), int(100_000 * rng.random() ** 3)
            ties.replies.add(source, target)
            ties.follows.add(target, source)
            ties.sparks.open(source, n * HOUR_MS)
        ties.has_week_ended(ties.ended_day + 7)
        sizes.append(len(msgspec.msgpack.encode(ties)))
        ties.settle()
        sizes.append(len(msgspec.msgpack.encode(ties)))
    assert max(sizes) < 60_000
    assert max(sizes[4:]) < 1.1 * max(sizes[2:4])


def test_a_stored_value_goes_on_as_if_it_had_not_been_stored() -> None:
    rng = random.Random(3)
    one, other = Ties(), Ties()
    for day in range(60):
        for n in range(40):
            source, target, heard = rng.randrange(30), rng.randrange(30), rng.randrange(5)
            for ties in (one, other):
                ties.replies.add(source, target)
                ties.sparks.open(source, day * DAY_MS + n * HOUR_MS // 2)
                ties.sparks.heard = heard
        for ties in (one, other):
            if ties.has_week_ended(day):
                ties.settle()
        other = msgspec.msgpack.decode(msgspec.msgpack.encode(other), type=Ties)
    assert msgspec.msgpack.encode(one) == msgspec.msgpack.encode(other)


def test_idle_weeks_cost_nothing_and_fade_all_the_same() -> None:
    ties = Ties(replies=Edges({edge(1, 2): 5}), ended_day=0)
    assert ties.has_week_ended(7)
    assert ties.settle() is not None
    for day in range(8, 7 * 5 + 1):
        if ties.has_week_ended(day):
            assert ties.settle() is None, "nothing came"
    ties.replies.add(3, 4)
    assert ties.has_week_ended(7 * 6)
    weights = ties.settle()
    assert weights is not None
    assert weights[0] == {edge(1, 2): fade(5 * UNIT, 5), edge(3, 4): UNIT}
    for day in range(7 * 7, 7 * 60):
        if ties.has_week_ended(day):
            ties.settle()
    assert not ties.replies.past
