# ruff: noqa: SLF001, ARG002, ASYNC109  private names and signatures are Faust's
# mypy: disallow-subclassing-any=False
"""The chunk transport: Faust gets all records of one partition from one fetch as ONE event.

Faust spends about 90 µs on each message whatever the agent does, drops fetched records when it resumes after a
rebalance, and commits past what it dropped. So nothing of Faust's is left below the agent: reading goes by an exact
cursor, positions come from the table, commits from what was flushed. Faust keeps agents, assignment, recovery, timers
and shutdown. Each private name used is held by `tests/unit/test_faust_contract.py`.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NoReturn

import faust
from aiokafka.errors import IllegalStateError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from streams.errors import VitalsError
from streams.fetching import ChunkThread
from streams.flush import Holdings
from streams.logs import log_beneath, log_of

log = log_of(__name__)

FETCH_WAIT_S = 0.5


class ChunkConsumer(driver.Consumer):
    """Delivers chunks in unbroken order, and takes positions and commits from the holdings."""

    logger = log_beneath("consumer")

    app: "ChunkApp"
    _thread: ChunkThread

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.cursor: dict[TP, int] = {}
        """Per partition the base of the only chunk that may be delivered next."""
        self.taken_up: dict[TP, int] = {}
        """What the cursor will be once the flow is resumed."""
        self.barred: set[TP] = set()
        """Partitions that stand still after too many dead letters."""
        self.epoch = 0
        """Grows with every revocation: what began in an older one is void."""
        self.is_between = True
        """After a revocation and before the next assignment nothing is ours."""

    def _new_consumer_thread(self) -> ChunkThread:
        return ChunkThread(self, loop=self.loop, beacon=self.beacon)

    def is_ours(self) -> bool:
        """Whether we own our partitions as far as we can know: a zombie's generation is not the coordinator's."""
        consumer = self._thread._consumer
        return (
            not self.is_between
            and consumer is not None
            and consumer._coordinator.generation == self.app.consumer_generation_id
        )

    def membership_error(self) -> BaseException | None:
        """What keeps us out of the group for good: aiokafka waits until somebody asks, and Faust never does."""
        consumer = self._thread._consumer
        coordinator = consumer and consumer._coordinator
        if not coordinator:  # it has not begun
            return None
        task = coordinator._coordination_task
        ended: BaseException | None = task.exception() if task.done() and not task.cancelled() else None
        return ended or coordinator._pending_exception

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Deliver the chunks of one fetch, each only if it begins at the cursor; else go back to the cursor.

        A fetch can be lost between the thread and here (Faust stops the flow at a rebalance). Then the thread has
        taken what the cursor has not passed, which tells a lost fetch from a hole that compaction made.
        """
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
        active = frozenset(TP(*tp) for tp in self._get_active_partitions()) - self.barred
        if not active:
            await self.sleep(0.05)
            return
        taken = self._thread.taken
        lost = {tp: at for tp in active if (at := self.cursor.get(tp)) is not None and taken.get(tp) != at}
        await self._go_back(lost)
        generation = self.app.consumer_generation_id
        chunks = await self._thread.getmany(active, min(timeout, FETCH_WAIT_S))
        for tp, chunk in chunks.items():
            if self.should_stop or not self.flow_active or generation != self.app.consumer_generation_id:
                return
            if tp not in self._active_partitions or tp not in self.cursor:
                continue
            if chunk.base != self.cursor[tp]:
                await self._go_back({tp: self.cursor[tp]})
                continue
            if chunk.records[0].offset < chunk.base:
                self.app.end(f"{tp.topic}/{tp.partition} begins anew below offset {chunk.base}: it was made again")
            self.cursor[tp] = chunk.end
            self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
            yield tp, self._to_message(tp, chunk)

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        """The message that carries a chunk (`record`). Its offset is the last record's, for Faust's recovery."""
        last = record.records[-1]
        return ConsumerMessage(
            tp.topic, tp.partition, last.offset, last.timestamp / 1000.0, 0, (), b"", record, None, 0, 0, tp,
            generation_id=self.app.consumer_generation_id,
        )  # fmt: skip

    async def rewind(self, tp: TP, offset: int, epoch: int) -> None:
        """Go back: the fold wants `offset` next. Void after a revocation since `epoch`."""
        if epoch == self.epoch and tp in self.cursor:
            self.cursor[tp] = offset
            await self._go_back({tp: offset})

    def bar(self, tp: TP) -> None:
        """Let a partition stand still, as its holding does."""
        if tp not in self.barred:
            self.barred.add(tp)
            log.error(
                "%s/%s stands still at offset %s: too many dead letters. Look at `vitals dead-letters list`, mend the"
                " source, then `vitals dead-letters accept`",
                tp.topic, tp.partition, self.app.holdings.held[tp].next,
            )  # fmt: skip

    async def _go_back(self, targets: Mapping[TP, int]) -> None:
        if not targets:
            return
        try:
            await self._thread.seek_wait(targets)
        except IllegalStateError:
            log.debug("no longer ours: %s", set(targets))

    def on_buffer_full(self, tp: TP) -> None:
        """Nothing: Faust would stop fetching here and count on acks to go on. The full queue holds us back."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Nothing, see `on_buffer_full`."""

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Nothing: gaps matter to Faust's commit only, and that is bypassed."""

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Position changelogs for recovery, cursor included."""
        self.cursor.update({TP(*tp): offset for tp, offset in partitions.items()})
        await self._thread.seek_wait(partitions)

    async def _seek(self, partition: TP, offset: int) -> None:
        await self._thread.seek_wait({partition: offset})

    async def perform_seek(self) -> None:
        """Take the partitions up where their changelogs say, not where Kafka's committed offsets do.

        Called when recovery is done, which may be after a revocation.
        """
        if not self.is_ours():
            return
        epoch = self.epoch
        try:
            targets = await self._targets(epoch)
        except VitalsError as error:
            self.app.end(str(error))
        if epoch != self.epoch:
            return
        await self._thread.seek_wait(targets)
        if epoch == self.epoch:
            self.taken_up = targets
            log.info("folding %s", {tp.partition: at for tp, at in sorted(targets.items())})
            self.barred.clear()
            for tp in sorted(self.app.holdings.paused()):
                self.bar(tp)

    def resume_flow(self) -> None:
        """From here on deliver. What came sooner would be lost: Faust has just emptied the agent's queue."""
        self.cursor.update(self.taken_up)
        self.taken_up = {}
        super().resume_flow()

    async def _targets(self, epoch: int) -> dict[TP, int]:
        """Where each assigned partition goes on, once the holdings have taken them up."""
        assigned = {TP(*tp) for tp in self.assignment() if not self._is_changelog_tp(tp)}
        self._check_recovered(assigned)
        topic_id, first, end = await asyncio.gather(
            asyncio.to_thread(self.app.find_topic_id), self.earliest_offsets(*assigned), self.highwaters(*assigned)
        )
        if epoch != self.epoch:
            return {}
        if assigned and topic_id != self.app.holdings.topic_id:
            raise VitalsError(f"{self.app.holdings.agent.topic} was deleted and made again")
        ranges = {TP(*tp): (at, end[tp]) for tp, at in first.items()}
        return self.app.holdings.take_up(ranges, self.app.consumer_generation_id)

    def _check_recovered(self, assigned: set[TP]) -> None:
        """End the process rather than fold on values that were recovered short of the changelog's end."""
        ours = {tp.partition for tp in assigned}
        whole = self.app.store.whole
        for tp, last in self.app.tables.recovery.active_highwaters.items():
            if tp.partition in ours and whole.get(tp.partition, -1) < last:
                self.app.end(f"{tp.topic}/{tp.partition} was read up to {whole.get(tp.partition)} of {last}")

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit what is flushed; Faust's own lists of acks are emptied unread."""
        self._acked.clear()
        self._acked_index.clear()
        self._n_acked = 0
        self._clean_unacked_messages()
        if not self.is_ours():
            return False
        commit = self.app.holdings.committable()
        if not commit.offsets:
            return False
        is_taken = await self._thread.call_thread(self._thread.commit_now, commit.offsets)
        await self.app.holdings.committed(commit, is_taken)
        return bool(is_taken)

    async def wait_empty(self) -> None:
        """Give the partitions up: flush, commit, forget; bounded in time. Faust would wait for acks, without end."""
        await self.app.holdings.give_up(self.commit if self.is_ours() else None)
        self._unacked_messages.clear()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Give everything up, then let Faust forget it."""
        self.epoch += 1
        self.cursor.clear()
        self.taken_up = {}
        try:
            await super().on_partitions_revoked(revoked)
        finally:
            self.is_between = True
            self.cursor.clear()

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """From here on the assignment is ours, until the next revocation."""
        self.is_between = False
        await super().on_partitions_assigned(assigned, generation_id)


class ChunkTransport(driver.Transport):
    """Faust's transport with our consumer."""

    Consumer = ChunkConsumer


class ChunkApp(faust.App):
    """A Faust app whose records arrive as chunks and whose positions and commits are its holdings'."""

    logger = log_beneath("app")

    holdings: Holdings
    store: Any
    find_topic_id: Callable[[], bytes | None]
    """The id of the agent's topic as Kafka has it now."""

    def _new_transport(self) -> ChunkTransport:
        return ChunkTransport(self.conf.broker_consumer, self)

    def end(self, reason: "str | BaseException") -> NoReturn:
        """End the process at once, before any commit, so that the supervisor starts it from what is durable."""
        if isinstance(reason, BaseException):
            log.critical("ends on a bug: %r", reason, exc_info=reason)
        else:
            log.critical("ends, to be started again: %s", reason)
        sys.stderr.flush()
        os._exit(1)
