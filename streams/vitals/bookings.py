"""What an order and a refund say to each group: rows that add up to what was paid, and the rows that take them back."""

from collections.abc import Sequence

import msgspec
import xxhash
from msgspec.structs import replace

from streams.events import OrderAttributed, Rule, unattributed_group
from streams.vitals.conversion import Order, Share, split


class MoneyBack(msgspec.Struct, array_like=True, gc=False):
    """A refund as kept. `order` is the key of its order; `settles_at` as an order's.

    Settled, it gave back `within` of the order's amount, `before` of which was given back already; -1: none, or that
    was not noted yet. `total` is what was given back of the order in all, where the refund was told as such.
    """

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
    before: int = -1
    within: int = 0
    total: int = 0


class Settled(msgspec.Struct, frozen=True, gc=False):
    """An order or refund and what it says to each group; `rows` lack the source that the agent stamps."""

    occurred_at: int
    event_id: str
    rows: list[OrderAttributed]


def book(refund: MoneyBack, order: Order | None) -> None:
    """Settle a refund: of its order it takes what is left, the rest is nobody's."""
    refund.is_settled = True
    if order is None or order.currency != refund.currency:
        return
    refund.before, refund.within = order.refunded, min(refund.amount, order.amount - order.refunded)
    order.refunded += refund.within


def order_rows(order: Order, customer_id: str) -> list[OrderAttributed]:
    """A row per share, those with weight 0 last as in the shares."""
    return _share_rows(order, order, order.shares, (0, order.amount), customer_id)


def refund_rows(refund: MoneyBack, order: Order | None, customer_id: str) -> list[OrderAttributed]:
    """The rows of a settled refund: what the groups of its order give back, and what is nobody's."""
    over = refund.amount - refund.within
    if order is None or refund.before < 0 or (over and not refund.within):
        return [_nobodys(refund, over, customer_id, 1.0)]
    rows = shared_refund_rows(refund, order, customer_id)
    return [*rows, _nobodys(refund, over, customer_id, 0.0, part="over")] if over else rows


def shared_refund_rows(refund: MoneyBack, order: Order, customer_id: str) -> list[OrderAttributed]:
    """What each share gives back: its part of all refunded so far, less what it gave before; so sums are exact."""
    credited = [share for share in order.shares if share.weight]
    back = refund.before + refund.within, refund.before
    return _share_rows(refund, order, credited, back, customer_id)


def _share_rows(
    paid: Order | MoneyBack, order: Order, shares: Sequence[Share], span: tuple[int, int], customer_id: str
) -> list[OrderAttributed]:
    """A row per share of the order's amount from one sum to another: of (0, 100) as paid, of (30, 20) as given back."""
    if order.rule is None:
        raise ValueError(f"order {order.order_id} has no rule yet")
    told = _spread(shares, order.told(span[0]), order.told(span[1]))
    rows = [
        _told(paid, share, amount, customer_id, order.rule, str(order.revision or ""))
        for share, amount in zip(shares, told, strict=True)
    ]
    if not order.told_currency:
        return rows
    return [
        replace(row, currency=order.told_currency, paid_currency=order.currency, paid_amount=amount)
        for row, amount in zip(rows, _spread(shares, *span), strict=True)
    ]


def _spread(shares: Sequence[Share], was: int, now: int) -> list[int]:
    """What each share's part of a sum grows by when the sum does; those without weight have none."""
    parts = sum(1 for share in shares if share.weight)
    grown = (more - less for more, less in zip(split(now, parts), split(was, parts), strict=True))
    return [next(grown) if share.weight else 0 for share in shares]


def taken_back(rows: Sequence[OrderAttributed]) -> list[OrderAttributed]:
    """The rows that reverse some rows: the same but for the sign of the amount."""
    return [
        replace(
            row,
            event_id=_event_id(row.event_id, "reversed"),
            amount=-row.amount,
            paid_amount=None if row.paid_amount is None else -row.paid_amount,
            reverses=row.event_id,
        )
        for row in rows
    ]


def _nobodys(refund: MoneyBack, amount: int, customer_id: str, weight: float, part: str = "") -> OrderAttributed:
    nobody = Share(unattributed_group(refund.brand_id), refund.platform, weight)
    return _told(refund, nobody, -amount, customer_id, "unattributed", part)


def _told(
    paid: Order | MoneyBack, share: Share, amount: int, customer_id: str, rule: Rule, which: str
) -> OrderAttributed:
    """`which` tells the rows of one order, or refund, and group apart: revisions, and what is over."""
    return OrderAttributed(
        event_id=_event_id(customer_id, paid.event_id, share.group_id, which),
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


def _event_id(*identity: str) -> str:
    return f"attributed/{xxhash.xxh3_128_hexdigest(chr(0).join(identity).encode())}"
