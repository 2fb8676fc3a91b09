"""`vitals playbook effect` on ClickHouse: as the readonly user, from rows as the sink would have made them."""

import msgspec
import pytest

from streams.playbook.desk import Desk
from streams.playbook.effect import CONTROLS
from streams.settings import Settings
from streams.warehouse import Warehouse

pytestmark = pytest.mark.integration
GROUPS = 43
ROWS = """
INSERT INTO group_vitals_v1 (group_id, brand_id, platform, name, at, is_day_close, verdict, members, messages_day,
    speakers_day, currency, ingested_at)
SELECT concat('revive/irc/g', leftPad(toString(names.number), 2, '0')), 'revive', 'irc', 'x',
    toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + toIntervalDay(days.number + 1), 1, 'fading', 60,
    20 + names.number % 5 + (days.number * 7 + names.number * 3) % 4 + if(names.number = 0 AND days.number > 60, 30, 0),
    5, 'EUR', now64(3)
FROM numbers(43) AS names CROSS JOIN numbers(95) AS days
"""
REGISTRY = """
INSERT INTO groups_v1 (group_id, brand_id, platform, name, currency, created_at, version)
SELECT concat('revive/irc/g', leftPad(toString(number), 2, '0')), 'revive', 'irc', 'x', 'EUR', '2026-01-01 00:00:00', 1
FROM numbers(43)
"""
STARTS = """
INSERT INTO events_v1 (group_id, brand_id, event_id, type, goal, ingested_at, playbook_id, name, occurred_at) VALUES
('revive/irc/g00', 'revive', 'p0', 'playbook_started', 'messages', now64(3), 'p0', 'Tasting', '2026-03-02 09:00:00'),
('revive/irc/g01', 'revive', 'p1', 'playbook_started', 'messages', now64(3), 'p1', 'Nothing', '2026-03-02 10:00:00'),
('revive/irc/g02', 'revive', 'p2', 'playbook_started', 'messages', now64(3), 'p2', 'Late', '2026-04-01 10:00:00')
"""


@pytest.fixture(scope="module")
def desk(stack: Settings) -> Desk:
    for statement in (ROWS, REGISTRY, STARTS):
        Warehouse(stack).run(statement)
    return Desk(msgspec.structs.replace(stack))


def test_the_one_that_was_revived_and_the_one_that_was_not(desk: Desk) -> None:
    effects = {one.playbook_id: desk.effect(one) for one in desk.playbooks(["revive"])}
    helped, nothing, late = (effects[name] for name in ("p0", "p1", "p2"))
    assert helped.estimates[0].answer == "helped"
    assert helped.estimates[0].effect == pytest.approx(30 / 23, abs=0.25)
    assert nothing.estimates[0].answer == "cannot tell"
    assert {one.answer for one in nothing.estimates} == {"cannot tell"}
    assert late.doubt == "early"
    assert helped.estimates[0].doubt is None
    assert len(helped.estimates[0].controls) == CONTROLS
    others = set(helped.estimates[0].controls)
    assert not others & {"revive/irc/g00", "revive/irc/g01"}, "those had a playbook of their own meanwhile"
    assert helped.comparable == GROUPS - 2, "the one that began after the window was left alone in it"


def test_the_groups_that_the_commands_may_name(desk: Desk) -> None:
    known = desk.groups()["revive/irc/g00"]
    assert (known.brand_id, known.currency, known.ended_at) == ("revive", "EUR", None)
    assert known.created_at.tzinfo is not None
