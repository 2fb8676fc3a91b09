"""What is known of one customer, and how orders and refunds are settled once the chat has passed their time.

Fates: an order counts once by its source's order, by its event_id and by its order_id (the first form stays).
A refund takes from the groups of its order, evenly as the order gave. It waits for an order that is not there
yet; after `refund_patience_days` without one, or if it is in another currency than its order, it stands as
unattributed, visibly. Of a refund over what is left of the order the rest does, too: no group pays back more
than it was given.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec
import xxhash
from msgspec.structs import replace

from streams.events import OrderAttributed, Purchase, Refund, Rule, unattributed_group
from streams.vitals.absorbed import Absorbed
from streams.vitals.conversion import ConversionPolicy, Evidence, Order, Share, attribute, split
from streams.vitals.policy import DAY_MS
from streams.vitals.presence import Presence
from streams.vitals.shelf import Shelved

NEVER = 1 << 62


class MoneyBack(msgspec.Struct, array_like=True, gc=False):
    """A refund as kept. `order` is the key of its order; `settles_at` as an order's."""

    refund_id: str
    order: str
    order_id: str
    event_id: str
    brand_id: str
    platform: str
    occurred_at: int
    settles_at: int
    amount: int
    currency: str
    is_settled: bool = False


P = TypeVar("P", Order, MoneyBack)


class Due(Shelved, array_like=True):
    """The head of a stored customer: what must be known of all of them without decoding the rest.

    When the watermark passes `due_at`, something is to be settled.
    """

    due_at: int = NEVER


class Customer(Due, array_like=True):
    """All that is known of one customer. Orders by brand and id, refunds by brand, order and id."""

    presences: dict[str, Presence] = msgspec.field(default_factory=dict)
    orders: dict[str, Order] = msgspec.field(default_factory=dict)
    refunds: dict[str, MoneyBack] = msgspec.field(default_factory=dict)
    absorbed: Absorbed = msgspec.field(default_factory=Absorbed)


class Settled(msgspec.Struct, frozen=True, gc=False):
    """An order or refund and what it says to each group; `rows` lack the source that the agent stamps."""

    occurred_at: int
    event_id: str
    rows: list[OrderAttributed]


def take_purchase(customer: Customer, event: Purchase, arrived_at: int) -> None:
    """Note an order, once."""
    key = f"{event.brand_id}/{event.order_id}"
    if not customer.absorbed.absorb(event) or key in customer.orders:
        return
    customer.orders[key] = Order(
        event.order_id,
        event.event_id,
        event.brand_id,
        event.platform,
        event.occurred_at,
        max(event.occurred_at, arrived_at),
        event.amount,
        event.currency,
        event.code,
        event.group_id,
    )


def take_refund(customer: Customer, event: Refund, arrived_at: int) -> None:
    """Note a refund, once."""
    order = f"{event.brand_id}/{event.order_id}"
    key = f"{order}/{event.refund_id}"
    if not customer.absorbed.absorb(event) or key in customer.refunds:
        return
    customer.refunds[key] = MoneyBack(
        event.refund_id,
        order,
        event.order_id,
        event.event_id,
        event.brand_id,
        event.platform,
        event.occurred_at,
        max(event.occurred_at, arrived_at),
        event.amount,
        event.currency,
    )


def plan(customer: Customer, policy: ConversionPolicy) -> None:
    """Say when something of this customer is to be settled."""
    orders = (_order_due(order, policy) for order in customer.orders.values())
    refunds = (_refund_due(refund, customer, policy) for refund in customer.refunds.values())
    customer.due_at = min(min(orders, default=NEVER), min(refunds, default=NEVER))


def _order_due(order: Order, policy: ConversionPolicy) -> int:
    return order.settles_at + policy.grace_seconds * 1000 if order.rule is None else NEVER


def _refund_due(refund: MoneyBack, customer: Customer, policy: ConversionPolicy) -> int:
    if refund.is_settled:
        return NEVER
    order = customer.orders.get(refund.order)
    if order is None:
        return refund.settles_at + policy.refund_patience_days * DAY_MS
    return NEVER if order.rule is None else refund.settles_at + policy.grace_seconds * 1000


def settle(
    customer: Customer, key: str, watermark: int, look: Callable[[Order], Evidence], policy: ConversionPolicy
) -> list[Settled]:
    """Attribute what the watermark has passed: orders, then refunds, each in order of time, ties by event_id.

    `look` answers what is known of the buyer's groups. Then forget what is older than the time kept.
    """
    settled = []
    for order in _in_time(customer.orders, lambda order: _order_due(order, policy) < watermark):
        order.rule, order.shares = attribute(order, look(order), policy)
        settled.append(Settled(order.occurred_at, order.event_id, _order_rows(order, key)))
    for refund in _in_time(customer.refunds, lambda refund: _refund_due(refund, customer, policy) < watermark):
        refund.is_settled = True
        order_of = customer.orders.get(refund.order)
        if order_of is not None:
            _name_members(order_of, customer, key)
        settled.append(Settled(refund.occurred_at, refund.event_id, _refund_rows(refund, order_of, key)))
    _forget(customer, watermark - policy.kept_days * DAY_MS)
    plan(customer, policy)
    return settled


def _name_members(order: Order, customer: Customer, key: str) -> None:
    """Say of shares stored before they said it who the buyer is in their group."""
    order.shares = [
        share
        if share.member_id is not None
        else replace(share, member_id=key if share.group_id in customer.presences else "")
        for share in order.shares
    ]


def _in_time(kept: dict[str, P], is_due: Callable[[P], bool]) -> list[P]:
    return sorted(filter(is_due, kept.values()), key=lambda one: (one.occurred_at, one.event_id))


def _forget(customer: Customer, before: int) -> None:
    customer.orders = {k: o for k, o in customer.orders.items() if o.settles_at >= before}
    customer.refunds = {k: r for k, r in customer.refunds.items() if not r.is_settled or r.settles_at >= before}


def _order_rows(order: Order, customer_id: str) -> list[OrderAttributed]:
    """A row per share, those with weight 0 last as in the shares."""
    credited = _credited(order)
    amounts = split(order.amount, len(credited)) + [0] * (len(order.shares) - len(credited))
    return [
        _row(order, share, amount, customer_id, _ruled(order))
        for share, amount in zip(order.shares, amounts, strict=True)
    ]


def _refund_rows(refund: MoneyBack, order: Order | None, customer_id: str) -> list[OrderAttributed]:
    """What each share gives back: its part of all refunded so far, less what it gave before; so sums are exact."""
    nobody = Share(unattributed_group(refund.brand_id), refund.platform, 1.0)
    if order is None or order.currency != refund.currency:
        return [_row(refund, nobody, -refund.amount, customer_id, "unattributed")]
    within = min(refund.amount, order.amount - order.refunded)
    over = refund.amount - within
    if over and not within:
        return [_row(refund, nobody, -over, customer_id, "unattributed")]
    credited = _credited(order)
    before, after = (split(paid, len(credited)) for paid in (order.refunded, order.refunded + within))
    order.refunded += within
    rows = [
        _row(refund, share, was - now, customer_id, _ruled(order))
        for share, was, now in zip(credited, before, after, strict=True)
    ]
    if over:
        rest = Share(nobody.group_id, nobody.platform, 0.0)
        rows.append(_row(refund, rest, -over, customer_id, "unattributed", part="over"))
    return rows


def _credited(order: Order) -> list[Share]:
    return [share for share in order.shares if share.weight]


def _ruled(order: Order) -> Rule:
    if order.rule is None:
        raise ValueError(f"order {order.order_id} has no rule yet")
    return order.rule


def _row(
    paid: Order | MoneyBack, share: Share, amount: int, customer_id: str, rule: Rule, part: str = ""
) -> OrderAttributed:
    identity = f"{customer_id}\0{paid.event_id}\0{share.group_id}\0{part}".encode()
    return OrderAttributed(
        event_id=f"attributed/{xxhash.xxh3_128_hexdigest(identity)}",
        occurred_at=paid.occurred_at,
        brand_id=paid.brand_id,
        platform=share.platform,
        group_id=share.group_id,
        order_id=paid.order_id,
        customer_id=customer_id,
        amount=amount,
        currency=paid.currency,
        weight=share.weight,
        rule=rule,
        refund_id=paid.refund_id if isinstance(paid, MoneyBack) else None,
        is_first_touch=share.is_first_touch,
        is_last_touch=share.is_last_touch,
        member_id=share.member_id or None,
    )
