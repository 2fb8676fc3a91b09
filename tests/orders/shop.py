"""The orders of public datasets, and the files of a shop whose customers are members of chat groups."""

import csv
import gzip
import json
import lzma
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from streams.pseudonyms import Pseudonyms
from streams.vitals.policy import DAY_MS

DATA = Path(__file__).parents[3] / "shared" / "data"
BRAND, PLATFORM, CURRENCY = "shop", "orders-show", "USD"
LATE_SHARE, REFUND_SHARE = 0.10, 0.05


class Order(NamedTuple):
    """An order of a file: amounts in cents, times in ms."""

    order_id: str
    customer: str
    at: int
    cents: int


def first_dataset() -> Iterator[Order]:
    """CDNOW: whitespace between customer, date, number of CDs and dollars; an order is a line."""
    lines = (DATA / "cdnow" / "CDNOW_master.txt").read_text().splitlines()[1:]
    for number, line in enumerate(lines, 1):
        customer, day, _, dollars = line.split()
        yield Order(f"L{number}", customer, _at(day, "%Y%m%d"), round(Fraction(dollars) * 100))


def second_dataset() -> Iterator[Order]:
    """Complete Journey: a line per article, an order is a basket; households buy."""
    baskets: dict[str, list[dict[str, str]]] = defaultdict(list)
    with lzma.open(DATA / "completejourney" / "transactions_sample.csv.xz", "rt") as file:
        for row in csv.DictReader(file):
            baskets[row["basket_id"]].append(row)
    for basket, rows in baskets.items():
        cents = round(sum(Fraction(row["sales_value"]) for row in rows) * 100)
        yield Order(basket, rows[0]["household_id"], _at(rows[0]["transaction_timestamp"], "%Y-%m-%d %H:%M:%S"), cents)


DATASETS: dict[str, Callable[[], Iterator[Order]]] = {"cdnow": first_dataset, "completejourney": second_dataset}


def _at(text: str, form: str) -> int:
    return round(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()) * 1000


class Files(NamedTuple):
    """What is imported, in this order, and what it must come to: cents by customer and by order, refunds taken off."""

    chat: Path
    early: Path
    orders: Path
    refunds: Path
    late: Path
    by_customer: Counter[str]
    by_order: Counter[str]
    counts: dict[str, int]


def write(
    orders: list[Order], folder: Path, seed: int, groups: int, pseudonyms: Pseudonyms, brand: str = BRAND
) -> Files:
    """The files of a shop, its customers made members: most of one to three groups, one in a thousand of thirty."""
    chance = random.Random(seed)
    bought: dict[str, list[Order]] = defaultdict(list)
    for order in orders:
        bought[order.customer].append(order)
    names = [folder / name for name in ("chat.jsonl.gz", "early.csv", "orders.csv", "refunds.csv", "late.csv")]
    links = {customer: _members(customer, chance) for customer in bought}
    late = set(chance.sample(sorted(bought), round(len(bought) * LATE_SHARE)))
    said = sorted(_chat(bought, links, groups, chance), key=lambda one: one[-1])
    chat = [_event(*one, pseudonyms, brand) for one in said]
    with gzip.open(names[0], "wb", compresslevel=1) as file:
        file.writelines(json.dumps(event).encode() + b"\n" for event in chat)
    for path, chosen in ((names[1], bought.keys() - late), (names[4], late)):
        _csv(path, ["member_id", "customer_id"], ((m, c) for c in sorted(chosen) for m in links[c]))
    columns = ["order_id", "customer_id", "paid_at", "amount", "refund_id"]
    _csv(names[2], columns, ((o.order_id, o.customer, _iso(o.at), decimals(o.cents), "") for o in orders))
    refunds = list(_refunds(orders, chance))
    _csv(
        names[3],
        columns,
        ((o.order_id, o.customer, _iso(o.at), decimals(o.cents), f"r{n}") for n, o in enumerate(refunds)),
    )
    by_customer, by_order = Counter[str](), Counter[str]()
    for sign, each in ((1, orders), (-1, refunds)):
        for order in each:
            by_customer[order.customer] += sign * order.cents
            by_order[order.order_id] += sign * order.cents
    counts = {"orders": len(orders), "customers": len(bought), "refunds": len(refunds), "linked late": len(late)}
    return Files(*names, by_customer, by_order, counts | {"events of chat": len(chat)})


def _members(customer: str, chance: random.Random) -> list[str]:
    return [f"{customer}.{number}" for number in range(1 + (chance.random() < 0.1))]


def _chat(
    bought: dict[str, list[Order]], links: dict[str, list[str]], groups: int, chance: random.Random
) -> Iterator[tuple[str, str, int, int]]:
    """Kind, member, group, time: joins around the first order, one in ten after it, and some words."""
    for customer, orders in bought.items():
        first, last = min(order.at for order in orders), max(order.at for order in orders)
        for member in links[customer]:
            many = 30 if chance.random() < 0.001 else chance.choice((1, 1, 2, 3))
            for group in chance.sample(range(groups), min(many, groups)):
                joined = first + chance.randrange(-60, 7 if chance.random() < 0.1 else 0) * DAY_MS
                yield "join", member, group, max(joined, 0)
                for _ in range(chance.randrange(4)):
                    near = chance.choice(orders).at - chance.randrange(96) * 3_600_000
                    at = near if chance.random() < 0.5 else chance.randrange(first, last + DAY_MS)
                    yield "message", member, group, max(at, 0)


def _event(kind: str, member: str, group: int, at: int, pseudonyms: Pseudonyms, brand: str) -> dict[str, Any]:
    name = f"{brand}/{PLATFORM}/{group}"
    who = pseudonyms.of(PLATFORM, member)
    return {
        "type": kind, "event_id": f"{name}/{kind}/{who}/{at}", "occurred_at": at, "brand_id": brand, "group_id": name,
        "platform": PLATFORM, "member_id": who, "source": f"{PLATFORM}/{brand}",
    }  # fmt: skip


def _refunds(orders: list[Order], chance: random.Random) -> Iterator[Order]:
    """Of one order in twenty: half of them whole, the others in up to three parts that may leave something."""
    for order in chance.sample(orders, round(len(orders) * REFUND_SHARE)):
        left = order.cents
        for number in range(1 if chance.random() < 0.5 else chance.randrange(2, 4)):
            part = left if number == 0 and chance.random() < 0.5 else chance.randint(0, left)
            left -= part
            yield order._replace(cents=part, at=order.at + (number + 1) * DAY_MS)


def _csv(path: Path, header: list[str], rows: Iterable[Iterable[str]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at // 1000, UTC).isoformat()


def decimals(cents: int) -> str:
    """An amount as people write it."""
    return f"{cents // 100}.{cents % 100:02}"
