"""Orders in a backtest: each row says of money and worth what a stack says that listened all the time."""

import gzip
import zlib
from collections import deque
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from streams import events as e
from streams import models
from streams.backtest.driving import Counts
from streams.backtest.verdicts import MONEY
from streams.connectors.delivered import NothingDelivered
from streams.connectors.importing import Import
from streams.connectors.jsonl import JsonlReader
from streams.simulate.fleet import EVENTS_FILE, Fleet, write_fleet
from streams.vitals.attribution import PurchaseLog
from streams.vitals.identity import TouchLog
from streams.vitals.partition import GroupLog
from streams.vitals.policy import DAY_MS
from streams.vitals.rows import GroupVitals
from tests.backtesting import backtest, bare, ours, rows, write
from tests.importing import recipe

MINUTE, PARTITIONS = 60_000, 2
_decode = msgspec.json.Decoder(e.ChatEvent | e.Purchase | e.Refund | e.IdentityLinked).decode


class Listening:
    """A destination of imports with all agents behind it, and a ticker: a stack to which things come as they happen.

    Of the ticks, one a minute, only those are sent after which an order or a link may be settled.
    """

    def __init__(self) -> None:
        self.chat = [GroupLog(number, f"groups/{number}", models.load()) for number in range(PARTITIONS)]
        self.touches, self.purchases = TouchLog(0, "identity/0", PARTITIONS), PurchaseLog(0, "attribution/0", 1)
        self.told: dict[tuple[str, int], GroupVitals] = {}
        self._offset = 0
        self._now = self._busy_until = 0

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        event = _decode(value)
        self._pass_to(event.occurred_at)
        if topic != "chat-events":
            self._busy_until = event.occurred_at + 3 * MINUTE
        self._run(topic, key.decode(), event)

    def send_everywhere(self, topic: str, value: bytes) -> None:
        event = _decode(value)
        self._pass_to(event.occurred_at - 1)
        for number in range(PARTITIONS):
            self._run(topic, "", event, number)

    def _pass_to(self, at: int) -> None:
        while (tick_at := self._now // MINUTE * MINUTE + MINUTE) <= min(at, self._busy_until):
            self._now = tick_at
            for number in range(PARTITIONS):
                tick = e.Tick(event_id=f"live/{tick_at}", occurred_at=tick_at, brand_id="*", platform="*")
                self._run("chat-events", "", tick, number)
        self._now = max(self._now, at)

    def _run(self, topic: str, key: str, event: e.Event, partition: int | None = None) -> None:
        flying = deque([(topic, key, event, partition)])
        while flying:
            to, name, one, number = flying.popleft()
            self._offset += 1
            log = {"member-touches": self.touches, "purchases": self.purchases}.get(to)
            if log is None:
                log = self.chat[zlib.crc32(name.encode()) % PARTITIONS if number is None else number]
            for output in log.fold(one, name, self._offset, max(self._now, one.occurred_at)):
                if output.topic in {"chat-events", "member-touches", "purchases"}:
                    flying.append((output.topic, output.key, output.value, None))
                elif isinstance(output.value, GroupVitals) and output.value.is_day_close:
                    self.told.setdefault((output.value.group_id, output.value.at), output.value)

    def refuse(self, letter: object) -> None:
        raise AssertionError(letter)

    def identify(self, identity: object) -> bool:
        return True

    def settle(self) -> None: ...


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fleet whose every third buyer is known to the shop under another name, half of them to us, by a late link."""
    folder = tmp_path_factory.mktemp("shop")
    write_fleet(Fleet(8, 140, 1, date(2026, 5, 1)), folder, lambda: None)
    lines, buyers = [], dict[str, int]()
    for line in gzip.decompress((folder / EVENTS_FILE).read_bytes()).splitlines():
        event = _decode(line)
        at = event.occurred_at
        if isinstance(event, e.Purchase | e.Refund):
            is_first = event.customer_id not in buyers
            known = buyers.setdefault(event.customer_id, len(buyers))
            if known % 3 == 0:
                member_id, event = event.customer_id, msgspec.structs.replace(event, customer_id=f"c_{known}")
                if known % 2 == 0 and is_first:
                    lines.append(link_of(member_id, event, at + 9 * DAY_MS))
        for hours in (18, 12, 6) if isinstance(event, e.SourceComplete) else ():
            then = at - hours * 60 * MINUTE  # who speaks once a day is blind at noon
            word = {"event_id": f"{event.event_id}/{hours}", "occurred_at": then, "complete_until": then}
            lines.append(msgspec.structs.replace(event, is_live=True, **word))
        lines.append(event)
    return write(folder / "shop.jsonl", map(e.encode, sorted(lines, key=lambda event: event.occurred_at)))


def link_of(member_id: str, event: e.Purchase | e.Refund, at: int) -> e.IdentityLinked:
    return e.IdentityLinked(
        event_id=f"link/{event.customer_id}",
        occurred_at=at,
        brand_id=event.brand_id,
        platform="shop",
        source="sim-ids",
        member_id=member_id,
        customer_id=event.customer_id,
    )


@pytest.fixture(scope="module")
def told(shop: Path) -> tuple[str, Counts]:
    return backtest(shop, out=shop.with_name("told.csv"), has_orders=True, is_calibrated=False)


def test_it_says_of_money_and_worth_what_a_stack_says_that_listened(shop: Path, told: tuple[str, Counts]) -> None:
    live, how = Listening(), recipe(source="jsonl/in")
    Import(JsonlReader([shop], how), how, live, NothingDelivered()).run(lambda _: None)
    found = rows(told[0])
    assert len(found) == len(live.told) > 900
    for row in found:
        said = live.told[row["group_id"], at_of(row["at"])]
        wanted = [getattr(said, name) for name in MONEY]
        assert [row[name] for name in MONEY] == ["" if one is None else str(one) for one in wanted], row
    assert {"", "probe"} <= {row["advice"] for row in found}
    assert sum(int(row["revenue_28d"]) for row in found) > 0
    assert not told[1].skipped


def test_the_bytes_do_not_depend_on_the_number_of_processes(shop: Path, told: tuple[str, Counts]) -> None:
    out = shop.with_name("parted.csv")
    assert backtest(shop, out=out, has_orders=True, is_calibrated=False, jobs=2) == told


def test_orders_change_no_verdict(shop: Path, told: tuple[str, Counts]) -> None:
    without, counts = backtest(shop, is_calibrated=False)
    assert [dict(list(row.items())[: -len(MONEY)]) for row in rows(told[0])] == rows(without)
    assert set(counts.skipped) == {"purchase", "refund", "identity_linked"}


def order(day: float, amount: int = 500, customer: str = "ann", **more: object) -> bytes:
    own = {"type": "purchase", "order_id": f"o{day}", "customer_id": customer, "amount": amount, "currency": "EUR"}
    nobody = dict.fromkeys(("group_id", "member_id", "role", "text_len"))
    return ours(day, source="shop/den", event_id=f"order/{day}", **(nobody | own | more))


DAYS = [bare(day + 0.5, row=day + 1) for day in range(6)]
JUST_BEFORE_MIDNIGHT = 2 - 20 / 86_400


def money(tmp_path: Path, *lines: bytes, **more: object) -> tuple[list[int], dict[str, int]]:
    """Revenue of 28 days at each midnight, and what was skipped."""
    own = sorted([*DAYS, *lines], key=lambda line: msgspec.json.decode(line)["occurred_at"])
    text, counts = backtest(write(tmp_path / "in.jsonl", own), has_orders=True, **more)
    return [int(row["revenue_28d"]) for row in rows(text)], dict(counts.skipped)


def test_an_order_is_known_at_the_minute_after_its_grace_and_not_before(tmp_path: Path) -> None:
    assert money(tmp_path, order(1.7)) == ([0, 500, 500, 500, 500, 500], {})
    assert money(tmp_path, order(JUST_BEFORE_MIDNIGHT)) == ([0, 0, 500, 500, 500, 500], {})


def test_an_order_of_a_later_day_closes_none_and_a_stranger_belongs_to_nobody(tmp_path: Path) -> None:
    assert money(tmp_path, order(1.7), order(9), order(1.8, customer="eve"))[0] == [0, 500, 500, 500, 500, 500]


def test_a_link_that_comes_later_brings_the_order_to_the_group_on_its_day(tmp_path: Path) -> None:
    nothing = dict.fromkeys(("group_id", "role", "text_len", "source_seq"))
    link = ours(3.6, type="identity_linked", member_id="ann", customer_id="c_1", event_id="l/1", **nothing)
    assert money(tmp_path, order(1.7, customer="c_1"), link)[0] == [0, 0, 0, 500, 500, 500]


def test_an_order_that_is_late_by_its_minute_waits_for_the_next(tmp_path: Path) -> None:
    nobody = dict.fromkeys(("group_id", "member_id", "role", "text_len", "source_seq"))
    tick = ours(2, type="tick", event_id="t/2", platform="*", **nobody)
    late = order(2 - 95 / 86_400)
    text, _ = backtest(
        write(tmp_path / "in.jsonl", [*DAYS[:2], order(2 - 100 / 86_400), tick, late, *DAYS[2:]]), has_orders=True
    )
    assert [int(row["revenue_28d"]) for row in rows(text)] == [0, 500, 1000, 1000, 1000, 1000]


def test_what_became_of_orders_is_passed_over_for_the_orders_themselves(tmp_path: Path) -> None:
    told = {"type": "order_attributed", "order_id": "o1.7", "customer_id": "ann", "amount": 500, "currency": "EUR"}
    share = ours(1.8, event_id="s/1", source="attribution", weight=1.0, rule="code", **told)
    assert money(tmp_path, order(1.7), share) == ([0, *[500] * 5], {"order_attributed": 1})


def test_orders_from_until_on_are_left_out(tmp_path: Path) -> None:
    until = msgspec.json.decode(DAYS[0])["occurred_at"] + round(1.1 * 86_400_000)
    found, skipped = money(tmp_path, order(1.5), order(1.7), until=until)
    assert (found, skipped["at or after --until"]) == ([0, 500], 5)


def at_of(text: str) -> int:
    return round(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp() * 1000)
