"""When a channel sends, what it does when it cannot, and what a restart remembers."""

import os
import random
from collections import defaultdict
from zoneinfo import ZoneInfo

import msgspec
import pytest

from streams.notify import outbox as outbox_module
from streams.notify.agent import entry_of
from streams.notify.channels import Channel
from streams.notify.outbox import FIRST_BACKOFF_S, LONGEST_BACKOFF_S, REFUSED_TRIES, TRIES, Outbox, Tools
from streams.notify.spool import Entry, Spool
from streams.notify.transport import Outcome
from streams.vitals.alerting import AlertLog
from tests.notifying import AT, channel
from tests.notifying import alert as alert_of
from tests.unit.test_alerting import START, Desk, verdict

OK = Outcome()
FAILED = Outcome("HTTP 500")
REFUSED = Outcome("HTTP 400", is_refused=True)


class Killed(BaseException):
    """The process ends here."""


class World:
    """A channel, its spool on disk, a clock that is moved by hand, and a receiver that does as it is told."""

    def __init__(self, path, kind="wecom", answers=(), **changed):
        self.path, self.now, self.wall = path / "spool.jsonl", 1000.0, AT / 1000
        self.channel: Channel = channel(kind, **({"gather_s": 0.0} | changed))
        self.answers, self.sent, self.letters = list(answers), [], []
        self.has_kafka = True
        self.restart()

    def restart(self):
        self.outbox = Outbox(self.channel, Spool(self.path), Tools(
            self.send, self.letter, monotonic=lambda: self.now, wall=lambda: self.wall,
        ))  # fmt: skip

    def send(self, channel, message):
        self.sent.append((self.now, message))
        return self.answers.pop(0) if self.answers else OK

    def letter(self, letter):
        if self.has_kafka:
            self.letters.append(letter)
        return self.has_kafka

    def put(self, *alerts):
        self.outbox.put([Entry(one, 0, 0) for one in alerts])
        return self

    def pass_s(self, seconds):
        """Let time pass, stepping as the thread would."""
        until = self.now + seconds
        while True:
            wait_s = self.outbox.step()
            if self.now + wait_s > until:
                break
            self.now += wait_s
        self.now = until
        return self

    @property
    def counts(self):
        return [message.count for _, message in self.sent]

    @property
    def times(self):
        return [at - 1000 for at, _ in self.sent]


def alerts(count, start=0):
    return [alert_of(f"{n:016x}", group_id=f"acme/irc/#{n}") for n in range(start, start + count)]


# --- together, and not too often


def test_what_comes_together_goes_together(tmp_path):
    world = World(tmp_path, gather_s=5.0).put(*alerts(2))
    world.pass_s(3).put(*alerts(1, start=2)).pass_s(1.9)
    assert world.counts == []
    world.pass_s(0.2)
    assert (world.counts, world.times) == ([3], [5.0])


def test_a_full_message_waits_for_nothing(tmp_path):
    world = World(tmp_path, gather_s=5.0, per_minute=100, kind="dingtalk").put(*alerts(21)).pass_s(0)
    assert world.counts == [20]
    world.pass_s(5)
    assert world.counts == [20, 1]


def test_no_more_messages_a_minute_than_the_channel_takes(tmp_path):
    world = World(tmp_path, kind="webhook", per_minute=20).put(*alerts(21)).pass_s(59.9)
    assert len(world.sent) == 20
    world.pass_s(0.2)
    assert len(world.sent) == 21


def test_a_try_that_failed_counts_for_the_rate_as_it_may_have_arrived(tmp_path):
    world = World(tmp_path, kind="webhook", per_minute=2, answers=[FAILED]).put(*alerts(2)).pass_s(59)
    assert len(world.sent) == 2
    world.pass_s(2)
    assert len(world.sent) == 3


# --- it fails


def test_the_pause_doubles_up_to_ten_minutes(tmp_path):
    world = World(tmp_path, answers=[FAILED] * 12).put(*alerts(1)).pass_s(3600)
    gaps = [later - earlier for earlier, later in zip(world.times, world.times[1:], strict=False)]
    assert gaps == [2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 600.0, 600.0, 600.0]
    assert (gaps[0], gaps[-1]) == (FIRST_BACKOFF_S, LONGEST_BACKOFF_S)


def test_after_a_success_the_pause_is_short_again(tmp_path):
    world = World(tmp_path, answers=[FAILED, FAILED, OK, FAILED]).put(*alerts(1)).pass_s(10)
    world.put(*alerts(1, start=1)).pass_s(10)
    assert world.times == [0.0, 2.0, 6.0, 10.0, 12.0]
    assert (world.outbox.counts["taken"], world.outbox.counts["failed"]) == (2, 3)


@pytest.mark.parametrize(("after_s", "second"), [(1.0, 2.0), (2.0, 2.0), (90.0, 90.0)])
def test_it_waits_as_long_as_it_is_told_and_no_less_than_it_would(tmp_path, after_s, second):
    world = World(tmp_path, answers=[Outcome("HTTP 429", is_limited=True, after_s=after_s)]).put(*alerts(1)).pass_s(100)
    assert world.times == [0.0, second]


def test_too_many_is_no_try_however_often_it_is_said(tmp_path):
    limited = [Outcome("HTTP 429", is_limited=True)] * (2 * TRIES)
    world = World(tmp_path, answers=limited).put(*alerts(1)).pass_s(600 * 2 * TRIES)
    assert (world.letters, len(world.outbox)) == ([], 0)


@pytest.mark.parametrize(("answer", "tries"), [(FAILED, TRIES), (REFUSED, REFUSED_TRIES)])
@pytest.mark.parametrize("is_last_good", [True, False])
def test_at_the_last_try_it_may_succeed_and_after_it_is_a_dead_letter(tmp_path, answer, tries, is_last_good):
    world = World(tmp_path, answers=[answer] * (tries - is_last_good)).put(*alerts(1)).pass_s(600 * TRIES)
    assert len(world.sent) == tries
    assert len(world.outbox) == 0
    if is_last_good:
        assert world.letters == []
    else:
        (letter,) = world.letters
        assert (letter.origin, letter.reason) == ("group-alerts", "undeliverable")
        assert letter.detail == f"channel my-wecom: {answer.reason}, {tries} tries"
        assert "t0ken" not in letter.detail


def test_one_bad_alert_costs_no_others(tmp_path):
    bad, *good = alerts(4)
    world = World(tmp_path)

    def send(channel, message):
        world.sent.append((world.now, message))
        return REFUSED if f"#{bad.alert_id}".encode() in message.body else OK

    world.send = send
    world.restart()
    world.put(bad, *good).pass_s(3600)
    assert len(world.letters) == 1
    assert len(world.outbox) == 0
    delivered = {one.alert_id for one in good if any(one.alert_id.encode() in m.body for _, m in world.sent)}
    assert delivered == {one.alert_id for one in good}
    assert world.counts == [4, *[1] * REFUSED_TRIES, 1, 2]


def test_without_kafka_nothing_is_given_up(tmp_path):
    world = World(tmp_path, answers=[REFUSED] * REFUSED_TRIES)
    world.has_kafka = False
    world.put(*alerts(1)).pass_s(60)
    assert (len(world.sent), len(world.outbox), world.letters) == (REFUSED_TRIES, 1, [])
    world.pass_s(600)
    assert len(world.outbox) == 0  # it was delivered at last


def test_a_spool_that_is_full_gives_up_the_oldest(tmp_path, monkeypatch):
    monkeypatch.setattr(outbox_module, "SPOOLED", 3)
    world = World(tmp_path, kind="webhook", answers=[FAILED] * 9).put(*alerts(3)).pass_s(1)
    assert world.letters == []
    world.put(*alerts(1, start=3)).pass_s(1)
    (letter,) = world.letters
    assert letter.detail == "channel my-webhook: more than 3 wait"
    assert len(world.outbox) == 3


def test_a_full_spool_without_kafka_keeps_all_and_does_not_spin(tmp_path, monkeypatch):
    monkeypatch.setattr(outbox_module, "SPOOLED", 1)
    world = World(tmp_path)
    world.has_kafka = False
    world.put(*alerts(2))
    assert world.outbox.step() == FIRST_BACKOFF_S
    assert len(world.outbox) == 2


# --- whom, and at what hours


@pytest.mark.parametrize(
    ("changed", "is_taken"),
    [({}, True), ({"withheld": "snoozed"}, False), ({"withheld": "common_cause"}, False), ({"brand_id": "acme2"}, True),
     ({"brand_id": "tea"}, False), ({"severity": "critical"}, True)],
)  # fmt: skip
def test_a_channel_takes_its_brands_and_what_is_not_withheld(changed, is_taken):
    assert channel("slack", brands=("acme*", "x")).takes(alert_of(**changed)) == is_taken


@pytest.mark.parametrize(("severity", "is_taken"), [("warning", False), ("critical", True)])
def test_a_channel_for_critical_alerts_takes_no_others(severity, is_taken):
    assert channel("slack", min_severity="critical").takes(alert_of(severity=severity)) == is_taken


def test_a_record_that_is_withheld_or_no_alert_is_none():
    assert entry_of(msgspec.json.encode(alert_of()), 1, 2) == Entry(alert_of(), 1, 2)
    assert entry_of(msgspec.json.encode(alert_of(withheld="history")), 1, 2) is None
    assert entry_of(b"\xff{", 1, 2) is None
    assert entry_of(b"", 1, 2) is None


def evening(tmp_path, **changed):
    """A world a second before its quiet hours end, and how to let them end."""
    world = World(tmp_path, quiet=(22 * 60, 8 * 60), zone=ZoneInfo("Asia/Shanghai"), **changed)  # AT is 08:00 there
    world.wall = AT / 1000 - 1
    return world


def test_in_quiet_hours_by_local_time_only_what_is_let_through_rings(tmp_path):
    world = evening(tmp_path, through_quiet=("critical",))
    quiet, loud = alert_of("1" * 16, group_id="a"), alert_of("2" * 16, group_id="b")
    world.put(quiet, loud).pass_s(600)
    assert world.sent == []
    worse = alert_of("2" * 16, number=2, state="escalated", severity="critical", group_id="b")
    world.put(worse).pass_s(600)
    ((_, message),) = world.sent
    assert message.count == 2  # its opening first, as it came first; the quiet group not
    assert message.body.index(loud.alert_id.encode()) < message.body.index(worse.alert_id.encode())
    assert quiet.alert_id.encode() not in message.body
    world.wall = AT / 1000
    world.pass_s(60)
    assert world.counts == [2, 1]


def test_what_recovered_in_quiet_hours_is_told_to_nobody_and_what_did_not_is_told_once(tmp_path):
    gone = [alert_of("1" * 16, 1), alert_of("1" * 16, 2, state="recovered")]
    stays = [alert_of("2" * 16, 1, group_id="b"), alert_of("2" * 16, 2, state="acknowledged", group_id="b")]
    world = evening(tmp_path).put(*gone, *stays).pass_s(600)
    assert world.sent == []
    world.restart()
    world.put(*gone, *stays)
    world.wall = AT / 1000
    world.pass_s(60)
    ((_, message),) = world.sent
    assert stays[1].alert_id.encode() in message.body
    assert (message.count, world.outbox.counts["spared"], len(world.outbox)) == (1, 3, 0)
    world.restart()
    world.put(*gone, *stays).pass_s(600)
    assert len(world.sent) == 1


def test_the_recovery_of_what_was_told_before_quiet_hours_is_told_when_they_end(tmp_path):
    world = World(tmp_path, quiet=(8 * 60, 9 * 60), zone=ZoneInfo("Asia/Shanghai"))
    world.wall = AT / 1000 - 1
    world.put(alert_of("1" * 16, 1)).pass_s(60)
    world.wall = AT / 1000
    world.put(alert_of("1" * 16, 2, state="recovered")).pass_s(60)
    assert world.counts == [1]
    world.restart()
    world.wall += 3600
    world.pass_s(60)
    assert world.counts == [1, 1]


# --- a restart


def test_a_restart_delivers_what_waits_and_repeats_nothing(tmp_path):
    one, two = alerts(2)
    world = World(tmp_path).put(one).pass_s(1)
    world.answers = [FAILED]
    world.put(two).pass_s(1)
    world.restart()
    world.put(one, two).pass_s(1)  # Kafka gives both again
    assert world.counts == [1, 1, 1]
    assert one.alert_id.encode() not in world.sent[-1][1].body


def test_killed_before_it_is_remembered_it_is_sent_again_under_the_same_key(tmp_path):
    world = World(tmp_path, kind="webhook")
    arrived = []

    def send(channel, message):
        arrived.append(message.headers["webhook-id"])
        if len(arrived) == 1:
            raise Killed
        return OK

    world.send = send
    world.restart()
    with pytest.raises(Killed):
        world.put(*alerts(1)).pass_s(1)
    world.restart()
    world.pass_s(1)
    assert arrived == [alerts(1)[0].alert_id] * 2


def test_a_line_cut_off_by_a_kill_is_dropped_and_what_follows_is_whole(tmp_path):
    path = tmp_path / "s.jsonl"
    one, two, three = (Entry(alert, 0, 0) for alert in alerts(3))
    spool = Spool(path)
    spool.put([one])
    size = path.stat().st_size
    spool.put([two])
    data = path.read_bytes()
    for cut in (size, size + 1, len(data) - 1):
        path.write_bytes(data[:cut])
        again = Spool(path)
        assert list(again.waiting) == [one]
        again.put([three])
        assert list(Spool(path).waiting) == [one, three]
    path.write_bytes(data)
    assert list(Spool(path).waiting) == [one, two]


def test_a_disk_that_takes_only_a_part_of_a_line_is_said_to_be_full(tmp_path, monkeypatch):
    spool, (one, two) = Spool(tmp_path / "s.jsonl"), (Entry(alert, 0, 0) for alert in alerts(2))
    spool.put([one])
    write = os.write
    with monkeypatch.context() as full:
        full.setattr("streams.notify.spool.os.write", lambda file, data: write(file, data[:9]))
        with pytest.raises(OSError, match="No space left") as raised:
            spool.put([two])
    assert raised.value.strerror
    assert list(Spool(tmp_path / "s.jsonl").waiting) == [one]


def test_a_spool_stays_small_and_forgets_only_the_oldest_ids(tmp_path):
    path = tmp_path / "s.jsonl"
    spool = Spool(path, remembered=100)
    every = [Entry(alert, 0, 0) for alert in alerts(3000)]
    spool.put(every[-1:])
    for one in every[:-1]:
        spool.put([one])
        spool.done([one.alert.alert_id])
    again = Spool(path, remembered=100)
    for known in (spool, again):
        assert list(known.waiting) == every[-1:]
        assert known.put(every[-101:-1]) == 0
    assert again.put(every[-102:-101]) == 1
    assert path.stat().st_size < 3000 * 700
    assert path.stat().st_mode & 0o077 == 0


# --- all of it


class Receiver:
    """Takes each request or not, fails, says that it is too much, or dies after it took it and before it answered."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.arrivals = []

    def send(self, channel, message):
        fate = self.random.random()
        if fate < 0.10:
            return Outcome("no answer (TimeoutError)")
        if fate < 0.15:
            return Outcome("HTTP 429", is_limited=True, after_s=self.random.choice((0.0, 7.0, 60.0)))
        if fate < 0.25:
            return FAILED
        self.arrivals.append(message)
        if fate < 0.30:
            return Outcome("no answer (ConnectionResetError)")
        if fate < 0.35:
            raise Killed
        return OK


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["webhook", "dingtalk"])
def test_a_bad_receiver_gets_each_alert_once_by_its_key_and_in_order_per_group(tmp_path, kind, seed):
    world, receiver = World(tmp_path, kind=kind, per_minute=1000), Receiver(seed)
    world.send = receiver.send
    world.restart()
    every = [alert_of(f"{n % 20:016x}", n // 20 + 1, group_id=f"acme/irc/#{n % 20}") for n in range(300)]
    for start in range(0, 300, 10):
        for _ in range(100):
            try:
                world.put(*every[max(0, start - 30) : start + 10]).pass_s(30)
                break
            except Killed:
                world.restart()
    for _ in range(200):
        try:
            world.pass_s(600)
        except Killed:
            world.restart()
    assert (len(world.outbox), world.letters) == (0, [])
    firsts = {}
    for message in receiver.arrivals:
        ids = [message.headers["webhook-id"]] if kind == "webhook" else _ids_in(message.body, every)
        for alert_id in ids:
            firsts.setdefault(alert_id, len(firsts))
    assert len(firsts) == 300
    by_group = defaultdict(list)
    for one in sorted(every, key=lambda one: firsts[one.alert_id]):
        by_group[one.group_id].append(one.number)
    assert all(numbers == list(range(1, 16)) for numbers in by_group.values())


def _ids_in(body, every):
    found = [(body.find(f'#{one.alert_id}"'.encode()), one.alert_id) for one in every]
    found += [(body.find(f"#{one.alert_id}\\n".encode()), one.alert_id) for one in every]
    return [alert_id for at, alert_id in sorted(found) if at >= 0]


@pytest.mark.parametrize("kind", ["webhook", "wecom", "pagerduty"])
def test_500_groups_dying_within_an_hour_are_three_notifications_at_most(tmp_path, kind):
    desk = Desk()
    desk.put(*(verdict(f"g{n:03}", "forming", "healthy", START) for n in range(500))).pass_to(START + 60_000)
    for n in range(500):
        at = START + 3_600_000 + n * 7_000
        desk.put(verdict(f"g{n:03}", "healthy", "dying", at, partition=n % 2))
        if n % 10 == 9:
            desk.pass_to(at + 1)
    desk.pass_to(START + 6 * 3_600_000)
    assert isinstance(desk.log, AlertLog)
    world = World(tmp_path, kind=kind, gather_s=5.0)
    for one in desk.told:
        world.put(one)
    world.pass_s(3600)
    assert sum(one.state == "opened" and one.kind == "dying" for one in desk.told) == 500
    assert 1 <= len(world.sent) <= 3
