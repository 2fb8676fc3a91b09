"""Shopify's order export as it is, to the topic `purchases`.

An order is several rows, one for each line item, of which the first alone has the order's own columns: it is read.

    order       `Id`, else `Name`: names are counted anew in each shop
    buyer       `Email`, else `Phone`, else `Billing Phone`, as keyed hashes; an order without any is a guest's
    amount      `Total` in `Currency`: with shipping and taxes, less discounts
    paid        `Financial Status` paid, partially_refunded or refunded, at `Paid at`, else `Created at`; an order of
                another status is skipped and counted, and comes with the export in which it is paid
    refund      `Refunded Amount` is a total without a time: it counts on the day of the order, and of several exports
                the largest does
    code        the first of `Discount Code`
"""

import re
from collections.abc import Mapping

from streams.connectors.batches import Batch
from streams.connectors.csv_rows import CsvReader, Values, checked, id_in, time_of
from streams.connectors.money import minor_units
from streams.edge import RefusedError
from streams.events import Event, Purchase, Refund

PLATFORM = "shopify"
_PAID = frozenset({"paid", "partially_refunded", "refunded"})
_UNPAID = frozenset({"pending", "authorized", "partially_paid", "unpaid", "voided", "expired"})


class ShopifyReader(CsvReader):
    """Reads exports in any order; an order that stands in several counts once, for the buyer named first."""

    kind = "shopify"
    aliases = {  # noqa: RUF012  never changed
        "name": ("name",),
        "id": ("id",),
        "mail": ("email",),
        "phone": ("phone",),
        "billing_phone": ("billing phone",),
        "status": ("financial status",),
        "paid_at": ("paid at",),
        "created_at": ("created at",),
        "currency": ("currency",),
        "amount": ("total",),
        "refunded": ("refunded amount",),
        "code": ("discount code",),
    }

    def missing(self, columns: Mapping[str, int]) -> list[str]:
        """As CsvReader says."""
        return [name for name in ("name", "status", "paid_at", "currency", "amount") if name not in columns]

    def sought(self, name: str) -> str:
        """As CsvReader says."""
        return f"{self.aliases[name][0]}: give Shopify's order export as it is, or read it with orders-csv"

    def events(self, values: Values, batch: Batch) -> list[Event]:
        """An order and what was given back of it. Raises RefusedError."""
        status = values.get("status", "").lower().replace(" ", "_")
        if not status and not values.get("amount"):
            batch.skipped["line item"] += 1
            return []
        if status in _UNPAID:
            batch.skipped[f"not paid ({status})"] += 1
            return []
        if status not in _PAID:
            raise RefusedError("bad_shape", "Financial Status is none of Shopify's")
        recipe, order_id = self._recipe, self._order_id(values)
        at = time_of(values.get("paid_at") or values.get("created_at", ""), recipe.zone, "Paid at")
        if at > recipe.latest:
            raise RefusedError("from_the_future", "Paid at is over 10 minutes ahead of now")
        currency = values.get("currency", "").upper()
        common = {
            "occurred_at": at,
            "brand_id": recipe.brand_id,
            "platform": PLATFORM,
            "source": recipe.source,
            "order_id": order_id,
            "customer_id": self._buyer(values, order_id),
            "currency": currency,
        }
        code = values.get("code", "").partition(",")[0].strip() or None
        bought = {"event_id": f"{recipe.brand_id}/order/{order_id}", "code": code}
        events = [checked(common | bought | {"amount": minor_units(values.get("amount", ""), currency)}, Purchase)]
        back = minor_units(values.get("refunded") or "0", currency)
        if back:
            known = {"refund_id": f"total-{back}", "event_id": f"{recipe.brand_id}/refund/{order_id}/total-{back}"}
            events.append(checked(common | known | {"amount": back, "is_total": True}, Refund))
        return events

    def _order_id(self, values: Values) -> str:
        """Excel writes a long number as 4.5E+12: such an id is none."""
        number = values.get("id", "").removeprefix("'")
        return number if re.fullmatch("[0-9]{1,32}", number) else id_in(values, "name")

    def _buyer(self, values: Values, order_id: str) -> str:
        for name, known in (
            ("mail", self.buyers.mail),
            ("phone", self.buyers.phone),
            ("billing_phone", self.buyers.phone),
        ):
            try:
                if value := values.get(name, "").removeprefix("'"):
                    return known(value)
            except RefusedError:  # a field that somebody filled with something: the next one may say
                continue
        return self.buyers.guest(order_id)
