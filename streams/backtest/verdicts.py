"""Verdicts as a CSV: one row for each group and closed day."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import msgspec

from streams.backtest.driving import Closings
from streams.connectors.destinations import compressed, writable
from streams.vitals.close import Closed
from streams.vitals.features import FEATURES
from streams.vitals.state import GroupState

COLUMNS = ("group_id", "at", "risk", "verdict", "model", "reasons", "messages_1d", "speakers_28d")
MONEY = ("orders_28d", "buyers_28d", "revenue_28d", "currency", "worth", "worth_known", "advice", "revenue_at_risk")
_encode = msgspec.json.Encoder().encode


class Row(msgspec.Struct, frozen=True):
    """The record of a closed day as a CSV row. `risk` and features are the shortest decimals of the same doubles.

    What is not known is empty. Money is in minor units of `currency`, `worth` as it was last judged. A revived group is
    written as healthy: who compares verdicts with deaths knows no other word for it.
    """

    has_features: bool = False
    has_money: bool = False

    @property
    def header(self) -> bytes:
        """The first line."""
        money, features = MONEY if self.has_money else (), FEATURES if self.has_features else ()
        return ",".join((*COLUMNS, *money, *features)).encode() + b"\n"

    def __call__(self, state: GroupState, closed: Closed) -> bytes:
        """A row, its end included."""
        seen = closed.windows
        verdict = "healthy" if state.verdict == "revived" else state.verdict
        reasons = _encode(state.reasons).decode().replace('"', '""')
        row = (
            f"{_quoted(state.group_id)},{iso(seen.at)},{state.risk!r},{verdict},{_quoted(state.assessment.model)},"
            f'"{reasons}",{seen.messages_1d},{seen.speakers_28d}'
        )
        if self.has_money:
            row = f"{row},{_money(state, closed)}"
        if self.has_features:
            row = f"{row},{','.join(map(_or_empty, closed.features))}"
        return f"{row}\n".encode()


@cache
def iso(at: int) -> str:
    """A time (ms UTC) as the CSV files have it."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _money(state: GroupState, closed: Closed) -> str:
    seen, appraisal = closed.windows, state.worth.appraisal
    return (
        f"{seen.orders_28d},{seen.buyers_28d},{seen.revenue_28d},{state.currency},"
        f"{_or_empty(appraisal.worth)},{appraisal.known!r},{appraisal.step},{appraisal.revenue_at_risk}"
    )


def _or_empty(value: float | None) -> str:
    return "" if value is None else repr(value)


@cache
def _quoted(text: str) -> str:
    """A field by RFC 4180."""
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\r\n') else text


def write_verdicts(closings: Closings, row: Row, path: Path) -> int:
    """Write the file, compressed by its ending; it appears whole or not at all. The number of rows."""
    draft = path.with_name(f".{path.name}.part")
    count = 0
    try:
        with writable(path):
            with compressed(draft, path.suffix.lower()) as stream:
                stream.write(row.header)
                for _, pieces in closings.groups():
                    for piece in pieces:
                        stream.write(piece)
                        count += piece.count(b"\n")
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return count


def verdict_lines(closings: Closings, row: Row) -> Iterator[str]:
    """The lines of that file, their ends included."""
    yield row.header.decode()
    for _, pieces in closings.groups():
        for piece in pieces:  # a piece is of whole rows
            yield from io.StringIO(piece.decode(), newline="")
