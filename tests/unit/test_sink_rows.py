"""Records as rows: every field finds its column, nothing of ours is lost, refusals have a stated fate."""

import base64
import itertools
import re

import msgspec
import pytest

from streams import events, models, sink_rows, sink_tables
from streams.dead_letters import dead_letter
from streams.events import (
    EVENTS,
    GroupCreated,
    GroupRenamed,
    Join,
    Leave,
    Message,
    OrderAttributed,
    Purchase,
    Roster,
    Tick,
)
from streams.identities import ForgottenMember, MemberIdentity
from streams.metrics import PartMetrics, Sample
from streams.resources import resource_dir
from streams.sink_batch import Batch, Record
from streams.sink_tables import DEAD_LETTERS, GROUPS, MEMBERS, TABLES, columnar
from streams.vitals.partition import GroupLog
from streams.vitals.rows import GroupVitals, MemberVitals, Reason
from streams.words import words

MODEL = models.load()

COMMON = {"event_id": "e1", "occurred_at": 1000, "brand_id": "a", "platform": "irc"}
IN_GROUP = COMMON | {"group_id": "a/irc/raku"}
UNKEPT_FIELDS = {"source_prev", "links", "text_hash"}
"""They serve the fold alone; the print of a text is nothing for whoever reads the warehouse."""


def record(value, topic="chat-events", key=b"a/irc/raku", offset=7, timestamp=5000):
    raw = value if isinstance(value, bytes | None) else msgspec.json.encode(value)
    return Record(topic, 3, offset, timestamp, key, raw)


def batch_of(*records, known=None):
    batch = Batch(set() if known is None else known)
    for each in records:
        batch.add(each)
    return batch


def rows_of(batch, table):
    rows = dict(batch.filled()).get(table, [])
    return [dict(zip(table.columns, row, strict=True)) for row in rows]


def vitals(**changed):
    values = {
        field.name: {int: 1, str: "x", float: 0.5, bool: True}.get(getattr(field.type, "__origin__", field.type))
        for field in msgspec.structs.fields(GroupVitals)
        if field.required
    }
    return GroupVitals(**(values | {"group_id": "a/irc/raku", "reasons": (), "source_offset": 90} | changed))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_columns_exist_in_the_migrations(table):
    text = "\n".join(path.read_text() for path in (resource_dir("schemas") / "migrations").glob("*.sql"))
    body = re.search(rf"CREATE TABLE IF NOT EXISTS {table.name}\n\((.*?)\n\)\nENGINE", text, re.DOTALL)[1]
    created = set(re.findall(r"^    (\w+) ", body, re.MULTILINE))
    for altered in re.findall(rf"ALTER TABLE {table.name}\n(.*?);", text, re.DOTALL):
        created |= set(re.findall(r"ADD COLUMN IF NOT EXISTS (\w+) ", altered))
    assert set(table.columns) <= created
    assert created - set(table.columns) <= {"size_band"}


@pytest.mark.parametrize("kind", EVENTS["chat-events"], ids=lambda kind: kind.__name__)
def test_every_field_of_a_chat_event_has_a_column(kind):
    if kind not in (Tick, events.Calibration):
        assert set(kind.__struct_fields__) - UNKEPT_FIELDS <= set(sink_tables.EVENTS.columns)


def test_message_row():
    event = Message(**IN_GROUP, member_id="m", source="s", source_seq=4, text_len=3, reply_to="e0", mentions=("x",))
    (row,) = rows_of(batch_of(record(event)), sink_tables.EVENTS)
    filled = {name: value for name, value in row.items() if value}
    assert filled == {
        "event_id": "e1", "occurred_at": 1000, "brand_id": "a", "platform": "irc", "group_id": "a/irc/raku",
        "type": "message", "member_id": "m", "role": "member", "source": "s", "source_seq": 4, "text_len": 3,
        "content_type": "text", "reply_to": "e0", "mentions": ("x",), "ingested_at": 5000,
    }  # fmt: skip


def test_the_same_record_makes_the_same_row_whenever_it_comes():
    message = record(Message(**IN_GROUP, member_id="m"))
    assert batch_of(message).filled() == batch_of(message).filled()


def test_roster_keeps_its_list_and_no_count_in_the_registry():
    batch = batch_of(record(Roster(**IN_GROUP, members=("m1", "m2"), staff=("s",))))
    assert rows_of(batch, sink_tables.EVENTS)[0]["members"] == ("m1", "m2")
    assert rows_of(batch, GROUPS)[0]["members"] is None


def test_a_part_s_metrics_are_a_row_each():
    samples = (
        Sample("vitals_lag_records", "groups", {}, 7.0),
        Sample("vitals_x_total", "sink", {"b": "2", "a": "1"}, 0.5),
    )
    told = PartMetrics(part="ticker", since=1, at=2, started_at=0, samples=samples)
    batch = batch_of(record(told, topic="part-metrics", key=b"ticker"))
    shared = {"part": "ticker", "since": 1, "at": 2, "started_at": 0, "ingested_at": 5000}
    assert rows_of(batch, sink_tables.PART_METRICS) == [
        shared | {"name": "vitals_lag_records", "agent": "groups", "labels": "{}", "value": 7.0},
        shared | {"name": "vitals_x_total", "agent": "sink", "labels": '{"a":"1","b":"2"}', "value": 0.5},
    ]


def test_ticks_and_calibrations_are_not_kept():
    calibration = events.Calibration(**COMMON, model="m", intercept=0.1, effective_at=5)
    batch = batch_of(record(Tick(**COMMON), key=b""), record(calibration, key=b""))
    assert batch.filled() == []
    assert batch.records == 2
    assert not batch.skipped


def test_completeness_of_a_source_is_kept():
    batch = batch_of(record(events.SourceComplete(**COMMON, source="s", complete_until=900, is_live=True), key=b""))
    (row,) = rows_of(batch, sink_tables.EVENTS)
    assert (row["type"], row["group_id"], row["complete_until"], row["is_live"]) == ("source_complete", "", 900, True)
    assert rows_of(batch, GROUPS) == []


def test_first_event_puts_a_group_into_the_registry_once():
    known = set()
    join = record(Join(**IN_GROUP, member_id="m"))
    (row,) = rows_of(batch_of(join, join, known=known), GROUPS)
    assert (row["group_id"], row["created_at"], row["name"]) == ("a/irc/raku", 1000, "")
    assert row["version"] < sink_rows.DESCRIBED
    assert rows_of(batch_of(join, known=known), GROUPS) == []


def test_name_of_a_group_outranks_the_bare_sight_of_it():
    seen, named = record(Join(**IN_GROUP, member_id="m")), record(GroupCreated(**IN_GROUP, name="群", owner="Li"))
    for records in ((seen, named), (named, seen)):
        (row,) = rows_of(batch_of(*records), GROUPS)
        assert (row["name"], row["owner"]) == ("群", "Li")
        assert sink_rows.NAMED <= row["version"] < sink_rows.VITALS


def test_the_row_of_the_registry_that_stands_does_not_depend_on_batches_restarts_or_a_late_sink():
    key = b"a/irc/raku"
    said = [
        record(Join(**IN_GROUP | {"occurred_at": 10 * offset}, member_id="m"), key=key, offset=offset)
        for offset in (0, 1, 5)
    ]
    told = [
        record(GroupCreated(**IN_GROUP, owner="Li"), key=key, offset=2),
        record(GroupRenamed(**IN_GROUP, name="old"), key=key, offset=3),
        record(GroupRenamed(**IN_GROUP, name="new"), key=key, offset=4),
    ]
    for records in (said, [*said, told[0]], [*said, *told]):
        (whole,) = rows_of(batch_of(*sorted(records, key=lambda it: it.offset)), GROUPS)
        for order in itertools.permutations(records):
            alone = [row for it in order for row in rows_of(batch_of(it), GROUPS)]
            assert max(alone, key=lambda row: row["version"]) == whole
        assert len({row["version"] for row in alone}) == len(records)


def test_vital_signs_outrank_events_and_the_latest_win_whatever_their_offset():
    key, topic = b"a/irc/raku", "group-vitals"
    batch = batch_of(
        record(vitals(at=0, name="old", source_offset=90), topic),
        record(vitals(at=5000, name="first", source_offset=3), topic),
        record(vitals(at=5000, name="last", source_offset=4), topic),
        record(GroupCreated(**IN_GROUP, name="event"), key=key),
    )
    (row,) = rows_of(batch, GROUPS)
    assert row["name"] == "last"
    assert len(rows_of(batch, sink_tables.GROUP_VITALS)) == 3
    assert rows_of(batch_of(record(vitals(at=0), topic)), GROUPS)[0]["version"] > sink_rows.NAMED


def test_the_first_vital_signs_keep_what_the_registry_knew_of_a_group():
    told = GroupCreated(**IN_GROUP, name="群", owner="Li", timezone="Asia/Shanghai", currency="CNY")
    fold = GroupLog(0, "groups/chat-events/0/t", MODEL)
    fold.fold(told, "a/irc/raku", 0, 0)
    tick = Tick(event_id="t", occurred_at=86_400_000, brand_id="*", platform="*")
    sent = [output.value for output in fold.fold(tick, "", 1, 0) if output.topic == "group-vitals"]
    (before,) = rows_of(batch_of(record(told)), GROUPS)
    (after,) = rows_of(batch_of(*(record(row, "group-vitals") for row in sent)), GROUPS)
    known = ("brand_id", "platform", "name", "owner", "timezone", "currency", "created_at")
    assert {name: after[name] for name in known} == {name: before[name] for name in known}


def test_unattributed_is_no_group_but_its_share_is_kept():
    share = OrderAttributed(
        **COMMON | {"group_id": "a/~unattributed"}, order_id="o", customer_id="c", amount=-5, currency="CNY", weight=1,
        rule="unattributed",
    )  # fmt: skip
    batch = batch_of(record(share, key=b"a/~unattributed"))
    assert rows_of(batch, GROUPS) == []
    assert rows_of(batch, sink_tables.EVENTS)[0]["amount"] == -5


def test_reasons_in_words_codes_and_numbers():
    reason = Reason("speakers_falling", {"before": 41.0, "now": 9.0})
    (row,) = rows_of(batch_of(record(vitals(reasons=(reason,)), "group-vitals")), sink_tables.GROUP_VITALS)
    assert row["reasons"] == (words(reason, "en"),)
    assert row["reasons_zh"] == (words(reason, "zh"),)
    assert "41" in row["reasons"][0]
    assert row["reason_codes"] == ("speakers_falling",)
    assert msgspec.json.decode(row["reason_numbers"][0]) == reason.numbers


def test_purchases_are_kept_touches_are_not():
    purchase = Purchase(**COMMON, order_id="o", customer_id="c", amount=100, currency="CNY")
    touch = events.Touch(**IN_GROUP, kind="join", member_id="c")
    batch = batch_of(record(purchase, "purchases", b"c"), record(touch, "purchases", b"c"))
    (row,) = rows_of(batch, sink_tables.PURCHASES)
    assert (row["type"], row["order_id"], row["amount"]) == ("purchase", "o", 100)


def test_member_day():
    day = MemberVitals(
        group_id="g", brand_id="a", member_id="m", role="member", day=86_400_000, source_offset=4, messages=2,
        is_present=True, joined_at=None, last_message_at=86_400_001,
    )  # fmt: skip
    (row,) = rows_of(batch_of(record(day, "member-vitals")), sink_tables.MEMBER_VITALS)
    assert (row["day"], row["messages"], row["joined_at"], row["ingested_at"]) == (86_400_000, 2, None, 5000)


def test_identity_and_its_erasure():
    identity = MemberIdentity(member_id="m", brand_id="a", platform="irc", raw_id="larry", name="Larry", at=9)
    batch = batch_of(
        record(identity, "member-identities", b"m"), record(None, "member-identities", b"m", timestamp=6000)
    )
    kept, erased = rows_of(batch, MEMBERS)
    assert (kept["raw_id"], kept["is_erased"], kept["ingested_at"]) == ("larry", 0, 5000)
    assert (erased["member_id"], erased["raw_id"], erased["name"], erased["is_erased"]) == ("m", "", "", 1)
    assert erased["ingested_at"] > kept["ingested_at"]


def test_a_forgotten_member_is_hidden_from_whatever_comes_later():
    forgotten = ForgottenMember(member_id="m", at=9)
    (row,) = rows_of(batch_of(record(forgotten, "forgotten-members", b"m")), MEMBERS)
    assert (row["member_id"], row["raw_id"], row["is_erased"]) == ("m", "", 1)
    assert row["ingested_at"] > 10_000_000_000_000


def test_dead_letters_keep_their_bytes():
    letter = dead_letter(b"\xff\0", origin="f", partition=0, position=3, reason="invalid_utf8", detail="d", at=1)
    (row,) = rows_of(batch_of(record(letter, "dead-letters", letter.letter_id.encode())), DEAD_LETTERS)
    assert base64.b64decode(row["original"]) == b"\xff\0"
    assert (row["reason"], row["position"], row["size"]) == ("invalid_utf8", 3, 2)


@pytest.mark.parametrize("key", [b"accept", b"accept/purchases/2"])
def test_acceptance_of_dead_letters_is_no_letter(key):
    batch = batch_of(record(b"{}", "dead-letters", key))
    assert (batch.filled(), batch.letters) == ([], [])


def test_an_acceptance_that_cannot_be_read_is_a_letter_too():
    (letter,) = batch_of(record(b"yes", "dead-letters", b"accept")).letters
    assert letter.reason == "malformed_json"


@pytest.mark.parametrize(("key", "value"), [(b"other", b""), (None, b""), (b"", None), (b"\xff", None), (None, None)])
def test_an_identity_under_another_key_is_refused_as_no_tombstone_would_reach_it(key, value):
    identity = MemberIdentity(member_id="m", brand_id="a", platform="irc", raw_id="larry", at=9)
    batch = batch_of(record(None if value is None else identity, "member-identities", key))
    assert batch.filled() == []
    assert len(batch.letters) == 1


GOOD = msgspec.json.encode(Leave(**IN_GROUP, member_id="m"))
REFUSED = {
    "malformed_json": b"{",
    "invalid_utf8": GOOD.replace(b'"m"', b'"\xff"'),
    "null_byte": GOOD.replace(b'"m"', b'"\\u0000"'),
    "unknown_type": GOOD.replace(b'"leave"', b'"vanish"'),
    "bad_shape": GOOD.replace(b'"member_id":"m"', b'"member_id":7'),
    "from_the_future": GOOD.replace(b'"occurred_at":1000', b'"occurred_at":605001'),
    "too_large": GOOD.replace(b'"m"', b'"' + b"m" * (1 << 20) + b'"'),
    "wrong_key": GOOD.replace(b"a/irc/raku", b"a/irc/other"),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_the_agent_refuses_is_counted_and_makes_no_row(reason):
    batch = batch_of(record(REFUSED[reason]))
    assert batch.filled() == []
    assert batch.skipped == {f"chat-events {reason}": 1}
    assert batch.ends == {("chat-events", 3): 8}


def test_an_event_just_inside_the_tolerance_is_kept():
    batch = batch_of(record(REFUSED["from_the_future"].replace(b"605001", b"605000")))
    assert len(rows_of(batch, sink_tables.EVENTS)) == 1


@pytest.mark.parametrize(
    ("raw", "reason"), [(b"{", "malformed_json"), (b"{}", "bad_shape"), (None, "malformed_json")]
)  # fmt: skip
@pytest.mark.parametrize("topic", ["group-vitals", "member-vitals", "dead-letters"])
def test_what_nobody_else_reads_becomes_a_dead_letter(topic, raw, reason):
    batch = batch_of(record(raw, topic, b"k"))
    (letter,) = batch.letters
    assert batch.filled() == []
    assert (letter.origin, letter.partition, letter.position, letter.at) == (topic, 3, 7, 5000)
    assert (letter.reason, letter.original, letter.key) == (reason, raw or b"", b"k")


def test_columns_without_values_are_left_to_their_default():
    table = GROUPS
    row = {"group_id": "g", "brand_id": "", "version": 0, "members": 0, "created_at": 5}
    rows = [
        tuple(row.get(name) for name in table.columns),
        tuple(dict(row, owner="Li").get(name) for name in table.columns),
    ]
    assert columnar(table, rows) == {
        "group_id": ["g", "g"], "owner": ["", "Li"], "members": [0, 0], "created_at": [5, 5],
    }  # fmt: skip
