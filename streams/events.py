"""The events: what happened, in the words of the contract. One UTF-8 JSON object per Kafka record.

Times are integers, milliseconds UTC, event time. Money is an integer of minor units with an ISO 4217
code. Unknown fields are ignored; an unknown type or a bad shape raises `msgspec.ValidationError`.
`schemas/events/*.v1.schema.json` and `schemas/examples/` are generated from this module.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

MAX_TIME = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z
MAX_EVENT_BYTES = 1 << 20  # one JSON event; a larger one is refused as `too_large`
FUTURE_TOLERANCE_MS = 600_000  # an event may be this far ahead of its arrival; beyond it is `from_the_future`
MAX_MONEY = 10**15  # minor units; beyond that it is a mistake, and sums stay inside 64 bits

Id = Annotated[str, Meta(min_length=1, max_length=512)]
Time = Annotated[int, Meta(ge=0, le=MAX_TIME)]
Seq = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Stamp = Annotated[int, Meta(ge=0, le=MAX_TIME * 4 + 3)]  # a time and a kind of touch
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Money = Annotated[int, Meta(ge=0, le=MAX_MONEY)]
SignedMoney = Annotated[int, Meta(ge=-MAX_MONEY, le=MAX_MONEY)]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", max_length=3)]  # $ alone lets a newline follow
Name = Annotated[str, Meta(max_length=512)]  # it is kept in a group's value and told in each of its rows
Intercept = Annotated[float, Meta(ge=-10, le=10)]  # logits: beyond, a risk is 0 or 1 whatever a group does
Role = Literal["member", "staff", "bot", "system"]
LeaveReason = Literal["left", "kicked", "dissolved", "unknown"]
ContentClass = Literal["activate", "convert", "brand", "ads", "relay"]
Purpose = Literal["customer", "industry", "alliance", "ads", "relay", "other"]
TouchKind = Literal["join", "leave", "message", "claim", "post"]
DropOutcome = Literal["recovered", "settled", "ended"]
Rule = Literal["code", "last_touch", "post", "membership", "unattributed"]
KnownBy = Literal["customer", "phone", "mail"]
LinkOutcome = Literal["linked", "unlinked", "refused"]
Step = Literal["cleanup", "benefit", "prune", "points", "content", "games"]
Goal = Literal["messages", "speakers", "buyers", "revenue"]


class Reason(msgspec.Struct, frozen=True, gc=False):
    """Why something is so: a code and its numbers. Words are made at the edge (`streams/words.py`)."""

    code: Annotated[str, Meta(min_length=1, max_length=128)]
    numbers: Annotated[Mapping[Annotated[str, Meta(max_length=128)], float], Meta(max_length=64)]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True, gc=False):
    """What every event carries.

    `event_id` is stable across a second import. `source` names the connector instance; `source_seq` grows
    within a source and group and is the same however an export is cut; `source_prev` is the seq that the
    connector sent before it in this group and source: the event covers (source_prev, source_seq].
    """

    event_id: Id
    occurred_at: Time
    brand_id: Id
    platform: Id
    source: Id | None = None
    source_seq: Seq | None = None
    source_prev: Seq | None = None


class GroupEvent(Event, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An event of one group; `group_id` is its Kafka key."""

    group_id: Id


class MemberEvent(GroupEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An event of one member in one group. `member_id` is a pseudonym."""

    member_id: Id
    role: Role = "member"


# --- chat-events: the group's log ---------------------------------------------------------------------


class Message(MemberEvent, frozen=True, kw_only=True, tag="message", omit_defaults=True, gc=False):
    """Somebody wrote. `text` only by explicit opt-in; `reply_to` is the event_id of the answered message.

    A connector that saw the text says how many `links` it had, and gives a longer one a print, `text_hash`, equal for
    equal texts of the brand (`streams/text_prints.py`). Without `links` nobody saw it.
    """

    text_len: Count = 0
    content_type: Id = "text"
    reply_to: Id | None = None
    mentions: tuple[Id, ...] = ()
    text: str | None = None
    links: Count | None = None
    text_hash: Int64 | None = None


class Recall(GroupEvent, frozen=True, kw_only=True, tag="recall", omit_defaults=True, gc=False):
    """A message was taken back. `target` is its event_id."""

    target: Id


class Join(MemberEvent, frozen=True, kw_only=True, tag="join", omit_defaults=True, gc=False):
    """A member came. `scene` is how (a code, a link, an invitation)."""

    scene: Id | None = None
    inviter_id: Id | None = None


class Leave(MemberEvent, frozen=True, kw_only=True, tag="leave", omit_defaults=True, gc=False):
    """A member went."""

    reason: LeaveReason = "unknown"


class Roster(GroupEvent, frozen=True, kw_only=True, tag="roster", omit_defaults=True, gc=False):
    """The full list of who is in the group now; reconciles lost joins and leaves."""

    members: tuple[Id, ...]
    staff: tuple[Id, ...] = ()
    bots: tuple[Id, ...] = ()


class Reaction(MemberEvent, frozen=True, kw_only=True, tag="reaction", omit_defaults=True, gc=False):
    """A reaction to a message. `target` is its event_id."""

    target: Id | None = None


class Claim(MemberEvent, frozen=True, kw_only=True, tag="claim", omit_defaults=True, gc=False):
    """A member took a red packet or coupon."""

    benefit_id: Id | None = None


class Benefit(GroupEvent, frozen=True, kw_only=True, tag="benefit", omit_defaults=True, gc=False):
    """A red packet or coupon was sent to the group. `amount` is all of a red packet, or what one coupon is worth."""

    benefit_id: Id
    kind: Literal["red_packet", "coupon"] = "coupon"
    amount: Money = 0
    currency: Currency | None = None


class Post(GroupEvent, frozen=True, kw_only=True, tag="post", omit_defaults=True, gc=False):
    """Planned staff content. `code` is the order code or link that it carried, if any."""

    content_class: ContentClass
    code: Id | None = None


class Mute(MemberEvent, frozen=True, kw_only=True, tag="mute", omit_defaults=True, gc=False):
    """A member muted the group."""


class Unmute(MemberEvent, frozen=True, kw_only=True, tag="unmute", omit_defaults=True, gc=False):
    """A member unmuted the group."""


class Points(MemberEvent, frozen=True, kw_only=True, tag="points", omit_defaults=True, gc=False):
    """An entry of the points ledger, positive or negative."""

    points: Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
    cause: Id | None = None


class GroupCreated(GroupEvent, frozen=True, kw_only=True, tag="group_created", omit_defaults=True, gc=False):
    """The group's entry in the registry; sent again, it updates the fields that it carries.

    `purpose` is what the group is for: customers, an industry or an alliance of firms to know each other, ads, relaying
    what others wrote. A `currency` says that its brand sells there: no order is then none, not an unknown number.
    """

    name: Name | None = None
    owner: Name | None = None
    timezone: Id | None = None
    currency: Currency | None = None
    planned_end_at: Time | None = None
    purpose: Purpose | None = None


class GroupRenamed(GroupEvent, frozen=True, kw_only=True, tag="group_renamed", omit_defaults=True, gc=False):
    """The group has another display name. Its id stays."""

    name: Name


class GroupEnded(GroupEvent, frozen=True, kw_only=True, tag="group_ended", omit_defaults=True, gc=False):
    """An end on plan, a dissolution, or a merge into another group. Never an alarm."""

    reason: Literal["planned", "dissolved", "merged"] = "planned"
    merged_into: Id | None = None


class OrderAttributed(GroupEvent, frozen=True, kw_only=True, tag="order_attributed", omit_defaults=True, gc=False):
    """A group's share of an order or refund (then negative). `amount` is the share; `weight` of all shares sums to 1.

    `group_id` is `<brand_id>/~unattributed` and `rule` "unattributed" where no group can claim the order.
    `order_id` is the purchase's, also on a refund, whose own id is `refund_id`. `member_id` is the buyer's pseudonym in
    that group, None where they were never seen there. `reverses` is the event_id of an earlier row of the same group
    that this one takes back, equal but for the sign of the money: who the buyer is was learnt later. Where the money
    was converted, `paid_amount` in `paid_currency` is the share as it was paid.
    """

    order_id: Id
    customer_id: Id
    amount: SignedMoney
    currency: Currency
    weight: Annotated[float, Meta(ge=0, le=1)]
    rule: Rule
    refund_id: Id | None = None
    is_first_touch: bool = False
    is_last_touch: bool = False
    member_id: Id | None = None
    reverses: Id | None = None
    paid_amount: SignedMoney | None = None
    paid_currency: Currency | None = None


class PlaybookStarted(GroupEvent, frozen=True, kw_only=True, tag="playbook_started", omit_defaults=True, gc=False):
    """Somebody set out to revive a group. `goal` is what it will be judged by, said before anything is known of it.

    Like what follows of a playbook it is the operators' own word: it has no source and says nothing of who watches.
    """

    playbook_id: Id
    name: Name
    goal: Goal = "messages"
    budget: Money | None = None
    currency: Currency | None = None


class PlaybookStep(GroupEvent, frozen=True, kw_only=True, tag="playbook_step", omit_defaults=True, gc=False):
    """A step of a playbook was taken."""

    playbook_id: Id
    step: Step
    note: Name | None = None


class PlaybookEnded(GroupEvent, frozen=True, kw_only=True, tag="playbook_ended", omit_defaults=True, gc=False):
    """No more steps of a playbook will follow."""

    playbook_id: Id
    note: Name | None = None


class SourceComplete(Event, frozen=True, kw_only=True, tag="source_complete", omit_defaults=True, gc=False):
    """A connector says: this source is complete up to `complete_until` (exclusive). To every partition.

    `is_live` says that more will come: only such a source can go blind. An import is not live. `unseen_from` says
    that the connector could not see what happened from then to `complete_until` and never will: it was away, and
    its platform keeps no history. Those days count neither as talk nor as silence.
    """

    complete_until: Time
    is_live: bool = False
    unseen_from: Time | None = None


class Calibration(Event, frozen=True, kw_only=True, tag="calibration", omit_defaults=True, gc=False):
    """A community's shrunk intercept for the risk model, in force from `effective_at`. To every partition."""

    model: Id
    intercept: Intercept
    effective_at: Time


class Tick(Event, frozen=True, kw_only=True, tag="tick", omit_defaults=True, gc=False):
    """Time passed up to `occurred_at`. To every partition.

    With a `source` it is an importer's day-closing tick, scoped to that source's groups. A forwarded tick
    names the partition of chat-events or member-touches that it speaks for in `origin_partition`.
    """

    origin_partition: Count | None = None


ChatEvent = (
    Message | Recall | Join | Leave | Roster | Reaction | Claim | Benefit | Post | Mute | Unmute | Points
    | GroupCreated | GroupRenamed | GroupEnded | OrderAttributed | PlaybookStarted | PlaybookStep | PlaybookEnded
    | SourceComplete | Calibration | Tick
)  # fmt: skip

# --- member-touches and purchases: the member's and the customer's log ---------------------------------


class Touch(GroupEvent, frozen=True, kw_only=True, tag="touch", omit_defaults=True, gc=False):
    """A member was seen in a group: joined, left, or spoke or claimed (one each per member, group and hour).

    A conversion post has no member and goes to every partition of `purchases`.
    """

    kind: TouchKind
    member_id: Id | None = None
    code: Id | None = None


class Purchase(Event, frozen=True, kw_only=True, tag="purchase", omit_defaults=True, gc=False):
    """A paid order. `customer_id` is the key: the member_id until an identity says otherwise."""

    order_id: Id
    customer_id: Id
    amount: Money
    currency: Currency
    code: Id | None = None
    group_id: Id | None = None


class Refund(Event, frozen=True, kw_only=True, tag="refund", omit_defaults=True, gc=False):
    """Money given back, in full or in part. `amount` is positive.

    With `is_total` it is all that was given back of this order so far: what earlier totals of it said is part of it.
    """

    refund_id: Id
    order_id: Id
    customer_id: Id
    amount: Money
    currency: Currency
    is_total: bool = False


class IdentityLinked(Event, frozen=True, kw_only=True, tag="identity_linked", omit_defaults=True, gc=False):
    """A member of a platform is a shop's customer; the key is the member. From outside.

    `known_by` says what `customer_id` is a pseudonym of: the shop's id, a phone number or a mail address. A member is
    one customer of each kind, a customer may be several members.
    """

    member_id: Id
    customer_id: Id
    known_by: KnownBy = "customer"


class IdentityUnlinked(Event, frozen=True, kw_only=True, tag="identity_unlinked", omit_defaults=True, gc=False):
    """A link was wrong, or is over. It ends only the link with this customer."""

    member_id: Id
    customer_id: Id
    known_by: KnownBy = "customer"


class LinkChanged(Event, frozen=True, kw_only=True, tag="link_changed", omit_defaults=True, gc=False):
    """To the customer's log: a member is this customer, is it no more, or cannot be, as they are `held_by` another.

    It stands behind all that was known of the member.
    """

    member_id: Id
    customer_id: Id
    known_by: KnownBy
    outcome: LinkOutcome
    held_by: Id | None = None


class MemberSeen(GroupEvent, frozen=True, kw_only=True, tag="member_seen", omit_defaults=True, gc=False):
    """To the customer's log: where a member was in one group before they were known to be this customer.

    `seen` rises; each is a time in ms × 4, + 0 for left, 1 for joined, 2 for spoke or claimed. `first_at` is the first
    sign of them, `forgot_at` the last touch that is not kept any more.
    """

    member_id: Id
    first_at: Time | None = None
    seen: tuple[Stamp, ...] = ()
    forgot_at: Time | None = None


# --- alert-signals: the brand's log ---------------------------------------------------------------------


class VerdictChanged(GroupEvent, frozen=True, kw_only=True, tag="verdict_changed", omit_defaults=True, gc=False):
    """A group's verdict is another since `occurred_at`, the end of the day that was judged. The key is the brand.

    Like all signals it stands before the tick that the same partition of chat-events forwards next.
    """

    origin_partition: Count
    verdict: Id
    was: Id
    risk: float
    model: Name = ""
    reasons: Annotated[tuple[Reason, ...], Meta(max_length=64)] = ()


class DropBegun(GroupEvent, frozen=True, kw_only=True, tag="drop_begun", omit_defaults=True, gc=False):
    """A group's members write far less than usual: known at `occurred_at`, the end of the last of those days.

    The key is the brand. `reasons` say how much less; `verdict` and `risk` are those of the day.
    """

    origin_partition: Count
    verdict: Id
    risk: float
    model: str = ""
    reasons: tuple[Reason, ...] = ()


class DropOver(GroupEvent, frozen=True, kw_only=True, tag="drop_over", omit_defaults=True, gc=False):
    """A drop is over at `occurred_at`: the group recovered, the new level has become its usual, or the group ended."""

    origin_partition: Count
    outcome: DropOutcome
    verdict: Id
    risk: float
    reasons: tuple[Reason, ...] = ()


class SourceBlind(Event, frozen=True, kw_only=True, tag="source_blind", omit_defaults=True, gc=False):
    """At a tick, a live source had said nothing for too long. Each partition of chat-events says so for itself.

    `source_name` is complete up to `complete_at`.
    """

    origin_partition: Count
    source_name: Id
    complete_at: Time


class SourceSeen(Event, frozen=True, kw_only=True, tag="source_seen", omit_defaults=True, gc=False):
    """At a tick, a source that was blind is so no longer, or is no longer live."""

    origin_partition: Count
    source_name: Id
    complete_at: Time


class Acknowledged(Event, frozen=True, kw_only=True, tag="acknowledged", omit_defaults=True, gc=False):
    """Somebody looks after an alert. `actor` is how they are called."""

    episode_id: Id
    actor: Id


class Snoozed(GroupEvent, frozen=True, kw_only=True, tag="snoozed", omit_defaults=True, gc=False):
    """Nobody is to be told of a group before `until`; a time that has passed ends a snooze. The key is the brand."""

    until: Time
    actor: Id


MemberTouchEvent = Touch | IdentityLinked | IdentityUnlinked | Tick
PurchaseEvent = Purchase | Refund | Touch | MemberSeen | LinkChanged | Tick
AlertSignal = VerdictChanged | DropBegun | DropOver | SourceBlind | SourceSeen | Acknowledged | Snoozed | Tick

EVENTS: dict[str, tuple[type[Event], ...]] = {
    "chat-events": ChatEvent.__args__,
    "member-touches": MemberTouchEvent.__args__,
    "purchases": PurchaseEvent.__args__,
    "alert-signals": AlertSignal.__args__,
}

OF_CUSTOMERS = (Purchase, Refund, IdentityLinked, IdentityUnlinked)
"""What comes from outside and is of no group: it is on no day of a group that a tick closes."""

NOBODY = "/~unattributed"
"""How the group_id ends under which a brand's orders stand that no group can claim. It is no group."""

encode = msgspec.json.Encoder().encode


def unattributed_group(brand_id: str) -> str:
    """The group_id under which a brand's orders stand that no group can claim."""
    return f"{brand_id}{NOBODY}"
