"""The composition root of the workers: an agent, the settings and Faust put together, started and stopped."""

import asyncio
import contextlib
import gc
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, NoReturn

import click

from streams import endpoint, kafka_access, letter_box, topics, worker_status
from streams.agents import AGENTS, TABLE, Agent
from streams.errors import VitalsError
from streams.logs import log_beneath, log_of, to_stderr
from streams.patience import RETRY_S, Patience
from streams.pulse import Pulse
from streams.sampling import Sampler
from streams.settings import Settings, load
from streams.stall import CutOffWatch
from streams.worker_pulse import WorkerPulse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.chunks import ChunkApp
    from streams.delivery import Line

log = log_of(__name__)

STOP_LIMIT_S = 7.0
"""After SIGTERM the process ends no later. Flush and commit are bounded before that; a pending JoinGroup is not."""
_LOOK_S = 0.1
"""How often the flusher looks whether a flush is due."""
_STATUS_S = 1.0
_SWEEP_S = 2.0
_DOOR_S = 2.0
_GC_THRESHOLD = 50_000
"""The fold keeps millions of objects that never form cycles: looking at them less often saves a sixth of the CPU."""


def await_topics(settings: Settings, agent: Agent, pulse: Pulse) -> bytes:
    """The topic id of the agent's topic, once Kafka answers and every topic is there with its leaders.

    Faust started without its topics may never find them, so it is not started. Raises VitalsError if the topics are
    there with another number of partitions.
    """
    patience = Patience()
    while True:
        pulse.beat()
        try:
            with topics.admin(settings) as client:
                have = topics.found(client)
            trouble = topics.trouble({*topics.declared(settings), agent.topic, agent.changelog_topic}, have)
            if trouble is None:
                patience.up("all topics are there")
                return _checked(settings, agent, have)
            patience.down(trouble)
        except topics.NoKafkaError as error:
            patience.down(str(error))
        time.sleep(RETRY_S)


def _checked(settings: Settings, agent: Agent, have: dict[str, topics.Found]) -> bytes:
    for name in (agent.topic, agent.changelog_topic):
        if have[name].partitions != settings.partitions:
            raise VitalsError(
                f"{name} has {have[name].partitions} partitions, the setting `partitions` is {settings.partitions}:"
                f" set it to what the topics have"
            )
    return have[agent.topic].topic_id


def build(settings: Settings, agent: Agent, instance: str, topic_id: bytes, pulse: Pulse) -> "ChunkApp":
    """The Faust app of an agent, wired. `instance` is the static member's name: unique, and kept over restarts."""
    from streams.changelog import AS_IT_IS, ChunkTable, ChunkTables  # noqa: PLC0415  Faust takes a second to import
    from streams.chunks import ChunkApp  # noqa: PLC0415
    from streams.delivery import ChangelogLine, OutputLine  # noqa: PLC0415
    from streams.flush import Holdings, Pace  # noqa: PLC0415

    app = ChunkApp(agent.app_id, TableManager=ChunkTables, **_faust_settings(settings, instance))
    table = ChunkTable(
        app, name=TABLE, partitions=settings.partitions, key_type=bytes, value_type=bytes, recovery_buffer_size=2
    )
    app.tables.add(table)
    app.store = table.data
    outputs = OutputLine(kafka_access.librdkafka(settings), settings.partitions)
    changelog = ChangelogLine(kafka_access.librdkafka(settings), agent.changelog_topic)
    app.holdings = Holdings(
        agent,
        topic_id,
        partitions=settings.partitions,
        outputs=outputs,
        changelog=changelog,
        store=app.store,
        pace=Pace(settings.flush_events, settings.flush_seconds),
    )
    app.find_topic_id = lambda: topics.id_of(settings, agent.topic)
    topic = app.topic(agent.topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer=AS_IT_IS)
    app.agent(topic, name=agent.name, concurrency=1)(_folder(app))
    app.task(_ending_on_error(app, _flusher))
    app.task(_ending_on_error(app, _sweeper))
    app.task(_ending_on_error(app, _reporter(settings, agent, instance, pulse, (outputs.line, changelog.line))))
    app.task(_ending_on_error(app, _doorkeeper(settings)))
    return app


def _faust_settings(settings: Settings, instance: str) -> dict[str, Any]:
    """Settings of Faust, in seconds. Fail-over takes the session timeout; a static member's restart moves nothing."""
    session = settings.session_timeout
    return {
        "broker": "kafka://" + ",".join(settings.kafka.split(",")).replace(",", ";kafka://"),
        "broker_credentials": _credentials(settings),
        "store": "memory://",
        "consumer_group_instance_id": instance,
        "broker_session_timeout": session,
        "broker_heartbeat_interval": session / 6,
        "broker_rebalance_timeout": 8.0,
        "broker_request_timeout": 30.0,
        "broker_commit_interval": 0.5,  # with a flush a second: what is folded is committed 1.5 s later
        "broker_max_poll_records": settings.chunk_records,
        "consumer_auto_offset_reset": "earliest",
        "consumer_metadata_max_age_ms": 10_000,
        "stream_buffer_maxsize": 16,
        "stream_wait_empty": True,
        "stream_recovery_delay": 0.0,
        "table_standby_replicas": 0,
        "topic_partitions": settings.partitions,
        "topic_replication_factor": settings.replication,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "key_serializer": "raw",
        "web_enabled": False,
        "worker_redirect_stdouts": False,
        "datadir": settings.run / "faust" / instance,
    }


def _credentials(settings: Settings) -> Any:
    """Who we are to Kafka, in Faust's form; None for nobody in particular."""
    from faust import auth  # noqa: PLC0415

    access = kafka_access.faust(settings)
    if not access:
        return None
    return auth.SSLCredentials(**access) if "context" in access else auth.SASLCredentials(**access)


def _folder(app: "ChunkApp") -> Any:
    """The agent: every chunk into the holdings, and back to where they want to go on if it is not theirs."""

    async def fold(stream: Any) -> None:
        consumer, holdings = app.consumer, app.holdings
        try:
            async for chunk in stream:
                epoch = consumer.epoch
                wanted = await holdings.absorb(chunk)
                if chunk.tp in holdings.paused():
                    consumer.bar(chunk.tp)
                elif wanted is not None:
                    await consumer.rewind(chunk.tp, wanted, epoch)
        except Exception as error:
            app.end(error)

    return fold


def _doorkeeper(settings: Settings) -> Any:
    """While partitions stand still: look for acceptances, and let those go on that one is meant for."""

    async def open_up(app: "ChunkApp") -> None:
        while not app.should_stop:
            await asyncio.sleep(_DOOR_S)
            closed = {tp: held.limit for tp, held in app.holdings.held.items() if held.limit.paused_at is not None}
            if not closed:
                continue
            first = min(limit.paused_since for limit in closed.values())
            with contextlib.suppress(topics.NoKafkaError):
                accepted = await asyncio.to_thread(letter_box.accepted_since, settings, first)
                for tp, limit in closed.items():
                    if any(at >= limit.paused_since and it.is_for(*tp) for at, it in accepted):
                        await _unbar(app, tp)

    return open_up


async def _unbar(app: "ChunkApp", tp: Any) -> None:
    epoch = app.consumer.epoch
    offset = await app.holdings.accept(tp)
    if offset is not None:
        await app.consumer.rewind(tp, offset, epoch)
        app.consumer.barred.discard(tp)
        log.warning("%s/%s goes on at offset %s: its dead letters were accepted", tp.topic, tp.partition, offset)


def _ending_on_error(app: "ChunkApp", task: Any) -> Any:
    """A task whose bug ends the process: Faust would go on without it."""

    async def guarded() -> None:
        try:
            await task(app)
        except Exception as error:
            app.end(error)

    guarded.__name__ = guarded.__qualname__ = task.__name__
    return guarded


async def _flusher(app: "ChunkApp") -> None:
    while not app.should_stop:
        await asyncio.sleep(_LOOK_S)
        await app.holdings.flush_due()


async def _sweeper(app: "ChunkApp") -> None:
    """Look after what a writer that woke late has left behind; the next commit lets it go."""
    while not app.should_stop:
        await asyncio.sleep(_SWEEP_S)
        await app.holdings.notice_strays()


def _reporter(settings: Settings, agent: Agent, instance: str, pulse: Pulse, lines: "Sequence[Line]") -> Any:
    """Each second: the metrics, the status file, a word when Kafka does not answer, the end if it put us out.

    The end too if it answers others and not us, and if another process has our name: the two would put each other out
    of the group for ever.
    """
    patience, started_at = Patience(), time.time()
    watch = CutOffWatch(lambda: topics.is_answered(settings), lambda: all(line.is_answered() for line in lines))

    async def report(app: "ChunkApp") -> None:
        metrics = WorkerPulse(app, pulse)
        while not app.should_stop:
            await asyncio.sleep(_STATUS_S)
            is_cut_off = any([await line.is_cut_off() for line in lines])
            if is_cut_off:
                patience.down(f"Kafka at {settings.kafka} does not answer, nothing is lost")
            else:
                patience.up(f"Kafka at {settings.kafka} answers again")
            try:
                await asyncio.to_thread(watch.look, is_cut_off=is_cut_off and app.holdings.flushes_total > 0)
            except VitalsError as lost:
                app.end(str(lost))
            if error := app.consumer.membership_error():
                app.end(f"Kafka's client stays out of the group: {error!r}")
            if pid := worker_status.elder_of(settings, instance, started_at):
                app.end(_twin(instance, pid))
            metrics.turn(is_kafka_away=patience.is_waiting)
            worker_status.write(settings, _status(app, agent, instance, patience, pulse, started_at))

    return report


def _twin(instance: str, pid: int) -> str:
    return f"worker {instance} runs already, as process {pid}: give this one a --name of its own"


def _status(
    app: "ChunkApp", agent: Agent, instance: str, patience: Patience, pulse: Pulse, started_at: float
) -> worker_status.WorkerStatus:
    holdings = app.holdings
    return worker_status.WorkerStatus(
        name=instance,
        agent=agent.name,
        topic=agent.topic,
        pid=os.getpid(),
        at=time.time(),
        partitions={
            tp.partition: worker_status.PartitionStatus(held.next, held.flushed, held.limit.paused_at is not None)
            for tp, held in sorted(holdings.held.items())
        },
        events_total=holdings.events_total,
        flushes_total=holdings.flushes_total,
        dead_letters_total=holdings.dead_letters_total,
        holes_total=app.store.holes,
        cpu_seconds=time.process_time(),
        is_waiting_for_kafka=patience.is_waiting,
        metrics=pulse.address,
        started_at=started_at,
    )


def run(settings: Settings, agent: Agent, instance: str) -> NoReturn:
    """Run one worker until SIGTERM (exit 0) or a crash (exit 1). Does not return: threads of Kafka may outlive it."""
    to_stderr()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    pulse = Pulse("worker", agent.name, instance)
    try:
        endpoint.serve(settings.metrics, pulse)
        Sampler(settings, pulse).start()
        topic_id = await_topics(settings, agent, pulse)
    except VitalsError as error:
        log.critical("%s", error)
        os._exit(1)
    log.info("worker %s folds %s, its values in %s", instance, agent.topic, agent.changelog_topic)
    app = build(settings, agent, instance, topic_id, pulse)
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD, 20, 50)
    _leave(_work(app))


def _work(app: "ChunkApp") -> int:
    """Let Faust's worker have the process; the exit code."""
    import faust  # noqa: PLC0415

    class Worker(faust.Worker):  # type: ignore[misc]
        """Faust's, with a limit on the time that stopping may take."""

        logger = log_beneath("worker")

        def _schedule_shutdown(self, signal: Any) -> None:
            guard = threading.Timer(STOP_LIMIT_S, _leave, (0,))
            guard.daemon = True
            guard.start()
            threading.excepthook = _ignore
            super()._schedule_shutdown(signal)

    worker = Worker(app, quiet=True, redirect_stdouts=False, override_logging=False)
    worker.spinner = None
    code, failed = 1, None
    app.conf.datadir.parent.mkdir(parents=True, exist_ok=True)
    try:
        worker.execute_from_commandline()
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else 1
        failed = exit_.__context__ if code else None  # as it began: to Faust that is no crash
    if reason := worker.crash_reason or app.crash_reason or failed:
        log.critical("ends, to be started again: %r", reason)
        return 1
    return code


def _ignore(args: threading.ExceptHookArgs) -> None:
    """A thread of Faust's that fails while we stop, as it does without Kafka, is not worth a word."""
    log.debug("while stopping: %r", args.exc_value)


def _leave(code: int) -> NoReturn:
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    os._exit(code)


def worker(settings: Settings, agent_name: str, instance_name: str) -> NoReturn:
    """Run the agent of that name as the static member `instance_name` of its consumer group."""
    run(settings, AGENTS[agent_name], instance_name)


@click.command("worker", epilog="Example: vitals worker groups --name groups-1")
@click.argument("agent", type=click.Choice(sorted(AGENTS)), default="groups")
@click.option("--name", help="Its name among the workers of the agent: unique, and the same after a restart.")
def worker_command(agent: str, name: str | None) -> None:
    """Run one agent in the foreground until SIGTERM. Several with different names share the partitions."""
    settings, instance = load(), name or f"{agent}-1"
    if pid := worker_status.twin_of(settings, instance):
        raise VitalsError(_twin(instance, pid))
    worker(settings, agent, instance)
