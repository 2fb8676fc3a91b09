"""How to reach Kafka, in the words of each of its three clients: addresses, TLS, and who we are."""

import ssl
from typing import Any

from streams.settings import Settings, SettingsError

REJOIN_MS = 45_000
"""For so long a group waits for a member to join again, and a member may go without asking for records. By default
it is five minutes: after a restart of the broker one client that stayed outside kept the others from all partitions."""
ANSWER_MS = 12_000
"""For so long a client waits for a broker that hangs or whose machine is gone; then it asks who leads now. Kafka knows
after 9 s (`broker.session.timeout.ms`). By default it is a minute, or half of one, in which nothing moves on."""


def librdkafka(settings: Settings) -> dict[str, Any]:
    """For confluent-kafka. Raises SettingsError for settings that do not go together, as all functions here."""
    access: dict[str, Any] = {
        "bootstrap.servers": settings.kafka,
        "security.protocol": settings.kafka_security,
        "socket.timeout.ms": ANSWER_MS,
        "socket.connection.setup.timeout.ms": ANSWER_MS,
    }
    for name, path in _files(settings).items():
        access[
            {"ca": "ssl.ca.location", "certificate": "ssl.certificate.location", "key": "ssl.key.location"}[name]
        ] = path
    if _has_login(settings):
        user, password = _login(settings)
        access |= {"sasl.mechanism": settings.kafka_mechanism, "sasl.username": user, "sasl.password": password}
    return access


def librdkafka_member(settings: Settings, group: str, name: str) -> dict[str, Any]:
    """For a confluent-kafka consumer that shares a group's partitions and stores its offsets when it is done."""
    return {
        **librdkafka(settings),
        "group.id": group,
        "client.id": name,
        "session.timeout.ms": int(settings.session_timeout * 1000),
        "heartbeat.interval.ms": int(settings.session_timeout * 1000 / 4),
        "max.poll.interval.ms": REJOIN_MS,
        "auto.offset.reset": "earliest",
        "enable.auto.offset.store": False,
        "auto.commit.interval.ms": 1000,
        "topic.metadata.refresh.interval.ms": 10_000,
        "reconnect.backoff.max.ms": 5000,
    }


def is_answered(client: Any, topic: str, limit_s: float) -> bool:
    """Whether a broker answers a confluent-kafka client that asks about a topic."""
    from confluent_kafka import KafkaException  # noqa: PLC0415  slow to import

    try:
        client.list_topics(topic, timeout=limit_s)
    except KafkaException:
        return False
    return True


def is_group_kept(consumer: Any, topic: str, limit_s: float) -> bool:
    """Whether a broker keeps the group of a confluent-kafka consumer: then who has no partitions ought to have some."""
    from confluent_kafka import KafkaException, TopicPartition  # noqa: PLC0415  slow to import

    try:
        consumer.committed([TopicPartition(topic, 0)], timeout=limit_s)
    except KafkaException:
        return False
    return True


def kafka_python(settings: Settings) -> dict[str, Any]:
    """For kafka-python's clients."""
    access: dict[str, Any] = {
        "bootstrap_servers": settings.kafka.split(","),
        "security_protocol": settings.kafka_security,
    }
    for name, path in _files(settings).items():
        access[{"ca": "ssl_cafile", "certificate": "ssl_certfile", "key": "ssl_keyfile"}[name]] = path
    if _has_login(settings):
        user, password = _login(settings)
        access |= {
            "sasl_mechanism": settings.kafka_mechanism,
            "sasl_plain_username": user,
            "sasl_plain_password": password,
        }
    return access


def kafka_python_by_address(settings: Settings) -> list[dict[str, Any]]:
    """For a client that is to try one address after the other."""
    access = kafka_python(settings)
    return [access | {"bootstrap_servers": [address]} for address in access["bootstrap_servers"]]


def faust(settings: Settings) -> dict[str, Any]:
    """What Faust's `SASLCredentials` or, with only a `context`, its `SSLCredentials` take; nothing for plain text."""
    context = _context(settings)
    if not _has_login(settings):
        return {"context": context} if context else {}
    user, password = _login(settings)
    return {
        "username": user,
        "password": password,
        "mechanism": settings.kafka_mechanism,
        "ssl_context": context,
    }


def _has_login(settings: Settings) -> bool:
    return settings.kafka_security.startswith("SASL")


def _login(settings: Settings) -> tuple[str, str]:
    password = settings.password_of("kafka")
    if not settings.kafka_user or not password:
        missing = "VITALS_KAFKA_PASSWORD or secrets/kafka" if settings.kafka_user else "VITALS_KAFKA_USER"
        raise SettingsError(f"VITALS_KAFKA_SECURITY is {settings.kafka_security}: set {missing} too")
    return settings.kafka_user, password


def _files(settings: Settings) -> dict[str, str]:
    """`ca`, `certificate` and `key`, those that are set."""
    given = {"ca": settings.kafka_ca, "certificate": settings.kafka_certificate, "key": settings.kafka_key}
    files = {name: path for name, path in given.items() if path is not None}
    if not settings.kafka_security.endswith("SSL"):
        return {}
    for name, path in files.items():
        if not path.is_file():
            raise SettingsError(f"VITALS_KAFKA_{name.upper()} is {path}: there is no such file")
    if len({"certificate", "key"} & set(files)) == 1:
        raise SettingsError("set VITALS_KAFKA_CERTIFICATE and VITALS_KAFKA_KEY together, or neither")
    texts = {name: str(path) for name, path in files.items()}
    _loaded(texts)  # what each client would say of a file that it cannot read, is no line for a user
    return texts


def _context(settings: Settings) -> ssl.SSLContext | None:
    return _loaded(_files(settings)) if settings.kafka_security.endswith("SSL") else None


def _loaded(files: dict[str, str]) -> ssl.SSLContext:
    ca = files.get("ca")
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise SettingsError(f"VITALS_KAFKA_CA is {ca}: it is no PEM file of certificates ({_why(error)})") from None
    if "certificate" in files:
        certificate, key = files["certificate"], files["key"]
        try:
            context.load_cert_chain(certificate, key, password="")  # else it would ask for one on the terminal
        except OSError as error:
            raise SettingsError(
                f"VITALS_KAFKA_CERTIFICATE is {certificate}, VITALS_KAFKA_KEY {key}: they must be PEM files that "
                f"belong together, the key without a passphrase ({_why(error)})"
            ) from None
    return context


def _why(error: OSError) -> str:
    """OpenSSL's short name of it, or the system's."""
    return str(getattr(error, "reason", None) or error.strerror or type(error).__name__)
