"""What is known of a brand's alerts: one value per brand. `streams/vitals/turn.py` changes it."""

import msgspec

from streams.events import DropBegun, DropOver, Reason, SourceBlind, SourceSeen, VerdictChanged
from streams.vitals.policy import HOUR_MS
from streams.vitals.rows import AlertKind, Severity, Withheld

MINUTE_MS = HOUR_MS // 60
Signal = VerdictChanged | DropBegun | DropOver | SourceBlind | SourceSeen
"""What the group agent says to the brand; it waits for the clocks of chat-events, what people say does not."""


class AlertPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What deserves to be told, and when. All times but the patience are event time."""

    news_days: int = 3
    """What came about longer ago than this is history: an import of years must wake nobody, a weekend's outage may."""
    gather_minutes: int = 10
    """Alerts wait until so long nothing was added to them, so that those of one cause are told as one. Verdicts are of
    whole days: ten minutes more are nothing. A source must stay blind for as long, as at a restart it is heard late."""
    common_minutes: int = 60
    """They wait no longer than this, and a common cause is looked for among what came within it."""
    common_share: float = 0.20
    """More than this share of a brand's groups do not die within an hour of themselves."""
    common_min_groups: int = 5
    """Of a small brand two or three groups may."""
    common_over_share: float = 0.10
    """A common cause is over when no more than this share of its groups is left: some stay dead for good."""
    groups_listed: int = 100
    """A common cause names so many of its groups, the first by id."""
    patience_minutes: int = 120
    """A partition of chat-events that does not tick for so long, by arrival, while others do, is waited for no longer:
    one that stands still after dead letters must not silence all alerts."""


class Episode(msgspec.Struct, array_like=True):
    """One alert from its opening until it is over. `number` counts its transitions, 0: it waits to be opened.

    `verdict` is the worst so far. `is_told`: somebody was told of it, so somebody is told of its end. `cause_id`
    is the episode of the common cause that tells it.
    """

    episode_id: str
    kind: AlertKind
    group_id: str
    opened_at: int
    verdict: str = ""
    was: str = ""
    risk: float | None = None
    model: str = ""
    reasons: tuple[Reason, ...] = ()
    number: int = 0
    is_told: bool = False
    is_acknowledged: bool = False
    cause_id: str = ""
    is_mild: bool = False
    """Of a common cause: none of its groups is dying."""
    worse_at: int = -1
    """When a drop turned out to be a death."""

    @property
    def severity(self) -> Severity:
        """A drop may pass, and a holiday that no calendar knows is a drop of many: neither is worth a night's sleep."""
        return "warning" if self.kind == "drop" or self.is_mild or self.verdict == "dying" else "critical"

    @property
    def for_the_told(self) -> Withheld:
        """Whoever was told of an alert is told what becomes of it; nobody else."""
        return "" if self.is_told else "untold"


class Watch(msgspec.Struct, array_like=True):
    """One group. `heard_at` is the time of the latest verdict that came in, `verdict` that of the latest taken in.

    `entered_at` is when an alarm or a drop that was news was last taken in, `drop_heard_at` the time of the latest
    signal of a drop that came in. It has one episode at most: a drop that turns out to be a death becomes one.
    """

    heard_at: int = -1
    verdict: str = ""
    entered_at: int = -1
    episode: Episode | None = None
    drop_heard_at: int = -1


class SourceWatch(msgspec.Struct, array_like=True):
    """One source: the latest signal of each partition of chat-events, and which of them say that it is blind.

    `seen_at` is when it was last seen again.
    """

    heard: dict[int, int] = {}
    blind: list[int] = []
    complete_at: int = -1
    due_at: int = -1
    """When its blindness is to be told."""
    seen_at: int = -1
    episode: Episode | None = None


class CommonCause(msgspec.Struct, array_like=True):
    """Many groups at once: who they are, and when the last of them was added."""

    episode: Episode
    groups: list[str]
    added_at: int
    known_groups: int


class Pending(msgspec.Struct, array_like=True):
    """A signal that waits for the clocks. `stamp` is the tick that its partition forwarded next, -1 before."""

    signal: Signal
    stamp: int = -1

    @property
    def place(self) -> tuple[int, int, int, str, int]:
        """The order in which signals of all partitions are acted on; a source goes blind in one before it is seen."""
        signal = self.signal
        rank = (VerdictChanged, DropBegun, DropOver, SourceBlind, SourceSeen).index(type(signal))
        name = signal.source_name if isinstance(signal, SourceBlind | SourceSeen) else signal.group_id
        return self.stamp, signal.occurred_at, rank, name, signal.origin_partition


class Brand(msgspec.Struct, array_like=True):
    """All of one brand. Appended fields need defaults. `offset` is the last event absorbed.

    `gathering` are the groups whose alert is about to be told, the first since `gather_first`, the latest since
    `gather_last`; `snoozed` says until when nobody is to be told of a group.
    """

    offset: int = -1
    pending: list[Pending] = []
    groups: dict[str, Watch] = {}
    sources: dict[str, SourceWatch] = {}
    commons: list[CommonCause] = []
    gathering: list[str] = []
    gather_first: int = -1
    gather_last: int = -1
    snoozed: dict[str, int] = {}

    @property
    def is_waiting(self) -> bool:
        """Whether time passing may change anything."""
        return bool(
            self.pending or self.gathering or self.snoozed or any(one.due_at >= 0 for one in self.sources.values())
        )

    def hear(self, signal: Signal, stamp: int = -1) -> bool:
        """Take in a signal, to be acted on when the clocks have passed it; False if it was heard before.

        Times of signals rise for a group (verdicts and drops each), and for a source and partition: what comes again is
        not later.
        """
        if isinstance(signal, VerdictChanged):
            watch = self.groups.setdefault(signal.group_id, Watch())
            if signal.occurred_at <= watch.heard_at:
                return False
            watch.heard_at = signal.occurred_at
        elif isinstance(signal, DropBegun | DropOver):
            watch = self.groups.setdefault(signal.group_id, Watch())
            if signal.occurred_at <= watch.drop_heard_at:
                return False
            watch.drop_heard_at = signal.occurred_at
        else:
            heard = self.sources.setdefault(signal.source_name, SourceWatch()).heard
            if signal.occurred_at <= heard.get(signal.origin_partition, -1):
                return False
            heard[signal.origin_partition] = signal.occurred_at
        self.pending.append(Pending(signal, stamp))
        return True

    def stamp(self, partition: int, tick: int) -> bool:
        """A partition of chat-events forwarded a tick: its signals so far came before that. Whether there were any."""
        unstamped = [one for one in self.pending if one.stamp < 0 and one.signal.origin_partition == partition]
        for one in unstamped:
            one.stamp = tick
        return bool(unstamped)

    def deadline(self, policy: AlertPolicy) -> int | None:
        """When the gathered alerts are told, if there are any."""
        if not self.gathering:
            return None
        last, first = self.gather_last + policy.gather_minutes * MINUTE_MS, self.gather_first
        return min(last, first + policy.common_minutes * MINUTE_MS)
