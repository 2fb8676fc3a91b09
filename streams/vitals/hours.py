"""What hours of a group usually bring: member messages of spans of whole UTC hours, and of the same hours before."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from streams.vitals.panes import DayPane
from streams.vitals.policy import HOUR_MS

if TYPE_CHECKING:
    from streams.vitals.state import GroupState

WEEK_HOURS = 168
_EMPTY = DayPane()


def member_messages(state: "GroupState", first: int, end: int) -> int | None:
    """Member messages from hour `first` to hour `end` (hours since 1970, exclusive); None where it is forgotten.

    The first and the last day need the detail of their panes, which lasts for 56 days.
    """
    total = 0
    for day in range(first // 24, -(-end // 24)):
        pane = state.panes.get(day, _EMPTY)
        since, until = first - 24 * day, end - 24 * day
        if since <= 0 and until >= 24:
            total += pane.messages
        elif pane.is_sealed:
            return None
        elif pane.messages:
            total += sum([messages for hour, messages in pane.hours.items() if since <= hour < until])
    return total


def was_watched(state: "GroupState", first: int, end: int) -> bool:
    """Whether the group was known in all of a span, and no day of it went unseen."""
    if -(-(state.first_event_at or 0) // HOUR_MS) > first:
        return False
    return not state.unseen or not any(first // 24 <= day < -(-end // 24) for day in state.unseen)


def usual_messages(state: "GroupState", first: int, end: int, weeks: Sequence[int]) -> float | None:
    """The median of member messages in the same hours so many weeks before; None of fewer than two known ones."""
    spans = [(first - WEEK_HOURS * back, end - WEEK_HOURS * back) for back in weeks]
    found = [member_messages(state, *span) for span in spans if was_watched(state, *span)]
    known = sorted(count for count in found if count is not None)
    if len(known) < 2:
        return None
    return (known[(len(known) - 1) // 2] + known[len(known) // 2]) / 2
