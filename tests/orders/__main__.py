"""Real orders of simulated members: every cent is where it belongs, and a second import is none.

`python -m tests.orders` takes the 69,659 orders of one public dataset and the 47,243 baskets of another from
`../shared/data`, makes members of chat groups of their buyers, and brings all of it through the importers and the
three folds that an order passes: the chat, the links of 90 % of the customers, the orders, refunds of 5 % of them, the
links of the others, and then everything once more. `--stack` brings it through the running stack instead (`vitals up`).
Exits 1 where anything differs.
"""

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import click

from streams.events import OrderAttributed, unattributed_group
from tests.orders import stack
from tests.orders.chain import PSEUDONYMS, Chain, Row, audit, bring
from tests.orders.shop import BRAND, DATA, DATASETS, Order, decimals, write


def show(name: str, orders: list[Order], seed: int, groups: int) -> bool:
    """Bring a shop through the folds, print its figures, and say whether all is right."""
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        files = write(orders, Path(folder), seed, groups, PSEUDONYMS)
        made = time.process_time() - began
        chain, wrong = Chain(), []
        bring(chain, files, "chat", "early", "orders")
        bring(chain, files, "refunds")
        unknown = _unattributed(chain.rows)
        bring(chain, files, "late")
        wrong += audit([Row.of(row) for row in chain.rows], files)
        first = len(chain.rows)
        bring(chain, files, "chat", "early", "late", "orders", "refunds")
        if len(chain.rows) != first:
            wrong.append(f"a second import told {len(chain.rows) - first} rows")
    ledger = Counter[str]()
    for row in chain.rows:
        ledger[row.group_id] += row.amount
    nobody = ledger.pop(unattributed_group(BRAND), 0)
    if +ledger != +chain.revenue():
        wrong.append("groups count other revenue than their rows say")
    cpu = time.process_time() - began - made
    paid = sum(order.cents for order in orders)
    back = sum(1 for row in chain.rows if row.reverses)
    click.echo(f"{name}: " + ", ".join(f"{count:,} {what}" for what, count in files.counts.items()))
    net, given = sum(files.by_order.values()), sum(ledger.values())
    click.echo(f"  paid {decimals(paid)}, less refunds {decimals(net)}; of it in groups {decimals(given)}")
    click.echo(f"  unattributed {decimals(nobody)}, before the late links {decimals(unknown)}")
    click.echo(
        f"  {first:,} rows, {back:,} of them take back others; {chain.folded:,} events folded in {cpu:.0f} s of CPU"
    )
    click.echo(f"  balance {given + nobody - net}; " + ("; ".join(wrong) or "exact"))
    return not wrong


def _unattributed(rows: list[OrderAttributed]) -> int:
    return sum(row.amount for row in rows if row.rule == "unattributed")


@click.command()
@click.option("--dataset", "datasets", type=click.Choice(list(DATASETS)), multiple=True, help="[default: all]")
@click.option("--customers", type=int, help="Only so many of each.")
@click.option("--seed", default=1, show_default=True)
@click.option("--groups", default=200, show_default=True)
@click.option("--stack", "is_on_stack", is_flag=True, help="Through the stack of VITALS_HOME, which must run.")
def main(datasets: tuple[str, ...], customers: int | None, seed: int, groups: int, *, is_on_stack: bool) -> None:
    """Bring real orders of simulated members through importers and folds, and compare every sum with the files."""
    if not DATA.exists():
        click.echo(f"SKIPPED: there is no {DATA}", err=True)
        return
    fine = True
    for name in datasets or DATASETS:
        orders = list(DATASETS[name]())
        if customers is not None:
            chosen = set(sorted({order.customer for order in orders})[:customers])
            orders = [order for order in orders if order.customer in chosen]
        fine &= (stack.show if is_on_stack else show)(name, orders, seed, groups)
    sys.exit(not fine)


if __name__ == "__main__":
    main()
