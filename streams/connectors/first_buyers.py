"""Whose an order is: the buyer whom an import named first, whatever a later one says."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from sys import intern
from urllib.parse import quote

import xxhash
from msgspec.structs import replace

from streams.errors import VitalsError
from streams.events import Event, Purchase, Refund


class FirstBuyers:
    """The buyers of the orders of one source, by digest of the order: some 200 bytes each in memory, 36 on disk.

    A customer's log knows nothing of another's, so an order that came under two buyers, a mail filled in later, would
    count twice. It stays the first one's, and its refunds go there too. Each is written down before its order is sent:
    after a kill the order is still theirs. `incarnation` as in DeliveredFile; a line that a kill cut short is ignored.
    """

    def __init__(self, imports_dir: Path, source: str, incarnation: str) -> None:
        self._path = imports_dir / f"{quote(source, safe='')}-{incarnation}.buyers"
        self._of: dict[str, str] = {}
        try:
            imports_dir.mkdir(parents=True, exist_ok=True)
            stored = self._path.read_bytes() if self._path.exists() else b""
            whole = stored.rfind(b"\n") + 1
            if whole < len(stored):
                with self._path.open("r+b") as file:
                    file.truncate(whole)
        except OSError as error:
            raise self._unwritable(error) from None
        for line in stored[:whole].decode("utf-8", "replace").split("\n"):
            order, _, buyer = line.partition(" ")
            self._of.setdefault(order, intern(buyer))

    def settled(self, events: Iterable[Event]) -> Iterator[tuple[Event, bool]]:
        """The events with their orders' first buyers, and whether they named another one. Raises VitalsError."""
        events, new = list(events), {}
        for event in events:
            if isinstance(event, Purchase | Refund) and (order := _digest(event)) not in self._of:
                self._of[order] = new[order] = event.customer_id
        if new:
            self._write(new)
        for event in events:
            if isinstance(event, Purchase | Refund) and event.customer_id != self._of[_digest(event)]:
                yield replace(event, customer_id=self._of[_digest(event)]), True
            else:
                yield event, False

    def _write(self, new: dict[str, str]) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.writelines(f"{order} {buyer}\n" for order, buyer in new.items())
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> VitalsError:
        return VitalsError(f"cannot keep the buyers of an import in {self._path}: {error.strerror}")


def _digest(event: Purchase | Refund) -> str:
    return xxhash.xxh3_64_hexdigest(f"{event.brand_id}\0{event.order_id}".encode())
