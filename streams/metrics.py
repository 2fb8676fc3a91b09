"""Every metric there is: names, labels and what they mean. Nothing outside of this list is ever exported.

Labels are few and known beforehand: never a group, a member or a brand. Units are Prometheus' base units. What is
called a record here is a Kafka record.
"""

from typing import Literal, get_args

import msgspec

Kind = Literal["worker", "sink", "ticker", "notify", "import"]
"""What runs: an agent's worker, the sink, the ticker, notify; an import, when it is done."""
Label = Literal["agent", "part", "version", "topic", "table", "reason", "channel", "outcome", "server"]
EVERYONE: tuple[Kind, ...] = get_args(Kind)
PARTS: tuple[Kind, ...] = ("worker", "sink", "ticker", "notify")
READERS: tuple[Kind, ...] = ("worker", "sink", "notify")
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
RECORDS = (1.0, 10.0, 100.0, 1_000.0, 3_000.0, 10_000.0, 30_000.0, 100_000.0)


class Metric(msgspec.Struct, frozen=True):
    """One metric. `agent` among the labels is whom it speaks of: a worker's agent, or sink, ticker, notify, import.

    `buckets` are the upper bounds of a histogram. What has the kind `process` is made by Prometheus' own collector.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram", "process"]
    help: str
    of: tuple[Kind, ...]
    labels: tuple[Label, ...] = ("agent",)
    buckets: tuple[float, ...] = ()


def _counter(name: str, about: str, of: tuple[Kind, ...], *labels: Label) -> Metric:
    return Metric(f"vitals_{name}_total", "counter", about, of, ("agent", *labels))


def _gauge(name: str, about: str, of: tuple[Kind, ...], *labels: Label) -> Metric:
    return Metric(f"vitals_{name}", "gauge", about, of, ("agent", *labels))


def _histogram(name: str, about: str, of: tuple[Kind, ...], buckets: tuple[float, ...]) -> Metric:
    return Metric(f"vitals_{name}", "histogram", about, of, buckets=buckets)


def _process(name: str, about: str) -> Metric:
    return Metric(f"process_{name}", "process", about, EVERYONE, ())


WORKER: tuple[Kind, ...] = ("worker",)
SINK: tuple[Kind, ...] = ("sink",)
TICKER: tuple[Kind, ...] = ("ticker",)
IMPORT: tuple[Kind, ...] = ("import",)
NOTIFY: tuple[Kind, ...] = ("notify",)

BUILD = _gauge("build_info", "1, with the version and the part's --name.", EVERYONE, "part", "version")
WAITING = _gauge("waiting", "1 while it waits for a server that is away: kafka or clickhouse.", PARTS, "server")
RECORDS_IN = _counter("records", "Records taken in: folded, made into rows, or looked at for alerts.", READERS)
PARTITIONS = _gauge("partitions", "Partitions that it reads now.", READERS)

DEAD_LETTERS = _counter("dead_letters", "Records refused, each kept as a dead letter.", (*WORKER, *SINK), "reason")
PAUSED = _gauge("paused_partitions", "Partitions that stand still after too many dead letters.", WORKER)
OUTPUTS = _counter("outputs", "Records that the fold gave: rows, signals, touches, dead letters.", WORKER)
UNFLUSHED = _gauge("unflushed_records", "Records folded and not durable yet: what a kill folds again.", WORKER)
FLUSH_SECONDS = _histogram("flush_seconds", "Until outputs, values and positions were durable.", WORKER, SECONDS)
FLUSH_RECORDS = _histogram("flush_records", "Records that a flush made durable.", WORKER, RECORDS)
STATE_BYTES = _gauge("state_bytes", "Bytes of the changelog's live records that it holds.", WORKER)
REBALANCES = _counter("rebalances", "How often its partitions were dealt anew, a start included.", WORKER)

ROWS = _counter("rows", "Rows that ClickHouse took.", SINK, "table")
SKIPPED = _counter(
    "skipped_records", "Records without a row, as their agent refuses them too.", SINK, "topic", "reason"
)
INSERT_SECONDS = _histogram("insert_seconds", "Until ClickHouse had taken an insert.", SINK, SECONDS)
INSERT_RETRIES = _counter("insert_retries", "Inserts that failed and were tried again.", SINK)

TICKS = _counter("ticks", "Ticks that every partition took.", TICKER)
TICK_FAILURES = _counter("tick_failures", "Ticks that Kafka did not take everywhere.", TICKER)
TICK_DELAY = _gauge("tick_delay_seconds", "From the full interval until the last tick was taken everywhere.", TICKER)
LAG = _gauge("lag_records", "Records that an agent has yet to read and commit; Kafka is asked each minute.", TICKER)

NOTIFICATIONS = _counter(
    "notifications",
    "Alerts done with: delivered, given_up as dead letters, or spared people as quiet hours made them needless.",
    NOTIFY,
    "channel",
    "outcome",
)
NOTIFY_TRIES = _counter("notification_tries", "Messages to a channel: taken, or failed.", NOTIFY, "channel", "outcome")
OUTBOX = _gauge("outbox_waiting", "Alerts that wait for a channel.", NOTIFY, "channel")

IMPORTED = _counter("imported", "Lines and events of imports: sent, rejected, skipped, late.", IMPORT, "outcome")

METRICS: tuple[Metric, ...] = (
    BUILD, WAITING, RECORDS_IN, PARTITIONS,
    DEAD_LETTERS, PAUSED, OUTPUTS, UNFLUSHED, FLUSH_SECONDS, FLUSH_RECORDS, STATE_BYTES, REBALANCES,
    ROWS, SKIPPED, INSERT_SECONDS, INSERT_RETRIES,
    TICKS, TICK_FAILURES, TICK_DELAY, LAG,
    NOTIFICATIONS, NOTIFY_TRIES, OUTBOX,
    IMPORTED,
    _process("cpu_seconds_total", "CPU time. On Linux only, as all of `process_`."),
    _process("resident_memory_bytes", "Memory."),
    _process("virtual_memory_bytes", "Address space."),
    _process("start_time_seconds", "When it started, Unix time."),
    _process("open_fds", "Open files and connections."),
    _process("max_fds", "How many it may have."),
)  # fmt: skip
"""The closed list."""


class Sample(msgspec.Struct, frozen=True):
    """One value of a metric. `labels` are all but `agent`; of a bucket `le` is its bound."""

    name: str
    agent: str
    labels: dict[str, str]
    value: float


class PartMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """A part's metrics on the topic `part-metrics`. Times are ms UTC; the part runs since `started_at`.

    Gauges are as they stood at `at`; all else is by how much it grew since `since`, and left out if it did not.
    """

    part: str
    since: int
    at: int
    started_at: int
    samples: tuple[Sample, ...]
