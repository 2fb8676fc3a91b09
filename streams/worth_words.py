"""What a group is worth in words, English and Chinese: steps, parts, and all that can be said of a part."""

import re

from streams.vitals.rows import Reason
from streams.words import FULLER_WORDS, Language, measured, money

STEP_WORDS: dict[str, tuple[str, str]] = {
    "revive": ("revive", "激活"),
    "probe": ("probe", "试探"),
    "merge": ("merge", "合并"),
    "keep": ("keep", "保留"),
    "let go": ("let go", "放弃"),
}
"""Step → (English, Chinese)."""

STEP_MEANING: dict[str, tuple[str, str]] = {
    "revive": ("bring it back: write to those who once wrote, give them a reason", "主动唤醒:联系昔日常客,给出理由"),
    "probe": ("send a small benefit and see who comes", "发一个小福利,看谁回应"),
    "merge": ("invite its best members to another group", "把优质成员邀请到其他群"),
    "keep": ("keep it, and revive it by events", "保留,以活动唤醒"),
    "let go": ("spend nothing more on it", "不再投入"),
}
"""Step → what to do, in (English, Chinese)."""

PART_WORDS: dict[str, tuple[str, str]] = {
    "conversion": ("conversion", "转化"),
    "residue": ("interaction residue", "互动余温"),
    "network": ("network", "人脉"),
    "reach": ("reach", "触达"),
    "care": ("care", "关怀"),
    "freebie": ("freebie hunters", "只领福利"),
}
"""Part of a worth → (English, Chinese)."""

UNKNOWN_WORDS: dict[str, tuple[str, str]] = {
    "conversion": (
        "no order ever came, and no currency in its registry says that it sells",
        "从未有订单,登记中也无币种",
    ),
    "residue": ("nobody wrote every week yet, or who leaves is not told", "尚无人每周发言,或数据源不报告退群"),
    "network": ("its source tells neither who leaves nor who is in it", "数据源不报告退群与成员名单"),
    "reach": ("nobody was seen to mute it or to claim a benefit", "未见免打扰或领取福利"),
    "care": ("too few messages while it was well", "良好时期消息过少"),
    "freebie": ("no claim is told of, or too few members did anything", "未见领取记录,或有过行动的成员过少"),
}
"""Part of a worth → why it is not known, (English, Chinese)."""

EVIDENCE_WORDS: tuple[tuple[str, str, str], ...] = (
    ("conversion", "{revenue_per_member:money} a member and year", "每人每年 {revenue_per_member:money}"),
    ("conversion", "benefits brought {benefit_return} times their cost", "福利带回成本的 {benefit_return} 倍"),
    ("conversion", "less was sold after benefits, by {benefit_loss} times their cost",
     "福利后销售反降,降幅为成本的 {benefit_loss} 倍"),
)  # fmt: skip
"""(part, English, Chinese): what is said of a part beside what FULLER_WORDS say."""

_COLUMN: dict[Language, int] = {"en": 0, "zh": 1}
_SLOT = re.compile(r"\{(\w+)(?::([^}]*))?\}")


def evidence(part: Reason, language: Language, currency: str) -> list[str]:
    """All that can be said of one part of a worth, a phrase for each of its numbers."""
    numbers = dict(part.numbers)
    if numbers.get("benefit_return", 0) < 0:
        numbers["benefit_loss"] = -numbers.pop("benefit_return")

    def filled(slot: re.Match[str]) -> str:
        value = numbers[slot[1]]
        return money(round(value), currency) if slot[2] == "money" else measured(value, slot[2] or "", language)

    templates = [of for code, *of in (*FULLER_WORDS, *EVIDENCE_WORDS) if code == part.code]
    return [
        _SLOT.sub(filled, of[_COLUMN[language]])
        for of in templates
        if {slot[1] for slot in _SLOT.finditer(of[0])} <= set(numbers)
    ]


def step_word(step: str, language: Language) -> str:
    """A step in a word; one without words as it is."""
    return STEP_WORDS.get(step, (step, step))[_COLUMN[language]]
