"""The same through a running stack: the commands of a user in, and the rows of ClickHouse out."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from streams.pseudonyms import Pseudonyms, brand_secret
from streams.settings import load
from streams.warehouse import Warehouse
from tests.orders.chain import Row, audit
from tests.orders.shop import CURRENCY, PLATFORM, Files, Order, write

_ROWS = """
SELECT event_id, order_id, refund_id, customer_id, amount, weight, reverses
FROM events_v1 FINAL WHERE type = 'order_attributed' AND brand_id = %(brand)s
"""
_WAIT_S = 3600


def show(name: str, orders: list[Order], seed: int, groups: int) -> bool:
    """Bring a shop through the stack under a brand of its own, and say whether all is right."""
    settings = load()
    brand = f"{name}-{time.time_ns() // 1_000_000_000}"
    pseudonyms = Pseudonyms(brand_secret(settings.secrets, brand))
    warehouse = Warehouse(settings)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        files = write(orders, Path(folder), seed, groups, pseudonyms, brand)
        _bring(brand, files, "chat", "early", "orders")
        _bring(brand, files, "refunds")
        _bring(brand, files, "late")
        rows = _rows(warehouse, brand)
        wrong = list(audit(rows, files, pseudonyms))
        _bring(brand, files, "chat", "early", "late", "orders", "refunds", is_again=True)
    if (again := len(_rows(warehouse, brand))) != len(rows):
        wrong.append(f"a second import told {again - len(rows)} rows")
    ((orders_seen, pending),) = warehouse.query(
        "SELECT sum(orders), sum(abs(pending)) FROM revenue WHERE brand_id = %(brand)s", {"brand": brand}
    )
    if (orders_seen, pending) != (len(orders), 0):
        wrong.append(f"the view revenue knows {orders_seen} orders, {pending} cents of them pending")
    click.echo(f"{name}, as brand {brand}: " + ", ".join(f"{count:,} {what}" for what, count in files.counts.items()))
    back = sum(1 for row in rows if row.reverses)
    click.echo(f"  {len(rows):,} rows, {back:,} of them take back others, in {time.monotonic() - began:.0f} s")
    click.echo("  " + ("; ".join(wrong) or "exact"))
    return not wrong


def _bring(brand: str, files: Files, *steps: str, is_again: bool = False) -> None:
    more = ["--again"] if is_again else []
    for step in steps:
        path = getattr(files, step)
        if step == "chat":
            _vitals("import", "jsonl", path, "--source", f"{brand}/chat", *more)
        elif step in ("early", "late"):
            _vitals("import", "identities-csv", path, "--brand", brand, "--platform", PLATFORM, *more)
        else:
            _vitals("import", "orders-csv", path, "--brand", brand, "--currency", CURRENCY, *more)
    _vitals("wait", "--timeout", _WAIT_S)


def _vitals(*arguments: object) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "streams", *map(str, arguments)], check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"vitals {' '.join(map(str, arguments))}: {done.stderr.strip()}")


def _rows(warehouse: Warehouse, brand: str) -> list[Row]:
    return [Row(*row) for row in warehouse.query(_ROWS, {"brand": brand})]
