"""Group: why one group has its verdict."""

from streams.dashboards import queries
from streams.dashboards.choices import ADVICE, BRAND, GROUP, NO_GROUPS, PLATFORM
from streams.dashboards.model import Column, Mark, Page, Panel
from streams.vitals.policy import Policy

_NO_DAYS = (
    "No closed day in this time range: choose a longer one above",
    "该时间范围内没有已结束的日子:请在上方选择更长的范围",
)


def group_page(dying_risk: float) -> Page:
    """The page, with the band of its risk beginning where groups alarm."""
    return Page(
        name="group",
        title=("Group vitals: one group", "群体征:单个群"),
        variables=(BRAND, PLATFORM, GROUP),
        marks=_MARKS,
        since="now-180d",
        panels=(*_NOW, _risk(dying_risk), *_HISTORY),
    )


def _risk(dying_risk: float) -> Panel:
    return Panel(
        id=5,
        kind="timeseries",
        title=("Risk", "风险"),
        about=(
            "The probability that the group falls silent in the next 56 days. Bands: fading, dying.",
            "未来 56 天内沉寂的概率。色带:衰退、濒死。",
        ),
        sql=queries.GROUP_RISK,
        columns=(Column("risk", ("risk", "风险"), color="text"),),
        unit="percentunit",
        width=12,
        steps=((Policy().fading_risk, "orange"), (dying_risk, "red")),
        has_bands=True,
        limit=(0, 1),
        nothing=_NO_DAYS,
    )


_NOW = (
    Panel(
        id=1,
        kind="stat",
        title=("Now", "现状"),
        about=("The latest vital signs.", "最新的体征。"),
        sql=queries.GROUP_NOW,
        columns=(
            Column("verdict", ("verdict", "判断"), is_verdict=True),
            Column("verdict_since", ("since", "始于"), unit="dateTimeFromNow", color="text"),
            Column("risk", ("risk", "风险"), unit="percentunit", decimals=0, color="text"),
            Column("silent", ("silent for", "沉默"), unit="s", decimals=0, color="text"),
            Column("members", ("members", "成员"), color="text"),
            Column("speakers_28d", ("speakers 28 d", "28 天发言人数"), color="text"),
            Column("active_days_28d", ("active days 28 d", "28 天活跃天数"), color="text"),
            Column("engagement", ("engagement", "活跃度"), decimals=0, color="text"),
            Column("worth", ("worth", "价值"), decimals=0, color="text"),
            Column("advice", ("to do", "建议"), words=ADVICE, color="text"),
        ),
        height=4,
        nothing=NO_GROUPS,
    ),
    Panel(
        id=2,
        kind="table",
        title=("Why", "原因"),
        about=("The cause first, then the largest drivers.", "先列原因,再列最大的影响因素。"),
        sql=queries.GROUP_REASONS,
        columns=(Column("why", ("Reason", "原因"), is_long=True),),
        width=12,
        height=6,
        nothing=("Not judged yet: `vitals wait`", "尚未判断:`vitals wait`"),
    ),
    Panel(
        id=3,
        kind="bargauge",
        title=("What the risk is made of", "风险的构成"),
        about=("What is usual, and what this group adds or takes away: the bars add up to the risk.",
               "常态加上本群的增减,合计即为风险。"),
        sql=queries.GROUP_DRIVERS,
        columns=(Column("points", ("points", "点数"), unit="percentunit", decimals=1),),
        unit="percentunit",
        width=12,
        height=6,
        steps=((0.02, "orange"), (0.10, "red")),
        nothing=("Not judged yet: `vitals wait`", "尚未判断:`vitals wait`"),
    ),
    Panel(
        id=4,
        kind="state-timeline",
        title=("Verdict", "判断"),
        about=("The verdict of each closed UTC day.", "每个已结束的 UTC 日的判断。"),
        sql=queries.GROUP_VERDICTS,
        columns=(Column("verdict", ("verdict", "判断")),),
        height=4,
        nothing=_NO_DAYS,
    ),
)  # fmt: skip

_HISTORY = (
    Panel(
        id=6,
        kind="timeseries",
        title=("Silence in its own rhythm", "按自身节奏的沉默"),
        about=(
            "Days since a member wrote, and the longest pause between two days of talk of the last year.",
            "距最近成员发言的天数,以及过去一年中两个发言日之间最长的间隔。",
        ),
        sql=queries.GROUP_SILENCE,
        columns=(
            Column("silent_days", ("silent for", "沉默"), color="red"),
            Column("longest_pause_days", ("longest pause so far", "此前最长间隔"), color="text"),
        ),
        unit="d",
        width=12,
        limit=(0, None),
        nothing=_NO_DAYS,
    ),
    Panel(
        id=7,
        kind="timeseries",
        title=("Messages a day", "每日消息"),
        about=("Messages by members and by staff; replies are among them.", "成员与员工的消息;回复包含在内。"),
        sql=queries.GROUP_TALK,
        columns=(
            Column("messages", ("members", "成员"), color="green"),
            Column("staff_messages", ("staff", "员工"), color="orange"),
            Column("replies", ("replies", "回复"), color="blue"),
        ),
        width=12,
        is_bars=True,
        limit=(0, None),
        nothing=_NO_DAYS,
    ),
    Panel(
        id=8,
        kind="timeseries",
        title=("How many speak", "发言人数"),
        about=(
            "Members who spoke on the day, in 7 and in 28 days, and the days of 28 with any talk.",
            "当日、7 天、28 天内发言的成员数,以及 28 天内有发言的天数。",
        ),
        sql=queries.GROUP_BREADTH,
        columns=(
            Column("speakers", ("on the day", "当日")),
            Column("speakers_7d", ("in 7 days", "7 天")),
            Column("speakers_28d", ("in 28 days", "28 天")),
            Column("active_days_28d", ("active days of 28", "28 天内活跃天数")),
        ),
        width=12,
        limit=(0, None),
        nothing=_NO_DAYS,
    ),
    Panel(
        id=9,
        kind="timeseries",
        title=("Joining and leaving", "入群与退群"),
        about=("Members a day, leaving below the line; the roster is on the right.", "每日人数;右轴为成员总数。"),
        sql=queries.GROUP_PEOPLE,
        columns=(
            Column("joins", ("joined", "入群"), color="green"),
            Column("leaves", ("left", "退群"), color="red"),
            Column("members", ("members", "成员"), color="text", is_right=True),
        ),
        width=12,
        nothing=_NO_DAYS,
    ),
    Panel(
        id=11,
        kind="timeseries",
        title=("Orders and revenue a day", "每日订单与收入"),
        about=("Attributed to this group, in the brand's currency.", "归因于本群,以品牌货币计。"),
        sql=queries.GROUP_MONEY,
        columns=(
            Column("orders", ("orders", "订单"), color="blue"),
            Column("revenue", ("revenue", "收入"), color="green", is_right=True),
        ),
        width=12,
        is_bars=True,
        nothing=_NO_DAYS,
    ),
    Panel(
        id=10,
        kind="table",
        title=("Who carries the talk", "主要发言者"),
        about=(
            "Members by messages of 90 days, by pseudonym; the share is of the group's talk by these members.",
            "按 90 天消息数排序的成员(化名);占比为这些成员发言的比例。",
        ),
        sql=queries.GROUP_MEMBERS,
        columns=(
            Column("member_id", ("Member", "成员"), width=190),
            Column("messages_28d", ("28 d", "28 天"), width=80),
            Column("messages_90d", ("90 d", "90 天"), width=80),
            Column("talk_share", ("Share", "占比"), width=120, is_bar=True),
            Column("active_days_90d", ("Days 90 d", "90 天活跃天数"), width=90),
            Column("silent", ("Silent", "沉默"), unit="s", decimals=0, width=110),
            Column("orders", ("Orders", "订单"), width=80),
            Column("is_present", ("Still here", "仍在群"), width=90),
        ),
        height=9,
        nothing=("No member has written yet", "还没有成员发言"),
    ),
)  # fmt: skip

_MARKS = (
    Mark(name=("Alerts", "告警"), color="red", sql=queries.MARK_ALERTS),
    Mark(name=("Verdicts", "判断变化"), color="orange", sql=queries.MARK_VERDICTS),
    Mark(name=("Probes", "福利"), color="purple", sql=queries.MARK_PROBES),
    Mark(name=("Posts", "运营内容"), color="blue", sql=queries.MARK_POSTS, is_shown=False),
)
