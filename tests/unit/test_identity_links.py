"""Members linked to customers, early or late: money adds up, what was told wrongly is taken back."""

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.events import IdentityLinked, IdentityUnlinked, LinkChanged, MemberSeen, Purchase, Refund, Tick, Touch
from streams.vitals.absorbed import Absorbed
from streams.vitals.attribution import PurchaseLog
from streams.vitals.conversion import ConversionPolicy
from streams.vitals.identity import MOST_LINKS, TouchLog
from streams.vitals.policy import DAY_MS, HOUR_MS

POLICY = ConversionPolicy(refund_patience_days=2)
START = 400 * DAY_MS
BRAND = {"brand_id": "acme", "platform": "irc"}
NOBODY = "acme/~unattributed"


def touch(at, member="m1", group="g1", kind="message", code=None):
    who = None if kind == "post" else member
    return Touch(
        event_id=f"t/{at}/{member}/{group}/{kind}", occurred_at=START + at, group_id=group, kind=kind, member_id=who,
        code=code, **BRAND,
    )  # fmt: skip


def linked(member="m1", customer="x", at=0, known_by="customer", kind=IdentityLinked, **more):
    return kind(
        event_id=f"l/{member}/{customer}/{at}/{known_by}/{kind.__name__}", occurred_at=START + at, member_id=member,
        customer_id=customer, known_by=known_by, **(BRAND | more),
    )  # fmt: skip


def unlinked(member="m1", customer="x", at=1, **more):
    return linked(member, customer, at, kind=IdentityUnlinked, **more)


def order(at, name="o1", customer="x", amount=1000, currency="CNY", **more):
    return Purchase(
        event_id=f"buy/{name}", occurred_at=START + at, order_id=name, customer_id=customer, amount=amount,
        currency=currency, **BRAND, **more,
    )  # fmt: skip


def refund(at, name="r1", of="o1", customer="x", amount=100, currency="CNY", **more):
    return Refund(
        event_id=f"back/{of}/{name}", occurred_at=START + at, refund_id=name, order_id=of, customer_id=customer,
        amount=amount, currency=currency, **BRAND, **more,
    )  # fmt: skip


def ticked(at):
    """Time passes in the one partition of the chat."""
    return Tick(event_id=f"tick/{at}", occurred_at=START + at, origin_partition=0, brand_id="~", platform="~")


@dataclass
class Agent:
    """One partition of a log and its agent, which may lose what it did not flush and do it again."""

    make: object
    records: list = field(default_factory=list)
    position: int = 0
    flushed: int = 0
    values: dict = field(default_factory=dict)
    own: bytes | None = None

    def __post_init__(self):
        self.log = self.make()

    def run(self):
        """Fold what is new; all outputs."""
        outputs = []
        for offset in range(self.position, len(self.records)):
            event, key = self.records[offset]
            outputs += self.log.fold(event, key, offset, event.occurred_at)
        self.position = len(self.records)
        return outputs

    def flush(self):
        self.values |= self.log.take_changed()
        self.own, self.flushed = self.log.partition_value(), self.position

    def flush_and_crash(self, share):
        """A flush that writes a share of the values, then the process ends; the position stays where it was."""
        self.values |= {k: v for k, v in self.log.take_changed().items() if hash_of(k) < share}
        self.log = self.make()
        self.log.restore(self.own, self.values)
        self.position = self.flushed


class World:
    """The member's log and the customer's behind it, a partition of each."""

    def __init__(self, policy=POLICY, chance=None):
        self.identity = Agent(lambda: TouchLog(0, "identity/t", 1, policy))
        self.attribution = Agent(lambda: PurchaseLog(0, "attribution/t", 1, policy))
        self.rows, self.told = [], []
        self._chance = chance

    def play(self, events):
        for event in events:
            self.send(event)
            self._run(self.identity, self._to_customers)
            self._run(self.attribution, self._to_groups)
        return self

    def send(self, event):
        if isinstance(event, Purchase | Refund):
            self.attribution.records.append((event, event.customer_id))
        else:
            self.identity.records.append((event, getattr(event, "member_id", None) or ""))

    def _run(self, agent, take):
        take(agent.run())
        if self._chance and self._chance.random() < 0.15:
            agent.flush_and_crash(self._chance.random())
            take(agent.run())
        elif self._chance and self._chance.random() < 0.3:
            agent.flush()

    def _to_customers(self, outputs):
        for output in outputs:
            assert output.topic == "purchases"
            self.told.append(output.value)
            self.attribution.records.append((output.value, output.key))

    def _to_groups(self, outputs):
        self.rows += [output.value for output in outputs]

    def counted(self):
        """What the groups count of the rows: each once by its seq."""
        seen = defaultdict(Absorbed)
        return [row for row in self.rows if seen[row.group_id].absorb(row)]

    def standing(self):
        rows = self.counted()
        gone = {row.reverses for row in rows if row.reverses}
        return [row for row in rows if not row.reverses and row.event_id not in gone]


def hash_of(key):
    return sum(key.encode()) % 97 / 97


def facts(rows):
    return sorted(
        (
            row.order_id, row.refund_id or "", row.group_id, row.amount, row.weight, row.rule, row.is_first_touch,
            row.is_last_touch, row.member_id or "", row.currency, row.occurred_at,
        )
        for row in rows
    )  # fmt: skip


def shares(world):
    return {row.group_id: row.amount for row in world.standing() if row.weight and not row.refund_id}


# --- links ------------------------------------------------------------------------------------------------


def test_an_order_of_a_customer_goes_to_the_groups_of_all_their_members():
    world = World().play([
        linked("m1"), linked("m2"), touch(0, "m1", "g1", "join"), touch(0, "m2", "g2", "join"), order(HOUR_MS),
        ticked(DAY_MS),
    ])  # fmt: skip
    assert shares(world) == {"g1": 500, "g2": 500}
    assert {row.group_id: row.member_id for row in world.standing()} == {"g1": "m1", "g2": "m2"}
    assert not any(row.reverses for row in world.rows)


def test_an_order_of_an_unknown_buyer_is_nobodys_until_the_link_is_learnt():
    world = World().play([touch(0), order(HOUR_MS), refund(2 * HOUR_MS), ticked(DAY_MS)])
    assert [(row.group_id, row.amount, row.rule) for row in world.rows] == [
        (NOBODY, 1000, "unattributed"), (NOBODY, -100, "unattributed"),
    ]  # fmt: skip
    world.play([linked(at=2 * DAY_MS), ticked(3 * DAY_MS)])
    assert [(row.group_id, row.amount, row.rule, bool(row.reverses)) for row in world.rows[2:]] == [
        (NOBODY, -1000, "unattributed", True), (NOBODY, 100, "unattributed", True),
        ("g1", 1000, "last_touch", False), ("g1", -100, "last_touch", False),
    ]  # fmt: skip
    assert {row.occurred_at for row in world.rows} == {START + HOUR_MS, START + 2 * HOUR_MS}, "on the days of the order"


def test_a_link_that_changes_no_share_tells_nothing():
    world = World().play([linked("m1"), touch(0), order(HOUR_MS), ticked(DAY_MS), linked("m2"), ticked(2 * DAY_MS)])
    assert [row.amount for row in world.rows] == [1000]


def test_an_order_that_names_the_member_keeps_their_own_groups():
    touches = [touch(0, "m1", "g1", "join"), linked(), touch(2, "m1", "g2", "join")]
    world = World().play([*touches, order(HOUR_MS, customer="m1"), ticked(DAY_MS)])
    assert shares(world) == {"g1": 500, "g2": 500}


def test_touches_still_go_to_the_member_and_to_every_customer_that_they_are():
    world = World().play([linked(), linked(customer="p", known_by="phone"), touch(0)])
    assert [key for event, key in world.attribution.records if isinstance(event, Touch)] == ["m1", "x", "p"]


def test_the_first_link_stands_and_a_second_customer_is_refused_and_told_so():
    world = World().play([touch(0), linked(), linked(customer="y"), order(HOUR_MS, customer="y"), ticked(DAY_MS)])
    told = [event for event in world.told if isinstance(event, LinkChanged)]
    assert [(one.customer_id, one.outcome, one.held_by) for one in told] == [
        ("x", "linked", None),
        ("y", "refused", "x"),
    ]
    assert shares(world) == {NOBODY: 1000}


def test_after_it_is_unlinked_another_customer_may_be_the_member():
    world = World().play([touch(0), order(HOUR_MS), linked(), ticked(DAY_MS)])
    assert shares(world) == {"g1": 1000}
    world.play([unlinked(at=5), ticked(2 * DAY_MS)])
    assert shares(world) == {NOBODY: 1000}
    world.play([order(HOUR_MS, "o2", "y"), linked(customer="y", at=6), ticked(3 * DAY_MS)])
    assert [(row.order_id, row.group_id) for row in world.standing()] == [("o1", NOBODY), ("o2", "g1")]


def test_a_right_link_may_be_older_than_the_end_of_a_wrong_one():
    world = World().play([touch(0), order(HOUR_MS, customer="y"), linked(at=4), unlinked(at=5), linked(customer="y")])
    told = [(one.customer_id, one.outcome) for one in world.told if isinstance(one, LinkChanged)]
    assert told == [("x", "linked"), ("x", "unlinked"), ("y", "linked")]
    assert shares(world.play([ticked(DAY_MS)])) == {"g1": 1000}


@pytest.mark.parametrize("again", [linked(), unlinked(customer="y", at=9), linked(customer="m1")])
def test_what_was_said_before_a_link_ended_or_of_another_customer_changes_nothing(again):
    events = [touch(0), linked(), order(HOUR_MS), ticked(DAY_MS), unlinked(at=5), ticked(2 * DAY_MS)]
    world = World().play(events)
    before = len(world.rows)
    assert len(world.play([again, ticked(3 * DAY_MS)]).rows) == before


def test_a_link_of_another_brand_tells_nothing_of_this_one():
    world = World().play([touch(0), linked(brand_id="rival"), order(HOUR_MS), ticked(DAY_MS)])
    assert not any(isinstance(event, MemberSeen) for event in world.told)
    assert shares(world) == {NOBODY: 1000}


def test_in_a_group_a_buyer_is_in_while_any_of_their_members_is():
    world = World().play([
        linked("m1"), linked("m2"), touch(0, "m1", kind="join"), touch(0, "m2", kind="join"),
        touch(HOUR_MS, "m1", kind="leave"), order(100 * HOUR_MS), ticked(10 * DAY_MS),
    ])  # fmt: skip
    (row,) = world.standing()
    assert (row.group_id, row.rule, row.member_id) == ("g1", "membership", "m2")


def test_what_is_sent_again_after_a_link_has_ended_does_not_begin_it_anew():
    world = World().play([linked(), touch(0), touch(1), unlinked(at=5)])
    customers = [(event, key) for event, key in world.attribution.records if key == "x"]
    assert [type(event) for event, _ in customers] == [LinkChanged, Touch, Touch, LinkChanged]
    world.attribution.records += customers
    assert shares(world.play([order(HOUR_MS), ticked(DAY_MS)])) == {NOBODY: 1000}


def test_a_member_ahead_of_the_position_says_nothing_again():
    """Their value was written, the position was not: what they said was delivered before, and by less knowledge."""
    events = [touch(0), touch(HOUR_MS, group="g2"), linked(), touch(3 * HOUR_MS)]
    first = TouchLog(0, "identity/t", 1)
    for offset, event in enumerate(events):
        first.fold(event, "m1", offset, 0)
    again = TouchLog(0, "identity/t", 1)
    again.restore(None, first.take_changed())
    assert [again.fold(event, "m1", offset, 0) for offset, event in enumerate(events)] == [[], [], [], []]
    assert [output.key for output in again.fold(touch(5 * HOUR_MS), "m1", 4, 0)] == ["m1", "x"]


def test_an_order_from_before_its_buyer_joined_is_nobodys_but_for_a_code():
    joined = [linked(), touch(2 * DAY_MS, kind="join"), touch(0, group="g2", kind="post", code="k")]
    orders = [order(DAY_MS), order(DAY_MS, "o2", code="k"), order(3 * DAY_MS, "o3")]
    rows = World().play([*joined, *orders, ticked(5 * DAY_MS)]).rows
    assert [(row.order_id, row.group_id, row.rule) for row in rows if row.weight] == [
        ("o1", NOBODY, "unattributed"), ("o2", "g2", "code"), ("o3", "g1", "membership"),
    ]  # fmt: skip


def test_who_comes_to_a_group_after_an_order_is_not_its_buyer_there():
    events = [linked(), touch(0, group="g2", kind="post", code="k"), order(1, code="k"), ticked(DAY_MS)]
    world = World().play([*events, touch(2 * DAY_MS, group="g2"), linked("m2"), ticked(4 * DAY_MS)])
    assert [(row.group_id, row.rule, row.member_id) for row in world.rows] == [("g2", "code", None)]


# --- bounds -----------------------------------------------------------------------------------------------


def test_a_customer_is_so_many_members_and_no_more():
    policy = ConversionPolicy(members_kept=2)
    touches = [touch(0, f"m{number}", f"g{number}", "join") for number in range(4)]
    links = [linked(f"m{number}") for number in range(4)]
    assert shares(World(policy).play([*links, *touches, order(1), ticked(DAY_MS)])) == {"g0": 500, "g1": 500}
    assert shares(World(policy).play([*touches, *links, order(1), ticked(DAY_MS)])) == {"g0": 500, "g1": 500}


def test_a_member_is_in_so_many_groups_the_last_ones():
    policy = ConversionPolicy(groups_kept=2)
    touches = [touch(number, "m1", f"g{number}", "join") for number in range(4)]
    assert shares(World(policy).play([*touches, linked(), order(10), ticked(DAY_MS)])) == {"g2": 500, "g3": 500}


def test_one_member_in_thirty_groups():
    touches = [touch(number, "m1", f"g{number}", "join") for number in range(30)]
    world = World().play([*touches, order(DAY_MS, amount=1000), ticked(3 * DAY_MS), linked(), ticked(4 * DAY_MS)])
    assert len(shares(world)) == 30
    assert set(shares(world).values()) == {33, 34}
    assert sum(shares(world).values()) == 1000


def test_a_member_has_so_many_links():
    brands = [linked(brand_id=f"b{number}") for number in range(MOST_LINKS + 1)]
    told = [event.outcome for event in World().play(brands).told]
    assert Counter(told) == {"linked": MOST_LINKS, "refused": 1}


def test_a_customer_keeps_so_many_orders_and_what_waits():
    policy = ConversionPolicy(orders_kept=3, refund_patience_days=1)
    many = [order(number, f"o{number}") for number in range(5)]
    world = World(policy).play([touch(0), *many, ticked(DAY_MS)])
    world.play([refund(DAY_MS, of="o1"), refund(DAY_MS, of="o4"), ticked(3 * DAY_MS)])
    assert [(row.order_id, row.rule) for row in world.rows if row.refund_id] == [("o1", "unattributed")] * 1 + [
        ("o4", "unattributed")
    ]
    assert len(world.attribution.log._customers.change("c/x").orders) == 3


def test_an_order_is_left_as_it_is_where_what_decided_it_is_forgotten():
    policy = ConversionPolicy(touches_kept=2)
    world = World(policy).play([linked(), touch(0), order(1), ticked(DAY_MS)])
    later = [touch(number * DAY_MS, "m1", "g2") for number in range(2, 6)]
    later += [touch(number * DAY_MS, "m1") for number in range(2, 6)]
    world.play([*later, linked("m2"), ticked(10 * DAY_MS)])
    assert facts(world.standing()) == facts(world.rows)


# --- totals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("totals", [(20, 50), (50, 20), (50, 50), (20, 20, 50, 50)])
def test_totals_of_refunds_add_up_to_the_largest(totals):
    back = [refund(HOUR_MS, f"total-{total}", amount=total, is_total=True) for total in totals]
    rows = World().play([linked(), touch(0), order(1), *back, ticked(DAY_MS)]).rows
    assert sum(row.amount for row in rows) == 950


# --- whatever the order -----------------------------------------------------------------------------------

MEMBERS = ["m1", "m2", "m3"]
CUSTOMERS = ["x", "y"]
DAYS = 4
TOUCHES = st.builds(
    touch, st.integers(0, 23), st.sampled_from(MEMBERS), st.sampled_from(["g1", "g2", "g3"]),
    st.sampled_from(["join", "leave", "message", "claim", "post"]), st.sampled_from([None, "k"]),
)  # fmt: skip
ORDERS = st.builds(
    lambda hour, number, who, amount, code: order(hour, f"o{number}", who, amount, code=code),
    st.integers(0, 23), st.integers(0, 3), st.sampled_from(CUSTOMERS), st.integers(0, 999),
    st.sampled_from([None, "k"]),
)  # fmt: skip
REFUNDS = st.builds(
    lambda hour, number, of, who, amount: refund(hour, f"r{number}", f"o{of}", who, amount),
    st.integers(0, 23), st.integers(0, 2), st.integers(0, 3), st.sampled_from(CUSTOMERS), st.integers(0, 600),
)  # fmt: skip
LINKS = st.builds(linked, st.sampled_from(MEMBERS), st.sampled_from(CUSTOMERS), st.integers(0, 99))
ENDS = st.builds(unlinked, st.sampled_from(MEMBERS), st.sampled_from(CUSTOMERS), st.integers(0, 99))


def on(day, event):
    """The same on a day of the story, its hour as it was."""
    at = START + day * DAY_MS + (event.occurred_at - START) * HOUR_MS
    ident = f"{event.event_id}/{day}"
    changed = {"occurred_at": at, "event_id": ident}
    if isinstance(event, Purchase | Refund):
        changed |= {"order_id": event.order_id}
        changed["event_id"] = f"{event.event_id}/{event.customer_id}"
    return type(event)(**{name: getattr(event, name) for name in event.__struct_fields__} | changed)


def stories(*links):
    """Days, each of some touches, orders and refunds in any order, with links anywhere."""
    day = st.lists(st.one_of(TOUCHES, TOUCHES, ORDERS, REFUNDS, *links), max_size=9)
    return st.lists(day, min_size=DAYS, max_size=DAYS)


def told_in(story):
    """The events of a story, day after day; the chat of a day lies before the tick that passes it."""
    for day, events in enumerate(story):
        yield from (one if isinstance(one, IdentityLinked | IdentityUnlinked) else on(day, one) for one in events)
        yield ticked((day + 1) * DAY_MS + 1 + POLICY.grace_seconds * 1000)
    for days in (DAYS + 5, DAYS + 6):
        yield ticked(days * DAY_MS)


@given(stories(LINKS, LINKS, ENDS), st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_shares_add_up_and_what_is_reversed_cancels_whatever_happens(story, seed):
    events = list(told_in(story))
    world = World(chance=random.Random(seed) if seed else None).play(events)
    rows = world.counted()
    by_id = {row.event_id: row for row in rows}
    assert len(by_id) == len(rows)
    taken = Counter(row.reverses for row in rows if row.reverses)
    assert set(taken.values()) <= {1}
    for row in rows:
        if row.reverses:
            was = by_id[row.reverses]
            assert (was.group_id, was.weight, was.rule, was.occurred_at) == (
                row.group_id, row.weight, row.rule, row.occurred_at,
            )  # fmt: skip
            assert (was.amount, was.member_id, was.reverses) == (-row.amount, row.member_id, None)
    paid, weights, net = Counter(), defaultdict(Fraction), Counter()
    for event, _ in world.attribution.records:
        key = getattr(event, "customer_id", ""), getattr(event, "order_id", "")
        if isinstance(event, Purchase) and (*key, "order") not in paid:
            paid[(*key, "order")] = event.amount
        elif isinstance(event, Refund) and (*key, event.refund_id) not in paid:
            paid[(*key, event.refund_id)] = -event.amount
    for row in world.standing():
        weights[row.customer_id, row.order_id, row.refund_id or "order"] += Fraction(row.weight)
        net[row.customer_id, row.order_id] += row.amount
    assert set(weights.values()) <= {1}
    assert set(weights) == set(paid)
    wanted = Counter()
    for (customer, name, _), amount in paid.items():
        wanted[customer, name] += amount
    assert +net == +wanted
    assert -net == -wanted
    for row in rows:
        net[row.customer_id, row.order_id] -= row.amount
    assert not any(net.values()), "with all that was taken back the sums are the same"


ONE_CUSTOMER_EACH = st.sampled_from([("m1", "x"), ("m2", "x"), ("m3", "y")]).map(lambda pair: linked(*pair))


@given(stories(ONE_CUSTOMER_EACH), st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_the_end_is_as_if_links_had_been_known_before(story, seed):
    """So it is where the chat of a time comes before the ticks that pass it, and nothing has been forgotten since."""
    events = list(told_in(story))
    links = [one for one in events if isinstance(one, IdentityLinked)]
    others = [one for one in events if not isinstance(one, IdentityLinked)]
    late = World(chance=random.Random(seed) if seed else None).play(events)
    early = World().play([*links, *others])
    assert not any(row.reverses for row in early.rows)
    assert facts(late.standing()) == facts(early.standing())
