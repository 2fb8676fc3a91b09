"""The whole cast: the real folds of all four agents and the sink, on a month of a small brand."""

import random
from dataclasses import replace
from functools import cache

from faust.types import TP

from streams import events, models
from streams.agents import AGENTS, DEAD_LETTERS, Agent
from streams.flush import Pace
from streams.vitals.partition import GroupLog
from streams.vitals.policy import DAY_MS, HOUR_MS
from tests.simulation.broker import Broker
from tests.simulation.feeds import Sendable
from tests.simulation.rules import CHAT
from tests.simulation.story import SINKS, Cast, Story
from tests.simulation.world import EPOCH_MS, World

PARTITIONS, GROUPS, MEMBERS, DAYS = 2, 4, 6, 45
ROWS = (
    "group-vitals", "member-vitals", "group-insights", "group-alerts", DEAD_LETTERS, "member-touches", "alert-signals",
    "purchases",
)  # fmt: skip
WORKERS = {"identity": ("i1",), "attribution": ("a1",), "alerts": ("b1",), "groups": ("g1", "g2", "guest")}
BEGIN = (EPOCH_MS // DAY_MS - DAYS) * DAY_MS
BRAND = {"brand_id": "toy", "platform": "sim"}


@cache
def agents() -> dict[str, Agent]:
    """The agents of the product; the model is read once."""
    model = models.load()
    groups = replace(AGENTS["groups"], new_log=lambda partition, origin, _: GroupLog(partition, origin, model))
    return AGENTS | {"groups": groups}


def whole(world: World) -> tuple[Cast, Broker]:
    """The whole cast, and its broker."""
    chance, broker = world.chance, Broker(world)
    for topic in (CHAT, *ROWS, *(agent.changelog_topic for agent in agents().values())):
        broker.make(topic, PARTITIONS)
    cast = Cast(
        workers=WORKERS,
        agents=agents(),
        feeds=lambda chance, broker: [_chat(chance, broker), _orders(chance, broker), _links(chance, broker)],
        farewell=_farewell,
        sinks=SINKS if chance.random() < 0.5 else (),
        pace=Pace(chance.choice([5, 25]), chance.choice([0.4, 1.0])),
        chunk_records=chance.choice([3, 20]),
        rate=chance.choice([5.0, 12.0]),
    )
    return cast, broker


def _chat(chance: random.Random, broker: Broker) -> list[Sendable]:
    """A month of chat day by day, each day closed; two of the groups fall silent halfway."""
    sent: list[Sendable] = []
    seqs = [0] * GROUPS
    for day in range(DAYS):
        for group in range(GROUPS):
            for _ in range(chance.randint(0, 2) if group > 1 or day < 12 else 0):
                seqs[group] += 1
                sent.append(_said(chance, broker, group, seqs[group], BEGIN + day * DAY_MS))
        close = events.Tick(event_id=f"day/{day}", occurred_at=BEGIN + (day + 1) * DAY_MS, source="s", **BRAND)
        sent += [(tp, b"", events.encode(close)) for tp in broker.partitions([CHAT])]
    return sent


def _said(chance: random.Random, broker: Broker, group: int, seq: int, day: int) -> Sendable:
    key = f"toy/sim/g{group}"
    common = {"event_id": f"{key}/{seq}", "occurred_at": day + (seq % 20) * HOUR_MS, "group_id": key, "source": "s",
              "source_seq": seq, "source_prev": seq - 1 or None, **BRAND}  # fmt: skip
    member = f"m{chance.randrange(MEMBERS)}"
    event: events.Event
    if chance.random() < 0.2:
        event = events.Join(member_id=member, **common)
    elif chance.random() < 0.1:
        event = events.Post(content_class="convert", **common)
    else:
        event = events.Message(member_id=member, text_len=seq, **common)
    return TP(CHAT, broker.target(CHAT, key.encode())), key.encode(), events.encode(event)


def _orders(chance: random.Random, broker: Broker) -> list[Sendable]:
    sent = []
    for number in range(12):
        customer = f"{chance.choice('mx')}{chance.randrange(MEMBERS)}".encode()
        order = events.Purchase(
            event_id=f"o{number}", occurred_at=BEGIN + chance.randrange(DAYS * DAY_MS), customer_id=customer.decode(),
            order_id=f"o{number}", amount=100 + number, currency="CNY", source="shop", source_seq=number + 1, **BRAND,
        )  # fmt: skip
        sent.append((TP("purchases", broker.target("purchases", customer)), customer, events.encode(order)))
    return sent


def _links(chance: random.Random, broker: Broker) -> list[Sendable]:
    """Who the members are to the shop: some are two customers' by turns, some links end."""
    sent = []
    for number in range(8):
        member, customer = f"m{chance.randrange(MEMBERS)}", f"x{chance.randrange(MEMBERS)}"
        kind = events.IdentityUnlinked if chance.random() < 0.25 else events.IdentityLinked
        link = kind(
            event_id=f"l{number}", occurred_at=BEGIN + number, member_id=member, customer_id=customer, source="shop",
            source_seq=number + 1, **BRAND,
        )  # fmt: skip
        key = member.encode()
        sent.append((TP("member-touches", broker.target("member-touches", key)), key, events.encode(link)))
    return sent


def _farewell(broker: Broker, story: Story) -> list[Sendable]:
    """Something for each group and customer, and a tick some minutes ahead, so that the orders are settled."""
    chance = story.world.chance
    chat = [_said(chance, broker, group, 1000, EPOCH_MS - DAY_MS) for group in range(GROUPS)]
    tick = events.Tick(event_id="last", occurred_at=broker.now_ms() + 500_000, **BRAND)
    ticks = [(tp, b"", events.encode(tick)) for tp in broker.partitions([CHAT])]
    return chat + ticks
