"""What the views for BI must say, reckoned anew in plain Python from the events: no view, no fold, no table of ours."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from statistics import median_high
from typing import Any

from streams import events as e

WEEK = timedelta(days=7)
Cohort = tuple[str, str]
"""A group and the Monday of a week."""
Row = dict[str, Any]


def day_of(at: int) -> date:
    """The UTC day of a time in ms."""
    return datetime.fromtimestamp(at / 1000, UTC).date()


def monday_of(at: int) -> date:
    """The Monday of its week."""
    day = day_of(at)
    return day - timedelta(days=day.weekday())


def first_joins(events: Iterable[e.Event]) -> dict[tuple[str, str], date]:
    """Group and member → the Monday of the first join."""
    joins: dict[tuple[str, str], int] = {}
    for event in events:
        if isinstance(event, e.Join) and event.role == "member":
            key = event.group_id, event.member_id
            joins[key] = min(joins.get(key, event.occurred_at), event.occurred_at)
    return {key: monday_of(at) for key, at in joins.items()}


def weeks_over(monday: date, until: date) -> int:
    """How many whole weeks from a Monday on are over."""
    return max(0, (until - monday).days // 7)


def retention(events: list[e.Event], until: Mapping[str, date]) -> dict[tuple[str, str, int], tuple[int, int, int]]:
    """Group, Monday, week → joined, present, active."""
    comings: dict[tuple[str, str], list[tuple[int, bool]]] = defaultdict(list)
    acts: set[tuple[str, str, date]] = set()
    for event in events:
        if isinstance(event, e.MemberEvent) and event.role == "member":
            key = event.group_id, event.member_id
            if isinstance(event, e.Join | e.Leave):
                comings[key].append((event.occurred_at, isinstance(event, e.Join)))
            elif isinstance(event, e.Message | e.Reaction | e.Claim):
                acts.add((*key, monday_of(event.occurred_at)))
    counts: dict[tuple[str, str, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    for (group_id, member_id), monday in first_joins(events).items():
        for week in range(weeks_over(monday, until[group_id])):
            begins = monday + week * WEEK
            last = max((at, here) for at, here in comings[group_id, member_id] if day_of(at) < begins + WEEK)
            found = counts[group_id, str(monday), week]
            found[0] += 1
            found[1] += last[1]
            found[2] += (group_id, member_id, begins) in acts
    return {key: (joined, present, active) for key, (joined, present, active) in counts.items()}


def standing_shares(shares: Iterable[Row]) -> list[Row]:
    """The shares of orders and refunds without those taken back and what took them back."""
    taken_back = {share["reverses"] for share in shares if share["reverses"]}
    return [share for share in shares if not share["reverses"] and share["event_id"] not in taken_back]


def cohort_revenue(
    events: list[e.Event], shares: list[Row], until: Mapping[str, date], currencies: Mapping[str, str]
) -> dict[tuple[str, str, int], tuple[int, int, int, int]]:
    """Group, Monday, week → joined, buyers, orders, revenue."""
    joins = first_joins(events)
    buyers, orders, revenue = defaultdict(set), defaultdict(set), defaultdict(int)
    for share in standing_shares(shares):
        group_id, buyer = share["group_id"], share["member_id"] or share["customer_id"]
        monday = joins.get((group_id, buyer))
        if monday is None or not share["weight"]:
            continue
        key = group_id, monday, (monday_of(share["at"]) - monday).days // 7
        if not share["refund_id"]:
            buyers[key].add(buyer)
            orders[key].add(share["order_id"])
        if share["currency"] == currencies[group_id]:
            revenue[key] += share["amount"]
    sizes: dict[tuple[str, date], int] = defaultdict(int)
    for (group_id, _), monday in joins.items():
        sizes[group_id, monday] += 1
    rows = {}
    for (group_id, monday), joined in sizes.items():
        for week in range(weeks_over(monday, until[group_id])):
            key = group_id, monday, week
            rows[group_id, str(monday), week] = joined, len(buyers[key]), len(orders[key]), revenue[key]
    return rows


def group_revenue(shares: list[Row]) -> dict[tuple[str, str, str], tuple[int, int, int, int]]:
    """Group, day, currency → orders, buyers, revenue, refunded; only days with money."""
    found: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for share in standing_shares(shares):
        if share["weight"]:
            found[share["group_id"], str(day_of(share["at"])), share["currency"]].append(share)
    return {
        key: (
            len({one["order_id"] for one in some if not one["refund_id"]}),
            len({one["member_id"] or one["customer_id"] for one in some if not one["refund_id"]}),
            sum(one["amount"] for one in some),
            -sum(one["amount"] for one in some if one["refund_id"]),
        )
        for key, some in found.items()
    }


def stickiness(events: list[e.Event], until: Mapping[str, date]) -> dict[str, tuple[int, int, int]]:
    """Group → members who wrote on the last closed day, in its 7 days and in its 28, and summed over the 28 days."""
    recalled = {event.target for event in events if isinstance(event, e.Recall)}
    spoke: dict[tuple[str, date], set[str]] = defaultdict(set)
    for event in events:
        if isinstance(event, e.Message) and event.role == "member" and event.event_id not in recalled:
            spoke[event.group_id, day_of(event.occurred_at)].add(event.member_id)
    found = {}
    for group_id, end in until.items():
        days = [spoke[group_id, end - timedelta(days=back)] for back in range(1, 29)]
        found[group_id] = (len(days[0]), len(set[str]().union(*days)), sum(map(len, days)))
    return found


def newcomers(events: list[e.Event], shares: list[Row], until: Mapping[str, date]) -> dict[Cohort, Row]:
    """Group and Monday → the steps of those whose last join was in that week, and the median hours to a first word and
    a first order."""
    seen: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    kinds: dict[type, str] = {e.Join: "join", e.Leave: "leave", e.Message: "message", e.Claim: "claim"}
    for event in events:
        kind = kinds.get(type(event))
        if kind is None or not isinstance(event, e.MemberEvent) or event.role != "member":
            continue
        if day_of(event.occurred_at) < until[event.group_id]:
            seen[event.group_id, event.member_id][kind].append(event.occurred_at)
    bought: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for share in standing_shares(shares):
        if share["weight"] and not share["refund_id"] and day_of(share["at"]) < until.get(share["group_id"], date.min):
            bought[share["group_id"], share["member_id"] or share["customer_id"]][share["order_id"]] = share["at"]
    rows: dict[Cohort, Row] = {}
    words: dict[Cohort, list[float]] = defaultdict(list)
    orders: dict[Cohort, list[float]] = defaultdict(list)
    steps = "joined", "present", "spoke", "claimed", "bought", "bought_again"
    for key, acts in seen.items():
        if not acts["join"]:
            continue
        joined = max(acts["join"])
        cohort = key[0], str(monday_of(joined))
        row = rows.setdefault(cohort, dict.fromkeys(steps, 0))
        has_bought = max(bought[key].values(), default=-1) >= joined
        row["joined"] += 1
        row["present"] += joined > max(acts["leave"], default=-1)
        row["spoke"] += max(acts["message"], default=-1) >= joined
        row["claimed"] += max(acts["claim"], default=-1) >= joined
        row["bought"] += has_bought
        row["bought_again"] += has_bought and len(bought[key]) >= 2
        words[cohort] += hours_to_first(acts["message"], joined)
        orders[cohort] += hours_to_first(bought[key].values(), joined)
    for cohort, row in rows.items():
        row["hours_to_word"] = median_high(words[cohort]) if words[cohort] else None
        row["hours_to_order"] = median_high(orders[cohort]) if orders[cohort] else None
    return rows


def hours_to_first(times: Iterable[int], joined: int) -> list[float]:
    """From a join to the first of some times, in hours; none where that was before it."""
    first = min(times, default=-1)
    return [(first // 1000 - joined // 1000) / 3600] if first >= joined else []
