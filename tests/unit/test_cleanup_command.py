"""What `vitals cleanup` writes: a CSV that Excel opens, in which no cell is a formula."""

import csv
import io
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from streams import cleanup_command as cleanup
from streams.cleanup_command import Candidate, as_csv, cleanup_command, write
from streams.errors import VitalsError

AT = datetime(2026, 5, 1, 10, 30, tzinfo=UTC)


def candidate(**changed: Any) -> Candidate:
    known = {
        "member_id": "m_1", "place": 1, "step": "write", "write_on": date(2026, 12, 1), "written_at": None,
        "remove_from": date(2026, 12, 8), "joined_at": AT, "tenure_days": 200, "last_message_at": None,
        "last_claim_at": AT, "probes_ignored": 2, "messages": 3, "active_days_28d": 0, "active_days_90d": 0,
        "active_days": 2, "claims": 1, "orders": 1, "spent": -1250, "currency": "CNY", "listed_since": AT,
        "daily_limit": 2,
    }  # fmt: skip
    return Candidate(**(known | changed))


def rows_of(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff"), "without it Excel reads Chinese as another alphabet"
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_names_survive_and_money_is_in_whole_units() -> None:
    (row,) = rows_of(as_csv([candidate(name="李娜, “茶”")], has_names=True))
    assert (row["name"], row["spent"], row["last_claim_at"]) == ("李娜, “茶”", "-12.50", "2026-05-01 10:30")
    assert row["last_message_at"] == ""


@pytest.mark.parametrize("name", ["=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "\t=1", "\r=1", "＝1"])
def test_no_cell_is_a_formula(name: str) -> None:
    (row,) = rows_of(as_csv([candidate(name=name, member_id=name)], has_names=True))
    for cell in (row["name"], row["member_id"]):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
        assert cell.endswith(name.lstrip("\r")[-1])


def test_without_being_asked_there_are_no_names() -> None:
    assert "name" not in rows_of(as_csv([candidate(name="李娜")], has_names=False))[0]


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(VitalsError, match="cannot be written"):
        write(str(tmp_path / "no" / "such.csv"), "x")


class Fleet:
    def __init__(self, _: object) -> None: ...

    def names(self) -> dict[str, str]:
        return {"acme/wecom/tea": "tea"}


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Candidate]:
    """The list of the only group there is."""
    listed = [candidate(place=n, member_id=f"m_{n}") for n in range(1, 31)]
    monkeypatch.setattr("streams.fleet.Fleet", Fleet)
    monkeypatch.setattr(cleanup, "candidates", lambda *_: listed)
    return listed


@pytest.mark.usefixtures("found")
def test_the_list_says_what_to_do_and_that_nothing_was_done() -> None:
    shown = CliRunner().invoke(cleanup_command, ["tea"]).output
    assert "30 members on the cleanup list" in shown
    assert "m_20" in shown
    assert "m_21" not in shown
    assert "10 more; --limit 30 shows them" in shown
    assert "30 to write" in shown
    assert "Nobody was written to or removed" in shown


@pytest.mark.usefixtures("found")
@pytest.mark.parametrize("where", [[], ["--csv", "tea.csv"]])
def test_in_chinese_no_line_is_english(where: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(cleanup_command, ["tea", "--language", "zh", *where]).output
    assert "写信 30 人；每天最多 2 人" in shown
    assert "没有移出任何人" in shown
    assert set(re.findall(r"[a-z]{3,}", shown)) <= {"acme", "wecom", "tea", "csv", "limit"}


def test_an_empty_list_is_said_in_chinese(found: list[Candidate]) -> None:
    found.clear()
    assert CliRunner().invoke(cleanup_command, ["tea", "--language", "zh"]).output.endswith("没有需要移出的成员。\n")


def test_names_are_asked_of_whom_is_shown_only(found: list[Candidate], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    class Warehouse:
        def __init__(self, *_: object) -> None: ...

        def query(self, _: str, parameters: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
            asked.append(parameters["ids"])
            return [(one, f"name of {one}") for one in parameters["ids"]]

    monkeypatch.setattr("streams.warehouse.Warehouse", Warehouse)
    assert "name of m_3" in CliRunner().invoke(cleanup_command, ["tea", "--names", "--limit", "3"]).output
    assert asked == [("m_1", "m_2", "m_3")]
    many = [candidate(member_id=f"m_{n}") for n in range(12_000)]
    asked.clear()
    assert cleanup.named(cleanup.settings.load(), many)[11_999].name == "name of m_11999"
    assert [len(ids) for ids in asked] == [5000, 5000, 2000]
