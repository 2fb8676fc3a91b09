"""The rules of attribution: the first that holds, each on both edges of its window."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.vitals.conversion import (
    ConversionPolicy,
    Evidence,
    Order,
    attribute,
    split,
    weights,
)
from streams.vitals.policy import DAY_MS, HOUR_MS
from streams.vitals.presence import Presence

POLICY = ConversionPolicy()
PAID_AT = 500 * DAY_MS
NOBODY = "acme/~unattributed"


def presence(*touches):
    """Touches as (ms before the order, kind); negative is after it."""
    one = Presence("acme", "irc")
    for before, kind in touches:
        one.note(PAID_AT - before, kind, POLICY.kept_days * DAY_MS, POLICY.touches_kept)
    return one


def credit(presences, coded=(), posts=None, **order):
    """(rule, {group: weight} of the groups with a share) of an order paid at PAID_AT."""
    evidence = Evidence(
        presences,
        dict.fromkeys(coded, "irc"),
        lambda group_id, since, until: [
            PAID_AT - before for before in (posts or {}).get(group_id, []) if since <= PAID_AT - before <= until
        ],
    )
    rule, shares = attribute(Order("o1", "e1", "acme", "csv", PAID_AT, PAID_AT, 1000, "CNY", **order), evidence, POLICY)
    return rule, {share.group_id: share.weight for share in shares if share.weight}


LURKER = ((400 * HOUR_MS, "join"),)


def test_a_named_group_counts_if_the_buyer_is_in_it():
    groups = {"a": presence(*LURKER), "b": presence((HOUR_MS, "message"))}
    assert credit(groups, group_id="a") == ("code", {"a": 1.0})


def test_a_named_group_that_never_saw_the_buyer_counts_for_nothing():
    assert credit({"b": presence((HOUR_MS, "message"))}, group_id="a") == ("last_touch", {"b": 1.0})


@pytest.mark.parametrize(("age", "rule"), [(7 * DAY_MS, "code"), (7 * DAY_MS + 1, "unattributed")])
def test_a_named_group_left_since_counts_for_a_week_from_the_last_touch(age, rule):
    assert credit({"a": presence((age, "message"), (HOUR_MS, "leave"))}, group_id="a")[0] == rule


def test_a_code_of_one_group_counts_even_for_a_stranger():
    assert credit({"b": presence((HOUR_MS, "message"))}, coded=["a"], code="c") == ("code", {"a": 1.0})


def test_a_code_of_several_groups_counts_for_those_of_the_buyer():
    groups = {"a": presence(*LURKER), "b": presence(*LURKER), "c": presence(*LURKER)}
    assert credit(groups, coded=["a", "b", "x"], code="c") == ("code", {"a": 0.5, "b": 0.5})


def test_a_code_of_several_groups_that_the_buyer_is_in_none_of_names_none():
    assert credit({"b": presence(*LURKER)}, coded=["x", "y"], code="c") == ("membership", {"b": 1.0})


@pytest.mark.parametrize(("age", "rule"), [(72 * HOUR_MS, "last_touch"), (72 * HOUR_MS + 1, "membership")])
@pytest.mark.parametrize("kind", ["message", "claim"])
def test_the_last_talk_counts_for_72_hours(age, rule, kind):
    assert credit({"a": presence((age, kind)), "b": presence(*LURKER)})[0] == rule


def test_the_last_group_spoken_in_takes_it_all():
    groups = {"a": presence((2 * HOUR_MS, "message")), "b": presence((HOUR_MS, "claim"), (-1, "leave"))}
    assert credit(groups) == ("last_touch", {"b": 1.0})


def test_what_comes_after_the_order_says_nothing():
    assert credit({"a": presence((-1, "message"))}) == ("unattributed", {NOBODY: 1.0})


def test_a_group_left_before_paying_has_no_share():
    groups = {"a": presence((2 * HOUR_MS, "message"), (HOUR_MS, "leave")), "b": presence((3 * HOUR_MS, "message"))}
    assert credit(groups) == ("last_touch", {"b": 1.0})


@pytest.mark.parametrize(("age", "rule"), [(24 * HOUR_MS, "post"), (24 * HOUR_MS + 1, "membership")])
def test_a_conversion_post_counts_for_a_day(age, rule):
    groups = {"a": presence(*LURKER), "b": presence(*LURKER)}
    assert credit(groups, posts={"a": [age]})[0] == rule


def test_groups_whose_posts_were_seen_share_evenly():
    groups = {"a": presence(*LURKER), "b": presence(*LURKER), "c": presence(*LURKER)}
    assert credit(groups, posts={"a": [HOUR_MS], "b": [2 * HOUR_MS]}) == ("post", {"a": 0.5, "b": 0.5})


def test_a_post_before_the_buyer_came_was_not_seen():
    assert credit({"a": presence((HOUR_MS, "join"))}, posts={"a": [2 * HOUR_MS]})[0] == "membership"


def test_no_group_at_all_is_visible():
    assert credit({}) == ("unattributed", {NOBODY: 1.0})


def test_first_and_last_touch_are_told_beside_the_shares():
    groups = {
        "first": presence((90 * DAY_MS, "join"), (80 * DAY_MS, "leave")),
        "coded": presence((50 * DAY_MS, "join")),
        "last": presence((HOUR_MS, "message")),
    }
    order = Order("o1", "e1", "acme", "csv", PAID_AT, PAID_AT, 1000, "CNY", group_id="coded")
    rule, shares = attribute(order, Evidence(groups, {}, lambda *_: []), POLICY)
    told = {share.group_id: (share.weight, share.is_first_touch, share.is_last_touch) for share in shares}
    assert rule == "code"
    assert told == {"coded": (1.0, False, False), "first": (0.0, True, False), "last": (0.0, False, True)}


@given(st.integers(0, 10**15), st.integers(1, 500))
def test_parts_add_up_and_differ_by_a_cent_at_most(amount, parts):
    amounts = split(amount, parts)
    assert sum(amounts) == amount
    assert max(amounts) - min(amounts) <= 1


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 50))
def test_no_part_shrinks_as_the_amount_grows(amount, more, parts):
    assert all(was <= now for was, now in zip(split(amount, parts), split(amount + more, parts), strict=True))


@given(st.integers(1, 500), st.randoms(use_true_random=False))
def test_weights_add_up_to_exactly_one_in_any_order(parts, chance: random.Random):
    some = weights(parts)
    chance.shuffle(some)
    assert sum(some) == 1.0
    assert max(some) - min(some) < 1e-15


def test_the_odd_cent_has_no_favourite():
    groups = {name: presence(*LURKER) for name in "abc"}
    lucky = set()
    for number in range(40):
        order = Order(f"o{number}", "e", "acme", "csv", PAID_AT, PAID_AT, 100, "CNY")
        lucky.add(attribute(order, Evidence(groups, {}, lambda *_: []), POLICY)[1][0].group_id)
    assert lucky == set("abc")
