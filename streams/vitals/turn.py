"""A brand's turn: what time and people change of its alerts, and what is to be told of it."""

from collections.abc import Iterator
from operator import attrgetter
from typing import Any

import xxhash

from streams.events import Acknowledged, DropBegun, DropOver, Reason, Snoozed, SourceBlind, SourceSeen, VerdictChanged
from streams.vitals.episodes import MINUTE_MS, AlertPolicy, Brand, CommonCause, Episode, Pending, SourceWatch, Watch
from streams.vitals.policy import DAY_MS, HOUR_MS
from streams.vitals.rows import AlertKind, AlertState, GroupAlert, Withheld
from streams.vitals.verdict import ALARMS, CALM

ALERT_REASONS = ("blind", "common_cause", "drop", "drop_over", "drop_settled")
"""The codes of the reasons that alerts have of their own."""
_GATHERED, _BLIND, _SNOOZE = range(3)
Timer = tuple[int, int, str]
"""When, which, and whose. At one time they go off in this order."""


class Turn:
    """One brand at one offset of its log. `told` are the transitions that came about, in order.

    Signals are acted on in the order of their stamps, and timers between them at their own times. So what is told
    depends on what was signalled and when, not on how partitions interleave or how fast the clocks move.
    """

    def __init__(self, brand_id: str, brand: Brand, policy: AlertPolicy, offset: int) -> None:
        self.told: list[GroupAlert] = []
        self._brand_id, self._brand, self._policy, self._offset = brand_id, brand, policy, offset

    def advance(self, low: int) -> bool:
        """Act on all signals and timers up to a time that all clocks have passed. Whether there were any."""
        brand = self._brand
        due = sorted((one for one in brand.pending if 0 <= one.stamp <= low), key=attrgetter("place"))
        if due:
            brand.pending = [one for one in brand.pending if not 0 <= one.stamp <= low]
        has_fired = False
        for one in due:
            has_fired |= self._fire(one.stamp - 1)
            self._take(one)
        return self._fire(low) or has_fired or bool(due)

    def acknowledge(self, event: Acknowledged) -> bool:
        """Somebody looks after an episode. False if it is none that is open, or was acknowledged before."""
        for episode in self._episodes():
            if episode.episode_id == event.episode_id and not episode.is_acknowledged:
                episode.is_acknowledged = True
                self._tell(episode, "acknowledged", event.occurred_at, episode.for_the_told, actor=event.actor)
                return True
        return False

    def snooze(self, event: Snoozed) -> bool:
        """Nobody is told of a group for a while; a time that has passed ends that. False if it is so already."""
        brand, group_id, until = self._brand, event.group_id, event.until
        if until <= event.occurred_at:
            return brand.snoozed.pop(group_id, None) is not None
        if brand.snoozed.get(group_id) == until:
            return False
        brand.snoozed[group_id] = until
        watch = brand.groups.get(group_id)
        if watch is not None and watch.episode is not None and watch.episode.number:
            at = event.occurred_at
            self._tell(watch.episode, "snoozed", at, watch.episode.for_the_told, actor=event.actor, until=until)
        return True

    # --- time

    def _timers(self) -> Iterator[Timer]:
        brand = self._brand
        deadline = brand.deadline(self._policy)
        if deadline is not None:
            yield deadline, _GATHERED, ""
        for name, source in brand.sources.items():
            if source.due_at >= 0:
                yield source.due_at, _BLIND, name
        for group_id, until in brand.snoozed.items():
            yield until, _SNOOZE, group_id

    def _fire(self, until: int) -> bool:
        has_fired = False
        while (timer := min(self._timers(), default=None)) is not None and timer[0] <= until:
            at, kind, key = timer
            if kind == _GATHERED:
                self._tell_gathered(at)
            elif kind == _BLIND:
                self._tell_blind(self._brand.sources[key], at)
            else:
                self._end_snooze(key, at)
            has_fired = True
        return has_fired

    def _take(self, pending: Pending) -> None:
        signal = pending.signal
        if isinstance(signal, VerdictChanged):
            self._judge(self._brand.groups[signal.group_id], signal, pending.stamp)
        elif isinstance(signal, DropBegun):
            self._begin_drop(self._brand.groups[signal.group_id], signal, pending.stamp)
        elif isinstance(signal, DropOver):
            self._end_drop(self._brand.groups[signal.group_id], signal, pending.stamp)
        elif isinstance(signal, SourceBlind):
            self._go_blind(self._brand.sources[signal.source_name], signal, pending.stamp)
        else:
            self._see_again(self._brand.sources[signal.source_name], signal, pending.stamp)

    # --- groups

    def _judge(self, watch: Watch, signal: VerdictChanged, now: int) -> None:
        verdict, episode = signal.verdict, watch.episode
        if verdict not in ALARMS and verdict not in CALM and verdict != "ended":
            return  # blind, or too young to be judged
        watch.verdict = verdict
        if verdict not in ALARMS:
            if episode is not None and (episode.kind == "dying" or verdict == "ended"):
                self._close(watch, episode, signal, now, "ended" if verdict == "ended" else "recovered")
        elif episode is None:
            self._open(watch, "dying", signal, now)
        elif episode.kind == "drop" or verdict == "dead" != episode.verdict:
            self._worsen(watch, episode, signal, now)

    def _begin_drop(self, watch: Watch, signal: DropBegun, now: int) -> None:
        """Of a group that is dying nobody needs to hear that it says less."""
        if watch.episode is None and watch.verdict != "ended":
            self._open(watch, "drop", signal, now)

    def _end_drop(self, watch: Watch, signal: DropOver, now: int) -> None:
        """What has become a death by then ends as one."""
        if watch.episode is not None and watch.episode.kind == "drop":
            state: AlertState = "recovered" if signal.outcome == "recovered" else "ended"
            self._close(watch, watch.episode, signal, now, state)

    def _is_news(self, at: int, now: int) -> bool:
        return now - at <= self._policy.news_days * DAY_MS

    def _worsen(self, watch: Watch, episode: Episode, signal: VerdictChanged, now: int) -> None:
        """A drop that turns out to be a death is told as one, once, and stays the same episode.

        It waits for others as any death does: what made many groups say less may have killed some or all of them.
        """
        was_drop, episode.kind = episode.kind == "drop", "dying"
        _describe(episode, signal)
        if not episode.number:
            return  # about to be told
        is_news = self._is_news(signal.occurred_at, now)
        if was_drop and is_news:
            cause_id, episode.cause_id, episode.worse_at = episode.cause_id, "", signal.occurred_at
            self._gather(watch, signal.group_id, now)
            self._look_at_cause(cause_id, now)
        else:
            self._tell(episode, "escalated", signal.occurred_at, self._withheld(episode, now, is_news), now)

    def _open(self, watch: Watch, kind: AlertKind, signal: VerdictChanged | DropBegun, now: int) -> None:
        episode = self._episode(kind, signal.group_id, signal.occurred_at)
        _describe(episode, signal)
        watch.episode = episode
        if not self._is_news(signal.occurred_at, now):
            self._tell(episode, "opened", signal.occurred_at, "history", now)
        else:
            self._gather(watch, signal.group_id, now)

    def _gather(self, watch: Watch, group_id: str, now: int) -> None:
        brand = self._brand
        brand.gather_first = min(brand.gather_first, now) if brand.gathering else now
        brand.gather_last = max(brand.gather_last, now) if brand.gathering else now
        brand.gathering.append(group_id)
        watch.entered_at = now

    def _close(
        self, watch: Watch, episode: Episode, signal: VerdictChanged | DropOver, now: int, state: AlertState
    ) -> None:
        watch.episode = None
        if episode.group_id in self._brand.gathering:
            self._brand.gathering.remove(episode.group_id)
        if not episode.number:
            self._tell(episode, "opened", episode.opened_at, "untold", now)
        episode.was, episode.risk, episode.reasons = episode.verdict, signal.risk, signal.reasons
        withheld: Withheld = episode.for_the_told
        if withheld and episode.cause_id:
            withheld = "common_cause"
        self._tell(episode, state, signal.occurred_at, withheld, now, verdict=signal.verdict)
        self._look_at_cause(episode.cause_id, now)

    def _withheld(self, episode: Episode, now: int, is_news: bool) -> Withheld:
        if not is_news:
            return "history"
        if episode.cause_id:
            return "common_cause"
        return "snoozed" if now < self._brand.snoozed.get(episode.group_id, -1) else ""

    def _end_snooze(self, group_id: str, at: int) -> None:
        del self._brand.snoozed[group_id]
        watch = self._brand.groups.get(group_id)
        episode = watch.episode if watch else None
        if episode is not None and episode.number:
            withheld: Withheld = "acknowledged" if episode.is_acknowledged else ""
            self._tell(episode, "resumed", at, "common_cause" if episode.cause_id else withheld)

    # --- many groups at once

    def _tell_gathered(self, now: int) -> None:
        """Tell the alerts that have gathered: as one, if too many groups fell ill within the hour."""
        brand, policy = self._brand, self._policy
        since = now - policy.common_minutes * MINUTE_MS
        ill = sorted(
            key
            for key, watch in brand.groups.items()
            if watch.entered_at >= since and watch.episode is not None and not watch.episode.cause_id
        )
        known = sum(watch.verdict not in ("", "ended") for watch in brand.groups.values())
        running = next((common for common in brand.commons if common.added_at >= since), None)
        gathered, brand.gathering = sorted(brand.gathering), []
        if running is not None:
            running.added_at, running.known_groups = now, known
            self._tell_common(running, "escalated", ill, now)
        elif len(ill) >= policy.common_min_groups and len(ill) > policy.common_share * known:
            opened_at = min(brand.groups[key].entered_at for key in ill)
            running = CommonCause(self._episode("common_cause", ill[0], opened_at), [], now, known)
            brand.commons.append(running)
            self._tell_common(running, "opened", ill, now)
        for group_id in gathered:
            episode = self._group_episode(group_id)
            withheld = self._withheld(episode, now, is_news=True)
            if episode.number:
                self._tell(episode, "escalated", episode.worse_at, withheld, now)
            else:
                self._tell(episode, "opened", episode.opened_at, withheld, now)

    def _tell_common(self, common: CommonCause, state: AlertState, ill: list[str], now: int) -> None:
        """Put those who fell ill under the common cause, those too who were told one by one before."""
        for group_id in ill:
            self._group_episode(group_id).cause_id = common.episode.episode_id
        common.groups = sorted({*common.groups, *ill})
        common.episode.is_mild = all(self._is_drop(group_id) for group_id in common.groups)
        count = len(common.groups)
        numbers = {"groups": float(count), "known": float(common.known_groups)}
        common.episode.reasons = (Reason("common_cause", numbers),)
        self._tell(common.episode, state, common.episode.opened_at if state == "opened" else now, "", now)

    def _is_drop(self, group_id: str) -> bool:
        episode = self._brand.groups[group_id].episode
        return episode is None or episode.kind == "drop"

    def _look_at_cause(self, cause_id: str, now: int) -> None:
        """Say once that a common cause is over. Whoever is still ill then is so alone, and needs no telling twice."""
        common = next((one for one in self._brand.commons if one.episode.episode_id == cause_id), None)
        if common is None:
            return
        groups = self._brand.groups
        episodes = [(key, episode) for key in common.groups if (episode := groups[key].episode) is not None]
        left = [(key, episode) for key, episode in episodes if episode.cause_id == cause_id]
        if len(left) <= self._policy.common_over_share * len(common.groups):
            has_worse = any(one.worse_at >= 0 and one.cause_id != cause_id for _, one in episodes)
            self._tell(common.episode, "ended" if has_worse else "recovered", now, "")
            self._brand.commons.remove(common)
            for key, episode in left:
                groups[key].entered_at, episode.cause_id = -1, ""

    # --- sources

    def _go_blind(self, source: SourceWatch, signal: SourceBlind, now: int) -> None:
        if signal.occurred_at <= source.seen_at:
            return  # told late by a partition that lagged behind; it will see as the others did
        if signal.origin_partition not in source.blind:
            source.blind.append(signal.origin_partition)
        source.complete_at = max(source.complete_at, signal.complete_at)
        if source.episode is None:
            source.episode = self._episode("blind", signal.source_name, signal.occurred_at)
            source.due_at = now + self._policy.gather_minutes * MINUTE_MS

    def _see_again(self, source: SourceWatch, signal: SourceSeen, now: int) -> None:
        """It is seen once no partition misses it; nobody hears of a blindness that was over before it was told."""
        source.blind = [partition for partition in source.blind if partition != signal.origin_partition]
        source.complete_at = max(source.complete_at, signal.complete_at)
        if source.blind or source.episode is None:
            return
        if source.episode.number:
            self._tell(source.episode, "recovered", signal.occurred_at, "", now)
        source.episode, source.due_at, source.seen_at = None, -1, signal.occurred_at

    def _tell_blind(self, source: SourceWatch, at: int) -> None:
        source.due_at = -1
        if source.episode is not None:
            hours = round((at - source.complete_at) / HOUR_MS, 1)
            source.episode.reasons = (Reason("blind", {"hours": hours, "complete_at": float(source.complete_at)}),)
            self._tell(source.episode, "opened", source.episode.opened_at, "", at)

    # --- telling

    def _episodes(self) -> Iterator[Episode]:
        """Every episode that was opened and is not over."""
        brand = self._brand
        found = [watch.episode for watch in brand.groups.values()]
        found += [source.episode for source in brand.sources.values()]
        found += [common.episode for common in brand.commons]
        return (episode for episode in found if episode is not None and episode.number)

    def _group_episode(self, group_id: str) -> Episode:
        episode = self._brand.groups[group_id].episode
        assert episode is not None, group_id  # noqa: S101  who is gathered is ill
        return episode

    def _episode(self, kind: AlertKind, subject: str, at: int) -> Episode:
        """A new episode, its id made of what it is: the same again in a rebuild."""
        episode_id = xxhash.xxh3_64_hexdigest(f"{self._brand_id}\0{kind}\0{subject}\0{at}".encode())
        return Episode(episode_id, kind, subject if kind in {"dying", "drop"} else "", at)

    def _tell(
        self,
        episode: Episode,
        state: AlertState,
        at: int,
        withheld: Withheld,
        told_at: int | None = None,
        **more: Any,
    ) -> None:
        episode.number += 1
        if state in ("opened", "escalated", "resumed"):
            episode.is_told |= not withheld
        alert = GroupAlert(
            alert_id=f"{episode.episode_id}/{episode.number}",
            brand_id=self._brand_id,
            episode_id=episode.episode_id,
            number=episode.number,
            kind=episode.kind,
            state=state,
            severity=episode.severity,
            at=at,
            told_at=at if told_at is None else told_at,
            opened_at=episode.opened_at,
            source_offset=self._offset,
            withheld=withheld,
            group_id=episode.group_id,
            was=episode.was,
            risk=episode.risk,
            model=episode.model,
            reasons=episode.reasons,
            cause_id=episode.cause_id,
            **({"verdict": episode.verdict} | self._of_brand(episode) | more),
        )
        self.told.append(alert)

    def _of_brand(self, episode: Episode) -> dict[str, Any]:
        """What an alert says that is of no single group."""
        for common in self._brand.commons:
            if common.episode is episode:
                listed = tuple(common.groups[: self._policy.groups_listed])
                return {"groups": listed, "group_count": len(common.groups), "known_groups": common.known_groups}
        if episode.kind == "blind":
            return {"source_name": next(k for k, one in self._brand.sources.items() if one.episode is episode)}
        return {}


def _describe(episode: Episode, signal: VerdictChanged | DropBegun) -> None:
    was = signal.was if isinstance(signal, VerdictChanged) else ""
    episode.verdict, episode.was, episode.risk = signal.verdict, was, signal.risk
    episode.model, episode.reasons = signal.model, signal.reasons
