"""One channel's turn: what of its spool is due, sent as one message, tried again, or given up as a dead letter."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence

import msgspec

from streams.dead_letters import DeadLetter, dead_letter
from streams.notify.channels import Channel
from streams.notify.payloads import MOST_ALERTS, ONE_AT_A_TIME, Message, message
from streams.notify.routes import Waiting, due
from streams.notify.spool import Entry, Spool
from streams.notify.transport import Outcome
from streams.notify.wording import Names

TRIES = 30
"""With back-off some four hours, if every try fails; then the alerts of that message become dead letters."""
REFUSED_TRIES = 5
"""For what the channel says it will never take: long enough to mend a robot that was just switched off."""
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 2.0, 600.0
SPOOLED = 10_000
"""So many alerts wait for a channel that is down; beyond it the oldest become dead letters."""
IDLE_S = 60.0
_WINDOW_S = 60.0


class Tools(msgspec.Struct, frozen=True):
    """The world outside: `send` and `letter` (False: Kafka takes none now, keep it), names of groups, two clocks in s.

    `grafana_url` is "" where there is none.
    """

    send: Callable[[Channel, Message], Outcome]
    letter: Callable[[DeadLetter], bool]
    names: Names = lambda _: {}
    grafana_url: str = ""
    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time


class Outbox:
    """A channel with its spool. Alerts of one group leave in the order in which they came.

    `put` and `step` may be called by two threads. Each alert is delivered at least once, or becomes a dead letter, or
    is spared people after quiet hours: `counts` has how many of each.
    """

    def __init__(self, channel: Channel, spool: Spool, tools: Tools) -> None:
        self.channel = channel
        self.trouble = ""
        self.counts: Counter[str] = Counter()
        self._spool, self._tools = spool, tools
        self._lock = threading.Lock()
        self._came_at: dict[str, float] = {}
        self._tries: Counter[str] = Counter()
        self._failures = 0
        self._not_before = 0.0
        self._sent_at: deque[float] = deque()
        self._most = 1 if channel.kind in ONE_AT_A_TIME else MOST_ALERTS
        self._is_parted = False

    def __len__(self) -> int:
        """How many wait."""
        return len(self._spool)

    def put(self, entries: Sequence[Entry]) -> None:
        """Take in those that this channel is to get, durable on return. Raises OSError where the disk is full."""
        came_at = int(self._tools.wall() * 1000)
        mine = [msgspec.structs.replace(one, came_at=came_at) for one in entries if self.channel.takes(one.alert)]
        if not mine:
            return
        with self._lock:
            before = {one.alert.alert_id for one in self._spool.waiting}
            self._spool.put(mine)
            now = self._tools.monotonic()
            for one in self._spool.waiting:
                if one.alert.alert_id not in before:
                    self._came_at[one.alert.alert_id] = now

    def step(self) -> float:
        """Send one message if one is due; in how many seconds it is worth to look again."""
        now = self._tools.monotonic()
        with self._lock:
            waiting = self._spool.waiting
        if len(waiting) > SPOOLED:
            is_done = self._give_up(waiting[: len(waiting) - SPOOLED], f"more than {SPOOLED} wait")
            return 0.0 if is_done else FIRST_BACKOFF_S
        told = self._due(waiting)
        if not told:
            return IDLE_S
        wait_s = max(self._not_before - now, self._gathering_s(told, now), self._rate_s(now))
        if wait_s > 0:
            return min(wait_s, IDLE_S)
        return self._send(told[: 1 if self._is_parted else self._most], now)

    def close(self) -> None:
        """Let go of the spool."""
        self._spool.close()

    def _due(self, waiting: Sequence[Entry]) -> Sequence[Entry]:
        """What may be told now. What quiet hours made needless is done with, and counted."""
        of_id = {one.alert.alert_id: one for one in waiting}
        now, known = int(self._tools.wall() * 1000), self._spool.has_done
        found = due(self.channel, [Waiting(one.alert, one.came_at) for one in waiting], now, known)
        self._finish([of_id[alert_id] for alert_id in found.spare])
        self.counts["spared"] += len(found.spare)
        return [of_id[alert_id] for alert_id in found.tell]

    def _gathering_s(self, told: Sequence[Entry], now: float) -> float:
        """How long to wait for more that goes into the same message."""
        if self._most == 1 or len(told) >= self._most:
            return 0.0
        return self._came_at.get(told[0].alert.alert_id, -self.channel.gather_s) + self.channel.gather_s - now

    def _rate_s(self, now: float) -> float:
        """How long until one more request is within the minute's limit. A failed one counts: it may have arrived."""
        while self._sent_at and self._sent_at[0] <= now - _WINDOW_S:
            self._sent_at.popleft()
        if len(self._sent_at) < self.channel.per_minute:
            return 0.0
        return self._sent_at[0] + _WINDOW_S - now

    def _send(self, told: Sequence[Entry], now: float) -> float:
        names = self._names(told)
        at = self._tools.wall()
        made = message(self.channel, [one.alert for one in told], names, self._tools.grafana_url, at)
        sent = told[: made.count]
        self._sent_at.append(now)
        outcome = self._tools.send(self.channel, made)
        self.counts["requests"] += 1
        self.counts["failed" if outcome.reason else "taken"] += 1
        if outcome.reason:
            return self._failed(sent, outcome)
        self._finish(sent)
        self.counts["delivered"] += len(sent)
        self.trouble, self._failures, self._is_parted = "", 0, False
        return 0.0

    def _names(self, told: Sequence[Entry]) -> Mapping[str, str]:
        ids = {group_id for one in told for group_id in (one.alert.group_id, *one.alert.groups) if group_id}
        return self._tools.names(sorted(ids)) if ids else {}

    def _failed(self, sent: Sequence[Entry], outcome: Outcome) -> float:
        """Back off. What is refused as a whole is tried one by one, so that one bad alert costs no others."""
        self.trouble = outcome.reason
        self._failures += 1
        backoff_s = min(FIRST_BACKOFF_S * 2.0 ** min(self._failures - 1, 10), LONGEST_BACKOFF_S)
        wait_s = max(outcome.after_s, backoff_s)
        self._not_before = self._tools.monotonic() + wait_s
        if outcome.is_limited:
            return wait_s
        if outcome.is_refused and len(sent) > 1:
            self._is_parted = True
            return wait_s
        most = REFUSED_TRIES if outcome.is_refused else TRIES
        self._tries.update(one.alert.alert_id for one in sent)
        over = [one for one in sent if self._tries[one.alert.alert_id] >= most]
        if over:
            self._give_up(over, f"{outcome.reason}, {most} tries")
        return wait_s

    def _give_up(self, entries: Sequence[Entry], why: str) -> bool:
        """Make dead letters of them. False if Kafka does not take them now: the rest is kept and given up later."""
        gone = []
        for one in entries:
            letter = dead_letter(
                msgspec.json.encode(one.alert), origin="group-alerts", partition=one.partition, position=one.offset,
                reason="undeliverable", detail=f"channel {self.channel.name}: {why}", at=int(self._tools.wall() * 1000),
            )  # fmt: skip
            if not self._tools.letter(letter):
                break
            gone.append(one)
        self._finish(gone)
        self.counts["dead_letters"] += len(gone)
        return len(gone) == len(entries)

    def _finish(self, entries: Sequence[Entry]) -> None:
        ids = [one.alert.alert_id for one in entries]
        if ids:
            with self._lock:
                self._spool.done(ids)
        for alert_id in ids:
            self._came_at.pop(alert_id, None)
            self._tries.pop(alert_id, None)
