from datetime import date, timedelta

import pytest

from streams import fleet
from streams.fleet import LAST_DAYS, Fleet, days_of, match, weeks_of
from streams.fleet_rows import Week
from streams.settings import Settings
from tests.samples import health

LAST = date(2026, 11, 21)
NAMES = {
    "libera/irc/raku": "raku",
    "libera/irc/raku-dev": "raku-dev",
    "acme/wecom/c-17": "宝妈交流群",
    "acme/wecom/c-18": "宝妈交流群",
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("acme/wecom/c-17", ["acme/wecom/c-17"]),
        ("raku", ["libera/irc/raku"]),
        ("RAKU-D", ["libera/irc/raku-dev"]),
        ("c-18", ["acme/wecom/c-18"]),
        ("宝妈", ["acme/wecom/c-17", "acme/wecom/c-18"]),
        ("irc", ["libera/irc/raku", "libera/irc/raku-dev"]),
        ("perl", []),
    ],
)
def test_what_a_part_of_a_name_can_mean(text, found):
    assert match(NAMES, text) == found


def day(back, messages=1, speakers=2):
    return (LAST - timedelta(days=back), messages, speakers)


def test_weeks_count_back_from_the_last_day():
    days = [day(back, messages=back, speakers=back) for back in range(14)]
    first, second = LAST - timedelta(days=13), LAST - timedelta(days=6)
    assert weeks_of(days) == [Week(first, sum(range(7, 14)), 7), Week(second, sum(range(7)), 0)]


def test_the_latest_days_end_with_the_last_and_a_missing_one_is_zero():
    assert days_of([day(0, 3), day(2, 5)]) == [5, 0, 3]
    assert days_of([day(back, back) for back in range(60)]) == list(reversed(range(LAST_DAYS)))
    assert days_of([]) == []


def test_days_left_over_are_dropped_but_a_first_week_is_shown():
    assert len(weeks_of([day(back) for back in range(13)])) == 1
    assert weeks_of([day(0), day(1)]) == [Week(LAST - timedelta(days=6), 2, 2)]
    assert weeks_of([]) == []


def test_a_missing_day_is_zero_and_a_year_is_52_weeks():
    assert weeks_of([day(0), day(7), day(13)])[0] == Week(LAST - timedelta(days=13), 2, 2)
    assert len(weeks_of([day(back) for back in range(400)])) == 52


class Answers:
    """A warehouse that gives the same rows to every question."""

    def __init__(self, rows):
        self.rows = rows

    def query(self, sql, parameters=None):
        return self.rows


@pytest.fixture
def told(tmp_path):
    def told(*groups):
        asked = Fleet(Settings(home=tmp_path, cache=tmp_path))
        asked._warehouse = Answers(
            [tuple(getattr(group, field) for field in group.__struct_fields__) for group in groups]
        )
        return asked

    return told


def test_worst_first(told):
    groups = [
        health(group_id="4", verdict="dead", risk=0.7, silent_hours=1),
        health(group_id="3", verdict="dead", risk=0.7, silent_hours=2),
        health(group_id="7", verdict="healthy", risk=0.01),
        health(group_id="1", verdict="dying", risk=0.3),
        health(group_id="0", verdict="dying", risk=0.4),
        health(group_id="2", verdict="fading", risk=0.9),
        health(group_id="5", verdict="stale", risk=0.9),
        health(group_id="6", verdict="revived", risk=0.9),
    ]
    assert "".join(group.group_id for group in told(*groups).ranking()) == "01234567"


def test_of_some_brands_and_platforms(told):
    asked = told(
        health(brand_id="a", platform="x"), health(brand_id="b", platform="x"), health(brand_id="a", platform="y")
    )
    assert len(asked.ranking()) == 3
    assert [group.platform for group in asked.ranking(brands=["a"])] == ["x", "y"]
    assert [group.brand_id for group in asked.ranking(brands=["a", "b"], platforms=["x"])] == ["a", "b"]


def test_every_verdict_has_a_place():
    assert sorted(fleet.ORDER) == sorted(fleet.VERDICT_WORDS)
