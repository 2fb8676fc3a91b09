"""Panes: the cells of a UTC day and of its hours that every window is a sum of."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from streams.vitals.packed import Counts, Packed, packed, unpacked
from streams.vitals.policy import DAY_MS, HOUR_MS

DETAIL_DAYS = 56
"""For so long a pane knows who spoke, who bought and in which hour; then only the totals."""
PANE_DAYS = 420
"""For so long a pane is kept: the 364 days of a base and 56 to compare with it."""
MAX_REVENUE = 1 << 57
"""Of a day, in minor units, either way: no window of panes leaves 64 bits, however many orders are forged."""
_NOTHING: dict[int, int] = {}
"""The detail of every sealed pane. Nothing is ever added to one."""


if TYPE_CHECKING:
    Spoke = Counts
else:
    Spoke = dict[int, int]  # as the decoder makes it


class DayPane(msgspec.Struct, array_like=True, gc=False):
    """What happened in one group on one UTC day. Appended fields need defaults: stored panes have fewer.

    `spoke` maps a member's number to their messages, `hours` the hour of the day to member messages, `bought`
    a hash of the customer to their orders; all three are empty once the pane is sealed, `speakers` then stays. Of a day
    that has closed `spoke` may be packed.
    """

    messages: int = 0
    staff_messages: int = 0
    bot_messages: int = 0
    replies: int = 0
    answered: int = 0
    capped_messages: int = 0
    speakers: int = 0
    reactions: int = 0
    claims: int = 0
    joins: int = 0
    left: int = 0
    kicked: int = 0
    other_leaves: int = 0
    newcomers: int = 0
    newcomers_spoke: int = 0
    leaves_after_benefit: int = 0
    ads: int = 0
    orders: int = 0
    revenue: int = 0
    spoke: Spoke = {}
    hours: dict[int, int] = {}
    bought: dict[int, int] = {}
    is_sealed: bool = False

    @property
    def leaves(self) -> int:
        """Leaves for whatever reason."""
        return self.left + self.kicked + self.other_leaves


def day_of(time: int) -> int:
    """Days since 1970-01-01 of a time in ms."""
    return time // DAY_MS


def hour_of_day(time: int) -> int:
    """The UTC hour 0..23 of a time in ms."""
    return time // HOUR_MS % 24


def add_message(pane: DayPane, number: int, hour: int, cap: int) -> None:
    """Count one member message of an hour of the day; of one member and day, `cap` (>= 1) count as capped messages."""
    pane.messages += 1
    if pane.is_sealed:
        return
    spoke, hours = pane.spoke, pane.hours
    if type(spoke) is Packed:
        spoke = pane.spoke = spoke.counts()
    count = spoke.get(number, 0)
    spoke[number] = count + 1
    if count < cap:
        pane.capped_messages += 1
        if not count:
            pane.speakers += 1
    hours[hour] = hours.get(hour, 0) + 1


def remove_message(pane: DayPane, number: int, time: int, cap: int) -> None:
    """Take back what `add_message` counted."""
    pane.messages -= 1
    spoke = pane.spoke = unpacked(pane.spoke)
    count = spoke.get(number, 0)
    if not count:
        return
    hour = hour_of_day(time)
    pane.hours[hour] -= 1
    if count <= cap:
        pane.capped_messages -= 1
    if count == 1:
        del spoke[number]
        pane.speakers -= 1
    else:
        spoke[number] = count - 1


def count_order(pane: DayPane, buyer: int, step: int) -> None:
    """Count an order of a buyer (a hash of the customer), or with -1 take one back: who has none left is no buyer."""
    pane.orders = max(0, pane.orders + step)
    if pane.is_sealed:
        return
    orders = pane.bought.get(buyer, 0) + step
    if orders > 0:
        pane.bought[buyer] = orders
    else:
        pane.bought.pop(buyer, None)


def window(panes: Mapping[int, DayPane], last_day: int, days: int) -> list[DayPane]:
    """The panes of the `days` days that end with `last_day`, empty days left out, in no certain order."""
    if len(panes) < days:
        return [pane for day, pane in panes.items() if last_day - days < day <= last_day]
    found = map(panes.get, range(last_day - days + 1, last_day + 1))
    return [pane for pane in found if pane is not None]


def tallies(counts: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """The sums of counts with the same key."""
    total: dict[int, int] = {}
    for one in counts:
        for number, count in one.items():
            total[number] = total.get(number, 0) + count
    return total


def speakers(panes: Iterable[DayPane]) -> int:
    """How many different members spoke in the panes: exact, whatever the order of events was."""
    return len(set[int]().union(*(pane.spoke for pane in panes)))


def seal(panes: dict[int, DayPane], last_day: int, from_day: int) -> None:
    """Drop detail and panes that no window that ends with `last_day` or later reaches; `from_day` was done before."""
    for day in range(from_day - DETAIL_DAYS, last_day - DETAIL_DAYS + 1):
        pane = panes.get(day)
        if pane is not None:
            pane.is_sealed = True
            _empty(pane)
    for day in range(from_day - PANE_DAYS, last_day - PANE_DAYS + 1):
        panes.pop(day, None)


def rest(panes: Mapping[int, DayPane], last_day: int) -> None:
    """Pack who spoke on the days up to `last_day`, which have closed."""
    for day in range(last_day - DETAIL_DAYS + 1, last_day + 1):
        pane = panes.get(day)
        if pane is not None:
            pane.spoke = packed(pane.spoke)


def stored(panes: Mapping[int, DayPane]) -> dict[int, DayPane]:
    """What is to be encoded in place of panes."""
    return {day: _stored(pane, pane.spoke) if type(pane.spoke) is Packed else pane for day, pane in panes.items()}


def _stored(pane: DayPane, spoke: Packed) -> DayPane:
    return msgspec.structs.replace(pane, spoke=msgspec.Raw(spoke.stored))


def share(panes: Iterable[DayPane]) -> None:
    """Let sealed panes have one empty detail, as `seal` leaves them: decoding makes three for each, half of all."""
    for pane in panes:
        if pane.is_sealed:
            _empty(pane)


def _empty(pane: DayPane) -> None:
    pane.spoke = pane.hours = pane.bought = _NOTHING
