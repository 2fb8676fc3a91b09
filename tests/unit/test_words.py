import re
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from streams.vitals.appraisal import PARTS, RULE_REASONS, Step
from streams.vitals.rows import AlertKind, AlertState, Reason
from streams.vitals.turn import ALERT_REASONS
from streams.vitals.verdict import REASON_CODES, Verdict
from streams.words import (
    ALERT_WORDS,
    FULLER_WORDS,
    REASON_WORDS,
    STATE_WORDS,
    VERDICT_WORDS,
    alert_word,
    money,
    number,
    span,
    state_word,
    verdict_word,
    words,
)
from streams.worth_words import (
    EVIDENCE_WORDS,
    PART_WORDS,
    STEP_MEANING,
    STEP_WORDS,
    UNKNOWN_WORDS,
    evidence,
    step_word,
)

SLOTS = re.compile(r"\{(\w+)")


def say(language, code, **numbers):
    return words(Reason(code=code, numbers=numbers), language)


@pytest.mark.parametrize(
    ("code", "numbers", "english", "chinese"),
    [
        (
            "level",
            {"messages": 9, "usual": 1200.5},
            "9 member messages in 56 days, usually 1,200",
            "近 56 天 9 条成员消息,平时为 1,200 条",
        ),
        (
            "drop",
            {"seen": 21, "expected": 63.5, "share": 0.331, "days": 2},
            "21 member messages in 2 days, 33% of the usual 63.5",
            "2 天内 21 条成员消息,仅为平时 63.5 条的 33%",
        ),
        (
            "drop_over",
            {"seen": 60, "expected": 63.5, "share": 0.945, "days": 2},
            "back: 60 member messages in 2 days, usually 63.5",
            "已恢复:2 天内 60 条成员消息,平时为 63.5 条",
        ),
        ("too_few_ever", {"speakers": 1}, "1 speaker so far", "迄今仅 1 人发言"),
        (
            "rhythm",
            {"active_days": 1, "silent": 5},
            "somebody spoke on 1 day of the last 28, silent for 5 days",
            "近 28 天中有 1 天有人发言,已沉默 5 天",
        ),
        ("blind", {"hours": 1.5}, "no data from its source for 1 hour", "数据源已中断 1 小时"),
        ("blind", {"hours": 47.9}, "no data from its source for 47 hours", "数据源已中断 47 小时"),
        ("blind", {"hours": 48}, "no data from its source for 2 days", "数据源已中断 2 天"),
        (
            "monologue",
            {"staff_share": 0.917, "speakers": 1},
            "staff wrote 92% of the messages, 1 member spoke in 7 days",
            "92% 的消息来自员工,7 天内仅 1 名成员发言",
        ),
        (
            "core_left",
            {"left": 5, "core": 6},
            "5 of 6 core members left or fell silent",
            "6 名核心成员中有 5 名退群或沉默",
        ),
        (
            "core_left",
            {"left": 5, "core": 6, "quit": 2},
            "5 of 6 core members are lost: 2 left, the others fell silent",
            "6 名核心成员中流失 5 名:2 名退群,其余沉默",
        ),
        (
            "core_left",
            {"left": 5, "core": 6, "quit": 0},
            "5 of 6 core members fell silent",
            "6 名核心成员中有 5 名沉默",
        ),
        ("core_left", {"left": 5, "core": 6, "quit": 5}, "5 of 6 core members left", "6 名核心成员中有 5 名退群"),
        (
            "leader_left",
            {"share": 0.81},
            "the member who carried 81% of the core's talk left or fell silent",
            "承担核心 81% 发言的成员退群或沉默",
        ),
        (
            "leader_left",
            {"share": 0.81, "left_days": 1},
            "the member who carried 81% of the core's talk left 1 day ago",
            "承担核心 81% 发言的成员 1 天前退群",
        ),
        (
            "leader_left",
            {"share": 0.81, "silent_days": 22},
            "the member who carried 81% of the core's talk is here, silent for 22 days",
            "承担核心 81% 发言的成员仍在群内,已沉默 22 天",
        ),
        (
            "blind",
            {"hours": 12.2, "complete_at": 1_795_352_400_000},
            "not heard for 12 hours, complete to 2026-11-22 13:00 UTC",
            "已中断 12 小时,数据完整至 2026-11-22 13:00 UTC",
        ),
        ("planned_end", {}, "ended as planned", "已按计划结束"),
    ],
)
def test_reason_in_both_languages(code, numbers, english, chinese):
    assert (say("en", code, **numbers), say("zh", code, **numbers)) == (english, chinese)


@pytest.mark.parametrize("code", REASON_WORDS)
def test_both_languages_tell_the_same_numbers(code):
    english, chinese = REASON_WORDS[code]
    assert sorted(SLOTS.findall(english)) == sorted(SLOTS.findall(chinese))


def test_fuller_words_are_of_a_known_code_in_both_languages():
    for code, english, chinese in FULLER_WORDS:
        assert code in REASON_WORDS
        assert sorted(SLOTS.findall(english)) == sorted(SLOTS.findall(chinese))


def test_times_are_told_as_the_clock_of_the_reader_shows_them():
    blind = Reason("blind", {"hours": 12.2, "complete_at": 1_795_352_400_000})
    assert "complete to 2026-11-22 21:00 CST" in words(blind, "en", ZoneInfo("Asia/Shanghai"))


@pytest.mark.parametrize("code", REASON_WORDS)
@pytest.mark.parametrize("value", [0, 1, 2, 0.5, 1e9])
def test_no_slot_is_left_open(code, value):
    numbers = dict.fromkeys(SLOTS.findall(REASON_WORDS[code][0]), value)
    for language in ("en", "zh"):
        assert not set(say(language, code, **numbers)) & set("{}[]")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_has_no_words_comes_out_as_its_code_and_numbers(language):
    assert say(language, "ate_by_bears", bears=3, hours=2.5) == "ate_by_bears (bears=3, hours=2.5)"
    assert say(language, "ate_by_bears") == "ate_by_bears"
    assert say(language, "silent", minutes=3) == "silent (minutes=3)"


def test_every_code_of_the_fold_has_words():
    assert set(REASON_CODES) | set(ALERT_REASONS) | set(RULE_REASONS) | set(PARTS) == set(REASON_WORDS)


def test_every_step_and_every_part_of_a_worth_has_words():
    assert set(STEP_WORDS) == set(STEP_MEANING) == set(get_args(Step)) - {""}
    assert set(PART_WORDS) == set(UNKNOWN_WORDS) == set(PARTS)
    assert (step_word("let go", "zh"), step_word("odd", "en")) == ("放弃", "odd")


def test_evidence_of_a_part_says_what_is_known_of_it():
    numbers = {"value": 0.5, "payers": 12.0, "members": 80.0, "revenue_per_member": 4_550.4}
    conversion = Reason("conversion", numbers)
    assert evidence(conversion, "en", "CNY") == ["12 of 80 members bought in a year", "45.50 CNY a member and year"]
    assert evidence(Reason("conversion", {"benefit_return": 2.1}), "zh", "CNY") == ["福利带回成本的 2.1 倍"]
    assert evidence(Reason("conversion", {"benefit_return": -0.2}), "zh", "CNY") == [
        "福利后销售反降,降幅为成本的 0.2 倍"
    ]
    assert evidence(Reason("conversion", {"benefit_return": -0.2}), "en", "CNY") == [
        "less was sold after benefits, by 0.2 times their cost"
    ]
    assert not evidence(Reason("reach", {"value": 0.5}), "en", "")
    for _, english, chinese in EVIDENCE_WORDS:
        assert sorted(SLOTS.findall(english)) == sorted(SLOTS.findall(chinese))


def test_verdicts():
    assert [verdict_word("dying", "en"), verdict_word("dying", "zh")] == ["dying", "濒死"]
    assert verdict_word("odd", "zh") == "odd"
    assert set(VERDICT_WORDS) == set(get_args(Verdict))


def test_alerts():
    assert (set(ALERT_WORDS), set(STATE_WORDS)) == (set(get_args(AlertKind)), set(get_args(AlertState)))
    assert [alert_word("blind", "en"), state_word("ended", "zh"), state_word("odd", "en")] == [
        "source blind",
        "已结束",
        "odd",
    ]


def test_numbers_and_spans():
    assert [number(0), number(1234), number(1234.5), number(2.5), number(-7)] == ["0", "1,234", "1,234", "2.5", "-7"]
    assert [span(0, "en"), span(25 * 24, "en"), span(25 * 24, "zh")] == ["0 hours", "25 days", "25 天"]


def test_money_knows_how_small_the_minor_unit_is():
    amounts = [money(123450, "CNY"), money(1234, "JPY"), money(-5, "USD"), money(1234, "KWD"), money(0, "")]
    assert amounts == ["1,234.50 CNY", "1,234 JPY", "-0.05 USD", "1.234 KWD", "0"]
