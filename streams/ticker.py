"""The ticker: says on the log that time passed, since silence is the absence of events."""

import contextlib
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import click

from streams import endpoint, metrics
from streams.errors import VitalsError
from streams.events import Tick, encode
from streams.kafka_access import kafka_python
from streams.logs import log_of, to_stderr
from streams.patience import RETRY_S, Patience
from streams.pulse import Pulse
from streams.sampling import Sampler
from streams.settings import Settings, load
from streams.worker_status import Status

log = log_of(__name__)

TOPIC = "chat-events"
_DELIVERY_S = 10.0
END_SECONDS = 7.0
"""A broker that hangs holds a tick for longer."""


def tick_at(now_ms: int) -> bytes:
    """A live tick: of no source, no brand and no platform."""
    return encode(Tick(event_id=f"tick/{now_ms}", occurred_at=now_ms, brand_id="*", platform="*"))


class Ticker:
    """Appends a tick to every partition at every full interval of the wall clock.

    A tick that could not be sent is not sent late: the next one says more. The same tick twice changes nothing.
    """

    def __init__(
        self,
        settings: Settings,
        connect: Callable[[Settings], Any],
        wait: Callable[[float], bool],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._connect, self._wait, self._clock = settings, connect, wait, clock
        self._producer: Any = None
        self._patience = Patience()
        self._latest, self._is_behind = 0.0, False
        self.on_state: Callable[[str], None] = lambda _: None
        """Is told what `vitals status` shall say."""
        self.pulse = Pulse("ticker", "ticker", "ticker", live_s=60 + 2 * settings.tick_seconds)

    def run(self) -> None:
        """Tick until `wait` says that it is over."""
        pause, due = 0.0, self._clock()
        while not self._wait(pause):
            self.pulse.beat()
            if self._tick():
                self._ticked(due)
                pause = self._until_next()
                due = self._clock() + pause
            else:
                pause = RETRY_S
        self._let_go()

    def _let_go(self) -> None:
        if self._producer is not None:
            with contextlib.suppress(Exception):
                self._producer.close(timeout=1)
        self._producer = None

    def _until_next(self) -> float:
        interval = self._settings.tick_seconds
        return interval - self._clock() % interval

    def _tick(self) -> bool:
        """Send one tick everywhere; False if Kafka did not take it everywhere."""
        from kafka.errors import KafkaError  # noqa: PLC0415  slow to import

        where, now = f"Kafka at {self._settings.kafka}", self._clock()
        try:
            self._send(tick_at(int(now * 1000)))
        except (KafkaError, OSError, ValueError) as error:
            self._let_go()
            self._patience.down(f"{where} takes no tick ({type(error).__name__})")
            self.pulse.add(metrics.TICK_FAILURES)
            self.pulse.set(metrics.WAITING, 1, server="kafka")
            return False
        self._patience.up(f"{where} takes ticks again")
        self.pulse.set(metrics.WAITING, 0, server="kafka")
        self._look_back(now)
        return True

    def _look_back(self, now: float) -> None:
        """Say what follows when the clock goes back behind a tick that is on the log, until it has caught up."""
        if now < self._latest and not self._is_behind:
            until = datetime.fromtimestamp(self._latest, UTC)
            what = (
                f"its clock went back by {self._latest - now:.0f} s: groups and alerts wait until {until:%F %H:%M} UTC"
            )
            log.warning("%s", what)
            self.on_state(what)
        elif now >= self._latest and self._is_behind:
            self.on_state("running")
        self._is_behind, self._latest = now < self._latest, max(now, self._latest)

    def _ticked(self, due: float) -> None:
        self.pulse.add(metrics.TICKS)
        self.pulse.set(metrics.TICK_DELAY, max(0.0, self._clock() - due))
        self.pulse.ready(for_s=3 * self._settings.tick_seconds)

    def _send(self, value: bytes) -> None:
        if self._producer is None:
            self._producer = self._connect(self._settings)
        futures = [
            self._producer.send(TOPIC, value=value, key=b"", partition=partition)
            for partition in range(self._settings.partitions)
        ]
        for future in futures:
            future.get(timeout=_DELIVERY_S)


def connect(settings: Settings) -> Any:
    """A kafka-python producer that gives a tick up after some seconds.

    Not an idempotent one: a broker that is killed can leave that with records it neither sends nor gives up.
    """
    from kafka import KafkaProducer  # noqa: PLC0415

    return KafkaProducer(
        **kafka_python(settings),
        acks="all",
        enable_idempotence=False,
        linger_ms=0,
        bootstrap_timeout_ms=5_000,
        max_block_ms=5_000,
        request_timeout_ms=5_000,
        delivery_timeout_ms=8_000,
    )


def append(settings: Settings, topic: str, records: Iterable[tuple[bytes, bytes | None, int | None]]) -> None:
    """Append records (key, value, partition or None: by key) and wait until Kafka has them; not for bulk.

    Raises VitalsError with one line if it does not take all of them, which says whether some may have got there.
    """
    from kafka.errors import KafkaError  # noqa: PLC0415  slow to import

    from streams.topics import NoKafkaError  # noqa: PLC0415  slow to import

    sent: list[Any] = []
    try:
        producer = connect(settings)
        for key, value, partition in records:
            sent.append(producer.send(topic, key=key, value=value, partition=partition))
        for future in sent:
            future.get(timeout=_DELIVERY_S)
        producer.close(timeout=1)
    except (KafkaError, OSError) as error:
        if not sent:
            raise VitalsError(f"{NoKafkaError(settings.kafka)}. Nothing of it was sent") from None
        raise VitalsError(
            f"Kafka at {settings.kafka} took not all of it ({type(error).__name__}): `vitals status` shows whether it "
            "runs, then try again"
        ) from None


def measure_lag(settings: Settings, pulse: Pulse) -> None:
    """Ask Kafka how far each agent is behind. Here, as an agent that is down cannot say it; unknown is NaN."""
    from streams.stack.backlog import GROUPS, Backlog  # noqa: PLC0415

    try:
        backlog = Backlog(settings)
        lags: dict[str, float] = {group: backlog.lag(group) for group in GROUPS}
    except VitalsError:
        lags = dict.fromkeys(GROUPS, math.nan)
    for group, lag in lags.items():
        pulse.set(metrics.LAG, lag, agent=group.removeprefix("vitals-"))


@click.command("ticker", epilog="Example: vitals ticker")
def ticker_command() -> None:
    """Append a tick to every partition of chat-events, each minute, until SIGTERM."""
    to_stderr()
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _end(over))
    settings = load()
    log.info("a tick to %d partitions of %s every %g s", settings.partitions, TOPIC, settings.tick_seconds)
    ticker = Ticker(settings, connect, over.wait)
    endpoint.serve(settings.metrics, ticker.pulse)
    status = Status(settings, ticker.pulse)
    ticker.on_state = lambda state: status.update(state=state)
    sampler = Sampler(settings, ticker.pulse, look=lambda: measure_lag(settings, ticker.pulse))
    sampler.start()
    try:
        ticker.run()
    finally:
        sampler.close()
        status.close()


def _end(over: threading.Event) -> None:
    """Stop in order; by force when Kafka hangs in a tick: nobody misses one that was not sent."""
    over.set()
    forced = threading.Timer(END_SECONDS, os._exit, (0,))
    forced.daemon = True
    forced.start()
