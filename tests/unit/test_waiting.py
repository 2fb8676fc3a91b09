"""Whom `vitals wait` waits for, in which order."""

import pytest

from streams import waiting
from streams.warehouse import WarehouseError

BEFORE = ["vitals-groups", "vitals-identity", "vitals-sink of purchases"]
ORDERS = ["tick", "vitals-groups", "vitals-identity", "vitals-attribution", "vitals-groups"]
AFTER = ["tick", "vitals-groups", "vitals-alerts", "vitals-sink"]


@pytest.fixture
def steps(tmp_path, monkeypatch):
    """What is waited for where ClickHouse answers so when asked for an order."""

    def steps(answer):
        taken = []

        class Backlog:
            def __init__(self, _settings):
                pass

            def lags(self, group, topics=None):
                taken.append(group if topics is None else f"{group} of {', '.join(topics)}")
                return iter(())

        class Warehouse:
            def __init__(self, _settings, who):
                assert who == "bi"

            def query(self, _sql):
                if isinstance(answer, Exception):
                    raise answer
                return answer

            def close(self):
                pass

        monkeypatch.setattr(waiting, "Backlog", Backlog)
        monkeypatch.setattr(waiting, "Warehouse", Warehouse)
        monkeypatch.setattr(waiting._Wait, "ticked", lambda _self, _after: taken.append("tick"))
        waiting.wait(waiting.load({"VITALS_HOME": str(tmp_path), "HOME": str(tmp_path)}), 1, lambda _: None)
        return taken

    return steps


def test_chats_without_orders_wait_for_one_tick(steps):
    assert steps([]) == BEFORE + AFTER


@pytest.mark.parametrize("answer", [[(1,)], WarehouseError("it is away")])
def test_orders_are_attributed_before_groups_are_judged_also_where_nobody_knows_of_any(answer, steps):
    assert steps(answer) == BEFORE + ORDERS + AFTER
