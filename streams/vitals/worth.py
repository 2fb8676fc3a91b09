"""What a group's worth is made of, kept as it happens; and the worth, made when a day closes.

A group is judged when a week has passed, when its verdict is another, after a benefit, and when its registry said
something new: then one walk over its members and a year of its panes; on all other days nothing. Kept beside panes and
ledger are the benefits of a year, MAX_BENEFITS at most, a count of planned posts for each of `ads_days`, and one
appraisal: some 1 KB for a group, 4 KB at most.
"""

from collections.abc import Iterable, Iterator, Sequence
from heapq import nlargest

from streams import events as e
from streams.vitals.appraisal import Appraisal, Facts, appraise
from streams.vitals.members import TALKER_SCORE, Member
from streams.vitals.panes import day_of, window
from streams.vitals.policy import DAY_MS, HOUR_MS, Policy, WorthPolicy
from streams.vitals.state import GroupState, Worth

MAX_BENEFITS = 256
"""Of a group that gets more within a year, the latest count."""
CORE, CORE_LEAST = 5, 3
"""So many of those who once wrote most are the old core; fewer are none."""
_WELL = ("healthy", "forming", "revived")


def sold(state: GroupState, event: e.OrderAttributed) -> None:
    """An order, or one that is taken back; a refunded order was an order."""
    if event.refund_id is None:
        state.worth.orders += 1


def given(state: GroupState, event: e.Benefit) -> None:
    """A benefit and what it cost, if that is known in the group's currency; a benefit for nothing is none known."""
    worth = state.worth
    is_ours = event.currency in {None, state.currency}
    worth.benefits[event.occurred_at] = worth.benefits.get(event.occurred_at, 0) + event.amount * is_ours
    if len(worth.benefits) > MAX_BENEFITS:
        del worth.benefits[min(worth.benefits)]
    worth.is_due = True


def posted(state: GroupState, event: e.Post) -> None:
    """A planned post."""
    day = day_of(event.occurred_at)
    state.worth.posts[day] = state.worth.posts.get(day, 0) + 1


def described(state: GroupState, event: e.GroupCreated) -> None:
    """The registry said something."""
    state.worth.purpose = event.purpose or state.worth.purpose
    state.worth.is_due = True


def close_worth(state: GroupState, day: int, policy: Policy) -> None:
    """Judge the group at the end of a day if that is due. `state` has the day's verdict already."""
    worth, own = state.worth, policy.worth
    has_time_passed = day - worth.judged_day >= own.every_days
    if not (has_time_passed or worth.is_due or worth.judged_as != state.verdict):
        return
    worth.is_due, worth.judged_day, worth.judged_as = False, day, state.verdict
    at = (day + 1) * DAY_MS
    worth.benefits = {time: cost for time, cost in worth.benefits.items() if time > at - own.year_days * DAY_MS}
    worth.posts = {posted_on: count for posted_on, count in worth.posts.items() if posted_on > day - own.ads_days}
    if state.verdict == "ended":
        worth.appraisal = Appraisal()
        return
    if state.verdict in _WELL:
        worth.answered = _answered(state, day, own)
    facts = _facts(state, day, own)
    worth.appraisal = appraise(facts, own, _usual_revenue(state, day, facts.revenue, own))


def _usual_revenue(state: GroupState, day: int, revenue: int, policy: WorthPolicy) -> int:
    """What 28 days of the group's year brought, in minor units, not below 0: what there is to lose."""
    lived = day - day_of(state.first_event_at or 0) + 1
    return max(0, 28 * revenue // max(28, min(policy.year_days, lived)))


def _answered(state: GroupState, day: int, policy: WorthPolicy) -> float | None:
    """The share of member messages that were answered: kept from the days when the group was well."""
    days = window(state.panes, day, policy.care_days)
    messages = sum(pane.messages for pane in days)
    if messages < policy.care_least_messages:
        return state.worth.answered
    return min(1.0, sum(pane.answered for pane in days) / messages)


def _facts(state: GroupState, day: int, policy: WorthPolicy) -> Facts:
    """One walk over the members, and sums of panes."""
    at, worth = (day + 1) * DAY_MS, state.worth
    year_ago = at - policy.year_days * DAY_MS
    people = [member for member in state.ledger.by_id.values() if member.role == "member"]
    gone = [member.presence_at for member in people if not member.is_present and member.presence_at >= year_ago]
    left = _left(state, gone, day, policy)
    regulars = [member for member in people if _was_regular(member, policy)]
    core = nlargest(CORE, (one for one in regulars if one.score >= TALKER_SCORE), key=_habit)
    core = core if len(core) >= CORE_LEAST else []
    knows_leaving = left is not None
    lift, cost = _benefit_return(state, day, policy)
    claimers, exposed = _last_benefit(people, worth, at, policy)
    year, quarter = (window(state.panes, day, days) for days in (policy.year_days, policy.ads_days))
    return Facts(
        verdict=state.verdict,
        purpose=worth.purpose,
        members=state.ledger.members,
        people=state.ledger.members + len(gone),
        is_selling=bool(state.currency),
        has_bought=worth.orders > 0 or any(pane.orders for pane in year),
        payers=_payers(people, worth.orders, year_ago),
        revenue=sum(pane.revenue for pane in year),
        revenue_half=_reference(state, policy),
        benefit_lift=lift,
        benefit_cost=cost,
        regulars=len(regulars) if knows_leaving else None,
        regulars_here=sum(member.is_present for member in regulars),
        core=len(core),
        core_here=sum(member.is_present for member in core),
        gone=left,
        muted=state.muted if worth.has_mutes or state.muted else None,
        claimers=claimers,
        exposed=exposed,
        answered=worth.answered,
        posts=sum(worth.posts.values()),
        ads=sum(pane.ads for pane in quarter),
        messages=sum(pane.messages for pane in quarter),
    )


def _reference(state: GroupState, policy: WorthPolicy) -> int | None:
    halves = policy.revenue_half
    return halves.get(f"{state.brand_id}/{state.currency}", halves.get(state.currency))


def _left(state: GroupState, gone: list[int], day: int, policy: WorthPolicy) -> int | None:
    """How many left of their own accord within `network_days` and stayed away.

    By the ledger, for a roster tells of leaves that no event did. Unknown where nobody is ever seen to come or go, and
    where so many do that it means nothing.
    """
    year, recent = (window(state.panes, day, days) for days in (policy.year_days, policy.network_days))
    if not state.has_roster and not any(pane.joins or pane.leaves for pane in year):
        return None
    since = (day + 1 - policy.network_days) * DAY_MS
    left = max(0, sum(at >= since for at in gone) - sum(pane.kicked for pane in recent))
    is_aimless = sum(pane.leaves for pane in recent) > policy.aimless_leaves * (state.ledger.members + left)
    return None if is_aimless else left


def _was_regular(member: Member, policy: WorthPolicy) -> bool:
    """Whether they once had the habit of writing every week, as it stood when they last wrote.

    Of whom a value of an older version knows no days, as many weeks between the first word and the last must do.
    """
    if member.score < policy.regular_score:
        return False
    if member.activity is not None:
        return member.activity.days >= policy.regular_days
    weeks = ((member.last_message_at or 0) - (member.first_message_at or 0)) // (7 * DAY_MS)
    return weeks >= policy.regular_days - 1


def _habit(member: Member) -> tuple[float, int]:
    return member.score, -member.number


def _payers(people: Sequence[Member], orders: int, since: int) -> int | None:
    """Members here who bought since a time; unknown where orders came and none is of anybody that the group knows."""
    buyers = [(member, member.trade.bought_at[0]) for member in people if member.trade and member.trade.bought_at]
    if orders and not buyers:
        return None
    return sum(member.is_present and at >= since for member, at in buyers)


def _last_benefit(people: Sequence[Member], worth: Worth, at: int, policy: WorthPolicy) -> tuple[int, int | None]:
    """Of those who were here when the last benefit came, how many took it at once.

    One that is a few hours old says nothing yet: then the one before stands. Unknown before the first claim of all.
    """
    claimed_at = [_last_claim(member) for member in people]
    if not worth.benefits or not any(claimed_at):
        return 0, None
    length, given_at = policy.claim_hours * HOUR_MS, max(worth.benefits)
    if given_at + length > at:
        return worth.claimers, worth.exposed
    here = [
        (member.joined_at is None or member.joined_at < given_at + length)
        and (member.is_present or member.presence_at > given_at)
        for member in people
    ]
    took = [given_at <= at < given_at + length for at in claimed_at]
    worth.exposed = sum(here)
    worth.claimers = sum(was_here and has_taken for was_here, has_taken in zip(here, took, strict=True))
    return worth.claimers, worth.exposed


def _last_claim(member: Member) -> int:
    return (member.trade.last_claim_at or 0) if member.trade is not None else 0


def _benefit_return(state: GroupState, day: int, policy: WorthPolicy) -> tuple[float | None, int]:
    """The revenue that the year's benefits were followed by, beyond that of the days before them; and their cost.

    Benefits within `benefit_days` of each other are one campaign: their windows would overlap. It counts when its last
    window is over, if the days before it lie in the group's life and all its costs are known.
    """
    length, first_day = policy.benefit_days, day_of(state.first_event_at or 0)
    lift, total = None, 0
    for campaign in _campaigns(state.worth.benefits, length):
        first, last = day_of(campaign[0]), day_of(campaign[-1])
        cost = sum(state.worth.benefits[time] for time in campaign)
        if first - length < first_day or last + length > day or not all(map(state.worth.benefits.get, campaign)):
            continue
        days = last - first + length
        after = sum(pane.revenue for pane in window(state.panes, first + days - 1, days))
        before = sum(pane.revenue for pane in window(state.panes, first - 1, length))
        lift, total = (lift or 0.0) + after - before * days / length, total + cost
    return lift, total


def _campaigns(benefits: Iterable[int], days: int) -> Iterator[list[int]]:
    """The times of benefits, those within so many days of the one before together."""
    campaign: list[int] = []
    for time in sorted(benefits):
        if campaign and day_of(time) - day_of(campaign[-1]) > days:
            yield campaign
            campaign = []
        campaign.append(time)
    if campaign:
        yield campaign
