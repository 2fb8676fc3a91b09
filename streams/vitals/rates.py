"""What money of another currency is worth: rates by date, and amounts converted by them exactly."""

from bisect import bisect_right
from collections.abc import Mapping

import msgspec

from streams.events import MAX_MONEY
from streams.vitals.policy import DAY_MS


class Series(msgspec.Struct, frozen=True):
    """The rates of one currency: UTC days that rise, and for each how many minor units one minor unit is worth.

    A rate is numerator / denominator: decimals as people write them have no exact double.
    """

    days: list[int]
    rates: list[tuple[int, int]]


class Rates(msgspec.Struct, frozen=True):
    """`into` is the currency that a brand's money is told in, `series` its rates: by (brand, currency).

    The brand "" stands for all that are not named. Empty: nothing is converted.
    """

    into: Mapping[str, str] = {}
    series: Mapping[tuple[str, str], Series] = {}

    def told(self, brand_id: str, amount: int, currency: str, at: int) -> tuple[int, str] | None:
        """The amount in the brand's currency at the last rate on or before the UTC day of `at`, halves to even.

        None where there is no such rate, or the brand's currency is this one already.
        """
        brand = brand_id if brand_id in self.into else ""
        series = self.series.get((brand, currency))
        place = 0 if series is None else bisect_right(series.days, at // DAY_MS)
        if series is None or not place:
            return None
        converted = scaled(amount, *series.rates[place - 1])
        return (converted, self.into[brand]) if converted <= MAX_MONEY else None


def scaled(amount: int, numerator: int, denominator: int) -> int:
    """Amount × numerator ÷ denominator, halves to even; none of them negative."""
    whole, rest = divmod(amount * numerator, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole & 1))


NO_RATES = Rates()
