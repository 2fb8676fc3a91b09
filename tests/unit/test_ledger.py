"""Members at rest: what is stored and told must not depend on who was awake, when values were taken, or restarts."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import events as e
from streams.events import encode
from streams.vitals import ledger as module
from streams.vitals.ledger import Ledger
from streams.vitals.log import pack, unpack
from streams.vitals.members import Activity, Member, Trade, claimed
from streams.vitals.partition import GroupLog
from streams.vitals.policy import DAY_MS, HOUR_MS
from streams.vitals.state import GroupState
from tests.unit.test_group_fold import COMMON, GROUP, MODEL, START

LATER = 1 << 60


@contextmanager
def resting() -> Iterator[None]:
    """The smallest ledger and the quietest day rest too, and whoever is awake at the next flush."""
    with (
        patch.object(module, "AWAKE", 0),
        patch("streams.vitals.state.AWAKE_MS", -LATER),
        patch("streams.vitals.packed.MANY", 0),
    ):
        yield


def ledger_of(count: int) -> Ledger:
    ledger = Ledger()
    for n in range(count):
        ledger.get(f"m_{n}", "member").last_action_at = n
    return ledger


# --- a ledger --------------------------------------------------------------------------------------------


def test_who_rests_is_found_awake_and_what_is_changed_then_is_stored() -> None:
    with resting():
        ledger = ledger_of(3)
        ledger.rest(LATER)
        assert {type(kept) for kept in ledger.by_id.values()} == {bytes}
        member = ledger.find("m_1")
        assert member is not None
        member.messages = 7
        assert ledger.find("m_1") is member is ledger["m_1"] is ledger.look("m_1")
        ledger.rest(LATER)
        assert ledger["m_1"].messages == 7
        assert ledger.find("m_9") is ledger.look("m_9") is None
        assert list(ledger.by_id) == ["m_0", "m_1", "m_2"]


def test_nothing_can_be_written_into_who_is_only_looked_at() -> None:
    with resting():
        ledger = ledger_of(3)
        ledger.rest(LATER)
        seen = ledger.look("m_1")
        assert seen is not None
        assert seen.number == 1
        for one in (seen, *(one for _, one in ledger.look_each()), *(one for _, one in ledger.glance_each())):
            with pytest.raises(AttributeError, match="immutable"):
                one.is_present = True  # type: ignore[misc]
        assert {type(kept) for kept in ledger.by_id.values()} == {bytes}, "looking wakes nobody"


def test_what_a_walk_changes_is_kept_and_who_rested_rests_again() -> None:
    with resting():
        ledger = ledger_of(4)
        ledger.rest(LATER)
        awake = ledger["m_2"]
        for n, (member_id, member) in enumerate(ledger.find_each()):
            member.messages = n
            if n == 1:
                claimed(ledger[member_id], 5)
        assert [type(kept) for kept in ledger.by_id.values()] == [bytes, bytes, Member, bytes]
        assert [(one.messages, one.trade is None) for _, one in ledger.look_each()] == [
            (0, True), (1, False), (2, True), (3, True),
        ]  # fmt: skip
        assert ledger["m_2"] is awake


def test_only_who_did_nothing_of_late_rests_and_only_in_a_ledger_of_many() -> None:
    many = ledger_of(module.AWAKE + 1)
    many.rest(10)
    assert [type(kept) for kept in many.by_id.values()] == [bytes] * 10 + [Member] * (module.AWAKE - 9)
    few = ledger_of(module.AWAKE)
    few.rest(LATER)
    assert {type(kept) for kept in few.by_id.values()} == {Member}
    assert few.stored() is few


def test_a_ledger_that_has_become_small_is_awake() -> None:
    ledger = ledger_of(module.AWAKE + 1)
    ledger.rest(LATER)
    ledger.get("new", "member").last_action_at = (module.GONE_DAYS + 1) * DAY_MS
    ledger.forget_gone((module.GONE_DAYS + 1) * DAY_MS, 90)
    assert [(member_id, type(one)) for member_id, one in ledger.find_each()] == [("new", Member)]


@pytest.mark.parametrize("at_rest", [True, False])
def test_pseudonyms_are_learnt_by_number_whoever_was_forgotten(at_rest: bool) -> None:
    with resting():
        ledger, ids = ledger_of(5), list[str]()
        if at_rest:
            ledger.rest(LATER)
        ledger.learn(ids)
        assert ids == ["m_0", "m_1", "m_2", "m_3", "m_4"]
        for gone in ("m_1", "m_4"):
            del ledger.by_id[gone]
        ledger.get("new", "member")
        ledger.learn(ids)
        assert ids == ["m_0", "m_1", "m_2", "m_3", "m_4", "new"]
        anew: list[str] = []
        ledger.learn(anew)
        assert anew == ["m_0", "", "m_2", "m_3", "", "new"]
        assert [ledger.id_of(number) for number in range(7)] == [*anew, ""]


def test_a_member_that_an_older_version_stored_is_made_one_of_this_when_the_group_is_opened() -> None:
    whole = msgspec.msgpack.decode(pack(0, GroupState("g", "b", "p", ledger=ledger_of(3)))[9:])
    of_ledger = GroupState.__struct_fields__.index("ledger")
    for member in whole[of_ledger][0].values():
        del member[-2:]
    with resting():
        state = unpack(b"\0" * 9 + msgspec.msgpack.encode(whole), msgspec.msgpack.Decoder(GroupState))
        state.ledger.opened()
        untouched = [*state.ledger.by_id.values()]
        for member_id in state.ledger.by_id:
            state.ledger.find(member_id)
        state.ledger.rest(LATER)
        assert [*state.ledger.by_id.values()] == untouched


@pytest.mark.parametrize(("kind", "fields"), [(Member, 25), (Trade, 8), (Activity, 5)])
def test_whoever_appends_a_field_reads_this(kind: type[msgspec.Struct], fields: int) -> None:
    """What lies in a member is not looked at when a group is opened: append to `Member` too, so that all are renewed.

    Else a value that rested since an older version differs from one that was awake, though both mean the same.
    """
    assert len(kind.__struct_fields__) == fields


# --- a log -----------------------------------------------------------------------------------------------

MEMBERS = [f"m_{n}" for n in range(12)]
KINDS: list[Callable[[random.Random], tuple[type[e.GroupEvent], dict[str, Any]]]] = [
    *[lambda r: (e.Message, {"member_id": r.choice(MEMBERS)})] * 6,
    lambda r: (e.Message, {"member_id": r.choice(MEMBERS), "reply_to": f"e/{r.randrange(300)}"}),
    lambda r: (e.Message, {"member_id": r.choice(MEMBERS), "mentions": tuple(r.sample(MEMBERS, 2))}),
    lambda r: (e.Message, {"member_id": r.choice(["s_1", "m_3"]), "role": "staff"}),
    lambda r: (e.Recall, {"target": f"e/{r.randrange(300)}"}),
    lambda r: (e.Join, {"member_id": r.choice(MEMBERS), "inviter_id": r.choice([None, *MEMBERS])}),
    lambda r: (e.Leave, {"member_id": r.choice(MEMBERS), "reason": r.choice(["left", "kicked"])}),
    lambda r: (e.Roster, {"members": tuple(r.sample(MEMBERS, 8)), "staff": ("s_1",)}),
    lambda r: (e.Reaction, {"member_id": r.choice(MEMBERS)}),
    lambda r: (e.Claim, {"member_id": r.choice(MEMBERS), "benefit_id": r.choice([None, "b/1", "b/2"])}),
    lambda r: (e.Benefit, {"benefit_id": r.choice(["b/1", "b/2"]), "amount": 100, "currency": "CNY"}),
    lambda r: (e.Mute, {"member_id": r.choice(MEMBERS)}),
    lambda r: (e.Points, {"member_id": r.choice(MEMBERS), "points": 3}),
    lambda r: (e.OrderAttributed, {"order_id": f"o/{r.randrange(99)}", "customer_id": "c", "amount": 500, "weight": 1.0,
               "member_id": r.choice(MEMBERS), "currency": "CNY", "rule": "last_touch"}),
]  # fmt: skip


@st.composite
def stories(draw: st.DrawFn) -> list[e.Event]:
    """Whatever can happen in a group of a dozen over three months or, with long silences, years; live or imported."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    at, told, is_live = START, list[e.Event](), draw(st.booleans())
    for n in range(draw(st.integers(1, 300))):
        was, at = at, at + rng.choice([60_000, HOUR_MS, 8 * HOUR_MS, DAY_MS, 8 * DAY_MS if n % 20 else 410 * DAY_MS])
        late = rng.choice([0, 0, 0, HOUR_MS, 2 * DAY_MS])
        kind, fields = rng.choice(KINDS)(rng)
        told.append(kind(event_id=f"e/{n}", occurred_at=max(START, at - late), **COMMON, **fields))
        if at // HOUR_MS > was // HOUR_MS:
            source = None if is_live else "irc/acme"
            until = (at - rng.choice([0, HOUR_MS])) // HOUR_MS * HOUR_MS
            told.append(e.Tick(event_id=f"t/{n}", occurred_at=until, brand_id="*", platform="*", source=source))
    return told


def fold(story: list[e.Event], cuts: random.Random | None) -> tuple[list[bytes], dict[str, bytes]]:
    """All outputs, and the values at the end. With `cuts`, values are taken and the log begun anew from them."""
    log, out, values = GroupLog(0, "g/0", MODEL), list[bytes](), dict[str, bytes]()
    for offset, event in enumerate(story):
        key = GROUP if isinstance(event, e.GroupEvent) else ""
        out += [encode(output.value) for output in log.fold(event, key, offset, event.occurred_at)]
        cut = 1.0 if cuts is None else cuts.random()
        if cut < 0.3:
            values |= log.take_changed()
        if cut < 0.1:
            own, log = log.partition_value(), GroupLog(0, "g/0", MODEL)
            log.restore(own, values)
    return out, values | log.take_changed()


@settings(max_examples=30, deadline=None)
@given(stories(), st.integers(0, 2**32))
def test_values_and_outputs_do_not_tell_who_was_awake(story: list[e.Event], seed: int) -> None:
    told, values = fold(story, None)
    with resting():
        assert fold(story, random.Random(seed)) == (told, values)
