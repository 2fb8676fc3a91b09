# ruff: noqa: ARG002  the signatures are Faust's
# mypy: disallow-subclassing-any=False
"""A Faust table that keeps its changelog's bytes as they are, per partition, and knows where it is whole."""

import time
from collections.abc import Iterator
from typing import Any

import faust
from faust.serializers.codecs import Codec, register
from faust.stores.base import Store
from faust.tables.manager import TableManager
from faust.types import TP

from streams.flush_needs import Record
from streams.logs import log_beneath, log_of

log = log_of(__name__)
AS_IT_IS = "as-it-is"
READERS_WAIT_S, READERS_LOOK_S = 1.0, 0.01


class _AsItIs(Codec):
    """Faust's `raw` codec makes bytes of everything; a chunk must arrive as the object it is."""

    def _loads(self, s: Any) -> Any:
        return s

    def _dumps(self, s: Any) -> Any:
        return s


register(AS_IT_IS, _AsItIs())


class PartitionStore(Store):
    """Raw records per partition, in memory.

    `whole` is, per partition, the last changelog offset with nothing missing before it. Faust's own books count a
    hole that its fetcher made as one that compaction made; this one does not, and asks for the hole to be read again.
    """

    logger = log_beneath("store")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.records: dict[int, dict[bytes, bytes]] = {}
        self.whole: dict[int, int] = {}
        self.holes = 0
        self._ends: dict[int, int] = {}
        self._gaps: dict[int, list[tuple[int, int]]] = {}

    def load(self, partition: int) -> dict[bytes, bytes]:
        """All live records of a partition, for who takes it up; what others write from now on is a gap."""
        self._gaps.pop(partition, None)
        self._ends[partition] = self.whole.get(partition, -1) + 1
        return self.of(partition)

    def of(self, partition: int) -> dict[bytes, bytes]:
        """All live records of a partition, by table key."""
        return self.records.setdefault(partition, {})

    def persisted_offset(self, tp: TP) -> int:
        """Where recovery goes on. -1 for nothing, never None: for None, Faust would keep a stale offset of its own."""
        return self.whole.get(tp.partition, -1)

    def absorb(self, chunk: Any) -> bool:
        """Apply recovered records; False where records are missing before the chunk, and nothing is applied."""
        partition = chunk.tp.partition
        whole = self.whole.get(partition, -1)
        compacted_start = chunk.is_first and partition not in self.whole
        if chunk.base > whole + 1 and not compacted_start:
            self.holes += 1
            return False
        for record in chunk.records:
            self._apply(partition, record.key, record.value)
        self.whole[partition] = max(whole, chunk.end - 1)
        return True

    def wrote(self, partition: int, key: bytes, value: bytes | None, offset: int) -> None:
        """Our own record has come to lie at `offset`.

        Another writer's record in between leaves `whole` where it was: the next recovery reads on from there.
        """
        self._apply(partition, key, value)
        if self.whole.get(partition, -1) == offset - 1:
            self.whole[partition] = offset
        if (end := self._ends.get(partition, offset)) < offset:
            self.gap(partition, end, offset)
        self._ends[partition] = max(end, offset + 1)

    def saw(self, record: Record) -> None:
        """Another writer's record, read later than ours around it: none of ours has its key."""
        self._apply(record.partition, record.key, record.value)

    def gap(self, partition: int, start: int, end: int) -> None:
        """Another writer's records lie at these offsets, between our own."""
        self._gaps.setdefault(partition, []).append((start, end))

    def take_gaps(self, partition: int) -> list[tuple[int, int]]:
        """The gaps since this was last asked."""
        return self._gaps.pop(partition, [])

    def _apply(self, partition: int, key: bytes, value: bytes | None) -> None:
        records = self.of(partition)
        if value is None:
            records.pop(key, None)
        else:
            records[key] = value

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Forget what is no longer ours: another writer goes on there, and what we know of it grows stale."""
        topic = self.table.changelog_topic.get_topic_name()
        kept = {tp.partition for tp in assigned if tp.topic == topic}
        for partition in set(self.records) - kept:
            del self.records[partition]
        for partition in set(self.whole) - kept:
            del self.whole[partition]

    # What Faust asks of a store and this one has no use for: the fold reads `records`, the flush writes.
    def apply_changelog_batch(self, batch: Any, to_key: Any, to_value: Any) -> None:
        """Done already, chunk by chunk, in `ChunkTable.on_changelog_event`."""

    def reset_state(self) -> None:
        """Nothing on disk."""

    async def backup_partition(self, tp: Any, flush: bool = True, purge: bool = False, keep: int = 1) -> None:
        """Nothing on disk."""

    def restore_backup(self, tp: Any, latest: bool = True, backup_id: int = 0) -> None:
        """Nothing on disk."""

    def _clear(self) -> None: ...

    def __getitem__(self, key: Any) -> Any:
        raise KeyError(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        raise RuntimeError("written by the flush only")

    def __delitem__(self, key: Any) -> None:
        raise RuntimeError("written by the flush only")

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return sum(map(len, self.records.values()))


class ChunkTable(faust.Table):
    """The table of an agent. Faust recovers it; the flush writes it."""

    logger = log_beneath("table")

    async def on_changelog_event(self, event: Any) -> None:
        """Take a recovered chunk in, or go back for what is missing before it.

        Called before Faust's own buffer, which would be applied only when full. On a hole, recovery's offset and
        the consumer's cursor go back; the consumer seeks at its next fetch.
        """
        chunk = event.message.value
        store: PartitionStore = self.data
        if store.absorb(chunk):
            return
        whole = store.whole.get(chunk.tp.partition, -1)
        log.warning("%s: records are missing before offset %s, reading again from %s", chunk.tp, chunk.base, whole + 1)
        recovery = self.app.tables.recovery
        offsets = recovery.active_offsets if chunk.tp in recovery.active_tps else recovery.standby_offsets
        offsets[chunk.tp] = whole
        self.app.consumer.cursor[chunk.tp] = whole + 1

    def _new_store(self) -> PartitionStore:
        return PartitionStore("memory://", self.app, self, table_name=self.name, loop=self.loop)


class ChunkTables(TableManager):
    """Faust's tables, which let the consumer join no sooner than after a second: whatever reads is there by then.

    Here that is the agent, after some milliseconds. A topic that came later would be asked for 45 s later.
    """

    logger = log_beneath("tables")

    async def on_start(self) -> None:
        """Wait for the agent, for as long as Faust does at most."""
        until = time.monotonic() + READERS_WAIT_S
        while not self._has_readers() and time.monotonic() < until and not self.should_stop:
            await self.sleep(READERS_LOOK_S)
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()

    def _has_readers(self) -> bool:
        """Whether what the agent reads is among the topics that the consumer will ask for."""
        known = {name for channel in self.app.topics for name in channel.topics}
        return known.issuperset(name for agent in self.app.agents.values() for name in agent.get_topic_names())
