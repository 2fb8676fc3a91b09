"""Who watches a group, and how far they have seen: blindness is not silence."""

import msgspec

from streams.vitals.policy import HOUR_MS, Policy
from streams.vitals.state import GroupState


class Source(msgspec.Struct, array_like=True):
    """How far one source is complete. Only a live one can go blind: an import's past has an end.

    `heard_at` is when it last said so. While a backlog of it comes in, it lags behind the clock and is not blind.
    """

    complete_at: int
    is_live: bool = False
    heard_at: int = -1


class PartitionState(msgspec.Struct, array_like=True):
    """What belongs to no group: completeness of the sources and the hour of the last live tick."""

    sources: dict[str, Source] = {}
    hour: int = -1


class View(msgspec.Struct, frozen=True):
    """What a tick knows of a group's sources: it may be judged as of `until`; `blind_since` if nobody watches.

    `is_final`: no source is live and nothing is known of later, so what has come in since can be told in a row of the
    same time, and only there. In the middle of an import the next tick of the import tells it.
    """

    until: int
    complete_at: int | None
    blind_since: int | None
    is_final: bool = False


def watch(state: GroupState, partition: PartitionState, tick: int, policy: Policy, *, is_live: bool) -> View:
    """How far a group may be judged at a tick: as far as the best of its sources is complete.

    A source that never says so is believed to be complete. Blindness is not silence.
    """
    known = [partition.sources[name] for name in state.sources if name in partition.sources]
    if not known or len(known) < len(state.sources):
        return View(tick, None, None)
    complete_at = max(source.complete_at for source in known)
    live = [source for source in known if source.is_live]
    heard_at = max((source.heard_at for source in live), default=-1) if is_live else -1
    blind = bool(live) and tick - max(complete_at, heard_at) > policy.blind_after_hours * HOUR_MS
    is_final = not live and state.last_event_at < complete_at
    return View(min(tick, complete_at), complete_at, complete_at if blind else None, is_final)
