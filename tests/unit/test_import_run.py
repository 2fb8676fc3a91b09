import gzip
import json
from collections import Counter

import msgspec
import pytest

from streams import models
from streams.connectors.batches import Batch
from streams.connectors.delivered import DeliveredFile, NothingDelivered
from streams.connectors.destinations import JsonLines
from streams.connectors.importing import Import
from streams.connectors.lines import LineFile
from streams.errors import VitalsError
from streams.events import MemberEvent, SourceComplete, Tick
from streams.vitals.panes import PANE_DAYS
from streams.vitals.partition import GroupLog
from streams.vitals.rows import GroupVitals
from tests.importing import NOW, Marks, Remembered, irc_reader, member, run, write

MODEL = models.load()

DAY_MS = 86_400_000
MAY_6 = 1_714_953_600_000


def months(root, channels=("den", "hut"), days=(6, 7, 10)):
    return write(
        root, {f"{c}/2024-05-{d:02}": f"[10:00] <ann> {c}\n[23:59] *** ann left\n" for c in channels for d in days}
    )


def test_days_are_closed_between_the_events_of_two_days_and_on_every_silent_one(tmp_path):
    to = Remembered()
    run(irc_reader(months(tmp_path)), to)
    log = [(type(e).__name__, (e.occurred_at - MAY_6) / DAY_MS) for e in to.log if type(e) in {Tick, SourceComplete}]
    assert log == [("Tick", 0), ("Tick", 1), ("Tick", 2), ("Tick", 3), ("Tick", 4), ("SourceComplete", 5), ("Tick", 5)]
    assert {e.source for e in to.everywhere} == {"irc/acme"}
    closed = 0
    for event in to.log:
        if type(event) is Tick:
            closed = event.occurred_at
        assert event.occurred_at >= closed, "nothing comes behind the tick that closed its day"


def days_closed(log):
    """What the rows of closed days say in the end, by group and time; offsets apart."""
    fold, rows = GroupLog(0, "groups/chat-events/0/t", MODEL), {}
    for offset, event in enumerate(log):
        for output in fold.fold(event, getattr(event, "group_id", ""), offset, NOW):
            row = output.value
            if isinstance(row, GroupVitals) and row.is_day_close:
                rows[row.group_id, row.at] = msgspec.structs.replace(row, source_offset=0)
    return rows


def test_a_live_tick_in_the_middle_of_an_import_judges_no_day_before_it_is_complete(tmp_path):
    to = Remembered()
    run(irc_reader(months(tmp_path)), to)
    expected = days_closed(to.log)
    assert len(expected) == 2 * 5
    live = Tick(event_id="live", occurred_at=NOW, brand_id="*", platform="*")
    for place in range(len(to.log) + 1):
        assert days_closed([*to.log[:place], live, *to.log[place:]]) == expected, place


def test_ticks_have_ids_of_their_own_and_no_place_in_the_order_of_the_source(tmp_path):
    first, second = Remembered(), Remembered()
    run(irc_reader(months(tmp_path)), first)
    run(irc_reader(months(tmp_path)), second)
    assert first.everywhere == second.everywhere
    assert len({e.event_id for e in first.everywhere}) == len(first.everywhere)
    assert {e.source_seq for e in first.everywhere} == {None}
    assert first.everywhere[0].event_id == "tick/irc/acme/20240506"


def test_a_source_is_complete_to_the_end_of_its_last_day_but_not_to_the_future(tmp_path):
    to = Remembered()
    run(irc_reader(months(tmp_path)), to)
    (complete,) = [e for e in to.everywhere if type(e) is SourceComplete]
    assert (complete.complete_until, complete.is_live) == (MAY_6 + 5 * DAY_MS, False)
    to = Remembered()
    now = MAY_6 + 5 * DAY_MS - 3_000_000
    run(irc_reader(months(tmp_path), now=now), to)
    assert [e.occurred_at for e in to.everywhere[-2:]] == [now, now]
    to = Remembered()
    run(irc_reader(months(tmp_path)), to, complete_until=MAY_6 + 9 * DAY_MS)
    assert to.everywhere[-1].occurred_at == MAY_6 + 9 * DAY_MS
    assert sum(type(e) is Tick for e in to.everywhere) == 10


def test_events_go_to_the_partition_of_their_group_and_nothing_else_is_told_of_it(tmp_path):
    to = Remembered()
    counts = run(irc_reader(months(tmp_path)), to)
    assert set(to.keys) == {("chat-events", "acme/irc/den"), ("chat-events", "acme/irc/hut")}
    for group in ("den", "hut"):
        theirs = [e for e in to.events if e.group_id.endswith(group)]
        assert theirs
        assert all(isinstance(e, MemberEvent) for e in theirs)
    assert (counts.read, counts.sent, counts.announced, counts.groups) == (12, 12, 0, 2)


def test_the_count_adds_up(tmp_path):
    write(tmp_path, {"den/2024-05-06": "[10:00] <a> x\nbroken\n\n[10:01] *** a sets mode\n[10:01] *** a joined\n"})
    to = Remembered()
    counts = run(irc_reader(tmp_path), to)
    assert counts.read == counts.sent - counts.announced + counts.skipped.total() + counts.rejected.total() == 5
    assert counts.rejected == Counter({letter.reason: 1 for letter in to.letters})


def test_what_was_delivered_is_not_sent_again(tmp_path):
    marks, first, again, grown = Marks(), Remembered(), Remembered(), Remembered()
    run(irc_reader(months(tmp_path)), first, marks)
    counts = run(irc_reader(tmp_path), again, marks)
    assert (counts.sent, counts.delivered, again.log) == (0, 6, []), "not even ticks"
    write(tmp_path, {"den/2024-05-10": "[10:00] <ann> den\n[23:59] *** ann left\n[23:59] *** bob left\n"})
    counts = run(irc_reader(tmp_path), grown, marks)
    assert (counts.sent, counts.delivered) == (3, 5), "the day that grew, as a whole"
    assert [(e.occurred_at - MAY_6) // DAY_MS for e in grown.everywhere if type(e) is Tick] == [4, 5]


def test_another_recipe_is_another_import(tmp_path):
    marks = Marks()
    run(irc_reader(months(tmp_path)), Remembered(), marks)
    for changed in ({"bots": frozenset({"ann"})}, {"keep_text": True}, {"brand_id": "b"}, {"source": "other"}):
        assert run(irc_reader(tmp_path, **changed), Remembered(), marks).delivered == 0


@pytest.mark.parametrize("events", range(15))
def test_a_killed_import_goes_on_and_loses_nothing(tmp_path, monkeypatch, events):
    monkeypatch.setattr("streams.connectors.importing.SETTLE_SECONDS", -1.0)  # settle before each batch
    marks, killed, resumed, whole = Marks(), Remembered(fail_after=events), Remembered(), Remembered()
    run(irc_reader(months(tmp_path)), whole)
    try:
        run(irc_reader(tmp_path), killed, marks)
    except KeyboardInterrupt:
        counts = run(irc_reader(tmp_path), resumed, marks)
        assert counts.delivered >= 2 * max(0, (events - 3) // 4 - 1)
    ids = {e.event_id for e in killed.log + resumed.log}
    assert ids == {e.event_id for e in whole.log}, "events, ticks and completion"
    assert (killed.log + resumed.log)[-1] == whole.log[-1]


def test_a_run_that_is_killed_before_it_said_the_end_leaves_something_to_send(tmp_path, monkeypatch):
    monkeypatch.setattr("streams.connectors.importing.SETTLE_SECONDS", -1.0)
    whole, marks = irc_reader(months(tmp_path)), Marks()

    class Killed:
        _recipe, unit, total_bytes = whole._recipe, whole.unit, None

        def batches(self, delivered):
            yield from whole.batches(delivered)
            yield Batch()  # without a piece, as the end of a Slack export
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Killed(), Remembered(), marks)
    to = Remembered()
    counts = run(irc_reader(tmp_path), to, marks)
    assert counts.delivered > 0
    assert [type(event) for event in to.log[-2:]] == [SourceComplete, Tick]


def test_nothing_counts_as_delivered_before_it_is_settled(tmp_path, monkeypatch):
    monkeypatch.setattr("streams.connectors.importing.SETTLE_SECONDS", -1.0)
    seen = []

    class Watched(Marks):
        def add(self, marks):
            seen.append((to.settled, len(to.events), len(list(marks))))
            super().add(marks)

    to = Remembered()
    run(irc_reader(months(tmp_path)), to, Watched())
    assert [settled for settled, _, _ in seen] == list(range(1, len(seen) + 1))
    assert seen[-1][1] == len(to.events)


def test_a_file_of_another_format_is_refused_before_anything_is_sent(tmp_path):
    to = Remembered()
    write(tmp_path, {"den/2024-05-06": "nonsense\n" * 150})
    with pytest.raises(VitalsError, match="is this the right format"):
        run(irc_reader(tmp_path), to)
    assert (to.letters, to.log) == ([], [])


def test_a_short_file_of_refused_lines_goes_to_the_dead_letters(tmp_path):
    to = Remembered()
    write(tmp_path, {"den/2024-05-06": "nonsense\n" * 3})
    counts = run(irc_reader(tmp_path), to)
    assert (len(to.letters), counts.rejected) == (3, {"unparsable_line": 3})


def test_a_file_given_twice_is_read_once(tmp_path):
    counts = run(irc_reader(months(tmp_path), tmp_path), Remembered())
    assert (counts.read, counts.delivered) == (12, 6)


def test_progress_survives_the_process_and_a_kill_in_the_middle_of_a_mark(tmp_path):
    DeliveredFile(tmp_path, "irc/好", "t1").add([1, 2**64 - 1])
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes() + b"\1\2\3")
    found = DeliveredFile(tmp_path, "irc/好", "t1")
    assert 1 in found
    assert 2**64 - 1 in found
    assert 2 not in found
    found.add([7])
    assert 7 in DeliveredFile(tmp_path, "irc/好", "t1")
    assert 1 not in DeliveredFile(tmp_path, "irc/好", "t2"), "topics made anew have nothing"
    assert 1 not in DeliveredFile(tmp_path, "irc/x", "t1")


def test_again_sends_all_and_remembers_it(tmp_path):
    kept = DeliveredFile(tmp_path / "imports", "irc/acme", "t")
    kept.add([5])
    again = NothingDelivered(kept)
    assert 5 not in again
    again.add([6])
    assert 6 in DeliveredFile(tmp_path / "imports", "irc/acme", "t")


@pytest.mark.parametrize("ending", ["", ".gz", ".xz", ".zst"])
def test_events_are_written_as_json_lines(ending, tmp_path):
    write(tmp_path / "in", {"den/2024-05-06": "[10:00] <a> x\nbroken\n"})
    out = tmp_path / f"events.jsonl{ending}"
    to = JsonLines(out)
    reader = irc_reader(tmp_path / "in")
    Import(reader, reader._recipe, to, NothingDelivered()).run(lambda size: None)
    assert not out.exists(), "a file has its name when it is whole"
    to.finish()
    to.close()
    lines = [json.loads(line.value) for line in LineFile(out).lines(NOW)]
    assert [line["type"] for line in lines] == ["message"]
    (letter,) = (tmp_path / f"events.jsonl{ending}.rejected.jsonl").read_text().splitlines()
    assert json.loads(letter)["reason"] == "unparsable_line"
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"events.jsonl{ending}", f"events.jsonl{ending}.rejected.jsonl", "in"]


def test_an_interrupted_file_is_not_left_behind(tmp_path):
    out = tmp_path / "events.jsonl.gz"
    out.write_bytes(gzip.compress(b"old"))
    JsonLines(out).close()
    assert gzip.decompress(out.read_bytes()) == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["events.jsonl.gz"]


def test_who_is_to_be_forgotten_is_counted_and_not_named(tmp_path):
    to, reader = Remembered(), irc_reader(months(tmp_path))
    to.forgotten = {member("ann")}
    counts = run(reader, to)
    assert not to.identities
    assert counts.forgotten == 1
    assert {event.member_id for event in to.events if isinstance(event, MemberEvent)} == {member("ann")}


def test_one_event_of_1970_does_not_make_a_tick_for_every_day_since(tmp_path):
    to = Remembered()
    days = {f"den/{day}": "[10:00] <ann> hi\n" for day in ("1970-01-05", "2024-05-05", "2024-05-06")}
    run(irc_reader(write(tmp_path, days)), to)
    ticks = [event.occurred_at for event in to.log if type(event) is Tick]
    assert len(ticks) <= 2 * PANE_DAYS + 4
    assert ticks == sorted(set(ticks))
    assert ticks[-PANE_DAYS:] == [MAY_6 + DAY_MS - DAY_MS * back for back in reversed(range(PANE_DAYS))]


def test_a_gap_that_panes_reach_is_closed_day_by_day(tmp_path):
    to = Remembered()
    days = {f"den/{day}": "[10:00] <ann> hi\n" for day in ("2022-02-01", "2024-05-06")}
    run(irc_reader(write(tmp_path, days)), to)
    ticks = [event.occurred_at for event in to.log if type(event) is Tick]
    assert set(range(ticks[0], ticks[-1] + 1, DAY_MS)) == set(ticks)


def test_a_display_name_beyond_all_measure_is_cut_so_that_the_topic_takes_it(tmp_path):
    class OneName(Remembered):
        def identify(self, identity):
            return super().identify(identity)

    to = OneName()
    reader = irc_reader(months(tmp_path))
    batches = list(reader.batches(NothingDelivered()))
    batches[0].identities = [msgspec.structs.replace(batches[0].identities[0], name="n" * 10_000)]
    reader.batches = lambda _: iter(batches)
    run(reader, to)
    assert max(len(identity.name) for identity in to.identities) == 512
