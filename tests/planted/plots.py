"""What befalls whom: ten things that are planted, amid others that look like them and are not.

- Opinion leader: one to three who are answered three to five times as often as others. Most groups that talk have some,
  the others have none; every second has a busiest talker whom nobody answers.
- Silent leader: a leader who says nothing from some day on. Beside them other talkers on a journey, and whole groups on
  holiday.
- Referral fraud: one account brings 25 to 70 that leave within three days or never do a thing. Beside it an honest
  inviter whose 20 to 60 friends stay, staff who adds its customers as a group opens, and somebody whose two or three
  friends leave at once.
- Freebie group: strangers come for each benefit, claim and leave; nobody ever bought. Beside it a popular coupon in a
  group that talks and buys.
- Ad-only group: staff or resellers post the same few advertisements all day, to nobody. Beside it a news channel with
  lively answers.
- Monologue: staff talks, and for weeks no member or one answers. Beside it the news channel, and a quiet group of loyal
  customers with little staff.
- Let-go group: large, silent for months, never bought anything; whoever acts only claims. All freebie and ad-only
  groups are to be let go too. Beside it one as large and dying, but with buyers.
- Keep-alive network: of a trade, nearly silent, and nobody leaves. Beside it the quiet group of customers.
- A revival that helped: talk fell to a third, a playbook began, and within ten days talk was back and stayed. Beside
  it a brand's bad month, which ends for all its groups.
- One that did not: a playbook began and nothing came of it, or a week's flicker, or what came to the others of the
  brand as well. Beside it the same without a playbook.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import exp
from random import Random

Curve = Callable[[int], float]


@dataclass
class Plot:
    """One group's fate. Rates are per day unless they say so; shares are 0..1.

    `level` is what a usual day brings in member messages of no one in particular, `curve` the factor of a day.
    `leaving` is a member's chance a day to go, `growth` how many come a day, `fickle` how many of those leave within
    three days. `claiming` scales how many claim a benefit, of which there is one in `benefit_days` days. `posts` are
    planned posts, `ads` advertisements, `chatter` other messages of staff.
    """

    kind: str
    size: int
    level: float
    curve: Curve = lambda _: 1.0
    talkers: float = 0.3
    leaders: int = 0
    silent_from: int = 0
    has_busy: bool = False
    leaving: float = 0.0012
    growth: float = 0.2
    fickle: float = 0.08
    hunters: float = 0.0
    buying: float = 0.0015
    benefit_days: float = 12.0
    claiming: float = 0.45
    posts: float = 0.4
    ads: float = 0.0
    ads_by_members: bool = False
    chatter: float = 0.3
    echo: float = 1.0
    is_network: bool = False
    born: int = -1
    fraud: str = ""
    has_viral: bool = False
    playbook: int = 0
    helped: bool = False
    neutral: list[str] = field(default_factory=list)
    """Kinds that may as well be said of it: neither right nor wrong."""


DEAL = {
    "ordinary": 38, "fraud": 14, "viral": 12, "popular_coupon": 12, "news_channel": 10, "quiet_loyal": 10,
    "freebie_group": 12, "ad_only": 12, "monologue": 12, "let_go": 12, "keep_alive": 12,
    "revival_helped": 14, "revival_failed": 10, "revival_by_itself": 4, "bad_month": 12, "slump": 8, "worth_saving": 6,
}  # fmt: skip
"""How many of 200 groups are what."""
LIVELY = ("ordinary", "fraud", "viral", "popular_coupon", "news_channel")


def deal(chance: Random, groups: int) -> list[str]:
    """The kinds of so many groups, in no order."""
    kinds = [kind for kind, count in DEAL.items() for _ in range(max(1, round(count * groups / 200)))]
    chance.shuffle(kinds)
    return kinds


def plot(chance: Random, kind: str, days: int) -> Plot:
    """The fate of one group of a kind."""
    size = round(min(420, max(28, chance.lognormvariate(4.4, 0.6))))
    made = Plot(kind, size, min(60.0, max(4.0, chance.lognormvariate(1.9, 0.7))))
    if kind in LIVELY:
        _lively(chance, made, days)
    _KINDS.get(kind, lambda *_: None)(chance, made, days)
    return made


def _lively(chance: Random, made: Plot, days: int) -> None:
    made.size = max(40, made.size)
    made.leaders = chance.choice((1, 2, 2, 3, 3)) if chance.random() < 0.6 else 0
    made.has_busy = chance.random() < 0.5
    if made.leaders and chance.random() < 0.35:
        made.silent_from = chance.randint(days // 2, days - 25)
    if made.kind == "ordinary" and chance.random() < 0.2:
        made.born = chance.randint(5, 60)


def _fraud(chance: Random, made: Plot, days: int) -> None:
    made.fraud = chance.choice(("burst", "burst", "churn", "tiers"))


def _viral(chance: Random, made: Plot, days: int) -> None:
    made.has_viral, made.growth = True, chance.uniform(0.2, 0.6)


def _popular_coupon(chance: Random, made: Plot, days: int) -> None:
    made.benefit_days, made.claiming, made.buying = chance.uniform(5, 8), 1.6, 0.003


def _news_channel(chance: Random, made: Plot, days: int) -> None:
    made.chatter, made.posts, made.level = chance.uniform(3, 6), chance.uniform(1, 2), chance.uniform(6, 16)


def _quiet_loyal(chance: Random, made: Plot, days: int) -> None:
    made.size, made.level, made.posts, made.chatter = chance.randint(25, 80), chance.uniform(0.7, 1.5), 0.1, 0.06
    made.leaving, made.growth, made.buying, made.benefit_days = 0.0009, 0.05, 0.0035, 30
    made.talkers = 0.4


def _freebie_group(chance: Random, made: Plot, days: int) -> None:
    made.size, made.level, made.talkers = chance.randint(60, 180), chance.uniform(0.3, 1.2), 0.06
    made.benefit_days, made.claiming, made.hunters = chance.uniform(4, 9), 2.6, chance.uniform(12, 30)
    made.buying, made.growth, made.posts, made.chatter = 0.0, 0.05, 0.3, 0.2


def _ad_only(chance: Random, made: Plot, days: int) -> None:
    made.size, made.level, made.talkers = chance.randint(60, 400), chance.uniform(0.02, 0.12), 0.05
    made.ads, made.ads_by_members, made.posts, made.chatter = chance.uniform(4, 14), chance.random() < 0.5, 0, 0
    made.leaving, made.growth, made.buying, made.benefit_days = 0.002, 0.1, 0.0, 60
    made.claiming = 0.3
    made.neutral = ["freebie_group"] if made.ads_by_members else ["freebie_group", "monologue"]


def _monologue(chance: Random, made: Plot, days: int) -> None:
    falls, left = chance.randint(40, days - 70), chance.uniform(0.0, 0.01)
    made.size, made.level, made.chatter = chance.randint(60, 300), chance.uniform(3, 9), chance.uniform(2, 6)
    made.posts, made.buying, made.benefit_days = 0.6, 0.0003, 20
    made.curve = lambda day: 1.0 if day < falls else max(left, exp(-(day - falls) / 6))


def _let_go(chance: Random, made: Plot, days: int) -> None:
    falls = chance.randint(15, 50)
    made.size, made.level, made.talkers = chance.randint(200, 420), chance.uniform(2, 6), 0.1
    made.buying, made.claiming, made.benefit_days = 0.0, 2.6, chance.uniform(7, 14)
    made.growth, made.posts, made.chatter, made.leaving = 0.1, 0.15, 0.02, 0.002
    made.curve = lambda day: 1.0 if day < falls else max(0.003, exp(-(day - falls) / 10))
    made.neutral = ["freebie_group"]


def _keep_alive(chance: Random, made: Plot, days: int) -> None:
    made.size, made.level, made.is_network = chance.randint(50, 220), chance.uniform(0.15, 0.5), True
    made.leaving, made.growth, made.fickle = 0.00003, 0.03, 0.0
    made.buying, made.benefit_days, made.posts, made.chatter = 0.0, 10_000, 0.03, 0.03


def _revival(chance: Random, made: Plot, days: int, kind: str) -> None:
    """A fall within two weeks; four to seven weeks later it turns, or does not.

    A brand's bad month ends for all its groups at once. Elsewhere none recovers by itself: if many did, nobody could
    say of one that an action helped, nor could any detector.
    """
    made.level, made.size, low = max(9.0, made.level), max(50, made.size), chance.uniform(0.25, 0.45)
    falls = chance.randint(60, days - 105)
    turn = falls + chance.randint(28, 48)
    back = chance.uniform(0.85, 1.1)
    if kind == "by itself":
        falls, turn = 66 + chance.randint(0, 5), 106 + chance.randint(0, 5)

    def curve(day: int) -> float:
        fallen = max(low, 1 - (1 - low) * max(0, day - falls) / 14)
        if kind == "flat" or day < turn:
            return fallen
        if kind == "flicker":
            return fallen * (1.9 if day < turn + 6 else 1.0)
        return min(back, low + (back - low) * (day - turn) / 10)

    made.curve = curve
    if made.kind.startswith("revival"):
        made.playbook = turn if kind != "by itself" else turn - chance.randint(0, 3)
    made.helped = kind == "helped"


def _revival_helped(chance: Random, made: Plot, days: int) -> None:
    _revival(chance, made, days, "helped")


def _revival_failed(chance: Random, made: Plot, days: int) -> None:
    _revival(chance, made, days, chance.choice(("flat", "flat", "flicker")))


def _by_itself(chance: Random, made: Plot, days: int) -> None:
    _revival(chance, made, days, "by itself")


def _slump(chance: Random, made: Plot, days: int) -> None:
    _revival(chance, made, days, "flat")


def _worth_saving(chance: Random, made: Plot, days: int) -> None:
    falls = chance.randint(70, days - 60)
    made.size, made.buying, made.leaving = chance.randint(120, 420), 0.004, 0.002
    made.curve = lambda day: 1.0 if day < falls else max(0.02, exp(-(day - falls) / 14))


_KINDS: dict[str, Callable[[Random, Plot, int], None]] = {
    "fraud": _fraud, "viral": _viral, "popular_coupon": _popular_coupon, "news_channel": _news_channel,
    "quiet_loyal": _quiet_loyal, "freebie_group": _freebie_group, "ad_only": _ad_only, "monologue": _monologue,
    "let_go": _let_go, "keep_alive": _keep_alive, "revival_helped": _revival_helped,
    "revival_failed": _revival_failed, "revival_by_itself": _by_itself, "bad_month": _by_itself, "slump": _slump,
    "worth_saving": _worth_saving,
}  # fmt: skip
