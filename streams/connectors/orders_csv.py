"""Orders from a CSV file, to the topic `purchases`.

Columns (found by these names or their aliases, in any order, or named by `--column`): `order_id`, `customer_id` or
`member_id`, `paid_at`, `amount`, and optionally `currency`, `refund_id`, `code`, `group`. A row with a `refund_id` is a
refund of its `order_id`; its `paid_at` is the time of the refund and its amount is positive, as all amounts are.

    amount      12.50 → minor units of the currency (1250 for EUR, 12500 for KWD; 12.50 JPY is refused)
    1,234.50    refused: nobody can tell what a comma means; with --decimal-comma 1.234,50 is read
    negative    refused: a refund has a refund_id
    paid_at     ISO 8601, 2026/1/31 9:05, or seconds or milliseconds since 1970; without an offset in --timezone
    encoding    UTF-8, with or without a byte order mark; GB18030 where the first lines are no UTF-8

An order is known again by its order_id, a refund by its refund_id.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from streams.connectors.batches import Batch, Delivered, Recipe, mark
from streams.connectors.irc_day import canonical_nick
from streams.connectors.lines import Line, LineFile, too_long, total_size
from streams.connectors.money import minor_units
from streams.edge import RefusedError
from streams.errors import VitalsError
from streams.events import MAX_TIME, Event, Purchase, Refund
from streams.identities import MemberIdentity
from streams.pseudonyms import CUSTOMER, Pseudonyms, is_pseudonym

PLATFORM = "orders"
ALIASES: dict[str, tuple[str, ...]] = {
    "order_id": ("order_id", "order", "order id", "订单号", "订单编号"),
    "customer_id": ("customer_id", "customer", "customer id", "客户id", "用户id", "买家id"),
    "member_id": ("member_id", "member", "member id", "成员id"),
    "paid_at": ("paid_at", "paid at", "paid", "支付时间", "付款时间"),
    "amount": ("amount", "total", "实付金额", "金额"),
    "currency": ("currency", "币种", "货币"),
    "refund_id": ("refund_id", "refund", "refund id", "退款单号", "退款编号"),
    "code": ("code", "coupon", "优惠码"),
    "group": ("group", "group_id", "群id"),
}
BLOCK_ROWS = 2000
_SAMPLE_LINES = 1000
_LOOSE_TIME = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?", re.ASCII)


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """What the user said about the file. `columns` maps our names to the file's headers."""

    columns: Mapping[str, str] = {}
    currency: str | None = None
    encoding: str | None = None
    chat_platform: str | None = None
    """Whose ids stand in `member_id` and `group`."""
    has_decimal_comma: bool = False


class OrdersReader:
    """Reads files of orders, one after the other: orders need no order, attribution sorts them by time."""

    unit = "rows"

    def __init__(self, paths: Sequence[Path], recipe: Recipe, form: Form, pseudonyms: Pseudonyms) -> None:
        self._recipe = recipe
        self._form = form
        self._customers = Customers(recipe, form, pseudonyms)
        self._files = [LineFile(path) for path in paths]
        self.total_bytes = total_size(self._files)

    def batches(self, delivered: Delivered) -> Iterator[Batch]:
        """As Reader says."""
        for file in self._files:
            rows = Rows(file, self._form, self._recipe.now)
            orders = Orders(rows.columns, self._recipe, self._form, self._customers)
            salt = f"{self._recipe.salt}\0{self._form}\0{rows.columns}"
            while block := rows.take(BLOCK_ROWS):
                batch = Batch(bytes_read=file.read_since())
                digest = mark(salt, "orders", b"\n".join(row.raw for row in block))
                if digest in delivered:
                    batch.delivered += 1
                else:
                    batch.marks.append(digest)
                    orders.read(block, f"{self._recipe.source}:{file.title}", batch)
                yield batch
            file.close()


class Row(msgspec.Struct, frozen=True):
    """A row, its bytes, and why it is none, if so."""

    fields: list[str]
    lines: list[Line]
    error: str = ""

    @property
    def raw(self) -> bytes:
        """The row's bytes as they came."""
        return b"\n".join(line.value or b"" for line in self.lines)


class Rows:
    """The rows of a file. `columns` maps our names to places; raises VitalsError when one that is needed lacks."""

    def __init__(self, file: LineFile, form: Form, now: int) -> None:
        self._lines = file.lines(now)
        self._taken: list[Line] = []
        self._ahead = list(islice(self._lines, _SAMPLE_LINES))
        self._encoding = form.encoding or _encoding_of(self._ahead, file.title)
        head = (self._ahead[0].value or b"") if self._ahead else b""
        delimiter = max(b",;\t|", key=head.count)
        self._reader = csv.reader(self._texts(), delimiter=chr(delimiter), strict=True)
        header = self.take(1)
        self.columns = _columns(header[0].fields if header else [], form, file.title)

    def take(self, count: int) -> list[Row]:
        """The next rows, at most so many; blank lines are rows without fields."""
        rows: list[Row] = []
        while len(rows) < count:
            self._taken = []
            try:
                rows.append(Row(next(self._reader), self._taken))
            except StopIteration:
                break
            except csv.Error as error:
                rows.append(Row([], self._taken, str(error)))
        return rows

    def _texts(self) -> Iterator[str]:
        while self._ahead:
            yield self._text(self._ahead.pop(0))
        for line in self._lines:
            yield self._text(line)

    def _text(self, line: Line) -> str:
        """A line as text; bytes that are none become lone surrogates, by which the row is refused."""
        self._taken.append(line)
        if line.sha256:
            return "\n"
        try:
            return (line.value or b"").decode(self._encoding, "surrogateescape") + "\n"
        except LookupError:
            raise VitalsError(f"there is no encoding {self._encoding!r}; say --encoding utf-8 or gb18030") from None


def _encoding_of(lines: list[Line], title: str) -> str:
    sample = b"\n".join(line.value or b"" for line in lines)
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise VitalsError(f"{title} is UTF-16: save it as CSV UTF-8")
    for encoding in ("utf-8", "gb18030"):
        try:
            sample.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "utf-8"


def _columns(header: list[str], form: Form, title: str) -> dict[str, int]:
    places = {name.strip().lower(): place for place, name in reversed(list(enumerate(header)))}
    columns: dict[str, int] = {}
    for name, aliases in ALIASES.items():
        wanted = [form.columns[name].lower()] if name in form.columns else aliases
        found = next((places[alias] for alias in wanted if alias in places), None)
        if found is not None:
            columns[name] = found
    needed = ["order_id", "paid_at", "amount", *([] if form.currency else ["currency"])]
    missing = [name for name in needed if name not in columns]
    if "customer_id" not in columns and "member_id" not in columns:
        missing.append("customer_id")
    if missing:
        there = "".join(c if c.isprintable() else "�" for c in ", ".join(header)[:200]) or "nothing"
        raise VitalsError(f"{title} has no column {missing[0]}: name it with --column {missing[0]}=… (it has {there})")
    return columns


class Customers:
    """Raw ids of buyers as pseudonyms; those met are kept for `member-identities`."""

    def __init__(self, recipe: Recipe, form: Form, pseudonyms: Pseudonyms) -> None:
        self._recipe = recipe
        self._platform = form.chat_platform
        self._pseudonyms = pseudonyms
        self._known: dict[tuple[str, str], str] = {}

    def customer(self, raw_id: str, batch: Batch) -> str:
        """The pseudonym of a shop's customer."""
        return self._pseudonym(CUSTOMER, raw_id, batch)

    def member(self, raw_id: str, batch: Batch) -> str:
        """The pseudonym of a group's member: as it is, or made as the chat's connector makes it."""
        if is_pseudonym(raw_id):
            return raw_id
        if self._platform is None:
            raise VitalsError("the column member_id holds ids of a chat platform: say whose with --platform, as irc")
        return self._pseudonym(self._platform, canonical_nick(raw_id) if self._platform == "irc" else raw_id, batch)

    def _pseudonym(self, platform: str, raw_id: str, batch: Batch) -> str:
        known = self._known.get((platform, raw_id))
        if known is None:
            known = self._known[platform, raw_id] = self._pseudonyms.of(platform, raw_id)
            brand, at = self._recipe.brand_id, self._recipe.now
            batch.identities.append(
                MemberIdentity(member_id=known, brand_id=brand, platform=platform, raw_id=raw_id, at=at)
            )
        return known


class Orders:
    """Rows on their way to events."""

    def __init__(self, columns: Mapping[str, int], recipe: Recipe, form: Form, customers: Customers) -> None:
        self._columns = columns
        self._recipe = recipe
        self._form = form
        self._customers = customers

    def read(self, rows: list[Row], origin: str, batch: Batch) -> None:
        """Put the rows' events and refusals into the batch."""
        for row in rows:
            batch.lines += 1
            if not row.raw.strip(b" \t\r\n,;|"):
                batch.skipped["blank"] += 1
                continue
            try:
                batch.events.append(self._event(row, batch))
            except RefusedError as error:
                self._refuse(row, origin, error, batch)

    def _refuse(self, row: Row, origin: str, error: RefusedError, batch: Batch) -> None:
        line = row.lines[0]
        if line.sha256:
            batch.refused.append(too_long(line, origin))
            return
        batch.refuse(row.raw, origin, line.offset, error.reason, error.detail, line.timestamp)

    def _event(self, row: Row, batch: Batch) -> Event:
        """A row's purchase or refund. Raises RefusedError."""
        _check(row)
        values = {name: row.fields[at].strip() for name, at in self._columns.items() if at < len(row.fields)}
        recipe, brand = self._recipe, self._recipe.brand_id
        order_id, refund_id = _id(values, "order_id"), values.get("refund_id")
        at = time_of(values.get("paid_at", ""), recipe.zone)
        if at > recipe.latest:
            raise RefusedError("from_the_future", "paid_at is over 10 minutes ahead of now")
        currency = (values.get("currency") or self._form.currency or "").upper()
        common = {
            "event_id": f"{brand}/refund/{_id(values, 'refund_id')}" if refund_id else f"{brand}/order/{order_id}",
            "occurred_at": at,
            "brand_id": brand,
            "platform": self._form.chat_platform or PLATFORM,
            "source": recipe.source,
            "order_id": order_id,
            "customer_id": self._buyer(values, batch),
            "amount": minor_units(values.get("amount", ""), currency, has_comma=self._form.has_decimal_comma),
            "currency": currency,
        }
        if refund_id:
            return _checked(common | {"refund_id": refund_id}, Refund)
        more = {"code": values.get("code") or None, "group_id": self._group(values.get("group"))}
        return _checked(common | more, Purchase)

    def _buyer(self, values: Mapping[str, str], batch: Batch) -> str:
        if values.get("member_id"):
            return self._customers.member(_id(values, "member_id"), batch)
        return self._customers.customer(_id(values, "customer_id"), batch)

    def _group(self, group: str | None) -> str | None:
        if not group or "/" in group:
            return group or None
        if self._form.chat_platform is None:
            raise RefusedError("bad_shape", "the group is a channel: give --platform, or brand/platform/channel")
        return f"{self._recipe.brand_id}/{self._form.chat_platform}/{group}"


def _checked(values: dict[str, Any], kind: type[Event]) -> Event:
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise RefusedError("bad_shape", str(error)) from None


def _check(row: Row) -> None:
    if any(line.sha256 for line in row.lines):
        raise RefusedError("too_large", "a line longer than an event may be")
    if b"\0" in row.raw:
        raise RefusedError("null_byte", "a null byte in the row")
    if row.error:
        raise RefusedError("unparsable_line", f"no row of CSV: {row.error}")
    if any("\udc80" <= character <= "\udcff" for field in row.fields for character in field):
        raise RefusedError("invalid_utf8", "bytes that are no text in the file's encoding")


def _id(values: Mapping[str, str], name: str) -> str:
    value = values.get(name, "")
    if not 0 < len(value) <= 256:
        raise RefusedError("bad_shape", f"{name} is missing or longer than 256 characters")
    return value


def time_of(text: str, zone: tzinfo) -> int:
    """A time as people write it, ms UTC; without an offset it is of `zone`. Raises RefusedError."""
    if re.fullmatch(r"[0-9]{10}|[0-9]{13}", text):
        return int(text) * (1000 if len(text) == 10 else 1)
    loose = _LOOSE_TIME.fullmatch(text)
    try:
        at = datetime(*(int(part or 0) for part in loose.groups())) if loose else datetime.fromisoformat(text)  # type: ignore[arg-type]
        ms = int((at if at.tzinfo else at.replace(tzinfo=zone)).timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        raise RefusedError("bad_shape", "paid_at is no time: write 2026-01-31T09:05:00") from None
    if not 0 <= ms <= MAX_TIME:
        raise RefusedError("bad_shape", "paid_at lies before 1970")
    return ms
