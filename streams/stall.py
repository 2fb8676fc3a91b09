"""What Kafka's client may come out of an outage with: partitions of which it brings nothing, none, or no connection.

One that joins its group as the broker goes down may say that partitions are ours and never ask for a record of them,
while the group counts it among its members and gives them to nobody else. Another one stays outside of its group. And
one whose first words with the broker that came back were cut short may never connect again (librdkafka 2.16.1).
"""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple

from confluent_kafka import KafkaException, TopicPartition

from streams.errors import VitalsError
from streams.kafka_access import is_group_kept
from streams.patience import Patience

IDLE_SECONDS = 30.0
"""Without a partition for so long: then begin anew. Not before the outage is over: whoever is started again and again
is started ever more seldom."""
EVERY_SECONDS, EVERY_BATCHES = 30.0, 20
"""Between two looks lie at least so long and so many batches: time enough to bring what alone waits."""
TURN_RECORDS = 10_000
"""Where much waits, partitions come in turn: an answer of Kafka brings one whole batch of a producer, which has at most
so many records, and of the others only smaller ones."""
ASK_SECONDS = 5.0
ASK_AGAIN_SECONDS = 10.0
Place = tuple[str, int]


class Waiting(NamedTuple):
    """Where a partition stands that has more records, and how many of others were read since."""

    at: int
    others: int


def _in_background(question: Callable[[], bool]) -> "Future[bool]":
    answer: Future[bool] = Future()

    def ask() -> None:
        try:
            answer.set_result(question())
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    return answer


class StallWatch:
    """Compares where each partition of a consumer stands with where it stood. For the thread that consumes.

    One that did not move on is stalled if none did that had records waiting, or if so much was read since that each had
    its turn: a sink that catches up on a slow machine must not be taken for one that hangs.
    """

    def __init__(self, consumer: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._consumer, self._clock = consumer, clock
        self.forget()

    def forget(self) -> None:
        """What was seen says nothing any more: nobody read on since."""
        self._waiting: dict[Place, Waiting] = {}
        self._looked_at, self._batches, self._records = self._clock(), 0, 0

    def batch(self, records: int) -> None:
        """Count a batch, and look if it is time. Raises VitalsError if records wait that do not come."""
        self._batches += 1
        self._records += records
        if self._clock() - self._looked_at < EVERY_SECONDS or self._batches < EVERY_BATCHES:
            return
        before, read = self._waiting, self._records
        self.forget()
        try:
            done = self._done()
            waiting = {place: at for place, at in done.items() if at < self._end(place)}
        except KafkaException:  # the broker is away: others tell of that
            return
        still = {
            place: Waiting(was.at, was.others + read) for place, was in before.items() if waiting.get(place) == was.at
        }
        turn = 0 if still.keys() == before.keys() else TURN_RECORDS * len(done)
        if stalled := sorted(place for place, was in still.items() if was.others >= turn):
            topic, partition = stalled[0]
            raise VitalsError(
                f"{len(stalled)} partitions, such as {topic}/{partition}, have records that Kafka's client does not"
                " bring: the supervisor starts it anew"
            )
        self._waiting = {place: Waiting(at, 0) for place, at in waiting.items()} | still

    def _done(self) -> Mapping[Place, int]:
        """The next offset of each partition; where nothing was read yet, that of the last commit."""
        read = self._consumer.position(self._consumer.assignment())
        unread = [place for place in read if place.offset < 0]
        unread = self._consumer.committed(unread, timeout=ASK_SECONDS) if unread else []
        return {(at.topic, at.partition): max(0, at.offset) for at in [*read, *unread]}

    def _end(self, place: Place) -> int:
        return int(self._consumer.get_watermark_offsets(TopicPartition(*place), timeout=ASK_SECONDS)[1])


class IdleWatch:
    """Looks after a member that has no partitions. For the thread that consumes."""

    def __init__(
        self, consumer: Any, topic: str, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`topic` is one that the member reads; `say` hears why it is waited for."""
        self._consumer, self._topic, self._clock = consumer, topic, clock
        self._owned_at, self._patience = clock(), Patience(clock, say)

    def owns(self, partitions: int) -> None:
        """So many are ours. Raises VitalsError if it is none for too long, though a broker keeps the group."""
        now = self._clock()
        if partitions:
            self._owned_at = now
            self._patience.up("there are partitions again")
        elif now - self._owned_at > IDLE_SECONDS:
            self._owned_at = now
            if is_group_kept(self._consumer, self._topic, ASK_SECONDS):
                raise VitalsError(f"no partition for {IDLE_SECONDS:.0f} s: the supervisor starts it anew")
            self._patience.down("Kafka gives no partitions: too few brokers are up; nothing is lost")


class CutOffWatch:
    """Looks after a client that no broker answers: whether others are answered, which a thread of its own asks."""

    def __init__(
        self,
        others: Callable[[], bool],
        own: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
        ask: Callable[[Callable[[], bool]], "Future[bool]"] = _in_background,
    ) -> None:
        """`others` says whether a new client is answered, `own` whether this one is."""
        self._others, self._own, self._clock, self._ask = others, own, clock, ask
        self._answered_since: float | None = None
        self._asked_at = -ASK_AGAIN_SECONDS
        self._answer: Future[bool] | None = None

    def look(self, *, is_cut_off: bool) -> None:
        """Raises VitalsError if others have been answered for so long that this client should have been, too.

        It tries again after ten seconds at most. Blocks only to ask it once more before that.
        """
        now = self._clock()
        if not is_cut_off:
            self._answered_since = self._answer = None
        elif self._answer is None and now - self._asked_at >= ASK_AGAIN_SECONDS:
            self._asked_at, self._answer = now, self._ask(self._others)
        if self._answer is None or not self._answer.done():
            return
        is_answered, self._answer = self._answer.result(), None
        if not is_answered:
            self._answered_since = None
        elif self._answered_since is None:
            self._answered_since = now
        elif now - self._answered_since >= IDLE_SECONDS and not self._own():
            raise VitalsError(
                "Kafka answers others, but this client finds no way back to it: the supervisor starts it anew"
            )
