"""Orders from a CSV file, to the topic `purchases`.

Columns (found by these names or their aliases, in any order, or named by `--column` or a file of `--mapping`):
`order_id`, one of `member_id`, `customer_id`, `phone`, `mail`, `paid_at`, `amount`, and optionally `currency`,
`refund_id`, `code`, `group`. Of several the first that a row has says who bought. A row with a `refund_id` is a refund
of its `order_id`; its `paid_at` is the time of the refund and its amount is positive, as all amounts are.

    amount      12.50 → minor units of the currency (1250 for EUR, 12500 for KWD; 12.50 JPY is refused)
    1,234.50    refused: nobody can tell what a comma means; read with --thousands , (1.234,50 with --decimal-comma)
    currency    any code of three letters; one that nobody knows is kept apart like every other
    negative    refused: a refund has a refund_id
    paid_at     ISO 8601, 2026/1/31 9:05, or seconds or milliseconds since 1970; without an offset in --timezone

An order is known again by its order_id, a refund by its refund_id.
"""

from collections.abc import Mapping

from streams.connectors.batches import Batch
from streams.connectors.csv_rows import CsvReader, Form, Values, checked, id_in, time_of
from streams.connectors.money import minor_units
from streams.edge import RefusedError
from streams.events import Event, Purchase, Refund

__all__ = ["ALIASES", "Form", "OrdersReader", "time_of"]
PLATFORM = "orders"
ALIASES: dict[str, tuple[str, ...]] = {
    "order_id": ("order_id", "order", "order id", "订单号", "订单编号"),
    "customer_id": ("customer_id", "customer", "customer id", "客户id", "用户id", "买家id"),
    "member_id": ("member_id", "member", "member id", "成员id"),
    "phone": ("phone", "mobile", "手机", "手机号", "电话"),
    "mail": ("mail", "email", "e-mail", "邮箱"),
    "paid_at": ("paid_at", "paid at", "paid", "支付时间", "付款时间"),
    "amount": ("amount", "total", "实付金额", "金额"),
    "currency": ("currency", "币种", "货币"),
    "refund_id": ("refund_id", "refund", "refund id", "退款单号", "退款编号"),
    "code": ("code", "coupon", "优惠码"),
    "group": ("group", "group_id", "群id"),
}
_BUYER = ("customer_id", "member_id", "phone", "mail")


class OrdersReader(CsvReader):
    """Orders need no order, attribution sorts them by time."""

    kind = "orders"
    aliases = ALIASES

    def missing(self, columns: Mapping[str, int]) -> list[str]:
        """As CsvReader says."""
        needed = ["order_id", "paid_at", "amount", *([] if self.form.currency else ["currency"])]
        if not columns.keys() & set(_BUYER):
            needed.append("customer_id")
        return [name for name in needed if name not in columns]

    def sought(self, name: str) -> str:
        """As CsvReader says."""
        return super().sought(name) + (", or say --currency EUR" if name == "currency" else "")

    def events(self, values: Values, batch: Batch) -> list[Event]:
        """A row's purchase or refund. Raises RefusedError."""
        recipe, brand = self._recipe, self._recipe.brand_id
        order_id, refund_id = id_in(values, "order_id"), values.get("refund_id")
        at = time_of(values.get("paid_at", ""), recipe.zone)
        if at > recipe.latest:
            raise RefusedError("from_the_future", "paid_at is over 10 minutes ahead of now")
        currency = (values.get("currency") or self.form.currency or "").upper()
        common = {
            "event_id": f"{brand}/refund/{id_in(values, 'refund_id')}" if refund_id else f"{brand}/order/{order_id}",
            "occurred_at": at,
            "brand_id": brand,
            "platform": self.form.chat_platform or PLATFORM,
            "source": recipe.source,
            "order_id": order_id,
            "customer_id": self._buyer(values, batch),
            "amount": self._amount(values.get("amount", ""), currency),
            "currency": currency,
        }
        if refund_id:
            return [checked(common | {"refund_id": refund_id}, Refund)]
        more = {"code": values.get("code") or None, "group_id": self._group(values.get("group"))}
        return [checked(common | more, Purchase)]

    def _amount(self, text: str, currency: str) -> int:
        form = self.form
        return minor_units(text, currency, has_comma=form.has_decimal_comma, thousands=form.thousands)

    def _buyer(self, values: Values, batch: Batch) -> str:
        if values.get("member_id"):
            return self.buyers.member(id_in(values, "member_id"), self.form.chat_platform, batch)
        if values.get("customer_id"):
            return self.buyers.customer(id_in(values, "customer_id"), batch)
        if values.get("phone"):
            return self.buyers.phone(values["phone"])
        if values.get("mail"):
            return self.buyers.mail(values["mail"])
        raise RefusedError("bad_shape", "customer_id is missing, and nothing else says who bought")

    def _group(self, group: str | None) -> str | None:
        if not group or "/" in group:
            return group or None
        if self.form.chat_platform is None:
            raise RefusedError("bad_shape", "the group is a channel: give --platform, or brand/platform/channel")
        return f"{self._recipe.brand_id}/{self.form.chat_platform}/{group}"
