"""The group's log folded: routes each event of one partition to its group, and time to all of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from streams import events as e
from streams.vitals.carriers import carrier_rows, root_row
from streams.vitals.close import Closed, close_day
from streams.vitals.days_off import NO_DAYS_OFF, DaysOff
from streams.vitals.drop import look_for_drop
from streams.vitals.engagement import OpenDay
from streams.vitals.group import apply
from streams.vitals.log import SEQS_PER_OFFSET, pack, unpack
from streams.vitals.month import Month
from streams.vitals.panes import day_of, share
from streams.vitals.points_close import entry_row
from streams.vitals.policy import DAY_MS, HOUR_MS, Policy
from streams.vitals.risk import Model
from streams.vitals.rows import EVERY_PARTITION, Output
from streams.vitals.sources import PartitionState, View, is_watched, partly_missed, watch
from streams.vitals.standing import Agenda, Judged, close_members, look_at_noted, standing_rows
from streams.vitals.state import GroupState, at_rest
from streams.vitals.talk import said_at
from streams.vitals.telling import (
    drop_signal,
    member_rows,
    post_row,
    probe_row,
    source_signal,
    verdict_signal,
    vitals_row,
)
from streams.vitals.worth import look_again

CATCH_UP_DAYS = 400
"""One tick closes at most so many days of a group; older ones are beyond every pane."""

_OF_NO_GROUP = frozenset({e.Tick, e.SourceComplete, e.Calibration})
_ODD = _OF_NO_GROUP | {e.OrderAttributed, e.Recall, e.Roster}
"""The types of events that `fold` must look at. `isinstance` is four times as slow with the metaclass of structs."""
_groups = msgspec.msgpack.Decoder(GroupState)
_partitions = msgspec.msgpack.Decoder(PartitionState)


class GroupLog:
    """All groups of one partition of `chat-events`. A `Log`; see there for what each method owes.

    `origin` names this log in derived events (`groups/chat-events/<partition>/<topic id>`).
    """

    def __init__(
        self, partition: int, origin: str, model: Model, policy: Policy | None = None, days_off: DaysOff = NO_DAYS_OFF
    ) -> None:
        self.partition, self.origin = partition, origin
        self._days_off = days_off
        self._off: dict[tuple[str, str], frozenset[int]] = {}
        self.model, self.policy = model, policy or Policy()
        self.state = PartitionState()
        self._groups: dict[str, GroupState] = {}
        self._stored: dict[str, bytes] = {}
        self._changed: set[str] = set()
        self._months: dict[str, Month] = {}
        self._agendas: dict[str, Agenda] = {}
        self._in_order: list[GroupState] = []
        self._open_day = OpenDay()

    def restore(self, partition_value: bytes | None, values: Mapping[str, bytes]) -> None:
        """Start from stored bytes; a group is decoded when it is first needed."""
        if partition_value is not None:
            self.state = _partitions.decode(partition_value)
        self._stored, self._in_order = dict(values), []

    def partition_value(self) -> bytes:
        """The partition's own value."""
        return msgspec.msgpack.encode(self.state)

    def take_changed(self) -> dict[str, bytes]:
        """Every changed group's value."""
        changed, self._changed = self._changed, set()
        groups = self._groups
        for month in filter(None, map(self._months.get, changed)):
            month.rest()
        return {key: pack(groups[key].offset, at_rest(groups[key])) for key in sorted(changed)}

    def groups(self) -> Sequence[GroupState]:
        """Every known group, in the order of their ids."""
        if self._stored or len(self._in_order) != len(self._groups):
            for key in list(self._stored):
                self._open(key)
            self._in_order = [self._groups[key] for key in sorted(self._groups)]
        return self._in_order

    def fold(self, event: e.Event, key: str, offset: int, arrived_at: int) -> Sequence[Output]:
        """Absorb one event."""
        is_odd = type(event) in _ODD
        if is_odd and _is_of_no_group(event):
            return self._fold_time(event, offset, arrived_at)
        fact: e.GroupEvent = event  # type: ignore[assignment]  # all others are
        state = self._groups.get(key)
        if state is None:
            state = self._open(key, fact)
        self._changed.add(key)
        if offset <= state.offset:
            return ()
        month = self._months.get(key)
        if month is not None:
            changed = _changes_from(state, fact) if is_odd else fact.occurred_at
            if changed // DAY_MS <= month.last_day:
                del self._months[key]  # the day is summed up already
        if is_odd and type(fact) is e.Roster:
            return self._fold_roster(state, fact, offset)
        kind = apply(state, fact, self.policy)
        state.offset = offset
        if kind is None:
            return ()
        member_id = None if kind == "post" else fact.member_id  # type: ignore[attr-defined]
        return (self.tell_touch(fact, kind, offset, member_id),)

    def _fold_roster(self, state: GroupState, event: e.Roster, offset: int) -> list[Output]:
        """A full list tells of the joins and leaves that nobody saw; attribution must know of them as of any other."""
        before = state.ledger.present()
        apply(state, event, self.policy)
        state.offset = offset
        after = state.ledger.present()
        joined = [self.tell_touch(event, "join", offset, member_id) for member_id in sorted(after - before)]
        return joined + [self.tell_touch(event, "leave", offset, member_id) for member_id in sorted(before - after)]

    def _fold_time(self, event: e.Event, offset: int, arrived_at: int) -> Sequence[Output]:
        if isinstance(event, e.Tick):
            return self._fold_tick(event, offset)
        if isinstance(event, e.SourceComplete) and event.source is not None:
            self._complete(event.source, event.complete_until, is_live=event.is_live)
            source = self.state.sources[event.source]
            source.heard_at, source.brand_id, source.imported_to = arrived_at, event.brand_id, -1
            if event.unseen_from is not None:
                source.missed(event.unseen_from, event.complete_until)
        elif isinstance(event, e.Calibration):
            self.state.calibrate(event)
        return ()

    def _open(self, key: str, event: e.GroupEvent | None = None) -> GroupState:
        stored = self._stored.pop(key, None)
        if stored is not None:
            self._groups[key] = unpack(stored, _groups)
            self._groups[key].ledger.opened()
            share(self._groups[key].panes.values())
        elif event is not None:
            self._groups[key] = GroupState(key, event.brand_id, event.platform)
        return self._groups[key]

    def tell_touch(self, event: e.GroupEvent, kind: e.TouchKind, offset: int, member_id: str | None) -> Output:
        """The event as the member's log shall know it; a post goes to one partition of it, ahead of later ticks."""
        touch = e.Touch(
            event_id=f"touch/{self.origin}/{offset}",
            occurred_at=event.occurred_at,
            brand_id=event.brand_id,
            platform=event.platform,
            source=self.origin,
            source_seq=offset * SEQS_PER_OFFSET,
            source_prev=0,
            group_id=event.group_id,
            kind=kind,
            member_id=member_id,
            code=event.code if kind == "post" else None,  # type: ignore[attr-defined]
        )
        if member_id is None:
            return Output("member-touches", "", touch, self.partition)
        return Output("member-touches", member_id, touch)

    def _complete(self, name: str, until: int, *, is_live: bool) -> None:
        """Note how far a source is complete. An older export under a live source's name does not end that."""
        source = self.state.source(name, until)
        source.is_live = is_live or (source.is_live and until < source.complete_at)
        source.complete_at = max(source.complete_at, until)

    def _fold_tick(self, tick: e.Tick, offset: int) -> list[Output]:
        """Let time pass: for all groups at a live tick, for those of its source at an importer's."""
        at = tick.occurred_at
        out: list[Output] = []
        if tick.source is not None:
            known = self.state.sources.get(tick.source)
            if known is None or not known.is_live:
                self._complete(tick.source, at, is_live=False)
            else:
                known.imported_to = max(known.imported_to, at)
            for state in self.groups():
                if tick.source in state.sources:
                    out += self._evaluate(state, at, offset, is_live=False, is_hour=False)
            return out
        is_hour = at // HOUR_MS > self.state.hour
        self.state.hour = max(self.state.hour, at // HOUR_MS)
        for state in self.groups():
            out += self._evaluate(state, at, offset, is_live=True, is_hour=is_hour)
        for name, source in self.state.sources.items():
            if source.brand_id and source.look(at, self.policy):
                out.append(source_signal(name, source, at, self.origin, self.partition))
        return out + self._forward(tick, offset)

    def _forward(self, tick: e.Tick, offset: int) -> list[Output]:
        copy = e.Tick(
            event_id=f"{tick.event_id}/{self.partition}",
            occurred_at=tick.occurred_at,
            brand_id=tick.brand_id,
            platform=tick.platform,
            source=self.origin,
            source_seq=offset * SEQS_PER_OFFSET,
            source_prev=0,
            origin_partition=self.partition,
        )
        return [Output(topic, "", copy, EVERY_PARTITION) for topic in ("member-touches", "alert-signals")]

    def _evaluate(self, state: GroupState, tick: int, offset: int, *, is_live: bool, is_hour: bool) -> Sequence[Output]:
        """The rows of one group at one tick: one for each day that it closes, then one for news or a new hour.

        A row that tells no news leaves the value as it was, so that a quiet fleet is not rewritten each hour.
        """
        if offset <= state.offset:
            self._changed.add(state.group_id)
            return ()
        view = watch(state, self.state, tick, self.policy, is_live=is_live)
        first_day = day_of(state.first_event_at or 0)
        closed = first_day - 1 if state.closed_day is None else state.closed_day
        last, out = day_of(view.until) - 1, list[Output]()
        for day in range(max(closed, last - CATCH_UP_DAYS) + 1, last + 1):
            out += self._close(state, day, offset, view)
        at = view.at
        if at <= (state.first_event_at or 0):
            return out  # an import that has begun: nothing of the group lies in a day that is complete
        is_blind = view.blind_since is not None
        is_last = view.is_final or is_blind  # no day will close that could judge by what comes
        owes = is_last and state.closed_day is not None and bool(state.worth.is_due or state.lifecycle.changed)
        is_news = is_live and (state.has_news or owes)
        is_turn = state.verdict != "ended" and (is_hour or (is_blind and not is_live))
        is_new = at > state.row_at and (is_news or is_turn)
        is_told_again = at == state.row_at and is_news and is_last
        if not is_new and not is_told_again:
            return out
        if is_news and owes:
            out += self._look_again(state, offset)
        if is_news or at < tick:
            state.has_news, state.row_at, state.offset = False, at, offset
            self._changed.add(state.group_id)
        seen = self._open_day.windows(state, view.until, self._months.get(state.group_id))
        out.append(vitals_row(state, seen, at, offset, view))
        return out

    def _close(self, state: GroupState, day: int, offset: int, view: View) -> Iterable[Output]:
        was = state.verdict
        month = self._month(state, day)
        at = (day + 1) * DAY_MS
        closed = close_day(
            state,
            day,
            self.policy,
            self.model,
            month,
            community=self.state.community(state.brand_id, self.model.name, at),
            is_observed=self.is_observed(state, day),
        )
        drop = look_for_drop(
            state, day, self.policy, self._skipped(state), closed.windows.capped_messages_28d, month.capped
        )
        if drop is not None:
            closed = msgspec.structs.replace(closed, drop=drop)
        judged = close_members(state, day, month, self._agenda(state, day), self.policy.members)
        state.offset = offset
        state.has_news = False
        state.row_at = max(state.row_at, at)
        self._changed.add(state.group_id)
        return self.tell_close(state, was, closed, View(at, at, view.complete_at, None), month, judged)

    def _look_again(self, state: GroupState, offset: int) -> Iterable[Output]:
        """Judge by what came after the last day had closed, where no other will: orders come when an import is over."""
        if state.closed_day is None:
            return ()
        look_again(state, self.policy)
        day = state.closed_day
        judged = look_at_noted(state, day, self._agenda(state, day + 1), self.policy.members)
        return standing_rows(state, judged, day, offset)

    def _agenda(self, state: GroupState, day: int) -> Agenda:
        """Whom time moves on in the group, as of before the end of `day`."""
        agenda = self._agendas.get(state.group_id)
        if agenda is None:
            agenda = self._agendas[state.group_id] = Agenda(state.group_id, state.ledger, day)
        return agenda

    def _skipped(self, state: GroupState) -> frozenset[int]:
        """The days that say nothing of a drop: those off, those that nobody saw, and those that were partly missed."""
        of = state.brand_id, state.timezone
        off = self._off.get(of)
        if off is None:
            off = self._off[of] = self._days_off.of(*of)
        missed = partly_missed(state, self.state, self.policy)
        return off.union(state.unseen, missed) if state.unseen or missed else off

    def is_observed(self, state: GroupState, day: int) -> bool:
        """Whether any source of the group saw that day."""
        return is_watched(state, self.state, day)

    def tell_close(
        self, state: GroupState, was: str, closed: Closed, view: View, month: Month, judged: list[Judged]
    ) -> Iterable[Output]:
        """What the log says of a group whose day it has just closed; `was` is the verdict before it."""
        seen, offset = closed.windows, state.offset
        ahead = self._days_off.offsets.get(state.timezone, 0)
        out = [vitals_row(state, seen, seen.at, offset, view)]
        out += self.signals_of(state, was, closed)
        out += member_rows(state, seen.last_day, offset, month.ids)
        for outcome in closed.probes:
            out.append(probe_row(state, outcome, seen.at, offset))
        for response in closed.posts:
            out.append(post_row(state, response, seen.at, offset, ahead))
        if closed.has_carriers:
            out += carrier_rows(state, seen.at)
        for root in closed.roots:
            out.append(root_row(state, root, seen.at, self.policy.carriers))
        for entry in closed.points:
            out.append(entry_row(state, entry, seen.at, ahead))
        out += standing_rows(state, judged, seen.last_day, offset)
        return out

    def signals_of(self, state: GroupState, was: str, closed: Closed) -> Iterator[Output]:
        """What the alert agent is to hear of a group whose day has closed."""
        at = closed.windows.at
        if state.verdict != was:
            yield verdict_signal(state, was, at, self.origin, self.partition)
        if closed.drop is not None:
            yield drop_signal(state, closed.drop, at, self.origin, self.partition)

    def _month(self, state: GroupState, day: int) -> Month:
        """The group's sums up to a day that closes, kept for the next one."""
        month = self._months.get(state.group_id)
        if month is not None and month.last_day == day - 1:
            month.advance(state.panes)
        else:
            month = self._months[state.group_id] = Month(state.panes, day)
        return month


def _is_of_no_group(event: e.Event) -> bool:
    return type(event) in _OF_NO_GROUP or (type(event) is e.OrderAttributed and event.rule == "unattributed")


def _changes_from(state: GroupState, event: e.GroupEvent) -> int:
    """The earliest time that an event may change: of a recall that of its message, if it is known."""
    said = said_at(state, event.target) if type(event) is e.Recall else None
    return event.occurred_at if said is None else min(said, event.occurred_at)
