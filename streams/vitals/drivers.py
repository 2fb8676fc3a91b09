"""Drivers: what the risk is made of, as codes with the numbers of the group that a reader can check."""

from collections.abc import Sequence

from streams.vitals.features import FEATURES, TOP_WEEKS
from streams.vitals.risk import Risk
from streams.vitals.rows import Reason
from streams.vitals.year import Year

DRIVERS = ("level", "bursts", "rhythm", "breadth", "people", "community")
"""Each input of the model belongs to one of these; `community` is the community's own intercept."""

_TOP_SHARE, _ACTIVE_DAYS = FEATURES.index("top_weeks_share"), FEATURES.index("active_days_28d")
_LOST, _MUTED = FEATURES.index("net_loss_share"), FEATURES.index("muted_share")


def drivers(
    risk: Risk, year: Year, features: Sequence[float | None], messages_56d: int, usual_56d: float
) -> tuple[Reason, ...]:
    """One reason per driver, the largest `points` first.

    `points` is its share of the risk, −1..1, below zero where it speaks for the group: those of all drivers
    and the usual risk add up to the risk.
    """
    weeks = -(-year.days // 7)
    evidence = {
        "level": {"messages": float(messages_56d), "usual": round(usual_56d, 1)},
        "bursts": {"share": features[_TOP_SHARE] or 0.0, "weeks": float(min(TOP_WEEKS, weeks)), "of": float(weeks)},
        "rhythm": {"active_days": features[_ACTIVE_DAYS] or 0.0, "silent": float(year.silent_days())},
        "breadth": {"speakers": float(len(year.spoke))},
        "people": {"lost": features[_LOST] or 0.0, "muted": features[_MUTED] or 0.0},
    }
    ordered = sorted((driver for driver in risk.drivers if driver[1]), key=lambda driver: -abs(driver[1]))
    return tuple([Reason(code, {"points": points, **evidence.get(code, {})}) for code, points in ordered])
