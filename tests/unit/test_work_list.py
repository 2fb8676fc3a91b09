import pytest
from rich.cells import cell_len

from streams.work_list import meanings, work_list
from streams.worth_words import STEP_MEANING, STEP_WORDS
from tests.samples import work


def text(items, language="en", width=120):
    return [line.plain.rstrip() for line in work_list(items, language, width)]


def test_each_group_with_what_to_do_and_why():
    sure = work(name="Tea", known=1.0, worth=40.0, advice="probe", at_stake=0.0, owner="", why=[], advice_reasons=[])
    assert text([work(), sure]) == [
        "DO      WORTH  RISK    AT STAKE  GROUP         STATE        OWNER   BRAND",
        "revive    69?   31%  264.44 CNY  宝妈交流群 3  dying 10-02  陈一诺  acme",
        "    4 of 5 weekly speakers still here · 12 of 80 members bought in a year",
        "    5 of 6 core members left or fell silent",
        "probe      40   31%           -  Tea           dying 10-02  -       acme",
    ]


def test_reasons_that_do_not_fit_beside_each_other_stand_below_each_other_and_at_most_two_lines_of_them():
    long = work(advice_reasons=["write to them", "x" * 50, "y" * 60, "z" * 60], why=["few " * 10, "none " * 10])
    lines = text([long], width=80)[2:]
    assert lines == ["    write to them · " + "x" * 50, "    " + "y" * 60, "    " + ("few " * 10).rstrip()]


def test_in_a_pipe_a_group_is_one_line_and_nothing_is_cut():
    long = work(name="a" * 60)
    lines = text([long], width=None)
    assert len(lines) == 2
    assert "a" * 60 in lines[1]
    assert lines[1].endswith("12 of 80 members bought in a year; 5 of 6 core members left or fell silent")


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_line_is_wider_than_the_terminal(width, language):
    items = [work(name="群" * 60, advice_reasons=["x" * 200]), work(advice=None, worth=None, known=None, at_stake=None)]
    assert max(cell_len(line) for line in text(items, language, width)) <= width


def test_a_name_from_outside_moves_no_cursor():
    assert "\x1b" not in "\n".join(text([work(name="\x1b[2J", owner="\x1b[2J")]))


def test_each_step_on_the_list_is_explained_once():
    items = [work(advice="merge"), work(advice="keep"), work(advice="merge"), work(advice=None)]
    assert meanings(items, "en") == [f"{step}: {STEP_MEANING[step][0]}" for step in ("merge", "keep")]
    assert meanings(items, "zh")[0].startswith(STEP_WORDS["merge"][1])
