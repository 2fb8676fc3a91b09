"""What a fit keeps of each closed day, as fixed bytes: a worker writes them, `tracks` reads them."""

from math import nan
from struct import Struct

import msgspec

from streams.vitals.close import Closed
from streams.vitals.features import FEATURES
from streams.vitals.panes import DayPane
from streams.vitals.policy import DAY_MS
from streams.vitals.state import GroupState

HEAD_END = b"\n"
"""Ends the brand, which stands before a group's first record."""
SOME_EVENT, JOIN_OR_LEAVE, UNSEEN, WATCHED_FOR_ALARM = 1, 2, 4, 8
"""Bits of a day: the group had an event of any kind; a join or leave of a member; nobody watched; it was neither
forming nor ended."""
_pack = Struct(f"<iiiiiB{len(FEATURES)}d").pack
_NO_PANE = DayPane()


class Observe(msgspec.Struct):
    """The record of a closed day. It remembers which groups it has met: one for each process."""

    met: set[str] = msgspec.field(default_factory=set)

    def __call__(self, state: GroupState, closed: Closed) -> bytes:
        """Day, its member messages, speakers of 28 days, days silent now and at most before (−1), bits, features."""
        seen, assessment = closed.windows, state.assessment
        day = seen.last_day
        pane = state.panes.get(day, _NO_PANE)
        bits = (
            SOME_EVENT * (state.last_event_at >= day * DAY_MS)
            | JOIN_OR_LEAVE * bool(pane.joins or pane.leaves)
            | UNSEEN * (day in state.unseen)
            | WATCHED_FOR_ALARM * (state.verdict not in {"forming", "ended"})
        )
        silence = assessment.silent_days, assessment.longest_silence
        record = _pack(day, seen.messages_1d, seen.speakers_28d, *silence, bits, *_numbers(closed))
        if state.group_id in self.met:
            return record
        self.met.add(state.group_id)
        return state.brand_id.encode() + HEAD_END + record


def _numbers(closed: Closed) -> list[float]:
    """The features; NaN where one is not known."""
    return [nan if value is None else value for value in closed.features]
