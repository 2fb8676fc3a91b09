"""From chat through the group agents and the alert agent to what somebody is told."""

import random
from collections import Counter

import pytest
import xxhash

from streams import events as e
from streams import models
from streams.vitals.alerting import AlertLog
from streams.vitals.partition import GroupLog
from streams.vitals.policy import DAY_MS, HOUR_MS
from streams.vitals.rows import EVERY_PARTITION

MODEL = models.load()
PARTITIONS = 3
START = 19_800 * DAY_MS
SOURCE = "wecom/acme"
COMMON = {"brand_id": "acme", "platform": "wecom", "source": SOURCE}


class World:
    """The partitions of chat-events, and the one of alert-signals that the brand is in; alerts land in `told`.

    What one group agent says arrives in its order; which of them arrives first is by chance.
    """

    def __init__(self, seed=0):
        self.chance = random.Random(seed)
        self.groups = [GroupLog(p, f"groups/chat-events/{p}/t", MODEL) for p in range(PARTITIONS)]
        self.alerts = AlertLog(0, "alerts/alert-signals/0/t", PARTITIONS)
        self.flying = [[] for _ in range(PARTITIONS)]
        self.records = [[] for _ in range(PARTITIONS)]
        self.offsets = Counter()
        self.told, self.signals = [], []

    def say(self, event, partition=None):
        if isinstance(event, e.GroupEvent):
            partition = xxhash.xxh32_intdigest(event.group_id.encode()) % PARTITIONS
        for one in range(PARTITIONS) if partition is None else [partition]:
            self.records[one].append(event)
            self.fold(one, event)
        while self.chance.random() < 0.9 and any(self.flying):
            self.land(self.chance.choice([flying for flying in self.flying if flying]))

    def fold(self, one, event):
        key = event.group_id if isinstance(event, e.GroupEvent) else ""
        for output in self.groups[one].fold(event, key, self.offsets[one], event.occurred_at):
            if output.topic == "alert-signals":
                assert (output.partition == EVERY_PARTITION) == isinstance(output.value, e.Tick)
                self.flying[one].append((output.key, output.value))
                self.signals += [] if isinstance(output.value, e.Tick) else [output.value]
        self.offsets[one] += 1

    def crash(self, one):
        """The values of a group agent are lost with it: it folds all anew and says all again."""
        self.groups[one], self.offsets[one] = GroupLog(one, f"groups/chat-events/{one}/t", MODEL), 0
        for event in self.records[one]:
            self.fold(one, event)

    def land(self, flying):
        key, event = flying.pop(0)
        self.told += [output.value for output in self.alerts.fold(event, key, self.offsets["alerts"], 0)]
        self.offsets["alerts"] += 1

    def settle(self):
        for flying in self.flying:
            while flying:
                self.land(flying)

    def hour(self, at, is_seen=True):
        """An hour passed, and if the source is seen it says so."""
        if is_seen:
            said = e.SourceComplete(event_id=f"c{at}", occurred_at=at, complete_until=at, is_live=True, **COMMON)
            self.say(said)
        self.say(e.Tick(event_id=f"t{at}", occurred_at=at, brand_id="*", platform="*"))

    def talk(self, group, day, people=4):
        for n in range(people):
            at = START + day * DAY_MS + (9 + n) * HOUR_MS
            self.say(e.Message(
                event_id=f"{group}/{at}", occurred_at=at, group_id=group, member_id=f"m{n}", source_seq=at, **COMMON
            ))  # fmt: skip

    @property
    def heard(self):
        return [(alert.kind, alert.state, alert.group_id) for alert in self.told if not alert.withheld]


@pytest.mark.parametrize("seed", range(3))
def test_a_source_that_is_blind_for_six_hours_over_100_groups_is_one_alert(seed):
    world = World(seed)
    for n in range(100):
        world.talk(f"g{n:03}", 0)
    down = 40
    for hour in range(10, 80):
        world.hour(START + hour * HOUR_MS, is_seen=not down <= hour < down + 12 + 6)
    world.settle()
    assert world.heard == [("blind", "opened", ""), ("blind", "recovered", "")]
    assert Counter(type(signal) for signal in world.signals) == {e.SourceBlind: PARTITIONS, e.SourceSeen: PARTITIONS}
    opened, recovered = world.told
    assert (opened.source_name, opened.at) == (SOURCE, START + (down - 1 + 13) * HOUR_MS)
    assert recovered.at == START + (down + 18) * HOUR_MS


@pytest.mark.parametrize(("seed", "crashes"), [(0, ()), (1, ()), (2, (95, 130, 200)), (3, (94, 181, 259))])
def test_a_group_that_dies_and_comes_back_is_told_as_one_episode(seed, crashes):
    world = World(seed)
    for day in range(260):
        world.talk("healthy", day)
        if not 90 <= day < 170:
            world.talk("dying", day)
        for hour in (0, 1, 12):
            world.hour(START + (day + 1) * DAY_MS + hour * HOUR_MS)
        for partition in range(PARTITIONS) if day in crashes else ():
            world.crash(partition)
    world.settle()
    assert [(kind, state) for kind, state, group in world.heard if group == "dying"] == [
        ("drop", "opened"), ("dying", "escalated"), ("dying", "escalated"), ("dying", "recovered"),
    ]  # fmt: skip
    assert {group for _, _, group in world.heard} == {"dying"}
    assert len({alert.episode_id for alert in world.told}) == 1
    assert all(alert.told_at - alert.at <= 2 * HOUR_MS for alert in world.told)


def test_an_import_of_history_tells_nobody():
    world = World()
    for day in range(200):
        if day < 90:
            world.talk("dying", day)
        world.say(e.Tick(event_id=f"i{day}", occurred_at=START + (day + 1) * DAY_MS, **COMMON))
    for hour in range(3):
        world.hour(START + (204 * 24 + hour) * HOUR_MS, is_seen=False)
    world.settle()
    assert world.heard == []
    assert [(alert.state, alert.withheld) for alert in world.told] == [
        ("opened", "history"), ("escalated", "history"), ("escalated", "history"),
    ]  # fmt: skip
