"""The sums that the windows of a group are made of, moved on from day to day instead of added up again."""

from collections.abc import Mapping
from operator import add, attrgetter, sub

from streams.vitals.packed import Counts, packed, unpacked
from streams.vitals.panes import DayPane, tallies, window
from streams.vitals.policy import MOVING_DAYS
from streams.vitals.year import Year, last_days, move_days

WINDOW_DAYS = 28
CAPPED_DAYS = 70
"""So many days of capped messages are what a drop is looked for in."""

SUMMED = (
    "messages", "staff_messages", "replies", "reactions", "claims", "joins", "left", "kicked", "other_leaves",
    "leaves_after_benefit", "ads", "capped_messages", "newcomers", "orders", "revenue", "speakers",
)  # fmt: skip
_summed = attrgetter(*SUMMED)
_EMPTY = DayPane()
_NONE = (0,) * len(SUMMED)


class Month:
    """What happened in a group up to the end of `last_day` (UTC). It is derived from the panes and never stored.

    `sums` are over 28 days, in the order of SUMMED; `talk` has the messages of 28 days by member number, `spoke_7d`
    the last day of 7 on which they wrote, `buyers` the days with an order by customer. `speaker_days_before` and
    `_first` sum the daily speakers of the 28 days before these 28, and of those before them; `capped` are the capped
    messages of each of CAPPED_DAYS.
    `settled` are the messages answered and the newcomers who spoke on those of the 28 days that are before the last
    MOVING_DAYS: on these both still change without a late event or a recall. `ids` are pseudonyms by member number, as
    learnt; `year` is that of the last day that closed.
    """

    __slots__ = (
        "active_days", "buyers", "capped", "ids", "last_day", "messages_7d", "settled",
        "speaker_days_before", "speaker_days_first", "spoke_7d", "staff_messages_7d", "sums", "talk", "year",
    )  # fmt: skip

    def __init__(self, panes: Mapping[int, DayPane], last_day: int) -> None:
        """Add everything up."""
        self.last_day = last_day
        self.ids: list[str] = []
        self.year: Year | None = None
        days = window(panes, last_day, WINDOW_DAYS)
        self.sums = [*map(sum, zip(*map(_summed, days), _NONE, strict=True))]
        self.talk: Counts = tallies(pane.spoke for pane in days)
        self.buyers = tallies(pane.bought for pane in days)
        self.capped = [
            panes.get(day, _EMPTY).capped_messages for day in range(last_day - CAPPED_DAYS + 1, last_day + 1)
        ]
        self.active_days = sum(pane.messages > 0 for pane in days)
        week = window(panes, last_day, 7)
        self.spoke_7d: Counts = last_days(panes, range(last_day - 6, last_day + 1))
        self.messages_7d = sum(pane.messages for pane in week)
        self.staff_messages_7d = sum(pane.staff_messages for pane in week)
        settled = window(panes, last_day - MOVING_DAYS, WINDOW_DAYS - MOVING_DAYS)
        self.settled = sum(pane.answered for pane in settled), sum(pane.newcomers_spoke for pane in settled)
        self.speaker_days_before = sum(pane.speakers for pane in window(panes, last_day - 28, 28))
        self.speaker_days_first = sum(pane.speakers for pane in window(panes, last_day - 56, 28))

    def copy(self) -> "Month":
        """One that goes its own way."""
        twin = Month.__new__(Month)
        for name in Month.__slots__:
            setattr(twin, name, getattr(self, name))
        twin.year = None  # it moves on when a day closes, and only then
        twin.talk, twin.spoke_7d = unpacked(self.talk).copy(), unpacked(self.spoke_7d).copy()
        twin.buyers = self.buyers.copy()
        twin.capped = self.capped.copy()
        return twin

    def rest(self) -> None:
        """Pack what nobody asks for before the next day closes."""
        self.talk, self.spoke_7d = packed(self.talk), packed(self.spoke_7d)
        if self.year is not None:
            self.year.spoke = packed(self.year.spoke)

    def advance(self, panes: Mapping[int, DayPane]) -> None:
        """Move on by one day: what a new `Month` would add up, if no earlier day has changed since."""
        day = self.last_day = self.last_day + 1
        pane = panes.get
        talk, spoke_7d = self.talk, self.spoke_7d = unpacked(self.talk), unpacked(self.spoke_7d)
        new, week_ago, month_ago = pane(day, _EMPTY), pane(day - 7, _EMPTY), pane(day - WINDOW_DAYS, _EMPTY)
        ago_56, ago_84 = pane(day - 56, _EMPTY), pane(day - 84, _EMPTY)
        if month_ago is not _EMPTY:
            self.sums = [*map(add, map(sub, self.sums, _summed(month_ago)), _summed(new))]
            _move(talk, new.spoke, month_ago.spoke)
        elif new is not _EMPTY:
            self.sums = [*map(add, self.sums, _summed(new))]
            _move(talk, new.spoke, month_ago.spoke)
        if new.spoke or week_ago.spoke:
            move_days(spoke_7d, new.spoke, day, week_ago.spoke, day - 7)
        if new.bought or month_ago.bought:
            _move(self.buyers, new.bought, month_ago.bought)
        answered, newcomers_spoke = self.settled
        self.settled = (
            answered + week_ago.answered - month_ago.answered,
            newcomers_spoke + week_ago.newcomers_spoke - month_ago.newcomers_spoke,
        )
        del self.capped[0]
        self.capped.append(new.capped_messages)
        self.active_days += (new.messages > 0) - (month_ago.messages > 0)
        self.messages_7d += new.messages - week_ago.messages
        self.staff_messages_7d += new.staff_messages - week_ago.staff_messages
        self.speaker_days_before += month_ago.speakers - ago_56.speakers
        self.speaker_days_first += ago_56.speakers - ago_84.speakers


def _move(total: dict[int, int], more: Mapping[int, int], less: Mapping[int, int]) -> None:
    for key, count in more.items():
        total[key] = total.get(key, 0) + count
    for key, count in less.items():
        left = total[key] - count
        if left:
            total[key] = left
        else:
            del total[key]
