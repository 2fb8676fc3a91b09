"""Groups to show: what the warehouse would answer."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from streams.fleet_rows import Details, Health, Page, Talker, Week, Work, Worth

DAY = datetime(2026, 11, 22, tzinfo=UTC)


def health(**changed):
    told = {
        "group_id": "acme/wecom/c-17",
        "brand_id": "acme",
        "platform": "wecom",
        "name": "宝妈交流群 3",
        "at": DAY,
        "verdict": "dying",
        "verdict_since": DAY - timedelta(days=51),
        "risk": 0.314,
        "reasons": ["5 of 6 core members left or fell silent", "4 speakers in 56 days"],
        "reason_codes": ["core_left", "breadth"],
        "members": 1212,
        "silent_hours": 290.5,
        "messages_7d": 3,
        "messages_28d": 41,
        "speakers_7d": 1,
        "speakers_28d": 4,
        "active_days_28d": 6,
        "joins_28d": 2,
        "leaves_28d": 19,
        "buyers_28d": 3,
        "orders_28d": 5,
        "revenue_28d": 1234550,
        "currency": "CNY",
        "engagement": 22.6,
        "source_complete_at": DAY,
    }
    return Health(**(told | changed))


def page(weeks=52, **changed):
    details = {
        "owner": "陈一诺",
        "purpose": "industry",
        "model": "habit-1",
        "age_days": 400,
        "usual_risk": 0.03,
        "driver_codes": ["bursts", "level", "breadth"],
        "driver_points": [0.2, 0.1, -0.016],
        "driver_numbers": [
            '{"points":0.2,"share":0.61,"weeks":8,"of":52}',
            '{"points":0.1,"messages":9,"usual":81.5}',
            '{"points":-0.016,"speakers":14}',
        ],
        "first_event_at": DAY - timedelta(days=400),
        "last_member_message_at": DAY - timedelta(hours=290.5),
        "planned_end_at": None,
        "ended_at": None,
        "staff": 2,
        "messages_1d": 0,
        "messages_all": 5000,
        "speakers_1d": 0,
        "staff_messages_7d": 12,
        "staff_messages_28d": 50,
        "replies_28d": 4,
        "reactions_28d": 0,
        "claims_28d": 0,
        "left_28d": 12,
        "kicked_28d": 7,
        "answered_share_28d": 0.4,
        "newcomer_spoke_share": None,
    }
    start = date(2026, 11, 22) - timedelta(days=7 * weeks)
    return Page(
        health(**changed),
        Details(**details),
        [Week(start + timedelta(days=7 * n), 10 * (weeks - n), weeks - n) for n in range(weeks)],
        [
            Talker(
                member_id="m_AAAAAAAAAAAAAAAA",
                role="member",
                is_present=False,
                messages_28d=31,
                messages_90d=80,
                active_days_90d=12,
                orders=None,
                last_message_at=DAY - timedelta(days=12),
                left_at=DAY - timedelta(days=11),
            )
        ],
        [9, 8, 11, 7, 9, 10, 8, 9, 2, 1, 0, 0, 1, 0, 1, 0, 1, 0, 0][-7 * weeks :] if weeks else [],
        worth(),
    )


def worth(**changed: Any) -> Worth:
    """A group worth reviving, of which two parts are not known."""
    numbers = (
        b'{"value":0.6,"points":27.7,"payers":12,"members":80,"revenue_per_member":4550,"benefit_return":2.1}',
        b'{"value":0.8,"points":24.6,"regulars":5,"regulars_here":4}',
        b'{"value":0.9,"points":20.8,"answered":0.9}',
        b'{"value":0.2,"points":-4,"takers":8,"doers":40}',
    )
    fields: dict[str, Any] = {
        "worth": 69.1,
        "known": 0.65,
        "advice": "revive",
        "advice_reasons": ["4 of 5 weekly speakers still here"],
        "codes": ["conversion", "residue", "care", "freebie"],
        "numbers": [of.decode() for of in numbers],
        "revenue_at_risk": 123_450,
    }
    return Worth(**{**fields, **changed})


def work(**changed: Any) -> Work:
    """An entry of the work list."""
    fields: dict[str, Any] = {
        "group_id": "acme/wecom/c-17",
        "brand_id": "acme",
        "platform": "wecom",
        "name": "宝妈交流群 3",
        "owner": "陈一诺",
        "advice": "revive",
        "advice_reasons": ["4 of 5 weekly speakers still here", "12 of 80 members bought in a year"],
        "worth": 69.1,
        "known": 0.65,
        "verdict": "dying",
        "since": DAY - timedelta(days=51),
        "risk": 0.31,
        "why": ["5 of 6 core members left or fell silent"],
        "members": 80,
        "revenue_at_risk": 123_450,
        "at_stake": 26_444.2,
        "currency": "CNY",
        "priority": 3.2,
        "at": DAY,
    }
    return Work(**{**fields, **changed})
