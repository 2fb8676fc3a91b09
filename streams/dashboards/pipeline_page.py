"""Pipeline: is what the other pages show up to date, and was anything refused."""

from streams.dashboards import pipeline_queries as queries
from streams.dashboards import thresholds
from streams.dashboards.choices import BRAND, PLATFORM
from streams.dashboards.model import Column, Page, Panel

_NOTHING_CAME = ("Nothing came in this time range: see `vitals status`", "该时间范围内没有数据:请看 `vitals status`")
_NOTHING_TOLD = (
    "No part has told of itself in this time range: see `vitals status`, and whether VITALS_METRICS_SECONDS is 0",
    "该时间范围内没有组件报告指标:请看 `vitals status`,并检查 VITALS_METRICS_SECONDS 是否为 0",
)
_NO_LETTERS = ("Nothing was refused in this time range", "该时间范围内没有被拒绝的记录")
_AGENTS = (
    Column("groups", ("groups", "群")),
    Column("identity", ("identity", "身份")),
    Column("attribution", ("attribution", "归因")),
    Column("alerts", ("alerts", "警报")),
    Column("sink", ("sink to ClickHouse", "写入 ClickHouse")),
)
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
            id=7,
            kind="timeseries",
            title=("Lag", "积压"),
            about=(
                "Records that each agent has yet to read and commit, as Kafka knew each minute. After an import it "
                "falls steadily; an agent whose lag stands or grows while others work hangs or is down.",
                "各组件尚未读取并提交的记录数,每分钟取自 Kafka。导入后应持续下降;其他组件正常而某一组件不降反升,"
                "说明其停滞或已停止。",
            ),
            sql=queries.LAGS,
            columns=_AGENTS,
            width=12,
            limit=(0, None),
            nothing=_NOTHING_TOLD,
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
            id=8,
            kind="timeseries",
            title=("Work of the agents", "组件处理量"),
            about=(
                "Records a second that each agent folded or stored, ticks included.",
                "各组件每秒处理的记录数,含时钟事件。",
            ),
            sql=queries.WORK,
            columns=_AGENTS,
            unit="cps",
            width=12,
            limit=(0, None),
            nothing=_NOTHING_TOLD,
        ),
        Panel(
            id=9,
            kind="timeseries",
            title=("Flushes and inserts", "刷写与写入耗时"),
            about=(
                "Until outputs, values and positions of the agents were durable in Kafka: half of the flushes, and 99 "
                "of 100; and of 99 of 100 inserts. Slow flushes point to Kafka, slow inserts to ClickHouse.",
                "组件的输出、状态与位点在 Kafka 中持久化所需时间:中位数与 99 分位;以及写入 ClickHouse 的 99 分位。"
                "刷写慢多因 Kafka,写入慢多因 ClickHouse。",
            ),
            sql=queries.FLUSHES,
            columns=(
                Column("half", ("half of the flushes", "刷写中位数")),
                Column("most", ("99 % of the flushes", "刷写 99 分位")),
                Column("inserts", ("99 % of the inserts", "写入 99 分位")),
            ),
            unit="s",
            width=12,
            limit=(0, None),
            nothing=_NOTHING_TOLD,
        ),
        Panel(
            id=10,
            kind="timeseries",
            title=("Errors and restarts", "错误与重启"),
            about=(
                "What failed and was tried again, minutes in which a part waited for Kafka or ClickHouse, and starts "
                "of parts. All is well at 0; an upgrade starts each part once.",
                "失败后重试的次数、组件等待 Kafka 或 ClickHouse 的分钟数以及组件启动次数。正常为 0;"
                "升级时各组件启动一次。",
            ),
            sql=queries.TROUBLES,
            columns=(
                Column("inserts", ("inserts tried again", "写入重试")),
                Column("ticks", ("ticks not taken", "时钟事件失败")),
                Column("messages", ("alerts not taken by a channel", "通知发送失败")),
                Column("waits", ("waiting for a server", "等待服务器")),
                Column("starts", ("starts", "启动")),
            ),
            width=12,
            is_bars=True,
            limit=(0, None),
            nothing=_NOTHING_TOLD,
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
            id=11,
            kind="table",
            title=("Parts", "组件"),
            about=(
                "What runs. Each tells of itself every minute; one that was not heard for longer is down or cannot "
                "reach Kafka. Starts are of two weeks.",
                "运行中的组件。各组件每分钟报告一次;更久未报告的已停止或连不上 Kafka。启动次数为两周内的。",
            ),
            sql=queries.PARTS,
            columns=(
                Column("part", ("Part", "组件")),
                Column("agent", ("Agent", "类型"), width=110),
                Column("version", ("Version", "版本"), width=90),
                Column("heard_age", ("Heard", "最近报告"), unit="s", decimals=0, width=100),
                Column("uptime", ("Runs for", "已运行"), unit="s", decimals=0, width=110),
                Column("starts", ("Starts", "启动次数"), width=80),
                Column("memory_bytes", ("Memory", "内存"), unit="bytes", width=110),
                Column("waits", ("Waits for", "正在等待"), width=150),
            ),
            nothing=_NOTHING_TOLD,
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
