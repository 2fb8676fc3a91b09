"""Orders are attributed last: they reach row, worth and standings though the live source of their group went silent."""

from collections.abc import Sequence
from typing import Any

import pytest

from streams import events as e
from streams import models
from streams.vitals.insights import MemberStandings
from streams.vitals.partition import GroupLog
from streams.vitals.policy import DAY_MS, HOUR_MS
from streams.vitals.rows import GroupVitals

MINUTE_MS = 60_000
GROUP = "b/p/g"
START = 20_000 * DAY_MS
MODEL = models.load()


class Shop:
    """A group of two who talk for some days while a live source watches, fed with events one by one.

    What the source says last arrives at `heard_at`, or when it says so.
    """

    def __init__(self, days: int, heard_at: int | None = None) -> None:
        self.log = GroupLog(0, "groups/chat-events/0/t", MODEL)
        self._sent: list[tuple[e.Event, str, int]] = []
        self._orders = 0
        self.add(e.GroupCreated, START, group_id=GROUP, currency="EUR")
        for day in range(days):
            self.closes(day)
            for member_id in ("m_a", "m_b"):
                self.talks(START + day * DAY_MS + HOUR_MS, member_id)
        self.sees(START + days * DAY_MS, heard_at)
        self.closes(days)

    def add(self, kind: type[e.Event], at: int, arrived_at: int | None = None, **fields: Any) -> list[Any]:
        offset = len(self._sent)
        common: dict[str, Any] = {"brand_id": "b", "platform": "p", "source": "s"}
        event = kind(event_id=f"e{offset}", occurred_at=at, **common | fields)
        key = event.group_id if isinstance(event, e.GroupEvent) else ""
        self._sent.append((event, key, at if arrived_at is None else arrived_at))
        return [output.value for output in self.log.fold(event, key, offset, self._sent[-1][2])]

    def talks(self, at: int, member_id: str) -> None:
        self.add(e.Message, at, group_id=GROUP, member_id=member_id)

    def sees(self, until: int, arrived_at: int | None = None) -> None:
        self.add(e.SourceComplete, until, arrived_at, complete_until=until, is_live=True)

    def closes(self, day: int) -> list[Any]:
        """The import's own tick at the midnight with which a day begins."""
        return self.add(e.Tick, START + day * DAY_MS)

    def pays(self, at: int) -> None:
        self._orders += 1
        paid = {"order_id": f"o{self._orders}", "customer_id": "m_a", "member_id": "m_a", "amount": 500}
        common = {"currency": "EUR", "weight": 1.0, "rule": "membership", "source": "attribution"}
        self.add(e.OrderAttributed, at, group_id=GROUP, source_seq=self._orders, **paid, **common)

    def ticks(self, at: int) -> list[Any]:
        """A live tick."""
        return self.add(e.Tick, at, source=None)

    def told_by_pieces(self, size: int) -> list[Any]:
        """All that is told if the log is stored and read again every so many events, and each value told twice."""
        log, told = GroupLog(0, "groups/chat-events/0/t", MODEL), []
        values: dict[str, bytes] = {}
        for offset, (event, key, arrived_at) in enumerate(self._sent):
            if not offset % size:
                values |= log.take_changed()
                partition, log = log.partition_value(), GroupLog(0, "groups/chat-events/0/t", MODEL)
                log.restore(partition, values)
            told += [output.value for output in log.fold(event, key, offset, arrived_at)]
        return told


def rows(told: Sequence[Any]) -> list[tuple[int, str, int]]:
    return [(one.at, one.verdict, one.orders_28d) for one in told if isinstance(one, GroupVitals)]


def orders_of(told: Sequence[Any]) -> list[int]:
    return [who.orders for one in told if isinstance(one, MemberStandings) for who in one.standings]


def payers(told: Sequence[Any]) -> list[float]:
    parts = [part for one in told if isinstance(one, GroupVitals) for part in one.worth_parts]
    return [part.numbers["payers"] for part in parts if part.code == "conversion"]


def test_an_import_that_saw_its_live_source_go_blind_tells_orders_at_the_next_tick() -> None:
    end, now = START + 25 * DAY_MS, START + 25 * DAY_MS + HOUR_MS
    shop = Shop(20, heard_at=now)
    for day in range(21, 26):
        shop.closes(day)  # the import goes on with other sources
    shop.pays(START + 5 * DAY_MS)
    told = shop.ticks(now + MINUTE_MS)
    assert rows(told) == [(end, "stale", 1)], "the last row of the import, with what it lacked"
    assert (orders_of(told), payers(told)) == ([1], [1])
    shop.log.take_changed()
    assert [row for n in range(2, 180) for row in rows(shop.ticks(now + n * MINUTE_MS))] == []
    assert shop.log.take_changed() == {}
    shop.pays(START + 6 * DAY_MS)
    told = shop.ticks(now + 180 * MINUTE_MS)
    assert (rows(told), orders_of(told)) == ([(end, "stale", 2)], [2])


def test_a_source_that_an_import_saw_go_blind_sees_again_once_it_speaks() -> None:
    now = START + 25 * DAY_MS + HOUR_MS
    shop = Shop(20, heard_at=now)
    for day in range(21, 26):
        shop.closes(day)
    shop.sees(START + 21 * DAY_MS, now)
    told = rows(shop.ticks(now + MINUTE_MS))
    assert [(at, verdict == "stale") for at, verdict, _ in told] == [(START + 21 * DAY_MS, False)]


@pytest.mark.parametrize("is_in_time", [True, False])
def test_a_live_source_that_falls_silent_has_orders_told_and_judged_once_it_is_blind(is_in_time: bool) -> None:
    shop, seen = Shop(20), START + 20 * DAY_MS + 9 * HOUR_MS
    shop.sees(seen, seen)
    if is_in_time:
        shop.pays(START + 5 * DAY_MS)
    told = shop.ticks(seen + MINUTE_MS)
    assert (rows(told)[-1][2], orders_of(told)) == (int(is_in_time), []), "its source may go on, until a day's end"
    if not is_in_time:
        shop.pays(START + 5 * DAY_MS)
    assert [row for n in range(1, 13) for row in rows(shop.ticks(seen + n * HOUR_MS))] == []
    told = shop.ticks(seen + 12 * HOUR_MS + MINUTE_MS)
    assert rows(told) == [(seen + 12 * HOUR_MS + MINUTE_MS, "stale", 1)]
    assert (orders_of(told), payers(told)) == ([1], [1])
    assert rows(shop.ticks(seen + 12 * HOUR_MS + 2 * MINUTE_MS)) == []


def test_a_live_source_that_goes_on_has_no_row_written_twice() -> None:
    shop, told = Shop(20), []
    for minute in range(1, 121):
        at = START + 20 * DAY_MS + minute * MINUTE_MS
        shop.sees(at - 1, at - 1)
        if not minute % 7:
            shop.pays(at - HOUR_MS)
        told += shop.ticks(at)
    times = [at for at, _, _ in rows(told)]
    assert times == sorted(set(times))
    assert (rows(told)[-1][2], orders_of(told)) == (17, [])


@pytest.mark.parametrize("size", [1, 7])
def test_a_restart_anywhere_tells_the_same(size: int) -> None:
    shop, told = Shop(20), []
    seen = START + 20 * DAY_MS
    for day in range(21, 24):
        shop.closes(day)
    for minute in (1, 20, 59, 60, 61, 120):
        shop.pays(START + minute * HOUR_MS)
        shop.ticks(seen + 3 * DAY_MS + minute * MINUTE_MS)
        if minute == 60:
            shop.sees(seen + 3 * DAY_MS, seen + 3 * DAY_MS + HOUR_MS)
    told = shop.told_by_pieces(10_000)
    assert len(rows(told)) > 25
    assert shop.told_by_pieces(size) == told
