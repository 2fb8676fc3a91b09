"""Prints of texts: equal for equal words, of another brand others, and none of what anybody says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.text_prints import LEAST, TextPrints, links

PRINTS = TextPrints(b"secret of acme" * 4)
AD = "Big sale today! Save 30 % on all teas: https://shop.example/tea?x=1"


@pytest.mark.parametrize(
    "same",
    [AD.upper(), AD.replace(" ", "  "), f"\n{AD} !!!", AD.replace("Big", "\uff22\uff49\uff47"), AD + " 🎉"],
)
def test_what_reads_the_same_has_the_same_print(same: str) -> None:
    assert PRINTS.of(same) == PRINTS.of(AD) is not None


def test_other_words_and_other_brands_have_other_prints() -> None:
    assert PRINTS.of(AD.replace("30", "40")) != PRINTS.of(AD)
    assert TextPrints(b"secret of wheatfield" * 4).of(AD) != PRINTS.of(AD)


@pytest.mark.parametrize("text", ["", "ok", "谢谢分享", "thank you!", "😀" * 50, "!" * 100, "a" * (LEAST - 1)])
def test_what_anybody_says_has_none(text: str) -> None:
    assert PRINTS.of(text) is None


def test_the_shortest_that_has_one() -> None:
    assert PRINTS.of("a" * LEAST) is not None
    assert PRINTS.of("新茶上市全场八折今天下单包邮到家啦") is not None


@given(st.text(max_size=60))
def test_a_print_fits_64_signed_bits(text: str) -> None:
    found = PRINTS.of(text)
    assert found is None or -(2**63) <= found < 2**63


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("see https://a.example and HTTP://b.example", 2),
        ("www.shop.example", 1),
        ("WWW.shop.example", 1),
        ("<https://a.example|https shop>", 1),
        ("at 10:30 // and a/b", 0),
        ("ratio 1://", 0),
        ("", 0),
    ],
)
def test_links_are_counted(text: str, count: int) -> None:
    assert links(text) == count
