"""The topics: read from `schemas/topics/*.yaml`, created by us, never by the broker; changed only where it is safe."""

import random
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import click
import yaml

from streams.errors import VitalsError
from streams.kafka_access import kafka_python_by_address
from streams.patience import answered
from streams.resources import resource_dir
from streams.settings import Settings, load

_LEADERS_WAIT_S = 30.0
_ANSWER_WAIT_S = 30.0
"""Until a cluster that lost a broker has another one in its place."""
_GROWING = ("retention.ms", "retention.bytes", "max.message.bytes")
"""A larger value keeps or takes in more (-1: without limit); a smaller one would lose or refuse records."""
_TUNING = ("min.cleanable.dirty.ratio", "segment.bytes", "segment.ms", "delete.retention.ms", "max.compaction.lag.ms")
"""How the broker keeps house; nothing is lost either way."""
_WHY_NOT = {"min.insync.replicas": "with fewer replicas in sync nobody could write"}
_TOO_FEW = 2
"""Of so few replicas all would have to be there for any write, if two had to have it."""


@dataclass(frozen=True)
class Topic:
    """A topic as declared."""

    name: str
    partitions: int
    config: Mapping[str, str]
    replicas: int = 1


@dataclass(frozen=True)
class Found:
    """A topic as the broker has it. `topic_id` is another one after the topic was deleted and made again."""

    topic_id: bytes
    partitions: int
    has_leaders: bool
    replicas: int = 1
    """Of the partition that has fewest."""


@dataclass(frozen=True)
class Change:
    """One difference and what is done about it: `create`, `set`, or `report` (that is left to the user)."""

    action: str
    topic: str
    what: str
    key: str = ""
    value: str = ""


class NoKafkaError(VitalsError):
    """Kafka does not answer."""

    def __init__(self, servers: str) -> None:
        super().__init__(f"Kafka at {servers} does not answer: start it (`vitals up`) or correct the setting `kafka`")


def declared(settings: Settings) -> dict[str, Topic]:
    """All topics of `schemas/topics`, by name.

    Of three replicas two must have a record before it is acknowledged: then the loss of any one broker loses nothing,
    and stops nobody. Kafka's own default is one.
    """
    topics = {}
    insync = {"min.insync.replicas": "2"} if settings.replication > _TOO_FEW else {}
    for path in sorted((resource_dir("schemas") / "topics").glob("*.yaml")):
        spec = yaml.safe_load(path.read_text(encoding="utf-8"))
        partitions = settings.partitions if spec["partitions"] == "keyed" else int(spec["partitions"])
        config = {key: str(value) for key, value in spec["config"].items()} | insync
        topics[spec["topic"]] = Topic(spec["topic"], partitions, config, settings.replication)
    return topics


@contextmanager
def admin(settings: Settings) -> Iterator[Any]:
    """A kafka-python admin client. Raises NoKafkaError."""
    from kafka.errors import (  # noqa: PLC0415  slow to import
        KafkaConnectionError,
        KafkaError,
        KafkaTimeoutError,
        NodeNotReadyError,
        RequestTimedOutError,
    )

    with closing(_connected(settings)) as client:
        try:
            yield client
        except (KafkaConnectionError, KafkaTimeoutError, NodeNotReadyError, RequestTimedOutError):
            # The broker went away under the question.
            raise NoKafkaError(settings.kafka) from None
        except KafkaError as error:
            raise VitalsError(f"Kafka at {settings.kafka} refused: {' '.join(str(error).split())}") from None


def _connected(settings: Settings) -> Any:
    """A client with a connection to a broker that answers: of several, some may be down or hang. Raises NoKafkaError.

    kafka-python tries one address for as long as it has, and then asks any broker that another one told of: the dead
    are among them until their session is over. Whom it has heard, it asks again. With one address there is no other to
    try: whoever asks learns as well whether it answers.
    """
    from kafka.admin import KafkaAdminClient  # noqa: PLC0415  slow to import
    from kafka.errors import KafkaError  # noqa: PLC0415

    accesses = kafka_python_by_address(settings)
    for access in random.sample(accesses, len(accesses)):
        with suppress(KafkaError, ValueError, OSError):
            client = KafkaAdminClient(**access, request_timeout_ms=10_000, bootstrap_timeout_ms=2_000)
            if len(accesses) == 1 or _is_heard(client, len(accesses)):
                return client
            client.close()
    raise NoKafkaError(settings.kafka)


def is_answered(settings: Settings) -> bool:
    """Whether a broker answers somebody who asks for the first time."""
    try:
        with admin(settings) as client:
            client.describe_cluster()
    except VitalsError:
        return False
    return True


def _is_heard(client: Any, tries: int) -> bool:
    from kafka.errors import KafkaError  # noqa: PLC0415

    for _ in range(tries):
        with suppress(KafkaError):
            client.describe_cluster()
            return True
    return False


def found(client: Any, names: "list[str] | None" = None) -> dict[str, Found]:
    """What the broker has of these topics; missing ones are left out."""
    return {
        topic["name"]: Found(
            UUID(str(topic["topic_id"])).bytes,
            len(topic["partitions"]),
            all(partition["leader_id"] >= 0 for partition in topic["partitions"]),
            min(len(partition["replica_nodes"]) for partition in topic["partitions"]),
        )
        for topic in client.describe_topics(names)
        if topic["error_code"] == 0
    }


def id_of(settings: Settings, name: str) -> bytes | None:
    """The id of a topic, None if it is gone. A broker that goes away under the question is waited for.

    Raises NoKafkaError when none answers for half a minute.
    """

    def ask() -> dict[str, Found]:
        with admin(settings) as client:
            return found(client, [name])

    have = answered(ask, NoKafkaError, _ANSWER_WAIT_S)
    return have[name].topic_id if have else None


def trouble(needed: Collection[str], have: Mapping[str, Found]) -> str | None:
    """Why nobody can work with these topics, in a line; None if all are there and have leaders."""
    if missing := sorted(name for name in needed if name not in have):
        return f"topic {missing[0]} is missing in Kafka: run `vitals topics apply`"
    if headless := sorted(name for name in needed if not have[name].has_leaders):
        return f"topic {headless[0]} has no leader: the brokers that keep it are down"
    return None


def plan(
    wanted: Mapping[str, Topic], have: Mapping[str, Found], configs: Mapping[str, Mapping[str, str]]
) -> list[Change]:
    """What differs, and what to do about it. Nothing that loses records or breaks keys is ever more than reported."""
    changes = []
    for name, topic in wanted.items():
        if name not in have:
            changes.append(Change("create", name, f"{topic.partitions} partitions"))
            continue
        if topic.partitions != have[name].partitions:
            what = f"has {have[name].partitions} partitions, not {topic.partitions}: keys would move between partitions"
            changes.append(Change("report", name, what))
        if topic.replicas > have[name].replicas:
            what = f"has {have[name].replicas} replicas, not {topic.replicas}: reassign its partitions to more brokers"
            changes.append(Change("report", name, what))
        current = configs.get(name, {})
        changes += [_change(name, key, current.get(key), value) for key, value in topic.config.items()
                    if current.get(key) != value]  # fmt: skip
    return changes


def _change(topic: str, key: str, have: str | None, want: str) -> Change:
    what = f"{key} {have} → {want}"
    if key in _TUNING or (key in _GROWING and _size(want) > _size(have)):
        return Change("set", topic, what, key, want)
    why = _WHY_NOT.get(
        key, "records would be lost or refused" if key in _GROWING else "the topic would mean something else"
    )
    return Change("report", topic, f"{what} is left to you: {why}")


def _size(value: str | None) -> float:
    number = float(value if value is not None else "nan")
    return float("inf") if number < 0 else number


def apply(settings: Settings, *, dry_run: bool = False) -> list[Change]:
    """Bring the topics to what is declared, and wait until each has its leaders. Returns what was done, or would be."""
    wanted = declared(settings)
    with admin(settings) as client:
        have = found(client)
        changes = plan(wanted, have, configs(client, [name for name in wanted if name in have]))
        if not dry_run:
            _create(client, settings, [wanted[change.topic] for change in changes if change.action == "create"])
            _set(client, [change for change in changes if change.action == "set"])
            _await_leaders(client, wanted)
    return changes


def configs(client: Any, names: list[str]) -> dict[str, dict[str, str]]:
    """The broker's settings of these topics, its defaults too."""
    from kafka.admin import ConfigResource, ConfigResourceType  # noqa: PLC0415

    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    by_name = client.describe_configs(resources, config_filter="all")["topic"]
    return {name: {key: entry["value"] for key, entry in entries.items()} for name, entries in by_name.items()}


def _create(client: Any, settings: Settings, topics: list[Topic]) -> None:
    from kafka.admin import NewTopic  # noqa: PLC0415
    from kafka.errors import TopicAlreadyExistsError  # noqa: PLC0415

    if not topics:
        return
    new = [NewTopic(t.name, t.partitions, settings.replication, topic_configs=dict(t.config)) for t in topics]
    try:
        client.create_topics(new)
    except TopicAlreadyExistsError:  # another `apply` at the same time
        for topic in new:
            client.create_topics([topic], raise_errors=False)


def _set(client: Any, changes: list[Change]) -> None:
    from kafka.admin import ConfigResource, ConfigResourceType  # noqa: PLC0415

    for change in changes:
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, change.topic, {change.key: change.value})])


def _await_leaders(client: Any, wanted: Mapping[str, Topic]) -> None:
    deadline = time.monotonic() + _LEADERS_WAIT_S
    while missing := [n for n in wanted if not (have := found(client, [n])).get(n) or not have[n].has_leaders]:
        if time.monotonic() > deadline:
            raise VitalsError(f"{missing[0]} has no leader after {_LEADERS_WAIT_S:.0f} s: look at the log of Kafka")
        time.sleep(0.1)


@click.group("topics", epilog="Example: vitals topics apply --dry-run")
def topics_commands() -> None:
    """Create and check the Kafka topics."""


@topics_commands.command("apply", epilog="Example: vitals topics apply --dry-run")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
def apply_command(*, dry_run: bool) -> None:
    """Create what is missing, change what is safe to change, report the rest."""
    changes = apply(load(), dry_run=dry_run)
    for change in changes:
        would = "would " if dry_run and change.action != "report" else ""
        click.echo(f"{would}{change.action} {change.topic}: {change.what}")
    if not changes:
        click.echo("all topics are as declared")
