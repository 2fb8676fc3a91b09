from datetime import UTC, datetime

import msgspec
import pytest
from rich.cells import cell_len

from streams.carried import Carriers
from streams.fleet_rows import Regular
from streams.group_page import bars, group_page
from streams.playbook.desk import Playbook
from tests.samples import DAY, page, worth


def text(shown, width=100, language="en"):
    return [line.plain for line in group_page(shown, language, width)]


def test_the_page():
    lines = text(page())
    assert lines[:11] == [
        "宝妈交流群 3  acme/wecom/c-17",
        "dying since 2026-10-02 · risk 31% (habit-1) · as of 2026-11-22 00:00 UTC",
        "  5 of 6 core members left or fell silent",
        "  4 speakers in 56 days",
        "",
        "risk 31.4% (points):",
        "   +3.0  the usual risk",
        "  +20.0  8 of 52 weeks brought 61% of the messages",
        "  +10.0  9 member messages in 56 days, usually 81.5",
        "   -1.6  14 speakers in 56 days",
        "few people speak here: the risk is that of groups like this, and says little of the moment",
    ]
    told = "\n".join(lines)
    for part in (
        "12,345.50 CNY",
        "most 520 a week",
        "1,212 + 2 staff",
        "23/100",
        "40%",
        "陈一诺",
        "2026-11-10 (left 2026-11-11)",
    ):
        assert part in told
    assert "newcomers who spoke" not in told
    assert lines[-1] == "source complete to 2026-11-22 00:00 UTC"


def test_the_worth_with_its_parts_and_what_is_not_known():
    lines = text(page())
    start = lines.index("revive: bring it back: write to those who once wrote, give them a reason")
    assert lines[start : start + 10] == [
        "revive: bring it back: write to those who once wrote, give them a reason",
        "  4 of 5 weekly speakers still here",
        "at risk in 28 days: 1,234.50 CNY",
        "worth 69/100 (points, known 65%):",
        "  +27.7  conversion: 12 of 80 members bought in a year · 45.50 CNY a member and year · "
        "benefits brought 2.1 times their cost",
        "  +24.6  interaction residue: 4 of 5 weekly speakers still here",
        "      ?  network: its source tells neither who leaves nor who is in it",
        "      ?  reach: nobody was seen to mute it or to claim a benefit",
        "  +20.8  care: 90% of messages were answered while it was well",
        "   -4.0  freebie hunters: 8 of 40 members who did anything only took benefits",
    ]


def test_a_group_without_a_worth_has_no_block_of_it():
    for found in (None, worth(worth=None, advice=None, codes=[], numbers=[])):
        assert not [line for line in text(msgspec.structs.replace(page(), worth=found)) if "worth" in line]
    healthy = text(msgspec.structs.replace(page(), worth=worth(advice=None, advice_reasons=[], revenue_at_risk=0)))
    assert "worth 69/100 (points, known 65%):" in healthy
    assert not [line for line in healthy if line.startswith(("revive", "at risk"))]


def test_the_counts_stand_in_columns():
    lines = text(page())
    head = next(index for index, line in enumerate(lines) if "28 days" in line and "7 days" in line)
    assert [line.split() for line in lines[head + 1 : head + 4]] == [
        ["messages", "0", "3", "41"],
        ["speakers", "0", "1", "4"],
        ["active", "days", "6"],
    ]
    assert len({len(line) for line in lines[head : head + 4]}) == 1


def test_no_english_is_left_in_chinese():
    shown = msgspec.structs.replace(page(reasons=[], name="群", group_id="x"), worth=worth(advice_reasons=[]))
    told = "\n".join(text(shown, language="zh"))
    for part in ("x", "habit-1", "UTC", "CNY", "m_AAAAAAAAAAAAAAAA"):
        told = told.replace(part, "")
    assert not [char for char in told if char.isascii() and char.isalpha()]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_charts_fit(width):
    lines = text(page(), width)
    first = next(index for index, line in enumerate(lines) if "most 52 a week" in line)
    assert "most" in lines[first + 1]
    assert max(cell_len(line) for line in lines[first : first + 3]) <= width


def test_the_latest_days_are_told_in_numbers_two_weeks_a_line():
    assert [line for line in text(page()) if line.startswith("messages from")] == [
        "messages from 2026-11-03: 9 8 11 7 9 10 8 9 2 1 0 0 1 0",
        "messages from 2026-11-17: 1 0 1 0 0",
    ]


def test_who_was_not_seen_leaving_is_gone():
    [talker] = page().members
    unseen = msgspec.structs.replace(page(), members=[msgspec.structs.replace(talker, left_at=None)])
    assert "2026-11-10 (gone)" in "\n".join(text(unseen))


def test_a_group_of_a_day_has_a_page():
    assert "▁" not in "".join(text(page(weeks=0)))
    assert len(text(page(weeks=1))) > 10


def test_bars_tell_nothing_from_little():
    assert bars([0, 1, 500, 1000]) == "▁▂▅█"
    assert bars([0, 0]) == "▁▁"
    assert bars([]) == ""
    assert bars([3]) == "█"


def test_where_the_risk_says_little_of_the_moment_the_page_says_so():
    assert not [line for line in text(page(speakers_28d=9)) if "groups like this" in line]
    young = page(speakers_28d=9)
    young = msgspec.structs.replace(young, details=msgspec.structs.replace(young.details, age_days=90))
    assert [line for line in text(young) if line.startswith("a young group:")]


def test_the_latest_playbook_is_one_line():
    began = datetime(2026, 11, 1, 9, tzinfo=UTC)
    done = Playbook(
        playbook_id="p", group_id="g", brand_id="b", group_name="n", name="Tasting", goal="messages", budget=0,
        currency="", started_at=began, ended_at=None, state="open", end_note="", steps=["cleanup"], step_at=[began],
        step_notes=[""],
    )  # fmt: skip
    shown = page()
    with_it = msgspec.structs.replace(shown, playbook=done)
    line = "playbook Tasting, day 21: cleanup 11-01; what came of it: vitals playbook effect g"
    assert [one.plain for one in group_page(with_it, "en", None) if "playbook" in one.plain] == [line]
    assert not [one for one in group_page(shown, "en", None) if "playbook" in one.plain]


def test_whom_to_write_to_where_that_is_the_step():
    known = Regular(member_id="m_r", messages_all=1200, active_days_all=75, orders=3, last_message_at=DAY)
    told = "\n".join(text(msgspec.structs.replace(page(), regulars=[known])))
    assert "still here, wrote on most days  messages  days  orders  last message\n" in told
    assert "m_r                                1,200    75       3  2026-11-22" in told
    assert "wrote on most days" not in "\n".join(text(page()))


def carried(messages_28d=40, **changed):
    told = {
        "at": DAY,
        "bus_factor": 3,
        "top_id": "m_top",
        "top_share": 0.31,
        "warnings": [],
        "leader_ids": [],
        "silent_ids": [],
    }
    shown = msgspec.structs.replace(page(messages_28d=messages_28d), carriers=Carriers(**(told | changed)))
    return "\n".join(text(shown))


def test_who_carries_it_and_who_of_them_fell_silent():
    told = carried(leader_ids=["m_a", "m_b"], silent_ids=["m_b"], warnings=["leader_silent"])
    assert "half of the messages of 28 days to 2026-11-22  3 members write it, m_top 31% of all" in told
    assert "opinion leaders                                m_a, m_b" in told
    assert "fell silent or left                            m_b" in told
    assert "one member writes it: m_top, 75% of all" in carried(bus_factor=1, top_share=0.75, warnings=["one_carries"])


def test_of_a_group_without_leaders_or_of_which_nothing_is_told():
    assert "none: nobody draws clearly more answers" in carried()
    assert "opinion leaders" not in carried(bus_factor=None, top_id=None, top_share=None)
    assert "opinion leaders" not in carried(bus_factor=0)


@pytest.mark.parametrize("messages", [0, 9])
def test_in_a_group_in_which_hardly_anybody_wrote_nobody_writes_half(messages):
    told = carried(messages_28d=messages, bus_factor=1, top_share=1.0, leader_ids=["m_a"], silent_ids=["m_a"])
    assert "half of the messages" not in told
    assert "fell silent or left  m_a" in told
