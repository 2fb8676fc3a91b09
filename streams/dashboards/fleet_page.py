"""Fleet: which groups to look after this morning, and how the fleet is doing."""

from streams.dashboards import queries
from streams.dashboards.builders import link, verdict_columns
from streams.dashboards.choices import ADVICE, BRAND, NO_GROUPS, PLATFORM, VERDICT
from streams.dashboards.model import Column, Page, Panel
from streams.words import ALERT_WORDS

_GROUP = link("group", group="group_id")
_ID = Column("group_id", ("id", "编号"), is_hidden=True)
_NAME = Column("name", ("Group", "群"), width=200, link=_GROUP)
_VERDICT = Column("verdict", ("Verdict", "判断"), width=80, is_verdict=True)
_RISK = Column("risk", ("Risk", "风险"), unit="percentunit", width=65, decimals=0)
_WHY = Column("why", ("Why", "原因"), is_long=True)
_OWNER = Column("owner", ("Owner", "负责人"), width=90)
_BRAND = Column("brand_id", ("Brand", "品牌"), width=110)

FLEET = Page(
    name="fleet",
    title=("Group vitals: fleet", "群体征:全部群"),
    variables=(BRAND, PLATFORM, VERDICT),
    panels=(
        Panel(
            id=1,
            kind="stat",
            title=("Groups by verdict now", "各判断的群数"),
            about=(
                "Every known group by its latest verdict. Stale: its source is blind, nobody knows how it is.",
                "每个已知的群按最新判断计数。数据中断:数据源失联,情况不明。",
            ),
            sql=queries.VERDICTS_NOW,
            columns=(
                Column("known", ("all", "全部"), color="text"),
                *verdict_columns(),
                Column("unjudged", ("not judged yet", "尚未判断"), color="text"),
            ),
            height=4,
            nothing=NO_GROUPS,
        ),
        Panel(
            id=2,
            kind="table",
            title=("The ten to look after", "最需要关注的十个群"),
            about=(
                "Those who can still be saved first: dying before fading before dead, then by risk. Worth says whether "
                "a group is worth saving, 0 to 100.",
                "先列还能挽救的:濒死、衰退、死群,再按风险排序。价值 0 到 100,表示是否值得挽救。",
            ),
            sql=queries.TO_LOOK_AFTER,
            columns=(
                _ID,
                _NAME,
                _VERDICT,
                _RISK,
                _WHY,
                Column("worth", ("Worth", "价值"), width=65, decimals=0),
                Column("advice", ("Advice", "建议"), width=75, words=ADVICE),
                Column("since", ("Since", "始于"), unit="dateTimeFromNow", width=105),
                _OWNER,
                _BRAND,
            ),
            height=11,
            nothing=("No group is fading, dying or dead", "没有衰退、濒死或死亡的群"),
        ),
        Panel(
            id=3,
            kind="timeseries",
            title=("Groups by verdict over time", "各判断群数的变化"),
            about=(
                "Each group counts on each day with the latest verdict it had by then, whatever happened.",
                "每个群每天按当时最新的判断计数,无论当天是否有动静。",
            ),
            sql=queries.VERDICTS_BY_DAY,
            columns=verdict_columns(),
            height=8,
            is_stacked=True,
            limit=(0, None),
            nothing=NO_GROUPS,
        ),
        Panel(
            id=4,
            kind="table",
            title=("Brands", "品牌"),
            about=(
                "Healthy share is of the groups that are seen and not ended. Engagement is the mean of 0 to 100.",
                "健康占比不含已结束和数据中断的群。活跃度为 0 到 100 的平均值。",
            ),
            sql=queries.BY_BRAND,
            columns=(
                Column("brand_id", ("Brand", "品牌"), link=link("fleet", brand="brand_id")),
                Column("known", ("Groups", "群数"), width=70),
                *(one for one in verdict_columns() if one.name in ("dying", "fading", "dead", "stale")),
                Column("healthy_share", ("Healthy", "健康占比"), width=110, is_bar=True),
                Column("members", ("Members", "成员"), width=90),
                Column("engagement", ("Engagement", "活跃度"), width=90, decimals=0),
            ),
            height=7,
            nothing=NO_GROUPS,
        ),
        Panel(
            id=5,
            kind="table",
            title=("What changed since yesterday", "自昨天以来的变化"),
            about=(
                "Verdicts that changed when the last UTC days closed, the latest first.",
                "最近几个 UTC 日结束时变化的判断,最新的在前。",
            ),
            sql=queries.CHANGED,
            columns=(
                Column("at", ("At", "时间"), unit="dateTimeAsIso", width=170),
                _ID,
                _NAME,
                Column("was", ("Was", "之前"), width=90, is_verdict=True),
                _VERDICT,
                _RISK,
                _WHY,
                _OWNER,
                _BRAND,
            ),
            height=8,
            nothing=("No verdict changed since yesterday", "自昨天以来没有变化"),
            may_be_empty=True,
        ),
        Panel(
            id=6,
            kind="table",
            title=("Open alerts", "未恢复的告警"),
            about=("Episodes that have not recovered, the latest first.", "尚未恢复的告警,最新的在前。"),
            sql=queries.OPEN_ALERTS,
            columns=(
                Column("opened_at", ("Opened", "开始"), unit="dateTimeAsIso", width=170),
                Column("alert", ("Alert", "告警"), width=120, words=tuple(ALERT_WORDS.items())),
                Column("severity", ("Severity", "级别"), width=80),
                Column("what", ("Where", "位置"), width=180, link=_GROUP),
                _ID,
                _WHY,
                Column("acknowledged_by", ("Taken by", "已认领"), width=100),
                _OWNER,
            ),
            height=8,
            nothing=("No alert is open", "没有未恢复的告警"),
            may_be_empty=True,
        ),
    ),
)
