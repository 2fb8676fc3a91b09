"""The engagement drop: both edges of each threshold, and the days that count on neither side."""

import random
from math import comb

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import events as e
from streams import models
from streams.vitals.days_off import BrandDays, DaysOff
from streams.vitals.drop import Usual, chance_of, look_for_drop, lower_tail
from streams.vitals.panes import DayPane
from streams.vitals.partition import GroupLog
from streams.vitals.policy import DAY_MS, HOUR_MS, Policy
from streams.vitals.state import Drop, GroupState
from tests.unit.test_group_fold import COMMON, START, message, tick

POLICY = Policy()
FIRST = 20_000
STEADY = [31, 29, 30, 32, 28, 30, 30]
"""A calm week, 30 a day."""


class Diary:
    """A group whose days are given by their counts; `changes` are those that the ends of days brought, by day."""

    def __init__(self, counts=(), skipped=(), policy=POLICY, **state):
        self.policy, self.skipped = policy, frozenset(FIRST + day for day in skipped)
        self.state = GroupState("g", "acme", "irc", first_message_at=FIRST * DAY_MS, verdict="healthy")
        for name, value in state.items():
            setattr(self.state, name, value)
        self.day, self.changes = FIRST, {}
        self.live(counts)

    def live(self, counts):
        for count in counts:
            if count:
                self.state.panes[self.day] = DayPane(messages=count, capped_messages=count)
            recent = sum(pane.capped_messages for day, pane in self.state.panes.items() if self.day - 28 < day)
            change = look_for_drop(self.state, self.day, self.policy, self.skipped, recent)
            if change is not None:
                self.changes[self.day - FIRST] = change
            self.day += 1
        return self

    @property
    def said(self):
        return [(day, change.outcome) for day, change in self.changes.items()]


def weeks(count, week=STEADY):
    return week * count


# --- the tail


@pytest.mark.parametrize("size", [1, 3, 7])
@pytest.mark.parametrize("count", [0, 1, 5, 19])
def test_the_tail_is_the_sum_of_the_terms(count, size):
    mean = 20.0
    share = size / (size + mean)
    exact = sum(comb(size + n - 1, n) * share**size * (1 - share) ** n for n in range(count + 1))
    assert lower_tail(count, mean, size) == pytest.approx(exact, rel=1e-9)


def test_the_tail_of_a_great_size_is_that_of_chance_alone():
    assert lower_tail(0, 5.0, 1e9) == pytest.approx(2.718281828**-5, rel=1e-6)
    assert 0.5 < lower_tail(1_000_000, 1_000_000.0, 50.0) < 0.6


def test_what_moves_from_week_to_week_or_day_to_day_makes_a_loss_less_telling():
    shape, found = (1.0,) * 7, [(0, 10), (1, 10), (2, 10)]
    calm, wild, moving = (Usual(30.0, shape, *more) for more in ((0.03, 0.0), (0.5, 0.0), (0.03, 0.1)))
    assert chance_of(found, calm, POLICY) < 1e-6
    assert chance_of(found, wild, POLICY) > 1e-3
    assert chance_of(found, moving, POLICY) > 1e-3


# --- how much is a drop


def test_two_or_three_full_days_of_a_third_are_a_drop_and_it_is_said_once():
    diary = Diary(weeks(8)).live([12] * 20)
    ((day, begun),) = diary.changes.items()
    assert (day, begun.outcome, begun.days, begun.seen) == (57, "", 2, 24)
    assert begun.expected == pytest.approx(60, abs=2)
    assert diary.state.drop.day == FIRST + 57


@pytest.mark.parametrize(("left", "is_drop"), [(0.57, True), (0.63, False)])
def test_what_is_left_must_be_less_than_three_fifths(left, is_drop):
    diary = Diary([10 * count for count in weeks(8)]).live([round(300 * left)] * 3)
    assert bool(diary.changes) == is_drop


@pytest.mark.parametrize(("third", "is_drop"), [(0.82, True), (0.88, False)])
def test_a_day_that_is_nearly_as_usual_ends_the_row(third, is_drop):
    big = [10 * count for count in weeks(8)]
    policy = msgspec.structs.replace(POLICY, drop_p_two_days=0.0)
    diary = Diary(big, policy=policy).live([60, 60, round(third * 300)])
    assert bool(diary.changes) == is_drop


def test_one_lost_day_is_no_drop():
    assert Diary(weeks(8)).live([0, 30, 30, 0, 30, 30]).said == []


@pytest.mark.parametrize(("drop_p_three_days", "is_drop"), [(5e-4, True), (1e-9, False)])
def test_a_group_whose_days_differ_must_lose_more(drop_p_three_days, is_drop):
    chance = random.Random(3)
    policy = msgspec.structs.replace(POLICY, drop_p_two_days=0.0, drop_p_three_days=drop_p_three_days)
    wild = [chance.choice([5, 15, 30, 60, 90]) for _ in range(56)]
    diary = Diary(wild, verdict="forming")
    diary.state.verdict = "healthy"
    assert diary.live([15] * 3).said == []
    assert bool(Diary(weeks(8), policy=policy).live([15, 14, 15]).said) == is_drop


def test_a_quiet_weekday_is_no_drop():
    week = [40, 40, 40, 40, 40, 4, 4]
    assert Diary(weeks(9, week)).said == []


def test_a_group_that_fades_for_weeks_is_no_drop():
    fading = [round(100 * 0.97**day) for day in range(120)]
    assert Diary(weeks(6, [100] * 7) + fading).said == []


@pytest.mark.parametrize(
    ("weeks_before", "left"),
    [([1.0] * 6 + [0.4, 0.6], 0.32), ([1.0] * 7 + [0.6], 0.43)],
    ids=["the last two weeks", "the last week"],
)
def test_what_is_expected_is_no_more_than_lately(weeks_before, left):
    counts = [round(10 * count * share) for share in weeks_before for count in STEADY]
    easy = msgspec.structs.replace(POLICY, drop_p_two_days=0.2, drop_p_three_days=0.2)
    diary = Diary(counts, policy=easy, verdict="forming")
    diary.state.verdict = "healthy"
    assert diary.live([round(300 * left)] * 3).said == []
    steady = Diary([10 * count for count in weeks(8)])
    assert steady.live([round(300 * left)] * 3).said


# --- how much there must be


@pytest.mark.parametrize(("a_day", "days"), [(16, 2), (14, 7)])
def test_below_fifteen_a_day_a_week_is_looked_at(a_day, days):
    diary = Diary([a_day] * 56).live([a_day // 5] * 7)
    ((_, begun),) = diary.changes.items()
    assert begun.days == days


@pytest.mark.parametrize(("a_week", "is_drop"), [(21, True), (19, False)])
def test_below_twenty_a_week_silence_is_chance(a_week, is_drop):
    spread = [a_week // 7 + (place < a_week % 7) for place in range(7)]
    assert bool(Diary(weeks(8, spread)).live([0] * 8).said) == is_drop


@pytest.mark.parametrize(("days", "is_drop"), [(14, True), (13, False)])
def test_with_less_than_two_weeks_before_it_there_is_no_usual(days, is_drop):
    diary = Diary((weeks(2))[:days]).live([3, 3, 3])
    assert bool([day for day, _ in diary.said if day == days + 2]) == is_drop


@pytest.mark.parametrize("verdict", ["forming", "dying", "dead", "ended"])
def test_of_a_group_of_that_verdict_enough_is_said(verdict):
    assert Diary(weeks(8), verdict=verdict).live([3] * 9).said == []


@pytest.mark.parametrize(("days", "is_drop"), [(15, True), (14, False)])
def test_a_group_that_shall_end_soon_may_fade(days, is_drop):
    end = (FIRST + 58 + days) * DAY_MS
    diary = Diary(weeks(8), planned_end_at=end).live([3, 3])
    assert bool(diary.said) == is_drop


# --- days that count on neither side


def test_days_off_are_no_drop_and_end_none():
    assert Diary(weeks(8), skipped=range(56, 63)).live([2] * 7 + STEADY).said == []
    diary = Diary(weeks(8), skipped=[58, 59]).live([6, 6] + [90, 90] + [6] * 4)
    assert diary.said == [(57, "")]
    assert Diary(weeks(8)).live([6] * 7).said == [(57, "")]


def test_days_off_do_not_lower_what_is_expected():
    off = range(40, 54)
    counts = weeks(8)
    counts[40:54] = [1] * 14
    ((_, begun),) = Diary(counts, skipped=off).live([9] * 3).changes.items()
    assert begun.expected / begun.days == pytest.approx(30, abs=1.5)
    assert not [day for day, _ in Diary(counts).live([9] * 3).said if day >= 56]


def test_a_drop_goes_on_over_days_off():
    diary = Diary(weeks(8), skipped=[57, 58, 59]).live([6, 2, 2, 2, 6])
    assert diary.said == [(60, "")]


def test_at_the_end_of_a_day_off_nothing_is_said():
    diary = Diary(weeks(8), skipped=[58], verdict="dying").live([6, 6])
    diary.state.verdict = "healthy"
    assert diary.live([6, 6]).said == [(59, "")]


def test_days_that_lie_too_far_apart_do_not_run():
    assert Diary(weeks(8), skipped=range(57, 66)).live([6] + [0] * 9 + [6, 30]).said == []


# --- when it is over


@pytest.mark.parametrize(("left", "is_over"), [(0.75, True), (0.66, False)])
def test_it_is_over_when_two_full_days_are_back(left, is_over):
    diary = Diary([10 * count for count in weeks(8)]).live([60, 60] + [round(300 * left)] * 2)
    assert diary.said == [(57, ""), *([(59, "recovered")] if is_over else [])]


def test_days_that_made_the_drop_do_not_end_it():
    policy = msgspec.structs.replace(POLICY, drop_p_two_days=0.0)
    diary = Diary([10 * count for count in weeks(8)], policy=policy).live([60, 60, 240, 240, 240])
    assert diary.said == [(58, ""), (60, "recovered")]


def test_one_good_day_or_silence_does_not_end_it_and_it_alerts_again_only_after_it_is_over():
    diary = Diary(weeks(8)).live([6, 6] + [30, 6] * 5 + [0] * 80)
    assert diary.said == [(57, "")]
    diary.live([30, 30]).live(weeks(10)).live([6, 6])
    assert [outcome for _, outcome in diary.said] == ["", "recovered", ""]


def test_what_has_lasted_for_eight_weeks_is_the_new_usual():
    diary = Diary(weeks(8)).live([9] * 70)
    assert diary.said == [(57, ""), (57 + 56, "settled")]


def test_a_small_group_is_back_after_a_week():
    diary = Diary([8] * 56).live([1] * 8 + [8] * 7)
    began = diary.said[0][0]
    ((day, outcome),) = diary.said[1:]
    assert (outcome, diary.changes[day].days) == ("recovered", 7)
    assert 4 <= day - 63 <= 7 < day - began + 1


def test_an_end_ends_it():
    diary = Diary(weeks(8)).live([6, 6])
    diary.state.verdict = "ended"
    assert diary.live([0, 0]).said == [(57, ""), (58, "ended")]


# --- in the log of the group


DAYS = 70


def story(group_days=DAYS, dropped=range(60, 66), a_day=24, **more):
    """Messages in the daytime, few on the days that are dropped."""
    said, n = [], 0
    for day in range(group_days):
        for place in range(4 if day in dropped else a_day):
            n += 1
            said.append(message(n, START + day * DAY_MS + 8 * HOUR_MS + place * 600_000 + 1, f"m_{place % 9}", **more))
    return said


def drops_of(said, days=DAYS, days_off=None, reports=(), source="irc/acme", log=None):
    """What the alert agent hears of drops, a tick at each midnight."""
    log = log or GroupLog(0, "g/0", models.load(), POLICY, days_off or DaysOff())
    timed = [*said, *reports, *(tick(START + day * DAY_MS, source) for day in range(1, days + 1))]
    out = []
    for offset, event in enumerate(sorted(timed, key=lambda one: one.occurred_at)):
        key = event.group_id if isinstance(event, e.GroupEvent) else ""
        out += [one.value for one in log.fold(event, key, offset, event.occurred_at)]
    return [one for one in out if isinstance(one, e.DropBegun | e.DropOver)]


def test_the_alert_agent_hears_of_a_drop_and_of_its_end_with_numbers():
    begun, over = drops_of(story())
    assert (type(begun), begun.occurred_at, begun.verdict) == (e.DropBegun, START + 62 * DAY_MS, "healthy")
    assert (type(over), over.outcome, over.occurred_at) == (e.DropOver, "recovered", START + 68 * DAY_MS)
    (why,) = begun.reasons
    assert (why.code, why.numbers["seen"], why.numbers["days"]) == ("drop", 8.0, 2.0)
    assert why.numbers["expected"] == pytest.approx(48, abs=1)
    assert over.reasons[0].code == "drop_over"


def test_a_monologue_of_one_is_no_level_to_drop_from():
    loud = [message(10_000 + n, START + 30 * DAY_MS + n * 1000, "m_1") for n in range(900)]
    assert [type(one) for one in drops_of(sorted(story(dropped=()) + loud, key=lambda one: one.occurred_at))] == []
    three = [msgspec.structs.replace(one, member_id=f"m_{int(one.member_id[2:]) % 3}") for one in story(a_day=210)]
    begun, _ = drops_of(three)
    assert begun.reasons[0].numbers["expected"] == pytest.approx(2 * 3 * 20, abs=2)


def test_a_brands_days_off_are_taken_in_its_groups_time_zone():
    first = START // DAY_MS
    off = DaysOff(
        calendars={"X": frozenset(range(first + 60, first + 66))}, zones={"Asia/Shanghai": ("X",)},
        offsets={"Asia/Shanghai": 480},
    )  # fmt: skip
    created = e.GroupCreated(event_id="c", occurred_at=START, timezone="Asia/Shanghai", **COMMON)
    assert drops_of([created, *story()], days_off=off) == []
    assert len(drops_of(story(), days_off=off)) == 2
    own = DaysOff(brands={"acme": BrandDays(days=frozenset(range(first + 60, first + 66)))})
    assert drops_of(story(), days_off=own) == []


@pytest.mark.parametrize(("timezone", "offset", "days"), [
    ("Asia/Shanghai", 480, {5}), ("Europe/Berlin", 60, {5}), ("America/New_York", -300, {5, 6}), ("", 0, {5}),
    ("Pacific/Auckland", 720, {4, 5}),
])  # fmt: skip
def test_a_day_off_is_those_utc_days_on_which_people_feel_it(timezone, offset, days):
    off = DaysOff(calendars={"X": frozenset({5})}, offsets={timezone: offset}, brands={"a": BrandDays(("X",))})
    assert off.of("a", timezone) == days
    assert off.of("b", timezone) == frozenset()


def complete(day, hours, unseen_from=None):
    at = START + day * DAY_MS + hours * HOUR_MS
    return e.SourceComplete(
        event_id=f"s{at}", occurred_at=at, brand_id="acme", platform="irc", source="irc/acme", complete_until=at,
        is_live=True, unseen_from=unseen_from,
    )  # fmt: skip


@pytest.mark.parametrize(("hours", "is_drop"), [(2, True), (3, False)])
def test_a_day_of_which_more_than_two_hours_were_missed_says_nothing(hours, is_drop):
    gaps = [complete(day, 8 + hours, START + day * DAY_MS + 8 * HOUR_MS) for day in range(60, 66)]
    reports = sorted([*(complete(day, 0) for day in range(1, DAYS + 1)), *gaps], key=lambda one: one.occurred_at)
    found = drops_of(story(), reports=reports, source=None)
    assert bool(found) == is_drop


def test_what_is_not_known_yet_is_no_drop():
    """The source is behind from day 61 on: days that are not complete do not close."""
    reports = [complete(day, 0) for day in range(1, 61)]
    assert (
        drops_of([one for one in story() if one.occurred_at < START + 60 * DAY_MS], reports=reports, source=None) == []
    )


@given(st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_restored_anywhere_and_told_again_the_same_drops_are_told(rng):
    said = story(dropped=set(range(58, 58 + rng.randrange(2, 9))))
    timed = sorted(
        [*said, *(tick(START + day * DAY_MS) for day in range(1, DAYS + 1))], key=lambda one: one.occurred_at
    )
    cuts = {rng.randrange(len(timed)) for _ in range(4)}
    log, position, values, own = GroupLog(0, "g/0", models.load()), 0, {}, None
    heard, offset = {}, 0
    while offset < len(timed):
        event = timed[offset]
        key = event.group_id if isinstance(event, e.GroupEvent) else ""
        for one in log.fold(event, key, offset, 0):
            if isinstance(one.value, e.DropBegun | e.DropOver):
                assert heard.setdefault(one.value.event_id, one.value) == one.value
        offset += 1
        if offset % 97 == 0:
            values |= log.take_changed()
            position, own = offset, log.partition_value()
        if offset in cuts:
            cuts.discard(offset)
            log = GroupLog(0, "g/0", models.load())
            log.restore(own, values)
            offset = position
    assert [*heard.values()] == drops_of(said)


def test_a_value_of_before_there_were_drops_is_read():
    state = GroupState("g", "b", "p", drop=Drop(1, 2, 3, 4.0, (1.0,) * 7))
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(state))
    assert msgspec.convert(stored, GroupState) == state
    assert msgspec.convert(stored[: GroupState.__struct_fields__.index("drop")], GroupState).drop is None


@pytest.mark.parametrize("seed", range(40))
def test_the_quick_look_misses_nothing(seed, monkeypatch):
    chance = random.Random(seed)
    usual, left, since = chance.choice([2, 3, 5, 8, 14, 16]), chance.choice([0.0, 0.3, 0.5]), chance.randrange(40, 66)
    counts = [max(0, round(chance.gauss(usual, usual**0.5) * (left if day >= since else 1))) for day in range(80)]
    skipped = chance.sample(range(80), chance.choice([0, 0, 3]))
    quick = Diary(counts, skipped=skipped).changes
    monkeypatch.setattr("streams.vitals.drop._has_had_its_week", lambda *_: False)
    assert quick == Diary(counts, skipped=skipped).changes
