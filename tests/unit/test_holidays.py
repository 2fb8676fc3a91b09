"""The calendars: what is shipped, and a user's own."""

from datetime import date
from pathlib import Path

import pytest

from streams import holidays
from streams.errors import VitalsError
from streams.settings import Settings, load
from streams.stack.start import up

EPOCH = date(1970, 1, 1)


def day(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days


def own(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "days.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("zone", "off", "usual"),
    [
        ("Asia/Shanghai", "2025-01-28 2025-02-04 2026-02-14 2026-02-23 2026-10-07 2027-02-06", "2026-02-24 2025-02-07"),
        ("Europe/Berlin", "2024-03-29 2024-04-01 2026-05-14 2026-12-24 2027-10-03", "2026-02-17 2026-05-15"),
        ("America/New_York", "2024-11-28 2026-07-03 2026-07-04 2027-01-18", "2026-05-01 2026-05-14"),
    ],
)
def test_holidays_of_2024_to_2027_are_shipped(zone: str, off: str, usual: str) -> None:
    days = holidays.read().of("any", zone)
    assert days >= {day(one) for one in off.split()}
    assert not days & {day(one) for one in usual.split()}
    assert {(EPOCH.fromordinal(EPOCH.toordinal() + one)).year for one in days} >= {2024, 2025, 2026, 2027}


def test_a_zone_without_a_calendar_has_no_days_off() -> None:
    assert holidays.read().of("any", "Asia/Tokyo") == holidays.read().of("any", "") == frozenset()


def test_a_brand_may_keep_other_calendars_and_days_of_its_own(tmp_path: Path) -> None:
    path = own(
        tmp_path,
        '[calendars.AT]\nzones = ["Europe/Vienna"]\noff = ["2026-10-26"]\n'
        '[zones]\n"Asia/Tokyo" = ["AT", "CN"]\n'
        '[brands.tea]\ncalendars = ["CN"]\noff = ["2026-11-11/2026-11-12"]\n'
        "[brands.all]\ncalendars = []\n",
    )
    read = holidays.read(path)
    assert read.of("any", "Europe/Vienna") == {day("2026-10-26")}
    assert read.of("tea", "Europe/Berlin") >= {day("2026-11-11"), day("2026-11-12"), day("2026-10-01")}
    assert day("2026-12-25") not in read.of("tea", "Europe/Berlin")
    assert read.of("any", "Asia/Tokyo") >= {day("2026-10-26"), day("2026-10-01")}
    assert read.of("all", "Asia/Shanghai") == frozenset()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", "is no calendar"),
        ("[brand.x]\n", "unknown field"),
        ('[brands.tea]\noff = ["11.11.2026"]', "'11.11.2026' is no day, write 2026-10-01"),
        ('[brands.tea]\noff = ["2026-02-30"]', "'2026-02-30' is no day"),
        ('[brands.tea]\noff = ["2026-02-03/2026-02-01"]', "ends before it begins"),
        ('[brands.tea]\noff = ["2026-02-03/2028-02-01"]', "more than a year"),
        ('[brands.tea]\ncalendars = ["FR"]', "no calendar 'FR' for 'tea', known are CN, DE, US"),
        ('[zones]\n"Europe/Nowhere" = ["DE"]', "'Europe/Nowhere' is no time zone"),
    ],
)
def test_what_is_wrong_with_a_calendar_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(VitalsError, match=said) as error:
        holidays.read(own(tmp_path, text))
    assert "\n" not in str(error.value)
    assert "days.toml" in str(error.value)


def test_a_calendar_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, cache=tmp_path, holidays=tmp_path / "none.toml")
    with pytest.raises(VitalsError, match=r"cannot read the calendar .*none\.toml: No such file"):
        up(settings)


def test_a_relative_path_means_the_same_file_wherever_a_part_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load({"VITALS_HOME": "/h", "VITALS_HOLIDAYS": "d.toml"}).holidays == tmp_path / "d.toml"
