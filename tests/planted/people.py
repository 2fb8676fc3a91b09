"""Who the members are: some talk, most read, a few buy. One person may be in several groups of a brand.

Of a hundred members about thirty ever write, and among those the most diligent tenth writes half (log-normal, sigma
1.3). A leader writes often, not most; what makes one is that others answer. Every second lively group has somebody
who writes most and is answered least.
"""

from dataclasses import dataclass, field
from random import Random

_FAMILY = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
_GIVEN = "静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华建文辉玲婷鑫浩宇梓涵欣怡"
_PLACES = ["杭州", "成都", "深圳", "苏州", "武汉", "西安", "青岛", "厦门", "长沙", "南京", "重庆", "宁波"]
_TOPICS = ["宝妈", "茶友", "跑步", "烘焙", "护肤", "读书", "露营", "咖啡", "养花", "摄影", "健身", "团购"]
_LATIN = ["Nord", "Süd", "Alster", "Isar", "Elbe", "Harz", "Spree", "Rhein", "Eifel", "Allgäu"]
_SUBJECTS = ["Laufgruppe", "Backfreunde", "Kaffee", "Camping", "Lesekreis", "Gartenrunde", "Radtouren", "Yoga"]


@dataclass(slots=True)
class Person:
    """Somebody in one group. `elicits` is how many answers a message of theirs brings on average.

    `starts` is how many talks a day they begin of their own accord, beside those that the group's life makes.
    """

    id: str
    weight: float = 0.0
    elicits: float = 0.45
    starts: float = 0.0
    buys: float = 1.0
    claims: float = 0.3
    since: int = 0
    """When they came, ms UTC; 0 for who was here at the beginning."""
    away: list[tuple[int, int]] = field(default_factory=list)

    def is_away(self, day: int) -> bool:
        """Whether they are on a journey, or silent for good."""
        return any(since <= day < until for since, until in self.away)


def person_name(chance: Random) -> str:
    """Somebody's name."""
    return chance.choice(_FAMILY) + "".join(chance.choices(_GIVEN, k=chance.choice((1, 2))))


def group_name(chance: Random, zone: str, number: int, trade: str) -> str:
    """How a group is called. A network of a trade says so in its name."""
    if zone == "Asia/Shanghai":
        subject = f"{chance.choice(_TOPICS)}{trade or '交流群'}"
        return f"{chance.choice(_PLACES)}{subject}{number}"
    return f"{chance.choice(_LATIN)} {chance.choice(_SUBJECTS)}{f' {trade}' if trade else ''} {number}"


def ordinary(chance: Random, member_id: str, days: int, talkers: float = 0.3) -> Person:
    """Somebody as most are; who talks is away now and then."""
    person = Person(member_id, buys=chance.lognormvariate(0, 1.2), claims=min(0.9, chance.betavariate(1.2, 3)))
    if chance.random() < talkers:
        person.weight = chance.lognormvariate(0, 1.3)
        if chance.random() < 0.15:
            since = chance.randrange(days)
            person.away.append((since, since + chance.randint(5, 21)))
    return person


def leader(chance: Random, member_id: str, level: float) -> Person:
    """Somebody whom others listen to: three to five times as many answers to a message, and words on most days."""
    return Person(
        member_id,
        weight=chance.lognormvariate(0.8, 0.4),
        elicits=chance.uniform(1.4, 2.4),
        starts=max(0.7, level * chance.uniform(0.06, 0.12)),
        buys=chance.lognormvariate(0, 1.2),
        claims=0.2,
    )


def talker_without_echo(chance: Random, member_id: str, level: float, days: int) -> Person:
    """The busiest of a group, to whom nearly nobody answers."""
    person = Person(
        member_id, weight=0.5, elicits=chance.uniform(0.08, 0.2), starts=max(1.5, level * chance.uniform(0.2, 0.35))
    )
    if chance.random() < 0.4:
        since = chance.randint(days // 2, days - 30)
        person.away.append((since, since + chance.randint(9, 20)))
    return person
