"""The fold against a naive count, under redelivery, duplicates, late events and any cut into values."""

import random
from collections import Counter
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import events as e
from streams import models
from streams.vitals.engagement import windows
from streams.vitals.group import apply
from streams.vitals.partition import GroupLog
from streams.vitals.policy import DAY_MS, HOUR_MS, Policy
from streams.vitals.rows import GroupVitals, MemberVitals
from streams.vitals.state import GroupState
from streams.vitals.talk import REMEMBERED_MESSAGES

MODEL = models.load()

POLICY = Policy()
START = 19_800 * DAY_MS
GROUP = "acme/irc/tea"
COMMON: dict[str, Any] = {"brand_id": "acme", "platform": "irc", "group_id": GROUP, "source": "irc/acme"}


def message(n: int, at: int, member: str = "m_a", **more: Any) -> e.Message:
    return e.Message(event_id=f"m/{n}", occurred_at=at, member_id=member, source_seq=n, **COMMON, **more)


def tick(at: int, source: str | None = "irc/acme") -> e.Tick:
    return e.Tick(event_id=f"tick/{source}/{at}", occurred_at=at, brand_id="*", platform="*", source=source)


def run(events: list[e.Event], log: GroupLog | None = None, start: int = 0) -> tuple[GroupLog, list[Any]]:
    log = log or GroupLog(0, "groups/chat-events/0/t", MODEL)
    rows: list[Any] = []
    for offset, event in enumerate(events, start):
        key = event.group_id if isinstance(event, e.GroupEvent) else ""
        rows += [output.value for output in log.fold(event, key, offset, 0)]
    return log, rows


def vitals(rows: list[Any]) -> list[GroupVitals]:
    return [row for row in rows if isinstance(row, GroupVitals)]


def state_of(log: GroupLog) -> GroupState:
    return next(iter(log.groups()))


# --- against a naive count ---------------------------------------------------------------------------


@st.composite
def histories(draw: st.DrawFn) -> list[e.GroupEvent]:
    """Messages, staff messages, joins, leaves and recalls of one group over 50 days, in order of time."""
    seed = draw(st.integers(0, 2**32))
    rng = random.Random(seed)
    events: list[e.GroupEvent] = []
    for n in range(1, draw(st.integers(1, 250)) + 1):
        at = START + rng.randrange(50 * DAY_MS)
        member = f"m_{rng.randrange(9)}"
        kind = rng.random()
        common = {"event_id": f"e/{n}", "occurred_at": at, "source_seq": n, **COMMON}
        if kind < 0.7:
            events.append(e.Message(member_id=member, **common))
        elif kind < 0.8:
            events.append(e.Message(member_id="s_1", role="staff", **common))
        elif kind < 0.9:
            events.append(e.Join(member_id=member, **common))
        else:
            reason = rng.choice(["left", "kicked", "unknown"])
            events.append(e.Leave(member_id=member, reason=reason, **common))
    return sorted(events, key=lambda event: (event.occurred_at, event.event_id))


def naive(events: list[e.GroupEvent], at: int) -> dict[str, Any]:
    """The windows counted from the list of events, without any state."""
    last_day = (at - 1) // DAY_MS
    talk = [x for x in events if isinstance(x, e.Message) and x.role == "member"]

    def days(n: int, found: list[Any]) -> list[Any]:
        return [x for x in found if last_day - n < x.occurred_at // DAY_MS <= last_day]

    daily = Counter((x.member_id, x.occurred_at // DAY_MS) for x in days(28, talk))
    before = [x.occurred_at for x in talk if x.occurred_at < at]
    return {
        "messages_1d": len(days(1, talk)),
        "messages_7d": len(days(7, talk)),
        "messages_28d": len(days(28, talk)),
        "staff_messages_28d": len(days(28, [x for x in events if isinstance(x, e.Message) and x.role == "staff"])),
        "speakers_1d": len({x.member_id for x in days(1, talk)}),
        "speakers_7d": len({x.member_id for x in days(7, talk)}),
        "speakers_28d": len({x.member_id for x in days(28, talk)}),
        "active_days_28d": len({x.occurred_at // DAY_MS for x in days(28, talk)}),
        "capped_messages_28d": sum(min(count, POLICY.capped_messages) for count in daily.values()),
        "joins_28d": len(days(28, [x for x in events if isinstance(x, e.Join)])),
        "leaves_28d": len(days(28, [x for x in events if isinstance(x, e.Leave)])),
        "kicked_28d": len(days(28, [x for x in events if isinstance(x, e.Leave) and x.reason == "kicked"])),
        "silent_hours": (at - max(before)) / HOUR_MS if before else None,
    }


@given(histories(), st.integers(1, 50))
def test_windows_equal_a_naive_count(events: list[e.GroupEvent], day: int) -> None:
    log, _ = run(list(events))
    at = START + day * DAY_MS
    seen = windows(state_of(log), at)
    expected = naive(events, at)
    assert {name: getattr(seen, name) for name in expected} == expected


@given(histories(), st.randoms(use_true_random=False), st.integers(1, 50))
def test_order_and_duplicates_change_no_count(events: list[e.GroupEvent], rng: random.Random, day: int) -> None:
    shuffled = events + rng.choices(events, k=len(events) // 3)
    rng.shuffle(shuffled)
    at = START + day * DAY_MS
    seen = windows(state_of(run(list(shuffled))[0]), at)
    expected = naive(events, at)
    assert {name: getattr(seen, name) for name in expected} == expected


def with_ticks(events: list[e.GroupEvent], days: int) -> list[e.Event]:
    ticks = [tick(START + day * DAY_MS) for day in range(1, days + 1)]
    return sorted([*ticks, *events], key=lambda x: (x.occurred_at, isinstance(x, e.GroupEvent)))


@given(histories())
def test_each_day_closes_with_the_numbers_of_that_day(events: list[e.GroupEvent]) -> None:
    _, rows = run(with_ticks(events, 51))
    closed = vitals(rows)
    assert closed
    assert [row.at for row in closed] == sorted({row.at for row in closed})
    assert closed[-1].at == START + 51 * DAY_MS
    for row in closed:
        expected = naive(events, row.at)
        assert {name: getattr(row, name) for name in expected} == expected


@given(histories(), st.data())
def test_a_restart_anywhere_gives_the_same_bytes_and_rows(events: list[e.GroupEvent], data: st.DataObject) -> None:
    """Restored from the values of one flush and fed again from an earlier offset, the log ends the same."""
    log_events = with_ticks(events, 51)
    undisturbed, rows = run(log_events)
    cut = data.draw(st.integers(0, len(log_events)))
    flushed_to = data.draw(st.integers(0, cut))
    early, sent = run(log_events[:flushed_to])
    position, values = early.partition_value(), early.take_changed()
    sent += run(log_events[flushed_to:cut], early, flushed_to)[1]
    values |= early.take_changed()  # the values got out, the position did not
    again = GroupLog(0, "groups/chat-events/0/t", MODEL)
    again.restore(position, values)
    sent += run(log_events[flushed_to:], again, flushed_to)[1]
    assert values | again.take_changed() == undisturbed.take_changed()
    assert again.partition_value() == undisturbed.partition_value()
    assert {(row.group_id, row.at): row for row in vitals(sent)} == {
        (row.group_id, row.at): row for row in vitals(rows)
    }


# --- recall ------------------------------------------------------------------------------------------


def recall(n: int, target: str, at: int) -> e.Recall:
    return e.Recall(event_id=f"r/{n}", occurred_at=at, target=target, source_seq=n, **COMMON)


@given(histories(), st.randoms(use_true_random=False))
def test_recalled_messages_were_never_said(events: list[e.GroupEvent], rng: random.Random) -> None:
    recent = [x for x in events if isinstance(x, e.Message)]
    gone = set(rng.sample([x.event_id for x in recent], k=len(recent) // 4))
    recalls = [recall(1000 + n, target, START + 50 * DAY_MS) for n, target in enumerate(sorted(gone))]
    at = START + 51 * DAY_MS
    seen = windows(state_of(run([*events, *recalls])[0]), at)
    expected = naive([x for x in events if x.event_id not in gone], at)
    del expected["silent_hours"]  # exact while the messages before are remembered, tested below
    assert {name: getattr(seen, name) for name in expected} == expected


def test_a_recall_before_its_message_takes_it_back_too() -> None:
    state = GroupState(GROUP, "acme", "irc")
    apply(state, recall(2, "m/1", START), POLICY)
    apply(state, message(1, START), POLICY)
    assert (state.messages, state.unknown_recalls) == (0, 1)


def test_silence_goes_back_to_the_message_before_the_recalled_one() -> None:
    log, _ = run([message(1, START), message(2, START + HOUR_MS, "m_b"), recall(3, "m/2", START + 2 * HOUR_MS)])
    assert windows(state_of(log), START + 3 * HOUR_MS).silent_hours == 3


@given(st.data())
def test_a_recall_takes_back_what_was_said_in_the_role_of_then(data: st.DataObject) -> None:
    roles = st.sampled_from(["member", "staff", "bot", "system"])
    said = data.draw(st.lists(st.tuples(st.sampled_from("ab"), roles, st.integers(0, 47)), min_size=1, max_size=12))
    events: list[e.Event] = [
        message(n, START + hour * HOUR_MS, f"m_{who}", role=role) for n, (who, role, hour) in enumerate(said, 1)
    ]
    gone = data.draw(st.sets(st.integers(1, len(said))))
    recalls = [recall(100 + n, f"m/{n}", START + 2 * DAY_MS) for n in sorted(gone)]
    state = state_of(run(events + recalls)[0])
    left = [(who, role) for n, (who, role, _) in enumerate(said, 1) if n not in gone]
    seen = windows(state, START + 2 * DAY_MS)
    counts = Counter(role for _, role in left)
    assert (state.messages, seen.messages_28d, seen.staff_messages_28d) == (
        counts["member"], counts["member"], counts["staff"],
    )  # fmt: skip
    assert seen.speakers_28d == len({who for who, role in left if role == "member"})
    assert 0 <= (seen.answered_share_28d or 0) <= 1


def test_recalls_of_messages_that_nobody_sent_take_no_room() -> None:
    state = GroupState(GROUP, "acme", "irc")
    for n in range(1, 2 * REMEMBERED_MESSAGES):
        apply(state, recall(n, f"m/{n}", START), POLICY)
    assert len(state.remembered) < 1.5 * REMEMBERED_MESSAGES


# --- time --------------------------------------------------------------------------------------------


def test_silence_is_judged_only_as_far_as_the_source_is_complete() -> None:
    complete = e.SourceComplete(
        event_id="c", occurred_at=START + DAY_MS, brand_id="acme", platform="irc", source="irc/acme",
        complete_until=START + DAY_MS, is_live=True,
    )  # fmt: skip
    _, rows = run([message(1, START), complete, tick(START + DAY_MS + HOUR_MS, None)])
    assert vitals(rows)[-1].silent_hours == 24
    _, rows = run([message(1, START), complete, tick(START + 3 * DAY_MS + HOUR_MS, None)])
    stale = vitals(rows)[-1]
    assert (stale.verdict, stale.silent_hours) == ("stale", 24)
    assert stale.reasons[0].code == "blind"


def test_an_import_never_goes_stale_and_live_ticks_leave_it_alone() -> None:
    days = [tick(START + day * DAY_MS) for day in range(1, 4)]
    log, rows = run([message(1, START), *days])
    assert len(vitals(rows)) == 3
    _, later = run([tick(START + 900 * DAY_MS + n * HOUR_MS, None) for n in range(5)], log, 10)
    assert vitals(later) == []


def complete(at: int, *, is_live: bool = True) -> e.SourceComplete:
    return e.SourceComplete(
        event_id=f"c/{at}", occurred_at=at, brand_id="acme", platform="irc", source="irc/acme",
        complete_until=at, is_live=is_live,
    )  # fmt: skip


def test_a_live_source_is_not_blind_while_its_backlog_comes_in() -> None:
    now = START + 90 * DAY_MS
    log, _ = run([message(1, START)])
    log.fold(complete(START + DAY_MS), "", 1, now)
    rows = [output.value for output in log.fold(tick(now + HOUR_MS, None), "", 2, now + HOUR_MS)]
    assert {row.verdict for row in vitals(rows)} == {"forming"}
    assert max(row.at for row in vitals(rows)) == START + DAY_MS
    at = now + 13 * HOUR_MS
    rows = [output.value for output in log.fold(tick(at, None), "", 3, at)]
    assert [(row.verdict, row.verdict_since, row.at) for row in vitals(rows)] == [("stale", START + DAY_MS, at)]


def test_a_tick_of_the_backlog_itself_sees_that_its_source_went_blind() -> None:
    _, rows = run([message(1, START), complete(START + DAY_MS), tick(START + 2 * DAY_MS)])
    assert vitals(rows)[-1].verdict == "stale"


def test_an_older_export_of_a_live_source_does_not_hide_that_it_went_blind() -> None:
    days = [complete(START + 9 * DAY_MS), complete(START + 3 * DAY_MS, is_live=False)]
    _, rows = run([message(1, START), *days, tick(START + 11 * DAY_MS, None)])
    assert vitals(rows)[-1].verdict == "stale"
    _, rows = run(
        [message(1, START), *days, complete(START + 10 * DAY_MS, is_live=False), tick(START + 12 * DAY_MS, None)]
    )
    assert vitals(rows)[-1].verdict == "forming", "the end of a connector is said by a later one"


def test_money_that_comes_after_the_end_of_an_import_is_told_in_its_last_row() -> None:
    log, _ = run([message(1, START), complete(START + DAY_MS, is_live=False), tick(START + DAY_MS)])
    later = [tick(START + 9 * DAY_MS + n * 60_000, None) for n in range(3)]
    paid = order(2, START, 500, source="attribution/purchases/0/x")
    _, rows = run([later[0], paid, *later[1:]], log, 3)
    assert [(row.at, row.orders_28d, row.revenue_28d) for row in vitals(rows)] == [(START + DAY_MS, 1, 500)]


def test_live_rows_tell_news_at_once_and_a_quiet_hour_without_touching_the_value() -> None:
    free = {k: v for k, v in COMMON.items() if k != "source"}
    first = e.Message(event_id="x", occurred_at=START + 1, member_id="m_a", **free)
    log, rows = run([first, tick(START + 60_000, None), tick(START + 120_000, None)])
    assert [row.at for row in vitals(rows)] == [START + 60_000]
    log.take_changed()
    _, rows = run([tick(START + HOUR_MS, None), tick(START + HOUR_MS + 60_000, None)], log, 3)
    assert [row.at for row in vitals(rows)] == [START + HOUR_MS]
    assert log.take_changed() == {}


def test_a_late_event_changes_later_rows_only() -> None:
    log, rows = run([message(5, START), tick(START + DAY_MS), tick(START + 2 * DAY_MS)])
    assert [row.messages_7d for row in vitals(rows)] == [1, 1]
    _, later = run([message(4, START + 1), tick(START + 2 * DAY_MS), tick(START + 3 * DAY_MS)], log, 3)
    assert [(row.at, row.messages_7d) for row in vitals(later)] == [(START + 3 * DAY_MS, 2)]


def test_events_beyond_every_pane_are_counted_as_late() -> None:
    log, _ = run([message(5, START), tick(START + DAY_MS), message(4, START - 500 * DAY_MS)])
    state = state_of(log)
    assert (state.late, state.messages, len(state.panes)) == (1, 2, 1)


# --- members -----------------------------------------------------------------------------------------


def join(n: int, at: int, member: str, role: e.Role = "member") -> e.Join:
    return e.Join(event_id=f"j/{n}", occurred_at=at, member_id=member, role=role, source_seq=n, **COMMON)


def leave(n: int, at: int, member: str, reason: e.LeaveReason = "left") -> e.Leave:
    return e.Leave(event_id=f"l/{n}", occurred_at=at, member_id=member, reason=reason, source_seq=n, **COMMON)


def test_presence_is_what_the_latest_event_says_not_the_last_to_arrive() -> None:
    log, _ = run([leave(2, START + 10, "m_a"), join(1, START, "m_a"), join(3, START + 5, "m_b")])
    assert state_of(log).ledger.members == 1


def test_a_roster_reconciles_lost_joins_and_leaves() -> None:
    roster = e.Roster(
        event_id="ro", occurred_at=START + 9, members=("m_b", "m_c"), staff=("s_1",), bots=("bot",), source_seq=9,
        **COMMON,
    )  # fmt: skip
    log, told = run([join(1, START, "m_a"), join(2, START, "m_b"), roster, join(10, START + 10, "m_d")])
    moves = [(touch.kind, touch.member_id) for touch in told]
    assert moves == [("join", "m_a"), ("join", "m_b"), ("join", "m_c"), ("leave", "m_a"), ("join", "m_d")]
    assert (state_of(log).ledger.members, state_of(log).ledger.staff) == (3, 1)


def test_member_rows_are_those_who_spoke_on_the_day() -> None:
    _, rows = run(
        [join(1, START, "m_quiet"), message(2, START, "m_a"), message(3, START + 1, "m_a"), tick(START + DAY_MS)]
    )
    spoke = [(row.member_id, row.day, row.messages) for row in rows if isinstance(row, MemberVitals)]
    assert spoke == [("m_a", START, 2)]


def test_newcomers_who_spoke_within_a_week() -> None:
    log, _ = run([join(1, START, "m_a"), join(2, START, "m_b"), message(3, START + 6 * DAY_MS, "m_a"),
                  message(4, START + 8 * DAY_MS, "m_b")])  # fmt: skip
    assert windows(state_of(log), START + 9 * DAY_MS).newcomer_spoke_share == 0.5


def test_answered_by_another_person_within_the_hour() -> None:
    log, _ = run([
        message(1, START), message(2, START + 1), message(3, START + 60_000, "m_b"),
        message(4, START + 3 * HOUR_MS, "m_a"), message(5, START + 5 * HOUR_MS, "s_1", role="staff"),
    ])  # fmt: skip
    assert windows(state_of(log), START + DAY_MS).answered_share_28d == 2 / 4


# --- money, names, ends ------------------------------------------------------------------------------


def order(n: int, at: int, amount: int, **more: Any) -> e.OrderAttributed:
    fields = {
        "customer_id": "m_a",
        "order_id": f"o/{n}",
        "weight": 1.0,
        "rule": "last_touch",
        "currency": "CNY",
        **more,
    }
    return e.OrderAttributed(event_id=f"oa/{n}", occurred_at=at, amount=amount, source_seq=n, **{**COMMON, **fields})


def test_orders_refunds_and_buyers_in_the_groups_currency() -> None:
    log, _ = run([
        order(1, START, 500), order(2, START, 300, customer_id="m_b"), order(3, START, -100, refund_id="r"),
        order(4, START, 9, currency="USD"), order(5, START, 0, customer_id="m_c", weight=0.0, is_first_touch=True),
    ])  # fmt: skip
    seen = windows(state_of(log), START + DAY_MS)
    assert (seen.orders_28d, seen.buyers_28d, seen.revenue_28d) == (3, 2, 700)
    assert state_of(log).other_currency_orders == 1


def test_an_order_that_is_taken_back_was_none_of_the_group() -> None:
    """Who bought is learnt later: neither orders nor buyers nor money of it are left, here and of the member."""
    joined = e.Join(event_id="j", occurred_at=START, member_id="m_a", source_seq=1, **COMMON)
    given = [
        order(2, START + 1, 500, member_id="m_a", customer_id="x"),
        order(3, START + 2, 300, member_id="m_a", customer_id="x"),
        order(4, START + 3, 9, currency="USD", customer_id="x"),
        order(5, START + 4, 700, customer_id="y"),
    ]
    back = [
        order(6, START + 1, -500, member_id="m_a", customer_id="x", reverses="oa/2"),
        order(7, START + 3, -9, currency="USD", customer_id="x", reverses="oa/4"),
        order(8, START + 4, -700, customer_id="y", reverses="oa/5"),
    ]
    state = state_of(run([joined, *given, *back])[0])
    seen = windows(state, START + DAY_MS)
    assert (seen.orders_28d, seen.buyers_28d, seen.revenue_28d, state.other_currency_orders) == (1, 1, 300, 0)
    trade = state.ledger.by_id["m_a"].trade
    assert trade is not None
    assert (trade.orders, trade.spent, trade.first_order_at, trade.bought_at) == (1, 300, START + 2, (START + 2,))


def test_a_reversal_of_what_never_was_leaves_no_negative_count() -> None:
    state = state_of(run([order(1, START, -500, reverses="oa/0")])[0])
    seen = windows(state, START + DAY_MS)
    assert (seen.orders_28d, seen.buyers_28d, seen.revenue_28d) == (0, 0, -500)


def test_unattributed_orders_make_no_group() -> None:
    log, _ = run([order(1, START, 500, rule="unattributed", group_id=e.unattributed_group("acme"))])
    assert list(log.groups()) == []


def test_a_rename_is_no_new_group_and_a_planned_end_no_death() -> None:
    created = e.GroupCreated(event_id="g", occurred_at=START, name="Tea", planned_end_at=START + DAY_MS, **COMMON)
    renamed = e.GroupRenamed(event_id="n", occurred_at=START + 1, name="Tea 茶", **COMMON)
    _, rows = run([created, renamed, message(3, START), tick(START + DAY_MS), tick(START + 2 * DAY_MS)])
    last = vitals(rows)[-1]
    assert (last.name, last.verdict, last.reasons[0].code) == ("Tea 茶", "ended", "planned_end")


def test_who_muted_is_counted_anew_with_a_full_list() -> None:
    """A value that an older version stored has no count; who the list no longer names has muted nothing."""
    mutes = [e.Mute(event_id=f"u/{n}", occurred_at=START + n, member_id=f"m_{n}", source_seq=n, **COMMON)
             for n in (1, 2, 3)]  # fmt: skip
    log, _ = run(mutes)
    state_of(log).muted = 0
    roster = e.Roster(event_id="r", occurred_at=START + 10, members=["m_1", "m_2"], source_seq=10, **COMMON)
    run([roster], log, 3)
    assert state_of(log).muted == 2
    run([e.Unmute(event_id="u/4", occurred_at=START + 11, member_id="m_1", source_seq=11, **COMMON)], log, 4)
    assert state_of(log).muted == 1


# --- stored bytes ------------------------------------------------------------------------------------


def test_a_value_stored_by_an_older_version_is_read() -> None:
    """Values are arrays: one that lacks the fields appended since takes their defaults."""
    full = msgspec.msgpack.decode(msgspec.msgpack.encode(GroupState(GROUP, "acme", "irc", 7, "Tea")))
    for stored_fields in (5, 12, len(full)):
        old = msgspec.msgpack.encode(full[:stored_fields])
        state = msgspec.msgpack.decode(old, type=GroupState)
        assert (state.group_id, state.offset, state.name) == (GROUP, 7, "Tea")


@settings(max_examples=20)
@given(histories())
def test_equal_folds_store_equal_bytes_whatever_the_flushes(events: list[e.GroupEvent]) -> None:
    log_events = with_ticks(events, 51)
    once, _ = run(log_events)
    again = GroupLog(0, "groups/chat-events/0/t", MODEL)
    values: dict[str, bytes] = {}
    position: bytes | None = None
    for start in range(0, len(log_events), 17):
        again = GroupLog(0, "groups/chat-events/0/t", MODEL)
        again.restore(position, values)
        run(log_events[start : start + 17], again, start)
        values |= again.take_changed()
        position = again.partition_value()
    assert values == once.take_changed()


def test_days_before_the_first_message_are_no_life_though_they_close_after_it() -> None:
    """A connector catches up: a month of days closes at one tick. A restart must not change the risk either."""
    joined = e.Join(event_id="j", occurred_at=START, member_id="m_a", source_seq=1, **COMMON)
    said = [message(10 + day, START + (20 + day) * DAY_MS) for day in range(10)]
    log, _ = run([joined, *said, tick(START + 30 * DAY_MS)])
    assert state_of(log).assessment.watched_days == 10
    again = GroupLog(0, "groups/chat-events/0/t", MODEL)
    again.restore(log.partition_value(), log.take_changed())
    later = [tick(START + 31 * DAY_MS)]
    assert run(later, log, 12)[1] == run(later, again, 12)[1]
