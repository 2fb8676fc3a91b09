"""The small cast: a toy fold of two partitions. Thousands of its stories take a minute."""

from streams.agents import DEAD_LETTERS
from streams.flush import Pace
from tests.simulation.broker import Broker
from tests.simulation.feeds import Sendable, small_talk
from tests.simulation.rules import CHAT, ROWS, small_agent
from tests.simulation.story import SINKS, Cast, Story
from tests.simulation.world import World
from tests.toy_log import message

PARTITIONS, EVENTS = 2, 48


def small(world: World) -> tuple[Cast, Broker]:
    """The small cast, and its broker."""
    chance, broker, agent = world.chance, Broker(world), small_agent()
    for topic in (CHAT, agent.changelog_topic, ROWS, DEAD_LETTERS):
        broker.make(topic, PARTITIONS)
    cast = Cast(
        workers={agent.name: ("w1", "w2", "w3", "guest")},
        agents={agent.name: agent},
        feeds=lambda chance, broker: small_talk(chance, broker, CHAT, EVENTS),
        farewell=_farewell,
        sinks=SINKS if chance.random() < 0.4 else (),
        pace=Pace(chance.choice([3, 8, 20]), chance.choice([0.3, 1.0])),
        chunk_records=chance.choice([1, 5, 12]),
        rate=chance.choice([0.6, 1.6]),
    )
    return cast, broker


def _farewell(broker: Broker, story: Story) -> list[Sendable]:
    last = {key: tp for feed in story.feeds for tp, key, _ in feed.records}
    return [(tp, key, message(key.decode(), 10**6, EVENTS)) for key, tp in sorted(last.items())]
