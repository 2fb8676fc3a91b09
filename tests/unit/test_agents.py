import msgspec
import pytest

from streams.agents import AGENTS, DEAD_LETTERS, absorb
from streams.dead_letter_limit import Limit
from streams.dead_letters import DeadLetter
from streams.events import EVENTS
from tests.toy_log import ToyLog, message, tick, toy_agent
from tests.unit.test_edge import CASES, Record

AGENT = toy_agent()


def fold(records, limit=None, end=None):
    log = ToyLog(3, "rows")
    result = absorb(records, AGENT, log, limit or Limit(), partition=3, end=end or len(records))
    return log, *result


def numbered(*values: bytes) -> list[Record]:
    return [Record(value, b"k", offset, 2**42) for offset, value in enumerate(values)]


def test_good_records_are_folded_and_refused_ones_are_outputs_in_their_place():
    log, outputs, end, refused = fold(numbered(message("k", 1, 1), b"noise", message("k", 2, 2), tick(3)), end=9)
    assert (log.tallies["k"].count, log.tallies["k"].offset, log.tallies["k"].breaks) == (2, 2, 0)
    assert (end, refused) == (9, 1)
    assert [output.topic for output in outputs] == [DEAD_LETTERS, "rows"]
    letter = outputs[0].value
    assert isinstance(letter, DeadLetter)
    assert (letter.origin, letter.partition, letter.position) == ("toy-events", 3, 1)


@pytest.mark.parametrize(("reason", "value"), CASES, ids=lambda case: case if isinstance(case, str) else "")
def test_the_loop_refuses_what_the_edge_refuses(reason, value):
    outputs, _, refused = absorb([Record(value)], AGENTS["groups"], ToyLog(0, "rows"), Limit(), partition=0, end=8)
    assert refused == 1
    assert outputs[0].value.reason == reason


def test_it_stops_after_the_record_that_passes_the_limit():
    _, outputs, end, refused = fold(numbered(*[b"noise"] * 150))
    assert (len(outputs), end, refused) == (100, 100, 100)


def test_a_bug_of_the_fold_is_no_dead_letter():
    class Buggy(ToyLog):
        def fold(self, *_):
            raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        absorb(numbered(message("k", 1, 1)), AGENT, Buggy(0, "rows"), Limit(), partition=0, end=1)


@pytest.mark.parametrize("agent", AGENTS.values(), ids=lambda agent: agent.name)
def test_an_agent_decodes_every_event_of_its_topic_and_has_a_log(agent):
    for kind in EVENTS[agent.topic]:
        with pytest.raises(msgspec.ValidationError, match="missing required field"):
            agent.decode(b'{"type": "%s"}' % kind.__struct_config__.tag.encode())
    assert set(agent.key_of) <= set(EVENTS[agent.topic])
    log = agent.new_log(1, agent.origin(1, b"t" * 16), 4)
    log.restore(None, {})
    again = agent.new_log(1, agent.origin(1, b"t" * 16), 4)
    again.restore(log.partition_value(), log.take_changed())
    assert again.partition_value() == log.partition_value()


def test_a_topic_made_again_is_another_origin():
    assert AGENTS["groups"].origin(3, b"\0" * 16) == "groups/chat-events/3/00000000-0000-0000-0000-000000000000"
    assert AGENTS["groups"].origin(3, b"\1" * 16) != AGENTS["groups"].origin(3, b"\0" * 16)
