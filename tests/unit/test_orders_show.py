"""The small version of `python -m tests.orders`: what it takes for exact, and that it sees what is not."""

import random
from pathlib import Path

import pytest

from tests.orders.__main__ import show
from tests.orders.chain import PSEUDONYMS, Chain, Row, audit, bring
from tests.orders.shop import DATA, DATASETS, Order, write

DAY = 86_400_000


def some(count: int) -> list[Order]:
    chance = random.Random(3)
    return [
        Order(f"o{n}", f"c{chance.randrange(60)}", (10_000 + chance.randrange(200)) * DAY, chance.randrange(20_000))
        for n in range(count)
    ]


def test_orders_refunds_and_late_links_come_out_to_the_cent(capsys: pytest.CaptureFixture[str]) -> None:
    assert show("made up", some(300), seed=2, groups=20)
    said = capsys.readouterr().out
    assert "300 orders, 60 customers" in said
    assert "balance 0; exact" in said


@pytest.mark.parametrize("name", DATASETS)
def test_a_part_of_each_dataset_comes_out_to_the_cent(name: str) -> None:
    if not DATA.exists():
        pytest.skip(f"there is no {DATA}: the orders of public datasets are not tried")
    orders = list(DATASETS[name]())
    assert len(orders) == {"cdnow": 69_659, "completejourney": 47_243}[name]
    chosen = set(sorted({order.customer for order in orders})[:60])
    assert show(name, [order for order in orders if order.customer in chosen], seed=1, groups=20)


def test_the_audit_sees_a_row_that_is_missing_or_another(tmp_path: Path) -> None:
    files = write(some(100), tmp_path, 1, 10, PSEUDONYMS)
    chain = Chain()
    bring(chain, files, "chat", "early", "orders", "refunds")
    bring(chain, files, "late")
    rows = [Row.of(row) for row in chain.rows]
    assert list(audit(rows, files)) == []
    reversal = next(n for n, row in enumerate(rows) if row.reverses)
    shared = next(n for n, row in enumerate(rows) if row.weight and row.amount > 1)
    for changed in (
        rows[:shared] + rows[shared + 1 :],
        [*rows, rows[shared]._replace(event_id="another")],
        [row._replace(amount=row.amount + (n == shared)) for n, row in enumerate(rows)],
        [row._replace(weight=0.25 if n == shared else row.weight) for n, row in enumerate(rows)],
        [row._replace(amount=row.amount - (n == reversal)) for n, row in enumerate(rows)],
        [*rows, rows[shared]],
    ):
        assert list(audit(changed, files))
