"""The fleet through the product's own folds: chat, touches and purchases of one partition each, as workers run them.

Time passes as on a live stack, with two ticks a day, shortly before midnight and at it, so that an order is attributed
before its day closes.
"""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import msgspec

from streams import events as e
from streams import holidays, models
from streams.vitals.attribution import PurchaseLog
from streams.vitals.identity import TouchLog
from streams.vitals.log import Log
from streams.vitals.partition import GroupLog
from streams.vitals.rows import GroupVitals

DAY = 86_400_000
BEFORE_MIDNIGHT = 600_000
_decode = msgspec.json.Decoder(e.ChatEvent | e.Purchase | e.Refund).decode


class Day(NamedTuple):
    """A closed day of a group."""

    messages: int
    verdict: str
    members: int


class Said(msgspec.Struct):
    """What the product said: each group's last day and its days (from 1970 on), and all insights by their type."""

    last: dict[str, GroupVitals] = {}
    days: dict[str, dict[int, Day]] = {}
    insights: dict[str, list[msgspec.Struct]] = {}
    counts: Counter[str] = Counter()


class Chain:
    """Three logs that feed each other, everything in one partition."""

    def __init__(self) -> None:
        groups = GroupLog(0, "groups", models.load(), days_off=holidays.read())
        self._logs: dict[str, Log] = {
            "chat-events": groups, "member-touches": TouchLog(0, "identity", 1), "purchases": PurchaseLog(0, "money", 1)
        }  # fmt: skip
        self._offsets = dict.fromkeys(self._logs, 0)
        self.said = Said()

    def feed(self, topic: str, key: str, event: e.Event) -> None:
        """Fold one record, and what follows from it."""
        offset = self._offsets[topic]
        self._offsets[topic] = offset + 1
        for output in self._logs[topic].fold(event, key, offset, event.occurred_at):
            if output.topic in self._logs:
                self.feed(output.topic, output.key, output.value)  # type: ignore[arg-type]
            else:
                self._hear(output.value)

    def _hear(self, row: msgspec.Struct) -> None:
        kind = type(row).__name__
        self.said.counts[kind] += 1
        if isinstance(row, GroupVitals):
            if row.is_day_close:
                self.said.last[row.group_id] = row
                of_group = self.said.days.setdefault(row.group_id, {})
                of_group[row.at // DAY - 1] = Day(row.messages_day, row.verdict, row.members)
        elif kind not in {"MemberVitals", "Tick"}:
            self.said.insights.setdefault(kind, []).append(row)


def run(path: Path) -> Said:
    """Fold a file of events that is in order of time."""
    chain = Chain()
    tick_at = None
    with path.open("rb") as lines:
        for line in lines:
            event = _decode(line)
            at = event.occurred_at
            while tick_at is None or at >= tick_at:
                if tick_at is not None:
                    _tick(chain, tick_at)
                tick_at = _next_tick(at if tick_at is None else tick_at)
            if isinstance(event, e.Purchase | e.Refund):
                chain.feed("purchases", event.customer_id, event)
            elif isinstance(event, e.GroupEvent):
                chain.feed("chat-events", event.group_id, event)
    if tick_at is not None:
        _tick(chain, -(-tick_at // DAY) * DAY)
    return chain.said


def _next_tick(at: int) -> int:
    midnight = at // DAY * DAY + DAY
    return midnight - BEFORE_MIDNIGHT if at < midnight - BEFORE_MIDNIGHT else midnight


def _tick(chain: Chain, at: int) -> None:
    chain.feed("chat-events", "", e.Tick(event_id=f"tick/{at}", occurred_at=at, brand_id="*", platform="*"))
