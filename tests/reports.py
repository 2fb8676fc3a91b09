"""Facts for a report: what the views would answer for a small brand."""

from datetime import UTC, datetime, timedelta

from streams.report.facts import BrandWeek, Change, Deed, Episode, Facts, Money, Source, Standing, Tested
from streams.report.period import week_named

WEEK = week_named("2026-W47")
END = WEEK.end
MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)
HOSTILE = "<script>alert('1')</script> \u202e\u0007evil\n\"&amp; 👩\u200d👧 " + "長" * 300


def standing(group_id: str, **changed: object) -> Standing:
    told = {
        "group_id": group_id,
        "platform": "wecom",
        "name": group_id,
        "owner": "李梅",
        "currency": "CNY",
        "day": END,
        "verdict": "healthy",
        "last_verdict": changed.get("verdict", "healthy"),
        "verdict_since": MIDNIGHT - timedelta(days=6),
        "risk": 0.1,
        "reasons": ["4 speakers in 56 days", "silent for 9 days"],
        "reasons_zh": ["近 56 天 4 人发言", "已沉默 9 天,过去一年从未超过 3 天"],
        "members": 1234,
        "speakers_28d": 4,
        "active_days_28d": 6,
        "silent_hours": 30.0,
        "unseen_days_56d": 0,
        "worth": 61.4,
        "advice": "revive",
        "revenue_at_risk": 123456.7,
    }
    return Standing(**(told | changed))


def facts(**changed: object) -> Facts:
    told = {
        "brand": "acme",
        "period": WEEK,
        "groups": [],
        "before": [],
        "talk": {},
        "changes": [],
        "episodes": [],
        "deeds": [],
        "weeks": [],
        "verdicts": {},
        "money": [],
        "sources": [],
        "half_seen": {},
        "tested": [],
    }
    return Facts(**(told | changed))


def day(back: int):
    return END - timedelta(days=back)


def whole() -> Facts:
    """A week with everything: a death foretold, one that was not, one who came back, a blind source, orders."""
    groups = [
        standing("hostile", name=HOSTILE, owner=HOSTILE, verdict="dying", risk=0.5, advice=None, worth=None),
        standing("faint", verdict="fading", advice="let go", revenue_at_risk=None),
        standing("gone", verdict="dead", risk=0.9, advice="merge"),
        standing("sudden", verdict="dead", risk=0.8, advice="probe", owner=None, members=None),
        standing("saved", verdict="revived", name="Gärtner & Söhne"),
        standing("blind", verdict="stale", last_verdict="dying", day=day(4)),
        standing("gap"),
        standing("over", verdict="ended"),
        standing("new", verdict=None, day=None, verdict_since=None, risk=None, reasons=[], reasons_zh=[]),
    ]
    changes = [
        Change("gone", day(60), "healthy", "fading"),
        Change("saved", day(40), "fading", "dying"),
        Change("gone", day(20), "fading", "dying"),
        Change("gone", day(6), "dying", "dead"),
        Change("hostile", day(5), "fading", "dying"),
        Change("sudden", day(4), "healthy", "dead"),
        Change("faint", day(3), "healthy", "fading"),
        Change("saved", day(2), "dying", "revived"),
        Change("over", day(1), "healthy", "ended"),
        Change("gap", day(0), "fading", "healthy"),
    ]
    alert = {"is_told": True, "is_history": False, "is_snoozed": False}
    opened = MIDNIGHT - timedelta(days=5)
    return facts(
        groups=groups,
        before=groups[1:4],
        talk={"hostile": [None, 40, 0, 12], "faint": [3], "gone": [0, 0], "sudden": []},
        changes=changes,
        episodes=[
            Episode(group_id="saved", opened_at=MIDNIGHT - timedelta(days=39), recovered_at=MIDNIGHT,
                    is_acknowledged=True, **alert),
            Episode(group_id="hostile", opened_at=opened, recovered_at=None, is_acknowledged=False, **alert),
            Episode(group_id="gone", opened_at=opened, recovered_at=None, is_acknowledged=True, **alert),
        ],
        deeds=[
            Deed("saved", "post", "activate", 3, day(9), day(5)),
            Deed("saved", "benefit", "<b>", 1, day(4), day(4)),
        ],
        weeks=[BrandWeek(back, 1000 - 100 * back, 12, 7, day(7 * back + 6)) for back in (0, 1, 3)],
        verdicts={
            0: {"dying": 1, "fading": 1, "dead": 2, "revived": 1, "stale": 1, "healthy": 1, "ended": 1},
            1: {"dying": 2, "fading": 2, "healthy": 4},
            2: {"healthy": 8},
        },
        money=[
            Money(0, "CNY", 9, 123450, 120000, 3000, 450),
            Money(1, "CNY", 8, -500, -500, 0, 0),
            Money(0, "USD", 1, 100, 100, 0, 0),
        ],
        sources=[
            Source("acme-<live>", "wecom", True, MIDNIGHT - timedelta(days=4), 3, 1),
            Source("silent", None, True, None, 1, 1),
            Source("fine", "wecom", False, MIDNIGHT, 5, 0),
        ],
        half_seen={"gap": 2, "blind": 4},
        tested=[Tested(day(3), 40, 2.5, 3), Tested(day(31), 30, 1.25, 2)],
    )  # fmt: skip
