"""All that is known of one group: one value, and how an event finds its place in it."""

import msgspec

from streams import events as e
from streams.vitals.absorbed import Absorbed
from streams.vitals.ads import Ads
from streams.vitals.appraisal import Appraisal
from streams.vitals.freebie import Freebie
from streams.vitals.leaders import Leaders
from streams.vitals.ledger import AWAKE_MS, Ledger
from streams.vitals.lifecycle import Lifecycle
from streams.vitals.members import Member
from streams.vitals.panes import DETAIL_DAYS, PANE_DAYS, DayPane, rest, stored
from streams.vitals.points import PointsBook
from streams.vitals.policy import DAY_MS, HOUR_MS
from streams.vitals.probes import Probes
from streams.vitals.referrals import Referrals
from streams.vitals.responses import Responses
from streams.vitals.rows import Reason
from streams.vitals.ties import Ties
from streams.vitals.welcome import Welcome


class Assessment(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """How the risk came about when the last day closed, in watched days. Appended fields need defaults.

    `drivers` and `usual_risk` add up to the risk; `community` is the intercept that was in force. `longest_silence` is
    that of the year in days, -1 where nobody need ask: the present one is short, or too few days had a message.
    """

    model: str = ""
    usual_risk: float = 0.0
    community: float = 0.0
    drivers: tuple[Reason, ...] = ()
    messages_56d: int = 0
    usual_56d: float = 0.0
    silent_days: int = 0
    longest_silence: int = -1
    watched_days: int = 0
    messages_7d: int = 0


class Drop(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An engagement drop since the end of `day` (UTC): `seen` of `expected` capped messages in `days` days.

    `usual` is what a weekday let expect then (1970-01-01 is 0). Appended fields need defaults.
    """

    day: int
    days: int
    seen: int
    expected: float
    usual: tuple[float, ...]


class Worth(msgspec.Struct, array_like=True, gc=False):
    """What `worth.py` remembers of a group. Appended fields need defaults.

    `orders` are all there ever were, `benefits` what each cost by its time in ms (0: not known), `posts` the planned
    ones by UTC day. `answered` is the share of messages answered while the verdict was good. `claimers` of `exposed`
    took the last benefit that was judged. `appraisal` was made at the end of `judged_day` for the verdict `judged_as`,
    when the group was nothing but ads or was not.
    """

    purpose: str = ""
    orders: int = 0
    has_mutes: bool = False
    is_due: bool = False
    benefits: dict[int, int] = {}
    posts: dict[int, int] = {}
    answered: float | None = None
    claimers: int = 0
    exposed: int | None = None
    judged_day: int = -1
    judged_as: str = ""
    appraisal: Appraisal = Appraisal()
    is_ad_only: bool = False


class GroupState(msgspec.Struct, array_like=True, gc=False):
    """One group. Appended fields need defaults: stored values have fewer (see the upcast test).

    `offset` is the last event absorbed; `closed_day` the last UTC day that an evaluation closed; `row_at` the
    time of the last row that told news. `remembered` maps a hash of a message's event_id to time × 2^20 + member
    number, for a staff message to −time × 2^20: who has another role by then is recalled as what they were.
    0 is a message that was recalled, perhaps before it came. `late` counts events too old for any pane.
    `last_event_at` is the latest time that any connector told of. `unseen` are closed days that nobody watched, as far
    back as panes reach. Only with a full list of members, `has_roster`, are the counts of members more than a guess;
    `muted` of them will hear no message. `alarms` are the times at which those of the last year began; `proposed` is
    what the last day said of a group in no alarm.
    """

    group_id: str
    brand_id: str
    platform: str
    offset: int = -1
    name: str = ""
    owner: str = ""
    currency: str = ""
    planned_end_at: int | None = None
    ended_at: int | None = None
    end_reason: str = ""
    first_event_at: int | None = None
    first_message_at: int | None = None
    last_message_at: int | None = None
    last_benefit_at: int | None = None
    messages: int = 0
    speakers_ever: int = 0
    late: int = 0
    unknown_recalls: int = 0
    other_currency_orders: int = 0
    closed_day: int | None = None
    has_news: bool = False
    row_at: int = -1
    verdict: str = "forming"
    verdict_since: int | None = None
    proposed: str = "forming"
    risk: float = 0.0
    reasons: tuple[Reason, ...] = ()
    awaiting_author: int = -1
    awaiting: list[int] = []
    sources: list[str] = []
    panes: dict[int, DayPane] = {}
    ledger: Ledger = msgspec.field(default_factory=Ledger)
    absorbed: Absorbed = msgspec.field(default_factory=Absorbed)
    remembered: dict[int, int] = {}
    last_event_at: int = -1
    timezone: str = ""
    unseen: list[int] = []
    assessment: Assessment = Assessment()
    has_roster: bool = False
    alarm_since: int | None = None
    alarms: list[int] = []
    muted: int = 0
    drop: Drop | None = None
    worth: Worth = msgspec.field(default_factory=Worth)
    ties: Ties = msgspec.field(default_factory=Ties)
    leaders: Leaders = Leaders()
    freebie: Freebie = Freebie()
    referrals: Referrals = msgspec.field(default_factory=Referrals)
    probes: Probes = msgspec.field(default_factory=Probes)
    responses: Responses = msgspec.field(default_factory=Responses)
    welcome: Welcome = msgspec.field(default_factory=Welcome)
    ads: Ads = msgspec.field(default_factory=Ads)
    points: PointsBook | None = None
    lifecycle: Lifecycle = msgspec.field(default_factory=Lifecycle)


def at_rest(state: GroupState) -> GroupState:
    """What is to be encoded in place of a group. Members who did nothing of late rest from now on, and closed days."""
    state.ledger.rest(state.last_event_at - AWAKE_MS)
    ledger = state.ledger.stored()
    if ledger is state.ledger:
        return state
    if state.closed_day is not None:
        rest(state.panes, state.closed_day)
    return msgspec.structs.replace(state, ledger=ledger, panes=stored(state.panes))


def pane_of(state: GroupState, time: int) -> DayPane | None:
    """The pane of a time; None when it is too old for any window (then it is counted as late)."""
    day = time // DAY_MS
    pane = state.panes.get(day)
    if pane is None:
        closed = state.closed_day
        if closed is not None and day <= closed - PANE_DAYS:
            state.late += 1
            return None
        pane = state.panes[day] = DayPane(is_sealed=closed is not None and day <= closed - DETAIL_DAYS)
    return pane


def acting_member(state: GroupState, event: e.MemberEvent) -> Member:
    """The acting member; to act is to be present."""
    member = state.ledger.find(event.member_id)
    if member is None or member.role != event.role:
        member = state.ledger.get(event.member_id, event.role)
        state.lifecycle.changed[event.member_id] = 0
    time = event.occurred_at
    if not member.is_present and state.ledger.set_present(member, time, is_present=True):
        member.touched_hour = -1  # back without a join: attribution believes them gone
        state.lifecycle.changed[event.member_id] = 0
    if time > member.last_action_at:  # noqa: PLR1730 - half the cost of max() on the hottest path
        member.last_action_at = time
    return member


def touch(member: Member, time: int, kind: e.TouchKind) -> e.TouchKind | None:
    """One touch per member and hour is enough to attribute by; only members buy."""
    hour = time // HOUR_MS
    if member.touched_hour == hour or member.role != "member":
        return None
    member.touched_hour = hour
    return kind
