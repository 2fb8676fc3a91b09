"""Faults of three brokers: a leader that moves, one that wakes up late, and too few to agree."""

import signal
import time
from collections.abc import Callable

from tests.faults.brokers import Brokers
from tests.faults.progress import Place
from tests.faults.scene import Scene, SkippedError

AWAY_S = 30.0
FAIL_OVER_LIMIT_S = 120.0
TOPIC, CHANGELOG, GROUP = "chat-events", "vitals-groups-state-changelog", "vitals-groups"


def kill_leader(scene: Scene) -> None:
    """kill -9 of a node that leads, and then of the next; each stays away for half a minute."""
    brokers = _brokers(scene)
    with scene.stage.kafka_lock:
        for name in scene.chance.sample(sorted(_ROLES), 2):
            node, places = _chosen(scene, brokers, name)
            started = time.monotonic()
            brokers.kill(node)
            _await_moved(scene, f"broker killed ({name})", places)
            time.sleep(max(0.0, started + AWAY_S - time.monotonic()))
            brokers.start(node)
            _await_whole(scene, brokers)


def stop_leader(scene: Scene) -> None:
    """A leader stands still until others lead in its place, then it wakes up and believes to lead."""
    brokers = _brokers(scene)
    with scene.stage.kafka_lock:
        name = scene.chance.choice(sorted(_ROLES))
        node, places = _chosen(scene, brokers, name)
        started = time.monotonic()
        brokers.signal(node, signal.SIGSTOP)
        try:
            _await_moved(scene, f"broker stands still ({name})", places)
            time.sleep(max(0.0, started + AWAY_S + scene.chance.uniform(0.0, AWAY_S) - time.monotonic()))
        finally:
            brokers.signal(node, signal.SIGCONT)
        _await_whole(scene, brokers)


def roll_brokers(scene: Scene) -> None:
    """SIGTERM to each node, one after the other, as an upgrade of the cluster does."""
    brokers = _brokers(scene)
    with scene.stage.kafka_lock:
        for node in brokers.nodes:
            places = _led(brokers, node)
            brokers.signal(node, signal.SIGTERM)
            _await_moved(scene, "broker ended by SIGTERM", places)
            brokers.term(node)
            brokers.start(node)
            _await_whole(scene, brokers)


def lose_quorum(scene: Scene) -> None:
    """Two of three are away at once: nobody can write, and nobody can be elected."""
    brokers = _brokers(scene)
    with scene.stage.kafka_lock:
        places = {(TOPIC, partition) for partition in brokers.leaders(TOPIC)}
        nodes = scene.chance.sample(brokers.nodes, 2)
        for node in nodes:
            brokers.kill(node)
        time.sleep(AWAY_S)
        for node in nodes:
            brokers.start(node)
        _await_moved(scene, "two of three brokers back", places)
        _await_whole(scene, brokers)


_ROLES: dict[str, Callable[[Brokers], int]] = {
    "leader of a log": lambda brokers: brokers.leaders(TOPIC)[0],
    "leader of a changelog": lambda brokers: brokers.leaders(CHANGELOG)[0],
    "coordinator": lambda brokers: brokers.coordinator(GROUP),
}


def _brokers(scene: Scene) -> Brokers:
    brokers = scene.stage.brokers
    if brokers is None:
        raise SkippedError("there is one broker: --brokers 3")
    return brokers


def _chosen(scene: Scene, brokers: Brokers, name: str) -> tuple[int, set[Place]]:
    node = _ROLES[name](brokers)
    return node, _led(brokers, node)


def _led(brokers: Brokers, node: int) -> set[Place]:
    """The partitions of groups that come to a halt without this node: it leads them, or their changelog; else all."""
    leads = [brokers.leaders(topic) for topic in (TOPIC, CHANGELOG)]
    led = {partition for partition in leads[0] if node in (leads[0][partition], leads[1][partition])}
    return {(TOPIC, partition) for partition in led or leads[0]}


def _await_moved(scene: Scene, what: str, places: set[Place]) -> None:
    scene.await_moved(what, places, FAIL_OVER_LIMIT_S)


def _await_whole(scene: Scene, brokers: Brokers) -> None:
    with scene.timed("brokers whole again"):
        brokers.await_whole()
        scene.stage.await_answers()
