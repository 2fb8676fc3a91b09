"""The protocol of a flush against fakes of Kafka that fail, hang and come back late at every single step."""

import asyncio
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams import flush
from streams.dead_letter_limit import ROW_LIMIT, Limit
from streams.errors import VitalsError
from streams.flush import Holdings, Pace
from streams.flush_needs import Record
from streams.positions import load
from streams.vitals.rows import Output
from tests.toy_log import message, tick, toy_agent

TOPIC_ID = b"t" * 16
AGENT = toy_agent()


class TP(NamedTuple):
    topic: str
    partition: int


class In(NamedTuple):
    """An input record."""

    offset: int
    timestamp: int
    key: bytes
    value: bytes


A = TP("toy-events", 0)
SEVENTY = [
    In(offset, 2**41, b"", tick(offset)) if offset % 9 == 8
    else In(offset, 2**41, b"k%d" % (offset % 3), message(f"k{offset % 3}", offset // 3 + 1, offset))
    for offset in range(70)
]  # fmt: skip


class CrashError(Exception):
    """The process dies here."""


class Kafka:
    """What outlives workers: the changelog, compacted at once, the outputs delivered, and who may commit."""

    def __init__(self) -> None:
        self.changelog: dict[int, dict[bytes, bytes]] = {}
        self.outputs: list[Output] = []
        self.generation = 0
        self.committed = 0
        self.log: list[Record] = []

    @property
    def end(self) -> int:
        return len(self.log)

    def append(self, record: Record) -> int:
        of = self.changelog.setdefault(record.partition, {})
        if record.value is None:
            of.pop(record.key, None)
        else:
            of[record.key] = record.value
        self.log.append(record)
        return self.end - 1


class Worker:
    """A worker on that Kafka, which crashes or hangs at the step that it is told to."""

    def __init__(self, kafka: Kafka, *, crash_at: int = -1, hang_at: int = -1) -> None:
        self.kafka, self.crash_at, self.hang_at = kafka, crash_at, hang_at
        self.steps = 0
        self.wakes = asyncio.Event()
        self.sent: list[Output] = []
        self.recovered: dict[int, dict[bytes, bytes]] = {}
        self.gaps: list[tuple[int, int]] = []
        self.answers = True
        self.holdings = Holdings(
            AGENT, TOPIC_ID, partitions=1, outputs=self, changelog=self, store=self, pace=Pace(10**9, 0.0)
        )

    async def _step(self) -> None:
        self.steps += 1
        if self.steps - 1 == self.crash_at:
            raise CrashError
        if self.steps - 1 == self.hang_at:
            await self.wakes.wait()

    # Outputs
    async def send(self, outputs: Iterable[Output]) -> None:
        self.sent += outputs

    async def delivered(self) -> None:
        for output in self.sent:
            await self._step()
            self.kafka.outputs.append(output)
        self.sent = []

    # Changelog
    async def write(self, records: Sequence[Record]) -> list[int]:
        offsets = []
        for record in records:
            await self._step()
            offsets.append(self.kafka.append(record))
        return offsets

    async def read(self, partition: int, start: int, end: int) -> list[Record] | None:
        return (
            [record for record in self.kafka.log[start:end] if record.partition == partition] if self.answers else None
        )

    # Store
    def load(self, partition: int) -> dict[bytes, bytes]:
        return self.of(partition)

    def saw(self, record: Record) -> None:
        self.wrote(record.partition, record.key, record.value, -1)

    def gap(self, partition: int, start: int, end: int) -> None:
        self.gaps.append((start, end))

    def take_gaps(self, partition: int) -> list[tuple[int, int]]:
        taken, self.gaps = self.gaps, []
        return taken

    def of(self, partition: int) -> dict[bytes, bytes]:
        return self.recovered.setdefault(partition, {})

    def wrote(self, partition: int, key: bytes, value: bytes | None, offset: int) -> None:
        self.of(partition)
        if value is None:
            self.recovered[partition].pop(key, None)
        else:
            self.recovered[partition][key] = value

    # what Faust does
    def take_up(self, end: int = len(SEVENTY)) -> int:
        self.kafka.generation += 1
        self.generation = self.kafka.generation
        self.recovered = {partition: dict(records) for partition, records in self.kafka.changelog.items()}
        return self.holdings.take_up({A: (0, end)}, self.generation)[A]

    async def fold(self, start: int, end: int) -> int | None:
        return await self.holdings.absorb(chunk(start, end))

    async def commit(self) -> bool:
        commit = self.holdings.committable()
        await self._step()
        is_taken = self.generation == self.kafka.generation
        if is_taken:
            self.kafka.committed = commit.offsets.get(A, self.kafka.committed)
        await self._step()
        await self.holdings.committed(commit, is_taken)
        return is_taken


def chunk(start: int, end: int, records: Sequence[In] = SEVENTY) -> SimpleNamespace:
    return SimpleNamespace(tp=A, base=start, end=end, records=records[start:end])


async def work(worker: Worker, sizes: Sequence[int], end: int = len(SEVENTY)) -> None:
    """Fold to the end in chunks of these sizes, with a flush and a commit after each."""
    at, turn = worker.take_up(), 0
    while at < end:
        upto = min(at + sizes[turn % len(sizes)], end)
        assert await worker.fold(at, upto) is None
        await worker.holdings.flush_due()
        await worker.commit()
        at, turn = upto, turn + 1


def stored(kafka: Kafka) -> tuple[dict[str, bytes], int, bytes]:
    loaded = load(kafka.changelog[0], TOPIC_ID)
    assert loaded.position is not None
    return loaded.values, loaded.position.next_offset, loaded.position.partition_value


async def alone() -> Kafka:
    kafka = Kafka()
    await work(Worker(kafka), [len(SEVENTY)])
    return kafka


ALONE = asyncio.run(alone())


def check(kafka: Kafka) -> None:
    """All is as if one worker had folded it in one piece; an output may have come twice, but the same."""
    assert stored(kafka) == stored(ALONE)
    assert {repr(output) for output in kafka.outputs} == {repr(output) for output in ALONE.outputs}


def test_the_outcome_does_not_depend_on_chunk_sizes():
    async def run(sizes: list[int]) -> Kafka:
        await work(Worker(kafka := Kafka()), sizes)
        return kafka

    for sizes in ([1], [7], [69, 1], [3, 11]):
        check(asyncio.run(run(sizes)))


@pytest.mark.parametrize("at_once", [1, 7, 69, 70])
def test_the_outcome_does_not_depend_on_how_many_are_folded_before_something_is_sent(at_once, monkeypatch):
    monkeypatch.setattr(flush, "AT_ONCE", at_once)
    kafka = Kafka()
    asyncio.run(work(Worker(kafka), [len(SEVENTY)]))
    check(kafka)


def test_what_compaction_removed_is_passed_over_at_the_end_of_a_part_too(monkeypatch):
    monkeypatch.setattr(flush, "AT_ONCE", 7)
    left = [record for record in SEVENTY if record.offset not in {7, 8, 20, 68, 69}]

    async def run() -> list[int]:
        worker, reached = Worker(Kafka()), []
        worker.take_up()
        fold = worker.holdings._fold

        async def folded(holding, records, end):
            holding.log.fold = lambda *_: ()
            await fold(holding, records, end)
            reached.append(holding.next)

        worker.holdings._fold = folded
        await worker.holdings.absorb(SimpleNamespace(tp=A, base=0, end=70, records=left))
        return reached

    assert asyncio.run(run())[:3] == [9, 16, 24]
    assert asyncio.run(run())[-1] == 70


def test_a_partition_that_is_given_up_while_it_sends_folds_no_further(monkeypatch):
    monkeypatch.setattr(flush, "AT_ONCE", 9)

    async def run() -> int:
        worker = Worker(Kafka())
        worker.take_up()
        holding = worker.holdings.held[A]

        async def given_up(_: Iterable[Output]) -> None:
            await worker.holdings.give_up(None)

        worker.send = given_up
        await worker.fold(0, 70)
        return holding.next

    assert asyncio.run(run()) == 9


def test_a_crash_at_any_step_changes_nothing():
    async def run(crash_at: int) -> tuple[Kafka, bool]:
        kafka = Kafka()
        try:
            await work(Worker(kafka, crash_at=crash_at), [13])
        except CrashError:
            await work(Worker(kafka), [11])
            return kafka, True
        return kafka, False

    crash_at, has_crashed = 0, True
    while has_crashed:
        kafka, has_crashed = asyncio.run(run(crash_at))
        check(kafka)
        crash_at += 1
    assert crash_at > 40


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=6), st.integers(1, 30))
def test_any_row_of_crashes_changes_nothing(crashes, last_size):
    async def run() -> Kafka:
        kafka = Kafka()
        for crash_at, size in crashes:
            try:
                await work(Worker(kafka, crash_at=crash_at), [size])
            except CrashError:
                continue
        await work(Worker(kafka), [last_size])
        return kafka

    check(asyncio.run(run()))


@pytest.mark.parametrize("owner_goes_on_to", [45, 70])
def test_a_zombie_that_wakes_at_any_step_changes_nothing(owner_goes_on_to):
    """It hangs in a flush or commit, another folds on, it wakes and writes late, and a third takes over."""

    async def run(hang_at: int) -> bool:
        kafka = Kafka()
        zombie, owner, third = Worker(kafka, hang_at=hang_at), Worker(kafka), Worker(kafka)
        task = asyncio.create_task(work(zombie, [17]))
        while not task.done() and zombie.steps <= hang_at:  # noqa: ASYNC110  the task runs on in between
            await asyncio.sleep(0)
        has_hung = not task.done()
        await work(owner, [5], end=owner_goes_on_to)
        zombie.wakes.set()
        await task
        await work(third, [9])
        check(kafka)
        return has_hung

    hang_at = 0
    while asyncio.run(run(hang_at)):
        hang_at += 1
    assert hang_at > 35


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 60), st.integers(0, 60), st.sampled_from([(0, 1), (1, 0)]), st.integers(20, 70))
def test_two_zombies_that_wake_in_any_order_change_nothing(first_hangs, second_hangs, order, owner_end):
    async def run() -> None:
        kafka = Kafka()
        zombies = [Worker(kafka, hang_at=first_hangs), Worker(kafka, hang_at=second_hangs)]
        tasks = []
        for zombie, size in zip(zombies, (17, 7), strict=True):
            tasks.append(asyncio.create_task(work(zombie, [size])))
            for _ in range(200):
                await asyncio.sleep(0)
        await work(Worker(kafka), [5], end=owner_end)
        for index in order:
            zombies[index].wakes.set()
            await tasks[index]
        await work(Worker(kafka), [9])
        check(kafka)

    asyncio.run(run())


def test_older_terms_are_gone_after_a_commit_and_only_then():
    async def run() -> None:
        kafka = Kafka()
        await work(Worker(kafka), [70])
        old = set(kafka.changelog[0])
        refused = Worker(kafka)
        refused.take_up(140)
        repeated = [record._replace(offset=record.offset + 70) for record in SEVENTY]
        await refused.holdings.absorb(SimpleNamespace(tp=A, base=70, end=140, records=repeated))
        await refused.holdings.flush_due()
        kafka.generation += 1
        assert not await refused.commit()
        assert old < set(kafka.changelog[0])
        kafka.generation = refused.generation
        assert await refused.commit()
        assert not old & set(kafka.changelog[0])
        assert len(kafka.changelog[0]) == len(old)

    asyncio.run(run())


async def beside_a_zombie(zombie_goes_to: int, owner_goes_to: int) -> tuple[Kafka, Worker]:
    """An owner, and what a zombie wrote while it was: a flush of its own up to there, which hung in the middle."""
    kafka = Kafka()
    await work(Worker(kafka), [10], end=10)
    zombie, owner = Worker(kafka), Worker(kafka)
    zombie.take_up()
    await zombie.fold(10, zombie_goes_to)
    owner.take_up()
    await owner.fold(10, owner_goes_to)
    await owner.holdings.flush_due()
    await owner.commit()
    before = kafka.end
    await zombie.holdings.flush_due()
    owner.gap(0, before, kafka.end)
    return kafka, owner


def keys_left(kafka: Kafka) -> list[int]:
    """Of each key, the position among them, the number of its records."""
    return sorted(map(len, load(kafka.changelog[0], TOPIC_ID).written.values()))


def test_what_a_late_writer_left_goes_with_the_owners_next_commit_and_only_then():
    async def run() -> None:
        kafka, owner = await beside_a_zombie(40, 70)
        assert keys_left(kafka) == [2, 2, 2, 2]
        await owner.holdings.notice_strays()
        kafka.generation += 1
        assert not await owner.commit()
        assert keys_left(kafka) == [2, 2, 2, 2]
        kafka.generation = owner.generation
        assert await owner.commit()
        assert keys_left(kafka) == [1, 1, 1, 1]
        check(kafka)

    asyncio.run(run())


def test_a_late_record_that_is_the_better_one_stays_until_the_owner_has_come_as_far():
    async def run() -> None:
        kafka, owner = await beside_a_zombie(60, 40)
        await owner.holdings.notice_strays()
        await owner.commit()
        assert keys_left(kafka) == [1, 2, 2, 2]  # of positions the owner's counts, of values the further one
        await owner.fold(40, 70)
        await owner.holdings.flush_due()
        await owner.commit()
        assert keys_left(kafka) == [1, 1, 1, 1]
        check(kafka)

    asyncio.run(run())


def test_what_was_on_its_way_when_a_partition_went_and_came_back_goes_too():
    """Seed 679 of the simulation: nobody else wrote it, so it is no gap."""

    async def run() -> None:
        kafka = Kafka()
        worker = Worker(kafka, hang_at=len(ALONE.outputs) + 3)  # at the position
        worker.take_up()
        await worker.fold(0, 70)
        flush_due = asyncio.create_task(worker.holdings.flush_due())
        while worker.steps <= worker.hang_at:  # noqa: ASYNC110  the task runs on in between
            await asyncio.sleep(0)
        await worker.holdings.give_up(worker.commit, 0.01)
        assert worker.take_up() == 0
        worker.wakes.set()
        await flush_due
        await worker.fold(0, 70)
        await worker.holdings.flush_due()
        await worker.commit()
        assert keys_left(kafka) == [1, 1, 1, 1]
        check(kafka)

    asyncio.run(run())


def test_what_a_late_writer_left_is_asked_for_again_when_kafka_did_not_answer():
    async def run() -> None:
        kafka, owner = await beside_a_zombie(40, 70)
        owner.answers = False
        await owner.holdings.notice_strays()
        await owner.commit()
        assert keys_left(kafka) == [2, 2, 2, 2]
        owner.answers = True
        await owner.holdings.notice_strays()
        await owner.commit()
        assert keys_left(kafka) == [1, 1, 1, 1]

    asyncio.run(run())


def test_a_key_superseded_while_a_commit_was_under_way_waits_for_the_next():
    async def run() -> None:
        kafka = Kafka()
        await work(Worker(kafka), [30], end=30)
        old = set(kafka.changelog[0])
        worker = Worker(kafka)
        worker.take_up()
        commit = worker.holdings.committable()
        await worker.fold(30, 40)
        await worker.holdings.flush_due()
        await worker.holdings.committed(commit, True)
        assert old < set(kafka.changelog[0])
        await worker.commit()
        assert not old & set(kafka.changelog[0])

    asyncio.run(run())


def test_a_flush_that_is_cut_off_by_giving_up_lets_no_other_write_the_position_alone():
    async def run(hang_at: int) -> int:
        kafka = Kafka()
        worker = Worker(kafka, hang_at=hang_at)
        worker.take_up()
        await worker.fold(0, 13)
        giving_up = asyncio.create_task(worker.holdings.give_up(worker.commit, 0.01))
        while not worker.steps > hang_at and not giving_up.done():  # noqa: ASYNC110  the task runs on in between
            await asyncio.sleep(0)
        await worker.holdings.flush_due()
        await giving_up
        await work(Worker(kafka), [9])
        check(kafka)
        return worker.steps

    hang_at = 0
    while asyncio.run(run(hang_at)) > hang_at:
        hang_at += 1
    assert hang_at > 5


def test_a_chunk_that_does_not_begin_at_the_position_is_sent_back():
    async def run() -> None:
        worker = Worker(Kafka())
        worker.take_up()
        assert await worker.fold(5, 9) == 0
        assert await worker.fold(0, 9) is None
        assert await worker.fold(0, 9) == 9
        assert await Worker(Kafka()).fold(0, 9) is None

    asyncio.run(run())


def test_a_flush_is_due_after_so_many_events_or_seconds(monkeypatch):
    async def run(pace: Pace, clock: list[float]) -> int:
        monkeypatch.setattr(flush.time, "monotonic", lambda: clock.pop(0) if len(clock) > 1 else clock[0])
        worker = Worker(Kafka())
        worker.holdings = Holdings(
            AGENT, TOPIC_ID, partitions=1, outputs=worker, changelog=worker, store=worker, pace=pace
        )
        worker.take_up()
        await worker.fold(0, 9)
        await worker.fold(9, 20)
        await worker.holdings.flush_due()
        return worker.holdings.held[A].flushed

    assert asyncio.run(run(Pace(21, 5.0), [100.0, 104.9])) == 0
    assert asyncio.run(run(Pace(20, 5.0), [100.0, 104.9])) == 20
    assert asyncio.run(run(Pace(21, 5.0), [100.0, 105.0])) == 20
    assert asyncio.run(run(Pace(9, 5.0), [100.0, 104.9])) == 20


def test_giving_up_flushes_and_commits_and_forgets():
    async def run() -> None:
        worker = Worker(Kafka())
        worker.take_up()
        await worker.fold(0, 33)
        await worker.holdings.give_up(worker.commit)
        assert worker.kafka.committed == 33
        assert stored(worker.kafka)[1] == 33
        assert await worker.fold(33, 40) is None
        assert not worker.holdings.held

    asyncio.run(run())


def test_a_zombie_gives_up_without_a_word():
    async def run() -> None:
        worker = Worker(Kafka())
        worker.take_up()
        await worker.fold(0, 33)
        await worker.holdings.give_up(None)
        assert not worker.holdings.held
        assert not worker.kafka.changelog

    asyncio.run(run())


def test_giving_up_ends_in_time_though_kafka_does_not_answer():
    async def run() -> None:
        worker = Worker(Kafka(), hang_at=3)
        worker.take_up()
        await worker.fold(0, 33)
        await asyncio.wait_for(worker.holdings.give_up(worker.commit, 0.05), 5)
        assert not worker.holdings.held
        await work(Worker(worker.kafka), [20])
        check(worker.kafka)

    asyncio.run(run())


def test_a_value_beyond_the_limit_is_refused_and_the_last_smaller_one_kept(monkeypatch, caplog):
    async def run() -> None:
        kafka = Kafka()
        await work(Worker(kafka), [30], end=30)
        before = stored(kafka)[0]
        monkeypatch.setattr(flush, "MAX_VALUE_BYTES", 3)
        worker = Worker(kafka)
        worker.take_up()
        await worker.fold(30, 50)
        await worker.holdings.flush_due()
        await worker.commit()
        values, next_offset, _ = stored(kafka)
        assert (values, next_offset) == (before, 50)
        await worker.fold(50, 60)
        await worker.holdings.flush_due()
        letters = [one.value for one in kafka.outputs if one.topic == "dead-letters"]
        assert sorted(letter.key for letter in letters) == [b"k0", b"k1", b"k2"]
        assert {(letter.reason, letter.position, letter.original) for letter in letters} == {("too_large", 49, b"")}
        assert not any(letter.is_whole for letter in letters)
        assert worker.holdings.refused == {"too_large": 3}

    asyncio.run(run())
    assert [record.levelname for record in caplog.records] == ["ERROR"] * 3
    assert "k0" not in caplog.text


def test_a_topic_made_again_is_folded_anew():
    async def run() -> None:
        kafka = Kafka()
        await work(Worker(kafka), [70])
        other = Worker(kafka)
        other.holdings = Holdings(
            AGENT, b"u" * 16, partitions=1, outputs=other, changelog=other, store=other, pace=Pace(10**9, 0.0)
        )
        assert other.take_up(20) == 0
        await other.fold(0, 20)
        await other.holdings.flush_due()
        await other.commit()
        assert not load(kafka.changelog[0], TOPIC_ID).values
        fresh = load(kafka.changelog[0], b"u" * 16)
        assert fresh.position is not None
        assert (fresh.position.next_offset, sorted(fresh.values)) == (20, ["k0", "k1", "k2"])

    asyncio.run(run())


def test_a_log_that_ends_before_the_position_is_refused():
    kafka = Kafka()
    asyncio.run(work(Worker(kafka), [70]))
    with pytest.raises(VitalsError, match="ends at offset 69, but was folded up to 70"):
        Worker(kafka).take_up(69)


def test_too_many_dead_letters_stop_the_partition_also_after_a_restart_until_accepted():
    noise = [In(offset, 2**41, b"k", b"noise") for offset in range(200)]

    async def run() -> None:
        kafka = Kafka()
        worker = Worker(kafka)
        worker.take_up(200)
        await worker.holdings.absorb(chunk(0, 150, noise))
        assert worker.holdings.paused() == {A}
        await worker.holdings.flush_due()
        assert len(kafka.outputs) == ROW_LIMIT
        assert worker.holdings.refused == {"malformed_json": ROW_LIMIT}

        again = Worker(kafka)
        assert again.take_up(200) == ROW_LIMIT
        assert again.holdings.paused() == {A}
        assert await again.holdings.absorb(chunk(ROW_LIMIT, 150, noise)) is None
        assert again.holdings.held[A].next == ROW_LIMIT
        assert await again.holdings.accept(A) == ROW_LIMIT
        assert not again.holdings.paused()
        third = Worker(kafka)
        assert third.take_up(200) == ROW_LIMIT
        assert not third.holdings.paused()
        await again.holdings.absorb(chunk(ROW_LIMIT, 150, noise))
        assert again.holdings.held[A].next == 150
        assert again.holdings.held[A].limit == Limit(ROW_LIMIT, list(range(139, 150)), 50)

    asyncio.run(run())


def test_a_flush_tells_how_many_records_it_made_durable():
    async def story():
        told = []
        worker = Worker(Kafka())
        worker.holdings.on_flush = lambda seconds, records: told.append((seconds >= 0, records))
        start = worker.take_up()
        await worker.fold(start, 40)
        await worker.holdings.flush_due()
        await worker.fold(40, 70)
        await worker.holdings.flush_due()
        return told, worker.holdings.outputs_total, len(worker.kafka.outputs)

    told, outputs, delivered = asyncio.run(story())
    assert told == [(True, 40), (True, 30)]
    assert outputs == delivered > 0
