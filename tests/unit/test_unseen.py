"""Days that nobody watched: neither talk nor silence."""

from streams import events as e
from streams.vitals.policy import DAY_MS
from streams.vitals.rows import GroupVitals
from tests.unit.test_group_fold import START, message, run, state_of, tick, vitals

SOURCE = "irc/acme"


def complete(until: int, unseen_from: int | None = None) -> e.SourceComplete:
    return e.SourceComplete(event_id=f"c/{until}", occurred_at=until, brand_id="acme", platform="irc", source=SOURCE,
                            complete_until=until, is_live=True, unseen_from=unseen_from)  # fmt: skip


def rows_of(away: range, *, is_told: bool) -> list[GroupVitals]:
    """The day rows of a group of six who talk each day, whose connector is away for some days and keeps no history."""
    events: list[e.Event] = []
    for day in range(200):
        if day not in away:
            events += [message(day * 10 + n, START + day * DAY_MS + n * 1000, f"m_{n}") for n in range(1, 7)]
            back = is_told and day == away.stop
            events.append(complete(START + (day + 1) * DAY_MS, START + away.start * DAY_MS if back else None))
            events.append(tick(START + (day + 1) * DAY_MS, None))
    log, rows = run(events)
    assert bool(state_of(log).unseen) == is_told
    return [row for row in vitals(rows) if row.is_day_close]


def test_a_connector_that_was_away_makes_no_group_look_silent() -> None:
    away = range(150, 170)
    told, untold = rows_of(away, is_told=True), rows_of(away, is_told=False)
    before = told[140].risk
    assert [row.at for row in told] == [row.at for row in untold]
    after = {row.at: row.risk for row in told[150:172]}
    assert max(after.values()) <= before + 0.005
    assert max(row.risk for row in untold[150:172]) > before + 0.02
    assert {row.verdict for row in told[150:]} == {"healthy"}
    assert told[-1].messages_56d == 56 * 6
    assert untold[-1].messages_56d == (56 - 20) * 6


def test_what_is_told_counts_only_from_when_it_is_told() -> None:
    away = range(150, 170)
    told, untold = rows_of(away, is_told=True), rows_of(away, is_told=False)
    assert [row.risk for row in told[:150]] == [row.risk for row in untold[:150]]


def test_half_a_day_that_was_seen_is_a_day() -> None:
    events: list[e.Event] = [message(1, START), complete(START + DAY_MS)]
    events += [complete(START + 2 * DAY_MS, START + DAY_MS + DAY_MS // 2 + 1), tick(START + 2 * DAY_MS, None)]
    log, _ = run(events)
    assert state_of(log).unseen == []
    log, _ = run(
        [complete(START + 3 * DAY_MS, START + 2 * DAY_MS + DAY_MS // 2), tick(START + 3 * DAY_MS, None)], log, 4
    )
    assert state_of(log).unseen == [START // DAY_MS + 2]


def test_an_import_that_is_over_sees_no_gap_of_the_live_source_after_it() -> None:
    old = e.Message(event_id="o/1", occurred_at=START, brand_id="acme", platform="irc", group_id="acme/irc/tea",
                    member_id="m_a", source="archive/acme", source_seq=1)  # fmt: skip
    events: list[e.Event] = [old, tick(START + DAY_MS, "archive/acme"), message(1, START + DAY_MS + 1)]
    events += [complete(START + 2 * DAY_MS), tick(START + 2 * DAY_MS, None)]
    events += [complete(START + 5 * DAY_MS, START + 2 * DAY_MS), tick(START + 5 * DAY_MS, None)]
    log, _ = run(events)
    assert state_of(log).unseen == [START // DAY_MS + day for day in (2, 3, 4)]


def test_a_gap_that_is_told_twice_counts_once() -> None:
    """Of the day 10 hours were missed: told in two pieces that overlap, they are still less than half of it."""
    hour = DAY_MS // 24
    begin = START + DAY_MS
    events: list[e.Event] = [message(1, START), complete(begin), complete(begin + 8 * hour, begin)]
    events += [complete(begin + 10 * hour, begin + hour), complete(begin + DAY_MS), tick(begin + DAY_MS, None)]
    log, _ = run(events)
    assert log.state.sources[SOURCE].unseen == [(begin, begin + 10 * hour)]
    assert state_of(log).unseen == []


def test_days_that_nobody_saw_make_no_cause_of_one_that_is_in_sight() -> None:
    """Ten newcomers whom nobody answers are no warning while the week is as usual, in days that were watched."""
    events: list[e.Event] = []
    for day in range(110):
        if day in range(100, 106):
            continue
        if day == 106:
            events.append(complete(START + day * DAY_MS, START + 100 * DAY_MS))
        events += [message(day * 100 + n, START + day * DAY_MS + n * 1000, f"m_{n}") for n in range(1, 7)]
        if day == 95:
            events += [
                e.Join(event_id=f"j/{n}", occurred_at=START + day * DAY_MS + 7000 + n, brand_id="acme", platform="irc",
                       group_id="acme/irc/tea", member_id=f"n_{n}", source=SOURCE, source_seq=day * 100 + 20 + n)
                for n in range(10)
            ]  # fmt: skip
        events += [complete(START + (day + 1) * DAY_MS), tick(START + (day + 1) * DAY_MS, None)]
    log, rows = run(events)
    assert len(state_of(log).unseen) == 6
    assert {row.verdict for row in vitals(rows) if row.at > START + 99 * DAY_MS} == {"healthy"}
