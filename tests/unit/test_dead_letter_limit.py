from streams.dead_letter_limit import Limit


def paused_after(offsets: list[int], since: int = 0) -> int | None:
    limit = Limit(since=since)
    return next((offset for offset in offsets if limit.refused(offset)), None)


def test_a_hundred_in_a_row_pause_and_ninety_nine_do_not():
    assert paused_after(list(range(5, 105))) == 104
    assert paused_after([*range(5, 104), *range(105, 204)]) is None


def test_more_than_one_percent_of_the_last_thousand_pause():
    assert paused_after([5000 + 99 * n for n in range(11)]) == 5990
    assert paused_after([5000 + 100 * n for n in range(30)]) is None


def test_the_rate_counts_only_after_a_thousand_records():
    scattered = list(range(0, 900, 2))
    assert paused_after(scattered) is None
    assert paused_after(scattered, since=-2000) is not None


def test_it_stands_at_the_record_after_the_last_refused_one_until_accepted():
    limit = Limit()
    for offset in range(100):
        limit.refused(offset)
    assert limit.paused_at == 100
    limit.accept(100)
    assert limit == Limit(since=100)
    assert not any(limit.refused(offset) for offset in range(100, 199))


def test_a_copy_does_not_change_with_what_comes():
    limit = Limit()
    limit.refused(1)
    before = limit.copy()
    limit.refused(2)
    assert before == Limit(recent=[1], row=1)
