"""The three folds that an order passes, fed by the importers themselves, and the audit of what they tell."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, NamedTuple, Self

import msgspec

from streams import models
from streams.connectors.batches import Recipe
from streams.connectors.csv_rows import Form
from streams.connectors.delivered import NothingDelivered
from streams.connectors.identities_csv import IdentitiesReader
from streams.connectors.importing import Import
from streams.connectors.jsonl import JsonlReader
from streams.connectors.orders_csv import OrdersReader
from streams.dead_letters import DeadLetter
from streams.events import ChatEvent, Event, IdentityLinked, OrderAttributed, Purchase, Refund, Tick
from streams.identities import MemberIdentity
from streams.pseudonyms import Pseudonyms
from streams.vitals.absorbed import Absorbed
from streams.vitals.attribution import PurchaseLog
from streams.vitals.identity import TouchLog
from streams.vitals.partition import GroupLog
from streams.vitals.policy import DAY_MS
from streams.vitals.rows import Output
from tests.orders.shop import BRAND, CURRENCY, PLATFORM, Files

NOW = round(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) * 1000
PSEUDONYMS = Pseudonyms(b"of a show, no secret of anybody's")
_decode = msgspec.json.Decoder(ChatEvent | Purchase | Refund | IdentityLinked).decode


class Row(NamedTuple):
    """What is audited of a row of `order_attributed`."""

    event_id: str
    order_id: str
    refund_id: str
    customer_id: str
    amount: int
    weight: float
    reverses: str

    @classmethod
    def of(cls, row: OrderAttributed) -> Self:
        """As ClickHouse has it."""
        return cls(
            *(row.event_id, row.order_id, row.refund_id or "", row.customer_id),
            *(row.amount, row.weight, row.reverses or ""),
        )


class Chain:
    """One partition of each topic and the agents behind them; time passes when `tick` says so.

    A destination of imports: their own ticks close days of groups, which no order waits for.
    """

    def __init__(self) -> None:
        self.logs = {
            "chat-events": GroupLog(0, "groups/show", models.load()),
            "member-touches": TouchLog(0, "identity/show", 1),
            "purchases": PurchaseLog(0, "attribution/show", 1),
        }
        self.offsets: Counter[str] = Counter()
        self.rows: list[OrderAttributed] = []
        self.folded = 0
        self.now = NOW
        self._seen: dict[str, Absorbed] = defaultdict(Absorbed)
        self._flying: deque[tuple[str, str, Event]] = deque()

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        """As Destination says."""
        self._run(topic, key.decode(), _decode(value))

    def send_everywhere(self, topic: str, value: bytes) -> None:
        """As Destination says."""

    def refuse(self, letter: DeadLetter) -> None:
        """As Destination says."""
        raise AssertionError(letter)

    def identify(self, identity: MemberIdentity) -> bool:
        """As Destination says."""
        return True

    def settle(self) -> None:
        """As Destination says."""

    def close(self) -> None:
        """As Destination says."""

    def tick(self) -> None:
        """A day passes in all of the chat."""
        self.now += DAY_MS
        tick = Tick(event_id=f"t{self.now}", occurred_at=self.now, brand_id="~", platform="~", origin_partition=0)
        self._run("member-touches", "", tick)

    def _run(self, topic: str, key: str, event: Event) -> None:
        self._flying.append((topic, key, event))
        while self._flying:
            to, name, one = self._flying.popleft()
            for output in self._fold(to, name, one):
                if output.topic in self.logs:
                    self._flying.append((output.topic, output.key, output.value))  # type: ignore[arg-type]

    def _fold(self, topic: str, key: str, event: Event) -> list[Output]:
        offset = self.offsets[topic]
        self.offsets[topic] += 1
        self.folded += 1
        if isinstance(event, OrderAttributed) and self._seen[event.group_id].absorb(event):
            self.rows.append(event)
        return list(self.logs[topic].fold(event, key, offset, self.now))

    def revenue(self) -> Counter[str]:
        """Cents by group, as the groups themselves have counted."""
        groups = self.logs["chat-events"].groups()  # type: ignore[attr-defined]
        return Counter({one.group_id: sum(pane.revenue for pane in one.panes.values()) for one in groups})


def bring(chain: Chain, files: Files, *steps: str) -> None:
    """Import some of the files, then let two days pass."""
    for step in steps:
        path, source = getattr(files, step), f"show/{step}"
        recipe = Recipe(brand_id=BRAND, platform=PLATFORM, source=source, now=chain.now)
        reader: Any
        if step == "chat":
            reader = JsonlReader([path], recipe)
        elif step in ("early", "late"):
            reader = IdentitiesReader([path], recipe, Form(chat_platform=PLATFORM), PSEUDONYMS)
        else:
            reader = OrdersReader([path], recipe, Form(currency=CURRENCY), PSEUDONYMS)
        counts = Import(reader, recipe, chain, NothingDelivered()).run(lambda _: None)  # type: ignore[arg-type]
        if counts.rejected:
            raise SystemExit(f"{step}: {counts.rejected}")
    chain.tick()
    chain.tick()


def audit(rows: list[Row], files: Files, pseudonyms: Pseudonyms = PSEUDONYMS) -> Iterator[str]:
    """Whatever of the rows is not as the files say."""
    by_id = {row.event_id: row for row in rows}
    if len(by_id) != len(rows):
        yield f"{len(rows) - len(by_id)} rows under ids of others"
    reversed_ids = [row.reverses for row in rows if row.reverses]
    taken = sum(by_id[name].amount for name in reversed_ids if name)
    back = sum(row.amount for row in rows if row.reverses)
    if taken + back or len(set(reversed_ids)) < len(reversed_ids):
        yield f"reversals of {back} take back {taken}"
    standing = [row for row in rows if not row.reverses and row.event_id not in set(reversed_ids)]
    for what, found in (("all rows", rows), ("rows that stand", standing)):
        by_order, by_customer = Counter[str](), Counter[str]()
        for row in found:
            by_order[row.order_id] += row.amount
            by_customer[row.customer_id] += row.amount
        wanted = Counter({pseudonyms.of("customer", name): cents for name, cents in files.by_customer.items()})
        for kind, got, want in (("orders", by_order, files.by_order), ("customers", by_customer, wanted)):
            wrong = [name for name in got.keys() | want.keys() if got[name] != want[name]]
            if wrong:
                yield f"{what}: {len(wrong)} {kind} with other sums than in the files"
    weights: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for row in standing:
        weights[row.order_id, row.refund_id] += Fraction(row.weight)
    if odd := [key for key, weight in weights.items() if weight != 1]:
        yield f"{len(odd)} orders or refunds whose weights do not add up to 1"
