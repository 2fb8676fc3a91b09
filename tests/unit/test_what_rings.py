"""From chat to what a pager is sent: a source that is blind, a group that falls silent for good, a group that vanishes.

500 groups that die within an hour are in `test_notify_outbox.py`.
"""

from collections import Counter

import msgspec
import pytest

from streams.vitals.partition import GroupLog
from streams.vitals.policy import DAY_MS, HOUR_MS
from tests.unit.test_notify_outbox import World as Pager
from tests.unit.test_way_of_an_alert import MODEL, START, World


def sent(told, tmp_path):
    """(action, key) of all that PagerDuty is sent of some alerts."""
    pager = Pager(tmp_path, kind="pagerduty").put(*told).pass_s(3600)
    bodies = [msgspec.json.decode(message.body) for _, message in pager.sent]
    return [(body["event_action"], body["dedup_key"]) for body in bodies]


def test_a_source_that_is_blind_for_six_hours_over_100_groups_is_one_incident(tmp_path):
    world = World()
    for n in range(100):
        world.talk(f"g{n:03}", 0)
    for hour in range(10, 80):
        world.hour(START + hour * HOUR_MS, is_seen=not 40 <= hour < 40 + 12 + 6)
    world.settle()
    actions = sent(world.told, tmp_path)
    assert [action for action, _ in actions] == ["trigger", "resolve"]
    assert len({key for _, key in actions}) == 1


@pytest.fixture(scope="module")
def firing():
    """A group that talked for 90 days, fell silent and was told; another goes on."""
    world = World()
    for day in range(140):
        world.talk("healthy", day)
        if day < 90:
            world.talk("dying", day)
        world.hour(START + (day + 1) * DAY_MS)
        world.hour(START + (day + 1) * DAY_MS + HOUR_MS)
    world.settle()
    states = [state for _, state, group in world.heard if group == "dying"]
    assert len(states) == len(world.heard) >= 2
    assert states == ["opened", *["escalated"] * (len(states) - 1)]
    return world


def after(firing, *, is_known=True):
    """The same agents, each started anew from what it wrote; the groups' may have lost the group that fires."""
    world = World(1)
    world.offsets = Counter(firing.offsets)
    firing.alerts._changed |= set(firing.alerts._brands)
    world.alerts.restore(firing.alerts.partition_value(), firing.alerts.take_changed())
    world.groups = [restored(log, is_known=is_known) for log in firing.groups]
    known = {one.group_id for log in world.groups for one in log.groups()}
    assert known == ({"healthy", "dying"} if is_known else {"healthy"})
    return world


def restored(log, *, is_known):
    log._changed |= {one.group_id for one in log.groups()}
    values = {key: value for key, value in log.take_changed().items() if is_known or key != "dying"}
    new = GroupLog(log.partition, log.origin, MODEL)
    new.restore(log.partition_value(), values)
    return new


def live_on(world, days, *talking, is_seen=True):
    """More days, on which these groups talk."""
    for day in range(140, 140 + days):
        for group in talking:
            world.talk(group, day)
        world.hour(START + (day + 1) * DAY_MS, is_seen=is_seen)
        world.hour(START + (day + 1) * DAY_MS + HOUR_MS, is_seen=is_seen)
    world.settle()


@pytest.mark.parametrize(
    ("is_seen", "is_known", "told"),
    [(True, True, []), (True, False, []), (False, True, [("blind", "opened")]), (False, False, [("blind", "opened")])],
    ids=["silent", "vanished", "silent and blind", "vanished and blind"],
)
def test_a_firing_group_that_says_no_more_is_never_resolved(firing, tmp_path, is_seen, is_known, told):
    world = after(firing, is_known=is_known)
    live_on(world, 120, *(["healthy"] if is_seen else []), is_seen=is_seen)
    assert [(kind, state) for kind, state, _ in world.heard] == told
    actions = sent([*firing.told, *world.told], tmp_path)
    assert [action for action, _ in actions] == ["trigger"] * (len(firing.heard) + len(told))


def test_it_is_resolved_when_it_talks_again(firing, tmp_path):
    world = after(firing)
    live_on(world, 60, "healthy", "dying")
    actions = sent([*firing.told, *world.told], tmp_path)
    assert [action for action, _ in actions] == [*["trigger"] * len(firing.heard), "resolve"]
    assert len({key for _, key in actions}) == 1
