"""What the tests of the fit share: groups made up day by day."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from streams.fit.sample import Sample
from streams.fit.tracks import Track
from streams.vitals.features import FEATURES
from tests.backtesting import bare, write


def track(messages: Sequence[int], group_id: str = "den/talk", speakers: int = 3, **changed: object) -> Track:
    """A group with so many messages a day. All other arrays are what nobody has said otherwise about."""
    days = len(messages)
    given = {
        "group_id": group_id,
        "community": group_id.split("/", maxsplit=1)[0],
        "first_day": 20_000,
        "messages": np.array(messages, np.int64),
        "speakers_28d": np.full(days, speakers),
        "silent_days": np.zeros(days, np.int64),
        "longest_silence": np.full(days, -1),
        "features": np.zeros((days, len(FEATURES))),
        "is_unlogged": np.zeros(days, bool),
        "is_watched": np.ones(days, bool),
    }
    return Track(**(given | changed))


def sample(features: np.ndarray, died: np.ndarray, community: np.ndarray | None = None) -> Sample:
    """Origins with these features; each is a group of its own."""
    count = len(died)
    community = np.zeros(count, np.int64) if community is None else community
    names = tuple(f"c{number}" for number in range(int(community.max()) + 1))
    return Sample(
        tracks=tuple(track([1], f"{names[community[number]]}/{number}") for number in range(count)),
        labels=(),
        communities=names,
        group=np.arange(count),
        community=community,
        age=np.full(count, 200),
        speakers_28d=np.full(count, 9),
        features=features,
        died=died,
        target=died.astype(float),
    )


def fleet(path: Path, seed: int, brands: dict[str, tuple[int, float]], days: int = 300) -> Path:
    """Groups of some brands that fade and fall silent, or do not. brand → (how many groups, which share dies)."""
    chance = random.Random(seed)
    lines: list[tuple[float, bytes]] = []
    for brand, (groups, share) in brands.items():
        for number in range(groups):
            end = chance.uniform(150, 230) if number < share * groups else days
            lines += _talk(chance, f"{brand}/{number:02}", end, days)
        lines.append((days - 0.1, bare(days - 0.1, f"{brand}/zz", "ann", days)))
    return write(path, [line for _, line in sorted(lines)])


def _talk(chance: random.Random, group: str, end: float, days: int) -> list[tuple[float, bytes]]:
    rate: Callable[[int], float] = lambda day: 0.9 if day < end - 40 else 0.3  # noqa: E731
    said = []
    for day in range(days):
        if day < end and chance.random() < rate(day):
            said += [day + chance.random() * 0.99 for _ in range(chance.randint(1, 4))]
    return [(at, bare(at, group, chance.choice("abcdef"), row)) for row, at in enumerate(sorted(said), 1)]
