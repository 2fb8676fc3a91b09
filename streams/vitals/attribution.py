"""The customer's log folded: orders wait until the chat has passed their time, then go to groups by the rules."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from heapq import heapify, heappop, heappush

import msgspec
from msgspec.structs import replace

from streams.events import Event, LinkChanged, MemberSeen, Purchase, Refund, Tick, Touch
from streams.vitals.bookings import Settled
from streams.vitals.conversion import ConversionPolicy, Evidence, Order
from streams.vitals.customer import (
    NEVER,
    Customer,
    Due,
    settle,
    take_link,
    take_purchase,
    take_refund,
    take_touch,
)
from streams.vitals.log import SEQS_PER_OFFSET, unpack
from streams.vitals.policy import DAY_MS
from streams.vitals.posts import Posts, PostTimes
from streams.vitals.presence import Presence, Presences
from streams.vitals.rows import Output
from streams.vitals.shelf import Shelf
from streams.vitals.watermark import Watermark

_dues = msgspec.msgpack.Decoder(Due)
Whereabouts = dict[str, dict[str, dict[str, Presence]]]
"""Where a customer was: by brand, group and the name that they had there, which is their own or a member's."""


class PurchaseLog:
    """All customers of one partition of `purchases`. A `Log`; see there for what each method owes.

    `origin` is the source of what it emits; `touch_partitions` the number of partitions of member-touches.

    Values: one per customer (`c/<customer>`), and this partition's copy of the posts of each group and of each
    code (`p/<partition>/g/<group>`, `p/<partition>/k/<code>`): posts reach every partition, and one table
    holds the values of several. The partition's own value is the watermark alone.

    Which customers wait is a heap in memory, made anew on restore from the head of each value; a tick looks
    at its top only.
    """

    def __init__(
        self, partition: int, origin: str, touch_partitions: int, policy: ConversionPolicy | None = None
    ) -> None:
        self.partition, self.origin = partition, origin
        self.policy = policy or ConversionPolicy()
        self._watermark = Watermark.of(touch_partitions)
        self._customers = Shelf(Customer)
        self._posts = Shelf(Posts)
        self._due: dict[str, int] = {}
        self._waiting: list[tuple[int, str]] = []
        self._is_restored = False

    def restore(self, partition_value: bytes | None, values: Mapping[str, bytes]) -> None:
        """Start from stored bytes: of each customer only the head is decoded, the rest when it is needed."""
        self._watermark = Watermark.of(len(self._watermark.heard), partition_value)
        self._customers.restore({key: value for key, value in values.items() if key.startswith("c/")})
        self._posts.restore({key: value for key, value in values.items() if key.startswith("p/")})
        dues = ((key, unpack(value, _dues).due_at) for key, value in self._customers.resting())
        self._due = {key: due_at for key, due_at in dues if due_at != NEVER}
        self._waiting = [(due_at, key) for key, due_at in self._due.items()]
        heapify(self._waiting)
        self._is_restored = True

    def fold(self, event: Event, key: str, offset: int, arrived_at: int) -> Sequence[Output]:
        """Absorb one event."""
        if self._is_restored:
            self._is_restored = False
            self._customers.rewrite_from(offset)
            self._posts.rewrite_from(offset)
        if isinstance(event, Tick):
            self._watermark.hear(event)
            return self._stamp(self._settle(offset), offset)
        if isinstance(event, Touch) and event.kind == "post":
            self._note_post(event, offset)
        else:
            self._fold_customer(event, f"c/{key}", offset, arrived_at)
        return ()

    @property
    def next_due(self) -> int:
        """What a tick must be later than for anything to be settled, ms UTC; NEVER while nothing waits."""
        return self._waiting[0][0] if self._waiting else NEVER

    def take_changed(self) -> dict[str, bytes]:
        """Every changed value."""
        return self._customers.take_changed() | self._posts.take_changed()

    def partition_value(self) -> bytes:
        """The watermark."""
        return msgspec.msgpack.encode(self._watermark)

    def _fold_customer(self, event: Event, key: str, offset: int, arrived_at: int) -> None:
        customer = self._customers.change(key)
        if offset <= customer.offset:
            return
        customer.offset = offset
        if isinstance(event, Touch | MemberSeen):
            take_touch(customer, key[2:], event, self.policy)
            return
        if isinstance(event, LinkChanged):
            take_link(customer, event, self.policy)
        elif isinstance(event, Purchase):
            take_purchase(customer, event, arrived_at, self.policy)
        elif isinstance(event, Refund):
            take_refund(customer, event, arrived_at, self.policy)
        self._wait(key, customer.due_at)

    def _wait(self, key: str, due_at: int) -> None:
        if due_at == NEVER:
            self._due.pop(key, None)
        elif self._due.get(key) != due_at:
            self._due[key] = due_at
            heappush(self._waiting, (due_at, key))

    def _note_post(self, touch: Touch, offset: int) -> None:
        keys = [self._group_key(touch.group_id)] + ([] if touch.code is None else [self._code_key(touch.code)])
        for key in keys:
            posts = self._posts.change(key)
            if offset <= posts.offset:
                continue
            posts.offset = offset
            times = posts.groups.get(touch.group_id)
            if times is None:
                times = posts.groups[touch.group_id] = PostTimes(touch.brand_id, touch.platform)
            times.note(touch.occurred_at, offset, self.policy.kept_ms, self.policy.posts_kept)

    def _settle(self, offset: int) -> list[Settled]:
        """Settle every customer whose time the watermark has passed, but those that absorbed this tick before."""
        settled: list[Settled] = []
        ahead: list[tuple[int, str]] = []
        for due_at, key in self._take_due():
            customer = self._customers.change(key)
            if offset <= customer.offset:
                ahead.append((due_at, key))
                continue
            customer.offset = offset
            evidence = partial(self._evidence, _whereabouts(customer, key[2:]), offset)
            settled += settle(customer, key[2:], self._watermark.low, evidence, self.policy)
            self._wait(key, customer.due_at)
        for due_at, key in ahead:
            self._wait(key, due_at)
        return settled

    def _take_due(self) -> Iterator[tuple[int, str]]:
        """The customers whose time has come. An entry of the heap that a later one replaced is passed over."""
        while self._waiting and self._waiting[0][0] < self._watermark.low:
            due_at, key = heappop(self._waiting)
            if self._due.get(key) == due_at:
                del self._due[key]
                yield due_at, key

    def _evidence(self, seen: Whereabouts, offset: int, order: Order) -> Evidence:
        names = seen.get(order.brand_id, {})
        presences = {group_id: _together(list(of.values())) for group_id, of in names.items()}
        coded = None if order.code is None else self._posts.read(self._code_key(order.code))

        def posts_between(group_id: str, since: int, until: int) -> Sequence[int]:
            posts = self._posts.read(self._group_key(group_id))
            return [] if posts is None else posts.groups[group_id].between(since, until, offset)

        def buyer_in(group_id: str) -> str:
            """Who was seen there up to the order: of several names the last one seen, of equals the last by name."""
            lasts = ((one.last_touch(order.occurred_at), name) for name, one in names.get(group_id, {}).items())
            return max(((last, name) for last, name in lasts if last is not None), default=(0, ""))[1]

        def forgot_at() -> int:
            posts = [coded, *(self._posts.read(self._group_key(group_id)) for group_id in names)]
            forgot = [times.forgot_at for told in posts if told for times in told.groups.values()]
            return max(forgot + [one.forgot_at for of in names.values() for one in of.values()], default=-1)

        return Evidence(presences, self._coded(coded, order, offset), posts_between, buyer_in, forgot_at)

    def _coded(self, posts: Posts | None, order: Order, offset: int) -> dict[str, str]:
        since = order.occurred_at - self.policy.code_days * DAY_MS
        return {
            group_id: times.platform
            for group_id, times in (posts.groups.items() if posts else ())
            if times.brand_id == order.brand_id and times.between(since, order.occurred_at, offset)
        }

    def _group_key(self, group_id: str) -> str:
        return f"p/{self.partition}/g/{group_id}"

    def _code_key(self, code: str) -> str:
        return f"p/{self.partition}/k/{code}"

    def _stamp(self, settled: list[Settled], offset: int) -> list[Output]:
        """The rows in order of time, ties by event_id, each with its place in the log of its group.

        Counted by group, as a seq has to rise within a source and group. A tick folded again without the
        customers that are ahead of it counts lower, never higher, and so stays below what the group absorbed.
        """
        counts: Counter[str] = Counter()
        outputs = []
        for row in (row for one in sorted(settled, key=_in_time) for row in one.rows):
            seq = offset * SEQS_PER_OFFSET + counts[row.group_id]
            counts[row.group_id] += 1
            stamped = replace(row, source=self.origin, source_seq=seq, source_prev=0)
            outputs.append(Output("chat-events", row.group_id, stamped))
        return outputs


def _in_time(settled: Settled) -> tuple[int, str]:
    return settled.occurred_at, settled.event_id


def _whereabouts(customer: Customer, customer_id: str) -> Whereabouts:
    found: Whereabouts = {}
    for name, presences in ((customer_id, customer.presences), *customer.members.items()):
        for group_id, presence in presences.items():
            found.setdefault(presence.brand_id, {}).setdefault(group_id, {})[name] = presence
    return found


def _together(each: list[Presence]) -> Presence | Presences:
    return each[0] if len(each) == 1 else Presences(each)
