"""The fleet as files: its events in order of time as JSON lines, and beside them what is true."""

import json
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from tests.planted.group import Brand, Fact, Group, Platform
from tests.planted.people import group_name
from tests.planted.plots import deal, plot
from tests.planted.rhythm import DAY, HOUR, START

_CHINESE = (
    Platform("wecom", has_monthly_rosters=True),
    Platform("wechat"),
    Platform("feishu", has_replies=True, has_mentions=True, has_reactions=True, has_mutes=True),
    Platform("qq", has_mentions=True, has_mutes=True),
)
_WESTERN = (
    Platform("telegram", has_replies=True, has_mentions=True, has_reactions=True, has_mutes=True),
    Platform("whatsapp", has_replies=True, has_monthly_rosters=True),
)
BRANDS = (
    Brand("qinghe", "Asia/Shanghai", 8, "CNY", _CHINESE),
    Brand("nordlicht", "Europe/Berlin", 1, "EUR", _WESTERN),
    Brand("yunshan", "Asia/Shanghai", 8, "CNY", _CHINESE),
)
EASTERNMOST = max(brand.east for brand in BRANDS) * HOUR
SHOCKED = BRANDS[2]
"""The brand that has a bad month."""
TRADES = {"Asia/Shanghai": ("行业联盟", "商会", "同业交流"), "Europe/Berlin": ("Verband", "Branchentreff", "Netzwerk")}
EVENTS, TRUTH = "events.jsonl", "truth.json"


@dataclass(frozen=True)
class Planted:
    """Something that is true: of a group, or of a member in it, from `at` (ms UTC) on."""

    kind: str
    group_id: str
    member_id: str
    at: int


@dataclass(frozen=True)
class Truth:
    """All that was planted. Of the groups and members in `neutral` a kind may as well be said: a leader who fell silent
    may be one no more, one may be silent for a week by chance, and where talk has died and staff goes on it is a
    monologue too. `plots` is each group's own."""

    end: int
    planted: list[Planted]
    neutral: dict[str, list[tuple[str, str]]]
    plots: dict[str, str]


class Fleet:
    """The groups of one seed."""

    def __init__(self, seed: int, groups: int = 200, days: int = 180) -> None:
        self.days = days
        self._groups: list[tuple[Group, str]] = []
        chance = Random(f"fleet/{seed}")
        for number, kind in enumerate(deal(chance, groups)):
            own = Random(f"group/{seed}/{number}")
            is_shocked = kind in {"bad_month", "revival_by_itself"}
            brand = SHOCKED if is_shocked else own.choice(BRANDS[:2] if kind.startswith("revival") else BRANDS)
            if kind == "slump":
                brand = own.choice(BRANDS[:2])
            platform = own.choice(brand.platforms)
            fate = plot(own, kind, days)
            group = Group(own, f"{brand.name}/{platform.name}/g{number:03}", brand, platform, fate, days)
            trade = own.choice(TRADES[brand.zone]) if fate.is_network else ""
            self._groups.append((group, group_name(own, brand.zone, number, trade)))
        self._orders: dict[str, int] = {}
        self._seqs: dict[str, int] = {}

    def events(self) -> Iterator[Fact]:
        """All events of the contract, in order of time, day by day."""
        to_come = [(fact, group) for group, name in self._groups for fact in group.created(name)]
        for day in range(self.days):
            to_come += [(fact, group) for group, _ in self._groups for fact in group.day(day)]
            to_come.sort(key=lambda one: one[0]["at"])
            done = START + (day + 1) * DAY - EASTERNMOST  # before it nothing more will come, wherever a day ends last
            told = bisect_left(to_come, done, key=lambda one: one[0]["at"])
            for fact, group in to_come[:told]:
                yield self._event(fact, group)
            del to_come[:told]

    def truth(self) -> Truth:
        """What is true of it, once all its events were made."""
        planted = [Planted(kind, group.id, member, at) for group, _ in self._groups for kind, member, at in group.truth]
        neutral: dict[str, list[tuple[str, str]]] = {}
        for group, _ in self._groups:
            for kind in group.plot.neutral:
                neutral.setdefault(kind, []).append((group.id, ""))
            if group.lately[1] > 2 * group.lately[0] and group.plot.kind != "monologue":
                neutral.setdefault("monologue", []).append((group.id, ""))
            silent = {member for kind, member, _ in group.truth if kind == "silent_leader"}
            neutral.setdefault("opinion_leader", []).extend((group.id, one) for one in sorted(silent))
            neutral.setdefault("silent_leader", []).extend((group.id, one) for one in sorted(group.lulls() - silent))
        return Truth(
            START + self.days * DAY, planted, neutral, {group.id: group.plot.kind for group, _ in self._groups}
        )

    def _event(self, fact: Fact, group: Group) -> Fact:
        """The event of a fact: who says it, and its place in the order of its source."""
        brand, at, kind = group.brand.name, fact.pop("at"), fact["type"]
        if kind in {"purchase", "refund"}:
            number = self._orders[brand] = self._orders.get(brand, 0) + 1
            common: Fact = {"event_id": f"{brand}/shop/{number}", "platform": "shop", "source": f"planted/{brand}/shop",
                            "source_seq": number}  # fmt: skip
        elif kind.startswith("playbook"):  # the operators' own word: of no source
            common = {"event_id": f"{group.id}/{kind}/{at}", "platform": group.platform.name, "group_id": group.id}
        else:
            number = self._seqs[group.id] = self._seqs.get(group.id, 0) + 1
            common = {"event_id": f"{group.id}/e{number}", "platform": group.platform.name, "group_id": group.id,
                      "source": f"planted/{brand}/{group.platform.name}", "source_seq": number,
                      "source_prev": number - 1}  # fmt: skip
        return common | {"occurred_at": at, "brand_id": brand} | fact


def write(seed: int, directory: Path, groups: int = 200, days: int = 180) -> tuple[int, Truth]:
    """Write the fleet of a seed into a directory. How many events it has, and its truth."""
    directory.mkdir(parents=True, exist_ok=True)
    fleet, count = Fleet(seed, groups, days), 0
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    with (directory / EVENTS).open("w", encoding="utf-8") as lines:
        for count, event in enumerate(fleet.events(), 1):  # noqa: B007
            lines.write(encode(event) + "\n")
    truth = fleet.truth()
    (directory / TRUTH).write_text(json.dumps(asdict(truth), ensure_ascii=False, indent=1), encoding="utf-8")
    return count, truth
