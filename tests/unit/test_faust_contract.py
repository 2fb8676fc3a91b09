"""Each private name of Faust, mode and aiokafka that the chunk transport leans on, and how they call it.

An upgrade that renames one or calls it otherwise fails here, not as lost events. What to do then: read what
`streams/fetching.py`, `chunks.py` and `changelog.py` say of the name, find what took its place, run
`python -m tests.faults`.
"""

import asyncio
import inspect
import logging
import sys
from importlib.metadata import version
from types import SimpleNamespace

import aiokafka
import faust
import mode
import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection
from aiokafka.consumer import fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from faust.app.base import App
from faust.stores.base import Store
from faust.stores.memory import Store as Memory
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer, Fetcher, ThreadDelegateConsumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage
from mode.services import Service
from mode.utils.queues import FlowControlEvent

from streams import changelog, chunks, fetching, kafka_access
from streams.agents import AGENTS
from streams.app import _faust_settings, _work, build
from streams.pulse import Pulse
from streams.settings import load


def source(of: object) -> str:
    return inspect.getsource(getattr(of, "fun", of))  # mode wraps a task's function


def parameters(of: object) -> list[str]:
    return list(inspect.signature(of).parameters)


def test_the_versions_are_those_that_this_was_read_from():
    assert (version("faust-streaming"), version("aiokafka"), version("mode-streaming")) == ("0.15.3", "0.14.0", "0.7.1")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (fetching.ChunkThread, driver.AIOKafkaConsumerThread),
        (chunks.ChunkConsumer, driver.Consumer),
        (chunks.ChunkApp, App),
        (fetching.BareRecords, fetcher.PartitionRecords),
        (changelog.PartitionStore, Store),
        (changelog.ChunkTable, faust.Table),
        (changelog.ChunkTables, TableManager),
    ],
)
def test_what_we_override_is_there_with_the_parameters_that_we_take(ours, theirs):
    overridden = [name for name, value in vars(ours).items() if inspect.isfunction(value) and hasattr(theirs, name)]
    assert overridden
    for name in set(overridden) - {"__init__", "__getitem__", "__setitem__", "__delitem__", "__iter__", "__len__"}:
        assert parameters(getattr(ours, name)) == parameters(getattr(theirs, name)), name


OWN = {
    fetching.ChunkThread: {"_chunk", "commit_now"},
    chunks.ChunkConsumer: {"is_ours", "membership_error", "rewind", "bar", "_go_back", "_targets", "_check_recovered"},
    chunks.ChunkApp: {"end"},
    fetching.BareRecords: set(),
    changelog.PartitionStore: {
        "of", "load", "absorb", "wrote", "saw", "gap", "take_gaps", "_apply", "apply_changelog_batch", "reset_state",
        "backup_partition", "restore_backup",
        "_clear", "__getitem__", "__setitem__", "__delitem__", "__iter__", "__len__",
    },
    changelog.ChunkTable: set(),
    changelog.ChunkTables: {"_has_readers"},
}  # fmt: skip
"""Methods that are no overrides of a base class's: all others must be."""


@pytest.mark.parametrize("ours", OWN)
def test_no_override_overrides_nothing(ours):
    functions = {name for name, value in vars(ours).items() if inspect.isfunction(value)}
    inherited = {name for base in ours.__mro__[1:] for name in vars(base)}
    assert functions - inherited <= OWN[ours]


@pytest.mark.parametrize(
    "name", ["apply_changelog_batch", "reset_state", "backup_partition", "restore_backup", "_clear", "persisted_offset"]
)
def test_the_store_has_what_faust_asks_of_a_store(name):
    if hasattr(Memory, name):
        assert set(parameters(getattr(changelog.PartitionStore, name))) >= set(parameters(getattr(Memory, name))) - {
            "kwargs"
        }


def test_the_consumer_thread_fetches_through_the_method_that_we_override():
    assert "self._fetch_records" in source(driver.AIOKafkaConsumerThread.getmany)
    assert "_consumer._max_poll_records" in source(driver.AIOKafkaConsumerThread.getmany)
    assert "self._seek_wait" in source(driver.AIOKafkaConsumerThread.seek_wait)
    assert "_new_consumer_thread()" in source(ThreadDelegateConsumer.__init__)
    assert "__post_init__" in dir(driver.AIOKafkaConsumerThread)


def test_the_broker_holds_an_answer_for_as_long_as_the_consumer_says_before_it_starts():
    assert "fetch_max_wait_ms=1500" in source(driver.AIOKafkaConsumerThread._create_worker_consumer)
    assert "self._fetch_max_wait_ms" in source(aiokafka.AIOKafkaConsumer.start)
    started = source(driver.AIOKafkaConsumerThread.on_start)
    assert started.index("self._create_consumer(") < started.index("self._consumer.start()")


def test_a_fetch_that_was_sent_for_the_changelog_does_not_hold_up_the_next_for_long(monkeypatch):
    made = SimpleNamespace(_fetch_max_wait_ms=1500, _client=SimpleNamespace())
    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_create_worker_consumer", lambda *_: made)
    thread = object.__new__(fetching.ChunkThread)
    assert thread._create_worker_consumer(None) is made
    assert made._fetch_max_wait_ms == fetching.ANSWER_WAIT_MS < 500


def test_a_broker_that_hangs_is_given_up_after_one_leads_in_its_place_and_before_a_rebalance_would_be(monkeypatch):
    made = SimpleNamespace(_client=SimpleNamespace(_request_timeout_ms=30_000))
    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_create_worker_consumer", lambda *_: made)
    object.__new__(fetching.ChunkThread)._create_worker_consumer(None)
    assert made._client._request_timeout_ms == kafka_access.ANSWER_MS
    assert "request_timeout_ms=self._request_timeout_ms" in source(AIOKafkaClient._get_conn)
    assert "wait_for(fut, self._request_timeout)" in source(AIOKafkaConnection.send)
    options = _faust_settings(load({"VITALS_HOME": "/nowhere"}), "groups-1")
    longest_join_ms = 1000 * options["broker_rebalance_timeout"]
    assert max(9_000, longest_join_ms) < kafka_access.ANSWER_MS < 1000 * options["broker_request_timeout"] / 2


def test_the_fetcher_makes_its_records_through_the_class_that_we_put_there():
    assert fetcher.PartitionRecords is fetching.BareRecords
    assert "PartitionRecords(" in source(fetcher.Fetcher._proc_fetch_request)
    assert "self._consumer_record(tp, record)" in source(fetcher.PartitionRecords.__mro__[1]._unpack_records)
    assert "_consumer_record" not in source(fetcher.FetchResult)


def test_a_parsed_record_has_what_the_fold_and_the_store_read():
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 10_000)
    builder.append(7, timestamp=5, key=b"k", value=b"v", headers=[])
    (record,) = DefaultRecordBatch(builder.build())
    assert (record.offset, record.timestamp, record.key, record.value) == (7, 5, b"k", b"v")
    assert isinstance(record.value, bytes)


def test_fetched_records_takes_no_partitions_for_all_of_them():
    assert parameters(fetcher.Fetcher.fetched_records) == ["self", "partitions", "timeout", "max_records"]
    assert "if partitions and tp not in partitions" in source(fetcher.Fetcher.fetched_records)
    assert "_closed" in source(fetcher.Fetcher.__init__)
    assert "_subscriptions" in source(fetcher.Fetcher.__init__)
    assert "_fetcher" in source(aiokafka.AIOKafkaConsumer.start)
    assert "_closed" in source(aiokafka.AIOKafkaConsumer.__init__)


def test_a_seek_drops_what_was_fetched_before_it():
    assert "del self._records[tp]" in source(fetcher.Fetcher.seek_to)


def test_the_coordinator_knows_its_generation():
    assert "self.generation" in source(GroupCoordinator.__init__)
    assert "_coordinator" in source(aiokafka.AIOKafkaConsumer.start)
    assert "consumer_generation_id = generation" in source(driver.ConsumerRebalanceListener.on_partitions_assigned)


def test_what_keeps_a_worker_out_of_its_group_is_asked_for_as_nobody_else_does():
    assert "check_errors" not in source(driver.AIOKafkaConsumerThread._fetch_records)
    assert "self._pending_exception = exc" in source(GroupCoordinator._push_error_to_user)
    assert "await self._push_error_to_user(exc)" in source(GroupCoordinator._GroupCoordinator__coordination_routine)
    assert "self._coordination_task = " in source(GroupCoordinator.__init__)

    async def failing():
        raise ValueError("a bug of aiokafka's")

    async def ended(of):
        task = asyncio.create_task(of)
        await asyncio.wait([task])
        return task

    def told(task, pending=None):
        coordinator = SimpleNamespace(_coordination_task=task, _pending_exception=pending)
        consumer = object.__new__(chunks.ChunkConsumer)
        consumer._thread = SimpleNamespace(_consumer=SimpleNamespace(_coordinator=coordinator))
        return repr(consumer.membership_error())

    async def try_all():
        running = asyncio.create_task(asyncio.sleep(60))
        assert told(running) == told(await ended(asyncio.sleep(0))) == "None"
        assert told(running, KeyError("fenced")) == "KeyError('fenced')"
        assert "a bug" in told(await ended(failing()))
        running.cancel()

    asyncio.run(try_all())
    starting = object.__new__(chunks.ChunkConsumer)
    for consumer in (None, SimpleNamespace(_coordinator=None)):
        starting._thread = SimpleNamespace(_consumer=consumer)
        assert starting.membership_error() is None


def test_faust_drains_through_getmany_and_waits_for_flow_as_ours_expects():
    drain = source(Consumer._drain_messages)
    assert "ait = cast(AsyncIterator, getmany(timeout=1.0))" in drain
    assert "offset >= r_offset" in drain
    assert "_drain_messages" in source(Fetcher._fetcher)
    for name in ("can_resume_flow", "_active_partitions", "_read_offset", "_acked", "_acked_index", "_n_acked"):
        assert name in source(Consumer), name
    for name in ("_get_active_partitions", "_is_changelog_tp", "_clean_unacked_messages", "_unacked_messages"):
        assert name in source(Consumer), name


def test_a_message_is_made_as_ours_is():
    fields = [
        "topic", "partition", "offset", "timestamp", "timestamp_type", "headers", "key", "value", "checksum",
        "serialized_key_size", "serialized_value_size", "tp",
    ]  # fmt: skip
    assert parameters(ConsumerMessage)[: len(fields)] == fields
    assert "generation_id" in parameters(ConsumerMessage)


def test_commits_and_giving_up_go_through_our_methods():
    assert "self.commit()" in source(Consumer._commit_handler)
    assert "consumer.wait_empty()" in source(App._consumer_wait_empty)
    assert "_consumer_wait_empty" in source(App._stop_consumer)
    assert "_consumer_wait_empty" in source(App._on_partitions_revoked)
    assert "self.wait_empty()" in source(Consumer.on_stop)


def test_recovery_positions_streams_through_perform_seek_and_changelogs_through_seek_wait():
    assert "consumer.perform_seek()" in source(Recovery.on_recovery_completed)
    assert "consumer.seek_wait(new_offsets)" in source(Recovery._seek_offsets)
    assert "table.persisted_offset(tp)" in source(Recovery._add)
    assert "await table.on_changelog_event(event)" in source(Recovery._slurp_changelogs)
    assert "offsets[tp] = offset" in source(Recovery._slurp_changelogs)
    for name in ("active_offsets", "standby_offsets", "active_tps", "active_highwaters"):
        assert f"self.{name}" in source(Recovery.__init__), name


def test_the_flow_is_resumed_when_the_agents_queue_was_emptied_after_the_seek_and_nothing_lies_between():
    done = source(Recovery.on_recovery_completed)
    emptied, resumed = done.index("self.app.flow_control.resume()"), done.index("consumer.resume_flow()")
    assert done.index("consumer.perform_seek()") < emptied < resumed
    assert "await" not in done[emptied:resumed]
    assert "self.clear()" in source(FlowControlEvent.resume)
    assert "clear_on_resume=True" in source(faust.channels.Channel.queue.fget)


def test_nothing_is_delivered_before_the_agents_queue_was_emptied_or_after_the_next_revocation(monkeypatch):
    tp = TP("chat-events", 0)

    class Taking(chunks.ChunkConsumer):
        def __init__(self):
            self.cursor, self.taken_up, self.barred, self.epoch = {}, {}, set(), 1
            self.app = SimpleNamespace(holdings=SimpleNamespace(paused=set))
            self._thread = SimpleNamespace(seek_wait=self._targets)

        def is_ours(self):
            return True

        async def _targets(self, _):
            return {tp: 7}

    async def revoked(*_): ...

    monkeypatch.setattr(Consumer, "resume_flow", lambda _: None)
    monkeypatch.setattr(Consumer, "on_partitions_revoked", revoked)
    consumer = Taking()
    asyncio.run(consumer.perform_seek())
    assert consumer.cursor == {}
    consumer.resume_flow()
    assert consumer.cursor == {tp: 7}
    asyncio.run(consumer.perform_seek())
    asyncio.run(consumer.on_partitions_revoked({tp}))
    consumer.resume_flow()
    assert consumer.cursor == {}


def test_tables_wait_for_the_agent_as_long_as_faust_at_most():
    theirs = source(TableManager.on_start)
    assert "await self.sleep(1.0)" in theirs
    for rest in ("await self._update_channels()", "await self.recovery.start()"):
        assert rest in theirs
        assert rest in source(changelog.ChunkTables.on_start)
    assert "self.app.topics.add(" in source(faust.Topic.__aiter__)


@pytest.mark.parametrize(("reads_after", "wanted"), [(3, 3), (10**9, 100)])
def test_tables_begin_as_soon_as_the_agent_reads(reads_after, wanted, monkeypatch):
    slept: list[float] = []

    class Tables(changelog.ChunkTables):
        should_stop = False
        recovery = SimpleNamespace(start=lambda: asyncio.sleep(0))

        def __init__(self):
            agent = SimpleNamespace(get_topic_names=lambda: ["chat-events"])
            self.app = SimpleNamespace(topics=[], agents={"groups": agent})

        async def sleep(self, seconds):
            slept.append(seconds)
            if len(slept) == reads_after:
                self.app.topics.append(SimpleNamespace(topics=("chat-events",)))

        async def _update_channels(self): ...

    monkeypatch.setattr(changelog.time, "monotonic", lambda: sum(slept))
    asyncio.run(Tables().on_start())
    assert len(slept) == pytest.approx(wanted, abs=1)


def test_the_transport_and_the_store_are_made_through_our_methods():
    assert "_new_transport" in source(App)
    assert "_new_store" in source(faust.tables.base.Collection)
    assert chunks.ChunkTransport.Consumer is chunks.ChunkConsumer
    assert "self.Consumer(" in source(driver.Transport.__mro__[1].create_consumer)


def test_a_stop_by_signal_is_scheduled_where_the_limit_is_set():
    assert "self._schedule_shutdown(signal.SIGTERM)" in source(mode.Worker._on_sigterm)
    assert "self._schedule_shutdown(signal.SIGINT)" in source(mode.Worker._on_sigint)
    assert parameters(mode.Worker._schedule_shutdown) == ["self", "signal"]


def test_a_worker_that_cannot_begin_says_why(monkeypatch, tmp_path, caplog):
    class Failing:
        crash_reason = None

        def __init__(self, *_, **__): ...

        def execute_from_commandline(self):
            try:
                raise ConnectionError("the broker hangs")
            except ConnectionError:
                sys.exit(1)

    assert "sys.exit(EX_FAILURE)" in source(mode.worker.exiting)
    monkeypatch.setattr(faust, "Worker", Failing)
    app = SimpleNamespace(conf=SimpleNamespace(datadir=tmp_path / "faust" / "groups-1"), crash_reason=None)
    assert _work(app) == 1
    assert "ends, to be started again: ConnectionError('the broker hangs')" in caplog.text


def test_a_class_of_ours_keeps_the_logger_that_it_names():
    for ours in (
        chunks.ChunkApp,
        chunks.ChunkConsumer,
        fetching.ChunkThread,
        changelog.ChunkTable,
        changelog.ChunkTables,
        changelog.PartitionStore,
    ):
        assert isinstance(ours.logger, logging.Logger)
        assert ours.logger.name.startswith("faust.")
    assert "__modex__" in source(Service._init_subclass_logger)


@pytest.mark.parametrize("agent", AGENTS.values(), ids=lambda agent: agent.name)
def test_faust_names_group_and_changelog_as_the_topics_are_declared(agent, tmp_path):
    settings = load({"VITALS_HOME": str(tmp_path), "VITALS_KAFKA": "127.0.0.1:1,127.0.0.2:2"})
    app = build(settings, agent, "name-1", b"t" * 16, Pulse("worker", agent.name, "name-1"))
    (table,) = app.tables.values()
    assert table.changelog_topic.get_topic_name() == agent.changelog_topic
    assert app.conf.id == agent.app_id
    assert app.conf.consumer_group_instance_id == "name-1"
    assert [str(url) for url in app.conf.broker] == ["kafka://127.0.0.1:1", "kafka://127.0.0.2:2"]
    assert isinstance(app.consumer, chunks.ChunkConsumer)
