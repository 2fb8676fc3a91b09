"""The member's log folded: where a member was seen goes on to the customers that the member is."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from streams.events import (
    Event,
    IdentityLinked,
    IdentityUnlinked,
    LinkChanged,
    LinkOutcome,
    MemberSeen,
    Tick,
    Touch,
)
from streams.vitals.conversion import ConversionPolicy
from streams.vitals.log import SEQS_PER_OFFSET
from streams.vitals.presence import Presence, make_room
from streams.vitals.rows import EVERY_PARTITION, Output
from streams.vitals.shelf import Shelf, Shelved
from streams.vitals.watermark import Watermark

MOST_LINKS = 32
"""Of one member: brands × what a customer is known by. A further one is refused; a connector's member has one brand."""


class Link(msgspec.Struct, array_like=True, gc=False):
    """Which customer a member is or was; `changed_at` is the event time of what last said so."""

    customer_id: str
    changed_at: int
    is_linked: bool = True


class Person(Shelved, array_like=True):
    """All that is kept of one member: where they were, by group, and who they are, by brand and `known_by`.

    At most `groups_kept` × `touches_kept` touches of `kept_days` days and MOST_LINKS links; of a member who spoke in
    ten hours of each of 100 days in three groups that is 30 KB, of most some hundred bytes.
    """

    seen: dict[str, Presence] = msgspec.field(default_factory=dict)
    links: dict[str, Link] = msgspec.field(default_factory=dict)


class TouchLog:
    """One partition of `member-touches`: forwards touches to `purchases`, and time once all chat has passed it.

    `origin` is the source of what it emits; `chat_partitions` the number of partitions of chat-events. A post
    has no member: it goes to every partition of `purchases`, on this way so that it stays ahead of the ticks
    of the partition that it came from.

    A touch goes to the member's own key, as an order may name the member, and to each customer that the member is.
    A touch that the group agent sent again is forwarded again, under a seq of its own and the same event_id, and that
    is exact: to the customer a touch is a member of a set, (group, kind, time), and a set does not count.

    **Links.** The first one that comes stands until it is unlinked; one with another customer is refused, and told so.
    What is not later than the last change of a link with the same customer was told before, and changes nothing; a link
    with another one, once it ended, may be as old as it likes: shops know who is right for long. A new link sends what
    is kept of the member to the customer, then `link_changed`. The customer hears a member's events in the order of
    this log, as their source names this partition and not the group agent's.

    One value per member. An event that the value absorbed before says nothing: what it said was delivered before the
    value was written. The watermark is stored with the position, so a chunk read again forwards ticks with equal seqs.
    """

    def __init__(
        self, partition: int, origin: str, chat_partitions: int, policy: ConversionPolicy | None = None
    ) -> None:
        self.partition, self.origin = partition, origin
        self.policy = policy or ConversionPolicy()
        self._watermark = Watermark.of(chat_partitions)
        self._people = Shelf(Person)
        self._is_restored = False

    def restore(self, partition_value: bytes | None, values: Mapping[str, bytes]) -> None:
        """Start from the stored watermark and the values per member, which stay bytes until they are needed."""
        self._watermark = Watermark.of(len(self._watermark.heard), partition_value)
        self._people.restore(values)
        self._is_restored = True

    def fold(self, event: Event, key: str, offset: int, arrived_at: int) -> Sequence[Output]:  # noqa: ARG002
        """Forward a touch to its customers, and a tick when the slowest partition of chat-events moved on."""
        if self._is_restored:
            self._is_restored = False
            self._people.rewrite_from(offset)
        if isinstance(event, Tick):
            return (self._forward_time(event, offset),) if self._watermark.hear(event) else ()
        if isinstance(event, Touch) and event.kind == "post":
            post = replace(event, source=self.origin, source_seq=offset * SEQS_PER_OFFSET, source_prev=0)
            return (Output("purchases", "", post, EVERY_PARTITION),)
        if isinstance(event, Touch | IdentityLinked | IdentityUnlinked):
            return self._fold_person(event, (event.member_id or key), offset)
        return ()

    def take_changed(self) -> dict[str, bytes]:
        """Every changed member."""
        return self._people.take_changed()

    def partition_value(self) -> bytes:
        """The watermark."""
        return msgspec.msgpack.encode(self._watermark)

    def _fold_person(self, event: Touch | IdentityLinked | IdentityUnlinked, key: str, offset: int) -> list[Output]:
        person = self._people.change(key)
        if offset <= person.offset:
            return []
        person.offset = offset
        told: list[tuple[str, Event]]
        if isinstance(event, Touch):
            self._note(person, event)
            told = [(customer_id, event) for customer_id in (key, *_customers(person, event.brand_id))]
        else:
            told = list(self._link(person, event))
        return [self._output(customer_id, one, offset, index) for index, (customer_id, one) in enumerate(told)]

    def _note(self, person: Person, touch: Touch) -> None:
        presence = person.seen.get(touch.group_id)
        if presence is None:
            presence = person.seen[touch.group_id] = Presence(touch.brand_id, touch.platform)
        presence.note(touch.occurred_at, touch.kind, self.policy.kept_ms, self.policy.touches_kept)
        make_room(person.seen, self.policy.groups_kept)

    def _link(self, person: Person, event: IdentityLinked | IdentityUnlinked) -> Iterator[tuple[str, Event]]:
        """What a link or its end says to customers. One that says what is so already says nothing."""
        name = f"{event.brand_id}/{event.known_by}"
        link = person.links.get(name)
        if event.customer_id == event.member_id:
            return
        if isinstance(event, IdentityUnlinked):
            if link is not None and link.customer_id == event.customer_id and event.occurred_at >= link.changed_at:
                was_linked, link.is_linked, link.changed_at = link.is_linked, False, event.occurred_at
                if was_linked and event.customer_id not in _customers(person, event.brand_id):
                    yield event.customer_id, _changed(event, "unlinked")
        elif link is not None and link.is_linked and link.customer_id != event.customer_id:
            yield event.customer_id, _changed(event, "refused", held_by=link.customer_id)
        elif link is None and len(person.links) >= MOST_LINKS:
            yield event.customer_id, _changed(event, "refused")
        elif link is None or event.customer_id != link.customer_id or _begins_anew(link, event):
            person.links[name] = Link(event.customer_id, event.occurred_at)
            yield from self._introduce(person, event)

    def _introduce(self, person: Person, event: IdentityLinked) -> Iterator[tuple[str, Event]]:
        """All that is kept of the member in the brand, then that the customer is they."""
        for group_id, seen in person.seen.items():
            if seen.brand_id == event.brand_id:
                yield event.customer_id, _seen(event, group_id, seen)
        yield event.customer_id, _changed(event, "linked")

    def _output(self, customer_id: str, event: Event, offset: int, index: int) -> Output:
        seq = offset * SEQS_PER_OFFSET + index
        return Output("purchases", customer_id, replace(event, source=self.origin, source_seq=seq, source_prev=0))

    def _forward_time(self, tick: Tick, offset: int) -> Output:
        passed = replace(
            tick,
            event_id=f"{self.origin}/{offset}",
            occurred_at=self._watermark.low,
            source=self.origin,
            source_seq=offset * SEQS_PER_OFFSET,
            source_prev=0,
            origin_partition=self.partition,
        )
        return Output("purchases", "", passed, EVERY_PARTITION)


def _customers(person: Person, brand_id: str) -> Sequence[str]:
    """The customers of a brand that the member is, each once."""
    links = person.links
    return [
        *{
            links[name].customer_id: None
            for name in links
            if links[name].is_linked and name.rpartition("/")[0] == brand_id
        }
    ]


def _begins_anew(link: Link, event: IdentityLinked) -> bool:
    """Whether a link with the customer that it had begins once more: said after it ended, not sent again."""
    return not link.is_linked and event.occurred_at > link.changed_at


def _changed(event: IdentityLinked | IdentityUnlinked, outcome: LinkOutcome, held_by: str | None = None) -> LinkChanged:
    return LinkChanged(
        event_id=event.event_id,
        occurred_at=event.occurred_at,
        brand_id=event.brand_id,
        platform=event.platform,
        member_id=event.member_id,
        customer_id=event.customer_id,
        known_by=event.known_by,
        outcome=outcome,
        held_by=held_by,
    )


def _seen(event: IdentityLinked, group_id: str, presence: Presence) -> MemberSeen:
    return MemberSeen(
        event_id=f"{event.event_id}/{group_id}"[:512],
        occurred_at=event.occurred_at,
        brand_id=event.brand_id,
        platform=presence.platform,
        group_id=group_id,
        member_id=event.member_id,
        first_at=presence.first_at,
        seen=tuple(presence.seen),
        forgot_at=None if presence.forgot_at < 0 else presence.forgot_at,
    )
