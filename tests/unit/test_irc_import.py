import io
import re
import tarfile
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.errors import VitalsError
from streams.events import Event, Join, Leave, Message
from streams.vitals.absorbed import Absorbed
from tests.importing import NOW, irc_day, irc_reader, member, read, write

DAY = 1_714_953_600_000  # 2024-05-06
SEQ = 20240506 * 10**6
RAKU = Path(__file__).parents[3] / "shared" / "data" / "raku_irc" / "raw_small_channels.tar.xz"


def test_each_kind_of_line_becomes_its_event(tmp_path):
    batch = irc_day(
        "[00:00] *** Ann joined\n[00:01] <Ann> grüß dich\n[10:30] * Ann waves\n\n"
        "[10:31] *** Ann sets mode: +o Bob\n[10:32] *** Bob changes topic to: all joined\n"
        "[23:58] *** Bob was kicked by Ann (enough)\n[23:59] *** Ann left\n",
        tmp_path,
    )
    ann, bob = member("ann"), member("bob")
    shape = [(type(e), e.occurred_at - DAY, e.source_seq - SEQ, e.source_prev, e.member_id) for e in batch.events]
    assert shape == [
        (Join, 0, 1, None, ann),
        (Message, 60_000, 2, SEQ + 1, ann),
        (Message, 37_800_000, 3, SEQ + 2, ann),
        (Leave, 86_280_000, 7, SEQ + 3, bob),
        (Leave, 86_340_000, 8, SEQ + 7, ann),
    ]
    assert [e.text_len for e in batch.events if type(e) is Message] == [9, 5]
    assert [e.reason for e in batch.events if type(e) is Leave] == ["kicked", "left"]
    assert {(e.group_id, e.brand_id, e.source) for e in batch.events} == {("acme/irc/den", "acme", "irc/acme")}
    assert batch.skipped == {"blank": 1, "notice": 2}
    assert (batch.lines, batch.refused) == (8, [])


def test_text_is_kept_only_when_asked(tmp_path):
    line = "[00:00] <ann> the secret plan\n"
    assert irc_day(line, tmp_path).events[0].text is None
    assert irc_day(line, tmp_path, keep_text=True).events[0].text == "the secret plan"


def test_ids_are_the_same_whatever_the_order_of_imports(tmp_path):
    line = "[00:00] <ann> hi\n"
    assert irc_day(line, tmp_path).events[0].event_id == f"acme/irc/den/{SEQ + 1}"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"no time at all", "unparsable_line"),
        (b"[24:00] <ann> hi", "unparsable_line"),
        (b"[1:00] <ann> hi", "unparsable_line"),
        (b"[10:00] ann hi", "unparsable_line"),
        (b"[10:00] <> hi", "bad_shape"),
        (b"[10:00] ***  joined", "bad_shape"),
        (b"[10:00] <" + b"a" * 501 + b"> hi", "bad_shape"),
        (b"[10:00] <ann> a\0b", "null_byte"),
        (b"[10:00] <ann> " + b"x" * (2 << 20), "too_large"),
    ],
)
def test_a_line_that_cannot_be_read_is_refused_and_stays_open(line, reason, tmp_path):
    batch = irc_day(b"[09:00] <ann> before\n" + line + b"\n[11:00] <ann> after\n", tmp_path)
    assert [(letter.reason, letter.position, letter.origin) for letter in batch.refused] == [
        (reason, 2, "irc/acme:den/2024/2024-05-06")
    ]
    assert batch.refused[0].size == len(line)
    before, after = batch.events
    assert (before.source_seq, after.source_seq, after.source_prev) == (SEQ + 1, SEQ + 3, SEQ + 2)
    mended = irc_day("[09:00] <ann> before\n[10:00] <ann> mended\n[11:00] <ann> after\n", tmp_path)
    assert absorbed(batch.events + mended.events) == Counter([SEQ + 1, SEQ + 2, SEQ + 3])


def test_a_message_survives_bytes_that_are_no_text(tmp_path):
    batch = irc_day(b"[10:00] <ann> caf\xe9\n[10:01] <z\xff> hi\n[10:01] <z\xfe> hi\n", tmp_path)
    assert [e.text_len for e in batch.events] == [4, 2, 2]
    assert batch.events[1].member_id != batch.events[2].member_id, "nicks of other bytes are other members"
    assert batch.refused == []


def test_lines_from_the_future_are_refused(tmp_path):
    at = datetime.fromtimestamp(NOW / 1000, UTC)
    lines = "".join(f"[{at + timedelta(minutes=m):%H:%M}] <ann> hi\n" for m in (9, 11))
    batch = read(irc_reader(write(tmp_path, {f"den/{at:%Y/%Y-%m-%d}": lines})))
    assert [letter.reason for letter in batch.refused] == ["from_the_future"]
    assert sum(type(e) is Message for e in batch.events) == 1


def test_windows_line_ends_and_seconds_are_read(tmp_path):
    batch = irc_day("[10:00:07] <ann> hi\r\n[10:01] *** ann left\r\n", tmp_path)
    assert [(e.occurred_at - DAY) % 3_600_000 for e in batch.events] == [7_000, 60_000]
    assert batch.events[0].text_len == 2


def test_a_local_time_becomes_utc_also_on_the_day_of_the_change(tmp_path):
    zone = ZoneInfo("Europe/Berlin")
    batch = read(irc_reader(write(tmp_path, {"den/2024-03-31": "[01:30] <a> x\n[03:30] <a> x\n"}), zone=zone))
    times = [datetime.fromtimestamp(e.occurred_at / 1000, UTC) for e in batch.events]
    assert [f"{time:%H:%M}" for time in times] == ["00:30", "01:30"]
    plain = read(irc_reader(write(tmp_path / "b", {"den/2024-05-06": "[01:30] <a> x\n"}), zone=zone))
    assert plain.events[0].occurred_at == DAY - 30 * 60_000


@pytest.mark.parametrize(
    ("lines", "nicks"),
    [
        ("<Ann> x|<ann_> x|<ANN``> x", "ann ann ann"),
        ("<ann> x|*** ann is now known as kim|<kim> x", "ann ann"),
        ("*** ann is now known as kim|*** kim is now known as lee|<lee> x", "ann"),
        ("*** ann is now known as kim|*** kim left|*** kim joined|<kim> x", "ann kim kim"),
        ("*** ann is now known as kim|*** kim joined|<kim> x", "kim kim"),
        ("*** ann is now known as kim|*** kim is now known as ann|<ann> x|<kim> x", "ann kim"),
        ("*** ann|away is now known as ann|<ann> x", "ann"),
        ("*** ann is now known as ann|away|*** ann|away is now known as ann|<ann> x", "ann"),
        ("*** Guest123 is now known as ann|<ann> x", "ann"),
        ("*** ann is now known as Guest123|<guest123> x", "ann"),
    ],
)
def test_who_a_line_belongs_to(lines, nicks, tmp_path):
    parts = re.split(r"\|(?=<|\*\*\*)", lines)
    batch = irc_day("".join(f"[10:00] {part}\n" for part in parts), tmp_path)
    assert [e.member_id for e in batch.events] == [member(nick) for nick in nicks.split()]


def test_roles_come_from_what_the_user_said(tmp_path):
    batch = irc_day(
        "[10:00] <LogBot_> x\n[10:00] <boss> x\n[10:00] <ann> x\n",
        tmp_path,
        bots=frozenset({"logbot"}),
        staff=frozenset({"Boss"}),
    )
    assert [e.role for e in batch.events] == ["bot", "staff", "member"]


def test_each_member_is_identified_once(tmp_path):
    write(tmp_path, {"den/2024-05-06": "[10:00] <Ann> x\n", "den/2024-05-07": "[10:00] <ann_> x\n[10:01] <bob> x\n"})
    found = [(i.raw_id, i.member_id, i.platform, i.brand_id) for i in read(irc_reader(tmp_path)).identities]
    assert found == [("ann", member("ann"), "irc", "acme"), ("bob", member("bob"), "irc", "acme")]


def test_channels_are_merged_by_time(tmp_path):
    write(tmp_path, {f"{c}/2024/2024-05-0{d}": f"[{h}:00] <a> x\n[23:0{d}] <a> x\n" for c, h in (("x", 11), ("y", 10))
                     for d in (6, 7)})  # fmt: skip
    times = [e.occurred_at for e in read(irc_reader(tmp_path)).events]
    assert times == sorted(times)
    assert len(times) == 8


def test_a_clock_that_goes_back_inside_a_file_loses_nothing(tmp_path):
    batch = irc_day("[03:00] <a> x\n[02:00] <a> x\n[02:30] <a> x\n", tmp_path)
    assert [e.source_seq - SEQ for e in batch.events] == [2, 3, 1]
    assert absorbed(batch.events) == Counter([SEQ + 1, SEQ + 2, SEQ + 3])


@pytest.mark.parametrize("given", ["logs", "logs/den", "logs/den/2024", "logs/den/2024/2024-05-06", "den.tar.gz"])
def test_a_channel_is_found_however_deep_the_export_begins(given, tmp_path):
    write(tmp_path / "logs", {"den/2024/2024-05-06": "[10:00] <a> x\n", "den/README.md": "hi"})
    with tarfile.open(tmp_path / "den.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "logs" / "den" / "2024", arcname="2024")
    reader = irc_reader(tmp_path / given)
    assert {e.group_id for e in read(reader).events} == {"acme/irc/den"}
    assert reader.skipped_files == (1 if given in {"logs", "logs/den"} else 0)


def test_what_holds_no_log_is_said(tmp_path):
    write(tmp_path, {"den/notes.txt": "hi", "den/2024/2024-13-45": "[10:00] <a> x\n"})
    with pytest.raises(VitalsError, match="channel/year/YYYY-MM-DD"):
        irc_reader(tmp_path)


def test_the_chain_of_seqs_goes_over_days_only_where_nothing_can_lie_between(tmp_path):
    write(
        tmp_path,
        {
            "den/2024-05-06": "[10:00] <a> x\n\n",
            "den/2024-05-07": "[10:00] <a> x\n[10:01] <a> cut o",
            "den/2024-05-08": "[10:00] <a> x\nrefused\n",
            "den/2024-05-09": "[10:00] <a> x\n",
            "den/2024-05-11": "[10:00] <a> x\n",
        },
    )
    events = [e for e in read(irc_reader(tmp_path)).events if type(e) is Message]
    assert [(e.source_seq - SEQ, e.source_prev and e.source_prev - SEQ) for e in events] == [
        (1, None),
        (1_000_001, 1),
        (1_000_002, 1_000_001),
        (2_000_001, None),  # the file before ends inside a line
        (3_000_001, 2_000_002),  # follows the refused line
        (5_000_001, None),  # a day is missing
    ]


def absorbed(events: list[Event]) -> Counter[int]:
    """What a receiver counts, in the order of sending: seq → times."""
    groups: dict[str, Absorbed] = {}
    counted: Counter[int] = Counter()
    for event in events:
        if groups.setdefault(event.group_id, Absorbed()).absorb(event) and event.source_seq is not None:
            counted[event.source_seq] += 1
    return counted


LINES = st.sampled_from(["<ann> hi", "* bob waves", "*** ann joined", "*** ann left", "*** a sets mode", "", "broken"])
FILES = st.dictionaries(st.integers(0, 5), st.lists(LINES, min_size=1, max_size=6), min_size=1, max_size=6)
CUTS = st.lists(st.tuples(st.sets(st.integers(0, 5)), st.integers(0, 60)), min_size=1, max_size=4)


def cut_export(files: dict[int, list[str]], days: set[int], cut_off: int, root: Path) -> list[Event]:
    """Some days of an export, the last of them cut off that many bytes before its end, imported by itself."""
    names = {}
    for day in sorted(days & files.keys()):
        text = "".join(f"[10:0{n}] {line}\n" if line not in {"", "broken"} else line + "\n"
                       for n, line in enumerate(files[day]))  # fmt: skip
        if day == max(days & files.keys()):
            text = text[: max(len(text) - cut_off, 0)]
        names[f"den/{date(2024, 5, 6 + day)}"] = text
    return [e for e in read(irc_reader(write(root, names))).events if e.source_seq is not None] if names else []


@settings(max_examples=300, deadline=None)
@given(FILES, CUTS)
def test_exports_cut_in_any_way_in_any_order_overlapping_count_once(tmp_path_factory, files, cuts):
    root = tmp_path_factory.mktemp("cuts")
    imports = [cut_export(files, days, cut, root / str(n)) for n, (days, cut) in enumerate(cuts)]
    imports.append(cut_export(files, set(files), 0, root / "whole"))
    whole = Counter(e.source_seq for e in imports[-1])
    everything = [event for events in imports for event in events]
    # A last line cut short may read as an event which the whole line is not, or the other way round.
    counted = absorbed(everything)
    assert set(counted.values()) <= {1}
    assert set(counted) >= set(whole), "nothing is lost"
    assert set(counted) == {e.source_seq for e in everything}, "nothing but what was sent"


@pytest.mark.skipif(not RAKU.exists(), reason="SKIPPED FOR LACK OF DATA: ../shared/data/raku_irc is not there")
def test_counts_equal_a_plain_search_of_the_raw_lines_in_all_channels(tmp_path):
    patterns = {
        "message": rb"^\[[0-9:]+\] (<|\* )",
        "join": rb"^\[[0-9:]+\] \*\*\* .* joined$",
        "leave": rb"^\[[0-9:]+\] \*\*\* .* (left$|was kicked)",
    }
    wanted: Counter[tuple[str, str]] = Counter()
    with tarfile.open(RAKU, "r|xz") as tar:
        for member_file in tar:
            content = tar.extractfile(member_file)
            raw = content.read() if content else b""
            for kind, pattern in patterns.items():
                wanted[member_file.name.split("/")[0], kind] += len(re.findall(pattern, raw, re.MULTILINE))
    reader = irc_reader(RAKU)
    found: Counter[tuple[str, str]] = Counter()
    last = 0
    for batch in reader.batches(frozenset()):
        for event in batch.events:
            assert event.occurred_at >= last
            last = event.occurred_at
            found[event.group_id.rsplit("/", 1)[1], type(event).__name__.lower()] += 1
    assert len({channel for channel, _ in wanted}) == 27
    assert {k: n for k, n in found.items() if k[1] != "groupcreated"} == {k: n for k, n in wanted.items() if n}


def test_a_tar_without_logs_reads_like_any_other(tmp_path):
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        info = tarfile.TarInfo("den/2024/2024-05-06")
        body = b"[10:00] <a> x\n"
        info.size = len(body)
        tar.addfile(info, io.BytesIO(body))
        link = tarfile.TarInfo("den/2024/2024-05-07")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    assert len(read(irc_reader(tmp_path / "x.tar")).events) == 1, "a link in a tar is no file"


def test_links_and_the_print_of_a_text_are_told_and_the_text_is_not(tmp_path):
    ad = "SALE of all our teas, see https://shop.example/tea"
    batch = irc_day(f"[00:00] <ann> {ad}\n[00:01] <bob> {ad.lower()}!\n[00:02] <ann> thanks\n", tmp_path)
    first, again, short = batch.events
    assert (first.links, again.links, short.links) == (1, 1, 0)
    assert first.text_hash == again.text_hash is not None
    assert short.text_hash is None
    assert all("SALE" not in repr(event) and event.text is None for event in batch.events)


def test_whom_a_message_is_for_is_known_from_the_lines_above(tmp_path):
    lines = (
        "[00:00] <ann> who is there\n[00:01] <bob> Ann: me\n[00:02] <bob> note: none\n[00:03] *** Cat joined\n"
        "[00:04] <ann> cat, hello\n[00:05] <ann> :\n[00:06] *** bob is now known as rob\n[00:07] <ann> rob: still you\n"
        "[00:08] <ann> dan: are you there\n[00:09] <dan> yes\n"
    )
    said = [event.mentions for event in irc_day(lines, tmp_path).events if type(event) is Message]
    ann, bob, cat = member("ann"), member("bob"), member("cat")
    assert said == [(), (ann,), (), (cat,), (), (bob,), (), ()]
