import asyncio
from types import SimpleNamespace

import pytest
from faust.types import TP

from streams.changelog import PartitionStore
from streams.flush_needs import Record


def store() -> PartitionStore:
    table = SimpleNamespace(name="state", changelog_topic=SimpleNamespace(get_topic_name=lambda: "changelog"))
    return PartitionStore("memory://", SimpleNamespace(), table)


CHANGELOG = TP("changelog", 0)


def chunk(base: int, records: dict[int, tuple[bytes, bytes | None]], *, is_first: bool = False) -> SimpleNamespace:
    made = [SimpleNamespace(offset=at, key=key, value=value) for at, (key, value) in records.items()]
    return SimpleNamespace(tp=CHANGELOG, base=base, end=made[-1].offset + 1, records=made, is_first=is_first)


def test_recovered_records_are_applied_in_order_and_deletions_delete():
    kept = store()
    assert kept.absorb(chunk(0, {0: (b"a", b"1"), 1: (b"b", b"2"), 5: (b"a", None)}))
    assert kept.of(0) == {b"b": b"2"}
    assert kept.persisted_offset(CHANGELOG) == 5


def test_of_an_unknown_partition_nothing_is_known_and_never_none():
    assert store().persisted_offset(CHANGELOG) == -1


def test_offsets_that_compaction_removed_are_no_hole():
    kept = store()
    assert kept.absorb(chunk(0, {7: (b"a", b"1"), 12: (b"b", b"2")}))
    assert kept.absorb(chunk(13, {40: (b"c", b"3")}))
    assert kept.whole == {0: 40}
    assert kept.holes == 0


def test_a_chunk_after_a_hole_is_refused_and_nothing_of_it_applied():
    kept = store()
    kept.absorb(chunk(0, {3: (b"a", b"1")}))
    assert not kept.absorb(chunk(6, {6: (b"a", b"2")}))
    assert (kept.of(0), kept.whole, kept.holes) == ({b"a": b"1"}, {0: 3}, 1)


def test_the_first_chunk_may_begin_where_retention_left_off():
    kept = store()
    assert kept.absorb(chunk(50, {51: (b"a", b"1")}, is_first=True))
    assert kept.whole == {0: 51}


@pytest.mark.parametrize(("offset", "whole"), [(4, 4), (5, 3)])
def test_our_own_write_makes_it_whole_only_if_nobody_elses_lies_between(offset, whole):
    kept = store()
    kept.absorb(chunk(0, {3: (b"a", b"1")}))
    kept.wrote(0, b"b", b"2", offset)
    assert kept.of(0) == {b"a": b"1", b"b": b"2"}
    assert kept.persisted_offset(CHANGELOG) == whole


def test_what_others_write_once_it_is_taken_up_is_a_gap_that_is_told_once():
    kept = store()
    kept.absorb(chunk(0, {3: (b"a", b"1")}))
    assert kept.load(0) == {b"a": b"1"}
    for offset in (4, 7, 8, 10):
        kept.wrote(0, b"b", b"2", offset)
    assert kept.take_gaps(0) == [(5, 7), (9, 10)]
    assert kept.take_gaps(0) == []
    kept.saw(Record(0, b"late", b"3"))
    assert kept.of(0)[b"late"] == b"3"


def test_a_gap_is_also_what_recovery_brought_after_it_was_taken_up():
    kept = store()
    kept.absorb(chunk(0, {3: (b"a", b"1")}))
    kept.load(0)
    kept.absorb(chunk(4, {4: (b"late", b"3")}))
    kept.wrote(0, b"b", b"2", 5)
    assert kept.take_gaps(0) == [(4, 5)]


def test_taken_up_again_it_has_no_gap():
    kept = store()
    kept.absorb(chunk(0, {3: (b"a", b"1")}))
    kept.load(0)
    kept.wrote(0, b"b", b"2", 7)
    kept.absorb(chunk(4, {5: (b"late", b"3"), 7: (b"b", b"2")}))
    kept.load(0)
    kept.wrote(0, b"b", b"4", 8)
    assert kept.take_gaps(0) == []


def test_partitions_that_went_are_forgotten():
    kept = store()
    for partition in (0, 1, 2):
        kept.wrote(partition, b"a", b"1", 0)

    asyncio.run(kept.on_rebalance({TP("changelog", 1), TP("events", 2)}, set(), set()))
    assert set(kept.records) == set(kept.whole) == {1}


def test_only_the_flush_may_write():
    with pytest.raises(RuntimeError):
        store()[b"a"] = b"1"
    with pytest.raises(RuntimeError):
        del store()[b"a"]
