import gzip
import json
import lzma

import pytest
import zstandard

from streams.connectors.jsonl import JsonlReader
from streams.errors import VitalsError
from streams.events import GroupCreated, Message, Purchase, SourceComplete, Tick
from tests.importing import NOW, Marks, Remembered, read, recipe, run

DAY_MS = 86_400_000
MAY_6 = 1_714_953_600_000


def line(at: int = 0, **changed: object) -> str:
    event = {"type": "message", "event_id": f"e{at}", "occurred_at": MAY_6 + at, "brand_id": "b", "platform": "p",
             "source": "s", "source_seq": at, "group_id": "b/p/g", "member_id": "ann"}  # fmt: skip
    return json.dumps({k: v for k, v in (event | changed).items() if v is not None})


def purchase(at: int = 0, **changed: object) -> str:
    bought = {"type": "purchase", "order_id": "o", "customer_id": "ann", "amount": 5, "currency": "EUR",
              "group_id": None, "member_id": None, "source_seq": None}  # fmt: skip
    return line(at, **(bought | changed))


def reader(tmp_path, *lines: str | bytes, name: str = "in.jsonl") -> JsonlReader:
    path = tmp_path / name
    path.write_bytes(b"".join((one if isinstance(one, bytes) else one.encode()) + b"\n" for one in lines))
    return JsonlReader([path], recipe(source="jsonl/in"))


def test_events_keep_what_they_bring_and_go_to_their_topics(tmp_path):
    to = Remembered()
    counts = run(reader(tmp_path, line(1), purchase(2), line(3, type="group_created", name="g", member_id=None)), to)
    assert to.keys == [("chat-events", "b/p/g"), ("purchases", "ann"), ("chat-events", "b/p/g")]
    assert [type(e) for e in to.events] == [Message, Purchase, GroupCreated]
    assert (to.events[0].member_id, to.events[0].source, to.events[0].source_seq) == ("ann", "s", 1)
    assert (counts.read, counts.sent, counts.groups) == (3, 3, 1)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{", "malformed_json"),
        (line(type="gossip"), "unknown_type"),
        (line(type=None), "bad_shape"),
        (line(member_id=None), "bad_shape"),
        (line(text_len="long"), "bad_shape"),
        (purchase(amount=-5), "bad_shape"),
        (line(occurred_at=NOW + 600_001), "from_the_future"),
        (line(text="x" * (2 << 20)), "too_large"),
        (line().encode().replace(b"ann", b"\xff"), "invalid_utf8"),
        (line().encode().replace(b"ann", b"a\0n"), "null_byte"),
        (line(member_id="a\0n"), "null_byte"),
    ],
)
def test_what_is_no_event_is_refused_with_its_bytes(bad, reason, tmp_path):
    to = Remembered()
    counts = run(reader(tmp_path, line(1), bad, line(2)), to)
    (letter,) = to.letters
    raw = bad if isinstance(bad, bytes) else bad.encode()
    assert (letter.reason, letter.position, letter.origin) == (reason, 2, "jsonl/in:in.jsonl")
    assert letter.size in {len(raw), len(raw) + 1}, "of a long line, its end is counted"
    assert (counts.sent, counts.rejected) == (2, {reason: 1})
    assert "gossip" not in letter.detail


def test_an_event_just_ahead_of_its_time_is_taken(tmp_path):
    assert read(reader(tmp_path, line(occurred_at=NOW + 600_000))).refused == []


def test_blank_lines_and_ticks_are_counted(tmp_path):
    tick = line(type="tick", group_id=None, member_id=None)
    batch = read(reader(tmp_path, "", line(1), "  ", tick))
    assert batch.skipped == {"blank": 2, "tick": 1}
    assert batch.lines == 4


@pytest.mark.parametrize(
    ("ending", "pack"),
    [(".gz", gzip.compress), (".xz", lzma.compress), (".zst", zstandard.ZstdCompressor().compress), ("", bytes)],
)
def test_files_are_unpacked_by_their_ending_and_a_damaged_one_is_said(ending, pack, tmp_path):
    path = tmp_path / f"in.jsonl{ending}"
    packed = pack("".join(line(at) + "\n" for at in range(3000)).encode())
    path.write_bytes(packed)
    assert len(read(JsonlReader([path], recipe())).events) == 3000
    if ending:
        path.write_bytes(packed[: len(packed) // 2])
        with pytest.raises(VitalsError, match="is damaged"):
            read(JsonlReader([path], recipe()))
    with pytest.raises(VitalsError, match="cannot read"):
        JsonlReader([tmp_path / "none"], recipe())


def test_a_byte_order_mark_and_windows_ends_are_dropped(tmp_path):
    batch = read(reader(tmp_path, b"\xef\xbb\xbf" + line(1).encode() + b"\r", line(2)))
    assert (len(batch.events), batch.refused) == (2, [])


def test_files_are_merged_by_time(tmp_path):
    one, two = reader(tmp_path, line(1), line(5)), tmp_path / "two.jsonl"
    two.write_text(line(2, source="t") + "\n" + line(4, source="t") + "\n")
    both = JsonlReader([tmp_path / "in.jsonl", two], recipe(source="jsonl/in"))
    assert [e.occurred_at - MAY_6 for e in read(both).events] == [1, 2, 4, 5]
    assert len(read(one).events) == 2


def test_each_source_of_the_file_has_its_days_closed_and_its_end_said(tmp_path):
    to = Remembered()
    run(reader(tmp_path, line(1), line(DAY_MS, source="t"), line(2 * DAY_MS, source=None)), to)
    ticks = [(e.source, (e.occurred_at - MAY_6) // DAY_MS) for e in to.everywhere if type(e) is Tick]
    assert sorted(ticks) == sorted([(source, day) for source in ("s", "t", "jsonl/b") for day in (0, 1, 2, 3)])
    assert {e.source for e in to.everywhere if type(e) is SourceComplete} == {"s", "t", "jsonl/b"}
    assert to.events[2].source == "jsonl/b", "without a source its days would not be closed"


def test_a_source_that_says_itself_how_complete_it_is_is_believed(tmp_path):
    said = line(
        1, type="source_complete", group_id=None, member_id=None, source_seq=None, complete_until=MAY_6, is_live=True
    )
    to = Remembered()
    run(reader(tmp_path, line(0), said, line(DAY_MS, source="t")), to)
    complete = [(e.source, e.complete_until) for e in to.everywhere if type(e) is SourceComplete]
    assert complete == [("s", MAY_6), ("t", MAY_6 + 2 * DAY_MS)]


def test_an_event_behind_a_closed_day_is_late_not_lost(tmp_path):
    to = Remembered()
    counts = run(reader(tmp_path, line(1), line(DAY_MS), line(2)), to)
    assert (counts.sent, counts.late) == (3, 1)


def test_a_killed_import_goes_on_behind_the_blocks_that_arrived(tmp_path, monkeypatch):
    monkeypatch.setattr("streams.connectors.jsonl.BLOCK_LINES", 3)
    monkeypatch.setattr("streams.connectors.jsonl.BATCH_EVENTS", 4)
    monkeypatch.setattr("streams.connectors.importing.SETTLE_SECONDS", -1.0)
    lines = [line(at * DAY_MS // 2, source=f"s{at % 2}") for at in range(20)]
    whole = Remembered()
    run(reader(tmp_path, *lines), whole)
    for killed_at in range(20):
        marks, killed, resumed = Marks(), Remembered(fail_after=killed_at), Remembered()
        with pytest.raises(KeyboardInterrupt):
            run(reader(tmp_path, *lines), killed, marks)
        counts = run(reader(tmp_path, *lines), resumed, marks)
        assert {e.event_id for e in killed.log + resumed.log} == {e.event_id for e in whole.log}, killed_at
        assert (killed_at < 10) or counts.delivered, "it does not begin anew"
        assert run(reader(tmp_path, *lines), Remembered(), marks).sent == 0


def test_another_format_is_said_before_anything_is_sent(tmp_path):
    to = Remembered()
    with pytest.raises(VitalsError, match="right format"):
        run(reader(tmp_path, *["a,b,c"] * 200), to)
    assert to.log == to.letters == []
