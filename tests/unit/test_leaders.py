"""Opinion leaders: planted ones are found by replies and by timing, chance names nobody, silence is told."""

import random
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import events as e
from streams.vitals.carriers import close_carriers
from streams.vitals.insights import GroupPeople, OpinionLeader
from streams.vitals.leaders import (
    Answers,
    Before,
    Leader,
    carriers,
    of_timing,
    page_rank,
    percentiles,
    silent,
    turned_to,
)
from streams.vitals.members import Member
from streams.vitals.month import Month
from streams.vitals.partition import GroupLog
from streams.vitals.policy import DAY_MS, HOUR_MS, CarrierPolicy
from streams.vitals.state import GroupState
from streams.vitals.ties import NUMBER_BITS, UNIT
from tests.unit.test_group_fold import COMMON, MODEL, START, message, run, state_of, tick

MINUTE = 60_000
POLICY = CarrierPolicy()


def edges(*pairs: tuple[int, int, float]) -> dict[int, float]:
    return {source << NUMBER_BITS | target: weight for source, target, weight in pairs}


# --- numbers ----------------------------------------------------------------------------------------------


def test_page_rank_adds_up_and_equals_a_solved_example() -> None:
    # 1 and 2 answer 3, 3 answers 1: with d = .85 and three pages, r1 = .05 + .85 r3, r2 = .05, r3 = .05 + .85 (r1 + r2)
    ranks = page_rank(edges((1, 3, 2), (2, 3, 5), (3, 1, 1)))
    r3 = (0.05 + 0.85 * (0.05 + 0.05)) / (1 - 0.85**2)
    assert ranks == {
        1: pytest.approx(0.05 + 0.85 * r3, abs=1e-4),
        2: pytest.approx(0.05),
        3: pytest.approx(r3, abs=1e-4),
    }
    assert sum(ranks.values()) == pytest.approx(1)


def test_those_who_answer_nobody_lose_no_rank() -> None:
    assert sum(page_rank(edges((1, 2, 1), (3, 2, 1))).values()) == pytest.approx(1)


@given(st.dictionaries(st.tuples(st.integers(0, 30), st.integers(0, 30)), st.integers(1, 9), min_size=1, max_size=80))
@settings(max_examples=50)
def test_page_rank_is_the_stationary_share_of_the_walk(pairs: dict[tuple[int, int], int]) -> None:
    ranks = page_rank(edges(*((source, target, weight) for (source, target), weight in pairs.items())))
    out: dict[int, int] = {}
    for (source, _), weight in pairs.items():
        out[source] = out.get(source, 0) + weight
    mute = sum(rank for number, rank in ranks.items() if number not in out)
    for number, rank in ranks.items():
        came = sum(ranks[s] * weight / out[s] for (s, target), weight in pairs.items() if target == number)
        assert rank == pytest.approx((0.15 + 0.85 * mute) / len(ranks) + 0.85 * came, abs=1e-4)


def test_percentiles_put_equals_in_the_middle() -> None:
    assert percentiles({1: 5.0, 2: 9.0}, [1, 2, 3, 4], [1, 2, 3]) == {1: 0.625, 2: 0.875, 3: 0.25}


@pytest.mark.parametrize(
    ("talk", "expected"),
    [
        ({}, (0, -1, 0.0)),
        ({4: 9}, (1, 4, 1.0)),
        ({4: 5, 5: 5}, (1, 4, 0.5)),
        (dict.fromkeys(range(9), 1), (5, 0, 0.111)),
    ],
)
def test_so_many_carry_half(talk: dict[int, int], expected: tuple[int, int, float]) -> None:
    assert carriers(talk) == expected


# --- evidence ---------------------------------------------------------------------------------------------

NAMED, SURE, NEAR = True, True, True


@pytest.mark.parametrize(
    ("was_sure", "was_near", "drawn", "expected"),
    [
        (None, False, 29.9, (not NAMED, not SURE, NEAR)),  # by chance 16: four answers are a deviation
        (None, False, 30.0, (NAMED, not SURE, not NEAR)),
        (None, False, 35.9, (NAMED, not SURE, not NEAR)),
        (None, False, 36.0, (NAMED, SURE, not NEAR)),
        (None, False, 27.0, (not NAMED, not SURE, NEAR)),
        (None, True, 27.0, (NAMED, SURE, not NEAR)),
        (None, True, 26.5, (not NAMED, not SURE, not NEAR)),
        (False, False, 27.0, (NAMED, SURE, not NEAR)),
        (False, False, 26.0, (NAMED, not SURE, not NEAR)),
        (True, False, 26.0, (NAMED, SURE, not NEAR)),
        (True, True, 25.9, (not NAMED, not SURE, not NEAR)),
    ],
)
def test_what_one_ranking_shows_and_what_two_do(
    was_sure: bool | None, was_near: bool, drawn: float, expected: tuple[bool, bool, bool]
) -> None:
    before = Before({} if was_sure is None else {"m_a": was_sure}, {7} if was_near else set())
    answers = Answers({}, {7: drawn}, {7: 16.0})
    found, near = turned_to(answers, before, {7: [1, 2, 3]}, {7: ("m_a", Member(number=7))}, POLICY)
    assert (7 in found, found.get(7, False), near == [7]) == expected


@pytest.mark.parametrize(
    ("drawn", "chance", "repliers", "is_kept"),
    [(7.0, 1.0, 3, True), (6.9, 1.0, 3, False), (480.0, 400.0, 3, True), (479.0, 400.0, 3, False), (7, 1, 2, False)],
)
def test_whoever_is_named_stays_with_less_but_not_with_nothing(
    drawn: float, chance: float, repliers: int, is_kept: bool
) -> None:
    answers, people = Answers({}, {7: drawn}, {7: chance}), {7: ("m_a", Member(number=7))}
    sources = {7: [*range(repliers)]}
    assert not turned_to(answers, Before({}, ()), sources, people, POLICY)[0]
    assert bool(turned_to(answers, Before({"m_a": True}, ()), sources, people, POLICY)[0]) is is_kept


def test_of_whom_one_ranking_just_so_named_nobody_is_warned() -> None:
    leaders = [Leader(one, 0.9, 12.0, 4, 2.0, 3.0, 0, is_sure=one == "m_a") for one in ("m_a", "m_b")]
    by_id = {one: Member(number=7, is_present=True, last_message_at=0, score=9.0) for one in ("m_a", "m_b")}
    assert silent(leaders, by_id.get, 60, POLICY) == ("m_a",)


# --- planted ----------------------------------------------------------------------------------------------

Pick = Any


def talk(seed: int, days: int, to_whom: Pick, people: int = 20, a_day: int = 30) -> Iterator[e.Event]:
    """Messages at random; each third replies to a message of the last ten, as `to_whom` picks."""
    rng = random.Random(seed)
    said: list[tuple[int, int]] = []
    n = 0
    for day in range(days):
        for at in sorted(rng.randrange(8 * HOUR_MS, 22 * HOUR_MS) for _ in range(a_day)):
            n += 1
            who = int(people * rng.random() ** 2)  # some write much, some little
            to = to_whom(rng, said[-10:]) if said and rng.random() < 0.35 else None
            yield message(n, START + day * DAY_MS + at, f"m_{who:02}", reply_to=None if to is None else f"m/{to}")
            said.append((n, who))
        yield tick(START + (day + 1) * DAY_MS)


def anybody(rng: random.Random, said: list[tuple[int, int]]) -> int:
    return rng.choice(said)[0]


def rather_to(*leaders: int) -> Pick:
    def pick(rng: random.Random, said: list[tuple[int, int]]) -> int:
        theirs = [n for n, who in said if who in leaders]
        return rng.choice(theirs) if theirs and rng.random() < 0.6 else rng.choice(said)[0]

    return pick


def people_of(rows: list[Any]) -> list[GroupPeople]:
    return [row for row in rows if isinstance(row, GroupPeople)]


def last_leaders(rows: list[Any]) -> list[str]:
    at = people_of(rows)[-1].at
    return [row.member_id for row in rows if isinstance(row, OpinionLeader) and row.at == at]


@pytest.mark.parametrize("seed", range(3))
def test_to_whom_others_reply_leads_not_who_writes_most(seed: int) -> None:
    _, rows = run(list(talk(seed, 45, rather_to(9, 12))))
    assert set(last_leaders(rows)) == {"m_09", "m_12"}
    assert people_of(rows)[-1].basis == "replies"


def test_a_newcomer_whom_all_greet_leads_nobody_yet() -> None:
    events = list(talk(1, 60, anybody, a_day=60))
    said = [message(80_000, START + 45 * DAY_MS, "m_new")]
    said += [
        message(80_001 + n, START + 45 * DAY_MS + n * MINUTE, f"m_{n:02}", reply_to="m/80000") for n in range(1, 20)
    ]
    _, rows = run(sorted([*events, *said], key=lambda event: event.occurred_at))
    assert "m_new" not in {row.member_id for row in rows if isinstance(row, OpinionLeader)}


@pytest.mark.parametrize(("answers", "leads"), [(8, False), (16, True)])
def test_a_question_that_a_few_answer_one_evening_makes_no_leader(answers: int, leads: bool) -> None:
    """Of somebody who wrote once before, so that hardly any answer is explained by chance."""
    asked = START + 50 * DAY_MS + 20 * HOUR_MS
    said = [message(80_000, START + 5 * DAY_MS, "m_old"), message(80_001, asked, "m_old")]
    said += [message(80_002 + n, asked + n * MINUTE, f"m_{n:02}", reply_to="m/80001") for n in range(1, answers + 1)]
    _, rows = run(sorted([*talk(1, 60, anybody, a_day=60), *said], key=lambda event: event.occurred_at))
    assert ("m_old" in {row.member_id for row in rows if isinstance(row, OpinionLeader)}) is leads


def test_replies_at_random_name_nobody() -> None:
    named = 0
    for seed in range(6):
        _, rows = run(list(talk(seed, 45, anybody)))
        named += sum(row.leaders > 0 for row in people_of(rows))
    assert named <= 1, "of 36 weeks"


def chatter(seed: int, days: int, leader: int | None, people: int = 16) -> Iterator[e.Event]:
    """No replies: after the leader others speak within minutes, after the others by chance."""
    rng = random.Random(seed)
    n = 0
    for day in range(days):
        spoken: list[tuple[int, int]] = []
        for at in sorted(rng.randrange(7 * HOUR_MS, 22 * HOUR_MS) for _ in range(60)):
            who = rng.randrange(people)
            spoken.append((at, who))
            if who == leader:
                spoken += [(at + rng.randrange(20_000, 4 * MINUTE), rng.randrange(people)) for _ in range(2)]
        for at, who in sorted(spoken):
            n += 1
            yield message(n, START + day * DAY_MS + at, f"m_{who:02}")
        yield tick(START + (day + 1) * DAY_MS)


@pytest.mark.parametrize("seed", range(3))
def test_without_replies_it_is_after_whom_others_speak(seed: int) -> None:
    _, rows = run(list(chatter(seed, 45, leader=5)))
    assert people_of(rows)[-1].basis == "timing"
    assert last_leaders(rows) == ["m_05"]


def test_timing_by_chance_names_nobody() -> None:
    named = 0
    for seed in range(6):
        _, rows = run(list(chatter(seed, 45, leader=None)))
        named += sum(row.leaders > 0 for row in people_of(rows))
    assert named == 0


def test_chance_is_taken_off_what_follows() -> None:
    opened = {number: windows * UNIT for number, windows in enumerate((100, 50, 50, 20))}
    answers = of_timing(edges((1, 0, 20), (1, 2, 20), (0, 1, 30), (0, 2, 30), (3, 2, 20)), opened, 0)
    # 3 was among the first after 2 twenty times; of the 200 windows of others 50 were theirs: by chance five times
    assert answers.edges[3 << NUMBER_BITS | 2] == pytest.approx(15)
    assert edges((1, 0, 1)).keys().isdisjoint(answers.edges), "40 × 100 ÷ 170 are more than 20"
    # in the 170 windows of the others than 2 there were 50 answers: 50 ÷ 170 of 50 by chance
    assert (answers.drawn[2], answers.by_chance[2]) == (70.0, pytest.approx(50 * 50 / 170))


def test_one_window_that_all_answer_makes_no_leader() -> None:
    events: list[e.Event] = [message(n, START + n * DAY_MS, f"m_{n % 9}") for n in range(1, 30)]
    events += [message(100 + n, START + 29 * DAY_MS + n * 1000, f"m_{n % 9}") for n in range(60)]
    assert not any(row.leaders for row in people_of(run([*events, tick(START + 40 * DAY_MS)])[1]))


def test_windows_that_are_mostly_answered_say_no_more_than_others() -> None:
    """A leader is told apart from the others, so where all are answered alike nobody is one."""
    opened = dict.fromkeys(range(5), 40 * UNIT)
    answers = of_timing(edges(*((a, b, 10) for a in range(5) for b in range(5) if a != b)), opened, 0)
    assert not answers.edges


# --- warnings ---------------------------------------------------------------------------------------------


def goes_silent(leader: int, since: int) -> Pick:
    pick = rather_to(leader)

    def events(seed: int, days: int) -> list[e.Event]:
        found = []
        for event in talk(seed, days, pick):
            is_theirs = isinstance(event, e.Message) and event.member_id == f"m_{leader:02}"
            if not (is_theirs and event.occurred_at >= START + since * DAY_MS):
                found.append(event)
        return found

    return events


def test_a_leader_who_falls_silent_is_told_after_a_week_and_again_when_back() -> None:
    events = goes_silent(3, since=40)(1, 52)
    _, rows = run(events)
    silent = [row for row in people_of(rows) if row.silent_leaders]
    assert silent, "nobody was warned of"
    assert 7 <= (silent[0].at - START) / DAY_MS - 40 <= 9
    assert not [row for row in people_of(rows) if row.silent_leaders and row.at <= START + 46 * DAY_MS]
    log, _ = run(events)
    back = [message(90_000, START + 52 * DAY_MS + HOUR_MS, "m_03"), tick(START + 53 * DAY_MS)]
    _, rows = run(back, log, start=100_000)
    assert [row.silent_leaders for row in people_of(rows)] == [0]


def test_a_leader_who_leaves_is_told_the_same_day() -> None:
    log, rows = run(list(talk(1, 44, rather_to(3))))
    assert last_leaders(rows) == ["m_03"]
    leave = e.Leave(event_id="l", occurred_at=START + 44 * DAY_MS + 1, member_id="m_03", source_seq=70_000, **COMMON)
    said = [message(70_001, START + 44 * DAY_MS + HOUR_MS, "m_00"), tick(START + 45 * DAY_MS)]
    _, rows = run([leave, *said], log, start=100_000)
    leader = [row for row in rows if isinstance(row, OpinionLeader)]
    assert [(row.member_id, row.is_silent, row.is_present) for row in leader] == [("m_03", True, False)]


def test_where_nobody_writes_no_leader_is_silent() -> None:
    log, _ = run(list(talk(1, 44, rather_to(3))))
    _, rows = run([tick(START + day * DAY_MS) for day in range(45, 75)], log, start=100_000)
    assert all(row.silent_leaders == 0 for row in people_of(rows))


def test_leaders_of_a_group_that_is_dead_are_forgotten_after_a_quarter() -> None:
    log, _ = run(list(talk(1, 44, rather_to(3))))
    _, rows = run([tick(START + day * DAY_MS) for day in range(45, 160)], log, start=100_000)
    assert state_of(log).leaders.leaders == ()
    assert people_of(rows)[-1].leaders == 0


def test_one_who_carries_the_talk_is_told_once_not_from_day_to_day() -> None:
    rng = random.Random(1)
    events: list[e.Event] = []
    for day in range(80):
        share = 0.3 if day < 30 else 0.75
        for n in range(10):
            who = "m_a" if rng.random() < share else f"m_{rng.randrange(8)}"
            events.append(message(len(events) + 1, START + day * DAY_MS + n * HOUR_MS, who))
        events.append(tick(START + (day + 1) * DAY_MS))
    rows = people_of(run(events)[1])
    told = [row.is_carried for row in rows]
    assert told[-1]
    assert sum(was != now for was, now in pairwise(told)) == 1
    carried = rows[told.index(True)]
    assert carried.top_id == "m_a"
    assert 0.5 <= carried.top_share < 0.6
    assert carried.bus_factor == 1


# --- the same whatever happens on the way -----------------------------------------------------------------


@given(st.integers(0, 2**32), st.integers(1, 400))
@settings(max_examples=10, deadline=None)
def test_redelivery_and_any_cut_into_values_give_the_same_rows_and_bytes(seed: int, cut: int) -> None:
    events = list(talk(seed, 22, rather_to(2, 5), people=9, a_day=15))
    cut = min(cut, len(events) - 10)
    whole, rows = run(events)
    first, before = run(events[:cut])
    log = GroupLog(0, "groups/chat-events/0/t", MODEL)
    log.restore(first.partition_value(), first.take_changed())
    again, after = run(events[max(0, cut - 5) :], log, start=max(0, cut - 5))
    assert before + after == rows
    assert again.take_changed() == whole.take_changed()


def test_a_close_without_anything_costs_nothing_and_says_nothing() -> None:
    state = GroupState("g", "b", "p")
    assert [close_carriers(state, day, Month({}, day), 0, POLICY) for day in range(100)] == [(False, ())] * 100
