"""The forms of an answer: table, JSON, CSV."""

import io
import json
from datetime import UTC, datetime

import pytest

from streams.sql_command import SHOWN_ROWS, write_csv, write_json, write_table
from streams.warehouse import Answer

COLUMNS = [("name", "String"), ("n", "Nullable(UInt32)"), ("at", "DateTime64(3, 'UTC')"), ("tags", "Array(String)")]
AT = datetime(2026, 3, 1, 10, 0, 0, 5000, tzinfo=UTC)
ROWS = [("红包群", 7, AT, ["a", "b"]), ("x", None, AT, [])]


def written(write, rows=ROWS, columns=COLUMNS):
    out = io.StringIO()
    write(Answer(columns, iter(rows)), out)
    return out.getvalue()


def test_json_is_one_array_of_objects():
    first, second = json.loads(written(write_json))
    assert first == {"name": "红包群", "n": 7, "at": "2026-03-01T10:00:00.005+00:00", "tags": ["a", "b"]}
    assert second["n"] is None


def test_json_of_no_rows_and_of_what_json_lacks():
    assert json.loads(written(write_json, rows=[])) == []
    assert json.loads(written(write_json, [(float("nan"),)], [("x", "Float64")])) == [{"x": None}]


def test_csv_quotes_and_leaves_null_empty():
    assert written(write_csv).splitlines() == [
        "name,n,at,tags",
        '红包群,7,2026-03-01T10:00:00.005+00:00,"[""a"", ""b""]"',
        "x,,2026-03-01T10:00:00.005+00:00,[]",
    ]


def test_table_lines_up_wide_characters_and_numbers():
    lines = written(write_table, [("红包", 7), ("abcdef", 1234)], COLUMNS[:2]).splitlines()
    assert [line.rstrip() for line in lines] == ["name       n", "红包       7", "abcdef  1234"]


def test_table_is_not_cut_in_a_pipe_and_cannot_move_the_cursor():
    (_, line) = written(write_table, [("a" * 500 + "\x1b[2J\nb", 1)], COLUMNS[:2]).splitlines()
    assert "a" * 500 + " [2J b" in line


def test_table_says_that_it_shows_only_the_first_rows(capsys: pytest.CaptureFixture[str]):
    text = written(write_table, [("x", n) for n in range(SHOWN_ROWS + 1)], COLUMNS[:2])
    assert len(text.splitlines()) == SHOWN_ROWS + 1
    assert f"the first {SHOWN_ROWS} rows" in capsys.readouterr().err
