"""What comes late, in odd numbers or under odd settings: a fold that raises is a worker that never starts again."""

from typing import Any

import pytest

from streams import events as e
from streams import models
from streams.vitals.lifecycle import STAGES
from streams.vitals.panes import MAX_REVENUE
from streams.vitals.partition import GroupLog
from streams.vitals.policy import DAY_MS, HOUR_MS, Policy, WorthPolicy
from streams.vitals.state import GroupState

FIRST_DAY = 20_000


def at(day: int, hour: float = 0) -> int:
    return int((FIRST_DAY + day) * DAY_MS + hour * HOUR_MS)


class Life:
    """One group's log, fed event by event and closed day by day by its importer's ticks."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.log = GroupLog(0, "origin", models.load(), policy or Policy())
        self._offset = 0

    def add(self, kind: type[e.Event], time: int, key: str = "g", **fields: Any) -> list[Any]:
        self._offset += 1
        common = {"event_id": f"e{self._offset}", "occurred_at": time, "brand_id": "b", "platform": "p", "source": "s"}
        if issubclass(kind, e.GroupEvent):
            common["group_id"] = "g"
        event = kind(**common | fields)
        return [output.value for output in self.log.fold(event, key, self._offset, time)]

    def close(self, *days: int) -> None:
        for day in days:
            self.add(e.Tick, at(day + 1), "")

    @property
    def state(self) -> GroupState:
        return self.log._groups["g"]


def test_a_post_still_running_when_older_ones_filled_the_hours() -> None:
    life = Life()
    life.add(e.Message, at(0, 1), member_id="m")
    life.close(*range(60))
    life.add(e.Post, at(60, 23.5), content_class="brand")
    for hours in range(450):
        life.add(e.Post, at(0) - hours * HOUR_MS, content_class="brand")
    life.close(60, 61)
    assert life.state.closed_day == FIRST_DAY + 61


@pytest.mark.parametrize(
    "policy",
    [
        WorthPolicy(parts={"conversion": 1.0, "residue": 0, "network": 0, "reach": 0, "care": 0}),
        WorthPolicy(care_least_messages=0),
    ],
)
def test_any_policy_that_is_taken_judges_a_group_of_one_join(policy: WorthPolicy) -> None:
    life = Life(Policy(worth=policy))
    life.add(e.Join, at(0, 1), member_id="m")
    life.close(0)
    assert life.state.closed_day == FIRST_DAY


def test_forged_benefits_of_one_moment_stay_inside_64_bits() -> None:
    life = Life()
    life.add(e.Benefit, at(0, 1), benefit_id="first", amount=10**15)
    life.state.worth.benefits[at(0, 1)] = MAX_REVENUE - 1
    life.add(e.Benefit, at(0, 1), benefit_id="more", amount=10**15)
    assert life.state.worth.benefits[at(0, 1)] == MAX_REVENUE
    assert life.log.take_changed()


def test_sealed_days_share_one_empty_detail_whatever_comes_late() -> None:
    life, order = Life(), {"currency": "CNY", "weight": 1.0, "rule": "last_touch", "amount": 500, "customer_id": "c"}
    for day in range(3):
        life.add(e.Message, at(day, 1), member_id="m")
        life.add(e.OrderAttributed, at(day, 2), order_id=f"o{day}", member_id="m", **order)
    life.close(*range(70))
    for day in range(3):
        life.add(e.Message, at(day, 3), event_id=f"late{day}", member_id="late")
        life.add(e.OrderAttributed, at(day, 4), order_id=f"late{day}", member_id="m", **order)
    life.add(e.OrderAttributed, at(2, 2), order_id="o2", member_id="m", reverses="r", **order)
    life.add(e.Recall, at(2, 5), target="late2")
    life.close(70)
    again = GroupLog(0, "origin", models.load())
    again.restore(None, life.log.take_changed())
    panes = [*life.state.panes.values(), *next(iter(again.groups())).panes.values()]
    details = [detail for pane in panes if pane.is_sealed for detail in (pane.spoke, pane.hours, pane.bought)]
    assert [pane.messages for pane in panes] == [2, 2, 1] * 2
    assert len({id(detail) for detail in details}) == 1
    assert details == [{}] * 18


def test_who_was_settled_is_not_counted_again_when_a_join_of_their_day_comes_late() -> None:
    life = Life()
    for number in range(3):
        life.add(e.Join, at(0, 1 + number), member_id=f"m{number}", inviter_id="boss")
    life.close(*range(32))
    life.add(e.Join, at(0, 5), member_id="late", inviter_id="boss")
    life.close(32)
    (root,) = life.state.referrals.roots.values()
    assert (root.invitees, root.due, root.retained) == (4, 4, 4)


def test_old_messages_of_one_day_are_not_many_days() -> None:
    life = Life()
    life.add(e.Message, at(0, 1), member_id="m")
    life.close(*range(5))
    for minute in range(50):
        life.add(e.Message, at(-200, 1 + minute / 60), member_id="m")
    life.close(5)
    activity = life.state.ledger.by_id["m"].activity
    assert activity is not None
    assert activity.days == 1


@pytest.mark.parametrize("is_late", [False, True])
def test_messages_that_come_late_count_as_if_they_had_been_on_time(is_late: bool) -> None:
    life, end = Life(), next(day for day in range(56, 90) if (FIRST_DAY + day) % 28 == 3)
    spoken = (end - 13, end - 12)
    life.add(e.Join, at(0, 1), member_id="m")
    life.add(e.Message, at(0, 2), member_id="m")
    for day in range(end):
        if day in spoken and not is_late:
            life.add(e.Message, at(day, 2), member_id="m")
        life.close(day)
    if is_late:
        for day in spoken:
            life.add(e.Message, at(day, 2), member_id="m")
    life.close(*range(end, end + 11))
    member = life.state.ledger.by_id["m"]
    assert member.activity is not None
    assert (member.activity.days, STAGES[member.stage - 1]) == (3, "growing")


def test_an_order_behind_the_last_day_of_an_import_has_its_buyer_told_as_they_stand() -> None:
    life, end = Life(), next(day for day in range(70, 80) if (FIRST_DAY + day) % 7 == 6)
    life.add(e.Join, at(0, 1), member_id="m")
    life.add(e.Message, at(0, 2), member_id="m")
    for day in range(end + 1):
        if day >= end - 3 and day < end:
            life.add(e.Message, at(day, 2), member_id="m")
        life.close(day)
    life.add(e.SourceComplete, at(end + 1), "", complete_until=at(end + 1))
    paid = {"order_id": "o", "customer_id": "m", "member_id": "m", "amount": 5, "currency": "EUR", "weight": 1.0}
    life.add(e.OrderAttributed, at(end, 3), **paid, rule="membership", source="attribution", source_seq=1)
    told = life.add(e.Tick, at(end + 1, 0.1), "", source=None)
    (standing,) = next(value.standings for value in told if hasattr(value, "standings"))
    assert (standing.stage, standing.active_days_28d, standing.orders) == ("growing", 3, 1)
