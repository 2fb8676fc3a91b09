"""What members buy: after a post with a code, or of their own accord; and what they give back."""

from random import Random
from typing import Any

import msgspec

from streams import events as e
from streams.simulate.chance import between, moment, poisson
from streams.simulate.people import People
from streams.simulate.plan import GroupPlan
from streams.vitals.policy import DAY_MS, HOUR_MS

REFUNDED = 0.05
_AFTER_POST = 0.008
_BY_THEMSELVES = 0.0009
"""Orders per member, of one post and of one day."""


class Order(msgspec.Struct, frozen=True, gc=False):
    """An order to come. `refund` is (time, amount) if money goes back."""

    at: int
    customer_id: str
    amount: int
    code: str | None
    refund: tuple[int, int] | None


def orders_of_day(rng: Random, plan: GroupPlan, people: People, day_start: int, energy: float) -> list[Order]:
    """What members of the group order this day without being asked."""
    mean = len(people.members) * _BY_THEMSELVES * energy**0.5
    times = [day_start + moment(rng, plan.utc_offset) for _ in range(poisson(rng, mean))]
    return [order for at in times for order in _buy(rng, plan, people, at, None)]


def orders_after_post(rng: Random, plan: GroupPlan, people: People, at: int, code: str, energy: float) -> list[Order]:
    """What a post that went out at `at` sells within two days; two of five type in its code."""
    mean = len(people.members) * _AFTER_POST * energy**0.5
    orders: list[Order] = []
    for _ in range(poisson(rng, mean)):
        when = at + round(between(rng, 60_000, 5 * HOUR_MS, 2 * DAY_MS, 1.2))
        orders += _buy(rng, plan, people, when, code if rng.random() < 0.4 else None)
    return orders


def _buy(rng: Random, plan: GroupPlan, people: People, at: int, code: str | None) -> list[Order]:
    buyers = people.sample(1)
    amount = round(between(rng, 100, plan.brand.price, 50 * plan.brand.price, 0.6))
    refund = None
    if rng.random() < REFUNDED:
        given_back = amount if rng.random() < 0.7 else round(amount * rng.uniform(0.1, 0.9))
        refund = at + round(rng.uniform(0.5, 12) * DAY_MS), given_back
    return [Order(at, buyer.member_id, amount, code, refund) for buyer in buyers]


class Till:
    """The brands' shops: turns orders into events on the day that they happen, numbered per customer."""

    def __init__(self) -> None:
        self._due: dict[int, list[tuple[int, str, GroupPlan, Order, bool]]] = {}
        self._orders = 0
        self._seqs: dict[str, int] = {}

    def ring_up(self, plan: GroupPlan, orders: list[Order]) -> None:
        """Take orders, and the refunds they will bring."""
        for order in orders:
            self._orders += 1
            order_id = f"{plan.brand.brand_id}-{self._orders:06d}"
            self._due.setdefault(order.at // DAY_MS, []).append((order.at, order_id, plan, order, False))
            if order.refund is not None:
                at = order.refund[0]
                self._due.setdefault(at // DAY_MS, []).append((at, order_id, plan, order, True))

    def close(self, day_start: int) -> list[e.Event]:
        """The day's purchases and refunds in order of time."""
        due = sorted(self._due.pop(day_start // DAY_MS, ()), key=lambda line: (line[0], line[1], line[4]))
        return [self._event(*line) for line in due]

    def _event(self, at: int, order_id: str, plan: GroupPlan, order: Order, is_refund: bool) -> e.Event:
        brand, customer = plan.brand, order.customer_id
        seq = self._seqs.get(customer, 0) + 1
        self._seqs[customer] = seq
        common: dict[str, Any] = {
            "occurred_at": at,
            "brand_id": brand.brand_id,
            "platform": "shop",
            "source": f"sim-{brand.brand_id}-shop",
            "source_seq": seq,
            "source_prev": seq - 1,
            "order_id": order_id,
            "customer_id": customer,
            "currency": brand.currency,
        }
        if is_refund and order.refund is not None:
            refund_id = f"{order_id}-r1"
            return e.Refund(event_id=f"refund/{refund_id}", refund_id=refund_id, amount=order.refund[1], **common)
        return e.Purchase(event_id=f"purchase/{order_id}", amount=order.amount, code=order.code, **common)
