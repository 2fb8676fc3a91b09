"""To Kafka in bulk: one idempotent producer, so that what goes to a partition arrives once and in order."""

import math
from collections.abc import Callable
from typing import TypeVar

import msgspec
import xxhash
from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicCollection
from confluent_kafka.admin import AdminClient

from streams import letter_box
from streams.connectors.batches import NO_PARTITION
from streams.dead_letters import DeadLetter
from streams.errors import VitalsError
from streams.identities import MemberIdentity
from streams.kafka_access import librdkafka
from streams.patience import Patience, answered
from streams.settings import Settings
from streams.topic_reader import records
from streams.topics import NoKafkaError

TOPICS = ("chat-events", "purchases", "member-touches", "dead-letters", "member-identities", "forgotten-members")
CONNECT_SECONDS = 60.0
SERVE_EVERY = 2048
_encode = msgspec.json.Encoder().encode
T = TypeVar("T")
_Line = tuple[str, int, str]
"""Origin, number and checksum of a line of a file."""
_CONFIG = {
    "enable.idempotence": True,
    "partitioner": "murmur2_random",  # the one of every other Kafka client
    "compression.type": "lz4",
    "linger.ms": 50,
    "batch.num.messages": 20_000,
    "batch.size": 1_000_000,
    "message.max.bytes": 8 << 20,  # a dead letter holds up to 1 MiB in base64; the topics have their own limits
    "queue.buffering.max.messages": 200_000,
    "queue.buffering.max.kbytes": 128 << 10,
    "message.timeout.ms": 0,  # a broker that is away is waited for, however long
    "delivery.report.only.error": True,
    "log_level": 0,
}


class Kafka:
    """The destination that imports are for. `say` is told in a line when the broker goes away and comes back."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self._access, self._bootstrap = librdkafka(settings), settings.kafka
        self._patience = Patience(say=say)
        self._failure: str | None = None
        self._unserved = 0
        self._producer = Producer({**_CONFIG, **self._access, "error_cb": self._troubled, "on_delivery": self._failed})
        self._partitions = self._connect()
        self._forgotten = self._read_forgotten(settings)
        self._settings = settings
        self._lines: set[_Line] | None = None

    @property
    def incarnation(self) -> str:
        """What changes when a topic is deleted and created anew: a digest of the topics' ids."""
        admin = AdminClient({**self._access, "log_level": 0})
        names = sorted(TOPICS[:2])
        try:
            found = admin.describe_topics(TopicCollection(names), request_timeout=30)
            ids = [str(found[name].result().topic_id) for name in names]
        except KafkaException as error:
            raise VitalsError(f"Kafka at {self._bootstrap} refuses to describe its topics: {error}") from None
        return xxhash.xxh3_64_hexdigest(" ".join(ids).encode())

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        """As Destination says; waits while the producer's buffer is full."""
        self._produce(topic, key, value, -1)

    def send_everywhere(self, topic: str, value: bytes) -> None:
        """As Destination says."""
        for partition in range(self._partitions[topic]):
            self._produce(topic, b"", value, partition)

    def refuse(self, letter: DeadLetter) -> None:
        """As Destination says. A line that is a dead letter since a run that was killed stays that one."""
        if self._lines is None:
            self._lines = self._known_lines()
        line = _line(letter)
        if line not in self._lines:
            self._lines.add(line)
            self._produce("dead-letters", letter.letter_id.encode(), _encode(letter), -1)

    def identify(self, identity: MemberIdentity) -> bool:
        """As Destination says."""
        key = identity.member_id.encode()
        if key in self._forgotten:
            return False
        self._produce("member-identities", key, _encode(identity), -1)
        return True

    def settle(self) -> None:
        """As Destination says: every record acknowledged by all in-sync replicas."""
        waiting = len(self._producer)
        while waiting:
            self._check()
            left = self._producer.flush(1.0)
            if left < waiting:
                self._answered()
            waiting = left
        self._check()

    def close(self) -> None:
        """As Destination says. What was not settled may or may not have arrived."""
        self._producer.purge()
        self._producer.flush(1.0)

    def _produce(self, topic: str, key: bytes | None, value: bytes, partition: int) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, partition)
                break
            except BufferError:
                self._producer.poll(0.5)
                self._check()
            except KafkaException as error:
                raise VitalsError(f"Kafka refuses a record for {topic}: {error.args[0].str()}") from None
        self._unserved += 1
        if self._unserved >= SERVE_EVERY:
            self._unserved = 0
            self._producer.poll(0)
            self._check()

    def _connect(self) -> dict[str, int]:
        """Wait until the broker answers; how many partitions each topic has. Raises VitalsError."""
        try:
            found = self._asked(lambda: self._producer.list_topics(timeout=2.0).topics, KafkaException, CONNECT_SECONDS)
        except KafkaException:
            raise VitalsError(
                f"Kafka at {self._bootstrap} does not answer: start it with `vitals up`, or set VITALS_KAFKA"
            ) from None
        missing = [name for name in TOPICS if name not in found]
        if missing:
            raise VitalsError(f"Kafka has no topic {missing[0]}: create the topics with `vitals topics apply`")
        return {name: len(found[name].partitions) for name in TOPICS}

    def _known_lines(self) -> set[_Line]:
        """The lines of files that are dead letters already. A broker that is away is waited for."""
        kept = self._asked(
            lambda: letter_box.find(self._settings, lambda letter: letter.partition == NO_PARTITION), NoKafkaError
        )
        return {_line(one.letter) for one in kept}

    def _read_forgotten(self, settings: Settings) -> frozenset[bytes]:
        """Whom nobody may be told of. Brokers that are away, though one answered, are waited for as in `_connect`."""
        names = self._asked(lambda: list(records(settings, "forgotten-members")), NoKafkaError, CONNECT_SECONDS)
        return frozenset(key for key, _ in names)

    def _asked(self, question: Callable[[], T], away: type[Exception], limit_s: float = math.inf) -> T:
        """The answer, once the brokers that have it are there. Raises the error if that takes too long."""
        answer = answered(question, away, limit_s, self._miss)
        self._answered()
        return answer

    def _troubled(self, error: KafkaError) -> None:
        if error.fatal():
            self._failure = f"Kafka refused to go on ({error.str()})"
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001  the library has no public name for it
            self._miss()

    def _miss(self) -> None:
        self._patience.down(f"Kafka at {self._bootstrap} does not answer (nothing is lost, Ctrl-C stops)")

    def _answered(self) -> None:
        self._patience.up(f"Kafka at {self._bootstrap} answers again")

    def _failed(self, error: KafkaError | None, message: Message) -> None:
        if error is not None and self._failure is None:
            self._failure = f"Kafka did not take a record for {message.topic()} ({error.str()})"

    def _check(self) -> None:
        if self._failure is not None:
            raise VitalsError(f"{self._failure}: see to it, then run the same import again, it goes on where it was")


def _line(letter: DeadLetter) -> _Line:
    return letter.origin, letter.position, letter.sha256
