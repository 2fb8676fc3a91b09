"""`vitals report` as a command: what is written where, and what it says when there is nothing to write."""

from datetime import UTC, date, datetime
from typing import ClassVar

import pytest

from streams import cli
from streams.report import archive as archive_module
from streams.report.command import LONGEST_NAME, file_name
from streams.warehouse import WarehouseAwayError
from tests.reports import MIDNIGHT, WEEK, facts

NOW = {"acme": MIDNIGHT, "new": None, "acme-b": MIDNIGHT}


class Shelf:
    """An archive of brands that have nothing but days."""

    asked: ClassVar[list] = []
    known = NOW

    def __init__(self, _settings):
        pass

    def brands(self):
        return self.known

    def days(self, _brand):
        return date(2026, 9, 1), date(2026, 11, 22)

    def facts(self, brand, period):
        self.asked.append((brand, period))
        return facts(brand=brand, period=period)


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(archive_module, "Archive", Shelf)
    monkeypatch.setattr(Shelf, "asked", [])
    monkeypatch.setattr(Shelf, "known", NOW)

    def run(*args):
        code = cli.run(["report", "--out", str(tmp_path / "out"), *args])
        return (code, *capsys.readouterr())

    return run


def names(tmp_path):
    return sorted(path.name for path in (tmp_path / "out").iterdir())


def test_a_page_per_brand_and_language_and_nothing_beside_them(run, tmp_path):
    code, out, err = run("--all-brands", "--language", "both")
    assert (code, err) == (0, "")
    pages = [f"{brand}-2026-W47.{language}.html" for brand in ("acme", "acme-b") for language in ("en", "zh")]
    assert names(tmp_path) == sorted(pages)
    assert (
        out.splitlines()[2]
        == "left out: new has groups, but none was judged yet: `vitals wait` until the agents have caught up"
    )
    assert len(Shelf.asked) == 2, "both languages are written from the same facts"


def test_again_it_writes_the_same_in_place(run, tmp_path):
    run("--brand", "acme")
    [path] = (tmp_path / "out").iterdir()
    before = path.read_bytes()
    path.write_bytes(b"half a pa")
    assert run("--brand", "acme", "--brand", "acme")[0] == 0
    assert path.read_bytes() == before
    assert names(tmp_path) == ["acme-2026-W47.en.html"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "give either --brand or --all-brands (see `vitals report --help`)"),
        (("--brand", "acme", "--all-brands"), "give either --brand or --all-brands (see `vitals report --help`)"),
        (("--brand", "acme", "--week", "2026-W47", "--until", "2026-11-22"),
         "give either --week or --until (see `vitals report --help`)"),
        (("--brand", "acme", "--week", "47"),
         "'47' is no week: give one as 2026-W47, or a last day with --until 2026-11-22"),
        (("--brand", "acne"), "no brand 'acne': known are acme, new, acme-b"),
        (("--brand", "new"), "new has groups, but none was judged yet: `vitals wait` until the agents have caught up"),
        (("--brand", "acme", "--week", "2026-W36"), None),
        (("--brand", "acme", "--week", "2026-W35"),
         "no data of acme for 2026-08-24 to 2026-08-30: it has days from 2026-09-01 to 2026-11-22"),
        (("--brand", "acme", "--until", "2026-09-01"), None),
        (("--brand", "acme", "--until", "2026-11-28"), None),
        (("--brand", "acme", "--until", "2026-11-29"),
         "no data of acme for 2026-11-23 to 2026-11-29: it has days from 2026-09-01 to 2026-11-22"),
        (("--all-brands", "--week", "2020-W01"), "no page was written: no brand has data of that time"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_line(run, tmp_path, args, said):
    code, _, err = run(*args)
    assert err == (f"vitals: {said}\n" if said else "")
    assert (code != 0, (tmp_path / "out").exists()) == (bool(said), not said)


def test_nobody_is_known(run, monkeypatch):
    monkeypatch.setattr(Shelf, "known", {})
    assert run("--all-brands")[2].startswith("vitals: no brand is known yet: `vitals import` reads chat logs")


def test_many_brands_are_not_all_named(run, monkeypatch):
    monkeypatch.setattr(Shelf, "known", {f"b{number}": MIDNIGHT for number in range(30)})
    assert run("--brand", "xyz")[2] == "vitals: no brand 'xyz': known are b0, b1, b2, b3, b4, b5, b6, b7 and 22 more\n"


def test_a_young_brand_is_told_of_its_first_days(run, monkeypatch, tmp_path):
    monkeypatch.setattr(Shelf, "days", lambda *_: (date(2026, 11, 16), date(2026, 11, 18)))
    monkeypatch.setattr(Shelf, "known", {"acme": datetime(2026, 11, 19, 8, tzinfo=UTC)})
    assert run("--brand", "acme")[0] == 0
    assert names(tmp_path) == ["acme-2026-11-18.en.html"]


def test_clickhouse_that_goes_away_leaves_no_half_of_a_page(run, monkeypatch, tmp_path):
    def away(*_):
        raise WarehouseAwayError("ClickHouse at 127.0.0.1:9 does not answer (refused), see `vitals status`")

    monkeypatch.setattr(Shelf, "facts", away)
    assert run("--brand", "acme")[:2] == (1, "")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_one_line(run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "acme-2026-W47.en.html").mkdir()
    code, _, err = run("--brand", "acme")
    assert code == 1
    assert err == f"vitals: cannot write {tmp_path / 'out' / 'acme-2026-W47.en.html'}: Is a directory\n"
    assert names(tmp_path) == ["acme-2026-W47.en.html"]


@pytest.mark.parametrize(
    ("brand", "name"),
    [
        ("acme", "acme-2026-W47.en.html"),
        ("小麦", "小麦-2026-W47.en.html"),
        ("../etc", "%2E.%2Fetc-2026-W47.en.html"),
        ("a b:c", "a%20b%3Ac-2026-W47.en.html"),
        ("", "-2026-W47.en.html"),
    ],
)
def test_a_brand_is_a_safe_file_name(brand, name):
    assert file_name(brand, WEEK, "en") == name


def test_long_brands_are_cut_and_stay_apart():
    one, other = (file_name("長" * 200 + end, WEEK, "en") for end in "ab")
    assert one != other
    assert len(one.encode()) <= LONGEST_NAME + len("-2026-W47.en.html")
