"""What the alert agent would have told: the agent itself, fed with the signals of a backtest in the order of time."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from streams.backtest.verdicts import iso
from streams.connectors.destinations import compressed, writable
from streams.events import Tick
from streams.vitals.alerting import AlertLog
from streams.vitals.episodes import MINUTE_MS, AlertPolicy, Signal
from streams.vitals.rows import GroupAlert

COLUMNS = (
    "told_at", "at", "brand_id", "group_id", "alert", "state", "severity", "withheld", "verdict", "was", "risk",
    "model", "reasons", "source_name", "groups", "group_count", "known_groups", "alert_id", "cause_id", "outcome",
)  # fmt: skip
_encode = msgspec.json.Encoder().encode


def told(signals: Iterable[tuple[int, Signal]], policy: AlertPolicy | None = None) -> list[GroupAlert]:
    """All transitions, in the order in which they are told; each signal has the tick (ms UTC) that it stands before.

    The clocks of a live stack move together here: all partitions pass a tick at once. What still waits at the last
    signal is told as if an hour more had passed.
    """
    policy = policy or AlertPolicy()
    log = AlertLog(0, "backtest", 1, policy)
    out: list[GroupAlert] = []
    offset, now = 0, -1

    def pass_to(at: int) -> None:
        tick = Tick(event_id=f"tick/{at}", occurred_at=at, brand_id="*", platform="*", origin_partition=0)
        out.extend(one.value for one in log.fold(tick, "", offset, at) if isinstance(one.value, GroupAlert))

    for at, signal in sorted(signals, key=_place):
        if at != now and now >= 0:
            pass_to(now)
            offset += 1
        now = at
        log.fold(signal, signal.brand_id, offset, at)
        offset += 1
    if now >= 0:
        pass_to(now)
        offset += 1
        pass_to(now + policy.common_minutes * MINUTE_MS)
    return sorted(out, key=lambda alert: (alert.told_at, alert.brand_id))


def write_alerts(alerts: Sequence[GroupAlert], outcome_of: Callable[[GroupAlert], str], path: Path) -> None:
    """Write the file, compressed by its ending; it appears whole or not at all. Times are as in the verdicts."""
    draft = path.with_name(f".{path.name}.part")
    try:
        with writable(path):
            with compressed(draft, path.suffix.lower()) as stream:
                text = io.TextIOWrapper(stream, "utf-8", newline="", write_through=True)
                rows = csv.writer(text, lineterminator="\n")
                rows.writerow(COLUMNS)
                rows.writerows(_row(alert, outcome_of(alert)) for alert in alerts)
                text.detach()
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _row(alert: GroupAlert, outcome: str) -> tuple[object, ...]:
    risk = "" if alert.risk is None else repr(alert.risk)
    groups = _encode(alert.groups).decode() if alert.groups else ""
    return (
        iso(alert.told_at), iso(alert.at), alert.brand_id, alert.group_id, alert.kind, alert.state, alert.severity,
        alert.withheld, alert.verdict, alert.was, risk, alert.model, _encode(alert.reasons).decode(), alert.source_name,
        groups, alert.group_count or "", alert.known_groups or "", alert.alert_id, alert.cause_id, outcome,
    )  # fmt: skip


def _place(one: tuple[int, Signal]) -> tuple[int, str, int, str]:
    """By tick; what follows decides nothing but offsets, so that these do not depend on the number of processes."""
    at, signal = one
    return at, signal.brand_id, signal.occurred_at, signal.event_id
