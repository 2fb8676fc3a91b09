"""Which alerts a route gets, and when: brands, both edges of its quiet hours, what a night makes needless."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from streams.notify.routes import Due, Route, Waiting, due
from tests.notifying import ACKNOWLEDGED, BLIND, OPENED, RECOVERED, alert

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE, HOUR = 60_000, 3_600_000


def local(text, fold=0):
    """ms UTC of a time in Berlin; `fold` 1 is the second time that an hour comes."""
    return round(datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).timestamp() * 1000)


def night(quiet=(22 * 60, 8 * 60), **changed):
    return Route(**({"name": "n", "quiet": quiet, "zone": BERLIN} | changed))


# --- brands


@pytest.mark.parametrize(
    ("brands", "taken"),
    [(("*",), ["acme", "acme-lab", "tea"]), (("acme*",), ["acme", "acme-lab"]), (("acme",), ["acme"]),
     (("*", "!acme*"), ["tea"]), (("!acme-lab", "acme*"), ["acme"]), (("te?",), ["tea"]), (("ACME",), [])],
)  # fmt: skip
def test_a_route_takes_its_brands(brands, taken):
    route = Route(name="r", brands=brands)
    assert [brand for brand in ("acme", "acme-lab", "tea") if route.takes(alert(brand_id=brand))] == taken


# --- the edges


@pytest.mark.parametrize(
    ("quiet", "minute", "is_quiet"),
    [((1320, 480), 1319, False), ((1320, 480), 1320, True), ((1320, 480), 0, True), ((1320, 480), 479, True),
     ((1320, 480), 480, False), ((60, 120), 59, False), ((60, 120), 60, True), ((60, 120), 119, True),
     ((60, 120), 120, False), (None, 60, False)],
)  # fmt: skip
def test_quiet_hours_begin_and_end_at_their_minute(quiet, minute, is_quiet):
    at = local("2026-01-15T00:00") + minute * MINUTE
    for ms in (0, MINUTE - 1):
        assert night(quiet).is_quiet_at(at + ms) == is_quiet


@pytest.mark.parametrize(("evening", "hours"), [("2026-03-28", 9), ("2026-10-24", 11), ("2026-06-01", 10)])
def test_a_night_ends_by_the_clock_on_the_wall_also_when_that_is_put(evening, hours):
    begin, route = local(f"{evening}T22:00"), night()
    assert not route.is_quiet_at(begin - 1)
    assert route.is_quiet_at(begin)
    assert route.loud_from(begin) == begin + hours * HOUR
    assert route.is_quiet_at(begin + hours * HOUR - 1)
    morning = datetime.fromisoformat(f"{evening}T08:00") + timedelta(days=1)
    assert begin + hours * HOUR == local(morning.isoformat())


def test_quiet_hours_that_end_in_the_hour_that_is_left_out_end_with_it():
    route = night((22 * 60, 2 * 60 + 30))
    at = local("2026-03-29T01:59")
    assert route.is_quiet_at(at)
    assert route.loud_from(at) == at + MINUTE == local("2026-03-29T03:00")


def test_quiet_hours_in_the_hour_that_comes_twice_are_quiet_twice():
    route = night((22 * 60, 2 * 60 + 30))
    first, second = (local("2026-10-25T02:30", fold) for fold in (0, 1))
    assert second == first + HOUR
    assert [route.is_quiet_at(first + ms) for ms in (-1, 0)] == [True, False]
    assert [route.is_quiet_at(second + ms) for ms in (-HOUR // 2 - 1, -HOUR // 2, -1, 0)] == [False, True, True, False]


def test_without_quiet_hours_every_time_is_loud():
    assert Route(name="r").loud_from(12_345) == 12_345


# --- what rings in them

AT_NIGHT, MORNING = local("2026-01-15T23:00"), local("2026-01-16T08:00")
DEAD = alert(number=2, state="escalated", severity="critical", verdict="dead")
COMMON = alert("c" * 16, kind="common_cause", severity="critical", group_id="")


@pytest.mark.parametrize(
    ("through", "told"),
    [(("critical",), [DEAD, BLIND, COMMON]), (("blind", "common_cause"), [BLIND, COMMON]), (("blind",), [BLIND]),
     (("dying",), [alert("d" * 16), DEAD]), ((), []),
     (("warning", "critical"), [alert("d" * 16), DEAD, BLIND, COMMON])],
)  # fmt: skip
def test_only_what_is_let_through_rings_at_night(through, told):
    every = [alert("d" * 16, group_id="acme/other"), DEAD, BLIND, COMMON]
    found = due(night(through_quiet=through), waiting(*every), AT_NIGHT, nothing_told)
    assert found == Due(tuple(one.alert_id for one in told))


def test_a_blind_source_rings_at_night_and_a_dead_group_waits():
    assert due(night(), waiting(OPENED, DEAD, BLIND, COMMON), AT_NIGHT, nothing_told) == Due((BLIND.alert_id,))


# --- what is left of the night


def waiting(*alerts, came_at=AT_NIGHT):
    return [Waiting(one, came_at) for one in alerts]


def nothing_told(_alert):
    return False


def morning(*alerts, came_at=AT_NIGHT, was_told=nothing_told, **changed):
    """(told, spared) when the quiet hours are over."""
    found = due(night(**changed), waiting(*alerts, came_at=came_at), MORNING, was_told)
    return [[int(one.rpartition("/")[2]) for one in ids] for ids in (found.tell, found.spare)]


def test_what_was_held_back_is_told_once_as_it_stands():
    assert morning(OPENED) == [[1], []]
    assert morning(OPENED, ACKNOWLEDGED) == [[2], [1]]
    assert morning(OPENED, DEAD, through_quiet=()) == [[2], [1]]


def test_what_is_over_and_was_never_told_is_not_told_at_all():
    assert morning(OPENED, RECOVERED) == [[], [1, 3]]
    assert morning(OPENED, alert(number=2, state="ended")) == [[], [1, 2]]


def test_the_end_of_what_was_told_before_the_night_is_told():
    assert morning(RECOVERED, was_told=lambda one: one.number > 1) == [[3], []]
    assert morning(DEAD, RECOVERED, was_told=lambda one: one.number > 1, through_quiet=()) == [[3], [2]]


def test_what_waits_for_another_reason_is_told_one_by_one():
    before, after = local("2026-01-15T21:59"), MORNING
    assert morning(OPENED, RECOVERED, came_at=before) == [[1, 3], []]
    assert morning(OPENED, RECOVERED, came_at=after) == [[1, 3], []]
    assert morning(OPENED, RECOVERED, came_at=-1) == [[1, 3], []]
    assert morning(OPENED, DEAD, through_quiet=("critical",)) == [[1, 2], []]  # it rang, and the channel was down


def test_episodes_do_not_mix():
    other = alert("e" * 16, group_id="acme/other")
    found = due(night(), waiting(OPENED, other, RECOVERED), MORNING, nothing_told)
    assert found == Due((other.alert_id,), (OPENED.alert_id, RECOVERED.alert_id))
