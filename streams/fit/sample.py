"""The origins of all groups beside each other: what is fitted and scored."""

from collections.abc import Sequence

import msgspec
import numpy as np

from streams.backtest.exclusions import Exclusions
from streams.errors import VitalsError
from streams.fit.labels import Origins, origins
from streams.fit.tracks import Bools, Floats, Ints, Track

MIN_DEATHS = 10
"""So many groups must have died at least once before anything can be learnt from it."""


class Sample(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """n origins of the groups `tracks` (only those that have one), in their order."""

    tracks: tuple[Track, ...]
    labels: tuple[Origins, ...]
    communities: tuple[str, ...]
    group: Ints
    """Index into `tracks`."""
    community: Ints
    """Index into `communities`."""
    age: Ints
    """Whole days since the first member message."""
    speakers_28d: Ints
    features: Floats
    died: Bools
    target: Floats

    def part(self, chosen: Bools) -> "Sample":
        """Some of the origins; groups and communities keep their numbers."""
        arrays = ("group", "community", "age", "speakers_28d", "features", "died", "target")
        return msgspec.structs.replace(self, **{name: getattr(self, name)[chosen] for name in arrays})


def sample_of(tracks: Sequence[Track], exclusions: Exclusions) -> Sample:
    """All origins of some groups. Raises VitalsError where too few groups died to learn from."""
    found = [(track, judged) for track in tracks if len((judged := origins(track, exclusions)).ages)]
    dead = sum(bool(judged.died.any()) for _, judged in found)
    if dead < MIN_DEATHS:
        raise VitalsError(
            f"{dead} of {len(found)} groups with a history that can be judged fell silent: a model needs {MIN_DEATHS}; "
            "the shipped one stays in use"
        )
    communities = tuple(sorted({track.community for track, _ in found}))
    sizes = [len(judged.ages) for _, judged in found]
    return Sample(
        tracks=tuple(track for track, _ in found),
        labels=tuple(judged for _, judged in found),
        communities=communities,
        group=np.repeat(np.arange(len(found)), sizes),
        community=np.repeat([communities.index(track.community) for track, _ in found], sizes),
        age=np.concatenate([judged.ages for _, judged in found]),
        speakers_28d=np.concatenate([track.speakers_28d[judged.ages - 1] for track, judged in found]),
        features=np.concatenate([track.features[judged.ages - 1] for track, judged in found]),
        died=np.concatenate([judged.died for _, judged in found]),
        target=np.concatenate([judged.target for _, judged in found]),
    )
