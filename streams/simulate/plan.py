"""What shall happen to whom: the plan of a fleet, with the cause of each decline."""

from math import ceil, log2
from random import Random

import msgspec

from streams.simulate import names
from streams.simulate.chance import between

FLOOR = 0.03
"""Below this share of its usual talk a dying group says nothing more."""
RAMP_DAYS = 5
BUSY_ENOUGH = 6.0
"""Member messages a day, at least, of a group that something happens to: else nobody could tell."""


class Cause(msgspec.Struct, frozen=True):
    """Why a group changes. `half_life` of its talk is in shares of the simulated days."""

    name: str
    is_death: bool
    notes: str
    half_life: tuple[float, float] = (0.03, 0.05)


CAUSES = {
    cause.name: cause
    for cause in (
        Cause("healthy", False, "nothing happens to it"),
        Cause("core_left", True, "most of the five who talked most leave within a week"),
        Cause("leader_left", True, "the one who carried more than half of the talk leaves", (0.025, 0.04)),
        Cause("ad_flood", True, "several ads a day; members mute, leave and fall silent"),
        Cause("monologue", True, "staff posts more and more, members say less and less"),
        Cause("freebie_hunters", True, "benefits draw strangers who claim and leave within 72 hours"),
        Cause("unanswered_newcomers", True, "newcomers get no answer and soon say nothing", (0.04, 0.06)),
        Cause("planned_end", False, "ends on the date that was set when it was made"),
        Cause("blind_source", False, "its connector stops; the group talks on unseen"),
        Cause("seasonal_lull", False, "a quiet season, then it goes on as before"),
    )
}
_DEAL = ("healthy",) * 13 + tuple(name for name in CAUSES if name != "healthy")
"""Dealt round: 13 of 22 groups are healthy, one has each cause."""


class GroupPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One group's fate. Days count from the first simulated one; a group `born` before day 0 is older than the fleet.

    `turn` is the day on which its cause sets in, `until` the day on which a lull or the group itself ends,
    `half_life` in days, `messages_a_day` of members while all is well.
    """

    group_id: str
    brand: names.Brand
    platform: str
    source: str
    name: str
    owner: str
    timezone: str
    utc_offset: int
    cause: Cause
    size: int
    messages_a_day: float
    weekend: float
    born: int
    turn: int | None = None
    until: int | None = None
    half_life: float = 1.0

    def has_turned(self, day: int) -> bool:
        """Whether the cause has set in."""
        return self.turn is not None and day >= self.turn

    def energy(self, day: int) -> float:
        """The share of its usual talk that the members have left in them, 0..1."""
        if self.turn is None or day < self.turn:
            return 1.0
        if self.cause.is_death:
            share = 0.5 ** ((day - self.turn) / self.half_life)
            return share if share >= FLOOR else 0.0
        if self.cause.name == "planned_end":
            return 0.0 if self.until is None or day >= self.until else 0.5
        if self.cause.name == "seasonal_lull" and self.until is not None:
            depth = min(day - self.turn, self.until - day) / RAMP_DAYS
            return 1.0 - 0.8 * min(1.0, max(0.0, depth))
        return 1.0

    @property
    def dead_from(self) -> int | None:
        """The first day without any talk of members, of a death; it may lie beyond the last simulated day."""
        if not self.cause.is_death or self.turn is None:
            return None
        return self.turn + ceil(self.half_life * log2(1 / FLOOR) + 1e-9)


def plan_fleet(groups: int, days: int, seed: int) -> list[GroupPlan]:
    """Plan a fleet. Equal arguments give equal plans."""
    rng = Random(f"{seed}/plan")  # noqa: S311 - a simulation, not a secret
    causes = [CAUSES[_DEAL[index % len(_DEAL)]] for index in range(groups)]
    rng.shuffle(causes)
    return [_plan(rng, index, cause, days) for index, cause in enumerate(causes)]


def _plan(rng: Random, index: int, cause: Cause, days: int) -> GroupPlan:
    is_blind = cause.name == "blind_source"
    brand = names.BRANDS[0] if is_blind else rng.choice(names.BRANDS)
    platform = brand.platforms[0] if is_blind else rng.choice(brand.platforms)
    timezone, utc_offset = names.zone(rng, brand)
    size = round(between(rng, 12, 80, 500, 0.85))
    turn, until = _turn(rng, cause, days)
    busy = between(rng, 0.8, 6, 90, 0.95) * (size / 80) ** 0.45
    return GroupPlan(
        group_id=f"{brand.brand_id}/{platform}/{names.channel_id(rng, platform)}",
        brand=brand,
        platform=platform,
        source=f"sim-{brand.brand_id}-{platform}-{2 if is_blind else 1}",
        name=names.group_name(rng, brand, 1 + index % 9),
        owner=names.owner(rng, brand),
        timezone=timezone,
        utc_offset=utc_offset,
        cause=cause,
        size=size,
        messages_a_day=busy if turn is None else max(busy, BUSY_ENOUGH),
        weekend=rng.uniform(0.6, 1.4),
        born=-1 if turn is not None or rng.random() < 0.75 else rng.randrange(round(days * 0.7)),
        turn=turn,
        until=until,
        half_life=days * rng.uniform(*cause.half_life),
    )


def _turn(rng: Random, cause: Cause, days: int) -> tuple[int | None, int | None]:
    """When a cause sets in and ends: half of the deaths are long over on the last day, half are going on."""
    if cause.is_death:
        low, high = rng.choice(((0.4, 0.6), (0.66, 0.82)))
        return round(days * rng.uniform(low, high)), None
    if cause.name == "planned_end":
        until = round(days * rng.uniform(0.5, 0.95))
        return until - min(10, until // 4), until
    if cause.name == "blind_source":
        return days - max(2, days // 18), None
    if cause.name == "seasonal_lull":
        turn = round(days * rng.uniform(0.55, 0.85))
        return turn, turn + round(days * rng.uniform(0.15, 0.3))
    return None, None
