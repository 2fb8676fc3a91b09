"""The alerts of a backtest: they are those that a live stack would have told, at the same minutes."""

import csv
import random
from collections import Counter

import msgspec
import pytest

from streams import cli, models
from streams import events as e
from streams.backtest.alerts import told
from streams.backtest.blindness import sightings
from streams.backtest.paging import heard
from streams.notify.channels import routes_of
from streams.settings import load
from streams.vitals.policy import DAY_MS, HOUR_MS, Policy
from tests.backtesting import START, essence, write
from tests.backtesting import alerts as alerts_of
from tests.unit.test_alerting import verdict
from tests.unit.test_way_of_an_alert import World

MINUTE = 60_000
DAYS = 130
DYING = {f"many/{n}": 80 for n in range(7)} | {"alone/0": 70, "alone/1": 90}
"""Group → the day on which it falls silent."""
GROUPS = [f"{brand}/{n}" for brand in ("many", "alone") for n in range(8)]


def at(day, hours=0.0):
    return START + round(day * DAY_MS + hours * HOUR_MS)


def source_of(group):
    return {"brand_id": group.partition("/")[0], "platform": "wecom", "source": f"wecom/{group.partition('/')[0]}"}


def message(group, day, hour, member):
    when = at(day, hour) + int(group[-1]) * 1000
    return e.Message(
        event_id=f"{group}/{when}", occurred_at=when, group_id=group, member_id=member, source_seq=when,
        **source_of(group),
    )  # fmt: skip


def complete(brand, when, until=None, *, is_live=True):
    return e.SourceComplete(
        event_id=f"c/{brand}/{when}", occurred_at=when, complete_until=until or when, is_live=is_live,
        **source_of(f"{brand}/"),
    )  # fmt: skip


def reports():
    """Each source speaks three times a day, and hourly for a while. One is away, sees midnight late, and dies."""
    for brand in ("many", "alone"):
        for day in range(DAYS):
            for hour in range(24) if 40 <= day < 44 else (0, 8, 16):
                is_away = brand == "alone" and (at(41, 3) < at(day, hour) < at(41, 20) or at(day, hour) > at(DAYS - 2))
                if not is_away:
                    is_late = brand == "many" and day == 94 and hour == 0
                    yield complete(brand, at(day, 3.5 if is_late else hour), at(day, hour))


def fleet():
    """All that was said, in order of time."""
    said = list(reports())
    for group in GROUPS:
        for day in range(DAYS):
            silent = DYING.get(group, DAYS) <= day < DYING.get(group, DAYS) + 45
            said += [message(group, day, 9 + n, f"m{n}") for n in range(0 if silent else 3)]
    ended = at(110, 12)
    said.append(e.GroupEnded(event_id="end", occurred_at=ended, group_id="many/7", **source_of("many/7")))
    return sorted(said, key=lambda one: one.occurred_at)


def ticks():
    """Every full minute at which something can come to be: few, as each is looked at by each group."""
    for day in range(DAYS + 1):
        yield from (at(day), at(day) + MINUTE, at(day, 3.5), at(day, 12))
        if 40 <= day < 44 or day >= DAYS - 2:
            yield from (at(day, hour) + minute * MINUTE for hour in range(24) for minute in (0, 1, 11))


def live(events, seed):
    """What the agents tell of it, with signals that arrive in any order."""
    world = World(seed)
    passing = sorted({tick for tick in ticks() if tick <= at(DAYS)})
    for event in sorted(
        [*events, *passing], key=lambda one: (one, 1) if isinstance(one, int) else (one.occurred_at, 0)
    ):
        if isinstance(event, int):
            event = e.Tick(event_id=f"t{event}", occurred_at=event, brand_id="*", platform="*")  # noqa: PLW2901
        world.say(event)
    world.say(e.Tick(event_id="end", occurred_at=at(DAYS, 1), brand_id="*", platform="*"))
    world.settle()
    return essence(world.told)


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    return write(tmp_path_factory.mktemp("story") / "events.jsonl", map(e.encode, fleet()))


@pytest.mark.parametrize("seed", range(2))
def test_a_backtest_tells_what_the_live_agents_tell_byte_for_byte(story, seed):
    alerts = alerts_of(story)
    of_groups = Counter((one.brand_id, one.state, one.withheld) for one in alerts if one.group_id)
    states = {kind: [one.state for one in alerts if one.kind == kind] for kind in ("common_cause", "blind")}
    assert states["blind"] == ["opened", "recovered", "opened"]
    assert (states["common_cause"][0], states["common_cause"][-1]) == ("opened", "recovered")
    assert of_groups["many", "opened", "common_cause"] == of_groups["many", "recovered", "common_cause"] == 7
    assert (of_groups["alone", "opened", ""], of_groups["alone", "recovered", ""]) == (2, 1)
    assert of_groups["alone", "escalated", ""] >= 2
    assert essence(alerts) == live(fleet(), seed)


def test_a_day_that_waits_for_its_source_is_closed_when_that_has_spoken(story):
    dying = [one for one in alerts_of(story) if one.verdict == "dying" and one.brand_id == "many"]
    assert {one.at for one in dying} == {at(94)}
    waited = {(one.told_at - one.at) / HOUR_MS for one in dying}
    assert waited <= {3.5, 3.5 + 10 / 60}, "at once if they were told of before, else with others"
    late = [
        message(group, day, hour, member)
        for group in ("many/0", "many/1", "many/2")
        for day in range(60)
        for hour, member in ((9, "a"), (10, "b"), (11, "c"))
    ]
    said = [complete("many", at(day, hour), at(day)) for day in range(90) for hour in (4, 12, 20)]
    path = write(story.parent / "late.jsonl", map(e.encode, sorted(late + said, key=lambda one: one.occurred_at)))
    times = {alert.told_at % DAY_MS for alert in alerts_of(path) if alert.state == "opened"}
    assert times == {4 * HOUR_MS + 10 * MINUTE}


@pytest.mark.parametrize("jobs", [2, 3])
def test_the_number_of_processes_changes_nothing(story, jobs):
    assert [*map(msgspec.json.encode, alerts_of(story, jobs))] == [*map(msgspec.json.encode, alerts_of(story))]


def test_days_that_nobody_saw_alert_nobody(story):
    first = START // DAY_MS
    alerts = alerts_of(story, exclusions={"alone/*": ((first + 70, first + 160),)})
    assert not [alert for alert in alerts if alert.group_id.startswith("alone/")]
    assert [alert for alert in alerts if alert.group_id.startswith("many/")]


# --- sources


def seen(*said, end=None):
    ends = {"many": end or at(20)}
    return [(type(one).__name__, when) for when, one in sightings(said, ends, models.load(), Policy())]


@pytest.mark.parametrize(("late_ms", "is_blind"), [(0, False), (1, True)])
def test_a_source_is_blind_a_minute_after_twelve_hours(late_ms, is_blind):
    hourly = [complete("many", at(0, hour)) for hour in range(4)]
    blind_at = at(0, 3 + 12) + MINUTE
    found = seen(*hourly, complete("many", blind_at + late_ms), end=at(1))
    assert found == ([("SourceBlind", blind_at), ("SourceSeen", blind_at + MINUTE)] if is_blind else [])


@pytest.mark.parametrize(("hours", "pauses"), [(12, 0.5), (13, 2), (24, 2)])
def test_who_speaks_rarely_is_waited_for(hours, pauses):
    said = [complete("many", at(0, n * hours)) for n in range(5)]
    last = said[-1].occurred_at
    wait = 12 * HOUR_MS if pauses < 1 else round(pauses * hours * HOUR_MS)
    assert seen(*said) == [("SourceBlind", last + wait + MINUTE)]
    assert seen(*said, end=last + wait) == []


def test_the_last_word_of_an_export_is_not_blindness():
    assert seen(complete("many", at(0)), complete("many", at(1), is_live=False)) == []
    assert seen(complete("many", at(0))) == [("SourceBlind", at(2) + MINUTE)]


def test_an_old_word_that_comes_late_in_the_file_changes_nothing():
    said = [complete("many", at(0, hour)) for hour in (0, 1, 2, 20, 21)]
    assert seen(*random.Random(1).sample(said, len(said)), end=at(1)) == seen(*said, end=at(1))
    assert [kind for kind, _ in seen(*said, end=at(1))] == ["SourceBlind", "SourceSeen"]


# --- time


@pytest.mark.parametrize(("late_ms", "withheld"), [(0, ""), (60_000, "history")])
def test_what_is_learnt_after_three_days_is_history(late_ms, withheld):
    learnt = START + 3 * DAY_MS + late_ms
    (alert,) = told([(learnt, verdict("g", "healthy", "dying", START))])
    assert (alert.withheld, alert.told_at) == (withheld, learnt + (0 if withheld else 10 * MINUTE))


def test_nothing_tells_nothing():
    assert told([]) == []


# --- the command


def run(capsys, *arguments):
    code = cli.run(["backtest", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("VITALS_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_the_command_writes_every_transition_and_says_how_often_it_rang(story, home, capsys, ending):
    code, out, _ = run(capsys, story, "--alerts", home / f"a{ending}", "--jobs", 1, "--uncalibrated")
    assert code == 0
    told_lines = out.splitlines()
    count = len(alerts_of(story))
    assert told_lines[1].startswith(f"wrote {count} transitions of alerts to ")
    assert told_lines[2].startswith("with these settings you would have been paged ")
    assert f"  no {home}/notify.toml: everybody is told everything at once" in told_lines
    if ending == ".csv":
        with (home / "a.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == count
        assert [row["told_at"] for row in rows] == sorted(row["told_at"] for row in rows)
        assert {row["withheld"] for row in rows} >= {"", "common_cause"}
    assert sorted(path.name for path in home.iterdir()) == [f"a{ending}"]


def test_with_routes_it_says_what_each_would_have_heard_and_needs_no_secret(story, home, capsys):
    (home / "notify.toml").write_text(
        '[[notify]]\nname = "day"\nkind = "slack"\nurl_env = "NONE"\nbrands = ["alone"]\n'
        'quiet = "22:00-08:00"\nthrough_quiet = ["blind"]\n'
    )
    out = run(capsys, story, "--alerts", home / "a.csv", "--jobs", 1, "--uncalibrated")[1]
    assert f"  {home}/notify.toml: 1 channel" in out
    told_by_day = heard(routes_of(load())[0], alerts_of(story)).ids
    assert f"  channel day: {len(told_by_day)} alerts, " in out
    assert 6 <= len(told_by_day) < len(alerts_of(story))
    (home / "notify.toml").write_text("x")
    code, _, error = run(capsys, story, "--alerts", home / "b.csv", "--jobs", 1)
    assert (code, len(error.splitlines()), (home / "b.csv").exists()) == (1, 1, False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [([], "give --out or --alerts"), (["--alerts", "a.txt"], "must end with one of .csv"),
     (["--alerts", "a.csv", "--report", "-"], "give --out, which --report reads"),
     (["--alerts", "none/a.csv", "--out", "v.csv"], "there is no folder"),
     (["--alerts", "none/a.csv"], "cannot write to")],
)  # fmt: skip
def test_what_cannot_be_written_is_said_in_one_line(story, home, capsys, monkeypatch, arguments, said):
    monkeypatch.chdir(home)
    code, _, error = run(capsys, story, *arguments)
    assert code > 0
    assert said in error.splitlines()[-1]
