"""What the risk sees, against its definitions worked out from plain lists of days."""

import random
from itertools import pairwise
from math import log
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.vitals.engagement import windows
from streams.vitals.features import FEATURES, features
from streams.vitals.panes import DayPane, add_message
from streams.vitals.policy import DAY_MS
from streams.vitals.state import GroupState
from streams.vitals.year import Year

FIRST = 19_800
Days = list[dict[int, int]]
"""Messages by member number, of each day of a group's life."""


def group(days: Days) -> GroupState:
    state = GroupState("acme/irc/tea", "acme", "irc", first_message_at=FIRST * DAY_MS)
    for day, spoke in enumerate(days, FIRST):
        pane = state.panes[day] = DayPane()
        for member, count in spoke.items():
            for _ in range(count):
                add_message(pane, member, 0, 20)
    return state


def seen_by_the_risk(state: GroupState, days: int) -> dict[str, float | None]:
    last = FIRST + days - 1
    year = Year(state.panes, last, FIRST, ())
    return dict(zip(FEATURES, features(year, year.weeks(), state, windows(state, (last + 1) * DAY_MS)), strict=True))


def by_definition(days: Days) -> dict[str, float | None]:
    year = days[-364:]
    n, messages, speakers = len(year), [sum(day.values()) for day in year], [len(day) for day in year]
    blocks = [slice(max(end - 7, 0), end) for end in range(n, 0, -7)]
    weeks, speaker_weeks = [sum(messages[block]) for block in blocks], [sum(speakers[block]) for block in blocks]
    at_death = 0.05 * 56 * sum(messages) / n + 1
    rate = {w: log(56 * (sum(messages[-w:]) + 1) / min(w, n) / at_death) for w in (7, 14, 56)}
    eight_weeks = 56 * sum(messages[-56:]) / min(56, n)
    active = [index for index, count in enumerate(messages) if count]
    silent = n - 1 - active[-1]
    pauses = [b - a for a, b in pairwise(active)]
    return {
        "rate_7d": rate[7],
        "rate_14d": rate[14],
        "rate_56d": rate[56],
        "trend": log(1 + sum(messages[-28:]) / min(28, n)) - log(1 + sum(messages) / n),
        "typical_rate": n / 364 * log((eight_weeks + 0.5) / (8 * median(weeks) + 0.5)),
        "top_weeks_share": sum(sorted(weeks)[-8:]) / sum(messages),
        "top_speaker_week_share": max(speaker_weeks) / sum(speakers),
        "top_speaker_day_share": max(speakers) / sum(speakers),
        "weeks_spoken_share": sum(week > 0 for week in weeks[:8]) / len(weeks[:8]),
        "active_days_28d": float(sum(count > 0 for count in messages[-28:])),
        "pause_rank": sum(p <= silent for p in pauses) / len(pauses) if pauses and silent else float(silent > 0),
        "speakers_56d": log(1 + len(set[int]().union(*year[-56:]))),
        "net_loss_share": None,
        "muted_share": None,
    }


@given(st.integers(0, 2**32), st.one_of(st.integers(1, 80), st.integers(340, 480)))
@settings(max_examples=60, deadline=None)
def test_features_are_their_definitions(seed: int, count: int) -> None:
    chance = random.Random(seed)
    share = chance.random()
    days: Days = [
        {member: chance.randint(1, 5) for member in range(9) if chance.random() < 0.3}
        if chance.random() < share
        else {}
        for _ in range(count - 1)
    ]
    days.insert(max(0, len(days) - chance.randrange(100)), {1: 2})
    found, wanted = seen_by_the_risk(group(days), count), by_definition(days)
    assert found == {name: value if value is None else pytest.approx(value) for name, value in wanted.items()}


def test_who_left_and_who_muted_is_known_with_a_full_list_only() -> None:
    state = group([{1: 1}] * 40)
    state.panes[FIRST + 30].left, state.panes[FIRST + 30].joins = 7, 2
    state.ledger.members, state.muted = 15, 3
    known = seen_by_the_risk(state, 40)
    assert (known["net_loss_share"], known["muted_share"]) == (None, None)
    state.has_roster = True
    known = seen_by_the_risk(state, 40)
    assert (known["net_loss_share"], known["muted_share"]) == (5 / 20, 3 / 15)
    state.panes[FIRST + 30].joins = 9
    assert seen_by_the_risk(state, 40)["net_loss_share"] == 0.0
