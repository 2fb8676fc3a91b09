"""An event counts once, however its source was cut, ordered, overlapped or sent again."""

from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from streams.events import Recall
from streams.vitals import absorbed
from streams.vitals.absorbed import Absorbed

SEQS = st.lists(st.integers(1, 10_000), min_size=1, max_size=60, unique=True).map(sorted)


def event(seq=None, prev=None, source="irc/raku", event_id=None):
    return Recall(
        event_id=event_id or f"e{seq}", occurred_at=0, brand_id="b", platform="p", group_id="g", target="t",
        source=source, source_seq=seq, source_prev=prev,
    )  # fmt: skip


def export(seqs, start, end):
    """The events of one export file: the first does not know what came before it."""
    cut = seqs[start:end]
    return [event(seq, cut[at - 1] if at else None) for at, seq in enumerate(cut)]


@st.composite
def imports(draw):
    """Overlapping exports of one history in any order, each possibly twice, which together hold all of it."""
    seqs = draw(SEQS)
    cuts = draw(st.lists(st.tuples(st.integers(0, len(seqs)), st.integers(0, len(seqs))), max_size=5))
    exports = [export(seqs, min(cut), max(cut)) for cut in cuts] + [export(seqs, 0, len(seqs))]
    return seqs, draw(st.permutations(exports + draw(st.lists(st.sampled_from(exports), max_size=3))))


@given(imports())
def test_each_seq_counts_once(case):
    seqs, exports = case
    seen = Absorbed()
    counted = [one.source_seq for one_export in exports for one in one_export if seen.absorb(one)]
    assert sorted(counted) == seqs


@given(imports())
def test_what_is_covered_is_one_interval_in_any_order(case):
    seqs, exports = case
    seen = Absorbed()
    for one in (one for one_export in exports for one in one_export):
        seen.absorb(one)
    assert seen.spans["irc/raku"] == [seqs[0] - 1, seqs[-1]]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)).filter(lambda pair: pair[0] < pair[1]), max_size=40))
def test_intervals_are_the_set_they_stand_for(covers):
    seen = Absorbed()
    model: set[int] = set()
    for prev, seq in covers:
        assert seen.cover("s", prev, seq) == (seq not in model)
        model |= set(range(prev + 1, seq + 1))
        spans = seen.spans["s"]
        pairs = list(zip(spans[::2], spans[1::2], strict=True))
        assert {point for lo, hi in pairs for point in range(lo + 1, hi + 1)} == model
        assert all(hi < lo for (_, hi), (lo, _) in pairwise(pairs))


@given(SEQS, st.data())
def test_a_dead_letter_stays_open_for_its_replay(seqs, data):
    lost = data.draw(st.sets(st.sampled_from(seqs)))
    events = export(seqs, 0, len(seqs))
    seen = Absorbed()
    assert all(seen.absorb(one) for one in events if one.source_seq not in lost)
    replay = data.draw(st.permutations([one for one in events if one.source_seq in lost]))
    assert all(seen.absorb(one) for one in replay)
    assert not any(seen.absorb(one) for one in events)


@given(st.lists(st.integers(1, 50), min_size=1), st.integers(0, 50))
def test_derived_events_are_a_high_water_mark(seqs, again):
    """An emitter sends in order and, after a crash, again from some earlier point."""
    seqs = sorted(set(seqs))
    seen = Absorbed()
    sent = seqs + [seq for seq in seqs if seq >= again]
    assert [seq for seq in sent if seen.absorb(event(seq, 0))] == seqs
    assert seen.spans["irc/raku"] == [0, seqs[-1]]


def test_sparse_ids_cost_one_interval():
    seen = Absorbed()
    for day in range(1, 1000):
        assert seen.absorb(event(day * 10**6, (day - 1) * 10**6))
    assert seen.spans["irc/raku"] == [0, 999 * 10**6]


def test_an_event_that_claims_to_precede_itself_covers_only_itself():
    seen = Absorbed()
    assert seen.absorb(event(5, 9))
    assert seen.spans["irc/raku"] == [4, 5]


def test_sources_do_not_meet():
    seen = Absorbed()
    assert seen.absorb(event(5, source="a"))
    assert seen.absorb(event(5, source="b"))


def test_the_oldest_gap_closes_past_the_limit(monkeypatch):
    monkeypatch.setattr(absorbed, "MAX_GAPS", 2)
    seen = Absorbed()
    assert all(seen.absorb(event(seq)) for seq in (10, 20, 30, 40))
    assert seen.spans["irc/raku"] == [9, 20, 29, 30, 39, 40]
    assert not seen.absorb(event(15))
    assert seen.absorb(event(25))
    assert seen.spans["irc/raku"] == [9, 25, 29, 30, 39, 40]


@given(st.lists(st.sampled_from([f"id{n}" for n in range(8)])))
def test_without_an_order_ids_are_known_again(ids):
    seen = Absorbed()
    counted = [one for one in ids if seen.absorb(event(event_id=one))]
    assert counted == list(dict.fromkeys(ids))


def test_ids_are_known_for_the_horizon_and_bounded(monkeypatch):
    monkeypatch.setattr(absorbed, "HORIZON", 4)
    seen = Absorbed()
    for number in range(100):
        assert seen.absorb(event(event_id=f"id{number}"))
        for back in range(min(4, number + 1)):
            assert not seen.absorb(event(event_id=f"id{number - back}"))
        assert len(seen.recent) + len(seen.older) <= 8


@given(imports(), st.lists(st.text(min_size=1), max_size=10))
def test_it_is_stored_and_restored_to_the_same_bytes(case, ids):
    seen = Absorbed()
    for one in [event(event_id=one) for one in ids] + [one for one_export in case[1] for one in one_export]:
        seen.absorb(one)
    stored = msgspec.msgpack.encode(seen)
    restored = msgspec.msgpack.decode(stored, type=Absorbed)
    assert msgspec.msgpack.encode(restored) == stored
    assert restored == seen
