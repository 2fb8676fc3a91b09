"""The stages of a member and the cleanup list: each rule on both its edges, and equal rows however the log is cut."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import events as e
from streams import models
from streams.vitals.insights import MemberStandings, Standing
from streams.vitals.lifecycle import STAGES, judge
from streams.vitals.members import Activity, Member, Trade
from streams.vitals.partition import GroupLog
from streams.vitals.policy import DAY_MS, MemberPolicy

POLICY = MemberPolicy()
TODAY = 20_000
NOW = (TODAY + 1) * DAY_MS
MODEL = models.load()
GROUP = "acme/irc/tea"
COMMON: dict[str, Any] = {"brand_id": "acme", "platform": "irc", "group_id": GROUP, "source": "irc/acme"}


def member(tenure: float, silent: float | None = None, *, active: int = 0, **more: Any) -> Member:
    """Here since so many days, silent for so many (None: never wrote), with so many days of writing up to then."""
    last = None if silent is None else NOW - int(silent * DAY_MS)
    activity = Activity(TODAY - int(silent or 0), (1 << active) - 1, 0, active) if active else None
    return Member(
        1, is_present=True, joined_at=NOW - int(tenure * DAY_MS), last_message_at=last, activity=activity, **more
    )


def bought(*days: float, spent: int = 100, claim: float | None = None, is_foreign: bool = False) -> Trade:
    times = tuple(NOW - int(age * DAY_MS) for age in days)
    claimed = None if claim is None else NOW - int(claim * DAY_MS)
    claims = int(claim is not None)
    return Trade(claims, claimed, claimed, len(days), spent if days else 0, min(times, default=None), times, is_foreign)


def stage(one: Member, claims_from: int | None = None) -> str:
    judge(one, TODAY, claims_from, POLICY)
    return STAGES[one.stage - 1]


def is_listed(one: Member, claims_from: int | None = None) -> bool:
    judge(one, TODAY, claims_from, POLICY)
    return bool(one.listed_day)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (member(5), "newcomer"),
        (member(29.9, 2, active=9), "newcomer"),
        (member(30, 2, active=2), "growing"),
        (member(30, 2, active=1), "stalled"),
        (member(30, 2, trade=bought(5, 40)), "growing"),
        (member(40, 2, trade=bought(5, 370)), "stalled"),
        (member(29.9), "newcomer"),
        (member(30), "early_churned"),
        (member(60, 30, active=5), "early_churned"),
        (member(60, 29.9, active=5), "stalled"),
        (member(60, 30, trade=bought(59.9)), "stalled"),
        (member(60, 30, trade=bought(60)), "early_churned"),
        (member(90, 2, active=4, trade=bought(5, 40, 364)), "mature"),
        (member(89.9, 2, active=4, trade=bought(5, 40, 80)), "growing"),
        (member(90, 2, active=3, trade=bought(5, 40, 80)), "growing"),
        (member(400, 2, active=4, trade=bought(5, 40, 366)), "growing"),
        (member(180, 60), "churned"),
        (member(179.9, 60), "early_churned"),
        (member(180, 59.9), "early_churned"),
        (member(180, 90, trade=bought(claim=59)), "early_churned"),
        (member(180, 90, trade=bought(claim=60)), "churned"),
        (member(180, 1, active=9, is_muted=True), "churned"),
        (member(179, 1, active=9, is_muted=True), "growing"),
        (member(9, 200), "newcomer"),
        (member(20, 1, role="staff"), "staff"),
        (member(20, 1, role="bot"), "bot"),
    ],
)
def test_the_first_stage_that_holds(one: Member, expected: str) -> None:
    assert stage(one) == expected


def test_who_is_gone_has_left_whatever_they_were() -> None:
    one = member(200, 1, active=9)
    one.is_present = False
    assert stage(one) == "left"
    assert one.due_day == 0


@pytest.mark.parametrize(
    ("one", "claims_from", "expected"),
    [
        (member(60), None, True),
        (member(59.9), None, False),
        (member(300, 60), None, True),
        (member(300, 59.9), None, False),
        (member(300, 90, role="staff"), None, False),
        (member(300, 200, trade=bought(190)), None, False),
        (member(300, 200, trade=bought(190, spent=0)), None, True),
        (member(300, 200, trade=bought(179, spent=0)), None, False),
        (member(300, 200, trade=bought(190, spent=0, is_foreign=True)), None, False),
        (member(300, 90, trade=bought(claim=59)), None, False),
        (member(300, 90, trade=bought(claim=61)), None, True),
        (member(300, 90, trade=bought(claim=10)), NOW - 5 * DAY_MS, True),
        (member(300, 90, trade=bought(claim=10)), NOW - 10 * DAY_MS, False),
    ],
)
def test_whom_the_cleanup_list_has(one: Member, claims_from: int | None, *, expected: bool) -> None:
    assert is_listed(one, claims_from) is expected


@st.composite
def anybody(draw: st.DrawFn) -> Member:
    rng = random.Random(draw(st.integers(0, 2**32)))
    tenure = rng.uniform(0, 250)
    trade = None
    if rng.random() < 0.6:
        ages = sorted(rng.uniform(0, 400) for _ in range(rng.randrange(4)))
        claim = rng.choice([None, rng.uniform(0, 200)])
        trade = bought(*ages, spent=rng.choice([0, 0, 100]), claim=claim)
    return member(tenure, rng.choice([None, rng.uniform(0, 200)]), active=rng.randrange(9), trade=trade)


@settings(max_examples=60, deadline=None)
@given(anybody())
def test_time_alone_moves_everybody_on_the_day_that_they_are_due_and_not_before(one: Member) -> None:
    due = judge(one, TODAY, None, POLICY)
    for day in range(TODAY + 1, due or TODAY + 500):
        before = one.stage, one.listed_day
        judge(one, day, None, POLICY)
        assert (one.stage, one.listed_day) == before, (day, due)
    if due:
        before = one.stage, one.listed_day
        judge(one, due, None, POLICY)
        assert (one.stage, one.listed_day) != before, due


# --- through the fold ------------------------------------------------------------------------------------


class Story:
    """A group's log, and what of it is told of each member."""

    def __init__(self) -> None:
        self.events: list[e.Event] = []
        self.start = 19_800 * DAY_MS

    def add(self, kind: type[e.GroupEvent], day: float, **more: Any) -> None:
        n, at = len(self.events) + 1, self.start + int(day * DAY_MS)
        self.events.append(kind(event_id=f"e/{n}", occurred_at=at, source_seq=n, **COMMON, **more))

    def order(self, day: float, who: str, amount: int, **more: Any) -> None:
        n, at = len(self.events) + 1, self.start + int(day * DAY_MS)
        share = e.OrderAttributed(
            event_id=f"o/{n}", occurred_at=at, source="attribution", order_id=f"o{n}", customer_id="c", member_id=who,
            amount=amount, currency="CNY", weight=1.0, rule="code",
            **{key: value for key, value in COMMON.items() if key != "source"}, **more,
        )  # fmt: skip
        self.events.append(share)

    def closed(self, days: int) -> list[e.Event]:
        ticks = [
            e.Tick(
                event_id=f"t/{n}", occurred_at=self.start + n * DAY_MS, brand_id="*", platform="*", source="irc/acme"
            )
            for n in range(1, days + 1)
        ]
        return sorted([*ticks, *self.events], key=lambda x: (x.occurred_at, isinstance(x, e.GroupEvent)))


def told(log_events: list[e.Event], log: GroupLog | None = None) -> list[tuple[int, Standing]]:
    log = log or GroupLog(0, "groups/chat-events/0/t", MODEL)
    rows = []
    for offset, event in enumerate(log_events):
        for output in log.fold(event, GROUP if isinstance(event, e.GroupEvent) else "", offset, 0):
            if isinstance(output.value, MemberStandings):
                rows += [(output.value.at, one) for one in output.value.standings]
    return rows


def latest(rows: list[tuple[int, Standing]]) -> dict[str, Standing]:
    return {one.member_id: one for _, one in rows}


def moves(rows: list[tuple[int, Standing]], who: str, start: int) -> list[tuple[int, str, str]]:
    return [((at - start) // DAY_MS, one.was, one.stage) for at, one in rows if one.member_id == who and one.has_moved]


def test_a_member_goes_from_newcomer_to_the_cleanup_list_on_the_day() -> None:
    story = Story()
    story.add(e.Join, 0.5, member_id="m_a")
    story.add(e.Message, 3.5, member_id="m_a")
    story.add(e.Message, 70, member_id="m_b")
    rows = told(story.closed(190))
    assert moves(rows, "m_a", story.start)[:3] == [
        (1, "", "newcomer"), (31, "newcomer", "stalled"), (34, "stalled", "early_churned"),
    ]  # fmt: skip
    listed = [(at - story.start) // DAY_MS for at, one in rows if one.member_id == "m_a" and one.listed_since]
    assert listed[0] == 64
    assert moves(rows, "m_a", story.start)[-1] == (181, "early_churned", "churned")


@pytest.mark.parametrize("reply_to", [None, "e/1"])
def test_a_word_takes_off_the_cleanup_list_on_the_day(reply_to: str | None) -> None:
    story = Story()
    story.add(e.Join, 0.5, member_id="m_a")
    for day in range(70, 77):
        story.add(e.Join, 0.5, member_id=f"m_{day}")
        story.add(e.Message, day + 0.5, member_id=f"m_{day}", reply_to=reply_to)
    rows = told(story.closed(80))
    for day in range(70, 77):
        of = {(at - story.start) // DAY_MS: one for at, one in rows if one.member_id == f"m_{day}"}
        assert of[61].listed_since is not None
        assert (of[day + 1].listed_since, of[day + 1].stage) == (None, "stalled")
    assert latest(rows)["m_a"].listed_since is not None


def after_the_end(story: Story, days: int, *later: int) -> list[e.Event]:
    """The log of an import that is over, the last `later` events each of which came when a live tick had passed."""
    tail = story.events[len(story.events) - len(later) :]
    story.events = story.events[: len(story.events) - len(later)]
    found = story.closed(days)
    for event, hour in zip(tail, later, strict=True):
        at = story.start + days * DAY_MS + hour
        found += [event, e.Tick(event_id=f"live/{at}", occurred_at=at, brand_id="*", platform="*")]
    return found


def test_who_moves_twice_at_the_end_of_a_day_went_from_the_first_stage_to_the_last() -> None:
    story = Story()
    story.add(e.Join, 0.5, member_id="m_a")
    story.order(170, "m_a", 900)
    story.order(171, "m_a", 900)
    rows = told(after_the_end(story, 181, 1, 2))
    stages = [("", "newcomer"), ("newcomer", "early_churned"), ("early_churned", "churned")]
    assert [pair for _, *pair in moves(rows, "m_a", story.start)] == [
        *map(list, stages), ["early_churned", "stalled"], ["early_churned", "growing"],
    ]  # fmt: skip
    days = [day for day, *_ in moves(rows, "m_a", story.start)]
    assert days == [1, 31, 181, 181, 181], "the rows of one day replace each other"
    last = rows[-1][1]
    assert (last.was_since, last.stage_since) == (story.start + 31 * DAY_MS, story.start + 181 * DAY_MS)


def test_a_move_that_turns_out_to_be_none_is_taken_back() -> None:
    story = Story()
    story.add(e.Join, 0.5, member_id="m_a")
    story.add(e.Message, 20.5, member_id="m_a")
    story.order(45, "m_a", 900)
    rows = told(after_the_end(story, 51, 1))
    assert moves(rows, "m_a", story.start)[1:] == [
        (31, "newcomer", "stalled"), (51, "stalled", "early_churned"), (51, "stalled", "stalled"),
    ]  # fmt: skip
    assert latest(rows)["m_a"].stage_since == story.start + 31 * DAY_MS


def test_leaving_and_coming_back_begins_anew() -> None:
    story = Story()
    story.add(e.Join, 0.5, member_id="m_a")
    story.add(e.Leave, 40.5, member_id="m_a", reason="left")
    story.add(e.Join, 100.5, member_id="m_a")
    rows = told(story.closed(120))
    assert moves(rows, "m_a", story.start)[-2:] == [(41, "early_churned", "left"), (101, "left", "newcomer")]
    assert latest(rows)["m_a"].tenure_since == story.start + int(100.5 * DAY_MS)


def test_staff_of_one_group_is_a_member_of_another_and_a_role_may_change() -> None:
    story = Story()
    story.add(e.Message, 0.5, member_id="m_a")
    story.add(e.Message, 5.5, member_id="m_a", role="staff")
    rows = told(story.closed(10))
    assert moves(rows, "m_a", story.start) == [(1, "", "newcomer"), (6, "newcomer", "staff")]


def test_a_purchase_that_is_given_back_whole_makes_no_buyer() -> None:
    story = Story()
    story.add(e.Join, 0.5, member_id="m_a")
    story.add(e.Join, 0.5, member_id="m_b")
    for who in ("m_a", "m_b"):
        story.order(2, who, 900)
    story.order(4, "m_a", -900, refund_id="r1")
    found = latest(told(story.closed(190)))
    assert (found["m_a"].spent, found["m_a"].orders) == (0, 1)
    assert found["m_a"].listed_since is not None
    assert found["m_b"].listed_since is None


def test_two_benefits_passed_up_bring_a_claimer_onto_the_list() -> None:
    story = Story()
    story.add(e.Join, 0.5, member_id="m_a")
    for day, claims in ((80, True), (90, False), (100, False)):
        story.add(e.Benefit, day, benefit_id=f"b{day}")
        if claims:
            story.add(e.Claim, day + 0.1, member_id="m_a", benefit_id=f"b{day}")
    rows = told(story.closed(110))
    listed = [(at - story.start) // DAY_MS for at, one in rows if one.member_id == "m_a" and one.listed_since]
    assert listed[0] == 61, "here 60 days, and no benefit yet"
    off = [(at - story.start) // DAY_MS for at, one in rows if one.member_id == "m_a" and not one.listed_since]
    assert off[-1] == 81, "a claim is a sign of life"
    assert listed[-1] == 101
    assert latest(rows)["m_a"].probes_ignored == 2


def test_the_score_counts_no_more_than_twenty_of_a_kind_and_halves() -> None:
    story = Story()
    for n in range(50):
        story.add(e.Message, 0.1 + n / 1000, member_id="m_a")
    for n in range(3):
        story.add(e.Message, 0.5 + n / 1000, member_id="m_a", reply_to="e/1")
    story.add(e.Reaction, 0.6, member_id="m_a", target="e/1")
    story.add(e.Mute, 28.5, member_id="m_a")
    rows = told(story.closed(30))
    scores = {(at - story.start) // DAY_MS: one.score for at, one in rows if one.member_id == "m_a"}
    assert scores[1] == 20 + 2 * 3 + 0.3
    assert scores[29] == round((20 + 2 * 3 + 0.3) / 2, 2)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    rng = random.Random(draw(st.integers(0, 2**32)))
    story = Story()
    for _ in range(draw(st.integers(1, 120))):
        day, who, kind = rng.uniform(0, 100), f"m_{rng.randrange(6)}", rng.random()
        if kind < 0.5:
            story.add(e.Message, day, member_id=who)
        elif kind < 0.6:
            story.add(e.Join, day, member_id=who)
        elif kind < 0.7:
            story.add(e.Leave, day, member_id=who, reason="left")
        elif kind < 0.8:
            story.add(e.Claim, day, member_id=who)
        elif kind < 0.9:
            story.add(e.Benefit, day, benefit_id=f"b{day}")
        else:
            story.order(day, who, rng.choice([-500, 700]))
    return story


@settings(max_examples=25, deadline=None)
@given(stories(), st.data())
def test_a_restart_anywhere_tells_the_same_standings(story: Story, data: st.DataObject) -> None:
    log_events = story.closed(110)
    whole = told(log_events)
    cut = data.draw(st.integers(0, len(log_events)))
    early = GroupLog(0, "groups/chat-events/0/t", MODEL)
    before = told(log_events[:cut], early)
    again = GroupLog(0, "groups/chat-events/0/t", MODEL)
    again.restore(early.partition_value(), early.take_changed())
    after = []
    for offset, event in enumerate(log_events[cut:], cut):
        for output in again.fold(event, GROUP if isinstance(event, e.GroupEvent) else "", offset, 0):
            if isinstance(output.value, MemberStandings):
                after += [(output.value.at, one) for one in output.value.standings]
    assert before + after == whole


@settings(max_examples=25, deadline=None)
@given(stories(), st.randoms(use_true_random=False))
def test_order_within_a_day_and_duplicates_change_no_standing(story: Story, rng: random.Random) -> None:
    for who in range(6):  # all are known before they buy, and told of at the last close
        story.add(e.Join, -1, member_id=f"m_{who}")
        story.add(e.Mute, 109.5, member_id=f"m_{who}")
    log_events = story.closed(110)
    by_day: dict[int, list[e.Event]] = {}
    for event in log_events:
        if isinstance(event, e.Message | e.Claim | e.Benefit):
            by_day.setdefault(event.occurred_at // DAY_MS, []).append(event)
    shuffled: list[e.Event] = []
    for event in log_events:
        same = by_day.get(event.occurred_at // DAY_MS, [])
        if isinstance(event, e.Message | e.Claim | e.Benefit):
            one = same.pop(rng.randrange(len(same)))
            shuffled += [one, one] if rng.random() < 0.2 else [one]
        else:
            shuffled.append(event)
    found, again = latest(told(log_events)), latest(told(shuffled))
    assert found.keys() == again.keys()
    for who, one in found.items():
        other = again[who]
        assert (one.stage, one.listed_since is None, one.messages, one.active_days, one.active_days_28d) == (
            other.stage, other.listed_since is None, other.messages, other.active_days, other.active_days_28d,
        )  # fmt: skip
        assert one.score == pytest.approx(other.score, abs=0.011)
