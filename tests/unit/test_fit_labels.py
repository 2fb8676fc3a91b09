"""Which weeks are judged, and which of them were followed by silence."""

import csv
import gzip
import json
import random
import sys
from pathlib import Path

import numpy as np
import pytest

from streams.backtest.exclusions import read_exclusions
from streams.fit.labels import origins
from streams.fit.running import Source, observe
from tests.backtesting import bare, write
from tests.fitting import track

KIT = Path(__file__).parents[3] / "shared" / "kit"
STEADY = [1] * 200


def judged(found):
    """Age → (died, target)."""
    return {int(a): (bool(d), float(t)) for a, d, t in zip(found.ages, found.died, found.target, strict=True)}


def test_the_weeks_before_a_silence_are_deaths_as_far_as_the_group_still_talked():
    found = judged(origins(track(STEADY + [0] * 100), {}))
    assert list(found) == list(range(112, 224, 7)), "from 224 on fewer than 5 messages lie in 28 days"
    assert {age: one for age, one in found.items() if age >= 189} == {
        189: (False, 0.0),
        196: (False, 0.5),  # 4 messages are less than a tenth of 56, but not less than a twentieth
        203: (True, 1.0),
        210: (True, 1.0),
        217: (True, 1.0),
    }


@pytest.mark.parametrize(("days", "ages"), [(167, []), (168, [112]), (174, [112]), (175, [112, 119])])
def test_a_week_counts_only_if_the_eight_after_it_are_logged(days, ages):
    assert list(judged(origins(track([1] * days), {}))) == ages


def test_a_group_that_revives_after_eight_weeks_was_dead_all_the_same():
    found = judged(origins(track([1] * 120 + [0] * 60 + [1] * 120), {}))
    assert found[119] == (True, 0.5 + 0.5)
    assert found[112] == (False, 0.0)
    assert 175 not in found, "at no risk while it is silent"
    assert found[203] == (False, 0.0)


@pytest.mark.parametrize(("speakers", "is_judged"), [(1, False), (2, True)])
def test_one_speaker_is_no_group(speakers, is_judged):
    assert bool(len(origins(track(STEADY, speakers=speakers), {}).ages)) == is_judged


@pytest.mark.parametrize(
    ("first", "days", "is_judged"), [(84, 5, True), (84, 6, False), (107, 5, True), (112, 11, True), (112, 12, False)]
)
def test_a_fifth_of_the_days_around_may_be_missing(first, days, is_judged):
    missing = np.zeros(168, bool)
    missing[first : first + days] = True
    by_log = origins(track([1] * 168, is_unlogged=missing), {})
    by_user = origins(track([1] * 168), {"den/*": ((20_000 + first, 20_000 + first + days - 1),)})
    assert (112 in by_log.ages) == (112 in by_user.ages) == is_judged


def test_what_is_usual_is_that_of_the_last_year():
    loud, quiet = [30] * 200, [1] * 400
    found = judged(origins(track(loud + quiet), {}))
    assert found[203] == (True, 1.0), "56 messages are less than a twentieth of 1,656"
    assert found[539] == (False, 0.0)


def made_up(seed, brand, with_joins):
    """Bursts, silences and days on which somebody only joined."""
    chance = random.Random(seed)
    lines = []
    for group in range(6):
        day, name, row = chance.uniform(0, 40), f"{brand}/{group}", 0
        while day < 420:
            row += 1
            kind = "join" if with_joins and chance.random() < 0.1 else "message"
            role = "bot" if chance.random() < 0.05 else "member"
            lines.append((day, bare(day, name, chance.choice("abcd"), row, type=kind, role=role)))
            day += chance.expovariate(1.5) + (chance.uniform(20, 90) if chance.random() < 0.015 else 0)
    return lines


@pytest.mark.skipif(not KIT.exists(), reason="SKIPPED FOR LACK OF DATA: ../shared/kit is not there")
def test_labels_are_those_of_the_benchmark(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(KIT))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    import panel  # noqa: PLC0415  it is there only beside the project

    lines = made_up(1, "club", True) + made_up(2, "inn", False)
    events = write(tmp_path / "in.jsonl.gz", [line for _, line in sorted(lines)])
    excluded = tmp_path / "exclusions.csv"
    first = json.loads(gzip.decompress(events.read_bytes()).splitlines()[0])["occurred_at"] // 86_400_000
    with excluded.open("w", newline="") as file:
        days = [str(np.datetime64(first + day, "D")) for day in (150, 170)]
        csv.writer(file).writerows(
            [("group_id", "from", "to", "reason"), ("inn/2", *days, "x"), ("club/*", days[1], "", "")]
        )
    theirs = {group.gid: group for group in panel.load(events)}
    rules = panel.read_exclusions(excluded)
    tracks, _ = observe(Source(files=(events,), exclusions=None, jobs=1))
    assert {one.group_id for one in tracks} == set(theirs)
    seen = 0
    for one in tracks:
        mine, wanted = origins(one, read_exclusions(excluded)), panel.origins(theirs[one.group_id], rules)
        assert (one.first_day, one.age_days) == (theirs[one.group_id].first, theirs[one.group_id].n)
        assert mine.ages.tolist() == wanted.t.tolist()
        assert mine.died.astype(int).tolist() == wanted.y.tolist()
        seen += int(mine.died.sum())
    assert seen > 5
