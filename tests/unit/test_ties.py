"""Who turns to whom, gathered: the same in any order, faded by the week, and bounded whatever comes."""

import random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import events as e
from streams.vitals.policy import DAY_MS, HOUR_MS
from streams.vitals.ties import EDGES, LEAST_WEIGHT, MOST_HEARD, NUMBER_BITS, SPARKS, UNIT, Edges, Sparks, Ties, fade
from tests.unit.test_group_fold import START, message, run, state_of, tick

MINUTE = 60_000


def edge(source: int, target: int) -> int:
    return source << NUMBER_BITS | target


def answers(log_edges: Edges) -> dict[tuple[int, int], int]:
    return {(key >> NUMBER_BITS, key & (1 << NUMBER_BITS) - 1): count for key, count in log_edges.week.items()}


def window(sparks: Sparks, number: int, at: int, heard: int) -> None:
    sparks.number, sparks.at = number, at
    sparks.count(heard)


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


def test_the_first_three_to_speak_within_five_minutes_answer_until_replies_are_told() -> None:
    window = [reply(n, None, who, at) for n, who, at in ((1, "m_a", 0), (2, "m_b", 1), (3, "m_a", 2), (4, "m_b", 2))]
    window += [reply(n, None, who, at) for n, who, at in ((5, "m_c", 4.9), (6, "m_d", 4.95))]
    late = [reply(7, None, "m_d", 15), reply(8, None, "m_c", 21), reply(9, None, "m_a", 40)]
    log, _ = run([*window, *late])
    assert answers(state_of(log).ties.follows) == {(1, 0): 1, (2, 0): 1, (3, 0): 1}
    weeks = [reply(n, n - 1, f"m_{n % 3}", 10 * n) for n in range(10, 60)]
    log, _ = run([*window, *late, *weeks, *(tick(START + day * DAY_MS) for day in range(1, 40))])
    assert not state_of(log).ties.is_timed
    log, _ = run([reply(100, None, "m_a", 90_000), reply(101, None, "m_b", 90_001)], log, start=1000)
    assert not state_of(log).ties.sparks.first


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
    assert fade([UNIT], 4) == [seen[3]]
    assert fade([UNIT], 13) < [LEAST_WEIGHT] <= fade([UNIT], 12)


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
            window(sparks, number, day * DAY_MS + number * HOUR_MS // 4, heard)
    assert sparks.above[1] > 60 * UNIT
    assert sparks.above[2] < -60 * UNIT


def test_an_hour_is_compared_with_itself() -> None:
    sparks = Sparks()
    for day in range(60):
        for number, hour, heard in ((1, 9, 20), (2, 3, 0)):  # all mornings are busy, all nights are not
            window(sparks, number, day * DAY_MS + hour * HOUR_MS, heard)
    assert abs(sparks.above[1]) < 100 * UNIT, "of 600 that they brought beyond the mean of the day"
    assert abs(sparks.above[2]) < 100 * UNIT


def test_messages_of_a_window_are_counted_but_ones_own_and_a_flood_of_late_ones_is_not() -> None:
    window_of_a = [(1, 0, "m_a"), (2, 1, "m_b"), (3, 2, "m_a"), (4, 14, "m_b"), (5, 15, "m_b")]
    talk = [message(n, START + minutes * MINUTE, who) for n, minutes, who in window_of_a]
    log, _ = run(talk)
    sparks = state_of(log).ties.sparks
    assert (sparks.by, sparks.number, sparks.at) == ("m_b", 1, START + 15 * MINUTE)
    assert sparks.messages[-1] == 2 * UNIT
    late = [message(n, START - n * HOUR_MS, "m_c") for n in range(100, 300)]
    log, _ = run([*late, message(6, START + 40 * MINUTE, "m_a")], log, start=10)
    assert sparks.messages[-1] <= (2 + MOST_HEARD) * UNIT


def test_sparks_are_bounded() -> None:
    sparks = Sparks()
    for n in range(20 * SPARKS):
        window(sparks, n, n * HOUR_MS, n % 7)
        assert len(sparks.opened) <= 2 * SPARKS
    sparks.end_week(1)
    assert sparks.above.keys() == sparks.opened.keys()
    assert len(sparks.opened) <= SPARKS
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
            window(ties.sparks, source, n * HOUR_MS, 3)
        ties.has_week_ended(ties.ended_day + 7)
        sizes.append(len(msgspec.msgpack.encode(ties)))
        ties.settle(1, 4)
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
                window(ties.sparks, source, day * DAY_MS + n * HOUR_MS // 2, heard)
        for ties in (one, other):
            if ties.has_week_ended(day):
                ties.settle(100, 4)
        other = msgspec.msgpack.decode(msgspec.msgpack.encode(other), type=Ties)
    assert msgspec.msgpack.encode(one) == msgspec.msgpack.encode(other)


def test_weeks_that_bring_little_are_settled_together_and_fade_all_the_same() -> None:
    ties = Ties(replies=Edges({edge(1, 2): 5}), ended_day=0)
    assert ties.has_week_ended(7)
    assert ties.settle(5, 4) is not None
    for day in range(8, 7 * 4 + 1):
        if ties.has_week_ended(day):
            assert ties.settle(5, 4) is None, "nothing came"
    ties.replies.add(3, 4)
    assert ties.has_week_ended(7 * 5)
    weights = ties.settle(5, 4)
    assert weights is not None
    assert weights[0] == {edge(1, 2): fade([5 * UNIT], 4)[0], edge(3, 4): UNIT}
    for day in range(7 * 6, 7 * 60):
        if ties.has_week_ended(day):
            ties.settle(5, 4)
    assert not ties.replies.past
    assert not any(ties.settle(5, 4) for day in range(7 * 60, 7 * 90) if ties.has_week_ended(day))
