"""Orders and refunds to groups: each counted once, to the cent, whatever the order of arrival and the restarts."""

import random
from collections import Counter, defaultdict
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.events import EVENTS, OrderAttributed, Purchase, Refund, Tick, Touch
from streams.vitals.absorbed import Absorbed
from streams.vitals.attribution import PurchaseLog
from streams.vitals.conversion import ConversionPolicy
from streams.vitals.policy import DAY_MS, HOUR_MS

ORIGIN = "attribution/purchases/0/topic"
POLICY = ConversionPolicy(refund_patience_days=2)
GRACE = POLICY.grace_seconds * 1000
NOBODY = "acme/~unattributed"
START = 400 * DAY_MS
END = START + 100 * DAY_MS
BRAND = {"brand_id": "acme", "platform": "irc"}


def log(policy=POLICY):
    return PurchaseLog(0, ORIGIN, 2, policy)


def touch(at, customer="c1", group="g1", kind="message", code=None):
    """A touch as its record: (event, key, arrived_at). Of kind post, customer is ignored."""
    name = f"touch/{at}/{customer}/{group}/{kind}"
    member = None if kind == "post" else customer
    event = Touch(
        event_id=name, occurred_at=START + at, group_id=group, kind=kind, member_id=member, code=code, **BRAND
    )
    return event, member or "", START + at


def order(at, name="o1", customer="c1", amount=1000, currency="CNY", arrived=None, **more):
    event = Purchase(
        event_id=more.pop("event_id", f"buy/{name}"), occurred_at=START + at, order_id=name, customer_id=customer,
        amount=amount, currency=currency, **BRAND, **more,
    )  # fmt: skip
    return event, customer, START + (at if arrived is None else arrived)


def refund(at, name="r1", of="o1", customer="c1", amount=100, currency="CNY", **more):
    event = Refund(
        event_id=more.pop("event_id", f"back/{of}/{name}"), occurred_at=START + at, refund_id=name, order_id=of,
        customer_id=customer, amount=amount, currency=currency, **BRAND, **more,
    )  # fmt: skip
    return event, customer, START + at


def tick(at, partition=0, **place):
    event = Tick(event_id=f"t{at}/{partition}", occurred_at=START + at, origin_partition=partition, **BRAND, **place)
    return event, "", START + at


def ticks(at):
    return [tick(at, 0), tick(at, 1)]


def fold(one, records, start=0, end=None):
    """Fold records[start:end] at the offsets that are their places; all rows emitted."""
    rows = []
    for offset, (event, key, arrived_at) in enumerate(records[:end]):
        if offset >= start:
            rows += [output.value for output in one.fold(event, key, offset, arrived_at)]
    return rows


def rows_of(*records):
    return fold(log(), [*records, *ticks(END - START)])


def shares(rows):
    """{group: amount} of what has a share."""
    return {row.group_id: row.amount for row in rows if row.weight}


# --- when -----------------------------------------------------------------------------------------------


def test_an_order_waits_until_every_partition_has_passed_it_and_the_grace():
    one = log()
    records = [touch(0), order(HOUR_MS), tick(HOUR_MS + GRACE + 1, 0), tick(HOUR_MS + GRACE, 1)]
    assert fold(one, records) == []
    (output,) = one.fold(*tick(HOUR_MS + GRACE + 1, 1)[:2], 4, 0)
    row = output.value
    assert (output.topic, output.key, output.partition) == ("chat-events", "g1", None)
    assert (row.occurred_at, row.amount, row.weight, row.rule) == (START + HOUR_MS, 1000, 1.0, "last_touch")
    assert (row.order_id, row.customer_id, row.currency) == ("o1", "c1", "CNY")
    assert (row.source, row.source_seq, row.source_prev) == (ORIGIN, 4 << 20, 0)
    assert (row.is_first_touch, row.is_last_touch) == (True, True)


def test_an_order_that_arrives_late_waits_from_its_arrival():
    records = [touch(0), *ticks(DAY_MS), order(HOUR_MS, arrived=2 * DAY_MS), *ticks(2 * DAY_MS)]
    one = log()
    assert fold(one, records) == []
    assert len(fold(one, [*records, *ticks(3 * DAY_MS)], start=len(records))) == 1


def test_an_order_waits_no_longer_after_a_clock_was_ahead_and_set_right():
    def told(at, seq):
        return [tick(at, partition, source=f"identity/{partition}", source_seq=seq) for partition in (0, 1)]

    one, paid, ahead = log(), HOUR_MS + 10_000, HOUR_MS + 25 * 60_000
    records = [*told(HOUR_MS, 1), *told(ahead, 2), *told(HOUR_MS + 5_000, 3), order(paid), touch(paid - 1)]
    records += [*told(ahead, 2), *told(paid + GRACE, 4)]  # the first again, after a crash
    assert fold(one, records) == []
    rows = fold(one, [*records, *told(paid + GRACE + 1, 5)], start=len(records))
    assert [(row.group_id, row.rule) for row in rows] == [("g1", "last_touch")]


def test_chat_that_arrives_after_the_order_counts():
    assert shares(rows_of(order(HOUR_MS), touch(0))) == {"g1": 1000}


def test_orders_of_one_tick_go_out_in_order_of_time_then_event_id():
    rows = rows_of(order(5, "a", "c1"), order(3, "b", "c2"), order(5, "0", "c3"))
    assert [row.order_id for row in rows] == ["b", "0", "a"]
    assert [row.source_seq & 0xFFFFF for row in rows] == [0, 1, 2]


def test_a_seq_counts_within_its_group():
    rows = rows_of(touch(0, "c1", "g1"), touch(0, "c2", "g2"), order(1, "a"), order(2, "b", "c2"), order(3, "c"))
    assert [(row.group_id, row.source_seq & 0xFFFFF) for row in rows] == [("g1", 0), ("g2", 0), ("g1", 1)]


# --- which ----------------------------------------------------------------------------------------------


def test_a_code_counts_for_the_group_that_posted_it_within_a_week():
    code = touch(0, group="g2", kind="post", code="SALE")
    (row,) = rows_of(code, order(7 * DAY_MS, code="SALE"))
    assert (row.group_id, row.rule, row.platform) == ("g2", "code", "irc")
    (row,) = rows_of(code, order(7 * DAY_MS + 1, code="SALE"))
    assert row.rule == "unattributed"


def test_a_post_seen_by_a_silent_member_counts():
    rows = rows_of(
        touch(0, kind="join"), touch(0, group="g2", kind="join"), touch(DAY_MS, kind="post"), order(2 * DAY_MS)
    )
    assert shares(rows) == {"g1": 1000}
    assert rows[0].rule == "post"


def test_another_brand_s_groups_have_no_part():
    _, key, at = touch(0)
    other = Touch(event_id="x", occurred_at=at, brand_id="rival", platform="irc", group_id="r1", kind="message")
    assert shares(rows_of((other, key, at), order(HOUR_MS))) == {NOBODY: 1000}


def test_a_weight_of_zero_tells_the_first_and_last_touch():
    rows = rows_of(touch(0, group="g1"), touch(DAY_MS, group="g2"), order(DAY_MS + 1), refund(2 * DAY_MS, amount=1000))
    told = [(row.group_id, row.amount, row.weight, row.is_first_touch, row.is_last_touch) for row in rows]
    assert told == [("g2", 1000, 1.0, False, True), ("g1", 0, 0.0, True, False), ("g2", -1000, 1.0, False, True)]


# --- once -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "again",
    [
        order(HOUR_MS),
        order(HOUR_MS, event_id="another"),
        order(HOUR_MS, amount=5, source="csv2", source_seq=1),
        order(HOUR_MS, "o2", source="csv", source_seq=7),
    ],
)
def test_an_order_counts_once_by_seq_event_id_and_order_id(again):
    first = order(HOUR_MS, source="csv", source_seq=7) if again[0].source else order(HOUR_MS)
    assert shares(rows_of(touch(0), first, again)) == {"g1": 1000}
    assert len(rows_of(touch(0), first, *ticks(DAY_MS), again)) == 1


def test_the_same_order_id_of_two_brands_is_two_orders():
    other = Purchase(
        event_id="x", occurred_at=START, brand_id="rival", platform="csv", order_id="o1", customer_id="c1", amount=7,
        currency="CNY",
    )  # fmt: skip
    assert {row.group_id: row.amount for row in rows_of(order(0), (other, "c1", START))} == {
        NOBODY: 1000, "rival/~unattributed": 7,
    }  # fmt: skip


def test_a_code_of_another_brand_has_no_part():
    rival = Touch(
        event_id="x", occurred_at=START, brand_id="rival", platform="irc", group_id="r1", kind="post", code="SALE"
    )
    assert shares(rows_of((rival, "", START), order(HOUR_MS, code="SALE"))) == {NOBODY: 1000}


def test_a_settled_refund_that_comes_again_counts_once():
    rows = fold(log(), [order(0), refund(1), *ticks(DAY_MS), refund(1, event_id="another"), *ticks(2 * DAY_MS)])
    assert [row.amount for row in rows] == [1000, -100]


def test_a_refund_counts_once():
    assert sum(row.amount for row in rows_of(order(0), refund(1), refund(1), refund(1, event_id="another"))) == 900


def test_one_refund_id_may_serve_two_orders():
    rows = rows_of(order(0), order(0, "o2"), refund(1), refund(1, of="o2"))
    assert sum(row.amount for row in rows) == 1800


# --- refunds --------------------------------------------------------------------------------------------

THREE = [touch(0, group=f"g{number}", kind="join") for number in range(3)]


def test_partial_refunds_add_up_to_what_each_group_was_given():
    rows = rows_of(*THREE, order(HOUR_MS, amount=100), *(refund(DAY_MS + n, f"r{n}", amount=1) for n in range(100)))
    net = Counter()
    for row in rows:
        net[row.group_id] += row.amount
    assert set(net.values()) == {0}
    assert all(row.amount <= 0 for row in rows if row.refund_id)


def test_a_refund_waits_for_its_order():
    records = [refund(0), *ticks(DAY_MS), touch(DAY_MS), order(DAY_MS), *ticks(3 * DAY_MS)]
    assert [(row.group_id, row.amount, row.refund_id) for row in fold(log(), records)] == [
        ("g1", -100, "r1"), ("g1", 1000, None),
    ]  # fmt: skip


def test_a_refund_without_an_order_stands_as_unattributed_after_the_patience():
    one = log()
    records = [touch(0), refund(HOUR_MS), *ticks(2 * DAY_MS + HOUR_MS)]
    assert fold(one, records) == []
    (row,) = fold(one, [*records, *ticks(2 * DAY_MS + HOUR_MS + 1)], start=len(records))
    assert (row.group_id, row.amount, row.weight, row.rule) == (NOBODY, -100, 1.0, "unattributed")
    assert (row.order_id, row.refund_id) == ("o1", "r1")


def test_a_refund_in_another_currency_stands_as_unattributed():
    rows = rows_of(touch(0), order(0), refund(1, currency="USD"), refund(2, "r2", amount=1000))
    assert [(row.group_id, row.amount, row.currency) for row in rows] == [
        ("g1", 1000, "CNY"), (NOBODY, -100, "USD"), ("g1", -1000, "CNY"),
    ]  # fmt: skip


def test_of_a_refund_over_the_order_the_rest_stands_as_unattributed():
    rows = rows_of(touch(0), order(0), refund(1, amount=1300), refund(2, "r2", amount=5))
    assert [(row.group_id, row.amount, row.weight) for row in rows] == [
        ("g1", 1000, 1.0), ("g1", -1000, 1.0), (NOBODY, -300, 0.0), (NOBODY, -5, 1.0),
    ]  # fmt: skip


def test_the_rest_of_a_refund_of_an_unattributed_order_is_a_row_of_its_own():
    rows = rows_of(order(0), refund(1, amount=1300))
    assert [row.amount for row in rows] == [1000, -1000, -300]
    assert len({row.event_id for row in rows}) == 3


def test_an_order_is_kept_400_days_for_its_refunds():
    in_time = [refund(400 * DAY_MS, "r1"), *ticks(400 * DAY_MS + GRACE + 1)]
    too_late = [refund(400 * DAY_MS + 1, "r2"), *ticks(403 * DAY_MS)]
    rows = fold(log(), [touch(0), order(0), *ticks(DAY_MS), *in_time, *too_late])
    assert [(row.group_id, row.amount) for row in rows] == [("g1", 1000), ("g1", -100), (NOBODY, -100)]


def test_a_forgotten_order_that_comes_again_still_counts_once():
    first = order(0, source="csv", source_seq=1)
    old = [touch(0), first, *ticks(DAY_MS), refund(401 * DAY_MS, of="other"), *ticks(404 * DAY_MS)]
    assert [row.amount for row in fold(log(), [*old, first, *ticks(500 * DAY_MS)])] == [1000, -100]


def test_a_post_is_kept_per_partition():
    one = PurchaseLog(3, ORIGIN, 2)
    one.fold(*touch(0, group="g2", kind="post", code="SALE")[:2], 0, 0)
    assert set(one.take_changed()) == {"p/3/g/g2", "p/3/k/SALE"}


# --- any log --------------------------------------------------------------------------------------------

CUSTOMERS = st.sampled_from(["c1", "c2", "c3"])
GROUPS = st.sampled_from(["g1", "g2", "g3", "g4"])
TIMES = st.integers(0, 120).map(lambda hours: hours * HOUR_MS)
CODES = st.sampled_from([None, "k1", "k2"])
CURRENCIES = st.sampled_from(["CNY", "CNY", "USD"])

TOUCHES = st.builds(touch, TIMES, CUSTOMERS, GROUPS, st.sampled_from(["join", "leave", "message", "claim"]))
POSTS = st.builds(touch, TIMES, st.none(), GROUPS, st.just("post"), CODES)
# an order's id says its customer and time, so that the same id is the same order
ORDERS = st.builds(
    lambda at, who, number, amount, currency, code, group: order(
        at, f"o{number}", who, amount + number, "CNY" if number else currency, code=code, group_id=group
    ),
    TIMES, CUSTOMERS, st.integers(0, 3), st.integers(0, 1000), CURRENCIES, CODES, st.none() | GROUPS,
)  # fmt: skip
REFUNDS = st.builds(
    lambda at, who, number, of, amount, currency: refund(at, f"r{number}", f"o{of}", who, amount, currency),
    TIMES, CUSTOMERS, st.integers(0, 4), st.integers(0, 3), st.integers(0, 800), CURRENCIES,
)  # fmt: skip
SOME_TICKS = st.builds(lambda at, partition: [tick(at, partition)], TIMES, st.integers(0, 1)) | st.builds(ticks, TIMES)
SOME = st.one_of(TOUCHES, TOUCHES, POSTS, ORDERS, ORDERS, REFUNDS).map(lambda record: [record]) | SOME_TICKS
RECORDS = st.lists(SOME, max_size=40).map(lambda some: [record for records in some for record in records])


def firsts(records, kind):
    """The first form of each order or refund, by customer and ids: what counts."""
    found = {}
    for event, key, _ in records:
        if isinstance(event, kind):
            found.setdefault((key, event.order_id, getattr(event, "refund_id", None)), event)
    return found


def finish(records):
    return [*records, *ticks(END - START - 1), *ticks(END - START)]


@given(RECORDS)
@settings(max_examples=300)
def test_every_cent_goes_somewhere_once(records):
    rows = fold(log(), finish(records))
    # equal event_ids are one event: the first form under an id that was seen before counts for nothing else
    paid, back = firsts(records, Purchase), firsts(records, Refund)
    expected = Counter()
    for event in paid.values():
        expected[event.currency] += event.amount
    for event in back.values():
        expected[event.currency] -= event.amount
    got, weight, net = Counter(), defaultdict(Fraction), Counter()
    for row in rows:
        got[row.currency] += row.amount
        weight[row.customer_id, row.order_id, row.refund_id] += Fraction(row.weight)
        if row.group_id != NOBODY:
            net[row.customer_id, row.order_id, row.group_id] += row.amount
    assert {k: v for k, v in got.items() if v} == {k: v for k, v in expected.items() if v}
    assert set(weight) == set(paid) | set(back)
    assert set(weight.values()) <= {1}
    assert all(amount >= 0 for amount in net.values())
    assert len({row.event_id for row in rows}) == len(rows)


def facts(rows):
    """Rows without their place in a log."""
    return sorted((row.event_id, row.group_id, row.amount, row.weight, row.rule, row.is_first_touch) for row in rows)


@given(st.lists(st.one_of(TOUCHES, POSTS, ORDERS), max_size=25), st.data())
def test_the_order_of_arrival_before_the_tick_does_not_matter(records, data):
    unique = list({event.event_id: (event, key, at) for event, key, at in records}.values())
    by_time = {}
    for record in unique:  # of one group and customer at one time the log has one order: keep one
        event = record[0]
        by_time.setdefault((event.occurred_at, record[1], getattr(event, "group_id", None), type(event)), record)
    records = list(by_time.values())
    shuffled = data.draw(st.permutations(records + records[::2]))
    late = [(event, key, START) for event, key, _ in shuffled]
    early = [(event, key, START) for event, key, _ in records]
    assert facts(fold(log(), finish(late))) == facts(fold(log(), finish(early)))


@given(RECORDS, st.data())
def test_records_sent_again_change_nothing(records, data):
    again = data.draw(st.lists(st.sampled_from(records), max_size=10)) if records else []
    plain = fold(log(), finish(records))
    assert facts(fold(log(), finish(records + again))) == facts(plain)


@given(RECORDS, st.sets(st.integers(0, 44)))
def test_a_restart_anywhere_gives_the_same_rows_and_values(records, cuts):
    records = finish(records)
    whole = log()
    expected, expected_values = fold(whole, records), whole.take_changed()
    rows, values, one = [], {}, log()
    bounds = [0, *sorted(cut for cut in cuts if cut < len(records)), len(records)]
    for start, end in pairwise(bounds):
        rows += fold(one, records, start, end)
        values |= one.take_changed()
        stored = one.partition_value()
        one = log()
        one.restore(stored, values)
    assert rows == expected
    assert values == expected_values
    assert stored == whole.partition_value()


def crash(records, position, ahead, written_of):
    """Values up to `ahead` were written, those that `written_of` picks; the position of the flush before holds."""
    whole = log()
    expected, expected_values = fold(whole, records), whole.take_changed()

    first = log()
    sent = fold(first, records, 0, position)
    stored = first.take_changed()
    stored_position = first.partition_value()
    sent += fold(first, records, position, ahead)
    late = first.take_changed()
    written = written_of(late)
    stored |= {key: late[key] for key in written}

    second = log()
    second.restore(stored_position, stored)
    sent += fold(second, records, position)
    changed = second.take_changed()
    assert accepted(sent) == accepted(expected)
    assert stored | changed == expected_values
    assert position == len(records) or written <= set(changed)


@given(RECORDS, st.data())
@settings(max_examples=300)
def test_a_crash_between_values_and_position_loses_and_doubles_nothing(records, data):
    records = finish(records)
    position = data.draw(st.integers(0, len(records)))
    ahead = data.draw(st.integers(position, len(records)))
    crash(records, position, ahead, lambda late: data.draw(st.sets(st.sampled_from(sorted(late)))) if late else set())


JOINS = [touch(0, group=group, kind="join") for group in ("g1", "g2")]
LATE_POST = touch(HOUR_MS, group="g2", kind="post")


@pytest.mark.parametrize(
    ("records", "position", "written"),
    [
        pytest.param(
            [*JOINS, order(2 * HOUR_MS), *ticks(DAY_MS), LATE_POST], 3, {"p/0/g/g2"}, id="post-after-the-tick"
        ),
        pytest.param([*JOINS, order(2 * HOUR_MS), *ticks(DAY_MS)], 3, {"c/c1"}, id="settled-by-the-tick"),
        pytest.param([*ticks(DAY_MS), order(HOUR_MS)], 0, {"c/c1"}, id="order-after-the-tick-that-passed-it"),
    ],
)
def test_a_value_ahead_of_the_position_does_not_change_what_a_tick_says(records, position, written):
    crash(finish(records), position, len(records), lambda late: written)


def accepted(rows):
    """What the groups count of the rows: each group's value absorbs by source and seq."""
    seen = defaultdict(Absorbed)
    return facts(row for row in rows if seen[row.group_id].absorb(row))


@given(RECORDS)
def test_rows_are_events_of_the_group_s_log_with_rising_seqs(records):
    rows = fold(log(), finish(records))
    assert OrderAttributed in EVENTS["chat-events"]
    last = {}
    for row in rows:
        assert row.source_seq > last.get(row.group_id, -1)
        last[row.group_id] = row.source_seq


def fleet(chance):
    """12,000 touches and 600 posts in 200 groups, 20,000 orders of 5,000 customers and 1,000 refunds, shuffled."""
    records = [
        touch(chance.randrange(90 * DAY_MS), f"c{chance.randrange(4000)}", f"g{chance.randrange(200)}", kind)
        for kind in ("join", "message", "leave", "claim")
        for _ in range(3000)
    ]
    for number in range(600):
        at, group = chance.randrange(90 * DAY_MS), f"g{number % 200}"
        records.append(touch(at, group=group, kind="post", code=f"k{number % 50}"))
    orders = []
    for number in range(20_000):
        at, amount = chance.randrange(90 * DAY_MS), chance.randrange(1, 100_000)
        code = chance.choice([None, f"k{number % 50}"])
        orders.append(order(at, f"o{number}", f"c{number % 5000}", amount, code=code))
    refunds = [
        refund(event.occurred_at - START + HOUR_MS, f"r{number}", event.order_id, key, chance.randint(1, event.amount))
        for number, (event, key, _) in enumerate(chance.sample(orders, 1000))
    ]
    records += orders + refunds
    chance.shuffle(records)
    return records


def test_twenty_thousand_orders_to_the_cent():
    records = fleet(random.Random(7))
    by_group = Counter()
    rules = set()
    for row in fold(log(), finish(records)):
        by_group[row.group_id] += row.amount
        rules.add(row.rule)
    paid = sum(event.amount for event, *_ in records if isinstance(event, Purchase))
    back = sum(event.amount for event, *_ in records if isinstance(event, Refund))
    assert sum(by_group.values()) == paid - back
    assert by_group[NOBODY] > 0
    assert rules == {"code", "last_touch", "post", "membership", "unattributed"}
