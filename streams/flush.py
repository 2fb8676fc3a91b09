"""The protocol of a flush: how at-least-once delivery of records counts each exactly once.

Per partition: fold; deliver the outputs; write the changed values to the changelog; write the position; only then may
Kafka's offset be committed. Each step is awaited before the next. Whatever ends the process in between, the next
owner finds values at least as far as the position: it folds on from the position, and a value skips what it holds.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from streams.agents import DEAD_LETTERS, Agent, absorb
from streams.dead_letter_limit import Limit
from streams.dead_letters import DeadLetter, dead_letter
from streams.errors import VitalsError
from streams.flush_needs import Changelog, Outputs, Record, Store
from streams.logs import log_of
from streams.positions import Loaded, Position, load, pack_position, rank, split, table_key, term_after
from streams.vitals.log import Log
from streams.vitals.rows import Output

if TYPE_CHECKING:
    from faust.types import TP

    from streams import edge
    from streams.fetching import Chunk

log = log_of(__name__)

MAX_VALUE_BYTES = 15 << 20
"""A larger value is refused: the changelog takes records of 16 MiB."""
AT_ONCE = 100
"""So many records are folded before what they led to is sent. After 2,000 it is no more in the processor's cache, and
to write it as JSON takes twice as long."""
GIVE_UP_S = 4.0
"""How long giving partitions up may take; Kafka waits for us no longer than the rebalance timeout."""


class Pace(NamedTuple):
    """When a flush is due: a partition has so many events that are not durable, or its oldest has waited so long."""

    events: int
    seconds: float


class Commit(NamedTuple):
    """What may be committed, and the table keys that a success makes superfluous."""

    offsets: "dict[TP, int]"
    superseded: "dict[TP, list[bytes]]"


class Holding:
    """One partition while it is ours: its log, how far that has folded, and how far it is durable."""

    def __init__(self, tp: "TP", log: Log, topic_id: bytes, loaded: Loaded, generation: int, start: int) -> None:
        self.tp = tp
        self.topic_id = topic_id
        self.term = term_after(loaded.latest, generation, time.time_ns())
        self.next = self.flushed = start
        self.committed: int | None = None
        self.limit = loaded.position.limit if loaded.position else Limit(since=start)
        self.dirty_since: float | None = None
        self.is_given_up = False
        self.superseded: list[bytes] = [*loaded.foreign, *loaded.losing]
        self._written = loaded.written
        self._too_large: set[str] = set()
        self.log = log
        log.restore(loaded.position.partition_value if loaded.position else None, loaded.values)

    def changed(self) -> tuple[list[tuple[str, Record]], list[DeadLetter]]:
        """The changed values as of `next`, by key. One too large stays as it last was, and once a letter says so."""
        fitting, letters = [], []
        for key, value in self.log.take_changed().items():
            if len(value) <= MAX_VALUE_BYTES:
                fitting.append((key, Record(self.tp.partition, table_key(key, self.topic_id, self.term), value)))
            elif key not in self._too_large:
                self._too_large.add(key)
                letters.append(self._refused(key, value))
        return fitting, letters

    def _refused(self, key: str, value: bytes) -> DeadLetter:
        """What is said of a value that is too large; its bytes are not kept."""
        detail = (
            f"a value of {len(value):,} bytes, {MAX_VALUE_BYTES:,} at most: the last smaller one is kept, and what came"
            f" since is lost at the next start; split the group"
        )
        log.error("%s/%d: %s; `vitals dead-letters list` names it", self.tp.topic, self.tp.partition, detail)
        letter = dead_letter(
            value,
            origin=self.tp.topic,
            partition=self.tp.partition,
            position=self.next - 1,
            reason="too_large",
            detail=detail,
            at=time.time_ns() // 1_000_000,
            key=key.encode(),
        )
        return msgspec.structs.replace(letter, original=b"")

    def position(self) -> Record:
        """The position record as of `next`."""
        position = Position(self.next, self.log.partition_value(), self.limit.copy())
        return Record(self.tp.partition, table_key("", self.topic_id, self.term), pack_position(position))

    def supersede(self, key: str) -> None:
        """`key` is durable under our term: what older terms wrote of it can go after the next good commit."""
        own = table_key(key, self.topic_id, self.term)
        self.superseded.extend(stored for stored in self._written.get(key, ()) if stored != own)
        self._written[key] = [own]

    def notice(self, stored: bytes, records: Mapping[bytes, bytes]) -> None:
        """`stored`, one of `records`, is by another writer, while we are the owner; it goes if a better one is there.

        If it is the better one, our own next record of that key supersedes it.
        """
        key, topic_id, _ = split(stored)
        beside = self._written.setdefault(key, []) if topic_id == self.topic_id else []
        if topic_id != self.topic_id or any(
            rank(other, records[other]) > rank(stored, records[stored]) for other in beside if other in records
        ):
            self.superseded.append(stored)
        if stored not in beside:
            beside.append(stored)


class Holdings:
    """All partitions that are ours. Fold, flush and sweep take turns: while one awaits, none of the others runs."""

    def __init__(
        self,
        agent: Agent,
        topic_id: bytes,
        *,
        partitions: int,
        outputs: Outputs,
        changelog: Changelog,
        store: Store,
        pace: Pace,
    ) -> None:
        self.agent = agent
        self.topic_id, self._partitions = topic_id, partitions
        self._outputs, self._changelog, self._store, self._pace = outputs, changelog, store, pace
        self._turn = asyncio.Lock()
        self.held: dict[TP, Holding] = {}
        self.events_total = 0
        self.flushes_total = 0
        self.dead_letters_total = 0
        self.outputs_total = 0
        self.refused: Counter[str] = Counter()
        """Dead letters by reason."""
        self.on_flush: Callable[[float, int], None] = lambda *_: None
        """Hears of each flush: how long it took, how many records it made durable."""

    # --- taking up

    def take_up(self, ranges: "Mapping[TP, tuple[int, int]]", generation: int) -> "dict[TP, int]":
        """Load the partitions from the recovered records; where each goes on. `ranges`: first and end offsets."""
        self._forget()
        anew = False
        for tp, (first, end) in ranges.items():
            loaded = load(self._store.load(tp.partition), self.topic_id)
            start = _start(tp, loaded, first, end)
            anew |= bool(loaded.foreign)
            self.held[tp] = Holding(tp, self._new_log(tp.partition), self.topic_id, loaded, generation, start)
        if anew:
            log.warning("%s was deleted and made again: its fold starts anew", self.agent.topic)
        return {tp: holding.next for tp, holding in self.held.items()}

    def _new_log(self, partition: int) -> Log:
        return self.agent.new_log(partition, self.agent.origin(partition, self.topic_id), self._partitions)

    def paused(self) -> "set[TP]":
        """Partitions that stand still after too many dead letters."""
        return {tp for tp, holding in self.held.items() if holding.limit.paused_at is not None}

    # --- folding

    async def absorb(self, chunk: "Chunk") -> int | None:
        """Fold a chunk, and flush if that is due. The offset that is wanted instead, if it is not this chunk's."""
        async with self._turn:
            holding = self.held.get(chunk.tp)
            if holding is None or holding.limit.paused_at is not None:
                return None
            if holding.next != chunk.base:
                return holding.next
            records = chunk.records
            for start in range(0, len(records), AT_ONCE):
                following = start + AT_ONCE
                end = records[following].offset if following < len(records) else chunk.end
                await self._fold(holding, records[start:following], end)
                if holding.is_given_up or holding.limit.paused_at is not None:
                    break
            if holding.next - holding.flushed >= self._pace.events:
                await self._flush([holding])
        return None

    async def _fold(self, holding: Holding, records: "Sequence[edge.Record]", end: int) -> None:
        """Fold all records that lie before `end`, and put on their way what they lead to."""
        before = holding.next
        outputs, holding.next, refused = absorb(
            records, self.agent, holding.log, holding.limit, partition=holding.tp.partition, end=end
        )
        self.events_total += holding.next - before
        self.dead_letters_total += refused
        self.outputs_total += len(outputs)
        if refused:
            self.refused.update(one.value.reason for one in outputs if isinstance(one.value, DeadLetter))
        if holding.dirty_since is None:
            holding.dirty_since = time.monotonic()
        if outputs:
            await self._outputs.send(outputs)

    async def flush_due(self) -> None:
        """Flush the partitions whose oldest unflushed event has waited for long enough."""
        async with self._turn:
            latest = time.monotonic() - self._pace.seconds
            await self._flush([h for h in self.held.values() if h.dirty_since is not None and h.dirty_since <= latest])

    async def accept(self, tp: "TP") -> int | None:
        """Go on after too many dead letters; from which offset, if the partition is ours and stood still."""
        async with self._turn:
            holding = self.held.get(tp)
            if holding is None or holding.limit.paused_at is None:
                return None
            holding.limit.accept(holding.next)
            await self._flush([holding])
            return holding.next

    async def _flush(self, holdings: "Sequence[Holding]") -> None:
        """Outputs, values, positions: each durable before the next is written."""
        if not holdings:
            return
        began, records = time.monotonic(), 0
        await self._outputs.delivered()
        holdings = [holding for holding in holdings if not holding.is_given_up]
        taken = [(holding, *holding.changed()) for holding in holdings]
        changed = [(holding, key, record) for holding, fitting, _ in taken for key, record in fitting]
        try:
            await self._tell([letter for *_, letters in taken for letter in letters])
            await self._write([record for _, _, record in changed])
            await self._write(positions := [holding.position() for holding in holdings])
        except BaseException:
            # The changes are taken and not durable: the next flush in turn would write the position alone.
            for holding in holdings:
                holding.is_given_up = True
            raise
        for holding, key, _ in changed:
            holding.supersede(key)
        for holding in holdings:
            holding.supersede("")
            records += holding.next - holding.flushed
            holding.flushed, holding.dirty_since = holding.next, None
        written = [(holding, record) for holding, _, record in changed] + list(zip(holdings, positions, strict=True))
        for holding, record in written:  # on their way when the partition was given up, and it is ours again
            if holding.is_given_up and (now := self.held.get(holding.tp)):
                self._notice(now, [record])
        self.flushes_total += 1
        self.on_flush(time.monotonic() - began, records)

    async def _tell(self, letters: Sequence[DeadLetter]) -> None:
        if letters:
            await self._outputs.send(Output(DEAD_LETTERS, letter.letter_id, letter) for letter in letters)
            await self._outputs.delivered()
            self.dead_letters_total += len(letters)
            self.refused.update(letter.reason for letter in letters)

    async def _write(self, records: Sequence[Record]) -> None:
        if not records:
            return
        offsets = await self._changelog.write(records)
        for record, offset in zip(records, offsets, strict=True):
            self._store.wrote(record.partition, record.key, record.value, offset)

    async def notice_strays(self) -> None:
        """Read what others have written between our own records: a writer that woke late. See `Holding.notice`."""
        for tp, holding in list(self.held.items()):
            for stretch in self._store.take_gaps(tp.partition):
                found = await self._changelog.read(tp.partition, *stretch)
                async with self._turn:
                    if found is None:  # another time
                        self._store.gap(tp.partition, *stretch)
                    elif not holding.is_given_up:
                        self._notice(holding, found)

    def _notice(self, holding: Holding, found: "Sequence[Record]") -> None:
        for record in found:
            self._store.saw(record)
        records = self._store.of(holding.tp.partition)
        for stored in dict.fromkeys(record.key for record in found if record.key in records):
            holding.notice(stored, records)

    # --- committing

    def committable(self) -> Commit:
        """What is durable now. The superseded keys go with it: only they may go if exactly this commit succeeds.

        A success says that we owned the partitions when our values of these keys were durable already, so every
        later owner sees those. Keys superseded after the commit was sent must wait for the next: by then another
        owner may have begun with one of them.
        """
        offsets = {
            tp: holding.flushed
            for tp, holding in self.held.items()
            if holding.flushed != holding.committed or holding.superseded
        }
        superseded = {tp: holding.superseded for tp, holding in self.held.items() if holding.superseded}
        for tp in superseded:
            self.held[tp].superseded = []
        return Commit(offsets, superseded)

    async def committed(self, commit: Commit, is_taken: bool) -> None:
        """After a success delete the superseded keys; after a refusal keep them for the next commit."""
        if is_taken:
            for tp, offset in commit.offsets.items():
                if tp in self.held:
                    self.held[tp].committed = offset
            keys = [Record(tp.partition, key, None) for tp, keys in commit.superseded.items() for key in keys]
            async with self._turn:
                await self._write([record for record in keys if self._store.of(record.partition).get(record.key)])
            return
        for tp, superseded in commit.superseded.items():
            if tp in self.held:
                self.held[tp].superseded.extend(superseded)

    # --- giving up

    async def give_up(self, commit: Callable[[], Awaitable[Any]] | None, limit_s: float = GIVE_UP_S) -> None:
        """Flush and commit (None: we are a zombie, do neither), then forget everything; bounded in time."""
        try:
            if commit is not None and self.held:
                await asyncio.wait_for(self._finish(commit), limit_s)
        except TimeoutError:
            log.warning("gave partitions up without a last flush: Kafka took more than %.0f s", limit_s)
        finally:
            self._forget()

    async def _finish(self, commit: Callable[[], Awaitable[Any]]) -> None:
        async with self._turn:
            await self._flush([holding for holding in self.held.values() if holding.dirty_since is not None])
        await commit()

    def _forget(self) -> None:
        for holding in self.held.values():
            holding.is_given_up = True
        self.held = {}


def _start(tp: "TP", loaded: Loaded, first: int, end: int) -> int:
    """Where to go on, if the topic still has it."""
    if loaded.position is None:
        return first
    start = loaded.position.next_offset
    if start > end:
        raise VitalsError(
            f"{tp.topic}/{tp.partition} ends at offset {end}, but was folded up to {start}: Kafka lost records."
            f" Delete the agent's changelog topic and run `vitals topics apply` to fold it anew from what is left"
        )
    if start < first:
        log.error("%s/%s: offsets %d to %d were deleted before they were folded", tp.topic, tp.partition, start, first)
    return max(start, first)
