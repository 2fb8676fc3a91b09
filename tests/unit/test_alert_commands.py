"""`vitals alerts`, on alerts that are given, and what it tells the alert agent."""

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from kafka.errors import KafkaTimeoutError

from streams import alert_commands, cli, ticker
from streams.alert_commands import acknowledged, snoozed
from streams.alert_list import Alert, AlertDesk
from streams.errors import VitalsError
from streams.settings import Settings
from streams.vitals.alerting import AlertLog
from streams.vitals.policy import HOUR_MS

DAY = datetime(2026, 3, 1, tzinfo=UTC)
GROUPS = {"acme/irc/tea": ("Tea 茶", "acme", "irc"), "acme/irc/teapots": ("Teapots", "acme", "irc")}


def alert(**changed):
    known = {
        "episode_id": "e1", "brand_id": "acme", "alert": "dying", "state": "opened", "is_open": True, "is_told": True,
        "is_history": False, "severity": "warning", "group_id": "acme/irc/tea", "name": "Tea 茶", "owner": "Li",
        "source_name": "", "cause_id": "", "verdict": "dying", "risk": 0.5, "opened_at": DAY, "changed_at": DAY,
        "recovered_at": None, "acknowledged_by": "", "snoozed_until": None, "reasons": ["9 speakers in 56 days"],
        "reason_codes": ["breadth"], "group_ids": [], "group_count": 0, "known_groups": 0,
    }  # fmt: skip
    return Alert(**known | changed)


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run in this process, as into a pipe; gives (exit code, stdout, stderr)."""
    monkeypatch.setenv("VITALS_HOME", str(tmp_path))
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setattr(AlertDesk, "groups", lambda _: GROUPS)

    def run(*args):
        code = cli.run(["alerts", *args])
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def known(monkeypatch):
    return lambda *alerts: monkeypatch.setattr(AlertDesk, "alerts", lambda *_: list(alerts))


@pytest.fixture
def sent(monkeypatch):
    """What is told; a dry run tells nothing."""
    events = []
    monkeypatch.setattr(alert_commands, "_send", lambda _, told, dry_run: events.extend([] if dry_run else told))
    return events


OTHERS = [
    alert(episode_id="e2", alert="blind", severity="critical", group_id="", name=None, verdict="",
          source_name="wecom/1", reasons=["no data from its source for 12 hours"]),
    alert(episode_id="e3", alert="common_cause", severity="critical", group_id="", name=None, verdict="", reasons=[],
          group_count=37, known_groups=100),
    alert(episode_id="e4", state="recovered", is_open=False, verdict="healthy"),
    alert(episode_id="e5", is_told=False, is_history=True),
]  # fmt: skip


def test_what_was_told_and_a_count_of_the_rest(run, known):
    known(alert(), *OTHERS)
    code, out, err = run()
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "STATE      SINCE             ALERT                VERDICT  WHERE             BRAND  ID",
        "open       2026-03-01 00:00  group dying          dying    Tea 茶            acme   e1  9 speakers in 56 days",
        "open       2026-03-01 00:00  source blind         -        wecom/1           acme   e2"
        "  no data from its source for 12 hours",
        "open       2026-03-01 00:00  many groups at once  -        37 of 100 groups  acme   e3",
        "recovered  2026-03-01 00:00  group dying          healthy  Tea 茶            acme   e4  9 speakers in 56 days",
        "4 alerts, 3 open",
        "1 more that nobody was told of, 1 of them open; --all shows them",
    ]


def test_open_ones_all_of_them_fewer_of_them_and_none(run, known):
    known(alert(), *OTHERS)
    ids = lambda *args: [row["episode_id"] for row in json.loads(run(*args, "--json")[1])]  # noqa: E731
    assert ids("--open") == ["e1", "e2", "e3"]
    assert ids("--all") == ["e1", "e2", "e3", "e4", "e5"]
    assert ids("--limit", "2") == ["e1", "e2"]
    assert "3 more; --limit 4 shows them" in run("--limit", "1")[1]
    known()
    assert run() == (0, "0 alerts, 0 open\n", "")
    assert run("--json") == (0, "[]\n", "")


def test_in_chinese(run, known):
    known(alert(state="snoozed", snoozed_until=datetime(2026, 3, 4, 9, tzinfo=UTC)), *OTHERS)
    out = run("--language", "zh")[1]
    assert "已暂停 → 03-04 09:00" in out
    assert "100 个群中的 37 个" in out
    assert "共 4 条告警,3 条未结束" in out


def test_names_from_outside_move_no_cursor(run, known):
    known(alert(name="\x1b[2Jtea\n"), alert(state="acknowledged", acknowledged_by="\x1b]0;x", episode_id="e9"))
    assert "\x1b" not in run()[1]
    assert len(run()[1].splitlines()) == 4


@pytest.mark.parametrize("what", ["e1", "acme/irc/tea", "tea 茶", "茶"])
def test_an_alert_is_acknowledged_by_its_id_or_its_group(run, known, sent, what):
    known(alert(), alert(episode_id="e7", group_id="acme/irc/teapots", name="Teapots"), *OTHERS[:3])
    code, out, err = run("ack", what, "--by", "lin")
    assert (code, err) == (0, "")
    assert out == "group dying, Tea 茶: acknowledged by lin, `vitals alerts` shows it within seconds\n"
    [event] = sent
    assert (event.brand_id, event.episode_id, event.actor) == ("acme", "e1", "lin")


def test_a_dry_run_tells_nobody(run, known, sent):
    known(alert())
    assert run("ack", "e1", "--dry-run") == (0, "group dying, Tea 茶: would be acknowledged\n", "")
    code, out, _ = run("snooze", "teapots", "--hours", "2", "--dry-run")
    assert (code, out.startswith("acme/irc/teapots: would be snoozed until 2")) == (0, True)
    assert sent == []


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("ack", "e4"), "no open alert matches 'e4': `vitals alerts --open --all` lists them"),
        (("ack", "e8"), "e8 is acknowledged already: `vitals alerts --open` says by whom"),
        (("snooze", "acme", "--hours", "2"), "2 groups match 'acme': give one of their ids, or more of it"),
        (("snooze", "coffee", "--hours", "2"), "no group matches 'coffee': `vitals groups --all` lists them"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(run, known, sent, args, said):
    known(alert(), alert(episode_id="e8", state="acknowledged", acknowledged_by="wang"), *OTHERS)
    code, _, err = run(*args)
    assert (code, len(err.splitlines())) == (1, 1)
    assert said in err
    assert sent == []


def test_a_group_is_snoozed_by_the_id_of_an_alert_of_it(run, known, sent):
    known(alert(), *OTHERS)
    assert run("snooze", "e1", "--hours", "36")[1].startswith("acme/irc/tea: snoozed until 2")
    assert [event.group_id for event in sent] == ["acme/irc/tea"]
    assert "no group matches 'e2'" in run("snooze", "e2", "--hours", "36")[2], "an alert of a source"


def test_a_snooze_says_until_when_and_no_hours_end_it(run, known, sent):
    known()
    code, out, _ = run("snooze", "acme/irc/tea", "--hours", "36", "--by", "lin")
    assert (code, out.startswith("acme/irc/tea: snoozed until 2")) == (0, True)
    run("snooze", "acme/irc/tea", "--hours", "0")
    first, second = sent
    assert (first.brand_id, first.platform, first.group_id, first.actor) == ("acme", "irc", "acme/irc/tea", "lin")
    assert first.until - first.occurred_at == 36 * HOUR_MS
    assert second.until == second.occurred_at


def test_kafka_away_is_one_line(run, known, monkeypatch):
    def refuse(_):
        raise ConnectionRefusedError

    monkeypatch.setattr(ticker, "connect", refuse)
    known(alert())
    code, _, err = run("ack", "e1")
    assert (code, len(err.splitlines())) == (1, 1)
    assert "does not answer: start it (`vitals up`) or correct the setting `kafka`. Nothing of it was sent" in err


class GoesAway:
    """A producer whose Kafka goes away after so many records."""

    def __init__(self, taken):
        self.taken, self.sent = taken, 0

    def send(self, *_, **__):
        self.sent += 1
        if self.sent > self.taken:
            raise KafkaTimeoutError


@pytest.mark.parametrize(
    ("taken", "said"),
    [
        (0, r"Kafka at k:1 does not answer.* Nothing of it was sent$"),
        (
            1,
            r"Kafka at k:1 took not all of it \(KafkaTimeoutError\): `vitals status` shows whether it runs, .*again$",
        ),
    ],
)
def test_kafka_that_goes_away_on_the_way_may_have_some_of_it(monkeypatch, taken, said):
    monkeypatch.setattr(ticker, "connect", lambda _: GoesAway(taken))
    with pytest.raises(VitalsError, match=said):
        ticker.append(Settings(home=Path(), cache=Path(), kafka="k:1"), "t", [(b"", b"", None), (b"", b"", None)])


def test_what_people_say_goes_through_the_agent():
    log = AlertLog(0, "alerts", 1)
    for offset, event in enumerate(
        [acknowledged("acme", "e1", "lin", 5), snoozed("acme", "irc", "acme/irc/tea", 9, "lin", 5)]
    ):
        assert msgspec.json.decode(msgspec.json.encode(event), type=type(event)) == event
        assert not log.fold(event, "acme", offset, 5)
    assert list(log.take_changed()) == ["acme"]
