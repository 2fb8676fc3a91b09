"""What a user sets of attribution: windows and rates, and what becomes of money in other currencies."""

from collections import Counter
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import agents, conversions
from streams.errors import VitalsError
from streams.settings import Settings, load
from streams.vitals.conversion import ConversionPolicy
from streams.vitals.policy import DAY_MS, HOUR_MS
from streams.vitals.rates import scaled
from tests.unit.test_identity_links import START, World, linked, order, refund, ticked, touch

DAY = "1971-02-05"
"""The UTC day of START."""
RATES = (
    f"date,currency,rate,into\n1971-02-01,USD,7.00,CNY\n{DAY},USD,7.105,CNY\n1971-02-07,USD,9,CNY\n{DAY},JPY,0.05,CNY\n"
)


def own(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8-sig")
    return path


def settings(tmp_path: Path, **files: Path) -> Settings:
    return load({"HOME": str(tmp_path)} | {f"VITALS_{name.upper()}": str(path) for name, path in files.items()})


# --- windows ------------------------------------------------------------------------------------------------


def test_windows_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "windows.toml"
    path.write_text("touch_hours = 24\ncode_days = 0\n")
    policy = conversions.load(settings(tmp_path, conversion=path))
    assert policy == ConversionPolicy(touch_hours=24, code_days=0)
    assert conversions.load(settings(tmp_path)) == ConversionPolicy()


def test_the_agents_attribute_by_the_windows_that_are_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "windows.toml"
    path.write_text("touch_hours = 1")
    monkeypatch.setenv("VITALS_CONVERSION", str(path))
    for name in ("identity", "attribution"):
        assert agents.AGENTS[name].new_log(0, "o", 1).policy.touch_hours == 1  # type: ignore[attr-defined]
    policy = conversions.load(load())
    events = [linked(), touch(0), touch(0, group="g2", kind="join"), order(2 * HOUR_MS), ticked(DAY_MS)]
    assert {row.rule for row in World(policy).play(events).rows} == {"membership"}
    assert {row.rule for row in World().play(events).rows if row.weight} == {"last_touch"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("touch_hours = 1.5", "touch_hours is 1.5, give a whole number"),
        ("touch_hours = -1", "touch_hours is -1, give a whole number"),
        ("touch_hours = true", "touch_hours is True, give a whole number"),
        ("touches_kept = 0", "touches_kept is 0, give a whole number"),
        ("touches_kept = 100000", "touches_kept is 100000, give a whole number up to 1,000"),
        ("hours = 3", "there is no window 'hours', known are code_days, touch_hours"),
        ("rates = 3", "there is no window 'rates'"),
        ("hours =", "no valid TOML"),
    ],
)
def test_a_file_of_windows_that_cannot_be_used_is_said_in_one_line(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "windows.toml"
    path.write_text(text)
    with pytest.raises(VitalsError, match=why):
        conversions.read_windows(path)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    for read in (conversions.read_windows, conversions.read_rates):
        with pytest.raises(VitalsError, match=r"cannot read .*gone: No such file"):
            read(tmp_path / "gone")


# --- rates --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("currency", "day", "amount", "told"),
    [
        ("USD", 0, 1000, (7105, "CNY")),
        ("USD", -1, 1000, (7000, "CNY")),
        ("USD", 2, 1000, (9000, "CNY")),
        ("USD", 900, 1, (9, "CNY")),
        ("USD", -5, 1000, None),
        ("JPY", 0, 1000, (5000, "CNY")),
        ("JPY", -1, 1000, None),
        ("KWD", 0, 1000, None),
        ("CNY", 0, 1000, None),
        ("USD", 2, 10**15, None),
    ],
)
def test_an_amount_is_told_at_the_last_rate_on_or_before_its_day(
    tmp_path: Path, currency: str, day: int, amount: int, told: tuple[int, str] | None
) -> None:
    rates = conversions.read_rates(own(tmp_path, "rates.csv", RATES))
    assert rates.told("acme", amount, currency, START + day * DAY_MS) == told


def test_a_brand_may_have_a_currency_of_its_own(tmp_path: Path) -> None:
    text = f"date,currency,rate,into,brand\n{DAY},USD,7,CNY,\n{DAY},USD,0.9,EUR,acme\n"
    rates = conversions.read_rates(own(tmp_path, "rates.csv", text))
    assert rates.told("acme", 1000, "USD", START) == (900, "EUR")
    assert rates.told("other", 1000, "USD", START) == (7000, "CNY")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (f"{DAY},USD,seven,CNY", "a rate is no number"),
        (f"{DAY},USD,,CNY", "a line has no rate"),
        (f"{DAY},USD,nan,CNY", "NaN is no rate"),
        (f"{DAY},USD,0,CNY", "0 is no rate"),
        (f"{DAY},USD,-7,CNY", "-7 is no rate"),
        (f"{DAY},dollars,7,CNY", "'DOLLARS' is no code of a currency"),
        (f"{DAY},CNY,7,CNY", "CNY into itself"),
        ("yesterday,USD,7,CNY", "Invalid isoformat"),
        (f"{DAY},EUR,7,USD", "into USD after CNY"),
        (f"{DAY},USD,7.2,CNY", "USD has two rates on 1971-02-05"),
    ],
)
def test_rates_that_cannot_be_used_are_said_in_one_line(tmp_path: Path, line: str, why: str) -> None:
    with pytest.raises(VitalsError, match=why):
        conversions.read_rates(own(tmp_path, "rates.csv", RATES + line + "\n"))


def test_a_file_without_rates_is_said(tmp_path: Path) -> None:
    for text in ("", "date,currency,rate,into\n", "a,b\n1,2\n"):
        with pytest.raises(VitalsError, match=r"has no|a line"):
            conversions.read_rates(own(tmp_path, "rates.csv", text))


@given(st.integers(0, 10**15), st.integers(1, 10**6), st.integers(1, 10**6))
def test_halves_go_to_even(amount: int, numerator: int, denominator: int) -> None:
    exact = Decimal(amount * numerator) / Decimal(denominator) if denominator in (1, 2, 4, 8) else None
    got = scaled(amount, numerator, denominator)
    assert abs(got * denominator - amount * numerator) * 2 <= denominator
    if exact is not None:
        assert got == int(exact.quantize(Decimal(1), ROUND_HALF_EVEN))


# --- converted orders ---------------------------------------------------------------------------------------


def world(tmp_path: Path) -> World:
    return World(ConversionPolicy(rates=conversions.read_rates(own(tmp_path, "rates.csv", RATES))))


def test_an_order_is_told_in_the_brands_currency_and_as_it_was_paid(tmp_path: Path) -> None:
    joins = [touch(0, group=f"g{number}", kind="join") for number in range(3)]
    rows = world(tmp_path).play([linked(), *joins, order(1, amount=100, currency="USD"), ticked(DAY_MS)]).rows
    assert sorted(row.amount for row in rows) == [236, 237, 237]
    assert sorted(row.paid_amount or 0 for row in rows) == [33, 33, 34]
    assert {(row.currency, row.paid_currency) for row in rows} == {("CNY", "USD")}


def test_without_a_rate_a_currency_is_kept_apart(tmp_path: Path) -> None:
    rows = world(tmp_path).play([linked(), touch(0), order(1, currency="XXX"), ticked(DAY_MS)]).rows
    assert [(row.amount, row.currency, row.paid_currency) for row in rows] == [(1000, "XXX", None)]


@given(st.lists(st.integers(0, 40), max_size=12), st.integers(0, 200))
def test_what_partial_refunds_give_back_of_a_converted_order_is_never_more_than_it_gave(
    tmp_path_factory: pytest.TempPathFactory, parts: list[int], amount: int
) -> None:
    """A refund is told at the rate of its order, whatever the rate is by then."""
    path = tmp_path_factory.getbasetemp() / "rates.csv"
    path.write_text(RATES)
    one = World(ConversionPolicy(rates=conversions.read_rates(path)))
    joins = [touch(0, group=f"g{number}", kind="join") for number in range(3)]
    back = [refund(3 * DAY_MS + n, f"r{n}", amount=part, currency="USD") for n, part in enumerate(parts)]
    one.play([*joins, order(1, amount=amount, currency="USD"), ticked(DAY_MS), *back, ticked(9 * DAY_MS)])
    one.play([linked(at=5), ticked(20 * DAY_MS)])
    told, paid = Counter[str](), Counter[str]()
    for row in one.counted():
        if row.currency == "CNY":
            told[row.group_id] += row.amount
            paid[row.group_id] += row.paid_amount or 0
    left = max(amount - sum(parts), 0)
    assert sum(paid.values()) == left
    assert all(value >= 0 for value in (*told.values(), *paid.values()))
    assert sum(told.values()) == scaled(amount, 7105, 1000) - scaled(
        amount - left, scaled(amount, 7105, 1000), amount or 1
    )
