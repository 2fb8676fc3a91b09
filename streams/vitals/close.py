"""The end of a group's day: risk, verdict and reasons move here, and only here."""

from collections.abc import Sequence

import msgspec

from streams.vitals.ads import close_ads
from streams.vitals.carriers import close_carriers
from streams.vitals.drivers import drivers
from streams.vitals.drop import DropChange
from streams.vitals.engagement import Windows, windows
from streams.vitals.features import features
from streams.vitals.month import Month
from streams.vitals.panes import PANE_DAYS, day_of, seal
from streams.vitals.points import Entry
from streams.vitals.points_close import close_points
from streams.vitals.policy import DAY_MS, Policy
from streams.vitals.probes import ProbeOutcome, close_probes
from streams.vitals.referrals import Root
from streams.vitals.responses import Response, close_posts
from streams.vitals.risk import Model, assess
from streams.vitals.silence import is_monologue, is_still_monologue
from streams.vitals.state import Assessment, GroupState
from streams.vitals.talk import forget_messages
from streams.vitals.verdict import decide, reasons
from streams.vitals.welcome import close_welcomes
from streams.vitals.worth import close_worth
from streams.vitals.year import Year


class Closed(msgspec.Struct, frozen=True, gc=False):
    """A group at the end of a day: its windows, and what its risk was made of."""

    windows: Windows
    features: tuple[float | None, ...]
    logit: float
    """Of the risk, before the community's intercept."""
    drop: DropChange | None = None
    """That one began or is over; see `drop.py`."""
    probes: Sequence[ProbeOutcome] = ()
    posts: Sequence[Response] = ()
    has_carriers: bool = False
    """There is news of who carries the group."""
    roots: Sequence[Root] = ()
    """Of referrals, those that changed."""
    points: Sequence[Entry] = ()


def close_day(
    state: GroupState,
    day: int,
    policy: Policy,
    model: Model,
    month: Month,
    *,
    community: float = 0.0,
    is_observed: bool = True,
) -> Closed:
    """End one UTC day of a group; what follows from it is in `state`.

    `month` is up to that day. `community` is the intercept of the group's community. A day that is not observed
    leaves the year as it was.
    """
    if not is_observed:
        state.unseen.append(day)
    seen = windows(state, (day + 1) * DAY_MS, month)
    close_welcomes(state, day, policy)
    close_ads(state, day, seen.ads_28d, seen.messages_28d + seen.staff_messages_28d, policy)
    told = seen.messages_28d, seen.staff_messages_28d
    goes_on = state.ads.is_monologue and is_still_monologue(*told, policy)
    state.ads.is_monologue = goes_on or is_monologue(*told, seen.speakers_7d, policy)
    probes, posts = close_probes(state, day), close_posts(state, day)
    year = _year(state, day, month)
    weeks = year.weeks()
    inputs = features(year, weeks, state, seen)
    risk = assess(model, inputs, community)
    messages_56d, usual_56d = sum(weeks[:8]), 56 * sum(weeks) / (year.days or 1)
    silent = year.silent_days()
    longest = year.longest_silence(policy.rhythm_min_active_days) if silent >= policy.rhythm_days else None
    state.risk = risk.value
    state.assessment = Assessment(
        model=model.name,
        usual_risk=risk.usual,
        community=community,
        drivers=drivers(risk, year, inputs, messages_56d, usual_56d),
        messages_56d=messages_56d,
        usual_56d=usual_56d,
        silent_days=silent,
        longest_silence=-1 if longest is None else longest,
        watched_days=year.days,
        messages_7d=sum(weeks[:1]),
    )
    verdict = decide(state, seen, policy)
    if verdict != state.verdict or state.verdict_since is None:
        state.verdict, state.verdict_since = verdict, seen.at
    state.reasons = reasons(state, seen, policy)
    has_carriers, roots = close_carriers(state, day, month, seen.claims_28d, policy.carriers)
    close_worth(state, day, policy)
    points = close_points(state, day, policy)
    _forget(state, day, seen.at, policy)
    state.closed_day = day
    return Closed(
        seen, inputs, risk.logit, probes=probes, posts=posts, has_carriers=has_carriers, roots=roots, points=points
    )


def _year(state: GroupState, day: int, month: Month) -> Year:
    """The group's year up to a day. It is moved on where it can be; with days unseen in it, it is added up anew."""
    first_day = day + 1 if state.first_message_at is None else day_of(state.first_message_at)
    if day < first_day:  # its life has not begun, though its first message may be known where many days close at once
        return Year(state.panes, day, day + 1, ())
    year = month.year
    if year is not None and year.last_day == day - 1 and not state.unseen:
        year.advance(state.panes)
        return year
    month.year = Year(state.panes, day, first_day, state.unseen)
    return month.year


def _forget(state: GroupState, day: int, at: int, policy: Policy) -> None:
    """Drop what no window that ends later reaches."""
    from_day = min(state.panes, default=day) if state.closed_day is None else state.closed_day + 1
    seal(state.panes, day, from_day)
    forget_messages(state, at)
    if day % 28 == 0:
        state.ledger.forget_gone(at, policy.core_memory_days)
    if state.unseen and state.unseen[0] <= day - PANE_DAYS:
        state.unseen = [unseen for unseen in state.unseen if unseen > day - PANE_DAYS]
