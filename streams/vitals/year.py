"""A group's last year in days that somebody watched: what the risk is made of.

Days that nobody saw are left out as if they had not been, so that blindness never looks like silence.
"""

from array import array
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping

from streams.vitals.packed import Counts, unpacked
from streams.vitals.panes import PANE_DAYS, DayPane

YEAR_DAYS = 364
"""52 whole weeks: a window of whole weeks holds as many Sundays at every age."""
TALK_DAYS = 56
"""For so long, by the calendar, a pane knows who spoke: after unseen days fewer watched days do."""
_EMPTY = DayPane()


class Year:
    """The last YEAR_DAYS watched days up to the end of `last_day` (UTC). Derived from the panes and never stored.

    `first_day` is that of the first member message, `unseen` the days that nobody saw.
    """

    __slots__ = (
        "_active", "_index", "_oldest", "_recent", "_speaker_weeks", "_tops", "_weeks", "days", "gaps", "last_day",
        "spoke",
    )  # fmt: skip

    def __init__(self, panes: Mapping[int, DayPane], last_day: int, first_day: int, unseen: Collection[int]) -> None:
        """Add everything up."""
        self.last_day = last_day
        self.days = 0
        """How many of the YEAR_DAYS the group has lived."""
        self.gaps = Counter[int]()
        """How often so many days lay between one active day of the year and the next; 1: no day between."""
        self._index = 0
        self._active: list[int] = []  # the index of each active day; those of the year begin at _oldest
        self._oldest = 0
        self._tops = deque[tuple[int, int]]()  # (index, speakers) of the days that no later day of the year exceeds
        self._weeks, self._speaker_weeks = array("q"), array("q")
        self._recent = deque([(0, 0)] * 7, maxlen=7)
        days = range(max(first_day, last_day - PANE_DAYS + 1), last_day + 1)
        watched = sorted(set(days).difference(unseen))
        for day in watched:
            self._add(panes.get(day, _EMPTY))
        self.spoke: Counts = last_days(panes, watched[-TALK_DAYS:])
        """The last of TALK_DAYS on which they wrote, by member number."""

    def advance(self, panes: Mapping[int, DayPane]) -> None:
        """Move on by one day: what a new `Year` would add up, if no earlier day has changed and none is unseen."""
        day = self.last_day = self.last_day + 1
        pane = panes.get(day, _EMPTY)
        self._add(pane)
        old = day - TALK_DAYS
        spoke = self.spoke = unpacked(self.spoke)
        move_days(spoke, pane.spoke, day, panes.get(old, _EMPTY).spoke, old)

    def weeks(self) -> list[int]:
        """Member messages of each week of the year, the latest first; the group's first week may be short."""
        return self._weeks[-1 : -YEAR_DAYS - 1 : -7].tolist()

    def speaker_weeks(self) -> list[int]:
        """Speaker-days (the daily speakers added up) of each week of the year, the latest first."""
        return self._speaker_weeks[-1 : -YEAR_DAYS - 1 : -7].tolist()

    def top_speakers(self) -> int:
        """How many members spoke on the day of the year on which most did."""
        return self._tops[0][1] if self._tops else 0

    def active_days(self, days: int) -> int:
        """How many of the last `days` days had a member message."""
        return len(self._active) - bisect_right(self._active, self._index - days)

    def silent_days(self) -> int:
        """Whole days without a member message up to the last day; `days` if the year knows of none."""
        return self._index - self._active[-1] if self.active_days(YEAR_DAYS) else self.days

    def pause_rank(self) -> float:
        """The share of the year's pauses between active days that were no longer than the present silence, 0..1.

        Before there is any pause to compare with, each silence is the longest.
        """
        silent, pauses = self.silent_days(), self.active_days(YEAR_DAYS) - 1
        if pauses < 1 or not silent:
            return float(silent > 0)
        return sum(count for gap, count in self.gaps.items() if gap <= silent) / pauses

    def longest_silence(self, min_active_days: int) -> int | None:
        """The longest silence between two active days of the year, in whole days; None with fewer active days."""
        if self.active_days(YEAR_DAYS) < min_active_days:
            return None
        return max((gap for gap, count in self.gaps.items() if count), default=1) - 1

    def _add(self, pane: DayPane) -> None:
        index = self._index = self._index + 1
        self.days += self.days < YEAR_DAYS
        messages, speakers = pane.messages, pane.speakers
        gone_messages, gone_speakers = self._recent[0]
        self._recent.append((messages, speakers))
        weeks, speaker_weeks = self._weeks, self._speaker_weeks
        weeks.append((weeks[-1] if weeks else 0) + messages - gone_messages)
        speaker_weeks.append((speaker_weeks[-1] if speaker_weeks else 0) + speakers - gone_speakers)
        if len(weeks) > 2 * YEAR_DAYS:
            del weeks[:-YEAR_DAYS], speaker_weeks[:-YEAR_DAYS]
        tops = self._tops
        if tops and tops[0][0] <= index - YEAR_DAYS:
            tops.popleft()
        if messages:
            self._add_active(index)
            while tops and tops[-1][1] <= speakers:
                tops.pop()
            tops.append((index, speakers))
        active, oldest = self._active, self._oldest
        if oldest < len(active) and active[oldest] <= index - YEAR_DAYS:
            self._oldest += 1
            if oldest + 1 < len(active):
                self.gaps[active[oldest + 1] - active[oldest]] -= 1

    def _add_active(self, index: int) -> None:
        active = self._active
        if self._oldest < len(active):
            self.gaps[index - active[-1]] += 1
        active.append(index)
        if self._oldest > YEAR_DAYS:
            del active[: self._oldest]
            self._oldest = 0


def last_days(panes: Mapping[int, DayPane], days: Iterable[int]) -> dict[int, int]:
    """The last of some days, which rise, on which each wrote, by member number."""
    last: dict[int, int] = {}
    for day in days:
        last.update(dict.fromkeys(panes.get(day, _EMPTY).spoke, day))
    return last


def move_days(last: dict[int, int], spoke: Iterable[int], day: int, spoke_then: Iterable[int], then: int) -> None:
    """Move such days on to `day`; `then` is one of them no more."""
    if spoke:
        last.update(dict.fromkeys(spoke, day))
    for number in spoke_then:
        if last[number] == then:
            del last[number]
