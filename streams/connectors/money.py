"""Amounts as people write them, in minor units of their currency."""

import re

from streams.edge import RefusedError
from streams.events import MAX_MONEY
from streams.words import places

_AMOUNT = re.compile(r"\+?([0-9]{1,16})(?:\.([0-9]{1,20}))?")


def minor_units(text: str, currency: str, *, has_comma: bool = False, thousands: str = "") -> int:
    """The minor units of an amount: 1250 for "12.50" EUR.

    With `has_comma` a comma is the decimal mark and points stand between thousands; `thousands` says what else does.
    Raises RefusedError for what is no amount, is negative, or is finer than the currency.
    """
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise RefusedError("bad_shape", "currency is no code of three letters")
    if text.startswith(("-", "−", "(")):
        raise RefusedError("bad_shape", "amount is negative: a refund is a row with a refund_id")
    if thousands:
        text = _ungrouped(text, thousands, "," if has_comma else ".")
    elif has_comma:
        text = text.replace(".", "").replace(",", ".")
    elif "," in text:
        raise RefusedError("bad_shape", "amount has a comma: write 1234.50, or give --decimal-comma or --thousands")
    found = _AMOUNT.fullmatch(text)
    if not found:
        raise RefusedError("bad_shape", "amount is no number: write 1234.50")
    digits = places(currency)
    fraction = (found[2] or "").ljust(digits, "0")
    if fraction[digits:].strip("0"):
        raise RefusedError("bad_shape", f"amount has more decimals than {currency}, which has {digits}")
    amount = int(found[1] + fraction[:digits])
    if amount > MAX_MONEY:
        raise RefusedError("bad_shape", f"amount is over {MAX_MONEY} minor units")
    return amount


def _ungrouped(text: str, thousands: str, mark: str) -> str:
    """An amount without what stands between its thousands, its decimal mark a point. Groups are of three digits."""
    gap = r"[\s\u00a0\u202f]" if thousands == " " else re.escape(thousands)
    found = re.fullmatch(rf"\+?([0-9]{{1,3}}(?:{gap}[0-9]{{3}})+|[0-9]+)(?:{re.escape(mark)}([0-9]+))?", text)
    if not found:
        raise RefusedError("bad_shape", f"amount is no number with {thousands!r} between its thousands")
    return re.sub(gap, "", found[1]) + (f".{found[2]}" if found[2] else "")
