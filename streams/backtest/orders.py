"""The orders of one brand in a backtest: attributed by the agents' own folds, as by a stack that listened all along.

Time passes for them as it does there, by a tick at each full minute; but a tick at which nothing is due says nothing,
and is left out. So an order is known to its groups a minute or two after it was paid, not when the file is over, as
with an import. Kept are each member's hours and each customer's orders, as by the agents for identities and orders.
"""

from collections import deque
from collections.abc import Sequence

from streams import events as e
from streams.vitals.attribution import PurchaseLog
from streams.vitals.conversion import ConversionPolicy
from streams.vitals.customer import AT_ONCE, NEVER
from streams.vitals.episodes import MINUTE_MS
from streams.vitals.identity import TouchLog
from streams.vitals.log import SEQS_PER_OFFSET
from streams.vitals.rows import Output

_ORIGIN = "backtest"
Coming = e.Purchase | e.Refund | e.IdentityLinked | e.IdentityUnlinked


class Orders:
    """The member's and the customer's logs of a brand, one partition each."""

    def __init__(self, policy: ConversionPolicy) -> None:
        self._touches = TouchLog(0, f"{_ORIGIN}/touches", 1, policy)
        self._purchases = PurchaseLog(0, f"{_ORIGIN}/purchases", 1, policy)
        self._touched = self._bought = 0
        self._coming: deque[tuple[int, Coming]] = deque()
        self._latest = self._now = 0
        self._tick_at = NEVER

    def touched(self, outputs: Sequence[Output], at: int) -> None:
        """Take what the log of a group told of its members, at a time in ms UTC."""
        self._latest = max(self._latest, at)
        for output in outputs:
            self._forward(output.value, output.key)  # type: ignore[arg-type]  # a Touch

    def take(self, event: Coming) -> None:
        """Take an order, a refund or a link; it comes when it happened, or when what stands before it did."""
        self._latest = max(self._latest, event.occurred_at)
        self._coming.append((self._latest, event))

    def pass_to(self, at: int) -> list[e.OrderAttributed]:
        """The shares of all that is settled by the ticks up to and including `at` (ms UTC), in their order."""
        told: list[e.OrderAttributed] = []
        while True:
            comes_at = self._coming[0][0] if self._coming else NEVER
            self._now = min(self._tick_at, comes_at)
            if self._now > at:
                self._latest = max(self._latest, at)  # what is late comes now: a tick that was cannot settle it
                return told
            if self._tick_at <= comes_at:
                told += self._tick()
            else:
                self._fold_next()

    def rest(self) -> None:
        """Keep as bytes what was in use: a matter of memory alone."""
        self._touches.take_changed()
        self._purchases.take_changed()

    def _tick(self) -> list[e.OrderAttributed]:
        tick = e.Tick(
            event_id=f"tick/{self._tick_at}",
            occurred_at=self._tick_at,
            brand_id="*",
            platform="*",
            source=_ORIGIN,
            source_seq=self._touched * SEQS_PER_OFFSET,
            source_prev=0,
            origin_partition=0,
        )
        self._tick_at = NEVER
        told = self._forward(tick, "")
        self._plan()
        return told

    def _fold_next(self) -> None:
        _, event = self._coming.popleft()
        if isinstance(event, e.Purchase | e.Refund):
            self._fold(event, event.customer_id)
        else:
            self._forward(event, event.member_id)
        self._plan()

    def _forward(self, event: e.Event, key: str) -> list[e.OrderAttributed]:
        offset, self._touched = self._touched, self._touched + 1
        told = self._touches.fold(event, key, offset, self._now)
        return [row for one in told for row in self._fold(one.value, one.key)]  # type: ignore[arg-type]

    def _fold(self, event: e.Event, key: str) -> list[e.OrderAttributed]:
        offset, self._bought = self._bought, self._bought + 1
        return [one.value for one in self._purchases.fold(event, key, offset, self._now)]  # type: ignore[misc]

    def _plan(self) -> None:
        """Note the minute at which a tick is needed; what is due at once waits for the next."""
        due = self._purchases.next_due
        if due != NEVER:
            after = self._now if due == AT_ONCE else due
            self._tick_at = min(self._tick_at, after // MINUTE_MS * MINUTE_MS + MINUTE_MS)
