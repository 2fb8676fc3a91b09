"""The alert agent: what is told of a brand's groups, when, and how often."""

import random
from collections import Counter, defaultdict
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import events as e
from streams.vitals.alerting import AlertLog
from streams.vitals.episodes import AlertPolicy
from streams.vitals.policy import DAY_MS, HOUR_MS
from streams.vitals.rows import AlertKind, AlertState, Reason, Withheld

MINUTE = 60_000
START = 20_000 * DAY_MS
PARTITIONS = 2


def verdict(group, was, now, at, brand="acme", partition=0, risk=0.5):
    return e.VerdictChanged(
        event_id=f"verdict/{group}/{at}", occurred_at=at, brand_id=brand, platform="irc", group_id=group,
        origin_partition=partition, verdict=now, was=was, risk=risk, model="m",
        reasons=(Reason("level", {"usual": 9.0}),),
    )  # fmt: skip


def drop(group, at, outcome="", brand="acme", partition=0):
    common = {
        "event_id": f"drop/{group}/{at}", "occurred_at": at, "brand_id": brand, "platform": "irc", "group_id": group,
        "origin_partition": partition, "verdict": "healthy", "risk": 0.1,
        "reasons": (Reason("drop", {"seen": 20.0, "expected": 60.0, "share": 0.333, "days": 2.0}),),
    }  # fmt: skip
    return e.DropOver(outcome=outcome, **common) if outcome else e.DropBegun(**common)


def source(kind, at, partition, complete_at, name="wecom/acme"):
    return kind(
        event_id=f"source/{name}/{partition}/{at}", occurred_at=at, brand_id="acme", platform="*", source_name=name,
        origin_partition=partition, complete_at=complete_at,
    )  # fmt: skip


def tick(at, partition):
    return e.Tick(event_id=f"t{at}", occurred_at=at, brand_id="*", platform="*", origin_partition=partition)


class Desk:
    """One partition of alert-signals: what is put on it is folded at once; `told` is all that came out."""

    def __init__(self, policy=None, partitions=PARTITIONS):
        self.policy, self.partitions = policy or AlertPolicy(), partitions
        self.log = AlertLog(0, "alerts", partitions, self.policy)
        self.records, self.told = [], []

    def put(self, *events, arrived_at=0):
        for event in events:
            self.records.append(event)
            key = "" if isinstance(event, e.Tick) else event.brand_id
            outputs = self.log.fold(event, key, len(self.records), arrived_at)
            assert all(output.topic == "group-alerts" and output.key == output.value.brand_id for output in outputs)
            self.told += [output.value for output in outputs]
        return self

    def pass_to(self, at):
        return self.put(*(tick(at, partition) for partition in range(self.partitions)))

    def known(self, count, brand="acme"):
        """So many groups that are well."""
        self.put(*(verdict(f"g{n:03}", "forming", "healthy", START - 30 * DAY_MS, brand) for n in range(count)))
        return self.pass_to(START)

    @property
    def heard(self):
        """What somebody is to be told."""
        return [(alert.kind, alert.state, alert.group_id) for alert in self.told if not alert.withheld]

    @property
    def states(self):
        return [(alert.group_id, alert.state, alert.withheld) for alert in self.told]


DAY = START + DAY_MS


def minutes(count):
    return DAY + count * MINUTE


def test_a_death_is_told_once_the_clocks_have_passed_and_nothing_was_added():
    desk = Desk().known(20).put(verdict("g001", "healthy", "dying", DAY)).put(tick(minutes(1), 0))
    assert desk.told == []
    desk.put(tick(minutes(11), 0), tick(minutes(1), 1), tick(minutes(10), 1))
    assert desk.told == []
    desk.put(tick(minutes(11), 1))
    assert desk.heard == [("dying", "opened", "g001")]
    [alert] = desk.told
    assert (alert.at, alert.told_at, alert.verdict, alert.was) == (DAY, minutes(11), "dying", "healthy")
    assert (alert.risk, alert.severity, alert.number) == (0.5, "warning", 1)
    assert (alert.alert_id, alert.reasons[0].code) == (f"{alert.episode_id}/1", "level")


def test_what_arrives_late_is_told_in_the_order_of_its_clock():
    desk = Desk().known(20).put(tick(minutes(59), 0), verdict("g001", "healthy", "dying", DAY), tick(minutes(60), 0))
    desk.put(verdict("g002", "healthy", "dying", DAY, partition=1), tick(minutes(1), 1))
    assert desk.told == []
    desk.put(tick(minutes(90), 0), tick(minutes(90), 1))
    assert [(alert.group_id, alert.told_at) for alert in desk.told] == [("g002", minutes(11)), ("g001", minutes(70))]


def test_an_episode_is_opened_escalated_and_recovered_once():
    desk = Desk().known(20)
    steps = ["dying", "dead", "dying", "dead", "revived", "healthy", "fading", "dying"]
    was = "healthy"
    for day, now in enumerate(steps):
        desk.put(verdict("g001", was, now, DAY + day * DAY_MS)).pass_to(DAY + day * DAY_MS + MINUTE)
        desk.pass_to(DAY + day * DAY_MS + HOUR_MS)
        was = now
    assert [state for _, state, _ in desk.heard] == ["opened", "escalated", "recovered", "opened"]
    ids = [alert.episode_id for alert in desk.told]
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert [alert.severity for alert in desk.told] == ["warning", "critical", "critical", "warning"]
    assert [alert.verdict for alert in desk.told] == ["dying", "dead", "revived", "dying"]


@pytest.mark.parametrize("verdict_after", ["stale", "forming"])
def test_blindness_and_silence_recover_nothing(verdict_after):
    desk = Desk().known(20).put(verdict("g001", "healthy", "dying", DAY)).pass_to(minutes(1)).pass_to(minutes(60))
    desk.put(verdict("g001", "dying", verdict_after, DAY + DAY_MS))
    for day in range(1, 200):
        desk.pass_to(DAY + day * DAY_MS + MINUTE)
    assert desk.heard == [("dying", "opened", "g001")]


def test_a_planned_end_never_alarms_and_closes_what_is_open():
    desk = Desk().known(20)
    desk.put(verdict("g001", "healthy", "dying", DAY)).pass_to(minutes(1)).pass_to(minutes(60))
    desk.put(verdict("g001", "dying", "ended", DAY + DAY_MS), verdict("g002", "healthy", "ended", DAY + DAY_MS))
    desk.pass_to(DAY + DAY_MS + MINUTE).pass_to(DAY + DAY_MS + HOUR_MS)
    assert desk.heard == [("dying", "opened", "g001"), ("dying", "ended", "g001")]


@pytest.mark.parametrize(("late_ms", "withheld"), [(0, ""), (1, "history")])
def test_what_is_older_than_three_days_is_history(late_ms, withheld):
    told_at = DAY + 3 * DAY_MS + late_ms
    desk = Desk().known(20).put(verdict("g001", "healthy", "dying", DAY)).pass_to(told_at).pass_to(told_at + HOUR_MS)
    assert desk.states == [("g001", "opened", withheld)]
    desk.put(verdict("g001", "dying", "healthy", told_at)).pass_to(told_at + DAY_MS)
    assert desk.states[1:] == [("g001", "recovered", "untold" if withheld else "")]


def test_history_that_grows_worse_today_is_news():
    desk = Desk().known(20).put(verdict("old", "healthy", "dying", DAY - 99 * DAY_MS)).pass_to(DAY)
    desk.put(verdict("old", "dying", "dead", DAY)).pass_to(minutes(1))
    desk.put(verdict("old", "dead", "revived", DAY + DAY_MS)).pass_to(DAY + 2 * DAY_MS)
    assert desk.heard == [("dying", "escalated", "old"), ("dying", "recovered", "old")]


# --- many at once


@pytest.mark.parametrize(
    ("known", "dying", "is_common"), [(20, 4, False), (20, 5, True), (25, 5, False), (25, 6, True), (100, 20, False)]
)
def test_a_common_cause_needs_five_groups_and_more_than_a_fifth(known, dying, is_common):
    desk = Desk().known(known)
    desk.put(*(verdict(f"g{n:03}", "healthy", "dying", DAY) for n in range(dying))).pass_to(minutes(1))
    desk.pass_to(minutes(12))
    assert Counter(kind for kind, _, _ in desk.heard) == ({"common_cause": 1} if is_common else {"dying": dying})
    assert sum(alert.kind == "dying" and alert.state == "opened" for alert in desk.told) == dying


def test_500_groups_that_die_within_an_hour_are_one_alert_and_one_recovery():
    desk = Desk().known(500)
    order = random.Random(1).sample(range(500), 500)
    for minute in range(60):
        groups = order[minute * 500 // 60 : (minute + 1) * 500 // 60]
        desk.put(*(verdict(f"g{n:03}", "healthy", "dying", DAY, partition=n % 2) for n in groups))
        desk.pass_to(minutes(minute))
    desk.pass_to(minutes(600))
    assert 1 <= len(desk.heard) <= 3
    assert {kind for kind, _, _ in desk.heard} == {"common_cause"}
    last = [alert for alert in desk.told if alert.kind == "common_cause"][-1]
    assert (last.group_count, last.known_groups, len(last.groups)) == (500, 500, 100)
    assert last.groups == tuple(sorted(last.groups))
    assert last.reasons == (Reason("common_cause", {"groups": 500.0, "known": 500.0}),)
    assert {alert.cause_id for alert in desk.told if alert.group_id} == {last.episode_id}
    before = len(desk.heard)
    desk.put(*(verdict(f"g{n:03}", "dying", "dead", DAY + DAY_MS) for n in range(500))).pass_to(DAY + DAY_MS + 1)
    assert len(desk.heard) == before
    desk.put(*(verdict(f"g{n:03}", "dead", "healthy", DAY + 40 * DAY_MS) for n in range(449)))
    desk.pass_to(DAY + 40 * DAY_MS + 1)
    assert len(desk.heard) == before
    desk.put(*(verdict(f"g{n:03}", "dead", "healthy", DAY + 41 * DAY_MS) for n in range(449, 500)))
    desk.pass_to(DAY + 41 * DAY_MS + 1)
    assert desk.heard[before:] == [("common_cause", "recovered", "")]
    assert sum(alert.state == "recovered" and alert.kind == "dying" for alert in desk.told) == 500


def test_who_joins_within_the_hour_is_told_with_the_rest_and_who_comes_later_is_told_alone():
    desk = Desk().known(30)
    desk.put(*(verdict(f"g{n:03}", "healthy", "dying", DAY) for n in range(10))).pass_to(minutes(1)).pass_to(
        minutes(12)
    )
    desk.put(verdict("g020", "healthy", "dying", DAY)).pass_to(minutes(20)).pass_to(minutes(31))
    desk.put(verdict("g021", "healthy", "dying", DAY)).pass_to(minutes(120)).pass_to(minutes(140))
    assert desk.heard == [
        ("common_cause", "opened", ""), ("common_cause", "escalated", ""), ("dying", "opened", "g021"),
    ]  # fmt: skip
    assert [alert.group_count for alert in desk.told if alert.kind == "common_cause"] == [10, 11]


def test_groups_told_one_by_one_come_under_the_cause_when_more_follow():
    desk = Desk().known(30)
    desk.put(*(verdict(f"g{n:03}", "healthy", "dying", DAY) for n in range(3))).pass_to(minutes(1)).pass_to(minutes(12))
    desk.put(*(verdict(f"g{n:03}", "healthy", "dying", DAY) for n in range(10, 16)))
    desk.pass_to(minutes(30)).pass_to(minutes(41))
    assert [kind for kind, _, _ in desk.heard] == ["dying"] * 3 + ["common_cause"]
    assert desk.told[3].group_count == 9
    desk.put(verdict("g000", "dying", "healthy", DAY + 2 * DAY_MS)).pass_to(DAY + 3 * DAY_MS)
    assert desk.heard[-1] == ("dying", "recovered", "g000")


def test_who_has_been_ill_for_longer_is_no_part_of_a_common_cause():
    desk = Desk().known(20)
    for day in range(2):
        groups = range(day * 4, day * 4 + 4)
        desk.put(*(verdict(f"g{n:03}", "healthy", "dying", DAY + day * DAY_MS) for n in groups))
        desk.pass_to(minutes(1) + day * DAY_MS).pass_to(minutes(12) + day * DAY_MS)
    assert Counter(kind for kind, _, _ in desk.heard) == {"dying": 8}


def test_brands_do_not_count_together():
    desk = Desk().known(20).known(20, "bolt")
    desk.put(*(verdict(f"g{n:03}", "healthy", "dying", DAY) for n in range(4)))
    desk.put(*(verdict(f"g{n:03}", "healthy", "dying", DAY, "bolt") for n in range(4)))
    desk.pass_to(minutes(1)).pass_to(minutes(12))
    assert Counter((alert.brand_id, alert.kind) for alert in desk.told) == {("acme", "dying"): 4, ("bolt", "dying"): 4}
    assert len({alert.episode_id for alert in desk.told}) == 8


# --- drops


def test_a_drop_is_a_warning_told_once_and_over_once():
    desk = Desk().known(20).put(drop("g001", DAY)).pass_to(minutes(1)).pass_to(minutes(10))
    assert desk.told == []
    desk.pass_to(minutes(12)).put(drop("g001", DAY)).put(verdict("g001", "healthy", "fading", DAY + DAY_MS))
    desk.pass_to(DAY + DAY_MS + 1).put(drop("g001", DAY + 2 * DAY_MS, "recovered")).pass_to(DAY + 2 * DAY_MS + 1)
    assert desk.heard == [("drop", "opened", "g001"), ("drop", "recovered", "g001")]
    opened, recovered = desk.told
    assert (opened.severity, opened.verdict, opened.at, opened.told_at) == ("warning", "healthy", DAY, minutes(11))
    assert opened.reasons[0].numbers == {"seen": 20.0, "expected": 60.0, "share": 0.333, "days": 2.0}
    assert (recovered.severity, recovered.at) == ("warning", DAY + 2 * DAY_MS)
    desk.put(drop("g001", DAY + 5 * DAY_MS)).pass_to(DAY + 5 * DAY_MS + 1).pass_to(DAY + 6 * DAY_MS)
    assert desk.heard[2:] == [("drop", "opened", "g001")]


def test_neither_silence_nor_blindness_nor_a_good_verdict_ends_a_drop():
    desk = Desk().known(20).put(drop("g001", DAY)).pass_to(minutes(1)).pass_to(minutes(12))
    for day, (was, now) in enumerate([("healthy", "stale"), ("stale", "healthy"), ("healthy", "revived")], 1):
        desk.put(verdict("g001", was, now, DAY + day * DAY_MS)).pass_to(DAY + day * DAY_MS + 1)
    desk.pass_to(DAY + 90 * DAY_MS)
    assert len(desk.told) == 1


@pytest.mark.parametrize(("outcome", "state"), [("settled", "ended"), ("ended", "ended"), ("recovered", "recovered")])
def test_how_a_drop_ends(outcome, state):
    desk = Desk().known(20).put(drop("g001", DAY)).pass_to(minutes(1)).pass_to(minutes(12))
    desk.put(drop("g001", DAY + DAY_MS, outcome)).pass_to(DAY + DAY_MS + 1)
    assert desk.heard[1:] == [("drop", state, "g001")]


def test_the_end_of_a_group_ends_its_drop_once_whoever_says_so_first():
    desk = Desk().known(20).put(drop("g001", DAY)).pass_to(minutes(1)).pass_to(minutes(12))
    desk.put(drop("g001", DAY + DAY_MS, "ended"), verdict("g001", "healthy", "ended", DAY + DAY_MS))
    desk.pass_to(DAY + DAY_MS + 1).put(drop("g001", DAY + 3 * DAY_MS)).pass_to(DAY + 3 * DAY_MS + 1)
    desk.pass_to(DAY + 4 * DAY_MS)
    assert desk.heard[1:] == [("drop", "ended", "g001")]


def test_a_drop_that_turns_out_to_be_a_death_grows_worse_and_stays_one_episode():
    desk = Desk().known(20).put(drop("g001", DAY)).pass_to(minutes(1)).pass_to(minutes(12))
    desk.put(acknowledgement(desk.told[0].episode_id, minutes(13)))
    later = DAY + 9 * DAY_MS
    desk.put(verdict("g001", "fading", "dying", later)).pass_to(later + 1)
    assert len(desk.told) == 2, "it waits for others"
    desk.pass_to(later + 12 * MINUTE).put(drop("g001", later + DAY_MS, "recovered")).pass_to(later + 2 * DAY_MS)
    desk.put(verdict("g001", "dying", "healthy", later + 40 * DAY_MS)).pass_to(later + 41 * DAY_MS)
    assert [alert.kind for alert in desk.told] == ["drop", "drop", "dying", "dying"]
    assert [alert.state for alert in desk.told] == ["opened", "acknowledged", "escalated", "recovered"]
    assert len({alert.episode_id for alert in desk.told}) == 1
    worse = desk.told[2]
    assert (worse.severity, worse.verdict, worse.was, worse.at) == ("warning", "dying", "fading", later)
    assert worse.reasons[0].code == "level"


def test_a_drop_that_dies_before_it_is_told_is_told_as_a_death():
    desk = Desk().known(20).put(drop("g001", DAY), verdict("g001", "healthy", "dying", DAY + 1)).pass_to(minutes(1))
    desk.pass_to(minutes(12))
    assert desk.heard == [("dying", "opened", "g001")]


def test_of_a_dying_group_no_drop_is_told():
    desk = Desk().known(20).put(verdict("g001", "healthy", "dying", DAY)).pass_to(minutes(1)).pass_to(minutes(12))
    desk.put(drop("g001", DAY + DAY_MS)).pass_to(DAY + 2 * DAY_MS)
    assert desk.heard == [("dying", "opened", "g001")]


def test_many_drops_at_once_are_one_warning_and_their_deaths_one_page():
    desk = Desk().known(20).put(*(drop(f"g{n:03}", DAY) for n in range(8))).pass_to(minutes(1)).pass_to(minutes(12))
    later = DAY + 20 * DAY_MS
    desk.put(*(verdict(f"g{n:03}", "fading", "dying", later) for n in range(8)))
    desk.pass_to(later + 1).pass_to(later + 12 * MINUTE)
    assert [(kind, state) for kind, state, _ in desk.heard] == [
        ("common_cause", "opened"), ("common_cause", "ended"), ("common_cause", "opened"),
    ]  # fmt: skip
    assert [alert.severity for alert in desk.told if not alert.withheld] == ["warning", "warning", "critical"]
    assert [alert.state for alert in desk.told if alert.kind == "dying"] == ["escalated"] * 8
    desk.put(*(verdict(f"g{n:03}", "dying", "healthy", later + 40 * DAY_MS) for n in range(8)))
    desk.pass_to(later + 41 * DAY_MS)
    assert [(kind, state) for kind, state, _ in desk.heard][3:] == [("common_cause", "recovered")]


def test_one_death_of_a_common_drop_is_told_by_itself():
    desk = Desk().known(20).put(*(drop(f"g{n:03}", DAY) for n in range(8))).pass_to(minutes(1)).pass_to(minutes(12))
    later = DAY + 20 * DAY_MS
    desk.put(verdict("g003", "fading", "dying", later)).pass_to(later + 1).pass_to(later + 12 * MINUTE)
    assert desk.heard[1:] == [("dying", "escalated", "g003")]
    desk.put(verdict("g003", "dying", "healthy", later + 40 * DAY_MS))
    desk.put(*(drop(f"g{n:03}", later + 41 * DAY_MS, "recovered") for n in range(8) if n != 3))
    desk.pass_to(later + 42 * DAY_MS)
    assert desk.heard[2:] == [("dying", "recovered", "g003"), ("common_cause", "recovered", "")]


def test_a_death_that_is_over_before_it_is_told_ends_the_drop_it_was():
    desk = Desk().known(20).put(drop("g001", DAY)).pass_to(minutes(1)).pass_to(minutes(12))
    desk.put(verdict("g001", "fading", "dying", DAY + DAY_MS), verdict("g001", "dying", "healthy", DAY + DAY_MS + 1))
    desk.pass_to(DAY + DAY_MS + MINUTE).pass_to(DAY + 2 * DAY_MS)
    assert desk.heard[1:] == [("dying", "recovered", "g001")]


def test_nobody_is_told_of_a_drop_of_a_snoozed_group_or_of_history():
    desk = Desk().known(20).put(snooze(DAY + DAY_MS, START, "g001"), drop("g001", DAY))
    desk.put(drop("g002", START - 2 * DAY_MS - 1)).pass_to(minutes(1)).pass_to(minutes(12))
    assert sorted(desk.states) == [("g001", "opened", "snoozed"), ("g002", "opened", "history")]


# --- sources


def test_a_blind_source_is_told_once_and_when_it_is_seen_again_once():
    desk = Desk().known(100)
    blind_at, complete_at = DAY + 12 * HOUR_MS, DAY
    for minute in range(6 * 60):
        at = blind_at + minute * MINUTE
        if minute == 0:
            desk.put(*(source(e.SourceBlind, at, partition, complete_at) for partition in range(2)))
        desk.pass_to(at)
    seen_at = blind_at + 6 * HOUR_MS
    desk.put(source(e.SourceSeen, seen_at, 0, seen_at)).pass_to(seen_at)
    assert desk.heard == [("blind", "opened", "")]
    desk.put(source(e.SourceSeen, seen_at + MINUTE, 1, seen_at)).pass_to(seen_at + MINUTE)
    assert desk.heard == [("blind", "opened", ""), ("blind", "recovered", "")]
    opened = desk.told[0]
    assert (opened.source_name, opened.at, opened.told_at) == ("wecom/acme", blind_at, blind_at + 10 * MINUTE)
    reason = Reason("blind", {"hours": 12.2, "complete_at": float(complete_at)})
    assert (opened.reasons, opened.severity) == ((reason,), "critical")


def test_a_source_that_is_heard_again_at_once_is_not_told():
    desk = Desk().put(source(e.SourceBlind, DAY, 0, DAY - DAY_MS)).pass_to(DAY)
    desk.put(source(e.SourceSeen, minutes(9), 0, DAY)).pass_to(minutes(9)).pass_to(minutes(60))
    assert desk.told == []


# --- people


def acknowledgement(episode_id, at):
    return e.Acknowledged(
        event_id=f"a{at}", occurred_at=at, brand_id="acme", platform="*", episode_id=episode_id, actor="lin"
    )


def test_an_acknowledgement_is_told_once_and_only_of_what_is_open():
    desk = Desk().known(20).put(verdict("g001", "healthy", "dying", DAY)).pass_to(minutes(1)).pass_to(minutes(60))
    episode = desk.told[0].episode_id
    desk.put(*(acknowledgement(one, minutes(61 + n)) for n, one in enumerate([episode, episode, "none"])))
    assert desk.states[1:] == [("g001", "acknowledged", "")]
    assert desk.told[1].actor == "lin"


def snooze(until, at, group="g001"):
    return e.Snoozed(
        event_id=f"s{at}", occurred_at=at, brand_id="acme", platform="*", group_id=group, until=until, actor="lin"
    )


def test_nothing_is_told_of_a_snoozed_group_until_its_snooze_ends():
    desk = Desk().known(20).put(verdict("g001", "healthy", "dying", DAY)).pass_to(minutes(1)).pass_to(minutes(60))
    desk.put(snooze(DAY + 3 * DAY_MS, minutes(61))).put(snooze(DAY + 3 * DAY_MS, minutes(62)))
    desk.put(verdict("g001", "dying", "dead", DAY + DAY_MS)).pass_to(DAY + DAY_MS + 1)
    desk.pass_to(DAY + 3 * DAY_MS - 1)
    assert desk.states[1:] == [("g001", "snoozed", ""), ("g001", "escalated", "snoozed")]
    assert desk.told[1].until == DAY + 3 * DAY_MS
    desk.pass_to(DAY + 3 * DAY_MS)
    assert desk.states[3:] == [("g001", "resumed", "")]
    assert desk.told[3].verdict == "dead"
    desk.pass_to(DAY + 9 * DAY_MS)
    assert len(desk.told) == 4


def test_what_somebody_looks_after_is_not_told_again_when_its_snooze_ends():
    desk = Desk().known(20).put(verdict("g001", "healthy", "dying", DAY)).pass_to(minutes(1)).pass_to(minutes(60))
    desk.put(acknowledgement(desk.told[0].episode_id, minutes(61)), snooze(minutes(90), minutes(62)))
    desk.pass_to(minutes(90))
    assert desk.states[1:] == [
        ("g001", "acknowledged", ""), ("g001", "snoozed", ""), ("g001", "resumed", "acknowledged"),
    ]  # fmt: skip


def test_a_snooze_that_began_before_an_alert_withholds_it_and_one_that_is_ended_does_not():
    desk = Desk().known(20).put(snooze(DAY + DAY_MS, START, "g001"), snooze(DAY + DAY_MS, START, "g002"))
    desk.put(snooze(START, START, "g002"))
    desk.put(*(verdict(group, "healthy", "dying", DAY) for group in ("g001", "g002")))
    desk.pass_to(minutes(1)).pass_to(minutes(12))
    assert desk.states == [("g001", "opened", "snoozed"), ("g002", "opened", "")]
    desk.put(verdict("g001", "dying", "healthy", DAY + HOUR_MS)).pass_to(DAY + DAY_MS)
    assert desk.states[2:] == [("g001", "recovered", "untold")]


def test_a_partition_that_stands_still_is_waited_for_two_hours_only():
    desk = Desk().known(20).put(verdict("g001", "healthy", "dying", DAY))
    for minute in range(121):
        desk.put(tick(minutes(minute), 0), arrived_at=minutes(minute))
    assert desk.told == []
    desk.put(tick(minutes(121), 0), arrived_at=minutes(121))
    assert desk.heard == [("dying", "opened", "g001")]
    desk.put(verdict("g002", "healthy", "dying", DAY, partition=1))
    for minute in range(122, 200):
        desk.put(tick(minutes(minute), 0), arrived_at=minutes(minute))
    assert desk.heard == [("dying", "opened", "g001")]
    desk.put(tick(minutes(180), 1), tick(minutes(200), 0), tick(minutes(200), 1), arrived_at=minutes(200))
    assert desk.heard[1:] == [("dying", "opened", "g002")]


def test_a_partition_that_is_days_behind_in_a_backlog_is_waited_for():
    desk = Desk().known(20).put(verdict("g001", "healthy", "dying", DAY))
    desk.put(*(tick(minutes(minute), 0) for minute in range(9_999)), arrived_at=minutes(10_000))
    assert desk.told == []
    desk.put(tick(minutes(9_999), 0), arrived_at=minutes(20_000))  # all stood still in between
    assert desk.told == []
    desk.put(*(tick(minutes(minute), 1) for minute in range(9_999)), arrived_at=minutes(20_001))
    assert desk.heard == [("dying", "opened", "g001")]
    assert desk.told[0].told_at == minutes(10)


# --- the same alerts, whatever happens on the way


def story(seed, partitions):
    """What each partition of chat-events says, in its order: two brands over some days, ticks of its own times."""
    chance = random.Random(seed)
    feeds = [[] for _ in range(partitions)]
    for partition, feed in enumerate(feeds):
        now = {f"g{n}": "healthy" for n in range(partition, 24, partitions)}
        dropped = set()
        is_blind = False
        for hour in range(24 * 12):
            at = START + hour * HOUR_MS + chance.choice([0, 0, 7 * MINUTE])
            for group, was in now.items():
                odds = 0.9 if hour == 100 else 0.03 if hour % 24 == 0 else 0
                if chance.random() < odds:
                    lag = chance.choice([0, 0, 1, 5])
                    verdict_now = chance.choice(["dying", "dying", "dead", "healthy", "fading", "ended"])
                    if verdict_now != was:
                        brand = "acme" if int(group[1:]) % 3 else "bolt"
                        feed.append(verdict(group, was, verdict_now, at - lag * DAY_MS + hour, brand, partition))
                        now[group] = verdict_now
                if chance.random() < (0.5 if hour == 50 else 0.03 if hour % 24 == 0 else 0):
                    brand = "acme" if int(group[1:]) % 3 else "bolt"
                    outcome = chance.choice(["recovered", "settled", "ended"]) if group in dropped else ""
                    feed.append(drop(group, at, outcome, brand, partition))
                    dropped ^= {group}
            if chance.random() < 0.02:
                is_blind = not is_blind
                feed.append(source(e.SourceBlind if is_blind else e.SourceSeen, at, partition, at - 12 * HOUR_MS))
            feed.append(tick(at, partition))
        feed.append(tick(START + 40 * DAY_MS, partition))
    return feeds


def alerts_of(records, pace=0, crash=lambda: False, partitions=3):
    """All that is told, folded with crashes: values may be ahead of the position, outputs are told again.

    A record arrives `pace` ms after the one before it.
    """
    log = AlertLog(0, "alerts", partitions)
    position, partition_value, values = 0, None, {}
    told, offset = {}, 0
    while offset < len(records):
        event = records[offset]
        for output in log.fold(event, "" if isinstance(event, e.Tick) else event.brand_id, offset, offset * pace):
            row = msgspec.json.encode(output.value)
            assert told.setdefault(output.value.alert_id, row) == row, "told again, and not the same"
        offset += 1
        if crash():
            if crash():
                values |= log.take_changed()
                if crash():
                    position, partition_value = offset, log.partition_value()
            log = AlertLog(0, "alerts", partitions)
            log.restore(partition_value, values)
            offset = position
        elif offset % 50 == 0:
            values |= log.take_changed()
            position, partition_value = offset, log.partition_value()
    return told, values | log.take_changed()


def essence(told):
    rows = [msgspec.json.decode(row) for row in told.values()]
    return sorted(repr({k: v for k, v in row.items() if k != "source_offset"}) for row in rows)


def interleaved(feeds, chance, again=0):
    """One log of all feeds, each in its own order; a sender that crashed says a stretch of its feed again."""
    places, records = [0] * len(feeds), []
    while any(place < len(feed) for place, feed in zip(places, feeds, strict=True)):
        one = chance.choice([n for n, feed in enumerate(feeds) if places[n] < len(feed)])
        count = chance.randrange(1, 30)
        records += feeds[one][places[one] : places[one] + count]
        places[one] += count
        if again and chance.random() < 0.2:
            again -= 1
            places[one] = max(0, places[one] - chance.randrange(1, 40))
    return records


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_alerts_do_not_depend_on_interleaving_or_on_signals_sent_again(seed, schedule):
    feeds = story(seed, 3)
    chance = random.Random(schedule)
    expected, _ = alerts_of(interleaved(feeds, random.Random(0)))
    told, _ = alerts_of(interleaved(feeds, chance, again=5))
    assert essence(told) == essence(expected)
    states = defaultdict(list)
    for row in map(msgspec.json.decode, told.values()):
        states[row["episode_id"]].append((row["number"], row["state"]))
    for of_episode in states.values():
        numbers, names = zip(*sorted(of_episode), strict=True)
        assert numbers == tuple(range(1, len(numbers) + 1))
        assert names[0] == "opened"
        assert not {"recovered", "ended"} & set(names[:-1])


def with_people(records, chance):
    """The log with what people said of alerts in between."""
    told = [msgspec.json.decode(row) for row in alerts_of(records)[0].values()]
    said = []
    for row in chance.sample(told, min(len(told), 20)):
        at, group = row["told_at"] + HOUR_MS, row["group_id"]
        said.append((row["source_offset"] + chance.randrange(1, 90), acknowledgement(row["episode_id"], at)))
        until = at + chance.randrange(-HOUR_MS, 5 * DAY_MS)
        said += [(row["source_offset"] + chance.randrange(-90, 90), snooze(until, at, group))] if group else []
    for place, event in sorted(said, key=lambda one: one[0], reverse=True):
        records.insert(max(0, place), event)
    return records


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_restart_anywhere_tells_the_same_bytes_and_keeps_the_same_values(seed, schedule):
    chance = random.Random(schedule)
    records = with_people(interleaved(story(seed, 3), random.Random(seed), again=3), chance)
    pace = chance.choice([0, MINUTE, 10 * MINUTE])
    told, values = alerts_of(records, pace, lambda: chance.random() < 0.03)
    expected, kept = alerts_of(records, pace)
    assert (told, values) == (expected, kept)


def test_values_that_are_ahead_of_the_position_are_written_again():
    desk = Desk().known(20)
    values, offset = desk.log.take_changed(), len(desk.records)
    for first, again in ((1, ["acme"]), (offset, ["acme"]), (offset + 1, [])):
        log = AlertLog(0, "alerts", PARTITIONS)
        log.restore(None, values)
        log.fold(tick(START, 0), "", first, 0)
        assert list(log.take_changed()) == again


def test_the_story_has_every_transition_and_every_kind():
    rows = []
    for seed in range(5):
        records = with_people(interleaved(story(seed, 3), random.Random(0)), random.Random(seed))
        rows += map(msgspec.json.decode, alerts_of(records)[0].values())
    assert {row["kind"] for row in rows} == set(get_args(AlertKind))
    assert {row["state"] for row in rows} == set(get_args(AlertState))
    assert {row["withheld"] for row in rows} == set(get_args(Withheld))
