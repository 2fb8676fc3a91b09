"""What a value has absorbed already it skips, but is written again: what an older writer wrote of it may yet go."""

import pytest
from msgspec.structs import replace

from streams import events, models
from streams.vitals.alerting import AlertLog
from streams.vitals.attribution import PurchaseLog
from streams.vitals.partition import GroupLog

AT = 1_700_000_000_000
COMMON = {"event_id": "e1", "occurred_at": AT, "brand_id": "b", "platform": "p", "source": "s", "source_seq": 7}
SAID = events.Message(group_id="b/p/g", member_id="m", **COMMON)
BOUGHT = events.Purchase(customer_id="c", order_id="o1", amount=100, currency="CNY", **COMMON)
SNOOZED = events.Snoozed(group_id="b/p/g", until=AT + 900_000, actor="li", **COMMON)
LOGS = {
    "groups": (lambda: GroupLog(0, "o", models.load()), "b/p/g", SAID, {}),
    "attribution": (lambda: PurchaseLog(0, "o", 1), "c", BOUGHT, {"order_id": "o2"}),
    "alerts": (lambda: AlertLog(0, "o", 1), "b", SNOOZED, {"until": AT + 1_800_000}),
}


@pytest.mark.parametrize("name", LOGS)
def test_a_value_that_is_ahead_of_the_position_skips_and_is_written_again_as_it_was(name):
    make, key, event, changed = LOGS[name]
    first = make()
    first.restore(None, {})
    first.fold(event, key, 5, AT)
    first.fold(replace(event, event_id="e2", source_seq=8, **changed), key, 9, AT)
    written = first.take_changed()
    assert written
    again = make()
    again.restore(None, written)
    assert not again.take_changed()
    assert not again.fold(event, key, 5, AT)
    assert again.take_changed() == written
