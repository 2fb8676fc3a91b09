"""The worth of a group: each part, each rule, and what is not known."""

import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import events as e
from streams import models
from streams.errors import VitalsError
from streams.settings import Settings
from streams.vitals.appraisal import PARTS, Appraisal, Facts, appraise
from streams.vitals.panes import DayPane
from streams.vitals.partition import GroupLog
from streams.vitals.policy import DAY_MS, HOUR_MS, Policy, WorthPolicy
from streams.vitals.rows import GroupVitals
from streams.vitals.state import GroupState
from streams.vitals.worth import MAX_BENEFITS, close_worth

OWN = WorthPolicy()
START = 19_800 * DAY_MS
GROUP = "acme/wecom/tea"
COMMON: dict[str, Any] = {"brand_id": "acme", "platform": "wecom", "group_id": GROUP, "source": "wecom/acme"}


def judged(**facts: Any) -> Appraisal:
    return appraise(Facts(**{"verdict": "dying", **facts}), OWN)


def numbers(appraisal: Appraisal, code: str) -> dict[str, float]:
    return next((dict(part.numbers) for part in appraisal.parts if part.code == code), {})


def value(code: str, **facts: Any) -> float | None:
    return numbers(judged(**facts), code).get("value")


# --- the parts by themselves -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "facts", "expected"),
    [
        ("conversion", {"is_selling": False, "people": 50, "members": 50, "payers": 9}, None),
        ("conversion", {"is_selling": True, "people": 0}, None),
        ("conversion", {"is_selling": True, "people": 50, "members": 50, "payers": 0}, 0.0),
        ("conversion", {"is_selling": True, "people": 50, "members": 50, "payers": 5}, 0.5),
        (
            "conversion",
            {"is_selling": True, "people": 50, "members": 50, "revenue": 500_000, "revenue_half": 10_000},
            0.5,
        ),
        ("conversion", {"is_selling": True, "people": 50, "members": 50, "revenue": -500, "revenue_half": 10_000}, 0.0),
        (
            "conversion",
            {"is_selling": True, "people": 50, "members": 50, "payers": 5, "revenue_half": 10_000},
            0.25,
        ),
        ("conversion", {"is_selling": True, "people": 50, "benefit_lift": 300.0, "benefit_cost": 100}, 0.75),
        ("conversion", {"is_selling": True, "people": 50, "benefit_lift": -300.0, "benefit_cost": 100}, 0.0),
        ("residue", {}, None),
        ("residue", {"regulars": 0}, None),
        ("residue", {"regulars": 8, "regulars_here": 2}, 0.25),
        ("residue", {"regulars": 8, "regulars_here": 2, "core": 4, "core_here": 3}, 0.5),
        ("residue", {"regulars": None, "core": 4, "core_here": 3}, None),
        ("network", {"gone": None, "members": 50}, None),
        ("network", {"gone": 0, "members": 0}, None),
        ("network", {"gone": 10, "members": 40}, 0.8),
        ("reach", {"members": 40}, None),
        ("reach", {"members": 40, "muted": 10}, 0.75),
        ("reach", {"members": 40, "muted": 10, "claimers": 10, "exposed": 40}, 0.5),
        ("reach", {"members": 40, "exposed": 40}, 0.0),
        ("care", {}, None),
        ("care", {"answered": 0.7}, 0.7),
        ("freebie", {"doers": None}, None),
        ("freebie", {"doers": 0}, None),
        ("freebie", {"doers": 5, "takers": 4}, 0.8),
    ],
)
def test_a_part_is_what_is_known_of_it(part: str, facts: dict[str, Any], expected: float | None) -> None:
    assert value(part, **facts) == (None if expected is None else pytest.approx(expected))


# --- the formula -------------------------------------------------------------------------------------------------

GOOD: dict[str, Any] = {
    "is_selling": True, "has_bought": True, "people": 100, "members": 90, "payers": 30, "revenue": 10**9,
    "revenue_half": 10_000, "regulars": 10, "regulars_here": 9, "core": 5, "core_here": 5, "gone": 5, "muted": 9,
    "claimers": 30, "exposed": 90, "answered": 0.9, "doers": 50, "takers": 5,
}  # fmt: skip


def test_points_add_up_to_the_worth() -> None:
    found = judged(**GOOD)
    assert [part.code for part in found.parts] == list(PARTS)
    assert found.known == 1.0
    assert sum(part.numbers["points"] for part in found.parts) == pytest.approx(found.worth, abs=0.01)
    assert numbers(found, "freebie")["points"] == pytest.approx(-2)
    assert numbers(found, "care")["points"] == pytest.approx(13.5)


def test_an_unknown_part_drops_out_and_the_rest_is_renormalised() -> None:
    found = judged(**{**GOOD, "is_selling": False, "muted": None, "exposed": None})
    assert [part.code for part in found.parts] == ["residue", "network", "care", "freebie"]
    assert found.known == 0.55
    expected = 100 * (0.2 * 0.95 + 0.2 * 90 / 95 + 0.15 * 0.9) / 0.55 - 2
    assert found.worth == pytest.approx(expected, abs=0.01)


def test_of_a_group_of_which_nothing_is_known_there_is_no_worth() -> None:
    found = judged(members=50)
    assert (found.worth, found.known, found.parts, found.step) == (None, 0.0, (), "probe")


@settings(max_examples=60)
@given(
    st.fixed_dictionaries(
        {
            "members": st.integers(0, 500),
            "people": st.integers(0, 900),
            "is_selling": st.booleans(),
            "has_bought": st.booleans(),
            "payers": st.none() | st.integers(0, 500),
            "revenue": st.integers(-(2**57), 2**57),
            "revenue_half": st.none() | st.integers(1, 10**6),
            "benefit_lift": st.none() | st.floats(-1e12, 1e12),
            "benefit_cost": st.integers(0, 10**9),
            "gone": st.none() | st.integers(0, 500),
            "muted": st.none() | st.integers(0, 900),
            "claimers": st.integers(0, 50),
            "exposed": st.none() | st.integers(0, 50),
            "answered": st.none() | st.floats(0, 1),
            "purpose": st.sampled_from(["", "industry", "ads", "customer"]),
            "verdict": st.sampled_from(["forming", "healthy", "dying", "ended"]),
        }
    )
)
def test_a_worth_is_bounded_and_known_only_from_what_is_known(facts: dict[str, Any]) -> None:
    found = appraise(Facts(**facts), OWN)
    assert found.worth is None or 0 <= found.worth <= 100
    assert 0 <= found.known <= 1
    assert all(0 <= part.numbers["value"] <= 1 for part in found.parts)
    assert (found.worth is None) == (found.known == 0)


# --- the step ----------------------------------------------------------------------------------------------------

TAKERS: dict[str, Any] = {
    "age_days": 56,
    "is_selling": True,
    "people": 500,
    "members": 400,
    "payers": 0,
    "doers": 100,
    "takers": 60,
}


@pytest.mark.parametrize(
    ("facts", "step", "reasons"),
    [
        (GOOD, "revive", ["conversion", "residue"]),
        ({**GOOD, "payers": 0, "revenue": 0, "regulars_here": 3, "core_here": 2}, "probe", ["network", "conversion"]),
        (
            {**GOOD, "payers": 0, "revenue": 0, "gone": 60, "answered": 0.1, "muted": 80},
            "merge",
            ["conversion", "care"],
        ),
        ({**GOOD, **TAKERS, "has_bought": False}, "let go", ["only_takers"]),
        ({**TAKERS, "verdict": "healthy"}, "let go", ["only_takers"]),
        ({**TAKERS, "verdict": "healthy", "age_days": 55}, "", []),
        ({**GOOD, **TAKERS, "has_bought": True}, "revive", None),
        ({**GOOD, **TAKERS, "has_bought": False, "takers": 59}, "revive", None),
        ({**TAKERS, "is_selling": False, "gone": 0}, "probe", ["little_known", "network"]),
        ({**GOOD, "purpose": "ads"}, "let go", ["made_for_ads"]),
        ({**GOOD, "purpose": "relay", "verdict": "healthy"}, "let go", ["made_for_ads"]),
        ({**GOOD, "purpose": "ads", "verdict": "ended"}, "", []),
        ({**GOOD, "purpose": "ads", "verdict": "forming"}, "", []),
        ({**GOOD, "has_bought": False, "posts": 8, "ads": 5, "messages": 4}, "let go", ["posts_are_ads"]),
        ({**GOOD, "has_bought": False, "ad_share": 0.9, "ad_senders": 2}, "let go", ["only_ads"]),
        ({"verdict": "healthy", "ad_share": 0.9, "ad_senders": 2}, "let go", ["only_ads"]),
        ({"verdict": "forming", "age_days": 56, "ad_share": 0.9, "ad_senders": 2}, "let go", ["only_ads"]),
        ({"verdict": "forming", "age_days": 55, "ad_share": 0.9, "ad_senders": 2}, "", []),
        ({"verdict": "forming", "age_days": 56, "ad_share": 0.9, "has_bought": True}, "", []),
        ({**TAKERS, "verdict": "forming", "age_days": 99}, "", []),
        ({**GOOD, "ad_share": 0.9, "ad_senders": 2}, "revive", None),
        ({**GOOD, "has_bought": False, "posts": 8, "ads": 4, "messages": 3}, "revive", None),
        ({**GOOD, "has_bought": False, "posts": 8, "ads": 5, "messages": 5}, "revive", None),
        ({**GOOD, "has_bought": False, "posts": 7, "ads": 7}, "revive", None),
        ({**GOOD, "posts": 8, "ads": 8}, "revive", None),
        ({"purpose": "industry", "members": 99, "gone": 1}, "keep", ["nobody_leaves"]),
        ({"purpose": "alliance", "members": 98, "gone": 2}, "probe", ["little_known", "network"]),
        ({"purpose": "alliance", "members": 99, "gone": 1, "verdict": "healthy", "messages": 89}, "keep", None),
        ({"purpose": "alliance", "members": 99, "gone": 1, "verdict": "healthy", "messages": 90}, "", []),
        ({"purpose": "alliance", "members": 99, "gone": 1, "verdict": "dead", "messages": 90}, "keep", None),
        ({"purpose": "alliance", "members": 99, "gone": None}, "probe", ["little_known"]),
        ({"purpose": "customer", "members": 99, "gone": 0}, "probe", ["little_known", "network"]),
        ({**GOOD, "verdict": "healthy"}, "", []),
        ({**GOOD, "verdict": "fading"}, "revive", None),
        ({**GOOD, "verdict": "dead"}, "revive", None),
    ],
)
def test_the_step_is_that_of_the_first_rule_that_holds(facts: dict[str, Any], step: str, reasons: Any) -> None:
    found = judged(**facts)
    assert found.step == step
    assert reasons is None or [reason.code for reason in found.reasons] == reasons


@pytest.mark.parametrize(("worth", "step"), [(60.0, "revive"), (59.9, "probe"), (35.0, "probe"), (34.9, "merge")])
def test_the_limits_of_worth(worth: float, step: str) -> None:
    policy = WorthPolicy(parts={"care": 1.0, "conversion": 0.0, "residue": 0.0, "network": 0.0, "reach": 0.0})
    assert appraise(Facts(verdict="dead", answered=worth / 100), policy).step == step


# --- gathered by the fold ----------------------------------------------------------------------------------------


class Story:
    """Events of one group, written day by day; `told` folds them with a live source's word and a tick each midnight."""

    def __init__(self) -> None:
        self.events: list[e.Event] = []
        self._seq = 0

    def add(self, kind: type[e.GroupEvent], day: float, member: str | None = None, **fields: Any) -> None:
        self._seq += 1
        by = {} if member is None else {"member_id": member}
        at = START + round(day * DAY_MS)
        self.events.append(kind(event_id=f"e/{self._seq}", occurred_at=at, **COMMON, **by, **fields))

    def order(self, day: float, buyer: str, amount: int, **fields: Any) -> None:
        self._seq += 1
        at, of = START + round(day * DAY_MS), {"group_id": GROUP, "brand_id": "acme", "platform": "shop"}
        share: dict[str, Any] = {
            "currency": "CNY",
            "weight": 1.0,
            "rule": "code",
            "customer_id": buyer,
            "order_id": f"o/{self._seq}",
        }
        self.events.append(
            e.OrderAttributed(
                event_id=f"e/{self._seq}",
                occurred_at=at,
                amount=amount,
                **of,
                **{**share, "member_id": buyer, **fields},
            )
        )

    def talk(self, days: range, *members: str) -> None:
        for day in days:
            for place, member in enumerate(members):
                self.add(e.Message, day + 0.4 + place / 1000, member)

    def told(
        self,
        days: int,
        every_days: int = 1,
        worth: WorthPolicy | None = None,
        shuffled: random.Random | None = None,
    ) -> tuple[list[GroupVitals], GroupState]:
        ticks = [
            event
            for day in range(1, days + 1)
            for event in (
                e.SourceComplete(
                    event_id=f"c/{day}", occurred_at=START + day * DAY_MS, brand_id="acme", platform="wecom",
                    source="wecom/acme", complete_until=START + day * DAY_MS, is_live=True,
                ),
                e.Tick(event_id=f"t/{day}", occurred_at=START + day * DAY_MS, brand_id="*", platform="*"),
            )
        ]  # fmt: skip
        often = WorthPolicy(every_days=every_days, well_every_days=4 * every_days if every_days > 1 else 1)
        policy = Policy(worth=worth or often)
        log = GroupLog(0, "groups/chat-events/0/t", models.load(), policy)
        rows = []
        sent = sorted([*self.events, *ticks], key=lambda one: one.occurred_at)
        if shuffled is not None:  # within each day, before its tick
            place = {one.event_id: shuffled.random() * isinstance(one, e.GroupEvent) + 1 for one in sent}
            sent.sort(key=lambda one: ((one.occurred_at - isinstance(one, e.Tick)) // DAY_MS, -place[one.event_id]))
        for offset, event in enumerate(sent):
            key = event.group_id if isinstance(event, e.GroupEvent) else ""
            rows += [output.value for output in log.fold(event, key, offset, 0)]
        closes = [row for row in rows if isinstance(row, GroupVitals) and row.is_day_close]
        return closes, next(iter(log.groups()))


def last(story: Story, days: int) -> GroupVitals:
    return story.told(days)[0][-1]


def known(row: GroupVitals, code: str) -> dict[str, float]:
    return next((dict(part.numbers) for part in row.worth_parts if part.code == code), {})


def selling(*members: str) -> Story:
    story = Story()
    story.add(e.GroupCreated, 0, name="Tea", currency="CNY")
    story.add(e.Roster, 0.01, members=members, staff=("boss",))
    return story


def test_a_group_without_purchases_sells_nothing_only_where_its_registry_says_that_it_sells() -> None:
    silent = Story()
    silent.add(e.Roster, 0, members=("a", "b", "c"))
    assert known(last(silent, 20), "conversion") == {}
    assert known(last(selling("a", "b", "c"), 20), "conversion")["value"] == 0


def test_who_paid_within_the_year_and_what_they_brought() -> None:
    story = selling("a", "b", "c", "d")
    story.order(1, "a", 30_000)
    story.order(2, "a", 10_000)
    story.order(3, "b", 20_000, currency="USD")
    story.order(3, "c", 9, weight=0.0)
    found = last(story, 20)
    assert known(found, "conversion")["payers"] == 2
    assert known(found, "conversion")["revenue_per_member"] == 10_000
    assert found.revenue_at_risk == 40_000, "younger than 28 days: all that it brought"
    assert known(last(story, 370), "conversion")["payers"] == 0, "a year later"


def test_revenue_at_risk_is_what_28_usual_days_brought() -> None:
    story = selling("a")
    story.order(1, "a", 52_000)
    assert last(story, 56).revenue_at_risk == 26_000
    assert last(story, 364).revenue_at_risk == 4_000


def test_refunds_larger_than_orders_leave_nothing_to_lose_but_it_was_a_purchase() -> None:
    story = selling("a", "b")
    story.order(1, "a", 1_000)
    story.order(2, "a", -5_000, refund_id="r")
    found, state = story.told(20)
    assert found[-1].revenue_at_risk == 0
    assert known(found[-1], "conversion")["revenue_per_member"] == -2_000
    assert known(found[-1], "conversion")["value"] == pytest.approx(0.5 * 0.5 / 0.6, abs=0.01), "one of two paid"
    assert state.worth.orders == 1


def test_orders_of_people_whom_the_group_does_not_know_make_payers_unknown() -> None:
    story = selling("a", "b")
    story.order(1, "somebody", 1_000, member_id=None)
    conversion = known(last(story, 20), "conversion")
    assert "payers" not in conversion
    assert conversion["revenue_per_member"] == 500


def test_what_benefits_brought_is_measured_against_the_days_before() -> None:
    story = selling("a", "b")
    story.order(5, "a", 700)
    story.add(e.Benefit, 10.2, benefit_id="x", amount=200)
    story.add(e.Benefit, 12, benefit_id="y", amount=300, currency="CNY")
    story.order(10.5, "a", 1_500)
    story.order(18.5, "b", 500)
    assert "benefit_return" not in known(last(story, 19), "conversion"), "its last week is not over"
    # nine days brought 2,000; as many days before would have brought 900; it cost 500
    assert known(last(story, 27), "conversion")["benefit_return"] == pytest.approx((2_000 - 900) / 500)
    story.add(e.Benefit, 9.9, benefit_id="z", amount=0)
    assert "benefit_return" not in known(last(story, 27), "conversion"), "what one of them cost nobody knows"


def test_a_benefit_in_another_currency_or_in_the_first_week_says_nothing_of_returns() -> None:
    story = selling("a")
    story.add(e.Benefit, 3, benefit_id="x", amount=200)
    story.add(e.Benefit, 30, benefit_id="y", amount=200, currency="USD")
    assert "benefit_return" not in known(last(story, 60), "conversion")


def test_the_residue_is_who_is_still_here_of_those_who_wrote_every_week() -> None:
    story = selling("a", "b", "c", "d", "e")
    story.talk(range(0, 42, 7), "a", "b", "c", "d")
    for n in range(9):
        story.add(e.Message, 20 + n / 100, "e")  # an afternoon is no habit
    story.add(e.Leave, 50, "a", reason="left")
    residue = known(last(story, 60), "residue")
    assert (residue["regulars"], residue["regulars_here"]) == (4, 3)
    assert "core" not in residue, "none of them wrote more than once a week"


def test_the_old_core_is_remembered_longer_than_the_core_that_is_missed() -> None:
    story = selling(*"abcdefgh")
    story.talk(range(40), *"abcdef")
    story.talk(range(0, 40, 2), "g")
    for name in "ab":
        story.add(e.Leave, 41, name, reason="left")
    residue = known(last(story, 250), "residue")
    assert (residue["core"], residue["core_here"]) == (5, 3)
    assert (residue["regulars"], residue["regulars_here"]) == (7, 5)


def test_the_network_counts_who_left_and_stayed_away_and_not_who_was_removed() -> None:
    story = selling(*"abcdefghij")
    for day, name in enumerate("abc", 100):
        story.add(e.Leave, day, name, reason="left")
    story.add(e.Leave, 103, "d", reason="kicked")
    story.add(e.Join, 104, "c")
    assert known(last(story, 120), "network") | {"points": 0} == {
        "value": 0.7778, "gone": 2, "members": 7, "leave_rate": 0.2222, "points": 0,
    }  # fmt: skip
    assert known(last(story, 200), "network")["gone"] == 0, "a quarter later"


def test_a_roster_tells_of_leaves_too() -> None:
    story = selling(*"abcd")
    story.add(e.Roster, 30, members=tuple("ab"))
    assert known(last(story, 31), "network")["gone"] == 2


def test_without_a_list_of_members_and_leaves_nobody_knows_who_stays() -> None:
    story = Story()
    story.talk(range(0, 42, 7), "a", "b", "c")
    found = last(story, 60)
    assert (known(found, "network"), known(found, "residue")) == ({}, {})


def test_where_people_come_and_go_all_day_leaving_means_nothing() -> None:
    story = selling("a", "b")
    story.talk(range(0, 42, 7), "a")
    for day in range(10):
        story.add(e.Leave, 30 + day, "b", reason="left")
        story.add(e.Join, 30.5 + day, "b")
    found = last(story, 60)
    assert (known(found, "network"), known(found, "residue")) == ({}, {})


def test_the_reach_is_who_did_not_mute_and_who_took_the_last_benefit() -> None:
    story = selling(*"abcd")
    assert known(last(story, 20), "reach") == {}, "that nobody muted it may be that nobody tells"
    story.add(e.Mute, 5, "a")
    assert known(last(story, 20), "reach")["value"] == 0.75
    story.add(e.Claim, 6, "b")
    story.add(e.Benefit, 10, benefit_id="x")
    for day, name in ((10.1, "b"), (10.9, "c"), (11.1, "d")):
        story.add(e.Claim, day, name)
    story.add(e.Join, 12, "late")
    reach = known(last(story, 20), "reach")
    assert (reach["claimers"], reach["exposed"]) == (2, 4)
    assert reach["value"] == (0.8 + 0.5) / 2
    story.add(e.Benefit, 19.9, benefit_id="y")
    assert known(last(story, 20), "reach")["claimers"] == 2, "the one of two hours ago says nothing yet"


def test_freebie_hunters_are_those_who_only_take() -> None:
    story = selling(*"abcdefg", "lurker")
    for name in "abc":
        story.add(e.Message, 10, name)
    assert known(last(story, 20), "freebie") == {}, "no claim is told of"
    story.add(e.Benefit, 12, benefit_id="x")
    for name in "cdefg":
        story.add(e.Claim, 12.1, name)
    story.add(e.Leave, 14, "e", reason="left")
    assert known(last(story, 20), "freebie") | {"points": 0} == {"value": 0.5714, "takers": 4, "doers": 7, "points": 0}
    story.order(13, "d", 900)
    assert known(last(story, 20), "freebie")["takers"] == 3, "who bought is a customer"


def test_a_group_that_never_bought_is_let_go_when_most_only_take_until_somebody_buys() -> None:
    story = selling(*"abcdefghij")
    for n, day in enumerate(range(1, 76, 3)):
        story.add(e.Message, day, "abcd"[n % 4])
    for n in range(6):
        story.add(e.Claim, 20 + n / 10, "efghij"[n])
    assert last(story, 55).advice == "", "it may still buy"
    found = last(story, 56)
    assert (found.advice, found.advice_reasons[0].code) == ("let go", "only_takers")
    assert dict(found.advice_reasons[0].numbers) == {"takers": 6, "doers": 10}
    story.order(72.5, "a", 1)
    rows = story.told(75, every_days=7)[0]  # a group that is well, but for what it is let go for: every four weeks
    assert [row.advice for row in rows[69:74]] == ["", "let go", "let go", "", ""]


def test_orders_of_a_group_whose_source_is_blind_are_heard() -> None:
    story = selling(*"ab")
    story.talk(range(20), "a", "b")
    log = GroupLog(0, "groups/chat-events/0/t", models.load())
    until = START + 20 * DAY_MS
    live = e.SourceComplete(
        event_id="c", occurred_at=until, brand_id="acme", platform="wecom", source="wecom/acme",
        complete_until=until, is_live=True,
    )  # fmt: skip
    story.order(5, "a", 30_000)
    order = story.events.pop()
    ticks = [
        e.Tick(event_id=f"t/{n}", occurred_at=until + n * HOUR_MS, brand_id="*", platform="*") for n in (1, 30, 31)
    ]
    told = []
    sent = [*sorted(story.events, key=lambda one: one.occurred_at), live, *ticks[:2], order, ticks[2]]
    for offset, event in enumerate(sent):
        key = event.group_id if isinstance(event, e.GroupEvent) else ""
        told += [output.value for output in log.fold(event, key, offset, 0)]
    rows = [row for row in told if isinstance(row, GroupVitals) and row.verdict == "stale"]
    assert [known(row, "conversion")["payers"] for row in rows] == [0, 1]


def test_care_is_remembered_from_when_the_group_was_well() -> None:
    story = selling(*"abc")
    for day in range(60):
        story.add(e.Message, day + 0.40, "a")
        story.add(e.Message, day + 0.41, "b")  # answers a, and nobody answers b within the hour
    story.add(e.Message, 30.9, "c")
    rows, _ = story.told(200)
    assert rows[-1].verdict == "dead"
    assert known(rows[-1], "care")["value"] == pytest.approx(0.5, abs=0.01)
    few = selling(*"abc")
    few.talk(range(0, 60, 7), "a", "b")
    assert known(last(few, 60), "care") == {}


def test_a_group_that_is_nothing_but_ads_is_let_go_on_the_day_on_which_that_is_seen() -> None:
    story = selling(*"abc")
    for day in range(40):
        story.add(e.Message, day + 0.4, "abc"[day % 3], links=0, text_hash=None)
    for day in range(40, 80):
        for n in range(3):
            story.add(e.Message, day + n / 10, "a", links=1)
    rows, state = story.told(80, every_days=7)
    seen = [row.is_ad_only for row in rows]
    assert any(seen)
    assert [row.advice == "let go" for row in rows] == seen
    assert rows[-1].advice_reasons[0].code == "only_ads"
    assert state.worth.is_ad_only
    story.order(10, "b", 900)
    assert story.told(80)[0][-1].advice != "let go", "its ads are to stop"


def test_a_group_that_has_been_nothing_but_ads_for_weeks_is_not_forming() -> None:
    story = selling(*"abc")
    for n in range(3 * 90):
        story.add(e.Message, n / 3, "a", links=1)
    rows, _ = story.told(90)
    assert {row.verdict for row in rows} == {"forming"}
    assert rows[50].advice == ""
    assert (rows[-1].advice, rows[-1].advice_reasons[0].code) == ("let go", "only_ads")


def test_what_nobody_answers_once_a_group_is_ill_takes_nothing_from_its_care() -> None:
    story = selling(*"abc")
    story.talk(range(60), *"abc")
    state = story.told(60)[1]
    well, today = state.worth.answered, START // DAY_MS + 60
    state.verdict = "dying"
    for day in range(today, today + 30):
        state.panes[day] = DayPane(messages=9)
        close_worth(state, day, Policy(worth=WorthPolicy(every_days=1)))
    assert well is not None
    assert state.worth.answered == pytest.approx(well, abs=0.05)


def test_posts_that_are_mostly_ads_let_a_group_go() -> None:
    story = selling(*"abc")
    story.talk(range(40), *"abc")
    for day in range(30, 130):
        story.add(e.Post, day + 0.5, content_class="ads")
    found = last(story, 140)
    assert (found.advice, found.advice_reasons[0].code) in {("let go", "posts_are_ads"), ("let go", "only_ads")}
    assert last(story, 31).advice == ""


def test_what_a_group_is_for_is_heard_on_the_same_day() -> None:
    story = selling(*"abc")
    story.talk(range(20), *"abc")
    story.add(e.GroupCreated, 150.5, purpose="industry")
    rows, _ = story.told(160, every_days=7)
    assert [row.advice for row in rows[149:152]] == [rows[149].advice, "keep", "keep"]
    assert rows[-1].purpose == "industry"


def test_a_forming_group_and_one_that_ended_need_no_step() -> None:
    story = selling("a", "b")
    story.talk(range(3), "a")
    assert (last(story, 5).verdict, last(story, 5).advice) == ("forming", "")
    story.add(e.GroupEnded, 10)
    ended = last(story, 12)
    assert (ended.verdict, ended.worth, ended.advice, ended.worth_parts) == ("ended", None, "", ())


def test_a_group_is_judged_weekly_and_when_something_new_is_known() -> None:
    story = selling(*"abcdef")
    story.talk(range(60), "a", "b", "c")
    story.add(e.GroupCreated, 40.5, name="Tea!")
    story.add(e.Benefit, 50.5, benefit_id="x")
    found = {story.told(days, every_days=7)[1].worth.judged_day - START // DAY_MS for days in range(1, 61)}
    assert sorted(found) == [0, 13, 40], "forming, healthy, described"


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32))
def test_an_event_that_comes_again_changes_nothing(seed: int) -> None:
    draw = random.Random(seed)
    story = selling(*"abcdefgh")
    for n in range(60):
        day, who = draw.uniform(1, 70), draw.choice("abcdefgh")
        kind = draw.choice((e.Message, e.Claim, e.Mute, e.Leave, e.Join, e.Benefit, e.Post, e.OrderAttributed))
        if kind is e.OrderAttributed:
            story.order(day, who, draw.randrange(1, 9_000))
        elif kind is e.Benefit:
            story.add(kind, day, benefit_id=f"b{n}", amount=draw.choice((0, 500)))
        elif kind is e.Post:
            story.add(kind, day, content_class=draw.choice(("ads", "brand")))
        else:
            story.add(kind, day, who)
    once = story.told(80)[0][-1]
    story.events += draw.sample(story.events, 40)
    again = story.told(80)[0][-1]
    assert (again.worth, again.worth_parts, again.advice, again.revenue_at_risk) == (
        once.worth, once.worth_parts, once.advice, once.revenue_at_risk,
    )  # fmt: skip
    assert once.worth is None or 0 <= once.worth <= 100


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32))
def test_the_order_of_arrival_within_a_day_changes_nothing(seed: int) -> None:
    draw = random.Random(seed)
    story = selling(*"abcdefgh")
    for n in range(80):
        day, who = 1 + draw.randrange(60) + draw.randrange(1, 999) / 1000, draw.choice("abcdefgh")
        kind = draw.choice((e.Message, e.Claim, e.Mute, e.Benefit, e.Post, e.OrderAttributed))
        if kind is e.OrderAttributed:
            story.order(day, who, draw.randrange(1, 9_000))
        elif kind is e.Benefit:
            story.add(kind, day, benefit_id=f"b{n}", amount=draw.choice((0, 500)))
        else:
            story.add(
                kind, day, *(() if kind is e.Post else (who,)), **({"content_class": "ads"} if kind is e.Post else {})
            )
    told = []
    for _ in range(2):
        found = story.told(70, shuffled=draw)[0][-1]
        parts = [
            part for part in found.worth_parts if part.code in {"conversion", "residue", "network", "reach", "freebie"}
        ]
        told.append(([(part.code, {**part.numbers, "points": 0}) for part in parts], found.revenue_at_risk))
    assert told[0] == told[1]


def test_what_is_kept_of_benefits_and_posts_is_bounded() -> None:
    story = selling("a")
    for n in range(600):
        story.add(e.Benefit, 5 + n / 100, benefit_id=f"b{n}")
        story.add(e.Post, n / 2, content_class="brand")
    state = story.told(310)[1]
    assert len(state.worth.benefits) == MAX_BENEFITS
    assert len(state.worth.posts) <= OWN.network_days + 7


def test_orders_that_come_after_an_import_has_closed_its_last_day_are_in_its_last_row() -> None:
    story = selling("a", "b")
    story.talk(range(20), "a", "b")
    log = GroupLog(0, "groups/chat-events/0/t", models.load())
    until = START + 20 * DAY_MS
    over = e.SourceComplete(
        event_id="c", occurred_at=until, brand_id="acme", platform="wecom", source="wecom/acme", complete_until=until
    )
    closing = e.Tick(event_id="t", occurred_at=until, brand_id="*", platform="*", source="wecom/acme")
    story.order(5, "a", 30_000)
    order = story.events.pop()
    live = [e.Tick(event_id=f"t/{n}", occurred_at=until + n * HOUR_MS, brand_id="*", platform="*") for n in (5, 6)]
    told = []
    sent = [*sorted(story.events, key=lambda one: one.occurred_at), over, closing, live[0], order, live[1]]
    for offset, event in enumerate(sent):
        key = event.group_id if isinstance(event, e.GroupEvent) else ""
        told += [output.value for output in log.fold(event, key, offset, 0)]
    rows = [row for row in told if isinstance(row, GroupVitals) and row.at == until]
    assert [known(row, "conversion")["payers"] for row in rows] == [0, 1]
    assert [row.revenue_at_risk for row in rows] == [0, 30_000]


# --- the policy of a user ----------------------------------------------------------------------------------------


def test_a_file_sets_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "worth.toml"
    file.write_text('revive_worth = 65\n[revenue_half]\n"acme/EUR" = 6_000\nCNY = 20_000\n')
    policy = models.judging(Settings(home=tmp_path, cache=tmp_path, worth=file))[1].worth
    assert (policy.revive_worth, policy.probe_worth) == (65, OWN.probe_worth)
    assert policy.revenue_half == {**OWN.revenue_half, "acme/EUR": 6_000, "CNY": 20_000}
    story = selling("a")
    story.order(0.5, "a", 20_000)
    found, _ = story.told(20, worth=policy)
    conversion = known(found[-1], "conversion")
    assert conversion["value"] == pytest.approx((0.4 * 1 / 1.1 + 0.4 * 0.5) / 0.8, abs=0.001)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("revive_wort = 65", "there is no 'revive_wort', known are parts"),
        ("revive_worth = 'high'", "Expected `float`, got `str` - at `$.revive_worth`"),
        ("[parts]\ncare = 0.5", "parts must be weights of care, conversion, network, reach, residue that add up to 1"),
        ("[parts]\nlove = 0.0", "parts must be weights of"),
        ("[revenue_half]\nCNY = 0", "payers_half, benefit_half and all of revenue_half must be above 0"),
        ("every_days = 0", "every number of days must be above 0"),
        ("care_days = 400", "no number of days may be above 364"),
        ("= 3", "is no valid TOML"),
    ],
)
def test_a_file_that_says_nonsense_is_refused_in_one_line(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "worth.toml"
    file.write_text(text)
    with pytest.raises(VitalsError, match=f"worth.toml.*{re.escape(said)}") as caught:
        models.read_worth(file)
    assert "\n" not in str(caught.value)
    with pytest.raises(VitalsError, match="cannot read the policy of worth"):
        models.read_worth(tmp_path / "none.toml")
