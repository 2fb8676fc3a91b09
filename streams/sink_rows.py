"""Kafka records as table rows. Pure: no Kafka and no ClickHouse type, no clock, no I/O."""

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, get_args

import msgspec

from streams.dead_letters import DeadLetter
from streams.events import (
    NOBODY,
    Calibration,
    ChatEvent,
    Event,
    GroupCreated,
    GroupEvent,
    GroupRenamed,
    LinkChanged,
    Purchase,
    Refund,
    Tick,
)
from streams.identities import ForgottenMember, MemberIdentity
from streams.metrics import PartMetrics
from streams.sink_tables import (
    DEAD_LETTERS,
    EMPTY,
    EVENTS,
    GROUP_ALERTS,
    GROUP_VITALS,
    GROUPS,
    IDENTITY_LINKS,
    INSIGHTS,
    MEMBER_STANDINGS,
    MEMBER_VITALS,
    MEMBERS,
    PURCHASES,
    STAGE_CHANGES,
    Row,
    Table,
)
from streams.vitals.insights import AnyInsight, MemberStandings, Standing
from streams.vitals.rows import GroupAlert, GroupVitals, MemberVitals, Reason
from streams.words import words

FOR_EVER = 10_413_705_600_000
"""Later than whatever is ingested: 2299-12-31, about the last day that ClickHouse knows."""
NAMING = (GroupCreated, GroupRenamed)
"""The events that say a group's name."""
SEEN, DESCRIBED, NAMED, VITALS = (rank << 37 for rank in range(4))
"""Where the versions of registry rows begin: from any event (the first of the log stands), from one that describes the
group, from one that names it (the last of the log stands), from vital signs (the latest). So the row that stands does
not depend on where batches end, on restarts, or on a sink that wakes late. No partition has 2^37 records."""


def _maker(struct: type[msgspec.Struct], table: Table, *extra: str) -> Callable[..., Row]:
    """A function of a struct and the values of `extra` columns that gives its row of `table`.

    A column is taken from `extra`, else from the field of its name, else it is empty. All in C but one call.
    """
    tag = struct.__struct_config__.tag
    empty = {column: EMPTY.get(kind) for column, kind in table.columns.items()}
    pool = [*extra, *struct.__struct_fields__, "type", *empty]
    tail = (tag, *empty.values())
    pick = itemgetter(*(pool.index(column) for column in table.columns))
    fields = msgspec.structs.astuple
    return lambda value, *values: pick((*values, *fields(value), *tail))


_EVENT_ROWS = {kind: _maker(kind, EVENTS, "ingested_at") for kind in get_args(ChatEvent)}
_PURCHASE_ROWS: dict[type[Event], Callable[..., Row]] = {
    kind: _maker(kind, PURCHASES, "ingested_at") for kind in (Purchase, Refund)
}
_link_row = _maker(LinkChanged, IDENTITY_LINKS, "ingested_at")
_REASONS = (
    "reasons",
    "reasons_zh",
    "reason_codes",
    "reason_numbers",
    "driver_codes",
    "driver_points",
    "driver_numbers",
)
_WORTH = (
    "advice_reasons",
    "advice_reasons_zh",
    "advice_codes",
    "advice_numbers",
    "worth_codes",
    "worth_values",
    "worth_numbers",
)
_vitals_row = _maker(GroupVitals, GROUP_VITALS, "ingested_at", *_REASONS, *_WORTH)
_registry_row = _maker(GroupVitals, GROUPS, "ingested_at", "created_at", "version")
_day_row = _maker(MemberVitals, MEMBER_VITALS, "ingested_at")
_INSIGHT_ROWS = {kind: _maker(kind, table, "ingested_at", "version") for kind, table in INSIGHTS.items()}
_OF_ALL = "group_id", "brand_id", "at", "source_offset", "ingested_at", "version", "currency"
_standing_row = _maker(Standing, MEMBER_STANDINGS, *_OF_ALL)
_change_row = _maker(Standing, STAGE_CHANGES, *_OF_ALL)
_alert_row = _maker(GroupAlert, GROUP_ALERTS, "ingested_at", "alert", "transition", *_REASONS[:4])
_letter_row = _maker(DeadLetter, DEAD_LETTERS, "ingested_at", "original")
_identity_row = _maker(MemberIdentity, MEMBERS, "ingested_at")


def event_row(event: Event, arrived_at: int) -> Row | None:
    """An event of chat-events as a row of `events_v1`; None for a tick and a calibration, which are not kept."""
    if isinstance(event, Tick | Calibration):
        return None
    return _EVENT_ROWS[type(event)](event, arrived_at)


def purchase_row(event: Event, arrived_at: int) -> Row | None:
    """An event of purchases as a row of `purchases_v1`; None for what other agents sent there."""
    make = _PURCHASE_ROWS.get(type(event))
    return make(event, arrived_at) if make else None


def link_row(event: LinkChanged, arrived_at: int) -> Row:
    """A row of `identity_links_v1`."""
    return _link_row(event, arrived_at)


def seen_version(event: GroupEvent, offset: int) -> int:
    """Which of several events of a group its row of the registry is made from: the one with the highest."""
    if not isinstance(event, NAMING):
        return DESCRIBED - 1 - offset
    return (NAMED if event.name else DESCRIBED) + offset


def seen_group_row(event: GroupEvent, arrived_at: int, version: int) -> Row:
    """What one event says of its group, as a row of `groups_v1` that vital signs will replace."""
    known: dict[str, Any] = {"created_at": event.occurred_at, "ingested_at": arrived_at, "version": version}
    known |= {field: getattr(event, field) for field in ("group_id", "brand_id", "platform")}
    if isinstance(event, NAMING):
        said = {field: getattr(event, field, None) for field in GROUPS.columns if field not in known}
        known |= said
    return _row(GROUPS, known)


def _row(table: Table, known: dict[str, Any]) -> Row:
    return tuple(known.get(column, EMPTY.get(kind)) for column, kind in table.columns.items())


def is_group(group_id: str) -> bool:
    """Whether it is a group, not the place of a brand's unattributed orders."""
    return not group_id.endswith(NOBODY)


def vitals_row(vitals: GroupVitals, arrived_at: int) -> Row:
    """A row of `group_vitals_v1`, its reasons in words, codes and numbers, its drivers in codes, points and numbers."""
    worth = *reason_columns(vitals.advice_reasons), *_part_columns(vitals.worth_parts)
    return _vitals_row(vitals, arrived_at, *reason_columns(vitals.reasons), *_driver_columns(vitals.drivers), *worth)


def reason_columns(reasons: Sequence[Reason]) -> tuple[tuple[str, ...], ...]:
    """Reasons as English words, Chinese words, codes, and their numbers as JSON."""
    said = [_said(reason.code, tuple(reason.numbers.items())) for reason in reasons]
    return tuple(zip(*said, strict=True)) or ((), (), (), ())


def _driver_columns(drivers: Sequence[Reason]) -> tuple[tuple[Any, ...], ...]:
    codes = tuple(driver.code for driver in drivers)
    points = tuple(driver.numbers["points"] for driver in drivers)
    return codes, points, tuple(msgspec.json.encode(driver.numbers).decode() for driver in drivers)


def _part_columns(parts: Sequence[Reason]) -> tuple[tuple[Any, ...], ...]:
    """The parts of a worth as codes, values (None: unknown) and their numbers as JSON."""
    codes = tuple(part.code for part in parts)
    values = tuple(part.numbers.get("value") for part in parts)
    return codes, values, tuple(msgspec.json.encode(part.numbers).decode() for part in parts)


@lru_cache(maxsize=20_000)
def _said(code: str, numbers: tuple[tuple[str, float], ...]) -> tuple[str, str, str, str]:
    """One reason in the four columns; remembered, as words cost more than all the rest of a row."""
    reason = Reason(code, dict(numbers))
    return words(reason, "en"), words(reason, "zh"), code, msgspec.json.encode(reason.numbers).decode()


def vitals_version(vitals: GroupVitals) -> int:
    """The version of a registry row made from vital signs: their second, and of one that was told again the offset.

    Not the offset alone: in a topic that was made again offsets begin anew.
    """
    return VITALS + _version(vitals.at, vitals.source_offset)


def _version(at: int, source_offset: int) -> int:
    """Of rows with the same key the later one's is higher, and of those of one second that of the higher offset."""
    second, offset = min(at // 1000, 1 << 33), min(source_offset, 1 << 37)  # whatever it says, it fits
    return (second << 29) + offset


def registry_row(vitals: GroupVitals, arrived_at: int) -> Row:
    """The group's row of `groups_v1` as its vital signs tell it; later ones win."""
    return _registry_row(vitals, arrived_at, vitals.first_event_at, vitals_version(vitals))


def member_day_row(day: MemberVitals, arrived_at: int) -> Row:
    """A row of `member_vitals_v1`."""
    return _day_row(day, arrived_at)


def insight_rows(insight: AnyInsight, arrived_at: int) -> Iterator[tuple[Table, Row]]:
    """The rows that an insight is, each with its table."""
    version = _version(insight.at, insight.source_offset)
    if isinstance(insight, MemberStandings):
        common = (insight.group_id, insight.brand_id, insight.at, insight.source_offset, arrived_at, version)
        for member in insight.standings:
            yield MEMBER_STANDINGS, _standing_row(member, *common, insight.currency)
            if member.has_moved:
                yield STAGE_CHANGES, _change_row(member, *common, insight.currency)
    else:
        kind = type(insight)
        yield INSIGHTS[kind], _INSIGHT_ROWS[kind](insight, arrived_at, version)


def alert_row(alert: GroupAlert, arrived_at: int) -> Row:
    """A row of `group_alerts_v1`, its reasons as those of vital signs."""
    return _alert_row(alert, arrived_at, alert.kind, alert.state, *reason_columns(alert.reasons))


def letter_row(letter: DeadLetter, arrived_at: int) -> Row:
    """A row of `dead_letters_v1`, its bytes in base64."""
    return _letter_row(letter, arrived_at, b64encode(letter.original).decode())


def sample_rows(told: PartMetrics, arrived_at: int) -> list[Row]:
    """The rows of `part_metrics_v1`: one for each sample, its labels as JSON in the order of their names."""
    times = (told.since, told.at, told.started_at, arrived_at)
    return [
        (one.name, one.agent, told.part, msgspec.json.encode(one.labels, order="sorted").decode(), one.value, *times)
        for one in told.samples
    ]


def identity_row(identity: MemberIdentity, arrived_at: int) -> Row:
    """A row of `members_v1`."""
    return _identity_row(identity, arrived_at)


def erasure_row(member_id: str, arrived_at: int) -> Row:
    """The row of `members_v1` that hides a member's older ones."""
    known = {"member_id": member_id, "is_erased": 1, "at": arrived_at, "ingested_at": arrived_at}
    return _row(MEMBERS, known)


def forgotten_row(forgotten: ForgottenMember) -> Row:
    """The row of `members_v1` that hides a member's others, those too that are yet to come."""
    known = {"member_id": forgotten.member_id, "is_erased": 1, "at": forgotten.at, "ingested_at": FOR_EVER}
    return _row(MEMBERS, known)
