"""What a group's log tells of a group: its rows for the warehouse and its signals for the alert agent."""

from typing import Any

from streams.events import DropBegun, DropOver, SourceBlind, SourceSeen, VerdictChanged
from streams.vitals.drop import DropChange
from streams.vitals.engagement import Windows
from streams.vitals.insights import PostResponse, ProbeReport
from streams.vitals.packed import unpacked
from streams.vitals.panes import DayPane
from streams.vitals.policy import DAY_MS, HOUR_MS
from streams.vitals.probes import ProbeOutcome
from streams.vitals.responses import Response
from streams.vitals.rows import GroupVitals, MemberVitals, Output, Reason
from streams.vitals.sources import Source, View
from streams.vitals.state import GroupState
from streams.vitals.verdict import because, blind_reason

_no_pane = DayPane()


def vitals_row(state: GroupState, seen: Windows, at: int, offset: int, view: View) -> Output:
    """The group's vital signs as a row; a blind source makes the verdict stale and touches nothing else."""
    assessment, appraisal = state.assessment, state.worth.appraisal
    ads, waits = state.ads.now, state.welcome.now
    today, is_day_close = state.panes.get(seen.last_day, _no_pane), at % DAY_MS == 0 and view.blind_since is None
    is_whole = is_day_close or view.is_final or view.blind_since is not None
    verdict, since, why = state.verdict, state.verdict_since, state.reasons
    if view.blind_since is not None:
        verdict, since = "stale", view.blind_since
        why = blind_reason((at - view.blind_since) / HOUR_MS)
    row = GroupVitals(
        group_id=state.group_id,
        brand_id=state.brand_id,
        platform=state.platform,
        name=state.name,
        owner=state.owner,
        at=at,
        source_offset=offset,
        is_day_close=is_day_close,
        first_event_at=state.first_event_at or 0,
        ended_at=state.ended_at,
        planned_end_at=state.planned_end_at,
        verdict=verdict,
        verdict_since=at if since is None else since,
        risk=state.risk,
        model=assessment.model,
        usual_risk=assessment.usual_risk,
        community_intercept=assessment.community,
        drivers=assessment.drivers,
        messages_56d=assessment.messages_56d,
        usual_56d=assessment.usual_56d,
        unseen_days_56d=sum(day > seen.last_day - 56 for day in state.unseen) if state.unseen else 0,
        reasons=why,
        source_complete_at=view.complete_at,
        members=state.ledger.members,
        staff=state.ledger.staff,
        messages_all=state.messages,
        currency=state.currency,
        timezone=state.timezone,
        messages_day=today.messages,
        staff_messages_day=today.staff_messages,
        speakers_day=today.speakers,
        replies_day=today.replies,
        joins_day=today.joins,
        leaves_day=today.leaves,
        orders_day=today.orders,
        revenue_day=today.revenue,
        active_days_28d=seen.active_days_28d,
        age_days=seen.age_days,
        answered_share_28d=seen.answered_share_28d,
        breadth_28d=seen.breadth_28d,
        buyers_28d=seen.buyers_28d,
        capped_messages_28d=seen.capped_messages_28d,
        claims_28d=seen.claims_28d,
        joins_28d=seen.joins_28d,
        kicked_28d=seen.kicked_28d,
        last_member_message_at=seen.last_member_message_at,
        leaves_28d=seen.leaves_28d,
        left_28d=seen.left_28d,
        messages_1d=seen.messages_1d,
        messages_28d=seen.messages_28d,
        messages_7d=seen.messages_7d,
        newcomer_spoke_share=seen.newcomer_spoke_share,
        orders_28d=seen.orders_28d,
        reactions_28d=seen.reactions_28d,
        replies_28d=seen.replies_28d,
        revenue_28d=seen.revenue_28d,
        silent_hours=seen.silent_hours,
        speakers_1d=seen.speakers_1d,
        speakers_28d=seen.speakers_28d,
        speakers_7d=seen.speakers_7d,
        staff_messages_28d=seen.staff_messages_28d,
        staff_messages_7d=seen.staff_messages_7d,
        is_monologue=state.ads.is_monologue,
        is_ad_only=ads.is_ad_only,
        ad_messages_28d=ads.ads,
        ad_share_28d=ads.share,
        ad_senders_28d=ads.senders,
        newcomers_28d=seen.newcomers_28d,
        welcomes_28d=waits.welcomes,
        welcome_minutes_28d=waits.welcome_minutes,
        staff_responses_28d=waits.staff_answers,
        staff_response_minutes_28d=waits.staff_minutes,
        member_responses_28d=waits.member_answers,
        member_response_minutes_28d=waits.member_minutes,
        purpose=state.worth.purpose,
        worth=appraisal.worth,
        worth_known=appraisal.known,
        worth_parts=appraisal.parts if is_whole else (),
        advice=appraisal.step,
        advice_reasons=appraisal.reasons if is_whole else (),
        revenue_at_risk=appraisal.revenue_at_risk,
    )
    return Output("group-vitals", state.group_id, row)


def verdict_signal(state: GroupState, was: str, at: int, origin: str, partition: int) -> Output:
    """The change of a verdict, for the alert agent of the brand."""
    head = _head(state, "verdict", at, origin, partition)
    signal = VerdictChanged(**head, was=was, model=state.assessment.model, reasons=state.reasons)
    return Output("alert-signals", state.brand_id, signal)


def drop_signal(state: GroupState, drop: DropChange, at: int, origin: str, partition: int) -> Output:
    """That a drop has begun or is over, for the alert agent of the brand."""
    head, reasons = _head(state, "drop", at, origin, partition), (drop_reason(drop),)
    if drop.outcome:
        return Output("alert-signals", state.brand_id, DropOver(**head, outcome=drop.outcome, reasons=reasons))
    begun = DropBegun(**head, model=state.assessment.model, reasons=reasons)
    return Output("alert-signals", state.brand_id, begun)


def _head(state: GroupState, what: str, at: int, origin: str, partition: int) -> dict[str, Any]:
    """What each signal of a group says."""
    return {
        "event_id": f"{what}/{state.group_id}/{at}",
        "occurred_at": at,
        "brand_id": state.brand_id,
        "platform": state.platform,
        "source": origin,
        "group_id": state.group_id,
        "origin_partition": partition,
        "verdict": state.verdict,
        "risk": state.risk,
    }


def drop_reason(drop: DropChange) -> Reason:
    """A drop or its end in numbers: what was seen in so many days, and what was expected."""
    code = {"": "drop", "settled": "drop_settled"}.get(drop.outcome, "drop_over")
    share = drop.seen / drop.expected if drop.expected else 0.0
    expected = round(drop.expected, 1)
    return because(code, seen=drop.seen, expected=expected, share=round(share, 3), days=drop.days)


def source_signal(name: str, source: Source, tick: int, origin: str, partition: int) -> Output:
    """That a source is blind, or no longer, for the alert agent of its brand."""
    kind = SourceBlind if source.is_blind else SourceSeen
    signal = kind(
        event_id=f"source/{name}/{partition}/{tick}",
        occurred_at=tick,
        brand_id=source.brand_id,
        platform="*",
        source=origin,
        origin_partition=partition,
        source_name=name,
        complete_at=source.complete_at,
    )
    return Output("alert-signals", source.brand_id, signal)


def member_rows(state: GroupState, day: int, offset: int, ids: list[str]) -> list[Output]:
    """A row for each member who spoke on the day. `ids` remembers the pseudonyms of member numbers between calls."""
    spoke = unpacked(state.panes.get(day, _no_pane).spoke)
    look, group_id, brand_id, at = state.ledger.look, state.group_id, state.brand_id, day * DAY_MS
    state.ledger.learn(ids)
    rows = []
    for number in sorted(spoke):
        member_id = ids[number]
        member = look(member_id)
        if member is None or member.number != number:
            continue  # gone for so long that the ledger forgot them
        row = MemberVitals(
            group_id=group_id,
            brand_id=brand_id,
            member_id=member_id,
            role=member.role,
            day=at,
            source_offset=offset,
            messages=spoke[number],
            is_present=member.is_present,
            joined_at=member.joined_at,
            last_message_at=member.last_message_at,
        )
        rows.append(Output("member-vitals", group_id, row))
    return rows


def probe_row(state: GroupState, outcome: ProbeOutcome, at: int, offset: int) -> Output:
    """A probe of which one more window is complete, as a row."""
    probe = outcome.probe
    row = ProbeReport(
        group_id=state.group_id,
        brand_id=state.brand_id,
        at=at,
        source_offset=offset,
        benefit_id=probe.benefit_id,
        kind=probe.kind,
        sent_at=probe.sent_at,
        windows=probe.told,
        exposed=probe.exposed,
        silent=probe.silent,
        claimers=probe.claimers,
        strangers=probe.strangers,
        woken=probe.woken,
        unprobed=state.probes.unprobed,
        amount=probe.amount,
        currency=probe.currency,
        claimers_24h=probe.claimers_24h,
        left_72h=probe.left_72h,
        talk_48h=probe.talk_48h,
        usual_48h=probe.usual_48h,
        talk_d3_9=outcome.talk_d3_9,
        usual_d3_9=outcome.usual_d3_9,
    )
    return Output("group-insights", state.group_id, row)


def post_row(state: GroupState, response: Response, at: int, offset: int, offset_minutes: int) -> Output:
    """The answers to a post as a row; `offset_minutes` is how far the group's clock is ahead of UTC."""
    post = response.post
    row = PostResponse(
        group_id=state.group_id,
        brand_id=state.brand_id,
        at=at,
        source_offset=offset,
        post_id=post.post_id,
        posted_at=post.posted_at,
        content_class=post.content_class,
        has_code=post.has_code,
        response=max(0, post.response),
        expected=response.expected,
        cells=response.cells,
        offset_minutes=offset_minutes,
    )
    return Output("group-insights", state.group_id, row)
