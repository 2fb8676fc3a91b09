"""Records gathered into the rows of each table, with the offsets that may be committed once those are stored."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import Any

import msgspec

from streams import sink_rows, sink_tables
from streams.dead_letters import REPLAYED, Acceptance, DeadLetter, Replay, is_letter
from streams.edge import LOOKED_INTO, KeyOf, RefusedError, read, refuse, take_in
from streams.events import (
    EVENTS,
    FUTURE_TOLERANCE_MS,
    MAX_EVENT_BYTES,
    NOBODY,
    ChatEvent,
    Event,
    GroupEvent,
    LinkChanged,
    Purchase,
    PurchaseEvent,
    Refund,
)
from streams.identities import ForgottenMember, MemberIdentity
from streams.metrics import PartMetrics
from streams.sink_tables import Row, Table
from streams.vitals.insights import AnyInsight
from streams.vitals.rows import GroupAlert, GroupVitals, MemberVitals

Partition = tuple[str, int]
CHAT_KEYS: KeyOf = {kind: attrgetter("group_id") for kind in EVENTS["chat-events"] if issubclass(kind, GroupEvent)}
PURCHASE_KEYS: KeyOf = {kind: attrgetter("customer_id") for kind in (Purchase, Refund, LinkChanged)}
_KNOWN_GROUPS = 200_000
_NOBODY = NOBODY.encode()
_decode_chat = msgspec.json.Decoder(ChatEvent).decode
_decode_purchase = msgspec.json.Decoder(PurchaseEvent).decode
_decode_vitals = msgspec.json.Decoder(GroupVitals).decode
_decode_day = msgspec.json.Decoder(MemberVitals).decode
_decode_insight = msgspec.json.Decoder(AnyInsight).decode
_decode_alert = msgspec.json.Decoder(GroupAlert).decode
_decode_letter = msgspec.json.Decoder(DeadLetter).decode
_decode_part = msgspec.json.Decoder(PartMetrics).decode
_decode_identity = msgspec.json.Decoder(MemberIdentity).decode
_decode_forgotten = msgspec.json.Decoder(ForgottenMember).decode
_decode_acceptance = msgspec.json.Decoder(Acceptance).decode
_decode_replay = msgspec.json.Decoder(Replay).decode


class Record(msgspec.Struct, gc=False):
    """One Kafka record; `timestamp` is in ms, `value` None a tombstone."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class Batch:
    """The rows of some records. Pure: what it holds depends on the records alone, and on the groups known before.

    `letters` are to be put on the topic dead-letters: what was refused here and by nobody else.
    """

    def __init__(self, known_groups: set[str]) -> None:
        """`known_groups` stand in the registry already; it grows by those that this batch adds."""
        self.rows: dict[Table, list[Row]] = {table: [] for table in sink_tables.TABLES}
        self.letters: list[DeadLetter] = []
        self.skipped: Counter[str] = Counter()
        self.ends: dict[Partition, int] = {}
        self.records = 0
        self.bytes = 0
        self._known = known_groups
        self._registry: dict[str, tuple[int, Callable[[], Row]]] = {}

    def add(self, record: Record) -> None:
        """Take in one record. One that cannot be read is counted, or kept as a dead letter if nobody else will."""
        self.ends[record.topic, record.partition] = record.offset + 1
        self.records += 1
        self.bytes += len(record.value or b"")
        TOPICS[record.topic](self, record)

    def filled(self) -> list[tuple[Table, list[Row]]]:
        """The tables that have rows, and these."""
        self.rows[sink_tables.GROUPS] = [make() for _, make in self._registry.values()]
        return [(table, rows) for table, rows in self.rows.items() if rows]

    def chat_event(self, record: Record) -> None:
        """A record of chat-events; what it must refuse its agent keeps as a dead letter, here it is counted."""
        event = self._event(record, _decode_chat, CHAT_KEYS)
        row = event and sink_rows.event_row(event, record.timestamp)
        if row:
            self.rows[sink_tables.EVENTS].append(row)
            if isinstance(event, GroupEvent):
                self._see(event, record)

    def purchase(self, record: Record) -> None:
        """A record of purchases; as with chat-events its agent keeps what it must refuse."""
        event = self._event(record, _decode_purchase, PURCHASE_KEYS)
        if isinstance(event, LinkChanged):
            self.rows[sink_tables.IDENTITY_LINKS].append(sink_rows.link_row(event, record.timestamp))
            return
        row = event and sink_rows.purchase_row(event, record.timestamp)
        if row:
            self.rows[sink_tables.PURCHASES].append(row)

    def vitals(self, record: Record) -> None:
        """A record of group-vitals: a row of its own, and the group's entry in the registry."""
        vitals = self._row(record, _decode_vitals)
        if vitals and not all("points" in driver.numbers for driver in vitals.drivers):
            self._refuse(record, RefusedError("bad_shape", "a driver without points - at `$.drivers`"))
        elif vitals:
            self.rows[sink_tables.GROUP_VITALS].append(sink_rows.vitals_row(vitals, record.timestamp))
            make = partial(sink_rows.registry_row, vitals, record.timestamp)
            self._register(vitals.group_id, sink_rows.vitals_version(vitals), make)

    def member_day(self, record: Record) -> None:
        """A record of member-vitals."""
        if day := self._row(record, _decode_day):
            self.rows[sink_tables.MEMBER_VITALS].append(sink_rows.member_day_row(day, record.timestamp))

    def insight(self, record: Record) -> None:
        """A record of group-insights."""
        if insight := self._row(record, _decode_insight):
            for table, row in sink_rows.insight_rows(insight, record.timestamp):
                self.rows[table].append(row)

    def alert(self, record: Record) -> None:
        """A record of group-alerts."""
        if alert := self._row(record, _decode_alert):
            self.rows[sink_tables.GROUP_ALERTS].append(sink_rows.alert_row(alert, record.timestamp))

    def letter(self, record: Record) -> None:
        """A record of dead-letters. An acceptance is for the workers, a mark for who sends letters again."""
        if not is_letter(record.key):
            is_mark = (record.key or b"").startswith(REPLAYED)
            self._row(record, _decode_replay if is_mark else _decode_acceptance)
        elif letter := self._row(record, _decode_letter):
            self.rows[sink_tables.DEAD_LETTERS].append(sink_rows.letter_row(letter, record.timestamp))

    def identity(self, record: Record) -> None:
        """A record of member-identities, or its erasure. Under another key a tombstone would never reach it."""
        member_id = (record.key or b"").decode("utf-8", "replace")
        if record.value is None and member_id.encode() == record.key and member_id:
            self.rows[sink_tables.MEMBERS].append(sink_rows.erasure_row(member_id, record.timestamp))
        elif identity := self._row(record, _decode_identity):
            if identity.member_id.encode() != record.key:
                self._refuse(record, RefusedError("wrong_key", "the record's key is not its member_id"))
            else:
                self.rows[sink_tables.MEMBERS].append(sink_rows.identity_row(identity, record.timestamp))

    def forgotten(self, record: Record) -> None:
        """A record of forgotten-members."""
        if forgotten := self._row(record, _decode_forgotten):
            self.rows[sink_tables.MEMBERS].append(sink_rows.forgotten_row(forgotten))

    def part(self, record: Record) -> None:
        """A record of part-metrics."""
        if told := self._row(record, _decode_part):
            self.rows[sink_tables.PART_METRICS] += sink_rows.sample_rows(told, record.timestamp)

    def _event(self, record: Record, decode: Callable[[bytes], Any], key_of: KeyOf) -> Event | None:
        """The event of a record, refused for what its agent refuses. `take_in` says why; the checks here are quick."""
        value = record.value or b""
        try:
            event: Event = decode(value)
            own_key = key_of.get(type(event))
            if not (
                (own_key is not None and own_key(event).encode() != record.key)  # type: ignore[union-attr]
                or event.occurred_at > record.timestamp + FUTURE_TOLERANCE_MS
                or b"u0000" in value
                or type(event) in LOOKED_INTO
                or (record.key or b"").endswith(_NOBODY)
                or len(value) > MAX_EVENT_BYTES
            ):
                return event
        except (ValueError, RecursionError):
            pass
        try:
            event, _ = take_in(record, decode, key_of)
        except RefusedError as error:
            self.skipped[f"{record.topic} {error.reason}"] += 1
            return None
        return event

    def _row(self, record: Record, decode: Callable[[bytes], Any]) -> Any:
        """The decoded value; None where it is refused, and then it is among the letters."""
        try:
            return read(record.value or b"", decode)
        except RefusedError as error:
            self._refuse(record, error)
            return None

    def _refuse(self, record: Record, error: RefusedError) -> None:
        self.letters.append(refuse(record, record.topic, record.partition, error))

    def _see(self, event: GroupEvent, record: Record) -> None:
        """Put a group that nobody has seen, or that the event names, into the registry."""
        group_id = event.group_id
        is_naming = type(event) in sink_rows.NAMING
        if (group_id in self._known and not is_naming) or not sink_rows.is_group(group_id):
            return
        if len(self._known) >= _KNOWN_GROUPS:
            self._known.clear()
        self._known.add(group_id)
        version = sink_rows.seen_version(event, record.offset)
        self._register(group_id, version, partial(sink_rows.seen_group_row, event, record.timestamp, version))

    def _register(self, group_id: str, version: int, make: Callable[[], Row]) -> None:
        """Note what may become the group's row of the registry; only the best of a batch is made into one."""
        known = self._registry.get(group_id)
        if known is None or version >= known[0]:
            self._registry[group_id] = (version, make)


TOPICS: dict[str, Callable[[Batch, Record], None]] = {
    "chat-events": Batch.chat_event,
    "purchases": Batch.purchase,
    "group-vitals": Batch.vitals,
    "member-vitals": Batch.member_day,
    "group-insights": Batch.insight,
    "group-alerts": Batch.alert,
    "dead-letters": Batch.letter,
    "member-identities": Batch.identity,
    "forgotten-members": Batch.forgotten,
    "part-metrics": Batch.part,
}
"""The topics that the sink reads, and what becomes of their records."""
