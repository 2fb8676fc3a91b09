"""Which groups an order belongs to: the rules of attribution, and money split by them to the cent.

An order belongs to groups that its buyer was in when paying. The first rule that holds decides, and the
groups that it names share evenly:

1. `code`: the order names a group that its buyer was in, or carries a code that a group posted within 7 days.
2. `last_touch`: the group that the buyer last wrote or claimed in, within 72 hours.
3. `post`: the groups in which the buyer was when a conversion post appeared, within 24 hours.
4. `membership`: all groups that the buyer was in.
5. `unattributed`: none; the order stands under the brand's pseudo group, for all to see.

Only the first rule is evidence that a group caused an order. All others are correlation: who buys much also
talks much. The group of the first and of the last touch ever are told besides, with weight 0 where they have
no share, so that a reader can set another model beside this one. Touches are known to the hour: of an hour
in which a buyer spoke in several groups, the group that they turned to last counts as the last.

A buyer is a customer and all members linked to them: in a group while any of them is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
import xxhash

from streams.events import Rule, unattributed_group
from streams.vitals.policy import DAY_MS, HOUR_MS
from streams.vitals.presence import Presence, Presences
from streams.vitals.rates import NO_RATES, Rates, scaled

_WHOLE = 1 << 52


class ConversionPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Every window of attribution, with its default and the reason for it. Inclusive at both ends."""

    code_days: int = 7
    """A code or link passed on is used within the week that it was posted in, or it is another campaign's."""
    touch_hours: int = 72
    """Three days: who spoke on Friday and pays on Monday was still in the talk."""
    post_hours: int = 24
    """A post is seen on the day that it appears; later it has scrolled away."""
    grace_seconds: int = 30
    """How much later than the order's record chat of the same time may arrive. A connector that polls more
    slowly than this needs more; an import needs none, as the chat lies before the ticks that follow it."""
    refund_patience_days: int = 30
    """A refund waits so long for its order, the length of one export; then it stands as unattributed."""
    kept_days: int = 400
    """A year and a month: orders, touches and posts are remembered for a refund or an order that comes late."""
    touches_kept: int = 1000
    """Of one customer in one group: the last 100 days of one who writes in ten hours of each."""
    posts_kept: int = 1000
    """Of one group: more than two a day for the time kept."""
    groups_kept: int = 500
    """Of one member: the groups that they were touched in last. Nobody buys because of the 501st."""
    members_kept: int = 64
    """Of one customer: a person has a few accounts. Who has more is a counter's number or a placeholder, and further
    ones are not heard."""
    orders_kept: int = 5000
    """Of one customer, the latest: more than twelve a day. A refund of one that is forgotten stands as unattributed."""
    rates: Rates = NO_RATES
    """By which money of other currencies is told; the other windows are a user's to set, this is a file of its own."""

    @property
    def kept_ms(self) -> int:
        """`kept_days` in ms."""
        return self.kept_days * DAY_MS

    @property
    def reach_ms(self) -> int:
        """How far before an order the widest window reaches."""
        return max(self.code_days * DAY_MS, self.touch_hours * HOUR_MS, self.post_hours * HOUR_MS)


class Share(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A group's part in an order. `weight` is 0 where the group only was the first or last touched.

    `member_id` is who the buyer is there, "" where they were never seen; None as stored before it was known.
    """

    group_id: str
    platform: str
    weight: float
    is_first_touch: bool = False
    is_last_touch: bool = False
    member_id: str | None = None


class Order(msgspec.Struct, array_like=True, gc=False):
    """A purchase as kept. `rule` is None until it is attributed; `refunded` is what its shares gave back so far.

    `settles_at` is the later of its time and its record's: the chat must have passed it. `told_amount` in
    `told_currency` is what its shares add up to, where it was converted. `revision` counts how often the shares were
    taken back and told anew.
    """

    order_id: str
    event_id: str
    brand_id: str
    platform: str
    occurred_at: int
    settles_at: int
    amount: int
    currency: str
    code: str | None = None
    group_id: str | None = None
    rule: Rule | None = None
    shares: list[Share] = []
    refunded: int = 0
    told_amount: int = 0
    told_currency: str = ""
    revision: int = 0

    def told(self, amount: int) -> int:
        """A part of the order's amount as it is told: as paid, or converted; all of it is told exactly."""
        return scaled(amount, self.told_amount, self.amount) if self.told_currency and self.amount else amount


class Evidence(msgspec.Struct, frozen=True):
    """What is known of a buyer at the time of deciding: where they were, by group, all groups of one brand.

    `coded` holds, by group, its platform if it posted the order's code within the window; `posts_between`
    answers the times of a group's conversion posts in [since, until], `buyer_in` who they are in a group. What lies at
    or before the time that `forgot_at` says is not all known any more.
    """

    presences: Mapping[str, Presence | Presences]
    coded: Mapping[str, str]
    posts_between: Callable[[str, int, int], Sequence[int]]
    buyer_in: Callable[[str], str] = lambda _: ""
    forgot_at: Callable[[], int] = lambda: -1


def split(amount: int, parts: int) -> list[int]:
    """An amount in even parts by largest remainder: they add up exactly, the first ones hold the odd cents.

    As the amount grows no part shrinks, so what partial refunds take from a group never has to be given back.
    """
    each, odd = divmod(amount, parts)
    return [each + (place < odd) for place in range(parts)]


def weights(parts: int) -> list[float]:
    """Even weights that add up to exactly 1 in floating point, in any order: multiples of 2^-52."""
    return [part / _WHOLE for part in split(_WHOLE, parts)]


def attribute(order: Order, evidence: Evidence, policy: ConversionPolicy) -> tuple[Rule, list[Share]]:
    """The rule that decides, and the shares of the order, weights adding up to 1."""
    at = order.occurred_at
    inside = [group_id for group_id, presence in evidence.presences.items() if presence.is_in(at)]
    rule, groups = _decide(order, inside, evidence, policy)
    platforms = {group_id: presence.platform for group_id, presence in evidence.presences.items()}
    platforms.update(evidence.coded)
    weight_of = _weighted(order, groups)
    first, last = _first_touched(at, evidence.presences), _last_touched(at, evidence.presences)
    for group_id in (first, last):
        if group_id is not None:
            weight_of.setdefault(group_id, 0.0)
    return rule, [
        Share(
            group_id,
            platforms.get(group_id, order.platform),
            weight,
            group_id == first,
            group_id == last,
            evidence.buyer_in(group_id),
        )
        for group_id, weight in weight_of.items()
    ]


def _weighted(order: Order, groups: Iterable[str]) -> dict[str, float]:
    """Even weights. Which group gets the odd cent differs by order, so that no name earns more than another."""
    shuffled = sorted(groups, key=lambda group_id: xxhash.xxh3_64_intdigest(f"{order.order_id}\0{group_id}".encode()))
    return dict(zip(shuffled, weights(len(shuffled)), strict=True))


def _decide(
    order: Order, inside: list[str], evidence: Evidence, policy: ConversionPolicy
) -> tuple[Rule, Sequence[str]]:
    if groups := _by_code(order, evidence, policy):
        return "code", groups
    if groups := _by_last_touch(order.occurred_at, inside, evidence, policy):
        return "last_touch", groups
    if groups := _by_post(order.occurred_at, inside, evidence, policy):
        return "post", groups
    return ("membership", inside) if inside else ("unattributed", [unattributed_group(order.brand_id)])


def _by_code(order: Order, evidence: Evidence, policy: ConversionPolicy) -> list[str]:
    """The named group if the buyer was there, else the groups of the code.

    Of a code that several groups posted, only those count that the buyer was in; if that is none, it is the
    group's word only where one group alone posted it: a code passed on by a friend.
    """
    known = _known_in(order.occurred_at, evidence.presences, policy)
    if order.group_id in known:
        return [order.group_id]
    own = [group_id for group_id in evidence.coded if group_id in known]
    return own or (list(evidence.coded) if len(evidence.coded) == 1 else [])


def _known_in(at: int, presences: Mapping[str, Presence | Presences], policy: ConversionPolicy) -> set[str]:
    """The groups that the buyer was in, or was touched in within the window of a code."""
    since = at - policy.code_days * DAY_MS
    return {
        group_id
        for group_id, presence in presences.items()
        if presence.is_in(at) or (presence.last_touch(at) or -1) >= max(since, 0)
    }


def _by_last_touch(at: int, inside: Iterable[str], evidence: Evidence, policy: ConversionPolicy) -> list[str]:
    times = {group_id: evidence.presences[group_id].last_talk(at) for group_id in inside}
    last = max((time for time in times.values() if time is not None), default=None)
    if last is None or at - last > policy.touch_hours * HOUR_MS:
        return []
    return [group_id for group_id, time in times.items() if time == last]


def _by_post(at: int, inside: Iterable[str], evidence: Evidence, policy: ConversionPolicy) -> list[str]:
    since = at - policy.post_hours * HOUR_MS
    return [
        group_id
        for group_id in inside
        if any(evidence.presences[group_id].is_in(time) for time in evidence.posts_between(group_id, since, at))
    ]


def _first_touched(at: int, presences: Mapping[str, Presence | Presences]) -> str | None:
    firsts = [(one.first_at, group_id) for group_id, one in presences.items() if one.first_at is not None]
    return min(((time, group_id) for time, group_id in firsts if time <= at), default=(0, None))[1]


def _last_touched(at: int, presences: Mapping[str, Presence | Presences]) -> str | None:
    lasts = {group_id: one.last_touch(at) for group_id, one in presences.items()}
    return min(((-time, group_id) for group_id, time in lasts.items() if time is not None), default=(0, None))[1]
