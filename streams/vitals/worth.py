"""What a group's worth is made of, kept as it happens; and the worth, made when a day closes.

A group that is ill is judged weekly, when its verdict is another, after a benefit and when its registry said something
new; one that is well every four weeks. Then it is a few walks over its members and panes; on other days nothing. Kept
beside panes and ledger are the benefits of a year, MAX_BENEFITS at most, a count of planned posts for each day of
`network_days`, and one appraisal: some 1 KB for a group, 5 KB at most.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import nlargest
from itertools import accumulate

from streams import events as e
from streams.vitals.appraisal import ILL, Appraisal, Facts, appraise
from streams.vitals.freebie import Freebie, freebie
from streams.vitals.members import TALKER_SCORE, Member, Trade
from streams.vitals.panes import MAX_REVENUE, DayPane, day_of, window
from streams.vitals.policy import DAY_MS, HOUR_MS, Policy, WorthPolicy
from streams.vitals.state import GroupState, Worth

MAX_BENEFITS = 256
"""Of a group that gets more within a year, the latest count."""
CORE, CORE_LEAST = 5, 3
"""So many of those who once wrote most are the old core; fewer are none."""
NO_CLAIMS = Freebie()
_WELL = ("healthy", "forming", "revived")


def sold(state: GroupState, event: e.OrderAttributed) -> None:
    """An order, or the share of one that was another's; a refunded order was an order."""
    worth = state.worth
    if event.refund_id is None:
        worth.is_due = True
        worth.orders += 1 if event.reverses is None else -1


def given(state: GroupState, event: e.Benefit) -> None:
    """A benefit and what it cost, if that is known in the group's currency; a benefit for nothing is none known."""
    worth = state.worth
    is_ours = event.currency in {None, state.currency}
    cost = worth.benefits.get(event.occurred_at, 0) + event.amount * is_ours
    worth.benefits[event.occurred_at] = min(MAX_REVENUE, cost)
    if len(worth.benefits) > MAX_BENEFITS:
        del worth.benefits[min(worth.benefits)]
    worth.is_due = worth.is_due or state.verdict in ILL


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
    is_well = state.verdict in _WELL
    is_ad_only = state.ads.now.is_ad_only
    has_time_passed = day - worth.judged_day >= (own.well_every_days if is_well else own.every_days)
    if not (has_time_passed or worth.judged_as != state.verdict or worth.is_due or is_ad_only != worth.is_ad_only):
        return
    if is_well or worth.judged_as in _WELL:
        worth.answered = _answered(state, day, own)
    _judge(state, day, policy)


def look_again(state: GroupState, policy: Policy) -> None:
    """Judge anew by what came after the last day had closed: orders are attributed only when an import is over."""
    if state.closed_day is not None:
        _judge(state, state.closed_day, policy)


def _judge(state: GroupState, day: int, policy: Policy) -> None:
    worth = state.worth
    judged_before, worth.judged_day, worth.judged_as, worth.is_due = worth.judged_day, day, state.verdict, False
    worth.is_ad_only = state.ads.now.is_ad_only
    if state.verdict == "ended":
        worth.appraisal = Appraisal()
        _forget(worth, day, policy.worth)
        return
    facts = _facts(state, day, judged_before, policy)
    worth.appraisal = appraise(facts, policy.worth, _usual_revenue(state, day, facts.revenue, policy.worth))


def _usual_revenue(state: GroupState, day: int, revenue: int, policy: WorthPolicy) -> int:
    """What 28 days of the group's year brought, in minor units, not below 0: what there is to lose."""
    lived = day - day_of(state.first_event_at or 0) + 1
    return max(0, 28 * revenue // max(28, min(policy.year_days, lived)))


def _answered(state: GroupState, day: int, policy: WorthPolicy) -> float | None:
    """The share of member messages that were answered: kept from the days when the group was well."""
    days = window(state.panes, day, policy.care_days)
    messages = sum([pane.messages for pane in days])
    if messages < max(1, policy.care_least_messages):
        return state.worth.answered
    return min(1.0, sum([pane.answered for pane in days]) / messages)


def _facts(state: GroupState, day: int, judged_before: int, whole: Policy) -> Facts:
    """Light walks over the members, and sums of panes."""
    policy = whole.worth
    at, worth = (day + 1) * DAY_MS, state.worth
    year_ago, quarter = at - policy.year_days * DAY_MS, window(state.panes, day, policy.network_days)
    people = state.ledger.people()
    gone, trades, regulars = [], [], []
    for one in people:
        if not one.is_present and one.presence_at >= year_ago:
            gone.append(one.presence_at)
        if one.trade is not None:
            trades.append((one.is_present, one.trade))
        if one.score >= policy.regular_score and _has_habit(one, policy):
            regulars.append((one.score, -one.number, one.is_present))
    left = _left(state, gone, quarter, at, policy)
    core = nlargest(CORE, [one for one in regulars if one[0] >= TALKER_SCORE])
    core = core if len(core) >= CORE_LEAST else []
    money = _Revenue(state.panes)
    _forget(worth, day, policy)
    lift, cost = _benefit_return(state, money, day, policy)
    _look_at_last_benefit(people, worth, at, judged_before, policy)
    has_claims = any(trade.claims for _, trade in trades)
    hunters = freebie(people, state.panes, day, whole.carriers) if has_claims else NO_CLAIMS
    return Facts(
        verdict=state.verdict,
        purpose=worth.purpose,
        members=state.ledger.members,
        people=state.ledger.members + len(gone),
        age_days=day - day_of(state.first_event_at or 0) + 1,
        is_selling=bool(state.currency),
        has_bought=worth.orders > 0 or money.days > 0,
        payers=_payers(trades, worth.orders, year_ago),
        revenue=money.between(day - policy.year_days + 1, day),
        revenue_half=_reference(state, policy),
        benefit_lift=lift,
        benefit_cost=cost,
        regulars=None if left is None else len(regulars),
        regulars_here=sum([is_here for _, _, is_here in regulars]),
        core=len(core),
        core_here=sum([is_here for _, _, is_here in core]),
        gone=left,
        muted=state.muted if worth.has_mutes or state.muted else None,
        claimers=worth.claimers,
        exposed=worth.exposed,
        answered=worth.answered,
        doers=hunters.active if hunters.share is not None else None,
        takers=hunters.takers,
        posts=sum(worth.posts.values()),
        ads=sum([pane.ads for pane in quarter]),
        messages=sum([pane.messages for pane in quarter]),
        ad_share=state.ads.now.share if worth.is_ad_only else None,
        ad_senders=state.ads.now.senders,
    )


def _forget(worth: Worth, day: int, policy: WorthPolicy) -> None:
    """Drop what no judgement that comes later asks for."""
    oldest, first_day = (day + 1 - policy.year_days) * DAY_MS, day - policy.network_days
    worth.benefits = {time: cost for time, cost in worth.benefits.items() if time > oldest}
    worth.posts = {posted_on: count for posted_on, count in worth.posts.items() if posted_on > first_day}


class _Revenue:
    """The revenue of a group's panes, summed up so that any window of it is one subtraction."""

    __slots__ = ("_on", "_sums", "days")

    def __init__(self, panes: Mapping[int, DayPane]) -> None:
        found = sorted([(on, pane.revenue) for on, pane in panes.items() if pane.orders or pane.revenue])
        self._on = [on for on, _ in found]
        self._sums = [0, *accumulate([amount for _, amount in found])]
        self.days = len(found)

    def between(self, first: int, last: int) -> int:
        """Of the days from `first` to `last`, both included, in minor units."""
        return self._sums[bisect_right(self._on, last)] - self._sums[bisect_left(self._on, first)]


def _reference(state: GroupState, policy: WorthPolicy) -> int | None:
    halves = policy.revenue_half
    return halves.get(f"{state.brand_id}/{state.currency}", halves.get(state.currency))


def _left(
    state: GroupState, gone: Sequence[int], quarter: Sequence[DayPane], at: int, policy: WorthPolicy
) -> int | None:
    """How many left of their own accord within `network_days` and stayed away.

    By the ledger, for a roster tells of leaves that no event did. Unknown where nobody is ever seen to come or go, and
    where so many do that it means nothing.
    """
    if not state.has_roster and not any(pane.joins or pane.leaves for pane in state.panes.values()):
        return None
    since = at - policy.network_days * DAY_MS
    left = max(0, sum([time >= since for time in gone]) - sum([pane.kicked for pane in quarter]))
    leaves = sum([pane.leaves for pane in quarter])
    return None if leaves > policy.aimless_leaves * (state.ledger.members + left) else left


def _has_habit(member: Member, policy: WorthPolicy) -> bool:
    """Whether they wrote on so many days that their score is a habit.

    Of whom a value of an older version knows no days, as many weeks between the first word and the last must do.
    """
    if member.activity is not None:
        return member.activity.days >= policy.regular_days
    weeks = ((member.last_message_at or 0) - (member.first_message_at or 0)) // (7 * DAY_MS)
    return weeks >= policy.regular_days - 1


def _payers(trades: Sequence[tuple[bool, Trade]], orders: int, since: int) -> int | None:
    """Members here who bought since a time; unknown where orders came and none is of anybody that the group knows."""
    buyers = [(is_here, trade.bought_at[0]) for is_here, trade in trades if trade.bought_at]
    if orders and not buyers:
        return None
    return sum([is_here and at >= since for is_here, at in buyers])


def _look_at_last_benefit(
    people: Iterable[Member], worth: Worth, at: int, judged_before: int, policy: WorthPolicy
) -> None:
    """Of those who were here when the last benefit came, how many took it at once.

    One that is a few hours old says nothing yet: then the one before stands. Unknown before the first claim of all.
    """
    length = policy.claim_hours * HOUR_MS
    given_at = max(worth.benefits, default=at)
    if not worth.benefits:
        worth.claimers, worth.exposed = 0, None
    if given_at + length > at or (worth.exposed is not None and given_at + length <= (judged_before + 1) * DAY_MS):
        return
    until, claims, exposed = given_at + length, [], 0
    for one in people:
        if one.trade is not None and one.trade.claims:
            claims.append(one.trade.last_claim_at or 0)
        was_here = one.is_present or one.presence_at > given_at
        exposed += was_here and (one.joined_at is None or one.joined_at < until)
    if claims:
        worth.claimers = sum([given_at <= claimed_at < until for claimed_at in claims])
        worth.exposed = exposed


def _benefit_return(state: GroupState, money: _Revenue, day: int, policy: WorthPolicy) -> tuple[float | None, int]:
    """The revenue that the year's benefits were followed by, beyond that of the days before them; and their cost.

    Benefits within `benefit_days` of each other are one campaign: their windows would overlap. It counts when its last
    window is over, if the days before it lie in the group's life and all its costs are known.
    """
    length, first_day = policy.benefit_days, day_of(state.first_event_at or 0)
    lift, total, benefits = None, 0, state.worth.benefits
    for campaign in _campaigns(benefits, length):
        first, last = day_of(campaign[0]), day_of(campaign[-1])
        if first - length < first_day or last + length > day or 0 in map(benefits.get, campaign):
            continue
        days = last - first + length
        before = money.between(first - length, first - 1)
        lift = (lift or 0.0) + money.between(first, first + days - 1) - before * days / length
        total += sum([benefits[time] for time in campaign])
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
