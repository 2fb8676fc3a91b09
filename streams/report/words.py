"""The words of a report in English and Chinese. One table: to add a phrase, add a line.

Slots are those of `streams/words.py`: `{n}` a number, `{n:group}` with its noun, `{share:%}` a share; a slot that is
given text shows it as it is.
"""

import re
from datetime import date

from streams.words import Language, measured

WORDS: dict[str, tuple[str, str]] = {
    # Head.
    "title": ("Weekly review", "每周回顾"),
    "week_of": ("Week {week} of {year}", "{year} 年第 {week} 周"),
    "from_to": ("{start} to {end}", "{start} 至 {end}"),
    "not_over": ("The week is not over: what is here ends with {end}.", "本周尚未结束:数据截至 {end}。"),
    # The week in one sentence, and its figures.
    "moved": (
        "{died:group} died, {ill} fell ill, {saved} came back.",
        "{died} 个群死亡,{ill} 个转为濒死,{saved} 个恢复。",
    ),
    "quiet": (
        "No group died, fell ill or came back this week.",
        "本周没有群死亡、转为濒死或恢复。",
    ),
    "now_ill": (
        "Dying, still to be saved: {dying} of {known:group}. Fading: {fading}. Healthy: {healthy}.",
        "能看到的 {known} 个群中,{dying} 个濒死但仍可挽救,{fading} 个衰退,{healthy} 个健康。",
    ),
    "now_well": (
        "None of {known:group} is dying. Fading: {fading}. Healthy: {healthy}.",
        "目前没有濒死的群;能看到的 {known} 个群中 {fading} 个衰退,{healthy} 个健康。",
    ),
    "now_unseen": (
        "Not seen: {unseen:group}, of which nothing is known.",
        "{unseen} 个群数据中断,情况不明。",
    ),
    "died": ("died", "死亡"),
    "fell_ill": ("fell ill", "转为濒死"),
    "came_back": ("came back", "恢复"),
    "dying_now": ("dying now", "目前濒死"),
    "not_seen": ("stale: not seen", "数据中断"),
    "revenue": ("revenue", "收入"),
    "revenue_in": ("revenue, {currency}", "收入({currency})"),
    "week_before": ("the week before: {count}", "上周:{count}"),
    "usual": ("usually {amount}", "平时 {amount}"),
    "no_orders": ("no orders known", "没有订单数据"),
    # The ten.
    "ten": ("Look after these this week", "本周重点关注"),
    "ten_note": (
        "Who can still be saved comes first: dying, fading, dead, then by risk. As of the end of {end}.",
        "先列还能挽救的:濒死、衰退、死群,再按风险排序。截至 {end} 结束。",
    ),
    "ten_more": ("{count:group} more need a look: {command}", "另有 {count} 个群需要关注:{command}"),
    "ten_none": ("No group needs a look this week.", "本周没有需要关注的群。"),
    "group": ("Group", "群"),
    "state": ("State", "状态"),
    "why": ("Why", "原因"),
    "year": ("Messages by week, a year", "一年内每周成员消息"),
    "worth_step": ("Worth, and the next step", "价值与建议"),
    "owner": ("owner", "负责人"),
    "no_owner": ("no owner", "无负责人"),
    "members": ("{count:member}", "{count} 名成员"),
    "since": ("since {day}", "始于 {day}"),
    "risk": ("risk {risk:%}", "风险 {risk:%}"),
    "told": ("alert told {day}", "{day} 已告警"),
    "acknowledged": ("somebody looks after it", "已有人处理"),
    "unanswered": ("nobody has answered", "尚无人处理"),
    "snoozed": ("snoozed", "已暂停告警"),
    "most": ("most {count}", "最高 {count}"),
    "spark": (
        "Member messages by week over {weeks:week}: {most} at most, {last} in the last one.",
        "{weeks} 周内每周成员消息:最高 {most} 条,最近一周 {last} 条。",
    ),
    "spark_unseen": (
        "{weeks:week} of it not seen.",
        "其中 {weeks} 周数据中断。",
    ),
    "worth": ("worth {worth}/100", "价值 {worth}/100"),
    "at_risk": ("{amount} a month at stake", "每月收入 {amount} 面临风险"),
    "step_revive": ("write to its former talkers, bring a topic", "私聊以前活跃的成员,发起话题"),
    "step_probe": ("give one red packet, see who talks", "发一次红包,看谁发言"),
    "step_merge": ("invite its best members to a livelier group", "邀请优质成员加入更活跃的群"),
    "step_keep": ("keep it as it is, and wake it by events", "保持现状,以活动唤醒"),
    "step_let go": ("spend nothing on it: it lives on ads or freebies", "不再投入:只靠广告或福利维持"),
    "step_none": ("too little is known to advise", "数据不足,无法建议"),
    # What changed.
    "changed": ("What changed, and why", "变化与原因"),
    "died_head": ("Died", "死亡"),
    "saved_head": ("Came back", "恢复"),
    "moves_head": ("All other changes", "其他变化"),
    "none_died": ("No group died.", "没有群死亡。"),
    "none_saved": ("No group left dying or dead.", "没有群脱离濒死或死群状态。"),
    "warning": ("Warning", "预警"),
    "warned": ("called dying on {day}, {days:day} before", "{day} 已判为濒死,提前 {days} 天"),
    "unwarned": ("died without warning", "没有预警"),
    "was_ill": ("Was ill", "患病时间"),
    "ill_for": ("in alarm since {day}, for {days:day}", "{day} 起告警,历时 {days} 天"),
    "before": ("What lay before", "此前发生"),
    "before_note": (
        "What lay in the {days:day} before the week, or in it. It came first; that it helped is not shown.",
        "本周及之前 {days} 天内发生的事。只是先后关系,不能证明有效。",
    ),
    "before_none": ("nothing on record", "没有记录"),
    "alert_told": ("an alert told {day}, acknowledged", "{day} 告警,已有人处理"),
    "alert_unanswered": ("an alert told {day}, not acknowledged", "{day} 告警,无人处理"),
    "deed_post": ("{count:post} ({kind}), the last {day}", "{count} 条{kind}内容,最近 {day}"),
    "deed_benefit": ("{count:benefit} ({kind}), the last {day}", "{count} 次福利({kind}),最近 {day}"),
    "change": ("Change", "变化"),
    "day": ("Day", "日期"),
    "and_more": ("and {count} more", "还有 {count} 个"),
    # Blindness.
    "blind_head": ("Stale: not seen", "数据中断"),
    "blind_note": (
        "{count:group} not seen to the end of the week. That is no silence: how they are, nobody knows.",
        "{count} 个群在周末前数据中断。这不等于沉默:它们的情况不明。",
    ),
    "blind_source": (
        "{source} ({platform}): complete to {day}, {count:group} without data now",
        "{source}({platform}):数据完整至 {day},目前 {count} 个群数据中断",
    ),
    "blind_source_silent": (
        "{source} ({platform}): never said to when it is complete, {count:group} without data now",
        "{source}({platform}):从未报告完整时间,目前 {count} 个群数据中断",
    ),
    "last_seen": ("last seen {day}, {verdict} then", "最后可见 {day},当时{verdict}"),
    "half_seen": (
        "{count:group} judged with days of this week missing, which count neither as talk nor as silence:",
        "{count} 个群本周有部分日期缺数据,既不算发言也不算沉默:",
    ),
    "half_seen_days": ("{days:day} or more", "至少 {days} 天"),
    "all_seen": ("Every group was seen on every day of the week.", "本周每天都能看到所有的群。"),
    "unjudged": (
        "{count:group} known, but without a closed day yet: not counted here.",
        "{count} 个群已知但尚无完整的一天,未计入。",
    ),
    # The fleet.
    "fleet": ("The groups of {brand}", "{brand} 的全部群"),
    "verdict": ("Verdict", "判断"),
    "this_week": ("This week", "本周"),
    "week_ago": ("A week ago", "一周前"),
    "month_ago": ("4 weeks ago", "四周前"),
    "all": ("all", "全部"),
    "by_verdict": ("Groups by verdict, at the end of each week", "各判断的群数(每周末)"),
    "talk": ("Member messages a week", "每周成员消息"),
    "people": ("Joins and leaves a week", "每周入群与退群"),
    "joined": ("joined", "入群"),
    "left": ("left", "退群"),
    "money": ("Revenue a week, {currency}", "每周收入({currency})"),
    "attributed": ("of groups", "归属到群"),
    "unattributed": ("of no group", "未归属"),
    "pending": ("not attributed yet", "待归属"),
    "figures": ("The figures", "数据"),
    "week": ("Week to", "截至"),
    "messages": ("messages", "消息"),
    "unseen_note": ("Days that nobody saw are not in these sums.", "数据中断的日期不计入。"),
    "plot_desc": (
        "Bars, one per week over {weeks:week}. This week {now}, the week before {before}.",
        "每周一根柱,共 {weeks} 周。本周 {now},上周 {before}。",
    ),
    # The alarms.
    "record": ("How well the alarms did", "告警效果"),
    "record_deaths": (
        "{deaths:group} died in 12 weeks; {warned} of them had been called dying before, usually {lead:day} ahead.",
        "12 周内 {deaths} 个群死亡;其中 {warned} 个事先判为濒死,通常提前 {lead} 天。",
    ),
    "record_unwarned": (
        "{deaths:group} died in 12 weeks, none of them called dying before.",
        "12 周内 {deaths} 个群死亡,均无预警。",
    ),
    "record_no_deaths": ("No group died in 12 weeks.", "12 周内没有群死亡。"),
    "alarms": ("Called dying", "判为濒死"),
    "out_died": ("died since", "其后死亡"),
    "out_back": ("came back", "已恢复"),
    "out_open": ("dying still", "仍濒死"),
    "out_ended": ("ended", "已结束"),
    "age_week": ("in this week", "本周"),
    "age_recent": ("in the 4 weeks before", "此前四周"),
    "age_older": ("before that, up to 12 weeks ago", "更早(12 周内)"),
    "no_alarms": ("No group was called dying in 12 weeks.", "12 周内没有群被判为濒死。"),
    "last_ten": ("Of last week's list: {counts}.", "上周名单现状:{counts}。"),
    "last_ten_none": ("Last week's list was empty.", "上周名单为空。"),
    "tested": (
        "Risk foretold {expected:death} in {tests:test} whose outcome became known by {day}; {died} came: {verdict}.",
        "截至 {day} 有结果的 {tests} 次检验中,风险预计 {expected} 次死亡,实际 {died} 次:{verdict}。",
    ),
    "tested_fits": ("as foretold, within chance", "与预计相符"),
    "tested_more": ("more than foretold, take the risk for too low", "多于预计,风险偏低"),
    "tested_fewer": ("fewer than foretold, take the risk for too high", "少于预计,风险偏高"),
    "tested_none": (
        "Whether the risk was right is not known yet: that takes groups of 16 weeks and 8 weeks more.",
        "风险是否准确尚不可知:需要建群满 16 周,再过 8 周。",
    ),
    # Method.
    "method": ("What the numbers mean", "数字的含义"),
    "method_verdict": (
        "A verdict is given when a UTC day closes and bears the date of that day. Dying and dead are an alarm, by "
        "risk, by silence or by a broken rhythm; risk is the chance that the next 56 days bring less than 5% of what "
        "is usual. It ranks groups and is not certain.",
        "判断在每个 UTC 日结束时给出,日期为当日。濒死与死群属于告警,依据风险、沉默或节奏异常;"
        "风险指未来 56 天的消息不足平时 5% 的概率,用于排序,并非定论。",
    ),
    "method_worth": (
        "Worth, 0 to 100, weighs buyers and what they bring, how many who once wrote are still here, how few leave, "
        "how many can be reached, and how often messages were answered while the group was well; freebie hunters count "
        "against it. What is not known is left out. It is of today, not of the end of the week.",
        "价值 0 到 100,综合购买与收入、老成员留存、退群率、可触达率与良好时期的回复率,福利党扣分;未知部分不计。"
        "价值为今日数据,而非周末数据。",
    ),
    "method_seen": (
        "The same views answer vitals groups and Grafana. A group that was not seen is not silent. Revenue counts on "
        "the day of the order; which group it belongs to, and what lay before a recovery, is correlation.",
        "数据与 vitals groups 和 Grafana 出自相同的视图。数据中断不等于沉默。收入计入下单日;"
        "订单归属与恢复前的事件均为相关关系。",
    ),
}
"""Key → (English, Chinese)."""

KINDS: dict[str, tuple[str, str]] = {
    "activate": ("to get people talking", "促活"),
    "convert": ("to sell", "转化"),
    "brand": ("of the brand", "品牌"),
    "ads": ("ads", "广告"),
    "relay": ("chain messages", "接龙"),
    "red_packet": ("red packet", "红包"),
    "coupon": ("coupon", "优惠券"),
}
"""Class of a post or kind of a benefit → (English, Chinese)."""

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_SLOT = re.compile(r"\{(\w+)(?::([^}]*))?\}")
_AFTER_CHINESE = re.compile(r"(?<=[\u4e00-\u9fff}%)])[,;:()]|(?<=\d),(?=[\u4e00-\u9fff])")
_WIDE = {",": "\uff0c", ";": "\uff1b", ":": "\uff1a", "(": "\uff08", ")": "\uff09"}


def say(key: str, language: Language, **slots: float | str) -> str:
    """A phrase of `WORDS` with its slots filled. Raises KeyError for a phrase or a slot that is not there."""

    def fill(slot: re.Match[str]) -> str:
        value = slots[slot[1]]
        return value if isinstance(value, str) else measured(value, slot[2] or "", language)

    return _SLOT.sub(fill, typeset(pick(WORDS[key], language), language))


def typeset(text: str, language: Language) -> str:
    """Chinese with the wide punctuation that it is printed with; a number's comma stays."""
    return _AFTER_CHINESE.sub(lambda mark: _WIDE[mark[0]], text) if language == "zh" else text


def pick(words: tuple[str, str], language: Language) -> str:
    """One of an (English, Chinese) pair."""
    return words[language == "zh"]


def kind_word(kind: str, language: Language) -> str:
    """A class of posts or kind of benefits; one without words as it is."""
    return pick(KINDS.get(kind, (kind, kind)), language)


def long_day(day: date, language: Language) -> str:
    """22 November 2026, 2026 年 11 月 22 日."""
    if language == "zh":
        return f"{day.year} 年 {day.month} 月 {day.day} 日"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def short_day(day: date, language: Language) -> str:
    """22 Nov, 11 月 22 日."""
    return f"{day.month} 月 {day.day} 日" if language == "zh" else f"{day.day} {_MONTHS[day.month - 1][:3]}"


def axis_day(day: date, language: Language) -> str:
    """What stands below a bar: 22 Nov, 11-22."""
    return f"{day.month}-{day.day:02}" if language == "zh" else short_day(day, language)
