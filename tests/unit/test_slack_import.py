import json
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from streams.connectors.slack import SlackReader
from streams.connectors.slack_people import People
from streams.errors import VitalsError
from streams.events import GroupCreated, GroupEnded, GroupRenamed, Join, Leave, Message, Reaction, Recall, Roster
from tests.importing import NOW, PSEUDONYMS, Marks, Remembered, member, read, recipe, run, write
from tests.unit.test_irc_import import absorbed

EXPORT = Path(__file__).parents[3] / "shared" / "data" / "slack_houston_export" / "houstondatavis_slack_export.zip"
TS = 1_714_953_600  # 2024-05-06
GROUP = "acme/slack/C1"
CHANNELS = [
    {"id": "C1", "name": "den", "created": TS - 100, "members": ["U1", "B1"]},
    {"id": "C2", "name": "empty", "created": str(TS + 200_000), "is_archived": True, "members": ["U1"]},
]
USERS = [
    {"id": "U1", "name": "ann", "profile": {"real_name": "Ann Lee", "display_name": "ann!"}},
    {"id": "B1", "name": "robo", "is_bot": True},
]


def entry(second: int, **fields: object) -> dict[str, object]:
    return {"type": "message", "user": "U1", "ts": f"{TS + second}.000001", **fields}


def export(root: Path, days: dict[str, object], prefix: str = "") -> Path:
    files = {f"den/{day}.json": content if isinstance(content, str) else json.dumps(content)
             for day, content in days.items()}  # fmt: skip
    files |= {"channels.json": json.dumps(CHANNELS), "users.json": json.dumps(USERS)}
    return write(root, {prefix + name: content for name, content in files.items()})


def reader(path: Path, **changed: object) -> SlackReader:
    given = recipe("slack", **changed)
    return SlackReader([path], given, People(given, PSEUDONYMS), path.parent)


def events_of(root: Path, *entries: object, **changed: object) -> list:
    batch = read(reader(export(root, {"2024-05-06": list(entries)}), **changed))
    return [e for e in batch.events if not isinstance(e, GroupCreated | Roster)]


def test_each_kind_of_entry_becomes_its_event(tmp_path):
    events = events_of(
        tmp_path,
        entry(1, subtype="channel_join", inviter="B1"),
        entry(2, text="grüß"),
        entry(3, subtype="file_share", text="x"),
        entry(4, subtype="me_message", text="x"),
        entry(5, subtype="thread_broadcast", text="x", thread_ts=f"{TS + 2}.000001"),
        entry(6, subtype="channel_name", name="lair"),
        entry(7, subtype="message_deleted", deleted_ts=f"{TS + 3}.000001"),
        entry(8, subtype="channel_leave"),
        entry(9, subtype="channel_archive"),
    )
    kinds = [Join, Message, Message, Message, Message, GroupRenamed, Recall, Leave, GroupEnded]
    assert [type(e) for e in events] == kinds
    seqs = [(TS + second) * 10**6 + 1 for second in range(1, 10)]
    assert [e.source_seq for e in events] == seqs
    assert [e.source_prev for e in events] == [None, *seqs[:-1]]
    assert [e.occurred_at for e in events] == [seq // 1000 for seq in seqs]
    assert events[0].inviter_id == member("B1", "slack")
    assert [e.content_type for e in events[1:5]] == ["text", "file", "text", "text"]
    assert events[1].text_len == 4
    assert events[4].reply_to == events[1].event_id
    assert (events[5].name, events[6].target, events[8].reason) == ("lair", events[2].event_id, "dissolved")
    assert {e.group_id for e in events} == {GROUP}


def test_who_is_a_bot(tmp_path):
    events = events_of(
        tmp_path,
        entry(1),
        entry(2, user="B1"),
        entry(3, user=None, bot_id="B9"),
        entry(4, subtype="bot_message", user=None, username="hook"),
        entry(5, user="USLACKBOT"),
        entry(6, user="U7"),
        bots=frozenset({"U7"}),
    )
    assert [e.role for e in events] == ["member", "bot", "bot", "bot", "bot", "bot"]
    assert events_of(tmp_path, entry(1), staff=frozenset({"ann"}))[0].role == "staff"


def test_a_root_of_a_thread_answers_nothing(tmp_path):
    (root,) = events_of(tmp_path, entry(1, thread_ts=f"{TS + 1}.000001", reply_count=3))
    assert root.reply_to is None


def test_reactions_have_ids_of_their_own_and_no_place_in_the_order(tmp_path):
    reactions = [{"name": "+1", "users": ["U1", "B1"]}, {"name": "tada", "users": ["U1"]}]
    said, *found = events_of(tmp_path, entry(1, reactions=reactions))
    assert [(type(e), e.target, e.source_seq) for e in found] == [(Reaction, said.event_id, None)] * 3
    assert len({e.event_id for e in found}) == 3
    assert absorbed([said, *found, said, *found]) == Counter([said.source_seq])


def test_what_is_no_event_is_counted_by_its_name(tmp_path):
    batch = read(
        reader(export(tmp_path, {"2024-05-06": [entry(1, subtype="message_changed"), entry(2, subtype="new!")]}))
    )
    assert batch.skipped == {"message_changed": 1, "new!": 1}
    assert batch.refused == []


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"type": "message", "user": "U1"}, "bad_shape"),
        (entry(2, ts="soon"), "bad_shape"),
        (entry(2, user=5), "bad_shape"),
        (entry(2, user=None), "bad_shape"),
        (entry(2, subtype="message_deleted"), "bad_shape"),
        (entry(2, text="x" * (2 << 20)), "too_large"),
        ("text", "bad_shape"),
    ],
)
def test_an_entry_that_cannot_be_read_is_refused_and_stays_open(bad, reason, tmp_path):
    batch = read(reader(export(tmp_path / "bad", {"2024-05-06": [entry(1), bad, entry(3)]})))
    assert [(letter.reason, letter.position) for letter in batch.refused] == [(reason, 2)]
    mended = read(reader(export(tmp_path / "good", {"2024-05-06": [entry(1), entry(2), entry(3)]})))
    counted = absorbed(batch.events + mended.events)
    assert counted == Counter((TS + second) * 10**6 + 1 for second in (1, 2, 3))


def test_an_entry_from_the_future_is_refused_until_its_time_has_come(tmp_path):
    ahead = NOW // 1000 + 700
    root = export(tmp_path, {"2024-05-06": [entry(1), entry(ahead - TS)]})
    early = read(reader(root))
    assert [letter.reason for letter in early.refused] == ["from_the_future"]
    in_time = read(reader(root, now=NOW + 200_000))
    counted = absorbed(early.events + in_time.events)
    assert counted == Counter([(TS + 1) * 10**6 + 1, ahead * 10**6 + 1])


@pytest.mark.parametrize("content", ["{", "{}", "", '["\\ud800"', "\x00"])
def test_a_file_that_is_no_list_is_refused_as_a_whole(content, tmp_path):
    batch = read(reader(export(tmp_path, {"2024-05-06": content, "2024-05-07": [entry(86_400)]})))
    assert [letter.reason for letter in batch.refused] == ["malformed_json"]
    assert sum(isinstance(e, Message) for e in batch.events) == 1


def test_bytes_that_are_no_text_are_refused(tmp_path):
    root = export(tmp_path, {"2024-05-06": []})
    body = json.dumps([entry(1), entry(2, text="QQ")]).encode().replace(b"QQ", b"\xff")
    (root / "den" / "2024-05-06.json").write_bytes(body)
    batch = read(reader(root))
    assert [letter.reason for letter in batch.refused] == ["invalid_utf8"]


def test_channels_are_announced_when_they_were_made_also_silent_ones(tmp_path):
    to = Remembered()
    run(reader(export(tmp_path, {"2024-05-06": [entry(1)]})), to)
    made = [(e.group_id, e.name, e.occurred_at) for e in to.events if isinstance(e, GroupCreated)]
    assert made == [(GROUP, "den", (TS - 100) * 1000), ("acme/slack/C2", "empty", (TS + 200_000) * 1000)]
    assert [type(e) for e in to.events[:2]] == [GroupCreated, Message]


def test_a_roster_that_no_event_can_hold_is_counted_and_not_sent(tmp_path):
    users = [f"U{number}" for number in range(60_000)]
    export(tmp_path, {"2024-05-06": [entry(1)]})
    (tmp_path / "channels.json").write_text(json.dumps([CHANNELS[0] | {"members": users}]))
    to = Remembered()
    counts = run(reader(tmp_path), to)
    assert counts.skipped == {"roster too large": 1}
    assert counts.read == counts.sent - counts.announced + counts.skipped.total()
    assert not any(isinstance(e, Roster) for e in to.events)


def test_the_roster_closes_the_export_and_is_sent_once(tmp_path):
    marks, to, again = Marks(), Remembered(), Remembered()
    root = export(tmp_path, {"2024-05-06": [entry(1)]})
    run(reader(root), to, marks)
    (roster,) = [e for e in to.events if isinstance(e, Roster)]
    assert (roster.group_id, roster.members, roster.bots) == (GROUP, (member("U1", "slack"),), (member("B1", "slack"),))
    assert roster is to.events[-1]
    assert run(reader(root), again, marks).sent == 0
    assert again.log == []


def test_names_go_to_the_identities_and_nowhere_else(tmp_path):
    to = Remembered()
    run(reader(export(tmp_path, {"2024-05-06": [entry(1), entry(2, user="B1")]})), to)
    assert {(i.raw_id, i.name) for i in to.identities} == {("U1", "ann!"), ("B1", "robo")}
    assert not [name for name in ("ann!", "Lee", "robo", "U1") if name in repr(to.log)]


def test_direct_messages_are_left_out(tmp_path):
    root = export(tmp_path, {"2024-05-06": [entry(1)]})
    write(root, {"D1/2024-05-06.json": json.dumps([entry(1)]), "dms.json": "[]"})
    found = reader(root)
    assert {e.group_id for e in read(found).events} == {GROUP, "acme/slack/C2"}
    assert found.skipped_files == 2, "the direct messages and their list"


def test_a_zip_with_a_directory_around_it_reads_the_same(tmp_path):
    root = export(tmp_path / "x", {"2024-05-06": [entry(1)]})
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for path in sorted(root.rglob("*.json")):
            archive.write(path, f"acme export/{path.relative_to(root)}")
    assert read(reader(tmp_path / "x.zip")).events == read(reader(root)).events


def test_what_is_no_export_is_said(tmp_path):
    with pytest.raises(VitalsError, match="has no list of channels"):
        reader(write(tmp_path / "a", {"x.json": "[]"}))
    with pytest.raises(VitalsError, match="not what Slack exports"):
        reader(write(tmp_path / "b", {"channels.json": "[{}]"}))


@pytest.mark.skipif(
    not EXPORT.exists(), reason="SKIPPED FOR LACK OF DATA: ../shared/data/slack_houston_export is not there"
)
def test_counts_equal_a_plain_count_of_the_entries_of_a_real_export():
    wanted: Counter[tuple[str, str]] = Counter()
    kinds = {None: "message", "file_share": "message", "channel_join": "join", "channel_leave": "leave",
             "channel_archive": "groupended"}  # fmt: skip
    with zipfile.ZipFile(EXPORT) as archive:
        ids = {channel["name"]: channel["id"] for channel in json.loads(archive.read("channels.json"))}
        for name in archive.namelist():
            if name.count("/") == 1 and name.endswith(".json"):
                for said in json.loads(archive.read(name)):
                    if said.get("subtype") in kinds:
                        wanted[ids[name.split("/")[0]], kinds[said.get("subtype")]] += 1
                    if kinds.get(said.get("subtype")) == "message":
                        reacted = sum(len(reaction["users"]) for reaction in said.get("reactions", []))
                        wanted[ids[name.split("/")[0]], "reaction"] += reacted
    found = Counter((e.group_id.rsplit("/", 1)[1], type(e).__name__.lower()) for e in read(reader(EXPORT)).events)
    assert {k: n for k, n in found.items() if k[1] not in {"groupcreated", "roster"}} == dict(+wanted)
    assert sum(n for (_, kind), n in wanted.items() if kind == "message") == 734


def test_links_prints_and_mentions_are_told_of_a_text_and_it_is_not(tmp_path):
    ad = "<@U1> and <@U9|nine>, all teas at half price: <https://shop.example/tea|shop>"
    first, again, none = events_of(tmp_path, entry(1, text=ad), entry(2, text=ad.upper()), entry(3, text="<@U1"))
    assert first.mentions == (member("U1", "slack"), member("U9", "slack"))
    assert (first.links, none.links) == (1, 0)
    assert first.text_hash == again.text_hash is not None
    assert (none.mentions, none.text_hash) == ((), None)
    assert first.text is None
