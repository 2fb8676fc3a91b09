"""Pipeline: is what the other pages show up to date, and was anything refused."""

from streams.dashboards import queries, thresholds
from streams.dashboards.choices import BRAND, PLATFORM
from streams.dashboards.model import Column, Page, Panel

_NOTHING_CAME = ("Nothing came in this time range: see `vitals status`", "该时间范围内没有数据:请看 `vitals status`")
_NO_LETTERS = ("Nothing was refused in this time range", "该时间范围内没有被拒绝的记录")
_KINDS = (("live", ("live", "实时")), ("finished", ("finished", "已完成")))

PIPELINE = Page(
    name="pipeline",
    title=("Group vitals: pipeline", "群体征:数据管道"),
    variables=(BRAND, PLATFORM),
    since="now-24h",
    panels=(
        Panel(
            id=1,
            kind="stat",
            title=("Up to date", "时效"),
            about=(
                "Behind: how long what came has waited for vital signs made of it; up to an hour is usual. Blind: live "
                "sources that were not heard for 12 hours, whose groups are stale.",
                "落后:事件等待体征计算的时间,一小时内属正常。失联:12 小时未报告的实时数据源,其群标为数据中断。",
            ),
            sql=queries.PIPELINE_NOW,
            columns=(
                Column("behind", ("behind by", "落后"), unit="s", decimals=0),
                Column("event_age", ("newest event", "最新事件"), unit="s", decimals=0, color="text"),
                Column("vitals_age", ("newest vital signs", "最新体征"), unit="s", decimals=0, color="text"),
                Column("judged_to", ("judged up to", "已判断至"), unit="dateTimeAsIso", color="text"),
                Column("blind_sources", ("blind sources", "失联数据源"), unit="short", color="text"),
                Column("letters_1d", ("refused in a day", "一天内被拒绝"), unit="short", color="text"),
            ),
            steps=((60.0 * thresholds.BEHIND_MINUTES, "red"),),
            height=5,
        ),
        Panel(
            id=2,
            kind="timeseries",
            title=("Throughput", "吞吐量"),
            about=("Records a second by the time Kafka took them.", "每秒记录数,按 Kafka 接收时间。"),
            sql=queries.THROUGHPUT,
            columns=(
                Column("events", ("events", "事件")),
                Column("orders", ("orders", "订单")),
                Column("vitals", ("rows of vital signs", "体征行")),
            ),
            unit="cps",
            width=12,
            limit=(0, None),
            nothing=_NOTHING_CAME,
        ),
        Panel(
            id=3,
            kind="timeseries",
            title=("Refused records an hour", "每小时被拒绝的记录"),
            about=("Dead letters: kept with their bytes, `vitals dead-letters list` shows them.",
                   "死信:原始数据已保留,可用 `vitals dead-letters list` 查看。"),
            sql=queries.LETTERS_BY_HOUR,
            columns=(Column("letters", ("refused", "被拒绝"), color="red"),),
            width=12,
            is_bars=True,
            limit=(0, None),
            nothing=_NO_LETTERS,
        ),
        Panel(
            id=4,
            kind="table",
            title=("Sources", "数据源"),
            about=(
                "Each connector instance: how far it is complete, when it was last heard, how many of its groups are "
                "judged blind. A finished import never goes blind.",
                "每个连接器实例:数据完整到何时、最近何时报告、其中多少群因失联标为数据中断。已完成的导入不会失联。",
            ),
            sql=queries.SOURCES,
            columns=(
                Column("source", ("Source", "数据源")),
                Column("brand_id", ("Brand", "品牌"), width=110),
                Column("platform", ("Platform", "平台"), width=90),
                Column("kind", ("Kind", "类型"), width=80, words=_KINDS),
                Column("complete_at", ("Complete to", "完整至"), unit="dateTimeAsIso", width=170),
                Column("complete_age", ("That is", "距今"), unit="s", decimals=0, width=100),
                Column("heard_age", ("Heard", "最近报告"), unit="s", decimals=0, width=100),
                Column("groups", ("Groups", "群数"), width=70),
                Column("stale_groups", ("Blind", "失联群数"), width=70, color="purple"),
                Column("events", ("Events", "事件数"), width=90),
            ),
            height=9,
            nothing=("No source was ever heard: `vitals import` reads chat logs", "尚无数据源:用 `vitals import` 导入"),
        ),
        Panel(
            id=5,
            kind="timeseries",
            title=("From the end of an hour to its vital signs", "从整点到体征的时间"),
            about=(
                "How long after the time it speaks of a row was made: half of them, and 95 of 100. Imports of the past "
                "are left out.",
                "体征行生成时间与其所述时间之差:中位数与 95 分位。不含历史导入。",
            ),
            sql=queries.DELAY,
            columns=(Column("half", ("half within", "半数之内")), Column("most", ("95 % within", "95% 之内"))),
            unit="s",
            width=12,
            limit=(0, None),
            nothing=("No live row in this time range", "该时间范围内没有实时体征"),
        ),
        Panel(
            id=6,
            kind="table",
            title=("Refused, by reason", "被拒绝的原因"),
            about=("The reasons are explained in ARCHITECTURE.md.", "各原因的说明见 ARCHITECTURE.md。"),
            sql=queries.LETTERS_BY_REASON,
            columns=(
                Column("origin", ("From", "来源"), width=110),
                Column("reason", ("Reason", "原因"), width=140),
                Column("letters", ("Records", "记录数"), width=80),
                Column("latest", ("Latest", "最近"), unit="dateTimeFromNow", width=110),
                Column("example", ("Example", "示例"), is_long=True),
            ),
            width=12,
            nothing=_NO_LETTERS,
            may_be_empty=True,
        ),
    ),
)  # fmt: skip
