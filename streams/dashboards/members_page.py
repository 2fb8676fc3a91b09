"""Members and money: who stays, who carries the talk, what groups are worth."""

from streams.dashboards import queries
from streams.dashboards.builders import link
from streams.dashboards.choices import ADVICE, BRAND, GROUPS, NO_GROUPS, PLATFORM
from streams.dashboards.model import Column, Page, Panel

_GROUP = link("group", group="group_id")
_NO_MEMBERS = ("No member has done anything yet", "还没有成员活动")
_NO_ORDERS = (
    "No orders in this time range: `vitals import orders-csv` reads them",
    "该时间范围内没有订单:用 `vitals import orders-csv` 导入",
)

MEMBERS = Page(
    name="members",
    title=("Group vitals: members and money", "群体征:成员与收入"),
    variables=(BRAND, PLATFORM, GROUPS),
    since="now-180d",
    panels=(
        Panel(
            id=1,
            kind="stat",
            title=("Members by stage", "成员所处阶段"),
            about=(
                "As of each group's latest vital signs. Growing and mature members keep a group alive; early churned "
                "ones never took root. A member of two groups counts in both.",
                "截至各群最新体征。成长与成熟的成员维系着群;早期流失者从未扎根。在两个群的成员计两次。",
            ),
            sql=queries.MEMBER_STAGES,
            columns=(
                Column("newcomer", ("newcomer", "新成员"), color="light-blue"),
                Column("growing", ("growing", "成长"), color="green"),
                Column("mature", ("mature", "成熟"), color="dark-green"),
                Column("stalled", ("stalled", "停滞"), color="yellow"),
                Column("early_churned", ("early churned", "早期流失"), color="orange"),
                Column("churned", ("churned", "流失"), color="red"),
                Column("left", ("left", "已退群"), color="#808080"),
            ),
            height=4,
            nothing=_NO_MEMBERS,
        ),
        Panel(
            id=2,
            kind="table",
            title=("Cohorts by the month they joined", "按入群月份的同期群"),
            about=("What became of those who joined in a month; days are UTC.", "某月入群的成员后来如何;以 UTC 计。"),
            sql=queries.COHORTS,
            columns=(
                Column("month", ("Joined in", "入群月份"), width=90),
                Column("joined", ("Members", "人数"), width=80),
                Column("here_share", ("Still here", "仍在群"), width=105, is_bar=True),
                Column("speaking_share", ("Spoke in 28 d", "28 天内发言"), width=105, is_bar=True),
                Column("grown_share", ("Growing or mature", "成长或成熟"), width=105, is_bar=True),
                Column("buying_share", ("Bought in a year", "一年内购买"), width=105, is_bar=True),
            ),
            width=12,
            height=9,
            nothing=_NO_MEMBERS,
        ),
        Panel(
            id=5,
            kind="timeseries",
            title=("Revenue a day", "每日收入"),
            about=(
                "What groups got and what no group can claim, each in its own currency. All but codes is correlation.",
                "归因于群的收入与无法归因的收入,各按其货币。除优惠码外均为相关而非因果。",
            ),
            sql=queries.REVENUE,
            width=12,
            height=9,
            is_bars=True,
            nothing=_NO_ORDERS,
        ),
        Panel(
            id=3,
            kind="table",
            title=("Leaders: who carries a group's talk", "核心成员:谁撑起群内发言"),
            about=(
                "Where one member writes much of what is said, the group hangs on that member. From 20 messages on.",
                "若一名成员的发言占比很大,该群便系于一人。90 天内至少 20 条消息。",
            ),
            sql=queries.LEADERS,
            columns=(
                Column("group_id", ("id", "编号"), is_hidden=True),
                Column("name", ("Group", "群"), width=200, link=_GROUP),
                Column("member_id", ("Member", "成员"), width=180),
                Column("messages_90d", ("90 d", "90 天"), width=70),
                Column("talk_share", ("Share", "占比"), width=120, is_bar=True),
                Column("active_days_28d", ("Days 28 d", "28 天活跃天数"), width=80),
                Column("silent", ("Silent", "沉默"), unit="s", decimals=0, width=100),
                Column("orders", ("Orders", "订单"), width=70),
                Column("is_present", ("Here", "在群"), width=70),
            ),
            height=9,
            nothing=_NO_MEMBERS,
        ),
        Panel(
            id=4,
            kind="table",
            title=("Worth: is a group worth saving", "价值:是否值得挽救"),
            about=(
                "0 to 100 out of conversion, residue (old core still here), network (nobody leaves), reach and care, "
                "less freebie hunting. Revenue at risk is that of 28 usual days.",
                "0 到 100,由转化、核心留存、网络、触达与关怀构成,扣除薅羊毛。风险收入为 28 个平常日的收入。",
            ),
            sql=queries.WORTH,
            columns=(
                Column("group_id", ("id", "编号"), is_hidden=True),
                Column("name", ("Group", "群"), width=200, link=_GROUP),
                Column("worth", ("Worth", "价值"), width=70, decimals=0),
                Column("advice", ("Advice", "建议"), width=80, words=ADVICE),
                Column("revenue_at_risk", ("At risk", "风险收入"), width=90, decimals=0),
                Column("currency", ("", ""), width=60),
                Column("conversion", ("Conversion", "转化"), width=115, is_bar=True),
                Column("residue", ("Residue", "核心留存"), width=115, is_bar=True),
                Column("network", ("Network", "网络"), width=115, is_bar=True),
                Column("reach", ("Reach", "触达"), width=115, is_bar=True),
                Column("care", ("Care", "关怀"), width=115, is_bar=True),
                Column("freebie", ("Freebie", "薅羊毛"), width=115, is_bar=True),
            ),
            height=10,
            nothing=NO_GROUPS,
        ),
        Panel(
            id=6,
            kind="table",
            title=("From member to buyer in 28 days", "28 天内从成员到买家"),
            about=("Over the 28 days up to each group's latest vital signs.", "截至各群最新体征的 28 天。"),
            sql=queries.FUNNEL,
            columns=(
                Column("brand_id", ("Brand", "品牌")),
                Column("currency", ("", ""), width=60),
                Column("members", ("Members", "成员"), width=80),
                Column("joined", ("Joined", "入群"), width=70),
                Column("spoke", ("Spoke", "发言"), width=70),
                Column("claimed", ("Claimed", "领取"), width=70),
                Column("bought", ("Bought", "购买"), width=70),
                Column("spoke_share", ("Spoke", "发言率"), width=100, is_bar=True),
                Column("bought_share", ("Bought", "购买率"), width=100, is_bar=True),
                Column("orders", ("Orders", "订单"), width=70),
                Column("revenue", ("Revenue", "收入"), width=100, decimals=0),
            ),
            height=7,
            nothing=NO_GROUPS,
        ),
    ),
)
