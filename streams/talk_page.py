"""What `vitals group` says of how a group is looked after: greetings, answers, posts, and what benefits brought."""

from datetime import datetime

import msgspec

from streams.words import Language, counted, money, number

_CHINESE = {
    "newcomers greeted": "新成员获欢迎",
    "answered first by": "首个回复",
    "staff": "员工",
    "members": "成员",
    "of": "/",
    "after {minutes}": "中位 {minutes} 后",
    "unanswered within an hour": "一小时内无回复",
    "staff speaks to itself": "员工自说自话",
    "nothing but advertising": "只有广告",
    "of messages": "的消息",
    "from {senders}": "来自 {senders} 人",
    "best time to post": "最佳发布时段",
    "times the usual": "倍于平时",
    "not known": "未知",
    "too few posts": "帖子太少",
    "no slot stands out": "没有突出的时段",
    "red_packet": "红包",
    "coupon": "优惠券",
    "sent": "发出",
    "claimed 24h": "24 小时领取",
    "woken": "唤醒",
    "talk 48h": "48 小时发言",
    "day 3-9": "第 3-9 天",
    "left 72h": "72 小时退群",
    "cost per woken": "每唤醒成本",
    "min": "分钟",
    "h": "小时",
}
"""Every word here that is neither number nor name."""
_DAYS = {"Mon": "周一", "Tue": "周二", "Wed": "周三", "Thu": "周四", "Fri": "周五", "Sat": "周六", "Sun": "周日"}


class Care(msgspec.Struct, frozen=True, kw_only=True):
    """A group in the view `group_care`; None is unknown."""

    newcomers_28d: int | None
    welcomes_28d: int | None
    welcome_minutes_28d: float | None
    unanswered_share_28d: float | None
    staff_responses_28d: int | None
    staff_response_minutes_28d: float | None
    member_responses_28d: int | None
    member_response_minutes_28d: float | None
    staff_share_28d: float | None
    is_monologue: bool | None
    ad_share_28d: float | None
    ad_senders_28d: int | None
    is_ad_only: bool | None


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """A benefit in the view `probes`; None is not complete yet, or cannot be known."""

    kind: str
    sent_at: datetime
    claim_rate_24h: float | None
    silent: int
    woken: int
    talk_48h: int | None = None
    talk_lift_48h: float | None
    talk_d3_9: int | None = None
    persistence_d3_9: float | None
    leave_share_72h: float | None
    cost_per_woken: float | None
    currency: str


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """A group's posts of all classes in the view `best_slots`; `why` there is no best slot, empty if there is one."""

    posts: int
    why: str
    slot: str | None
    lift: float | None
    low: float | None
    high: float | None


class Attention(msgspec.Struct, frozen=True):
    """What is known of how a group is looked after; the latest probes first."""

    care: Care
    probes: list[Probe] = []
    slot: Slot | None = None


def facts_of(found: Attention, language: Language) -> list[tuple[str, str]]:
    """Labels and what they say, of what is known."""
    care, told = found.care, []
    if care.newcomers_28d:
        count = f"{number(min(care.welcomes_28d or 0, care.newcomers_28d))} {_say('of', language)} "
        told.append(
            ("newcomers greeted", count + number(care.newcomers_28d) + _after(care.welcome_minutes_28d, language))
        )
    answers = [
        f"{_say(who, language)} {number(count)}{_after(minutes, language)}"
        for who, count, minutes in (
            ("staff", care.staff_responses_28d, care.staff_response_minutes_28d),
            ("members", care.member_responses_28d, care.member_response_minutes_28d),
        )
        if count
    ]
    if answers:
        told.append(("answered first by", " · ".join(answers)))
    if care.unanswered_share_28d is not None:
        told.append(("unanswered within an hour", f"{care.unanswered_share_28d:.0%}"))
    told += _warnings(care, language)
    if found.slot is not None and found.slot.posts:
        told.append(("best time to post", _slot(found.slot, language)))
    return [(_say(label, language), value) for label, value in told]


def probe_table(found: Attention, language: Language) -> list[list[str]]:
    """A head and a row for each probe; empty without one."""
    if not found.probes:
        return []
    heads = ("sent", "claimed 24h", "woken", "talk 48h", "day 3-9", "left 72h", "cost per woken")
    return [["", *(_say(head, language) for head in heads)], *(_probe(one, language) for one in found.probes)]


def _warnings(care: Care, language: Language) -> list[tuple[str, str]]:
    of = _say("of messages", language)
    told = []
    if care.is_monologue:
        told.append(("staff speaks to itself", f"{care.staff_share_28d or 0:.0%} {of}"))
    if care.is_ad_only:
        senders = _say("from {senders}", language).format(senders=number(care.ad_senders_28d or 0))
        told.append(("nothing but advertising", f"{care.ad_share_28d or 0:.0%} {of} {senders}"))
    return told


def _slot(found: Slot, language: Language) -> str:
    if found.slot is None or found.lift is None:
        posts = f"{number(found.posts)} 条" if language == "zh" else counted(found.posts, "post")
        return f"{_say('not known', language)}: {_say(found.why, language)} ({posts})"
    day, hours = found.slot.split(" ")
    when = f"{_DAYS[day] if language == 'zh' else day} {hours}"
    span = "" if found.low is None else f" ({found.low:.1f}-{found.high:.1f})"
    return f"{when}, {found.lift:.1f}{span} {_say('times the usual', language)}"


def _probe(one: Probe, language: Language) -> list[str]:
    return [
        _say(one.kind, language),
        f"{one.sent_at:%Y-%m-%d}",
        _share(one.claim_rate_24h),
        f"{number(one.woken)} {_say('of', language)} {number(one.silent)}",
        _times(one.talk_lift_48h, one.talk_48h),
        _times(one.persistence_d3_9, one.talk_d3_9),
        _share(one.leave_share_72h),
        "-" if one.cost_per_woken is None else money(round(one.cost_per_woken), one.currency),
    ]


def _after(minutes: float | None, language: Language) -> str:
    if minutes is None:
        return ""
    count, unit = (minutes, "min") if minutes < 120 else (minutes / 60, "h")
    said = f"{number(round(count, 1) if count < 10 else round(count))} {_say(unit, language)}"
    return " " + _say("after {minutes}", language).format(minutes=said)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _times(lift: float | None, messages: int | None) -> str:
    """How many times the usual; where nothing is usual, the messages themselves."""
    if lift is None:
        return "-" if messages is None else number(messages)
    return f"{lift:.1f}x"


def _say(text: str, language: Language) -> str:
    return _CHINESE[text] if language == "zh" else text.replace("_", " ")
