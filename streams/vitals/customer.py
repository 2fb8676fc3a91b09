"""What is known of one customer, and how orders and refunds are settled once the chat has passed their time.

Fates: an order counts once by its source's order, by its event_id and by its order_id (the first form stays).
A refund takes from the groups of its order, evenly as the order gave. It waits for an order that is not there
yet; after `refund_patience_days` without one, or if it is in another currency than its order, it stands as
unattributed, visibly. Of a refund over what is left of the order the rest does, too: no group pays back more
than it was given.

A link to a member that is learnt after an order was settled, or ends, has the order's shares made anew at the next
tick. If they are others, every row of the order and its refunds is taken back by a row of its own and told again.
What was told is left as it is where the touches or posts of that time are not all kept any more, unless the order was
nobody's; and where a refund was settled by an earlier version, which noted less.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from streams.events import LinkChanged, MemberSeen, OrderAttributed, Purchase, Refund, Touch
from streams.vitals.absorbed import Absorbed
from streams.vitals.bookings import (
    MoneyBack,
    Settled,
    book,
    order_rows,
    refund_rows,
    shared_refund_rows,
    taken_back,
)
from streams.vitals.conversion import ConversionPolicy, Evidence, Order, attribute
from streams.vitals.policy import DAY_MS
from streams.vitals.presence import Presence, make_room
from streams.vitals.shelf import Shelved

NEVER = 1 << 62
AT_ONCE = 0

P = TypeVar("P", Order, MoneyBack)


class Due(Shelved, array_like=True):
    """The head of a stored customer: what must be known of all of them without decoding the rest.

    When the watermark passes `due_at`, something is to be settled.
    """

    due_at: int = NEVER


class Customer(Due, array_like=True):
    """All that is known of one customer. Orders by brand and id, refunds by brand, order and id.

    `presences` are where they were under their own key, `members` where the members linked to them were, by member and
    group. `is_stale`: who they are has changed since the orders were settled.
    Bounded by the policy: members × groups × touches, orders; a refund is kept as long as its order.
    """

    presences: dict[str, Presence] = msgspec.field(default_factory=dict)
    orders: dict[str, Order] = msgspec.field(default_factory=dict)
    refunds: dict[str, MoneyBack] = msgspec.field(default_factory=dict)
    absorbed: Absorbed = msgspec.field(default_factory=Absorbed)
    members: dict[str, dict[str, Presence]] = msgspec.field(default_factory=dict)
    is_stale: bool = False


def take_touch(customer: Customer, key: str, event: Touch | MemberSeen, policy: ConversionPolicy) -> None:
    """Note where the customer was, or where a member was who is linked to them.

    A touch under their own key counts as often as it is told: it is one of a set. What a member's log told is absorbed
    by its order, for told again after the link has ended it must not begin anew.
    """
    presences = customer.presences
    if event.member_id is not None and event.member_id != key:
        if not customer.absorbed.absorb(event):
            return
        if event.member_id not in customer.members and len(customer.members) >= policy.members_kept:
            return
        presences = customer.members.setdefault(event.member_id, {})
    presence = presences.get(event.group_id)
    if presence is None:
        presence = presences[event.group_id] = Presence(event.brand_id, event.platform)
    if isinstance(event, MemberSeen):
        presence.take(event, policy.kept_ms, policy.touches_kept)
    else:
        presence.note(event.occurred_at, event.kind, policy.kept_ms, policy.touches_kept)
    make_room(presences, policy.groups_kept)


def take_link(customer: Customer, event: LinkChanged, policy: ConversionPolicy) -> None:
    """Note that a member is this customer, or is no more: their orders are looked at again at the next tick."""
    if event.outcome == "refused" or not customer.absorbed.absorb(event):
        return
    if event.outcome == "unlinked":
        customer.members.pop(event.member_id, None)
    elif len(customer.members) < policy.members_kept:
        customer.members.setdefault(event.member_id, {})
    customer.is_stale = True
    customer.due_at = AT_ONCE


def take_purchase(customer: Customer, event: Purchase, arrived_at: int, policy: ConversionPolicy) -> None:
    """Note an order, once."""
    key = f"{event.brand_id}/{event.order_id}"
    if not customer.absorbed.absorb(event) or key in customer.orders:
        return
    order = customer.orders[key] = Order(
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
    customer.due_at = min(customer.due_at, _order_due(order, policy))


def take_refund(customer: Customer, event: Refund, arrived_at: int, policy: ConversionPolicy) -> None:
    """Note a refund, once; of a total what it says beyond the totals before it."""
    order = f"{event.brand_id}/{event.order_id}"
    key = f"{order}/{event.refund_id}"
    if not customer.absorbed.absorb(event) or key in customer.refunds:
        return
    known = _total_before(customer, order) if event.is_total else 0
    if event.is_total and event.amount <= known:
        return
    refund = customer.refunds[key] = MoneyBack(
        event.refund_id,
        order,
        event.order_id,
        event.event_id,
        event.brand_id,
        event.platform,
        event.occurred_at,
        max(event.occurred_at, arrived_at),
        event.amount - known,
        event.currency,
        total=event.amount if event.is_total else 0,
    )
    customer.due_at = min(customer.due_at, _refund_due(refund, customer, policy))


def _total_before(customer: Customer, order: str) -> int:
    return max((refund.total for refund in customer.refunds.values() if refund.order == order), default=0)


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

    `look` answers what is known of the buyer's groups. Before that, if who they are has changed, what was settled is
    revised. Then forget what is older than the time kept, and the oldest beyond the number kept.
    """
    settled = _revise(customer, key, look, policy) if customer.is_stale else []
    customer.is_stale = False
    for order in _in_time(customer.orders, lambda order: _order_due(order, policy) < watermark):
        order.rule, order.shares = attribute(order, look(order), policy)
        told = policy.rates.told(order.brand_id, order.amount, order.currency, order.occurred_at)
        if told is not None:
            order.told_amount, order.told_currency = told
        settled.append(Settled(order.occurred_at, order.event_id, order_rows(order, key)))
    for refund in _in_time(customer.refunds, lambda refund: _refund_due(refund, customer, policy) < watermark):
        order_of = customer.orders.get(refund.order)
        if order_of is not None:
            _name_members(order_of, customer, key)
        book(refund, order_of)
        settled.append(Settled(refund.occurred_at, refund.event_id, refund_rows(refund, order_of, key)))
    _forget(customer, watermark - policy.kept_ms, policy.orders_kept)
    plan(customer, policy)
    return settled


def _revise(customer: Customer, key: str, look: Callable[[Order], Evidence], policy: ConversionPolicy) -> list[Settled]:
    """Share settled orders anew: where the shares are others, the rows that take back, and those that tell again."""
    revised = []
    refunds = _refunds_by_order(customer)
    for name, order in customer.orders.items():
        given_back = refunds.get(name, [])
        if order.rule is None or order.refunded != sum(refund.within for refund in given_back):
            continue
        evidence = look(order)
        if order.rule != "unattributed" and order.occurred_at - policy.reach_ms <= evidence.forgot_at():
            continue
        _name_members(order, customer, key)
        rule, shares = attribute(order, evidence, policy)
        if (rule, shares) == (order.rule, order.shares):
            continue
        told = taken_back(_all_rows(order, given_back, key))
        order.rule, order.shares, order.revision = rule, shares, order.revision + 1
        revised.append(Settled(order.occurred_at, order.event_id, told + _all_rows(order, given_back, key)))
    return revised


def _refunds_by_order(customer: Customer) -> dict[str, list[MoneyBack]]:
    """By order the refunds that its groups gave."""
    found: dict[str, list[MoneyBack]] = {}
    for refund in customer.refunds.values():
        if refund.is_settled and refund.before >= 0 and (refund.within or not refund.amount):
            found.setdefault(refund.order, []).append(refund)
    return found


def _all_rows(order: Order, refunds: list[MoneyBack], key: str) -> list[OrderAttributed]:
    """What an order and its refunds say to the order's groups."""
    back = [row for refund in refunds for row in shared_refund_rows(refund, order, key)]
    return order_rows(order, key) + back


def _name_members(order: Order, customer: Customer, key: str) -> None:
    """Say of shares stored before they said it who the buyer is in their group."""
    if all(share.member_id is not None for share in order.shares):
        return
    seen = {
        group_id
        for group_id, presence in customer.presences.items()
        if presence.last_touch(order.occurred_at) is not None
    }
    order.shares = [replace(share, member_id=key if share.group_id in seen else "") for share in order.shares]


def _in_time(kept: dict[str, P], is_due: Callable[[P], bool]) -> list[P]:
    return sorted(filter(is_due, kept.values()), key=lambda one: (one.occurred_at, one.event_id))


def _forget(customer: Customer, before: int, most: int) -> None:
    _keep(customer.orders, lambda order: order.rule is not None, before, most)
    _keep(customer.refunds, lambda refund: refund.is_settled, before, most)


def _keep(kept: dict[str, P], is_settled: Callable[[P], bool], before: int, most: int) -> None:
    """Forget what was settled: before a time, and the oldest of more than so many. What waits stays."""
    settled = sorted((one.settles_at, name) for name, one in kept.items() if is_settled(one))
    surplus = len(kept) - most
    for place, (settles_at, name) in enumerate(settled):
        if settles_at >= before and place >= surplus:
            break
        del kept[name]
