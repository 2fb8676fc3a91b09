# ruff: noqa: SLF001, ARG002, ASYNC109  private names and signatures are Faust's
# mypy: disallow-subclassing-any=False
"""The thread beneath the chunk transport: it alone fetches, seeks and commits, and makes one chunk of each fetch.

Each private name used is held by `tests/unit/test_faust_contract.py`.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

from aiokafka.consumer import fetcher
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.transport.drivers.aiokafka import ensure_aiokafka_TP
from faust.types import TP

from streams.edge import Record
from streams.kafka_access import ANSWER_MS
from streams.logs import log_beneath

COMMIT_TIMEOUT_S = 2.5
ANSWER_WAIT_MS = 250
"""A broker without records holds its answer for so long, and the next fetch too: 1.5 s by Faust, twice in a restart."""


class BareRecords(fetcher.PartitionRecords):
    """Records as they were parsed. aiokafka makes a dataclass of eleven fields of each: 40 % of the CPU of reading."""

    def _consumer_record(self, tp: Any, record: Any) -> Any:
        return record


fetcher.PartitionRecords = BareRecords  # the fetcher looks the class up by this name


class Chunk(NamedTuple):
    """The records of one partition from one fetch: all that lie in [base, end).

    Offsets missing in between were removed by compaction. `is_first`: nothing was read from here since the last seek.
    """

    tp: TP
    base: int
    end: int
    records: list[Record]
    is_first: bool


class ChunkThread(driver.AIOKafkaConsumerThread):
    """The thread that owns the aiokafka consumer. All reads and seeks pass through it, so `taken` is exact."""

    logger = log_beneath("thread")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.sought: dict[TP, int] = {}
        self.taken: dict[TP, int] = {}
        """Per partition the end of the last fetch, or the target of the last seek."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = ANSWER_WAIT_MS
        # One request only: `broker_request_timeout` is for what may take several, as to learn where partitions end.
        consumer._client._request_timeout_ms = ANSWER_MS
        return consumer

    async def _fetch_records(
        self, consumer: Any, active_partitions: Any, timeout: float | None = None, max_records: int | None = None
    ) -> dict[TP, Chunk]:
        """Make one chunk per partition, whose base is where the fetch before it ended.

        To aiokafka an empty set of partitions means all of them: for none, return nothing.
        """
        if not self.consumer.flow_active or not active_partitions:
            return {}
        source = consumer._fetcher
        if consumer._closed or source._closed:
            raise driver.ConsumerStoppedError
        with source._subscriptions.fetch_context():
            fetched = await source.fetched_records(active_partitions, timeout=timeout, max_records=max_records)
        return {TP(*tp): self._chunk(TP(*tp), records) for tp, records in fetched.items()}

    def _chunk(self, tp: TP, records: list[Record]) -> Chunk:
        base = self.taken.get(tp, records[0].offset)
        end = self.taken[tp] = records[-1].offset + 1
        return Chunk(tp, base, end, records, base == self.sought.get(tp))

    async def _seek_wait(self, consumer: Any, partitions: Mapping[TP, int]) -> None:
        """Seek and note it. Faust's waits for positions here, which can outlive the assignment."""
        for partition, offset in partitions.items():
            tp = TP(*partition)
            consumer.seek(ensure_aiokafka_TP(tp), offset)
            self.taken[tp] = self.sought[tp] = offset
            self.consumer._read_offset.pop(tp, None)

    def seek(self, partition: TP, offset: int) -> None:
        """Refuse: a seek from another thread would not be noted in order."""
        raise RuntimeError(f"seek of {partition} to {offset} from outside of the consumer thread")

    async def commit_now(self, offsets: Mapping[TP, int]) -> bool:
        """Commit, if the generation is still ours; whether the broker took it.

        Asked again here, right before the request: a commit queued behind a JoinGroup resets the new generation and
        costs a rebalance. A refusal is no error: the next owner goes on from the position in the changelog.
        """
        if not self.consumer.is_ours():
            return False
        assigned = self.assignment()
        wanted = {ensure_aiokafka_TP(tp): OffsetAndMetadata(at, "") for tp, at in offsets.items() if tp in assigned}
        if not wanted:
            return False
        try:
            await asyncio.wait_for(self._ensure_consumer().commit(wanted), COMMIT_TIMEOUT_S)
        except (KafkaError, IllegalStateError, TimeoutError):
            return False
        return True
