"""What the tests of the connectors share: exports written by hand, and a destination that remembers."""

from pathlib import Path

import msgspec

from streams.connectors.batches import Batch, Recipe
from streams.connectors.delivered import NothingDelivered
from streams.connectors.importing import Counts, Import
from streams.connectors.irc import IrcReader
from streams.dead_letters import DeadLetter
from streams.events import ChatEvent, Event, IdentityLinked, IdentityUnlinked, Purchase, Refund
from streams.identities import MemberIdentity
from streams.pseudonyms import Pseudonyms

NOW = 1_900_000_000_000
PSEUDONYMS = Pseudonyms(b"a secret of thirty-two characters")
_decode = msgspec.json.Decoder(ChatEvent | Purchase | Refund | IdentityLinked | IdentityUnlinked).decode


def recipe(platform: str = "irc", **changed: object) -> Recipe:
    given = {"brand_id": "acme", "platform": platform, "source": f"{platform}/acme", "now": NOW}
    return Recipe(**(given | changed))


def member(nick: str, platform: str = "irc") -> str:
    return PSEUDONYMS.of(platform, nick)


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def irc_reader(*paths: Path, **changed: object) -> IrcReader:
    return IrcReader(paths, recipe(**changed), PSEUDONYMS, paths[0].parent)


def read(reader: object) -> Batch:
    """All batches of a reader as one."""
    whole = Batch()
    for batch in reader.batches(NothingDelivered()):
        whole.events += batch.events
        whole.refused += batch.refused
        whole.identities += batch.identities
        whole.skipped.update(batch.skipped)
        whole.lines += batch.lines
        whole.announced += batch.announced
    return whole


def irc_day(content: str | bytes, root: Path, **changed: object) -> Batch:
    """One day of one channel, read; without the announcement of the group."""
    batch = read(irc_reader(write(root, {"den/2024/2024-05-06": content}), **changed))
    batch.events = [event for event in batch.events if type(event).__name__ != "GroupCreated"]
    return batch


class Remembered:
    """A destination with partitions, in memory."""

    def __init__(self, fail_after: int | None = None) -> None:
        self.events: list[Event] = []
        self.everywhere: list[Event] = []
        self.log: list[Event] = []
        self.letters: list[DeadLetter] = []
        self.identities: list[MemberIdentity] = []
        self.forgotten: set[str] = set()
        self.keys: list[tuple[str, str]] = []
        self.settled = 0
        self._left = fail_after

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise KeyboardInterrupt
        event = _decode(value)
        self.keys.append((topic, key.decode()))
        self.events.append(event)
        self.log.append(event)

    def send_everywhere(self, topic: str, value: bytes) -> None:
        self.everywhere.append(_decode(value))
        self.log.append(self.everywhere[-1])

    def refuse(self, letter: DeadLetter) -> None:
        self.letters.append(letter)

    def identify(self, identity: MemberIdentity) -> bool:
        if identity.member_id in self.forgotten:
            return False
        self.identities.append(identity)
        return True

    def settle(self) -> None:
        self.settled += 1

    def close(self) -> None:
        pass


class Marks(set):
    """What was delivered, in memory."""

    def add(self, marks: object) -> None:
        self.update(marks)


def run(reader: object, to: Remembered, progress: object | None = None, **options: object) -> Counts:
    return Import(reader, reader._recipe, to, NothingDelivered() if progress is None else progress).run(
        lambda size: None, **options
    )
