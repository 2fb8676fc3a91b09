"""A worker in the simulation: our own code from the transport to the flush, with a stand-in for Faust and aiokafka.

What stands in does what those do as far as we lean on it: joins, revokes, assigns, recovers the changelog, drains what
is fetched into the agent's stream, commits each second.
"""

import asyncio
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, NoReturn

from faust.types import TP

from streams import app as app_module
from streams.agents import Agent
from streams.changelog import ChunkTable, PartitionStore
from streams.flush import Holdings, Pace
from tests.simulation.broker import Broker, Refused
from tests.simulation.transport import SimConsumer, Stream, Wire
from tests.simulation.world import Process, World, forever

COMMIT_S, HEARTBEAT_S = 1.0, 1.5
HOPS_S = 0.02
"""Faust seeks in a task of its own: some turns of the loop lie between its end and what Faust does next."""


class EndError(BaseException):
    """The process has ended itself."""


class Worker(Process):
    """One process of an agent."""

    def __init__(self, world: World, broker: Broker, agent: Agent, name: str, pace: Pace, chunk_records: int) -> None:
        super().__init__(world, name)
        self.broker, self.agent, self.chunk_records = broker, agent, chunk_records
        self.group = broker.group(agent.app_id, [agent.topic])
        self.ended: str | None = None
        self.loses_fetch = False
        self.pace = pace
        topic = broker.topics[agent.topic]
        table = SimpleNamespace(
            name="state", changelog_topic=SimpleNamespace(get_topic_name=lambda: agent.changelog_topic)
        )
        self.store = PartitionStore("memory://", SimpleNamespace(), table)
        self.wire = Wire(self, broker, agent.changelog_topic)
        self.holdings = Holdings(
            agent, topic.topic_id, partitions=len(topic.logs), outputs=self.wire, changelog=self.wire, store=self.store,
            pace=pace,
        )  # fmt: skip
        self.stream = Stream()
        self.recovery = SimpleNamespace(
            active_highwaters={}, active_offsets={}, active_tps=set(), standby_offsets={}, standby_tps=set()
        )
        self.tables = SimpleNamespace(recovery=self.recovery)
        self.monitor = SimpleNamespace(track_tp_end_offset=lambda *_: None)
        self.consumer_generation_id = 0
        self.should_stop = False
        self.consumer = SimConsumer(self, self)
        self.table = SimpleNamespace(data=self.store, app=self)
        self.held_tps: set[TP] = set()
        self._recovering: asyncio.Task[Any] | None = None
        self._read_on = asyncio.Event()
        self.spawn(self._membership())
        self.spawn(self._drain_fetches())
        self.spawn(app_module._folder(self)(self.stream))
        self.spawn(app_module._flusher(self))
        self.spawn(app_module._sweeper(self))
        self.spawn(forever(COMMIT_S, self._commit))

    # --- what ChunkApp is to our code
    @property
    def app(self) -> "Worker":
        return self

    def find_topic_id(self) -> bytes | None:
        return self.broker.topics[self.agent.topic].topic_id

    def end(self, reason: str | BaseException) -> NoReturn:
        """End the process at once; an exception is a bug of ours."""
        if isinstance(reason, Exception):
            raise reason
        self.ended = str(reason)
        self.world.say(self.name, f"ends itself: {reason}")
        self.kill()
        raise EndError

    def _start_span_from_rebalancing(self, _: str) -> Any:
        return nullcontext()

    def on_rebalance_return(self) -> None: ...

    # --- what Faust and aiokafka do
    async def _membership(self) -> None:
        me = self.consumer.fetches._coordinator
        while True:
            joined = self.create_future()

            def join(joined: Any = joined) -> None:
                self.group.join(self.name, lambda *answer: self.world.at(
                    self.world.now + self.world.latency(),
                    lambda: self.is_alive and not joined.done() and joined.set_result(answer)))  # fmt: skip

            self.post(join, "coordinator")
            try:
                me.generation, me.serial, tps = await asyncio.wait_for(joined, 12.0)
            except TimeoutError:
                continue
            logs = {TP(self.agent.changelog_topic, tp.partition) for tp in tps}
            self.consumer.fetches.assigned = {*tps, *logs}
            self.consumer.fetches.positions.clear()
            await self.consumer.on_partitions_assigned({*tps, *logs}, me.generation)
            await self._beat()
            await self.consumer.on_partitions_revoked(set(self.consumer.fetches.assigned))

    async def _beat(self) -> None:
        """Stay a member until the coordinator wants us to join again."""
        me = self.consumer.fetches._coordinator
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            try:
                await self.request(
                    "heartbeat", lambda: self.group.heartbeat(self.name, me.serial, me.generation), "coordinator"
                )
            except Refused as refused:
                if str(refused) == "fenced":
                    self.end("another worker has our name")
                if str(refused) != "rebalance":
                    me.generation = -1
                return

    async def revoked(self, _: set[TP]) -> None:
        """As Faust's `App._on_partitions_revoked`."""
        if self._recovering is not None:
            self._recovering.cancel()
        self.consumer.flow(None)
        self.stream.clear()
        await self.consumer.wait_empty()

    async def assigned(self, assigned: set[TP], generation: int) -> None:
        """As Faust's `App._on_partitions_assigned`."""
        self.consumer_generation_id = generation
        self.consumer.flow(None)
        await asyncio.sleep(0)
        await self.store.on_rebalance(assigned, set(), set(), generation)
        self._recovering = self.spawn(self._recover({tp for tp in assigned if self.consumer._is_changelog_tp(tp)}))

    async def _recover(self, logs: set[TP]) -> None:
        """Read the changelogs to where they ended when this began, then take the partitions up."""
        recovery, consumer = self.recovery, self.consumer
        ends = await consumer.highwaters(*logs)
        recovery.active_tps = logs
        recovery.active_highwaters = {tp: end - 1 for tp, end in ends.items()}
        recovery.active_offsets = {tp: self.store.persisted_offset(tp) for tp in sorted(logs)}
        await consumer.seek_wait({tp: at + 1 for tp, at in recovery.active_offsets.items()})
        consumer.flow(logs)
        while any(recovery.active_offsets[tp] < last for tp, last in recovery.active_highwaters.items()):
            self._read_on.clear()
            await self._read_on.wait()
        consumer.flow({tp for tp in consumer.fetches.assigned if tp not in logs})
        await consumer.perform_seek()
        await asyncio.sleep(HOPS_S)
        self.stream.clear()
        consumer.resume_flow()

    async def _drain_fetches(self) -> None:
        while True:
            async for tp, message in self.consumer.getmany(0.5):
                if not self.consumer.flow_active:
                    break
                if not self.consumer._is_changelog_tp(tp):
                    await self.stream.put(message.value)
                    continue
                seen = self.recovery.active_offsets
                if message.offset > seen.get(tp, -1):
                    seen[tp] = message.offset
                    await ChunkTable.on_changelog_event(self.table, SimpleNamespace(message=message))
                self._read_on.set()

    async def _commit(self) -> None:
        await self.consumer.commit()

    async def terminate(self) -> None:
        """SIGTERM: give everything up, then end."""
        self.world.say(self.name, "SIGTERM")
        await self.consumer.on_partitions_revoked(set(self.consumer.fetches.assigned))
        self.end("stopped")
