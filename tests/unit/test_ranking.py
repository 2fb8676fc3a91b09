import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from streams.ranking import NARROWEST_NAME, printable, ranking
from tests.samples import health

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)


def text(groups, width, language="en"):
    return [line.plain.rstrip() for line in ranking(groups, language, width)]


@given(st.lists(NAMES, min_size=1, max_size=3), st.integers(60, 200), st.sampled_from(["en", "zh"]))
def test_no_line_is_wider_than_the_terminal(names, width, language):
    groups = [health(name=name, reasons=["理由" * 60, "short", "reason " * 30]) for name in names]
    assert all(line.cell_len <= width and "\n" not in line.plain for line in ranking(groups, language, width))


def test_columns_stand_under_their_headings_whatever_the_script():
    lines = text([health(), health(name="Trail Runners"), health(name="早餐会9群 ✨")], 120)
    rows = [lines[0], *(line for line in lines if line.startswith("dying"))]
    places = {
        cell_len(row[: row.index(cell)]) for row, cell in zip(rows, ("BRAND", "acme", "acme", "acme"), strict=True)
    }
    assert len(places) == 1


@pytest.mark.parametrize(
    ("width", "headings"),
    [
        (170, "VERDICT RISK GROUP BRAND PLATFORM MEMBERS SPEAKERS 28D DAYS 28D SILENT SINCE ID"),
        (120, "VERDICT RISK GROUP BRAND PLATFORM MEMBERS SPEAKERS 28D DAYS 28D SILENT SINCE"),
        (80, "VERDICT RISK GROUP MEMBERS SPEAKERS 28D DAYS 28D SILENT"),
        (60, "VERDICT RISK GROUP SPEAKERS 28D SILENT"),
    ],
)
def test_a_narrow_terminal_loses_the_least_needed_columns(width, headings):
    group = health(name="a name of some length", brand_id="north-peak", group_id="north-peak/telegram/-1009501423669")
    assert " ".join(text([group], width)[0].split()) == headings


def test_a_long_name_is_cut_visibly():
    [_, row, *_] = text([health(name="宝妈" * 40)], 80)
    assert "宝妈宝妈" in row
    assert "…" in row


def test_a_name_that_can_be_read_is_worth_more_than_its_brand():
    assert "BRAND" not in text([health(name="n" * 100, brand_id="north-peak")], 95)[0]
    assert "BRAND" in text([health(name="short", brand_id="north-peak")], 95)[0]


def test_a_name_keeps_some_room_in_any_terminal():
    [_, row, *_] = text([health(name="n" * 100)], 20)
    assert "n" * (NARROWEST_NAME - 1) + "…" in row


def test_reasons_stand_below_on_a_terminal_and_beside_in_a_pipe():
    assert text([health()], 120)[2].strip() == ("5 of 6 core members left or fell silent · 4 speakers in 56 days")
    [_, row] = text([health(name="n" * 100)], None)
    assert row.endswith("  5 of 6 core members left or fell silent; 4 speakers in 56 days")
    assert "n" * 100 in row
    assert "acme/wecom/c-17" in row


def test_at_most_two_lines_of_reasons():
    assert len(text([health(reasons=["a reason of many words " * 3] * 3)], 80)) == 1 + 1 + 2


def test_in_chinese():
    [head, row] = text([health(reasons=[], silent_hours=None)], None, "zh")
    assert " ".join(head.split()) == "状态 风险 群 品牌 平台 成员 28 天发言 活跃天数 沉默 始于 群 ID"
    assert " ".join(row.split()) == "濒死 31% 宝妈交流群 3 acme wecom 1,212 4 6 - 2026-10-02 acme/wecom/c-17"


def test_a_name_cannot_move_the_cursor():
    assert printable("a\x1b[2Jb\nc\rd\u202e") == "a [2Jb c d "
