"""The clock and the small limits that our own code finds in the simulation, and the small log that it folds."""

from collections.abc import Iterator
from contextlib import contextmanager

from streams import agents, dead_letter_limit, flush
from streams import app as app_module
from streams.agents import Agent
from tests.simulation.sinks import replacements
from tests.simulation.world import EPOCH_NS, World
from tests.toy_log import ToyLog, toy_agent

IN_A_ROW = 4
"""So many refused records stop a partition."""
CHAT, ROWS = "chat-events", "toy-rows"


class Clock:
    """What `time` is to the code under test: that of the process that runs."""

    def __init__(self) -> None:
        self.world: World | None = None

    def monotonic(self) -> float:
        return self.world.now

    def time_ns(self) -> int:
        running = self.world.running
        return EPOCH_NS + int(self.world.now * 10**9) + (running.skew_ns if running else 0)

    def time(self) -> float:
        return self.time_ns() / 10**9


CLOCK = Clock()


@contextmanager
def rules(world: World) -> Iterator[None]:
    """Small limits and the world's clock, where our own code reads them."""
    changed = [
        (flush, "time", CLOCK), (agents, "time", CLOCK), (app_module, "_LOOK_S", 0.4),
        (dead_letter_limit, "ROW_LIMIT", IN_A_ROW), (dead_letter_limit, "RATE_OF", 25),
        (dead_letter_limit, "RATE_LIMIT", 3),
        *replacements(CLOCK, records=8),
    ]  # fmt: skip
    before = [getattr(module, name) for module, name, _ in changed]
    CLOCK.world = world
    try:
        for module, name, value in changed:
            setattr(module, name, value)
        yield
    finally:
        for (module, name, _), value in zip(changed, before, strict=True):
            setattr(module, name, value)


class SortedToyLog(ToyLog):
    """Its values in an order that no hash seed changes."""

    def take_changed(self) -> dict[str, bytes]:
        return dict(sorted(super().take_changed().items()))


def small_agent() -> Agent:
    """The toy as an agent of `chat-events`, which the sink reads too."""
    base = toy_agent(topic=CHAT)
    return Agent(base.name, CHAT, base.decode, base.key_of, lambda partition, *_: SortedToyLog(partition, ROWS))
