"""Drivers: what the risk is made of, as codes with the numbers of the group that a reader can check."""

from streams.vitals.features import TOP_WEEKS
from streams.vitals.risk import Risk
from streams.vitals.rows import Reason
from streams.vitals.year import Year

DRIVERS = ("level", "bursts", "rhythm", "breadth", "community")
"""Each input of the model belongs to one of these; `community` is the community's own intercept."""


def drivers(risk: Risk, year: Year) -> tuple[Reason, ...]:
    """One reason per driver, the largest `points` first.

    `points` is its share of the risk, −1..1, below zero where it speaks for the group: those of all drivers
    and the usual risk add up to the risk.
    """
    told = [Reason(code, {"points": points, **_evidence(code, year)}) for code, points in risk.drivers]
    return tuple(sorted(told, key=lambda reason: -abs(reason.numbers["points"])))


def _evidence(code: str, year: Year) -> dict[str, float]:
    weeks = year.weeks()
    match code:
        case "bursts":
            top = sorted(weeks)[-TOP_WEEKS:]
            return {"share": sum(top) / max(sum(weeks), 1), "weeks": float(len(top)), "of": float(len(weeks))}
        case "level":
            return {"messages": float(sum(weeks[:8])), "usual": round(year.usual_56d(), 1)}
        case "rhythm":
            return {"active_days": float(year.active_days(28)), "silent": float(year.silent_days())}
        case "breadth":
            return {"speakers": float(len(year.talk))}
    return {}
