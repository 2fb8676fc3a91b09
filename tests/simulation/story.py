"""The course of a run: importers, a ticker, workers and a guest, two sinks; chaos, calm, a last restart of all."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from faust.types import TP

from streams import app as app_module
from streams.agents import Agent
from streams.flush import Pace
from streams.positions import Term, load, table_key, unpack_position
from tests.simulation.broker import Broker, Group
from tests.simulation.client import GROUP
from tests.simulation.feeds import Feed, Sendable, Ticker
from tests.simulation.rules import CHAT, rules
from tests.simulation.sinks import SinkProcess
from tests.simulation.tables import Tables
from tests.simulation.worker import Worker
from tests.simulation.world import EPOCH_MS, Fault, Process, World
from tests.toy_log import tick

CHAOS_S, CALM_S, SWEEP_S = 600.0, 120.0, 2.5
KINDS = (
    "kill", "kill", "pause", "pause", "term", "guest", "guest", "compact", "lost fetch", "lost answer", "cut off",
    "cut off", "broker away", "clickhouse away", "topic anew",
)  # fmt: skip
SINKS = ("s1", "s2")
POSITION_BYTES = len(table_key("", bytes(16), Term(0, 0)))
"""The key of a position has no key in front."""


class Cast(NamedTuple):
    """What a story is about. `workers` by agent; the last worker of the first agent is a guest who comes and goes."""

    workers: dict[str, tuple[str, ...]]
    agents: dict[str, Agent]
    feeds: Callable[[random.Random, Broker], list[list[Sendable]]]
    farewell: Callable[[Broker, "Story"], list[Sendable]]
    """What is sent after the last restart, so that every value is written anew."""
    sinks: tuple[str, ...]
    pace: Pace
    chunk_records: int
    rate: float


class Story:
    """One run."""

    def __init__(self, world: World, cast: Cast, broker: Broker) -> None:
        self.world, self.cast, self.broker = world, cast, broker
        self.by_name = {name: cast.agents[agent] for agent, names in cast.workers.items() for name in names}
        self.guest = list(self.by_name)[-1]
        self.wanted = set(self.by_name) - {self.guest}
        self.workers: dict[str, Worker] = {}
        self.sinks: dict[str, SinkProcess] = {}
        self.tables = Tables()
        self.accepts: Counter[TP] = Counter()
        self.everybody: list[Process] = []
        self.external: set[bytes] = set()
        """The values that came from outside."""
        self.is_anew = False
        """Whether the topic was deleted and made again."""
        self.strays: list[str] = []
        """What late writers left beside better records and nobody swept, once all was calm."""
        self.renewed = {""}
        """The keys that are written anew after the last restart, and so must be there once."""
        self.feeds = [self._feed(f"feed{n}", some, 0) for n, some in enumerate(cast.feeds(world.chance, broker))]
        self.ticker = self._new_ticker()
        world.strikes |= {
            "kill": lambda process, _: process.kill(),
            "pause": self._pause,
            "term": self._term,
            "guest": self._guest,
            "compact": self._compact,
            "lost fetch": self._lose_fetch,
            "cut off": self._cut_off,
            "topic anew": self._make_anew,
            "broker away": self._broker_away,
            "clickhouse away": self._clickhouse_away,
        }
        broker.on_commit = self._watch_commit
        self._look_after()

    # --- who is there
    def _feed(self, name: str, records: list[Sendable], sent: int) -> Feed:
        feed = Feed(self.world, self.broker, name, records, self.cast.rate)
        feed.sent = sent
        self.external |= {value for _, _, value in records}
        self.everybody.append(feed)
        return feed

    def _new_ticker(self) -> Ticker:
        ticker = Ticker(self.world, self.broker, "ticker", CHAT, self.external)
        self.everybody.append(ticker)
        return ticker

    def _start(self, name: str) -> None:
        cast = self.cast
        worker = Worker(self.world, self.broker, self.by_name[name], name, cast.pace, cast.chunk_records)
        worker.skew_ns = self.world.chance.choice([0, 0, -3600, 3600, 5]) * 10**9
        self.world.say(name, f"starts, its clock {worker.skew_ns // 10**9} s off")
        self.workers[name] = worker
        self.everybody.append(worker)

    def _start_sink(self, name: str) -> None:
        self.sinks[name] = SinkProcess(self.world, self.broker, self.tables, name)
        self.everybody.append(self.sinks[name])
        self.world.say(name, "starts")

    def _look_after(self) -> None:
        """What a supervisor and an operator do: start what died, accept dead letters."""
        world = self.world
        for name in self.by_name:
            if name in self.wanted and (name not in self.workers or not self.workers[name].is_alive):
                self._start(name)
        for name in self.cast.sinks:
            if name not in self.sinks or not self.sinks[name].is_alive:
                self._start_sink(name)
        self._look_after_feeds()
        self._accept_letters()
        world.at(world.now + world.chance.choice([0.3, 0.7, 2.0]), self._look_after)

    def _look_after_feeds(self) -> None:
        for index, feed in enumerate(self.feeds):
            if not feed.is_alive:
                self.feeds[index] = self._feed(feed.name, feed.records, feed.sent)
        if not self.ticker.is_alive:
            self.ticker = self._new_ticker()

    def _accept_letters(self) -> None:
        for worker in self.workers.values():
            if worker.is_alive and not worker.is_paused and self.world.chance.random() < 0.4:
                for tp in sorted(worker.holdings.paused()):
                    self.accepts[tp] += 1
                    self.world.say(worker.name, f"{tp.topic}/{tp.partition} stands still, accepted")
                    worker.spawn(app_module._unbar(worker, tp))

    def _watch_commit(self, group: Group, offsets: dict[TP, int]) -> None:
        """What is committed is durable: Kafka's offset never runs ahead of every position in the changelog."""
        agent = next((it for it in self.cast.agents.values() if it.app_id == group.name), None)
        for tp, offset in offsets.items() if agent is not None else ():
            live = self.broker.log(TP(agent.changelog_topic, tp.partition)).live()
            durable = [unpack_position(value).next_offset for key, value in live.items() if len(key) == POSITION_BYTES]
            if offset > max(durable, default=0):
                self.world.failure = AssertionError(f"{tp.topic}/{tp.partition}: {offset} is committed, not durable")

    # --- faults
    def _pause(self, process: Process, fault: Fault) -> None:
        process.pause()
        self.world.at(self.world.now + fault.amount * 10, process.wake)

    def _term(self, process: Process, _: Fault) -> None:
        if isinstance(process, Worker):
            process.spawn(process.terminate())
            self.world.at(self.world.now + 7.0, process.kill)
        elif isinstance(process, SinkProcess) and process.sink is not None:
            process.sink.stop()
            self.world.at(self.world.now + 9.0, process.kill)

    def _guest(self, *_: Any) -> None:
        self.world.say("world", f"{self.guest} comes or goes")
        self.wanted ^= {self.guest}
        if self.guest not in self.wanted and self.guest in self.workers:
            self._term(self.workers[self.guest], Fault(0, "", "", 0))

    def _compact(self, *_: Any) -> None:
        for agent in self.cast.agents.values():
            for partition, log in enumerate(self.broker.topics[agent.changelog_topic].logs):
                upto = self.world.chance.randint(0, max(0, log.end - 1))  # never the segment that is being written
                log.compact(upto, self.broker.now_ms() - 5000)
                self.world.say("broker", f"compacts {agent.changelog_topic}/{partition} up to {upto} of {log.end}")

    def _lose_fetch(self, process: Process, _: Fault) -> None:
        if isinstance(process, Worker):
            process.loses_fetch = True

    def _cut_off(self, process: Process, fault: Fault) -> None:
        until = self.world.now + fault.amount * 5

        def cut_off() -> None:
            process.cut_off_until = until

        self.world.at(self.world.now + 0.05, cut_off)  # what is asked just now still arrives

    def _broker_away(self, _: Process, fault: Fault) -> None:
        self.world.away_until = self.world.now + fault.amount * 6
        for group in self.broker.groups.values():
            group.forgive(self.world.away_until)

    def _make_anew(self, *_: Any) -> None:
        """Somebody deletes the topic, makes it again and imports all anew; once, and where no tables are kept."""
        if self.is_anew or self.cast.sinks or len(self.cast.agents) > 1:
            return
        self.is_anew = True
        self.world.say("broker", f"{CHAT} is deleted and made again")
        self.broker.make(CHAT, len(self.broker.topics[CHAT].logs))
        for group in self.broker.groups.values():
            group.committed = {tp: at for tp, at in group.committed.items() if tp.topic != CHAT}
        for index, feed in enumerate(self.feeds):
            feed.kill()
            self.feeds[index] = self._feed(feed.name, feed.records, 0)

    def _clickhouse_away(self, _: Process, fault: Fault) -> None:
        self.tables.away_until = self.world.now + fault.amount * 5

    # --- the course of it
    def run(self) -> None:
        """Chaos, calm, a last restart of all; afterwards everything is at rest."""
        world = self.world
        world.run(self._once(lambda: all(feed.is_done for feed in self.feeds)), CHAOS_S, "the importers do not end")
        world.is_calm = True
        if self.guest in self.wanted:
            self._guest()
        for process in list(self.everybody):
            process.wake()
        self.ticker.is_done = True
        landed_at = max(world.away_until, world.now, *(process.cut_off_until for process in self.everybody))
        world.say("world", "calm: all that was paused is awake")
        world.run(self._once(self._is_done), CALM_S, "the workers do not come to the end of the log")
        world.run(self._once(lambda: world.now > landed_at + 5), CALM_S, "time stands still")
        self._let_everybody_write()
        self.strays = self._records_beside_others()
        for worker in self.workers.values():
            worker.kill()
        for tp, key, value in self.cast.farewell(self.broker, self):
            self.external.add(value)
            self.renewed.add(key.decode())
            self.broker.append(tp, key, value)
        world.run(self._once(self._is_done), CALM_S, "new workers do not come to the end of the log")
        settled = world.now
        world.run(lambda: world.now > settled + SWEEP_S, CALM_S, "time stands still")
        world.run(self._once(self._is_done), CALM_S, "workers at rest do not come to the end of the log")

    def _let_everybody_write(self) -> None:
        """A tick or two: whoever writes the next record of a changelog sees that others wrote before it."""
        for seconds in (0, 1):
            for tp in self.broker.partitions([CHAT]):
                value = tick(self.broker.now_ms() - EPOCH_MS + seconds * 1000)
                self.external.add(value)
                self.broker.append(tp, b"", value)
            written = self.world.now
            self.world.run(lambda written=written: self.world.now > written + 2 * SWEEP_S, CALM_S, "time stands still")
            self.world.run(self._once(self._is_done), CALM_S, "workers at rest do not come to the end of the log")

    def _records_beside_others(self) -> list[str]:
        """Keys that more than one writer's record is left of, though all who hold them have written since."""
        return [
            f"{agent.changelog_topic}/{partition} {key or 'position'}"
            for agent in self.cast.agents.values()
            for partition, log in enumerate(self.broker.topics[agent.changelog_topic].logs)
            for key, them in load(log.live(), self.broker.topics[agent.topic].topic_id).written.items()
            if len(them) > 1
        ]

    def _once(self, condition: Callable[[], bool]) -> Callable[[], bool]:
        """The condition, looked at twice a second."""
        answer = [False]

        def look() -> None:
            answer[0] = condition()
            if not answer[0]:
                self.world.at(self.world.now + 0.5, look)

        look()
        return lambda: answer[0]

    def _is_done(self) -> bool:
        """Whether everything is folded, committed, swept and stored."""
        for agent in self.cast.agents.values():
            committed = self.broker.group(agent.app_id, [agent.topic]).committed
            ends = {tp: self.broker.log(tp).end for tp in self.broker.partitions([agent.topic])}
            held = [
                it for name, of in self.by_name.items() if of is agent and name in self.wanted and name in self.workers
                for it in self.workers[name].holdings.held.values()
            ]  # fmt: skip
            if any(committed.get(tp) != end for tp, end in ends.items()) or len(held) != len(ends):
                return False
            if any(it.superseded or it.flushed != ends[it.tp] for it in held):
                return False
        if not self.cast.sinks:
            return True
        group = self.broker.groups.get(GROUP)
        sunk = self.broker.partitions(group.topics) if group else []
        return group is not None and all(group.committed.get(tp, 0) == self.broker.log(tp).end for tp in sunk)


def faults_of(seed: int, most: int = 14) -> list[Fault]:
    """The faults of a seed: some anywhere, some close together, some at what flushes and commits are made of."""
    chance = random.Random(f"faults {seed}")
    worst = chance.randint(20, 320)
    faults = []
    for _ in range(chance.randint(1, most)):
        of = chance.choice(["", "", "", "written", "delivered", "commit", "heartbeat"])
        at = chance.randint(1, 30) if of else chance.choice([chance.randint(1, 350), worst + chance.randint(-20, 20)])
        faults.append(Fault(at, of, chance.choice(KINDS), 0.2 + chance.random() * 2.0))
    return faults


class Outcome(NamedTuple):
    """What came of a run: nothing, or what was found."""

    seed: int
    faults: list[Fault]
    found: Exception | None
    trace: list[str]


def play(
    make: Callable[[World], tuple[Cast, Broker]],
    check: Callable[[Story], None],
    seed: int,
    faults: list[Fault],
    *,
    is_traced: bool = False,
) -> Outcome:
    """Run the story of a seed with these faults, and judge it."""
    world = World(seed, faults, is_traced=is_traced)
    found: Exception | None = None
    with rules(world):
        story = Story(world, *make(world))
        try:
            story.run()
            check(story)
        except Exception as raised:
            found = raised
        finally:
            for process in story.everybody:
                process.kill()
            for process in story.everybody:
                process.bury()
    return Outcome(seed, world.struck, found, world.trace or [])
