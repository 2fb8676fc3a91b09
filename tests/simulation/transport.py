"""Between our own code and the broker in memory: what Faust, aiokafka and librdkafka are to it."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
from aiokafka.errors import KafkaError
from faust.types import TP

from streams.chunks import ChunkConsumer
from streams.fetching import ChunkThread
from streams.flush_needs import Record
from streams.vitals.rows import EVERY_PARTITION, Output
from tests.simulation.broker import Broker, Kept, Refused
from tests.simulation.world import Process

if TYPE_CHECKING:
    from tests.simulation.worker import Worker

STREAM_CHUNKS = 4
_encode = msgspec.json.Encoder().encode


class Wire:
    """Outputs and changelog of a worker: a producer that keeps the order per partition."""

    def __init__(self, process: Process, broker: Broker, changelog: str) -> None:
        self.process, self.broker, self.changelog = process, broker, changelog
        self._on_the_way = 0
        self._arrived = process.create_future()

    def _post(self, tp: TP, key: bytes | None, value: bytes | None, note: Any) -> None:
        self.process.post(lambda: note(self.broker.append(tp, key, value)), tp)

    async def send(self, outputs: Iterable[Output]) -> None:
        """Send outputs as `OutputLine` does."""
        for output in outputs:
            value, key = _encode(output.value), output.key.encode() or None
            logs = self.broker.topics[output.topic].logs
            if output.partition == EVERY_PARTITION:
                targets = list(range(len(logs)))
            else:
                targets = [self.broker.target(output.topic, key) if output.partition is None else output.partition]
            for target in targets:
                self._on_the_way += 1
                self._post(TP(output.topic, target), key, value, self._note)

    def _note(self, _: int) -> None:
        self._on_the_way -= 1

    async def delivered(self) -> None:
        """Ask until nothing is on the way."""
        while self._on_the_way:
            await self.process.request("delivered", lambda: None)

    async def write(self, records: Sequence[Record]) -> list[int]:
        """Write changelog records; each lands by itself, the answer comes when all have."""
        offsets = [-1] * len(records)
        self.process.world.say(self.process.name, f"writes {_shown(records)}")
        for index, record in enumerate(records):
            self._post(
                TP(self.changelog, record.partition), record.key, record.value,
                lambda offset, index=index: offsets.__setitem__(index, offset),
            )  # fmt: skip
        while -1 in offsets:
            await self.process.request("written", lambda: None, TP(self.changelog, records[-1].partition))
        return offsets

    async def read(self, partition: int, start: int, end: int) -> list[Record] | None:
        """Read some of a changelog again; now and then Kafka does not answer."""
        log = self.broker.log(TP(self.changelog, partition))
        if self.process.world.chance.random() < 0.2:
            return None
        found = await self.process.request("read", lambda: [it for it in log.records if start <= it.offset < end])
        return [Record(partition, it.key or b"", it.value) for it in found]


def _shown(records: Sequence[Record]) -> str:
    return ", ".join(
        f"{'delete ' if record.value is None else ''}{record.key[:-28].decode() or 'position'}"
        f"@{int.from_bytes(record.key[-12:-8], 'big')}.{int.from_bytes(record.key[-8:], 'big') % 10**11 / 1e9:.3f}"
        + (f"={int.from_bytes(record.value[:8], 'big', signed=True)}" if record.value else "")
        for record in records
    )


class Fetches:
    """The part of aiokafka's consumer that the chunk thread touches."""

    def __init__(self, worker: "Worker") -> None:
        self.worker = worker
        self._closed = False
        self._fetcher, self._subscriptions = self, self
        self._coordinator = SimpleNamespace(generation=-1, serial=-1)
        self._max_poll_records = worker.chunk_records
        self.positions: dict[Any, int] = {}
        self.assigned: set[TP] = set()

    def fetch_context(self) -> Any:
        return nullcontext()

    def seek(self, tp: Any, offset: int) -> None:
        self.positions[TP(*tp)] = offset

    async def fetched_records(self, partitions: Any, timeout: float, max_records: int) -> Any:  # noqa: ASYNC109
        """What one fetch brings. A position that is no longer there goes to the beginning, as configured."""
        wanted = {tp: self.positions[tp] for tp in sorted(partitions) if tp in self.positions and tp in self.assigned}
        found = await self.worker.request("fetch", lambda: self._read(wanted, max_records))
        got = {}
        for tp, (start, records) in found.items():
            if self.positions.get(tp) == wanted[tp] and tp in self.assigned:
                self.positions[tp] = records[-1].offset + 1 if records else start
                if records:
                    got[tp] = records
        if not got:
            await asyncio.sleep(timeout)
        return got

    def _read(self, wanted: dict[TP, int], max_records: int) -> dict[TP, tuple[int, list[Kept]]]:
        found = {}
        for tp, at in wanted.items():
            log = self.worker.broker.log(tp)
            if self.worker.world.chance.random() < 0.8:
                start = at if log.first <= at <= log.end else log.first
                found[tp] = (start, log.read(start, self.worker.world.chance.randint(1, max_records)))
        return found

    async def commit(self, wanted: Any) -> None:
        group, me = self.worker.group, self._coordinator
        serial, generation = me.serial, me.generation
        offsets = {TP(*tp): meta.offset for tp, meta in wanted.items()}
        try:
            await self.worker.request(
                "commit", lambda: group.commit(self.worker.name, serial, generation, offsets), "coordinator",
                may_be_lost=True,
            )  # fmt: skip
        except Refused as refused:
            raise KafkaError(str(refused)) from None


class SimThread(ChunkThread):
    """Our consumer thread, without being a thread."""

    def __init__(self, consumer: "SimConsumer", fetches: Fetches) -> None:
        self.consumer, self._consumer = consumer, fetches
        self.sought, self.taken = {}, {}

    def _ensure_consumer(self) -> Any:
        return self._consumer

    async def call_thread(self, fun: Any, *args: Any, **options: Any) -> Any:
        await asyncio.sleep(0)
        return await fun(*args, **options)

    async def getmany(self, active_partitions: Any, timeout: float) -> Any:  # noqa: ASYNC109  Faust's
        """A fetch, which is lost on its way from the thread if the world says so."""
        fetched = await super().getmany(active_partitions, timeout)
        is_lost, self.consumer.worker.loses_fetch = self.consumer.worker.loses_fetch, False
        return {} if is_lost else fetched

    def assignment(self) -> set[TP]:
        return set(self._consumer.assigned)

    def highwater(self, tp: TP) -> int:
        return 0


class SimConsumer(ChunkConsumer):
    """Our consumer, without Faust's beneath it."""

    should_stop = False

    def __init__(self, app: Any, worker: "Worker") -> None:
        self.app, self.worker = app, worker
        self.cursor, self.taken_up, self.barred, self.epoch, self.is_between = {}, {}, set(), 0, True
        self.flow_active, self.can_resume_flow, self.suspend_flow = False, asyncio.Event(), asyncio.Event()
        self._active_partitions: set[TP] = set()
        self._paused_partitions: set[TP] = set()
        self._acked, self._acked_index, self._n_acked, self._unacked_messages = {}, {}, 0, set()
        self._gap, self._read_offset, self._committed_offset = {}, {}, {}
        self._on_partitions_revoked, self._on_partitions_assigned = worker.revoked, worker.assigned
        self.fetches = Fetches(worker)
        self._thread = SimThread(self, self.fetches)
        self.diag = SimpleNamespace(set_flag=lambda _: None, unset_flag=lambda _: None)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0.5))

    async def wait(self, event: Any) -> None:
        await event.wait()

    def _get_active_partitions(self) -> set[TP]:
        return self._active_partitions

    def _is_changelog_tp(self, tp: TP) -> bool:
        return tp.topic == self.worker.agent.changelog_topic

    async def earliest_offsets(self, *partitions: TP) -> dict[TP, int]:
        broker = self.worker.broker
        answer = await self.worker.request("earliest", lambda: {tp: broker.log(tp).first for tp in sorted(partitions)})
        return dict(answer)

    async def highwaters(self, *partitions: TP) -> dict[TP, int]:
        broker = self.worker.broker
        answer = await self.worker.request("highwaters", lambda: {tp: broker.log(tp).end for tp in sorted(partitions)})
        return dict(answer)

    def flow(self, tps: Iterable[TP] | None) -> None:
        """Let these partitions flow, none of the others; None: nothing at all."""
        self.flow_active = tps is not None
        self._set_active_tps(set(tps or ()))
        self.can_resume_flow.set() if self.flow_active else self.can_resume_flow.clear()


class Stream:
    """The agent's stream: chunks that are read and not yet folded."""

    def __init__(self) -> None:
        self.chunks: deque[Any] = deque()
        self._there, self._room = asyncio.Event(), asyncio.Event()

    def __aiter__(self) -> "Stream":
        return self

    async def __anext__(self) -> Any:
        while not self.chunks:
            self._there.clear()
            await self._there.wait()
        self._room.set()
        return self.chunks.popleft()

    def clear(self) -> None:
        """Forget all, as Faust does when the flow is suspended, and when it is resumed."""
        self.chunks.clear()
        self._room.set()

    async def put(self, chunk: Any) -> None:
        while len(self.chunks) >= STREAM_CHUNKS:
            self._room.clear()
            await self._room.wait()
        self.chunks.append(chunk)
        self._there.set()
