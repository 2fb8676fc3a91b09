"""What a flush needs: where outputs and changelog records go, and what is known of the changelog."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from streams.vitals.rows import Output


class Record(NamedTuple):
    """One changelog record; value None deletes the key."""

    partition: int
    key: bytes
    value: bytes | None


class Outputs(Protocol):
    """Where outputs go. Both raise on an undeliverable record."""

    async def send(self, outputs: Iterable[Output]) -> None:
        """Put them on their way, in order per partition."""

    async def delivered(self) -> None:
        """Return once all that was sent is durable."""


class Changelog(Protocol):
    """Writes changelog records, and reads some of them again."""

    async def write(self, records: Sequence[Record]) -> list[int]:
        """Return their offsets once all are durable; raise if one is not."""

    async def read(self, partition: int, start: int, end: int) -> list[Record] | None:
        """What is left of the records from `start` to before `end`; None if Kafka does not say now."""


class Store(Protocol):
    """What is known of the changelog, see `streams.changelog.PartitionStore`."""

    def load(self, partition: int) -> dict[bytes, bytes]:
        """As `of`, for who takes the partition up: what others write from now on is a gap."""

    def of(self, partition: int) -> dict[bytes, bytes]:
        """All live records of a partition."""

    def wrote(self, partition: int, key: bytes, value: bytes | None, offset: int) -> None:
        """A record of ours has come to lie at `offset`."""

    def saw(self, record: Record) -> None:
        """Another writer's record that is read after ours."""

    def gap(self, partition: int, start: int, end: int) -> None:
        """Others wrote these offsets while the partition was ours."""

    def take_gaps(self, partition: int) -> list[tuple[int, int]]:
        """The gaps since this was last asked."""
