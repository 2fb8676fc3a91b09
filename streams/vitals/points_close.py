"""What a day's close does with the points of a group, and how it is told."""

from collections.abc import Mapping, Sequence

from streams.vitals.insights import PointsEntry
from streams.vitals.packed import unpacked
from streams.vitals.points import SEEN, Entry, PointsBook
from streams.vitals.policy import Policy
from streams.vitals.rows import Output
from streams.vitals.state import GroupState

FORGET_EVERY_DAYS = 28
"""As often as the ledger of members forgets."""


def close_points(state: GroupState, day: int, policy: Policy) -> Sequence[Entry]:
    """The entries that the close of a day judges; none where a group has no points and no rule gives any."""
    rules = policy.points
    if state.points is None:
        if not any(cause in rules and rules[cause].points > 0 for cause in SEEN) or day not in state.panes:
            return ()
        state.points = PointsBook()
    book = state.points
    entries = book.close(day, rules, _acts(state, book, day) if rules else {})
    if day % FORGET_EVERY_DAYS == 0:
        entries += book.forget(day, book.balances.keys() - state.ledger.by_id.keys())
    return entries


def _acts(state: GroupState, book: PointsBook, day: int) -> Mapping[str, Mapping[str, int]]:
    """What members did on the day, by cause and pseudonym."""
    pane = state.panes.get(day)
    messages, answers = unpacked(pane.spoke) if pane is not None else {}, book.answers.get(day, {})
    if not messages and not answers:
        return {}
    names = {m.number: key for key, m in state.ledger.look_each() if m.role == "member" and m.number in messages}
    return {
        "message": {names[number]: count for number, count in messages.items() if number in names},
        "answer": {names[number]: count for number, count in answers.items() if number in names},
    }


def entry_row(state: GroupState, entry: Entry, at: int, offset_minutes: int) -> Output:
    """An entry as a row of `points_entries_v1`."""
    return Output(
        "group-insights",
        state.group_id,
        PointsEntry(
            group_id=state.group_id,
            brand_id=state.brand_id,
            at=at,
            source_offset=state.offset,
            entry_id=entry.entry_id,
            occurred_at=entry.at,
            member_id=entry.member_id,
            points=entry.points,
            cause=entry.cause,
            balance=entry.balance,
            refusal=entry.refusal or "",
            acts=entry.acts,
            is_by_rule=entry.is_by_rule,
            offset_minutes=offset_minutes,
        ),
    )
