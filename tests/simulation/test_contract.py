"""What the simulation takes for granted of Kafka, held against the real one too."""

from collections.abc import Iterator

import pytest

from tests.simulation.beds import Bed, KafkaBed, MemoryBed


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.integration)])
def bed(request: pytest.FixtureRequest) -> Iterator[Bed]:
    made = MemoryBed() if request.param == "memory" else KafkaBed(request.getfixturevalue("stack"))
    yield made
    made.close()


def test_a_partition_keeps_order_and_counts_offsets_by_itself(bed):
    """Each has a key of its own: Kafka may compact whenever it likes."""
    assert [bed.append(0, b"k%d" % number, b"%d" % number) for number in range(3)] == [0, 1, 2]
    assert bed.append(1, b"k", b"x") == 0
    assert bed.read(0) == [(0, b"k0", b"0"), (1, b"k1", b"1"), (2, b"k2", b"2")]
    assert (bed.end(0), bed.end(1)) == (3, 1)


def test_compaction_keeps_the_last_of_each_key_where_it_was_and_the_newest_record_always(bed):
    for number, key in enumerate([b"a", b"b", b"a", b"b", b"a"]):
        bed.append(0, key, b"%d" % number)
    bed.append(1, b"other", b"0")
    bed.compact(newest=b"a")
    assert bed.read(0) == [(3, b"b", b"3"), (4, b"a", b"4"), (5, b"a", None)]
    assert bed.end(0) == 6
    assert bed.between(0, 2, 5) == [(3, b"b", b"3"), (4, b"a", b"4")]
    assert bed.between(0, 0, 3) == []
    assert bed.between(0, 5, 6) == [(5, b"a", None)]


def test_a_topic_made_again_has_another_id_and_offsets_from_zero(bed):
    before = bed.topic_id()
    bed.append(0, b"k", b"v")
    bed.remake()
    assert bed.topic_id() != before
    assert bed.append(0, b"k", b"w") == 0


def test_a_member_that_comes_takes_over_what_was_not_committed_and_what_was_comes_no_more(bed):
    for number in range(4):
        bed.append(0, b"k%d" % number, b"%d" % number)
    first = bed.member("first")
    first.owns({0, 1})
    assert first.take(0) == [0, 1, 2, 3]
    assert first.commit(0, 3)
    first.leave()
    second = bed.member("second")
    second.owns({0, 1})
    assert second.take(0) == [3]


def test_a_zombie_may_still_write_but_its_commits_are_refused(bed):
    bed.append(0, b"k", b"0")
    zombie = bed.member("zombie")
    zombie.owns({0, 1})
    zombie.freeze()
    heir = bed.member("heir")
    heir.owns({0, 1})
    assert heir.take(0) == [0]
    assert heir.commit(0, 1)
    assert bed.append(0, b"k", b"late") == 1
    assert not zombie.commit(0, 2)
    heir.owns({0, 1})
    assert heir.take(0) == [1]


def test_a_static_member_that_comes_back_has_its_partitions_at_once_and_the_other_of_its_name_is_fenced(bed):
    before = bed.member("worker", is_static=True)
    before.owns({0, 1})
    before.freeze()
    after = bed.member("worker", is_static=True)
    after.owns({0, 1})
    assert after.commit(0, 0)
    assert not before.commit(0, 0)
