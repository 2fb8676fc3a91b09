"""Groups of nothing but advertising: what is an ad, who sends them, and both edges of each threshold."""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import events as e
from streams.vitals.ads import SENDERS, TEXTS, AdShare
from streams.vitals.insights import PostResponse, ProbeReport
from streams.vitals.partition import GroupLog
from streams.vitals.policy import DAY_MS, HOUR_MS, Policy
from streams.vitals.rows import GroupVitals
from tests.unit.test_group_fold import COMMON, MODEL, START, run, state_of, tick, with_ticks

POLICY = Policy()
_TOLD = {**COMMON, "source": None}


def said(hours: float, member: str, role: e.Role = "member", links: int | None = 0, **fields: Any) -> e.Message:
    at = START + round(HOUR_MS * hours)
    return e.Message(
        event_id=f"{at}/{member}", occurred_at=at, member_id=member, role=role, links=links, **_TOLD, **fields
    )


def closed(*events: Any, days: int = 28) -> tuple[AdShare, GroupVitals]:
    ordered = sorted(events, key=lambda one: one.occurred_at)
    ticks = [tick(START + day * DAY_MS, None) for day in range(1, days + 1)]
    log, rows = run(sorted([*ticks, *ordered], key=lambda one: one.occurred_at // DAY_MS))
    vitals = [row for row in rows if isinstance(row, GroupVitals)]
    return state_of(log).ads.now, vitals[-1]


def linked(count: int, members: int = 1, every: float = 12, role: e.Role = "member") -> list[e.Message]:
    return [said(every * n, f"ad_{n % members}", role, links=1) for n in range(count)]


def pasted(count: int, members: int, texts: int, every: float = 12, **fields: Any) -> list[e.Message]:
    """Sellers, each in turn, with one of a few texts."""
    return [said(every * n, f"seller_{n % members}", text_hash=n % texts, **fields) for n in range(count)]


def talk(count: int, first: float = 6.0, every: float = 12) -> list[e.Message]:
    return [said(first + every * n, f"m_{n % 5}") for n in range(count)]


def test_every_number_of_ads() -> None:
    """Ten links of one, six repeats of a text of another who says it first too, four words of others, one an answer."""
    repeats = [said(5 + 24 * n, "ad_b", text_hash=7) for n in range(7)]
    answer = said(12.5, "m_1")
    share, row = closed(*linked(10), *repeats, *talk(3, 7), answer, said(30, "x", links=None))
    assert share == AdShare(ads=16, share=16 / 21, senders=2, repeats=6, links=10, answered=1, is_ad_only=False)
    assert (row.ad_messages_28d, row.ad_share_28d, row.ad_senders_28d, row.is_ad_only) == (16, 16 / 21, 2, False)


@pytest.mark.parametrize(
    ("events", "is_only"),
    [
        (linked(14), True),
        (linked(13), False),  # too quiet
        (linked(40) + talk(10), True),
        (linked(40) + talk(11), False),  # below four fifths
        (linked(40, members=3), True),
        (linked(40, members=4), False),  # many share links: it is what the group is about
        (pasted(40, 4, texts=3, links=1), True),  # several sell, and the same again and again
        (pasted(40, 20, texts=3, links=1), True),
        (pasted(40, 20, texts=20, links=1), False),  # a text that comes after ten days is none that comes again
        (pasted(20, 20, texts=3, links=1) + linked(14, members=7, every=13), True),
        (pasted(20, 20, texts=3, links=1) + linked(15, members=7, every=13), False),  # more than half come once
        (pasted(40, 20, texts=3, links=0), False),  # a roll call
        (pasted(40, 4, texts=3, links=1) + [said(12 * n + 0.5, "m_1") for n in range(5)], False),  # read by somebody
        (linked(20, role="staff") + linked(20, role="bot"), True),
        (linked(40) + [said(12 * n + 0.5, "m_1") for n in range(4)], True),
        (linked(40) + [said(12 * n + 0.5, "m_1") for n in range(5)], False),  # somebody reads them
        (linked(40) + [said(12 * n + 1.1, "m_1") for n in range(5)], True),  # after an hour it is no answer
        (linked(40) + [said(12 * n + 0.5, "ad_0") for n in range(5)], True),  # nobody answers himself
        ([said(12 * n, "ad_0", links=None) for n in range(40)], False),  # nobody saw a text
    ],
)
def test_both_edges_of_ad_only(events: list[e.Message], is_only: bool) -> None:
    share, row = closed(*events)
    assert share.is_ad_only is row.is_ad_only is is_only


def test_of_a_group_whose_texts_nobody_sees_nothing_is_known_but_by_posts() -> None:
    silent, row = closed(*[said(12 * n, "s_1", "staff", links=None) for n in range(20)])
    assert (silent.share, row.ad_share_28d) == (None, None)
    posts = [
        e.Post(event_id=f"p{n}", occurred_at=START + 12 * n * HOUR_MS + 500, content_class="ads", **_TOLD)
        for n in range(17)
    ]
    share, row = closed(*posts, *[said(12 * n, "s_1", "staff", links=None) for n in range(20)])
    assert (share.ads, share.share, row.is_ad_only) == (17, 17 / 20, True)


def test_a_text_of_last_week_is_a_repeat_and_an_older_one_is_not() -> None:
    share, _ = closed(said(0, "a", text_hash=1), said(7 * 24, "b", text_hash=1), said(15 * 24, "c", text_hash=1))
    assert share.repeats == 1


def test_ads_leave_the_window() -> None:
    assert closed(*linked(14, every=1), days=35)[0].ads == 0
    assert closed(*linked(14, every=1), days=28)[0].is_ad_only


def test_staff_that_speaks_to_itself_is_a_monologue() -> None:
    staff = [said(12 * n, "s_1", "staff") for n in range(16)]
    assert closed(*staff, *talk(4))[1].is_monologue
    assert not closed(*staff, *talk(5))[1].is_monologue  # below four fifths
    crowd = [said(27 * 24 + n, f"m_{n}") for n in range(2)]
    assert not closed(*staff, *crowd)[1].is_monologue  # two speak in the last week


@pytest.mark.parametrize(("messages", "goes_on"), [(18, True), (17, False)])
def test_a_monologue_is_not_over_by_one_evening_of_a_few(messages: int, goes_on: bool) -> None:
    evening = [said(27 * 24 + n, f"m_{n}") for n in range(2)]
    alone = [said(12 * n, "s_1", "staff") for n in range(messages)]
    assert closed(*alone, *evening)[1].is_monologue is goes_on  # of 20 messages 18 are nine in ten
    crowd = [said(day * 24 + n, f"m_{n}") for day in (1, 8, 15, 22) for n in range(2)]
    many = [said(7 * n, "s_1", "staff") for n in range(90)]
    assert not closed(*many, *crowd)[1].is_monologue, "two speak every week: it never began"


def test_texts_and_senders_are_bounded() -> None:
    rng = random.Random(1)
    flood = [said(n / 1000, f"ad_{rng.randrange(500)}", links=1, text_hash=rng.randrange(10**6)) for n in range(5_000)]
    log, _ = run([*flood, tick(START + 7 * DAY_MS, None)])
    ads = state_of(log).ads
    assert len(ads.texts) < TEXTS + 17
    assert max(map(len, ads.counts.values())) <= SENDERS + 7
    assert ads.now.senders > 100, "beyond the known ones each message is of somebody else"
    assert len(msgspec.msgpack.encode(ads)) < 2_000


def test_a_dead_group_of_ads_says_so_and_its_verdict_is_what_it_was() -> None:
    """Six people talk for 70 days; then a bot is alone for 40."""
    talkers = [said(24 * day + 2 * n, f"m_{n}") for day in range(70) for n in range(6)]
    adverts = [said(24 * day + 1, "b_1", "bot", links=1) for day in range(70, 110)]
    unseen = [msgspec.structs.replace(one, links=None) for one in [*talkers, *adverts]]
    (_, row), (_, blind) = closed(*talkers, *adverts, days=112), closed(*unseen, days=112)
    assert [reason.code for reason in row.reasons] == ["no_message", "ad_only", "speakers_falling"]
    assert row.reasons[1].numbers == {"share": 1.0, "senders": 1.0}
    assert [reason.code for reason in blind.reasons] == ["no_message", "speakers_falling"]
    assert (row.verdict, row.risk, row.verdict_since) == (blind.verdict, blind.risk, blind.verdict_since)


# --- all of it under redelivery ----------------------------------------------------------------------------------


@st.composite
def busy_histories(draw: st.DrawFn) -> list[e.GroupEvent]:
    """Everything that talk, posts, benefits and newcomers do to a group, over 50 days, in order of time."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    made: list[e.GroupEvent] = []
    for n in range(1, draw(st.integers(20, 250)) + 1):
        at = (
            START + rng.randrange(50 * DAY_MS)
            if rng.random() < 0.7
            else START + 20 * DAY_MS + rng.randrange(3 * HOUR_MS)
        )
        member = f"m_{rng.randrange(9)}"
        common = {"event_id": f"e/{n}", "occurred_at": at, "source_seq": n, **COMMON}
        seen = {"links": rng.choice((None, 0, 1)), "text_hash": rng.choice((None, 1, 2))}
        makers: list[Any] = [
            lambda: e.Message(member_id=member, reply_to=f"e/{rng.randrange(1, 200)}", **seen, **common),  # noqa: B023
            lambda: e.Message(member_id=member, **seen, **common),  # noqa: B023
            lambda: e.Message(member_id="s_1", role="staff", mentions=(f"m_{rng.randrange(9)}",), **seen, **common),  # noqa: B023
            lambda: e.Join(member_id=member, **common),  # noqa: B023
            lambda: e.Leave(member_id=member, **common),  # noqa: B023
            lambda: e.Benefit(benefit_id=f"b{rng.randrange(12)}", amount=100, **common),  # noqa: B023
            lambda: e.Claim(member_id=member, benefit_id=rng.choice((None, f"b{rng.randrange(12)}")), **common),  # noqa: B023
            lambda: e.Post(content_class=rng.choice(("ads", "activate")), **common),  # noqa: B023
            lambda: e.Recall(target=f"e/{rng.randrange(1, 200)}", **common),  # noqa: B023
        ]
        made.append(rng.choice(makers)())
    return sorted(made, key=lambda event: (event.occurred_at, event.event_id))


def insights(rows: list[Any]) -> dict[tuple[Any, ...], Any]:
    """What is told, by the keys of its tables: a row told again replaces itself."""
    told = {}
    for row in rows:
        if isinstance(row, GroupVitals):
            told["vitals", row.at] = row
        elif isinstance(row, ProbeReport):
            told["probe", row.benefit_id, row.sent_at, row.windows] = row
        elif isinstance(row, PostResponse):
            told["post", row.post_id] = row
    return told


@given(busy_histories(), st.data())
@settings(max_examples=40, deadline=None)
def test_a_restart_anywhere_gives_the_same_bytes_and_rows(events: list[e.GroupEvent], data: st.DataObject) -> None:
    log_events = with_ticks(events, 62)
    undisturbed, rows = run(log_events)
    cut = data.draw(st.integers(0, len(log_events)))
    flushed_to = data.draw(st.integers(0, cut))
    early, sent = run(log_events[:flushed_to])
    position, values = early.partition_value(), early.take_changed()
    sent += run(log_events[flushed_to:cut], early, flushed_to)[1]
    values |= early.take_changed()
    again = GroupLog(0, "groups/chat-events/0/t", MODEL)
    again.restore(position, values)
    sent += run(log_events[flushed_to:], again, flushed_to)[1]
    assert values | again.take_changed() == undisturbed.take_changed()
    assert insights(sent) == insights(rows)


@given(busy_histories(), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_same_events_again_change_no_number(events: list[e.GroupEvent], rng: random.Random) -> None:
    """A second import: equal events on later offsets, anywhere behind their first."""
    twice: list[e.GroupEvent] = []
    for event in events:
        twice.append(event)
        if rng.random() < 0.3:
            twice.append(rng.choice(twice))
    alone, doubled = (run(with_ticks(list(of), 62))[1] for of in (events, twice))

    def plain(rows: list[Any]) -> dict[tuple[Any, ...], Any]:
        return {key: msgspec.structs.replace(row, source_offset=0) for key, row in insights(rows).items()}

    assert plain(doubled) == plain(alone)
